package expr

import "cloudsql/storage/types"

// Values that are computed once an execution, and only if something asks for them: subqueries without outer columns.
// Folding leaves them alone, so that IF(1, 5, (SELECT …)) does not run what it does not need.

// NewOnce builds an expression over a value that eval computes, and remembers, when it is first asked for. It is like a
// literal to what it is compared with.
func NewOnce(name string, t types.Type, eval func(env *Env) (types.Value, error)) Expr {
	d := *customDef
	d.name, d.class, d.once = name, NeedsSession, true
	return &Call{def: &d, name: customDef.name, typ: t, coll: t.Collation, deriv: derivImplicit, ev: evalCustom,
		custom: func(env *Env, _ []types.Value) (types.Value, error) { return eval(env) }}
}

// alwaysEvaluated tells whether a function evaluates its i-th argument whatever the others are.
func (c *Call) alwaysEvaluated(i int) bool {
	switch c.name {
	case "if", "case", "coalesce", "ifnull", "nullif", "and", "or", "elt":
		return i == 0
	}
	return true
}

// MayNotAsk tells whether evaluating e may do without a value of NewOnce that is in it.
func MayNotAsk(e Expr) bool { return asksFor(e, false) }

func asksFor(e Expr, unsure bool) bool {
	c, ok := e.(*Call)
	if !ok {
		return false
	}
	if c.def.once {
		return unsure
	}
	for i, a := range c.args {
		if asksFor(a, unsure || !c.alwaysEvaluated(i)) {
			return true
		}
	}
	return false
}

// Answer asks for all values of NewOnce in e and puts constants in their places, for who can't ask.
func Answer(e Expr, env *Env) (Expr, error) {
	var err error
	e = Rewrite(e, func(x Expr) Expr {
		c, ok := x.(*Call)
		if !ok || !c.def.once || err != nil {
			return x
		}
		var v types.Value
		if v, err = c.Eval(env, nil); err != nil {
			return x
		}
		return &Const{Val: v, Typ: c.typ, deriv: c.deriv + 1}
	})
	return e, err
}
