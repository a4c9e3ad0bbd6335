package expr

import "cloudsql/storage/types"

// IS tests, in def.op.
const (
	opIsTrue = iota
	opIsNotTrue
	opIsFalse
	opIsNotFalse
)

var logicDefs = []def{
	{name: "and", alias: []string{"&&"}, min: 2, max: -1, infix: "and", typ: typeBool, tests: true, rewrite: flatten("and"), cond: testAnd},
	{name: "or", alias: []string{"||"}, min: 2, max: -1, infix: "or", typ: typeBool, tests: true, rewrite: flatten("or"), cond: testOr},
	{name: "xor", min: 2, max: 2, infix: "xor", typ: typeBool, tests: true, f2: func(_ *Call, env *Env, a, b types.Value) (types.Value, error) {
		return types.Bool(truth(a, env) != truth(b, env)), nil
	}},
	{name: "not", alias: []string{"!"}, min: 1, max: 1, typ: typeBool, tests: true,
		cond:   testNot,
		render: func(c *Call) string { return "(not " + c.args[0].String() + ")" }},
	{name: "is null", alias: []string{"isnull", "is unknown"}, min: 1, max: 1, typ: typeBool, cond: testIsNull,
		render: func(c *Call) string { return "(" + c.args[0].String() + " is null)" }},
	{name: "is not null", alias: []string{"is not unknown"}, min: 1, max: 1, typ: typeBool, cond: testIsNotNull,
		render: func(c *Call) string { return "(" + c.args[0].String() + " is not null)" }},
	{name: "is true", min: 1, max: 1, op: opIsTrue, typ: typeBool, ev: evalIsTruth, render: renderIs},
	{name: "is not true", min: 1, max: 1, op: opIsNotTrue, typ: typeBool, ev: evalIsTruth, render: renderIs},
	{name: "is false", min: 1, max: 1, op: opIsFalse, typ: typeBool, ev: evalIsTruth, render: renderIs},
	{name: "is not false", min: 1, max: 1, op: opIsNotFalse, typ: typeBool, ev: evalIsTruth, render: renderIs},
	{name: "in", min: 2, max: -1, typ: typeIn, prep: prepIn, render: renderIn},
	{name: "not in", min: 2, max: -1, rewrite: negated("in")},
}

// choices are functions whose result may be TRUE or FALSE but is a number to what makes a difference, as in MySQL.
var choices = map[string]bool{
	"if": true, "ifnull": true, "coalesce": true, "nullif": true, "case": true, "greatest": true, "least": true, "any_value": true,
	"@": true, ":=": true, "@@": true,
}

// isBoolean tells whether e is TRUE, FALSE or a predicate.
func isBoolean(e Expr) bool {
	if !hasBooleanType(e) {
		return false
	}
	switch e := e.(type) {
	case *Call:
		return !choices[e.name] && !digits[e.name]
	case *Column:
		return false
	}
	return true
}

// digits are functions that give a number of one digit, which is no truth value.
var digits = map[string]bool{"dayofweek": true, "weekday": true, "benchmark": true, "get_lock": true, "release_lock": true, "is_free_lock": true}

func hasBooleanType(e Expr) bool {
	t := e.Type()
	return t.Class() == types.ClassInt && t.ID == types.TypeBool.ID && t.Length == types.TypeBool.Length
}

// truths are the calls that are 1, 0 or NULL: AND and OR may stand for their only operand where it is one of these.
var truths = map[string]bool{
	"and": true, "or": true, "xor": true, "not": true, "=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true, "<=>": true,
	"in": true, "like": true, "between": true, "is null": true, "is not null": true, "is true": true, "is not true": true,
	"is false": true, "is not false": true,
}

func typeBool(c *Call) error { c.typ = types.TypeBool; return nil }

// flatten makes a AND b AND c one node of three arguments: shallow trees, and terms that the planner can take one by
// one.
func flatten(name string) func([]Expr) (Expr, error) {
	return func(args []Expr) (Expr, error) {
		nested := false
		for _, a := range args {
			if c, ok := a.(*Call); ok && c.name == name {
				nested = true
			}
		}
		if !nested {
			return nil, nil
		}
		var flat []Expr
		for _, a := range args {
			if c, ok := a.(*Call); ok && c.name == name {
				flat = append(flat, c.args...)
			} else {
				flat = append(flat, a)
			}
		}
		return New(name, flat...)
	}
}

// truth is a non-null value as a condition.
func truth(v types.Value, env *Env) bool {
	if v.Kind() == types.KindInt {
		return v.Int() != 0
	}
	return v.ToBool(env.Warn)
}

// tri is the outcome of a condition.
type tri int8

const (
	triNull  tri = -1
	triFalse tri = 0
	triTrue  tri = 1
)

func triOf(b bool) tri {
	if b {
		return triTrue
	}
	return triFalse
}

// test decides e as a condition.
func test(e Expr, env *Env, row []types.Value) (tri, error) {
	if c, ok := e.(*Call); ok && c.cond != nil {
		return c.cond(c, env, row)
	}
	v, err := eval(e, env, row)
	if err != nil || v.IsNull() {
		return triNull, err
	}
	return triOf(truth(v, env)), nil
}

// evalCond makes a value of a condition's outcome.
func evalCond(c *Call, env *Env, row []types.Value) (types.Value, error) {
	t, err := c.cond(c, env, row)
	if err != nil || t == triNull {
		return types.Null, err
	}
	return types.Int(int64(t)), nil
}

func testAnd(c *Call, env *Env, row []types.Value) (tri, error) {
	r := triTrue
	for _, a := range c.args {
		switch t, err := test(a, env, row); {
		case err != nil:
			return triNull, err
		case t == triFalse:
			return triFalse, nil
		case t == triNull:
			r = triNull
		}
	}
	return r, nil
}

func testOr(c *Call, env *Env, row []types.Value) (tri, error) {
	r := triFalse
	for _, a := range c.args {
		switch t, err := test(a, env, row); {
		case err != nil:
			return triNull, err
		case t == triTrue:
			return triTrue, nil
		case t == triNull:
			r = triNull
		}
	}
	return r, nil
}

func testNot(c *Call, env *Env, row []types.Value) (tri, error) {
	t, err := test(c.args[0], env, row)
	if err != nil || t == triNull {
		return triNull, err
	}
	return 1 - t, nil
}

func testIsNull(c *Call, env *Env, row []types.Value) (tri, error) {
	v, err := eval(c.args[0], env, row)
	return triOf(v.IsNull()), err
}

func testIsNotNull(c *Call, env *Env, row []types.Value) (tri, error) {
	v, err := eval(c.args[0], env, row)
	return triOf(!v.IsNull()), err
}

func evalIsTruth(c *Call, env *Env, row []types.Value) (types.Value, error) {
	v, err := eval(c.args[0], env, row)
	if err != nil {
		return types.Null, err
	}
	isTrue := !v.IsNull() && truth(v, env)
	isFalse := !v.IsNull() && !isTrue
	switch c.op {
	case opIsTrue:
		return types.Bool(isTrue), nil
	case opIsNotTrue:
		return types.Bool(!isTrue), nil
	case opIsFalse:
		return types.Bool(isFalse), nil
	}
	return types.Bool(!isFalse), nil
}

func renderIs(c *Call) string { return "(" + c.args[0].String() + " " + c.name + ")" }

// Terms are the operands of an AND, or e alone.
func Terms(e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.name == "and" {
		return c.args
	}
	return []Expr{e}
}

// Term decides one of the operands of an AND after the other: whether it holds, and whether it ends the matter. Behind one that is NULL,
// the others are still to be decided.
func Term(e Expr, env *Env, row []types.Value) (holds, ends bool, err error) {
	t, err := test(e, env, row)
	return t == triTrue, t == triFalse, err
}

// Truth evaluates e as a condition: NULL and 0 are false.
func Truth(e Expr, env *Env, row []types.Value) (bool, error) {
	t, err := test(e, env, row)
	return t == triTrue, err
}
