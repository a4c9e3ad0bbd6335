package expr

import (
	"math/rand/v2"
	"testing"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// IN is the OR of its equalities: short lists of text, which are compared one by one, and longer ones, which are sets.
func TestInIsOr(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	texts := []string{"", " ", "a", "A", "a ", "ä", "ae", "ß", "ss", "MAIL", "mail", "\x00", "a\x00", "日本", "🙂"}
	for _, name := range []string{"utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_0900_as_cs", "latin1_swedish_ci", "binary"} {
		coll, ok := collation.ByName(name)
		if !ok {
			t.Fatal(name)
		}
		typ := types.TypeString
		typ.Collation = coll
		draw := func() types.Value {
			if r.IntN(9) == 0 {
				return types.Null
			}
			return types.Str(texts[r.IntN(len(texts))])
		}
		for range 400 {
			col := &Column{Typ: typ, Name: "c"}
			args, ors := []Expr{col}, []Expr(nil)
			for range 1 + r.IntN(2*inSetMin) {
				k := &Const{Val: draw(), Typ: typ}
				eq, err := New("=", col, k)
				if err != nil {
					t.Fatal(err)
				}
				args, ors = append(args, k), append(ors, eq)
			}
			in, err := New("in", args...)
			if err != nil {
				t.Fatal(err)
			}
			or := ors[0]
			if len(ors) > 1 {
				if or, err = New("or", ors...); err != nil {
					t.Fatal(err)
				}
			}
			row := []types.Value{draw()}
			got, err := in.Eval(&Env{}, row)
			if err != nil {
				t.Fatal(err)
			}
			want, err := or.Eval(&Env{}, row)
			if err != nil {
				t.Fatal(err)
			}
			if got.IsNull() != want.IsNull() || !got.IsNull() && got.Int() != want.Int() {
				t.Fatalf("%s: %s of %s is %s, the equalities say %s", name, in, row[0].Text(), got.Text(), want.Text())
			}
		}
	}
}
