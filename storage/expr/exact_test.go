package expr

import (
	"math/rand/v2"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/types"
)

// Sums and products of exact numbers are the same in the short way and in the general one, and so are their sums over rows and the
// comparisons with constants.
func TestExactIsArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	env := &Env{Mode: *types.DefaultMode()}
	for range 3000 {
		row := make([]types.Value, 4)
		cols := make([]Expr, len(row))
		for i := range row {
			typ := types.Type{ID: mysql.TypeNewDecimal, Length: 15, Decimals: r.IntN(4)}
			row[i] = types.DecSmall(anyNumber(r), typ.Decimals)
			switch r.IntN(8) {
			case 0:
				row[i] = types.Null
			case 1: // as a computed value may be
				row[i] = types.DecSmall(anyNumber(r), typ.Decimals+1)
			case 2:
				row[i], _, _ = types.ParseDecimal([]byte("-12345678901234567890.12"))
			case 3, 4:
				typ, row[i] = types.TypeInt, types.Int(anyNumber(r))
			}
			cols[i] = &Column{Index: i, Typ: typ}
		}
		e := randomArithmetic(r, cols, 3)
		quick, err := e.Eval(env, row)
		general, generalErr := withoutExact(e).Eval(env, row)
		if (err != nil) != (generalErr != nil) || err == nil && !types.Identical(quick, general) {
			t.Fatalf("%s over %v: %s, %v; in the general way %s, %v", e, row, quick.Text(), err, general.Text(), generalErr)
		}
		if err != nil {
			continue
		}
		sums := [2]string{}
		for i, e := range []Expr{e, withoutExact(e)} {
			a, err := NewAgg("sum", false, []Expr{e})
			if err != nil {
				t.Fatal(err)
			}
			s := a.NewState()
			for range 3 {
				if err := s.Add(env, row); err != nil {
					t.Fatal(err)
				}
			}
			v, err := s.Result(env)
			if err != nil {
				t.Fatal(err)
			}
			sums[i] = v.Text()
		}
		if sums[0] != sums[1] {
			t.Fatalf("SUM(%s) over %v: %s; in the general way %s", e, row, sums[0], sums[1])
		}
		k := types.DecSmall(anyNumber(r), r.IntN(4))
		for _, op := range []string{"=", "<>", "<", "<=", ">", ">=", "<=>"} {
			c, err := New(op, cols[0], &Const{Val: k, Typ: types.Type{ID: mysql.TypeNewDecimal, Length: 15, Decimals: k.Scale()}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Eval(env, row)
			if err != nil {
				t.Fatal(err)
			}
			want := types.Int(0)
			switch {
			case row[0].IsNull() && op != "<=>":
				want = types.Null
			case !row[0].IsNull():
				want = types.Bool(holds(c.(*Call).op, types.Compare(row[0], k, 0)))
			}
			if !types.Identical(got, want) {
				t.Fatalf("%s of %s: %s", c, row[0].Text(), got.Text())
			}
		}
	}
}

// anyNumber is small, or so large that products have too many digits.
func anyNumber(r *rand.Rand) int64 { return (r.Int64() >> (r.UintN(63) + 1)) * (1 - 2*r.Int64N(2)) }

func randomArithmetic(r *rand.Rand, cols []Expr, depth int) Expr {
	switch n := r.IntN(6); {
	case n == 0:
		return NewInt(anyNumber(r))
	case depth == 0 || n == 1:
		return cols[r.IntN(len(cols))]
	}
	e, err := New([]string{"+", "-", "*"}[r.IntN(3)], randomArithmetic(r, cols, depth-1), randomArithmetic(r, cols, depth-1))
	if err != nil {
		panic(err)
	}
	return e
}

// withoutExact is e computed in the general way only.
func withoutExact(e Expr) Expr {
	c, ok := e.(*Call)
	if !ok {
		return e
	}
	n := *c
	n.args = make([]Expr, len(c.args))
	for i, a := range c.args {
		n.args[i] = withoutExact(a)
	}
	if n.exact != nil {
		n.exact, n.ev = nil, evalStrict2
	}
	return &n
}
