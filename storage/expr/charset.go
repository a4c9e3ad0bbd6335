package expr

import (
	"slices"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Text is UTF-8 while it is evaluated, whatever its character set (decision 41). Where bytes are asked for, or bytes become text,
// the conversion is an operation of its own, put there when the tree is built: whoever counts, compares or hashes bytes knows no
// character sets, and text of the sets that are UTF-8 pays nothing.

// The operations have names that no statement can call.
const (
	inBytes   = "in bytes"       // text as the bytes of its character set
	fromBytes = "from bytes"     // (bytes, collation): as text of a character set; NULL with 1300 where they are none
	toCharset = "to charset"     // (text, collation): as text of another set, a question mark for what that lacks
	ordInSet  = "ord in charset" // ORD, whose number is of all bytes of the first character
)

var charsetDefs = []def{
	{name: inBytes, min: 1, max: 1, since: version.V2, typ: typeInBytes, render: renderFirst, f1: func(c *Call, _ *Env, v types.Value) (types.Value, error) {
		t := c.args[0].Type()
		return types.Bytes(t.Collation.Encode(textOf(v, t))), nil
	}},
	{name: fromBytes, min: 2, max: 2, since: version.V2, typ: typeToCharset, render: renderFirst, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		coll := c.typ.Collation
		text, bad := coll.DecodeStrict(c.text(0, a[0]))
		if bad >= 0 {
			raw := c.text(0, a[0])
			env.warn(mysqlerr.InvalidCharacterString, coll.Charset(), hexText(raw[min(bad, len(raw)):min(bad+6, len(raw))]))
			return types.Null, nil
		}
		return types.String(text), nil
	}},
	{name: toCharset, min: 2, max: 2, since: version.V2, typ: typeToCharset, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		return types.String(c.typ.Collation.Replace(c.text(0, a[0]))), nil
	}, render: func(c *Call) string {
		return "convert(" + c.args[0].String() + " using " + c.typ.Collation.Charset() + ")"
	}},
	{name: ordInSet, min: 1, max: 1, since: version.V2, typ: typeIntLen(21), render: func(c *Call) string { return "ord(" + c.args[0].String() + ")" },
		f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
			s := c.text(0, a)
			var n int64
			for _, b := range c.args[0].Type().Collation.Encode(s[:collation.CharsPrefix(s, 1)]) {
				n = n<<8 | int64(b)
			}
			return types.Int(n), nil
		}},
}

func renderFirst(c *Call) string { return c.args[0].String() }

func typeInBytes(c *Call) error {
	t := c.args[0].Type()
	n := charLen(t)
	if n >= 0 {
		n *= t.Collation.MaxBytes()
	}
	o := originOf(c.args[0])
	c.typ, c.coll, c.deriv, c.ascii = stringType(n, collation.Binary), collation.Binary, o.deriv, false
	return nil
}

// typeToCharset is text in the collation whose number is the second argument.
func typeToCharset(c *Call) error {
	coll := collation.ID(0)
	if k, ok := c.args[1].(*Const); ok && k.Val.Kind() == types.KindInt && k.Val.Int() == int64(uint16(k.Val.Int())) { //nolint:gosec // it fits
		coll = collation.ID(k.Val.Int()) //nolint:gosec // it fits
	}
	if !coll.Valid() {
		return mysqlerr.New(mysqlerr.WrongArguments, c.name)
	}
	n := charLen(c.args[0].Type())
	if n > 0 && c.name == fromBytes {
		n = (n + coll.MinBytes() - 1) / coll.MinBytes()
	}
	c.typ, c.coll, c.deriv, c.ascii = stringType(n, coll), coll, derivImplicit, originOf(c.args[0]).ascii
	return nil
}

// byteArgs are the arguments of functions that are wanted as bytes.
var byteArgs = map[string]places{
	"length": at(0), "bit_length": at(0), "hex": at(0), "ascii": at(0), "md5": at(0), "sha1": at(0), "sha2": at(0), "crc32": at(0),
	"compress": at(0), "uncompress": at(0), "uncompressed_length": at(0), "to_base64": at(0), "aes_encrypt": allArgs, "aes_decrypt": allArgs,
	"aes_encrypt in": allArgs, "aes_decrypt in": allArgs,
	"bin_to_uuid": at(0), "inet6_ntoa": at(0),
}

// isASCIISet tells whether the character set of coll holds nothing but ASCII. That is what counts of converted text, not what it was before.
func isASCIISet(coll collation.ID) bool { return coll.Charset() == "ascii" }

// hasCharset tells whether e is text of a set whose bytes are not those of UTF-8.
func hasCharset(e Expr) bool {
	t := e.Type()
	switch t.Class() {
	case types.ClassString, types.ClassEnum, types.ClassSet:
		return !t.Collation.KeepsUTF8()
	}
	return false
}

// bytesOf is e, which may be text, as bytes. A constant is one at once, so that indexes can be asked for it.
func bytesOf(e Expr) (Expr, error) {
	if !hasCharset(e) {
		return e, nil
	}
	if k, ok := e.(*Const); ok && !k.Val.IsNull() {
		b := k.Typ.Collation.Encode(textOf(k.Val, &k.Typ))
		return &Const{Val: types.Bytes(b), Typ: stringType(len(b), collation.Binary), deriv: k.deriv}, nil
	}
	return New(inBytes, e)
}

// allBytes is args with those at the given places as bytes, copied only where something changes.
func allBytes(args []Expr, which places) ([]Expr, error) {
	copied := false
	for i, a := range args {
		if !which.has(i) || !hasCharset(a) {
			continue
		}
		b, err := bytesOf(a)
		if err != nil {
			return nil, err
		}
		if !copied {
			args, copied = slices.Clone(args), true
		}
		args[i] = b
	}
	return args, nil
}

// textFrom is e, which is bytes, as text of coll's character set.
func textFrom(e Expr, coll collation.ID) (Expr, error) {
	if k, ok := e.(*Const); ok && !k.Val.IsNull() {
		if text, bad := coll.DecodeStrict(textOf(k.Val, &k.Typ)); bad < 0 {
			return &Const{Val: types.String(text), Typ: stringType(runeCount(text), coll), deriv: k.deriv}, nil
		}
	}
	return New(fromBytes, e, NewInt(int64(coll)))
}

// isBytes tells whether e is a binary string.
func isBytes(e Expr) bool {
	t := e.Type()
	return t.Class() == types.ClassString && t.Collation == collation.Binary
}

// reconcile makes c's arguments among those that a common collation was found for text of its set, or bytes, where one of
// these meets the other.
func reconcile(c *Call, from []Expr, coll collation.ID) error {
	var among map[Expr]bool // made where something may change: a call may have a million arguments
	for i, a := range c.args {
		toBytes := coll == collation.Binary && hasCharset(a)
		if !toBytes && (coll.KeepsUTF8() || !isBytes(a)) {
			continue
		}
		if among == nil {
			among = make(map[Expr]bool, len(from))
			for _, f := range from {
				among[f] = true
			}
			c.args = slices.Clone(c.args)
		}
		if !among[a] {
			continue
		}
		to, err := bytesOf(a)
		if !toBytes {
			to, err = textFrom(a, coll)
		}
		if err != nil {
			return err
		}
		c.args[i] = to
	}
	return nil
}

// merges tells whether all of args can be text of m's set: what is no constant only where none of it can be lost.
func merges(m strOrigin, args []Expr) bool {
	if m.coll == collation.Binary || isUnicode(m.coll) {
		return true
	}
	set := m.coll.Charset()
	for _, a := range args {
		o := originOf(a)
		if o.ascii || o.deriv >= derivNumeric || o.coll == collation.Binary || o.coll.Charset() == set {
			continue
		}
		switch a := a.(type) {
		case *Param:
			if a.deriv != derivUnset {
				return false
			}
		case *Const:
			if !m.has(a) {
				return false
			}
		case *Column:
			if a.of == nil || !m.has(a.of) {
				return false
			}
		case *Call:
			if k := folded(a); k == nil || !m.has(k) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// folded is the constant that e comes to without a session, the time and warnings; nil: none.
func folded(e Expr) *Const {
	k, _ := Fold(e, &Env{}).(*Const)
	return k
}

// has tells whether a constant can be text of m's set.
func (m strOrigin) has(k *Const) bool { return k.Val.IsNull() || m.coll.Has(textOf(k.Val, &k.Typ)) }

// Sortable is 1235 where e would be compared or sorted by an order that there is no table for.
func Sortable(e Expr) error {
	if t := e.Type(); isStringy(t) && t.Collation.Unsorted() {
		return Unsorted(t.Collation)
	}
	return nil
}

// Unsorted is what is said where a collation's order is wanted that there is no table for.
func Unsorted(c collation.ID) error {
	return mysqlerr.NotSupported("the order of collation " + c.Name())
}

// convertUsing is CONVERT(e USING set): only what V1 knows and has right is left to its operation.
func convertUsing(args []Expr) (Expr, error) {
	k, ok := args[1].(*Const)
	if !ok || k.Val.IsNull() {
		return nil, nil
	}
	coll, ok := collation.DefaultOf(string(textOf(k.Val, &k.Typ)))
	if !ok {
		return nil, nil
	}
	e := args[0]
	switch {
	case coll == collation.Binary:
		if !hasCharset(e) {
			return nil, nil
		}
		return bytesOf(e)
	case coll.KeepsUTF8():
		return nil, nil
	case isBytes(e):
		return New(fromBytes, e, NewInt(int64(coll)))
	}
	converted, err := New(toCharset, e, NewInt(int64(coll)))
	if c, ok := converted.(*Call); ok && err == nil {
		c.ascii = isASCIISet(coll)
	}
	return converted, err
}
