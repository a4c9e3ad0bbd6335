package expr

import (
	"cmp"
	"slices"
	"strings"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Typing is what variables of a session say about calls that are built: it is part of what is built, and no evaluation asks for it.
// What MySQL's defaults make of a call travels as ever; what other values make of it is of class NeedsSession, so that it stays at the
// gateway or is folded there: a replica that applies it never has to know.
type Typing struct {
	DivIncrement int    // div_precision_increment
	WeekFormat   int    // default_week_format
	Locale       string // lc_time_names
	BlockMode    string // block_encryption_mode
	// NoUnsignedSub is NO_UNSIGNED_SUBTRACTION: a difference has a sign, whatever it is of. Its type says so, which travels with it.
	NoUnsignedSub bool
	// Collation is collation_connection (0: MySQL's default): that of text which functions make of what is no text.
	Collation collation.ID
	// Client is character_set_client where its bytes are not those of UTF-8, else 0: what literals behind introducers were written in.
	Client collation.ID
}

// Connection is collation_connection.
func (t *Typing) Connection() collation.ID {
	if t == nil || t.Collation == 0 {
		return collation.Default
	}
	return t.Collation
}

// DefaultDivIncrement is MySQL's div_precision_increment.
const DefaultDivIncrement = 4

// DefaultLocale is MySQL's lc_time_names.
const DefaultLocale = "en_US"

// inLocale are the functions with names of months and days, and what they are in another language.
var inLocale = map[string]string{"dayname": "dayname in", "monthname": "monthname in", "date_format": "date_format in"}

// New is New as the session types it; a nil Typing is MySQL's defaults.
func (t *Typing) New(name string, args ...Expr) (Expr, error) {
	switch {
	case (name == "extractvalue" || name == "updatexml") && hasXPathVariables(args):
		return New(inVariables[name], args...)
	case name == "weight_string" && len(args) == 4:
		return New(weightsOfLength, args...)
	case t == nil:
	case name == "/" && t.DivIncrement != DefaultDivIncrement:
		return New("/ to", append(slices.Clip(args), NewInt(int64(t.DivIncrement)))...)
	case name == "-" && len(args) == 2 && t.NoUnsignedSub:
		return signedDifference(args)
	case name == "week" && len(args) == 1 && t.WeekFormat != 0:
		return New("week", args[0], NewInt(int64(t.WeekFormat)))
	case inMode[name] != "" && (len(args) == 3 || cmp.Or(t.BlockMode, DefaultBlockMode) != DefaultBlockMode):
		return newInMode(name, cmp.Or(t.BlockMode, DefaultBlockMode), args)
	case t.Locale != DefaultLocale && inLocale[name] != "" && len(args) == 1+strings.Count(name, "_"):
		return New(inLocale[name], append(slices.Clip(args), NewStr(t.Locale))...)
	}
	e, err := New(name, args...)
	if c, ok := e.(*Call); ok && err == nil && c.connection && t != nil && t.Collation != 0 && t.Collation != collation.Default {
		return New("in collation", c, NewInt(int64(t.Collation)))
	}
	return e, err
}

// signedDifference is a difference of a type with a sign.
func signedDifference(args []Expr) (Expr, error) {
	e, err := New("-", args...)
	if c, ok := e.(*Call); ok && err == nil && c.typ.Unsigned {
		if c.typ.Unsigned = false; c.typ.Class() == types.ClassInt {
			c.typ.Length++
		}
	}
	return e, err
}

// Agg sets an aggregate's type as the session has it.
func (t *Typing) Agg(a *Agg) error {
	if t != nil && a.Name == "group_concat" && t.Collation.Valid() && ofNumbers(a.Args) {
		a.Typ.Collation = t.Collation
	}
	if t == nil || a.Name != "avg" || t.DivIncrement == DefaultDivIncrement {
		return nil
	}
	a.divIncrement, a.ownIncrement = t.DivIncrement, true
	return typeAvg(a)
}

// ofNumbers tells of arguments that are no text, of whatever collation.
func ofNumbers(args []Expr) bool {
	return !slices.ContainsFunc(args, func(a Expr) bool { return originOf(a).deriv < derivNumeric })
}

// increment is how many digits a quotient has more than the dividend.
func (c *Call) increment() int {
	if len(c.args) == 3 {
		if k, ok := c.args[2].(*Const); ok && k.Val.Kind() == types.KindInt {
			return int(min(max(k.Val.Int(), 0), maxScale))
		}
	}
	return DefaultDivIncrement
}

func (a *Agg) increment() int {
	if a.ownIncrement {
		return a.divIncrement
	}
	return DefaultDivIncrement
}

// typeInCollation is text in the connection's collation.
func typeInCollation(c *Call) error {
	coll := collation.ID(0)
	if k, ok := c.args[1].(*Const); ok && k.Val.Kind() == types.KindInt && k.Val.Int() == int64(uint16(k.Val.Int())) { //nolint:gosec // it fits
		coll = collation.ID(k.Val.Int()) //nolint:gosec // it fits
	}
	if !coll.Valid() {
		return mysqlerr.New(mysqlerr.WrongArguments, c.name)
	}
	c.typ, c.coll, c.deriv, c.ascii = *c.args[0].Type(), coll, derivCoercible, true
	c.typ.Collation = coll
	return nil
}

// localeDefs are the functions of inLocale, and others that a session's settings put in the place of what was written; none has a name that a statement can call.
var localeDefs = []def{
	{name: "in collation", min: 2, max: 2, since: version.V2, typ: typeInCollation, render: func(c *Call) string { return c.args[0].String() },
		fn: func(_ *Call, _ *Env, a []types.Value) (types.Value, error) { return a[0], nil }},
	{name: "/ to", min: 3, max: 3, class: NeedsSession, op: opDiv, typ: typeArith, render: renderDivTo,
		fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) { return evalArith(c, env, a[0], a[1]) }},
	{name: "dayname in", min: 2, max: 2, class: NeedsSession, usesNow: true, typ: typeLocale, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		d, ok := calendar(env, a[0])
		if !ok {
			return types.Null, nil
		}
		return c.str([]byte(localeOf(c, a).day(d, false))), nil
	}},
	{name: "monthname in", min: 2, max: 2, class: NeedsSession, usesNow: true, typ: typeLocale, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a[0])
		if !ok || d.Month == 0 {
			return types.Null, nil
		}
		return c.str([]byte(localeOf(c, a).month(d.Month, false))), nil
	}},
	{name: "date_format in", min: 3, max: 3, class: NeedsSession, usesNow: true, typ: typeFormat, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a[0])
		if !ok {
			return types.Null, nil
		}
		out, ok := d.formatIn(nil, string(c.text(1, a[1])), localeOf(c, a))
		if !ok {
			return types.Null, nil
		}
		return c.str(out), nil
	}},
}

// typeLocale is a name of a month or a day in any language.
func typeLocale(c *Call) error {
	c.typ = stringType(30, collation.Default)
	return nil
}

func renderDivTo(c *Call) string { return "(" + c.args[0].String() + " / " + c.args[1].String() + ")" }

// localeOf is the language of a call's last argument.
func localeOf(c *Call, a []types.Value) *Locale {
	last := len(a) - 1
	if l := FindLocale(string(c.text(last, a[last]))); l != nil {
		return l
	}
	return english()
}
