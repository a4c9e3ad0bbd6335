package scalar

import (
	"math"

	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Limit is LIMIT; its numbers are literals or parameters.
type Limit struct {
	Offset, Count expr.Expr // Offset may be nil
}

// FixedLimit is LIMIT n.
func FixedLimit(n uint64) *Limit {
	return &Limit{Count: &expr.Const{Val: types.Uint(n), Typ: types.TypeUint}}
}

// Eval gives the numbers of one execution: 1210, 1690.
func (l *Limit) Eval(env *expr.Env) (offset, count uint64, err error) {
	if count, err = limitNumber(l.Count, env); err != nil || l.Offset == nil {
		return 0, count, err
	}
	offset, err = limitNumber(l.Offset, env)
	return offset, count, err
}

// limitNumber is a number of one execution, by MySQL's rules for parameters there: an integer, or text, which is as much of an integer as it
// begins with (drivers send numbers so). Others are 1210, doubles among them, negative ones 1690.
func limitNumber(e expr.Expr, env *expr.Env) (uint64, error) {
	v, err := e.Eval(env, nil)
	if err != nil {
		return 0, err
	}
	if !IsLimit(v.Kind()) {
		return 0, mysqlerr.New(mysqlerr.WrongArguments, execute)
	}
	n, negative := v.ToUint(nil)
	if negative && v.Kind() != types.KindUint && v.ToFloat(nil) < 0 {
		return 0, mysqlerr.New(mysqlerr.DataOutOfRange, "signed integer", execute)
	}
	return n, nil
}

// IsLimit tells whether a parameter of a kind may stand in LIMIT.
func IsLimit(k types.Kind) bool {
	return k == types.KindInt || k == types.KindUint || k == types.KindString || k == types.KindBytes
}

// execute is what MySQL calls the command that brings parameters.
const execute = "mysqld_stmt_execute"

// Within is how many rows the first of a stream must be read: offset and count.
func (l *Limit) Within(env *expr.Env) (uint64, error) {
	offset, count, err := l.Eval(env)
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

// Estimate is how many of so many rows it leaves.
func (l *Limit) Estimate(rows float64) float64 {
	k, ok := l.Count.(*expr.Const)
	if !ok {
		return math.Min(rows, guessedLimit)
	}
	return math.Min(rows, k.Val.ToFloat(nil))
}

// String is the clause.
func (l *Limit) String() string {
	if l.Offset != nil {
		return "limit " + l.Count.String() + " offset " + l.Offset.String()
	}
	return "limit " + l.Count.String()
}
