package expr_test

import (
	"fmt"

	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// An expression is built bottom up, which gives it its type, and evaluated over rows. It travels as bytes.
func ExampleNew() {
	name := &expr.Column{Index: 1, Name: "name", Typ: types.Type{ID: types.TypeString.ID, Collation: collation.Default}}
	call, err := expr.New("concat", expr.NewStr("Hello, "), name)
	if err != nil {
		fmt.Println(err)
		return
	}
	env := &expr.Env{Mode: *types.DefaultMode()}
	v, err := call.Eval(env, []types.Value{types.Int(1), types.Str("Ada")})
	fmt.Println(v.Text(), err)

	_, err = expr.New("concat")
	fmt.Println(err)
	// Output:
	// Hello, Ada <nil>
	// ERROR 1582 (42000): Incorrect parameter count in the call to native function 'concat'
}
