package expr

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// maxResult is max_allowed_packet's default, in bytes.
const maxResult = 64 << 20

// maxPacket bounds what one function may build, in bytes. Beyond it the result is NULL with warning 1301.
func (env *Env) maxPacket() int {
	if env.MaxPacket > 0 {
		return env.MaxPacket
	}
	return maxResult
}

var stringDefs = []def{
	{name: "concat", min: 1, max: -1, typ: func(c *Call) error { return c.setStringResult(sumLen(c.args), c.args...) },
		prep: func(c *Call) {
			if len(c.args) == 2 {
				c.ev = evalStrict2
			}
		}, f2: concat2, fn: concatN},
	{name: "concat_ws", min: 2, max: -1, typ: typeConcatWS, needed: 1, lax: concatWS},
	{name: "length", alias: []string{"octet_length"}, min: 1, max: 1, typ: typeIntLen(10), f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		return types.Int(int64(len(c.text(0, a)))), nil
	}},
	{name: "bit_length", min: 1, max: 1, typ: typeIntLen(11), f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		return types.Int(int64(len(c.text(0, a))) * 8), nil
	}},
	{name: "char_length", alias: []string{"character_length"}, min: 1, max: 1, typ: typeIntLen(10),
		f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
			if a.Kind() == types.KindBytes {
				return types.Int(int64(len(a.Raw()))), nil
			}
			return types.Int(int64(runeCount(c.text(0, a)))), nil
		}},
	{name: "upper", alias: []string{"ucase"}, min: 1, max: 1, typ: sameText, f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		if c.typ.Collation == collation.Binary {
			return c.str(c.text(0, a)), nil
		}
		return c.str(c.typ.Collation.Upper(nil, c.text(0, a))), nil
	}},
	{name: "lower", alias: []string{"lcase"}, min: 1, max: 1, typ: sameText, f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		if c.typ.Collation == collation.Binary {
			return c.str(c.text(0, a)), nil
		}
		return c.str(c.typ.Collation.Lower(nil, c.text(0, a))), nil
	}},
	{name: "substring", alias: []string{"substr", "mid"}, min: 2, max: 3, typ: sameText, fn: substring},
	{name: "left", min: 2, max: 2, typ: typeLeft, f2: func(c *Call, env *Env, a, n types.Value) (types.Value, error) {
		s := c.text(0, a)
		k, _ := n.ToInt(env.Warn)
		return c.str(s[:c.offset(s, k)]), nil
	}},
	{name: "right", min: 2, max: 2, typ: typeLeft, f2: func(c *Call, env *Env, a, n types.Value) (types.Value, error) {
		s := c.text(0, a)
		k, _ := n.ToInt(env.Warn)
		if total := int64(c.chars(s)); k < total {
			return c.str(s[c.offset(s, total-max(k, 0)):]), nil
		}
		return c.str(s), nil
	}},
	// trim(s [, remove [, 'both' | 'leading' | 'trailing']])
	{name: "trim", min: 1, max: 3, typ: typeTrim, fn: trim, render: renderTrim},
	{name: "ltrim", min: 1, max: 1, typ: sameText, f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		return c.str(bytes.TrimLeft(c.text(0, a), " ")), nil
	}},
	{name: "rtrim", min: 1, max: 1, typ: sameText, f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		return c.str(bytes.TrimRight(c.text(0, a), " ")), nil
	}},
	{name: "lpad", charges: true, min: 3, max: 3, op: 0, typ: typePad, fn: pad},
	{name: "rpad", charges: true, min: 3, max: 3, op: 1, typ: typePad, fn: pad},
	{name: "replace", charges: true, min: 3, max: 3, typ: typeReplace, fn: replace},
	{name: "repeat", charges: true, min: 2, max: 2, typ: typeRepeat, f2: repeat},
	{name: "space", charges: true, min: 1, max: 1, typ: typeSpace, f1: func(c *Call, env *Env, n types.Value) (types.Value, error) {
		return repeatBytes(c, env, []byte(" "), n)
	}},
	{name: "reverse", min: 1, max: 1, typ: sameText, f1: reverse},
	{name: "instr", min: 2, max: 2, typ: typeLocate, f2: func(c *Call, env *Env, s, sub types.Value) (types.Value, error) {
		return c.locate(env, c.text(0, s), c.text(1, sub), 1)
	}},
	{name: "locate", alias: []string{"position"}, min: 2, max: 3, typ: typeLocate, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		pos := int64(1)
		if len(a) == 3 {
			pos, _ = a[2].ToInt(env.Warn)
		}
		return c.locate(env, c.text(1, a[1]), c.text(0, a[0]), pos)
	}},
	{name: "ascii", min: 1, max: 1, typ: typeIntLen(3), f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		if s := c.text(0, a); len(s) > 0 {
			return types.Int(int64(s[0])), nil
		}
		return types.Int(0), nil
	}},
	{name: "ord", min: 1, max: 1, rewrite: func(a []Expr) (Expr, error) {
		if !hasCharset(a[0]) {
			return nil, nil
		}
		return New(ordInSet, a[0])
	}, typ: typeIntLen(21), f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		s := c.text(0, a)
		if len(s) == 0 {
			return types.Int(0), nil
		}
		n := 1
		if a.Kind() != types.KindBytes {
			_, n = utf8.DecodeRune(s)
		}
		var r int64
		for _, b := range s[:n] {
			r = r<<8 | int64(b)
		}
		return types.Int(r), nil
	}},
	{name: "hex", min: 1, max: 1, typ: typeHex, f1: hexFn},
	{name: "unhex", min: 1, max: 1, typ: typeUnhex, f1: unhex},
	{name: "bin", min: 1, max: 1, op: 2, typ: typeDigits, f1: inBase},
	{name: "oct", min: 1, max: 1, op: 8, typ: typeDigits, f1: inBase},
	{name: "conv", min: 3, max: 3, rewrite: convLiteral, typ: typeDigits, fn: conv},
}

func typeIntLen(n int) func(*Call) error {
	return func(c *Call) error { c.typ = intType(n, false); return nil }
}

// typeASCII is a result in the connection's character set that holds plain ASCII.
func typeASCII(length int) func(*Call) error {
	return func(c *Call) error { c.setASCIIResult(length); return nil }
}

func (c *Call) setASCIIResult(length int) {
	c.coll, c.deriv, c.ascii, c.connection = collation.Default, derivCoercible, true, true
	c.typ = stringType(length, c.coll)
}

// sameText: the type of the first argument as a string.
func sameText(c *Call) error {
	return c.setStringResult(charLen(c.args[0].Type()), c.args[0])
}

// chars and offset count characters, or bytes of a binary result.
func (c *Call) chars(s []byte) int {
	if c.typ.Collation == collation.Binary {
		return len(s)
	}
	return runeCount(s)
}

func (c *Call) offset(s []byte, n int64) int {
	switch {
	case n <= 0:
		return 0
	case n >= int64(len(s)):
		return len(s)
	case c.typ.Collation == collation.Binary:
		return int(n)
	}
	return collation.CharsPrefix(s, int(n))
}

func tooLong(c *Call, env *Env) (types.Value, error) {
	name := c.name
	switch {
	case name != "cast" && name != castToLength:
	case c.typ.IsBinary():
		name = "cast_as_binary"
	default:
		name = "cast_as_char"
	}
	env.warnf(mysqlerr.WarnAllowedPacketOverflowed, "Result of %s() was larger than max_allowed_packet (%d) - truncated", name, env.maxPacket())
	return types.Null, nil
}

func concat2(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	x, y := c.text(0, a), c.text(1, b)
	if len(x)+len(y) > env.maxPacket() {
		return tooLong(c, env)
	}
	out := make([]byte, len(x)+len(y))
	copy(out[copy(out, x):], y)
	return c.str(out), nil
}

func concatN(c *Call, env *Env, a []types.Value) (types.Value, error) {
	n := 0
	for _, v := range a {
		n += len(v.Raw())
	}
	out := make([]byte, 0, n+16)
	for i, v := range a {
		out = v.AppendText(out, c.args[i].Type())
		if len(out) > env.maxPacket() {
			return tooLong(c, env)
		}
	}
	return c.str(out), nil
}

func typeConcatWS(c *Call) error {
	n := sumLen(c.args[1:])
	if sep := charLen(c.args[0].Type()); n >= 0 && sep >= 0 {
		n += sep * (len(c.args) - 2)
	} else {
		n = types.Unspecified
	}
	return c.setStringResult(n, c.args...)
}

// concatWS skips NULL arguments; only a NULL separator makes NULL.
func concatWS(c *Call, env *Env, a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return types.Null, nil
	}
	sep := c.text(0, a[0])
	var out []byte
	first := true
	for i, v := range a[1:] {
		if v.IsNull() {
			continue
		}
		if !first {
			out = append(out, sep...)
		}
		first = false
		out = v.AppendText(out, c.args[i+1].Type())
		if len(out) > env.maxPacket() {
			return tooLong(c, env)
		}
	}
	return c.str(out), nil
}

// substring counts from 1, from the end for negative positions.
func substring(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s := c.text(0, a[0])
	pos, _ := a[1].ToInt(env.Warn)
	n := int64(math.MaxInt64)
	if len(a) == 3 {
		n, _ = a[2].ToInt(env.Warn)
	}
	if pos == 0 || n <= 0 {
		return c.str([]byte{}), nil
	}
	if pos < 0 {
		pos += int64(c.chars(s))
		if pos < 0 {
			return c.str([]byte{}), nil
		}
	} else {
		pos--
	}
	s = s[c.offset(s, pos):]
	return c.str(s[:c.offset(s, n)]), nil
}

func typeLeft(c *Call) error {
	n := charLen(c.args[0].Type())
	if k, ok := isConst(c.args[1]); ok && !k.Val.IsNull() {
		if want, _ := k.Val.ToInt(nil); n < 0 || want < int64(n) {
			n = int(min(max(want, 0), maxResult))
		}
	}
	return c.setStringResult(n, c.args[0])
}

func typeTrim(c *Call) error {
	return c.setStringResult(charLen(c.args[0].Type()), c.args[:min(len(c.args), 2)]...)
}

func trim(c *Call, _ *Env, a []types.Value) (types.Value, error) {
	s, rem, where := c.text(0, a[0]), []byte(" "), "both"
	if len(a) > 1 {
		rem = c.text(1, a[1])
	}
	if len(a) > 2 {
		where = strings.ToLower(string(c.text(2, a[2])))
	}
	if len(rem) == 0 {
		return c.str(s), nil
	}
	if where != "trailing" {
		for bytes.HasPrefix(s, rem) {
			s = s[len(rem):]
		}
	}
	if where != "leading" {
		for bytes.HasSuffix(s, rem) {
			s = s[:len(s)-len(rem)]
		}
	}
	return c.str(s), nil
}

func renderTrim(c *Call) string {
	if len(c.args) == 1 {
		return "trim(" + c.args[0].String() + ")"
	}
	where := "both"
	if w, ok := c.constText(2); ok {
		where = strings.ToLower(w)
	}
	return "trim(" + where + " " + c.args[1].String() + " from " + c.args[0].String() + ")"
}

func typePad(c *Call) error {
	n := maxBlobWidth
	if k, ok := isConst(c.args[1]); ok && !k.Val.IsNull() {
		want, _ := k.Val.ToInt(nil)
		n = int(min(max(want, 0), maxResult))
	}
	return c.setStringResult(n, c.args[0], c.args[2])
}

// pad is LPAD (op 0) and RPAD (op 1).
func pad(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s, fill := c.text(0, a[0]), c.text(2, a[2])
	want, _ := a[1].ToInt(env.Warn)
	if want < 0 {
		return types.Null, nil
	}
	have := int64(c.chars(s))
	if want <= have {
		return c.str(s[:c.offset(s, want)]), nil
	}
	fillChars := int64(c.chars(fill))
	if fillChars == 0 {
		return c.str([]byte{}), nil
	}
	if want > int64(env.maxPacket()) {
		return tooLong(c, env)
	}
	room, err := env.Memory.Room(2 * int(want))
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	missing := want - have
	p := bytes.Repeat(fill, int(missing/fillChars))
	p = append(p, fill[:c.offset(fill, missing%fillChars)]...)
	if len(p)+len(s) > env.maxPacket() {
		return tooLong(c, env)
	}
	if c.op == 0 {
		return c.keep(env, &room, append(p, s...))
	}
	return c.keep(env, &room, append(append(make([]byte, 0, len(s)+len(p)), s...), p...))
}

func typeReplace(c *Call) error {
	n, from, to := charLen(c.args[0].Type()), charLen(c.args[1].Type()), charLen(c.args[2].Type())
	if n > 0 && to > max(from, 1) {
		n = min(n*to, maxResult)
	}
	return c.setStringResult(n, c.args...)
}

// replace compares bytes, whatever the collation.
func replace(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s, from, to := c.text(0, a[0]), c.text(1, a[1]), c.text(2, a[2])
	if len(from) == 0 {
		return c.str(s), nil
	}
	n := bytes.Count(s, from)
	if n == 0 {
		return c.str(s), nil
	}
	if len(s)+n*(len(to)-len(from)) > env.maxPacket() {
		return tooLong(c, env)
	}
	room, err := env.Memory.Room(len(s) + n*(len(to)-len(from)))
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	return c.keep(env, &room, bytes.ReplaceAll(s, from, to))
}

func typeRepeat(c *Call) error {
	n := charLen(c.args[0].Type())
	if k, ok := isConst(c.args[1]); ok && !k.Val.IsNull() && n >= 0 {
		times, _ := k.Val.ToInt(nil)
		n = int(min(float64(n)*float64(max(times, 0)), maxResult))
	} else {
		n = maxBlobWidth
	}
	return c.setStringResult(n, c.args[0])
}

func repeat(c *Call, env *Env, a, n types.Value) (types.Value, error) {
	return repeatBytes(c, env, c.text(0, a), n)
}

func repeatBytes(c *Call, env *Env, s []byte, n types.Value) (types.Value, error) {
	times, _ := n.ToInt(env.Warn)
	if times <= 0 || len(s) == 0 {
		return c.str([]byte{}), nil
	}
	if times > int64(env.maxPacket()/len(s)) {
		return tooLong(c, env)
	}
	room, err := env.Memory.Room(len(s) * int(times))
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	return c.keep(env, &room, bytes.Repeat(s, int(times)))
}

func typeSpace(c *Call) error {
	n := maxBlobWidth
	if k, ok := isConst(c.args[0]); ok && !k.Val.IsNull() {
		want, _ := k.Val.ToInt(nil)
		n = int(min(max(want, 0), maxResult))
	}
	c.setASCIIResult(n)
	return nil
}

func reverse(c *Call, _ *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	out := make([]byte, len(s))
	w := len(out)
	for len(s) > 0 {
		n := 1
		if c.typ.Collation != collation.Binary {
			_, n = utf8.DecodeRune(s)
		}
		w -= n
		copy(out[w:], s[:n])
		s = s[n:]
	}
	return c.str(out), nil
}

func typeLocate(c *Call) error {
	c.typ = intType(11, false)
	o, err := mergeAll(c.name, true, c.args[:2])
	c.coll = o.coll
	if o.deriv >= derivNumeric {
		c.coll = collation.Default
	}
	if err != nil {
		return err
	}
	return reconcile(c, c.args[:2], c.coll)
}

// locate is the 1-based character position of sub in s at or after pos, 0 where there is none.
func (c *Call) locate(env *Env, s, sub []byte, pos int64) (types.Value, error) {
	if pos < 1 {
		return types.Int(0), nil
	}
	binary := c.coll == collation.Binary
	skip := int(min(pos-1, int64(len(s))+1))
	if skip > len(s) {
		return types.Int(0), nil
	}
	from := skip
	if !binary {
		if skip > runeCount(s) {
			return types.Int(0), nil
		}
		from = collation.CharsPrefix(s, skip)
	}
	var m *meter
	if len(s)*len(sub) >= workUnit {
		m = env.meter()
	}
	find := findText
	if c.coll.KeepsUTF8() && !env.Mode.Legacy {
		find = findBytes
	}
	at, err := find(m, s[from:], sub, c.coll)
	if at < 0 || err != nil {
		return types.Int(0), err
	}
	if binary {
		return types.Int(int64(from + at + 1)), nil
	}
	return types.Int(int64(runeCount(s[:from+at]) + 1)), nil
}

// findText is the byte offset of the first substring of s that equals sub under coll and has as many characters, -1 where there is
// none.
func findText(m *meter, s, sub []byte, coll collation.ID) (int, error) {
	if len(sub) == 0 {
		return 0, nil
	}
	if coll == collation.Binary || isBinSort(coll) {
		return bytes.Index(s, sub), nil
	}
	n := runeCount(sub)
	end := collation.CharsPrefix(s, n)
	if runeCount(s[:end]) < n {
		return -1, nil
	}
	for i := 0; ; {
		if err := m.collate(len(sub)); err != nil {
			return -1, err
		}
		if coll.CompareStrings(s[i:end], sub) == 0 {
			return i, nil
		}
		if end == len(s) {
			return -1, nil
		}
		_, out := utf8.DecodeRune(s[i:])
		_, in := utf8.DecodeRune(s[end:])
		i, end = i+out, end+in
	}
}

// findBytes is findText in sets whose characters have one to four bytes: MySQL compares as many bytes there as sub has, so that an accent or a
// case that makes a character longer is another one.
func findBytes(m *meter, s, sub []byte, coll collation.ID) (int, error) {
	if len(sub) == 0 || coll == collation.Binary || isBinSort(coll) {
		return bytes.Index(s, sub), nil
	}
	n, pads := runeCount(sub), coll.PadSpace()
	for i := 0; i+len(sub) <= len(s); {
		if err := m.collate(len(sub)); err != nil {
			return -1, err
		}
		end := i + len(sub)
		whole := end == len(s) || utf8.RuneStart(s[end])
		if whole && (!pads || runeCount(s[i:end]) == n) && coll.CompareStrings(s[i:end], sub) == 0 {
			return i, nil
		}
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return -1, nil
}

// typeDigits is the type of a number's digits in some base. MySQL does not count them as ASCII: they mix with no other character set.
func typeDigits(c *Call) error {
	c.args = bitsAsNumber(c.args)
	c.setASCIIResult(65)
	c.ascii = false
	return nil
}
