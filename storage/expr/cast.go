package expr

import (
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// castToLength is CAST(e AS CHAR(n)) with an n that max_allowed_packet may forbid: the value is NULL then, however short
// the text is. The type alone doesn't tell that from a length that was worked out.
const castToLength = "cast to length"

// cast and collate carry what they need in Call.typ; New does not build them, NewCast and NewCollate do.
var castDefs = []def{
	{name: "cast", min: 1, max: 1, typ: notByName, f1: evalCast, render: renderCast},
	{name: castToLength, min: 1, max: 1, since: version.V2, typ: notByName, f1: evalCastToLength, render: renderCast},
	{name: "collate", min: 1, max: 1, typ: notByName, f1: evalCollate,
		render: func(c *Call) string { return "(" + c.args[0].String() + " collate " + c.coll.Name() + ")" }},
	{name: "binary", min: 1, max: 1, rewrite: func(a []Expr) (Expr, error) {
		return NewCast(a[0], types.TypeBytes), nil
	}},
	// convert using(e, 'charset') is CONVERT(e USING charset).
	{name: "convert using", min: 2, max: 2, rewrite: convertUsing, typ: typeConvertUsing, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		return replaceUTF8(c, c.text(0, a[0])), nil
	}, render: func(c *Call) string {
		return "convert(" + c.args[0].String() + " using " + c.typ.Collation.Charset() + ")"
	}},
}

func notByName(c *Call) error { return unknownFunction(c.name) }

func newCast(e Expr, t types.Type) Expr {
	if t.Class() == types.ClassString && t.Length < 0 {
		t.Length = charLen(e.Type())
		if t.Length >= 0 && t.Collation == collation.Binary && e.Type().Collation != collation.Binary {
			t.Length *= e.Type().Collation.MaxBytes()
		}
	}
	if isNumberClass(t.Class()) && !(t.Class() == types.ClassInt && isTimeText(e)) { // CAST AS SIGNED reads the text
		e = asNumber(e)
	}
	if !t.Collation.Valid() {
		t.Collation = collation.Binary
	}
	if t.Class() == types.ClassString {
		switch {
		case t.Collation == collation.Binary && hasCharset(e):
			e, _ = bytesOf(e)
		case !t.Collation.KeepsUTF8() && isBytes(e):
			e, _ = textFrom(e, t.Collation)
		}
	}
	c := &Call{def: registry["cast"], name: "cast", args: []Expr{e}, typ: t, coll: t.Collation, deriv: derivImplicit}
	o := originOf(e)
	c.ascii = o.ascii
	c.prepare()
	return c
}

// newCastTo builds a cast that a statement spells out.
func newCastTo(e Expr, t types.Type) Expr {
	cast := newCast(e, t)
	c, ok := cast.(*Call)
	if !ok || t.Class() != types.ClassString {
		return cast
	}
	c.ascii = isASCIISet(c.typ.Collation)
	if t.Length > smallResult {
		c.def, c.name = registry[castToLength], castToLength
		c.prepare()
	}
	return cast
}

func evalCastToLength(c *Call, env *Env, v types.Value) (types.Value, error) {
	if c.typ.Length > env.maxPacket() {
		return tooLong(c, env)
	}
	return evalCast(c, env, v)
}

func evalCast(c *Call, env *Env, v types.Value) (types.Value, error) {
	src := c.args[0].Type()
	switch c.typ.Class() {
	case types.ClassDate, types.ClassDatetime:
		if v.Kind() == types.KindTime {
			v = timeAsDatetime(env, v)
		}
	case types.ClassString:
		if c.typ.ID == mysql.TypeString && c.typ.Length > env.maxPacket() && !env.Mode.Legacy {
			return tooLong(c, env) // BINARY(n) would be filled up
		}
		// The text of a number is that of its expression's type: CAST(1/3 AS CHAR) is 0.3333.
		if k := v.Kind(); k != types.KindString && k != types.KindBytes {
			v = types.String(textOf(v, src))
		}
	case types.ClassJSON:
		return castToJSON(c, env, v)
	case types.ClassFloat, types.ClassInt, types.ClassDecimal:
		if v.Kind() == types.KindJSON {
			return castJSON(c, env, v)
		}
	}
	return conversion.Cast(v, &c.typ, &env.Mode, env.Warn), nil
}

func renderCast(c *Call) string {
	return "cast(" + c.args[0].String() + " as " + castName(&c.typ) + ")"
}

func castName(t *types.Type) string {
	switch t.Class() {
	case types.ClassInt:
		switch {
		case t.ID == mysql.TypeYear:
			return "year"
		case t.Unsigned:
			return "unsigned"
		}
		return "signed"
	case types.ClassFloat:
		return "double"
	case types.ClassDecimal:
		return "decimal(" + itoa(t.Length) + "," + itoa(t.Decimals) + ")"
	case types.ClassDate:
		return "date"
	case types.ClassDatetime:
		return withFsp("datetime", t.Decimals)
	case types.ClassTime:
		return withFsp("time", t.Decimals)
	case types.ClassJSON:
		return "json"
	}
	name := "char"
	if t.Collation == collation.Binary {
		name = "binary"
	}
	if t.Length >= 0 {
		name += "(" + itoa(t.Length) + ")"
	}
	return name
}

func withFsp(name string, fsp int) string {
	if fsp > 0 {
		return name + "(" + itoa(fsp) + ")"
	}
	return name
}

func newCollate(e Expr, coll collation.ID) (Expr, error) {
	o := originOf(e)
	if o.coll.Charset() != coll.Charset() && o.deriv < derivNumeric {
		return nil, mysqlerr.New(mysqlerr.CollationCharsetMismatch, coll.Name(), o.coll.Charset())
	}
	if coll.Unsorted() {
		return nil, Unsorted(coll)
	}
	c := &Call{def: registry["collate"], name: "collate", args: []Expr{e}, coll: coll, deriv: derivExplicit, ascii: o.ascii,
		typ: stringType(charLen(e.Type()), coll)}
	c.prepare()
	return c, nil
}

func evalCollate(c *Call, _ *Env, v types.Value) (types.Value, error) {
	return toStringKind(v, c.args[0].Type(), &c.typ), nil
}

func typeConvertUsing(c *Call) error {
	name, _ := c.constText(1)
	coll, ok := collation.DefaultOf(name)
	if !ok {
		return mysqlerr.New(mysqlerr.UnknownCharacterSet, name)
	}
	c.coll, c.deriv = coll, derivImplicit
	c.ascii = isASCIISet(coll)
	c.typ = stringType(charLen(c.args[0].Type()), coll)
	return nil
}

// replaceUTF8 keeps what c's character set can hold and puts ? for the rest. Strings are UTF-8 inside whatever their
// character set is.
func replaceUTF8(c *Call, b []byte) types.Value {
	limit := rune(utf8.MaxRune)
	switch c.typ.Collation.Charset() {
	case "binary":
		return types.Bytes(b)
	case "ascii":
		limit = 0x7f
	case "latin1":
		limit = 0xff
	case "utf8mb3", "utf8", "ucs2":
		limit = 0xffff
	}
	if isASCII(b) || limit == utf8.MaxRune && utf8.Valid(b) {
		return types.String(b)
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r > limit || r == utf8.RuneError && n == 1 {
			r = '?'
		}
		out, b = utf8.AppendRune(out, r), b[n:]
	}
	return types.String(out)
}
