package expr

import (
	"slices"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Functions that choose one of their arguments.

const (
	opGreatest = iota
	opLeast
)

var controlDefs = []def{
	{name: "if", min: 3, max: 3, typ: func(c *Call) error { return typeChoice(c, c.args[1:]) }, ev: evalIf},
	{name: "ifnull", min: 2, max: 2, typ: func(c *Call) error { return typeChoice(c, c.args) }, ev: evalCoalesce},
	{name: "coalesce", min: 1, max: -1, typ: func(c *Call) error { return typeChoice(c, c.args) }, ev: evalCoalesce},
	{name: "nullif", min: 2, max: 2, rewrite: nullifOther, typ: typeNullif, ev: evalNullif},
	// case(when1, then1, when2, then2, … [, else]) is the searched form.
	{name: "case", min: 2, max: -1, typ: typeCase, ev: evalCase, render: renderCase},
	// case value(x, when1, then1, … [, else]) compares x with each.
	{name: "case value", min: 3, max: -1, rewrite: rewriteCaseValue},
	{name: "greatest", min: 2, max: -1, op: opGreatest, typ: typeExtreme, prep: prepExtreme, fn: evalExtreme},
	{name: "least", min: 2, max: -1, op: opLeast, typ: typeExtreme, prep: prepExtreme, fn: evalExtreme},
	{name: "interval", min: 2, max: -1, typ: func(c *Call) error { c.typ = intType(2, false); return nil }, ev: evalIntervalFn},
	{name: "any_value", min: 1, max: 1, typ: func(c *Call) error { return typeChoice(c, c.args) }, ev: evalCoalesce},
}

// typeChoice gives c the common type of the expressions that its value may come from.
func typeChoice(c *Call, from []Expr) error {
	c.typ = unify(from)
	if c.typ.Class() != types.ClassString {
		return nil
	}
	id := c.typ.ID
	length := c.typ.Length
	if err := c.setStringResult(length, from...); err != nil {
		return err
	}
	if isTextID(id) {
		c.typ.ID = id
	}
	return nil
}

// choose is args[i]'s value as one of c's type.
func (c *Call) choose(env *Env, e Expr, v types.Value) types.Value {
	return convert(env, v, e.Type(), &c.typ)
}

func evalIf(c *Call, env *Env, row []types.Value) (types.Value, error) {
	cond, err := test(c.args[0], env, row)
	if err != nil {
		return types.Null, err
	}
	e := c.args[2]
	if cond == triTrue {
		e = c.args[1]
	}
	v, err := eval(e, env, row)
	if err != nil {
		return types.Null, err
	}
	return c.choose(env, e, v), nil
}

func evalCoalesce(c *Call, env *Env, row []types.Value) (types.Value, error) {
	for _, a := range c.args {
		v, err := eval(a, env, row)
		if err != nil {
			return types.Null, err
		}
		if !v.IsNull() {
			return c.choose(env, a, v), nil
		}
	}
	return types.Null, nil
}

// nullifOther is NULLIF of something that is compared as another value than the one that it gives.
func nullifOther(args []Expr) (Expr, error) {
	a, b := args[0], args[1].Type().Class()
	if !isHex(a) && !isBoolean(a) || isHex(a) && !isNumberClass(b) || isBoolean(a) && b != types.ClassJSON {
		return nil, nil
	}
	equal, err := New("=", args...)
	if err != nil {
		return nil, err
	}
	return New("if", equal, NewNull(), a)
}

// typeNullif: the result is the first argument, the comparison is that of both.
func typeNullif(c *Call) error {
	if err := typeChoice(c, c.args[:1]); err != nil {
		return err
	}
	coll := c.coll
	c.args = booleansAsJSON(numbersBesideNumbers(c.args))
	if err := compareCollation(c); err != nil {
		return err
	}
	if c.coll == collation.Binary && coll != collation.Binary && isStringy(c.args[1].Type()) {
		return nil
	}
	return nil
}

func evalNullif(c *Call, env *Env, row []types.Value) (types.Value, error) {
	a, err := eval(c.args[0], env, row)
	if err != nil || a.IsNull() {
		return types.Null, err
	}
	b, err := eval(c.args[1], env, row)
	if err != nil {
		return types.Null, err
	}
	if !b.IsNull() {
		cmp, err := comparePair(env, c.args[0], c.args[1], a, b, c.coll)
		if err != nil || cmp == 0 {
			return types.Null, err
		}
	}
	return c.choose(env, c.args[0], a), nil
}

// caseResults are the THEN and ELSE arguments.
func caseResults(args []Expr) []Expr {
	var r []Expr
	for i := 1; i < len(args); i += 2 {
		r = append(r, args[i])
	}
	if len(args)%2 == 1 {
		r = append(r, args[len(args)-1])
	}
	return r
}

func typeCase(c *Call) error {
	c.args = slices.Clone(c.args)
	for i := 0; i+1 < len(c.args); i += 2 {
		c.args[i] = asNumber(c.args[i])
	}
	return typeChoice(c, caseResults(c.args))
}

func evalCase(c *Call, env *Env, row []types.Value) (types.Value, error) {
	n := len(c.args)
	for i := 0; i+1 < n; i += 2 {
		cond, err := test(c.args[i], env, row)
		if err != nil {
			return types.Null, err
		}
		if cond == triTrue {
			v, err := eval(c.args[i+1], env, row)
			if err != nil {
				return types.Null, err
			}
			return c.choose(env, c.args[i+1], v), nil
		}
	}
	if n%2 == 0 {
		return types.Null, nil
	}
	v, err := eval(c.args[n-1], env, row)
	if err != nil {
		return types.Null, err
	}
	return c.choose(env, c.args[n-1], v), nil
}

func rewriteCaseValue(args []Expr) (Expr, error) {
	if slices.ContainsFunc(args, isRow) {
		return nil, mysqlerr.New(mysqlerr.OperandColumns, 1)
	}
	out := make([]Expr, 0, len(args)-1)
	rest := args[1:]
	for i := 0; i+1 < len(rest); i += 2 {
		name := "="
		if isDateClass(args[0].Type().Class()) && isText(rest[i]) || isText(args[0]) && isDateClass(rest[i].Type().Class()) {
			name = "in" // which text that is no date is no error beside
		}
		x, when := args[0], rest[i]
		if isText(x) || isText(when) {
			x, when = documentText(x), documentText(when)
		}
		eq, err := New(name, x, when)
		if err != nil {
			return nil, err
		}
		out = append(out, eq, rest[i+1])
	}
	if len(rest)%2 == 1 {
		out = append(out, rest[len(rest)-1])
	}
	return New("case", out...)
}

// documentText is a JSON document as it is written: CASE compares one with text so, where = takes the text for a JSON string.
func documentText(e Expr) Expr {
	if e.Type().Class() != types.ClassJSON {
		return e
	}
	return NewCast(e, stringType(types.Unspecified, collation.UTF8MB4Bin))
}

func renderCase(c *Call) string {
	s := "case"
	n := len(c.args)
	for i := 0; i+1 < n; i += 2 {
		s += " when " + c.args[i].String() + " then " + c.args[i+1].String()
	}
	if n%2 == 1 {
		s += " else " + c.args[n-1].String()
	}
	return s + " end"
}

func typeExtreme(c *Call) error {
	if err := typeChoice(c, c.args); err != nil {
		return err
	}
	if c.typ.Class() != types.ClassString {
		return nil
	}
	if m := momentAmong(c); m != nil && m.Decimals > 0 {
		c.typ.Length = max(c.typ.Length, charLen(m))
	}
	_, err := mergeAll(c.name, true, c.args)
	return err
}

// momentAmong is the type that text is read as which GREATEST and LEAST have beside dates, nil where there are none: a DATETIME as
// precise as all arguments, where one is such, else a DATE.
func momentAmong(c *Call) *types.Type {
	if c.typ.Class() != types.ClassString {
		return nil
	}
	var found *types.Type
	fsp := 0
	for _, a := range c.args {
		t := a.Type()
		if isDateClass(t.Class()) && (found == nil || t.Class() == types.ClassDatetime) {
			found = t
		}
		fsp = max(fsp, fspOfExpr(a))
	}
	if found == nil || found.Class() == types.ClassDate {
		return found
	}
	t := datetimeType(fsp)
	return &t
}

func prepExtreme(c *Call) {
	if m := momentAmong(c); m != nil {
		c.aux = m
	}
}

func evalExtreme(c *Call, env *Env, a []types.Value) (types.Value, error) {
	if m, ok := c.aux.(*types.Type); ok && !env.Mode.Legacy {
		if v, ok := extremeMoment(c, env, a, m); ok {
			return v, nil
		}
	}
	best := c.choose(env, c.args[0], a[0])
	for i, v := range a[1:] {
		v = c.choose(env, c.args[i+1], v)
		if v.IsNull() || best.IsNull() {
			return types.Null, nil
		}
		cmp, err := compareValues(env, v, best, c.coll)
		if err != nil {
			return types.Null, err
		}
		if c.op == opGreatest && (cmp > 0 || cmp == 0 && !env.Mode.Legacy) || c.op == opLeast && cmp < 0 { // the last of what is the greatest
			best = v
		}
	}
	return best, nil
}

// extremeMoment is the text of the extreme of dates and of text, which is read as such; ok is false where that is the date 0, which text
// that is none counts as: then all are compared as text.
func extremeMoment(c *Call, env *Env, a []types.Value, m *types.Type) (v types.Value, ok bool) {
	best := types.Null
	for i, v := range a {
		if v.IsNull() {
			return types.Null, true
		}
		if !isTemporalKind(v.Kind()) {
			v = types.String(v.AppendText(nil, c.args[i].Type()))
		}
		if v = timeAsDatetime(env, v); v.IsNull() {
			v = types.Datetime(0, 0)
		}
		if cmp := types.Compare(v, best, collation.Binary); best.IsNull() || c.op == opGreatest && cmp > 0 || c.op == opLeast && cmp < 0 {
			best = v
		}
	}
	if best.Uint() == 0 {
		return types.Null, false
	}
	best = conversion.Cast(best, m, nil, nil)
	return c.str(best.AppendText(nil, m)), true
}

// evalIntervalFn is INTERVAL(n, n1, n2, …): how many of the ascending list are not above n; -1 for NULL.
func evalIntervalFn(c *Call, env *Env, row []types.Value) (types.Value, error) {
	arg, done, err := oneByOne(c, env, row)
	if err != nil {
		return types.Null, err
	}
	defer done()
	v, err := arg(0)
	if err != nil {
		return types.Null, err
	}
	if v.IsNull() {
		return types.Int(-1), nil
	}
	n := v.ToFloat(env.Warn)
	for i := 1; i < len(c.args); i++ {
		if v, err = arg(i); err != nil {
			return types.Null, err
		}
		if !v.IsNull() && v.ToFloat(env.Warn) > n {
			return types.Int(int64(i - 1)), nil
		}
	}
	return types.Int(int64(len(c.args) - 1)), nil
}
