package planner

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// limitSpec is LIMIT; its numbers are literals or parameters.
type limitSpec struct {
	offset, count expr.Expr // offset may be nil
}

// bindLimit binds a LIMIT clause; nil for none.
func (b *builder) bindLimit(l *ast.Limit) (*limitSpec, error) {
	if l == nil {
		return nil, nil
	}
	s := &limitSpec{}
	var err error
	binder := &bind.Binder{Env: b.ctx.Env, Clause: "limit clause"}
	if s.count, err = bind.Expr(binder, &bind.Scope{}, l.Count); err != nil {
		return nil, err
	}
	if l.Offset != nil {
		if s.offset, err = bind.Expr(binder, &bind.Scope{}, l.Offset); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// fixedLimit is LIMIT n.
func fixedLimit(n uint64) *limitSpec {
	return &limitSpec{count: &expr.Const{Val: types.Uint(n), Typ: types.TypeUint}}
}

// eval gives the numbers of one execution. Error 1210 for a parameter that is no such number.
func (l *limitSpec) eval(env *expr.Env) (offset, count uint64, err error) {
	if count, err = limitNumber(l.count, env); err != nil || l.offset == nil {
		return 0, count, err
	}
	offset, err = limitNumber(l.offset, env)
	return offset, count, err
}

func limitNumber(e expr.Expr, env *expr.Env) (uint64, error) {
	v, err := e.Eval(env, nil)
	if err != nil {
		return 0, err
	}
	switch v.Kind() {
	case types.KindUint:
		return v.Uint(), nil
	case types.KindInt:
		if v.Int() >= 0 {
			return uint64(v.Int()), nil
		}
	case types.KindString, types.KindBytes: // drivers that send all parameters as text
		if d, n, ok := types.ParseDecimal(v.Raw()); ok && n == len(v.Raw()) && d.Scale() == 0 {
			if u, clipped := d.ToUint(nil); !clipped {
				return u, nil
			}
		}
	}
	return 0, mysqlerr.New(mysql.ErrWrongArguments, "LIMIT")
}

// within is how many rows the first of a stream must be read: offset and count.
func (l *limitSpec) within(env *expr.Env) (uint64, error) {
	offset, count, err := l.eval(env)
	if err != nil {
		return 0, err
	}
	if offset > math.MaxUint64-count {
		return math.MaxUint64, nil
	}
	return offset + count, nil
}

// guessedLimit stands for a parameter when estimating.
const guessedLimit = 100

func (l *limitSpec) estimate(rows float64) float64 {
	k, ok := l.count.(*expr.Const)
	if !ok {
		return math.Min(rows, guessedLimit)
	}
	return math.Min(rows, k.Val.ToFloat(nil))
}

func (l *limitSpec) text() string {
	if l.offset != nil {
		return "limit " + l.count.String() + " offset " + l.offset.String()
	}
	return "limit " + l.count.String()
}
