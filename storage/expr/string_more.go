package expr

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

var stringMoreDefs = []def{
	{name: "substring_index", min: 3, max: 3, typ: func(c *Call) error { return c.setStringResult(charLen(c.args[0].Type()), c.args[:2]...) },
		fn: substringIndex},
	{name: "field", min: 2, max: -1, typ: typeField, ev: field},
	{name: "elt", min: 2, max: -1, typ: func(c *Call) error { return c.setStringResult(maxLen(c.args[1:]), c.args[1:]...) }, ev: evalElt},
	{name: "find_in_set", min: 2, max: 2, typ: typeFindInSet, f2: findInSet},
	{name: "make_set", min: 2, max: -1, typ: func(c *Call) error {
		n := sumLen(c.args[1:])
		if n >= 0 {
			n += len(c.args) - 2
		}
		return c.setStringResult(n, c.args[1:]...)
	}, lax: makeSet},
	{name: "export_set", charges: true, min: 3, max: 5, typ: typeExportSet, fn: exportSet},
	// char(n, …); char using('charset', n, …) is CHAR(n, … USING charset).
	{name: "char", min: 1, max: -1, typ: typeChar, lax: charFn},
	{name: "char using", min: 2, max: -1, op: 1, rewrite: charUsing, typ: typeChar, lax: charFn},
	{name: "format", min: 2, max: 3, typ: typeASCII(67), lax: format},
	{name: "insert", alias: []string{"insert_func"}, min: 4, max: 4, typ: typeInsert, fn: insert},
	{name: "quote", min: 1, max: 1, typ: func(c *Call) error {
		n := charLen(c.args[0].Type())
		if n >= 0 {
			n = max(n*2+2, len("NULL"))
		}
		err := c.setStringResult(n, c.args[0])
		quotesNoText(c)
		return err
	}, lax: func(c *Call, _ *Env, a []types.Value) (types.Value, error) {
		if a[0].IsNull() {
			return c.str([]byte("NULL")), nil
		}
		return c.str(appendQuoted(nil, c.text(0, a[0]))), nil
	}},
	{name: "soundex", min: 1, max: 1, typ: func(c *Call) error {
		n := charLen(c.args[0].Type())
		if n >= 0 {
			n = max(n, 4)
		}
		return c.setStringResult(n, c.args[0])
	}, f1: soundex},
	{name: "to_base64", min: 1, max: 1, typ: typeToBase64, f1: toBase64},
	{name: "from_base64", min: 1, max: 1, typ: typeFromBase64, f1: fromBase64},
	// weight_string(s [, 'char' | 'binary', n])
	{name: "weight_string", min: 1, max: 3, typ: typeUnspecifiedBytes, fn: weightString},
	// weight_string(s, length, characters, flags)
	{name: weightsOfLength, min: 4, max: 4, since: version.V2, typ: typeUnspecifiedBytes, fn: weightStringOfLength, render: renderWritten},
	{name: "charset", min: 1, max: 1, rewrite: aboutString(func(o strOrigin) Expr { return newName(o.coll.Charset()) })},
	{name: "collation", min: 1, max: 1, rewrite: aboutString(func(o strOrigin) Expr { return newName(o.coll.Name()) })},
	{name: "coercibility", min: 1, max: 1, rewrite: aboutString(func(o strOrigin) Expr { return NewInt(int64(o.deriv)) })},
}

// quotesNoText gives QUOTE what MySQL takes from its argument where that is no text: a number's character set and coercibility, and those of
// NULL.
func quotesNoText(c *Call) {
	o := originOf(c.args[0])
	switch o.deriv {
	case derivNumeric:
		c.coll = collation.Latin1
	case derivIgnorable:
		c.coll = collation.Binary
	default:
		return
	}
	c.typ.Collation, c.deriv, c.connection = c.coll, o.deriv, false
}

// newName is one of the server's own names: in utf8mb3, and as coercible as a literal.
func newName(name string) Expr {
	c := NewStr(name)
	c.Typ.Collation = collation.UTF8MB3
	return c
}

// aboutString answers from the argument's type alone; numbers and dates are in the character set binary.
func aboutString(answer func(strOrigin) Expr) func([]Expr) (Expr, error) {
	return func(args []Expr) (Expr, error) {
		o := originOf(args[0])
		if o.deriv >= derivNumeric && !isStringy(args[0].Type()) {
			o.coll = collation.Binary
		}
		return answer(o), nil
	}
}

// maxBlobWidth is how long MySQL says a string is whose length it does not know.
const maxBlobWidth = 1 << 24

// typeBytesOf is the type of bytes of a length that the first argument's, in bytes, decides.
func typeBytesOf(length func(n int) int) func(*Call) error {
	return func(c *Call) error {
		t := c.args[0].Type()
		n := charLen(t)
		if n >= 0 && isStringy(t) {
			n *= max(t.Collation.MaxBytes(), 1)
		}
		c.coll, c.deriv, c.ascii = collation.Binary, derivImplicit, false
		if n < 0 {
			n = maxBlobWidth
		}
		c.typ = stringType(length(n), c.coll)
		return nil
	}
}

func typeUnspecifiedBytes(c *Call) error {
	c.typ, c.coll, c.deriv, c.ascii = types.TypeBytes, collation.Binary, derivImplicit, false
	return nil
}

// substringIndex cuts at the count-th delimiter, from the end for a negative count. Delimiters compare by bytes.
func substringIndex(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s, delim := c.text(0, a[0]), c.text(1, a[1])
	n, _ := a[2].ToInt(env.Warn)
	if n == 0 || len(delim) == 0 || len(s) == 0 {
		return c.str([]byte{}), nil
	}
	if n > 0 {
		at := 0
		for ; n > 0; n-- {
			i := bytes.Index(s[at:], delim)
			if i < 0 {
				return c.str(s), nil
			}
			at += i + len(delim)
		}
		return c.str(s[:at-len(delim)]), nil
	}
	end := len(s)
	for ; n < 0; n++ {
		i := bytes.LastIndex(s[:end], delim)
		if i < 0 {
			return c.str(s), nil
		}
		end = i
	}
	return c.str(s[end+len(delim):]), nil
}

// typeField: all are compared as numbers where one is a number, else as text, dates too.
func typeField(c *Call) error {
	c.typ = intType(3, false)
	c.args = booleansAsJSON(numbersBesideNumbers(c.args))
	if slices.ContainsFunc(c.args, func(e Expr) bool { return isNumberClass(e.Type().Class()) }) {
		c.args = slices.Clone(c.args)
		for i, a := range c.args {
			if isText(a) || isTemporalClass(a.Type().Class()) {
				c.args[i] = NewCast(a, types.TypeDouble)
			}
		}
	}
	return compareCollation(c)
}

// textAsNumber is args where text beside a number is a number, so that all are compared as numbers.
func textAsNumber(args []Expr) []Expr {
	if !slices.ContainsFunc(args, isText) || !slices.ContainsFunc(args, func(e Expr) bool { return isNumberClass(e.Type().Class()) }) {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		if isText(a) {
			args[i] = NewCast(a, types.TypeDouble)
		}
	}
	return args
}

func isText(e Expr) bool { return e.Type().Class() != types.ClassJSON && isStringy(e.Type()) }

// fieldText is a date or time as text.
func fieldText(env *Env, v types.Value) types.Value {
	if !isTemporalKind(v.Kind()) || env.Mode.Legacy {
		return v
	}
	return types.String(v.AppendText(nil, nil))
}

func field(c *Call, env *Env, row []types.Value) (types.Value, error) {
	arg, done, err := oneByOne(c, env, row)
	if err != nil {
		return types.Null, err
	}
	defer done()
	sought, err := arg(0)
	if err != nil {
		return types.Null, err
	}
	if sought.IsNull() {
		return types.Int(0), nil
	}
	sought = fieldText(env, sought)
	for i := 1; i < len(c.args); i++ {
		v, err := arg(i)
		if err != nil {
			return types.Null, err
		}
		if v.IsNull() {
			continue
		}
		cmp, err := compareValues(env, sought, fieldText(env, v), c.coll)
		if err != nil {
			return types.Null, err
		}
		if cmp == 0 {
			return types.Int(int64(i)), nil
		}
	}
	return types.Int(0), nil
}

func evalElt(c *Call, env *Env, row []types.Value) (types.Value, error) {
	v, err := eval(c.args[0], env, row)
	if err != nil || v.IsNull() {
		return types.Null, err
	}
	n, _ := v.ToInt(env.Warn)
	if n < 1 || n >= int64(len(c.args)) {
		return types.Null, nil
	}
	v, err = eval(c.args[n], env, row)
	if err != nil || v.IsNull() {
		return types.Null, err
	}
	return c.str(c.text(int(n), v)), nil
}

func typeFindInSet(c *Call) error {
	c.typ = intType(3, false)
	o, err := mergeAll(c.name, true, c.args)
	c.coll = o.coll
	if o.deriv >= derivNumeric {
		c.coll = collation.Default
	}
	if err != nil {
		return err
	}
	return reconcile(c, c.args, c.coll)
}

func findInSet(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	s, list := c.text(0, a), c.text(1, b)
	if len(list) == 0 || bytes.IndexByte(s, ',') >= 0 {
		return types.Int(0), nil
	}
	for i := int64(1); ; i++ {
		item, rest, more := bytes.Cut(list, []byte(","))
		if equalUnpadded(c.coll, item, s) || env.Mode.Legacy && c.coll.EqualStrings(item, s) {
			return types.Int(i), nil
		}
		if !more {
			return types.Int(0), nil
		}
		list = rest
	}
}

// equalUnpadded compares without regard to PAD SPACE: trailing spaces count.
func equalUnpadded(c collation.ID, a, b []byte) bool {
	if !c.EqualStrings(a, b) {
		return false
	}
	return !c.PadSpace() || !bytes.HasSuffix(a, []byte(" ")) && !bytes.HasSuffix(b, []byte(" ")) ||
		c.EqualStrings(append(bytes.Clone(a), '|'), append(bytes.Clone(b), '|')) // what follows gives the spaces weight
}

func makeSet(c *Call, env *Env, a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return types.Null, nil
	}
	mask := toBits(env, a[0])
	out, first := []byte{}, true
	for i, v := range a[1:] {
		if i >= 64 || mask>>i&1 == 0 || v.IsNull() {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = v.AppendText(out, c.args[i+1].Type())
		if len(out) > env.maxPacket() {
			return tooLong(c, env)
		}
	}
	return c.str(out), nil
}

func typeExportSet(c *Call) error {
	n, sep, from := maxLen(c.args[1:3]), 1, c.args[1:3]
	if len(c.args) > 3 {
		sep, from = charLen(c.args[3].Type()), c.args[1:4]
	}
	if n < 0 || sep < 0 {
		return c.setStringResult(types.Unspecified, from...)
	}
	return c.setStringResult(64*n+63*sep, from...)
}

func exportSet(c *Call, env *Env, a []types.Value) (types.Value, error) {
	mask := toBits(env, a[0])
	on, off, sep, bits := c.text(1, a[1]), c.text(2, a[2]), []byte(","), int64(64)
	if len(a) > 3 {
		sep = c.text(3, a[3])
	}
	if len(a) > 4 {
		if bits, _ = a[4].ToInt(env.Warn); bits < 0 || bits > 64 {
			bits = 64
		}
	}
	most := int(bits) * (max(len(on), len(off)) + len(sep))
	if most > env.maxPacket() {
		return tooLong(c, env)
	}
	room, err := env.Memory.Room(most)
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	var out []byte
	for i := int64(0); i < bits; i++ {
		if i > 0 {
			out = append(out, sep...)
		}
		if mask>>i&1 == 1 {
			out = append(out, on...)
		} else {
			out = append(out, off...)
		}
	}
	return c.keep(env, &room, out)
}

func typeChar(c *Call) error {
	n := (len(c.args) - c.op) * 4
	coll := collation.Binary
	if c.op == 1 {
		name, _ := c.constText(0)
		var ok bool
		if coll, ok = collation.DefaultOf(name); !ok {
			return mysqlerr.New(mysqlerr.UnknownCharacterSet, name)
		}
	}
	c.typ, c.coll, c.deriv, c.ascii = stringType(n, coll), coll, derivCoercible, false
	return nil
}

// charUsing is CHAR(… USING set) of a set whose bytes are not UTF-8: those of CHAR(…), read as such.
func charUsing(args []Expr) (Expr, error) {
	k, ok := args[0].(*Const)
	if !ok || k.Val.IsNull() {
		return nil, nil
	}
	coll, ok := collation.DefaultOf(string(textOf(k.Val, &k.Typ)))
	if !ok || coll.KeepsUTF8() {
		return nil, nil
	}
	b, err := New("char", args[1:]...)
	if err != nil {
		return nil, err
	}
	return New(fromBytes, b, NewInt(int64(coll)))
}

func charFn(c *Call, env *Env, a []types.Value) (types.Value, error) {
	var out []byte
	for _, v := range a[c.op:] {
		if v.IsNull() {
			continue
		}
		i, _ := v.ToInt(env.Warn)
		n := uint32(i)
		switch {
		case n >= 1<<24:
			out = append(out, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		case n >= 1<<16:
			out = append(out, byte(n>>16), byte(n>>8), byte(n))
		case n >= 1<<8:
			out = append(out, byte(n>>8), byte(n))
		default:
			out = append(out, byte(n))
		}
	}
	if c.typ.Collation != collation.Binary && !utf8.Valid(out) {
		env.warnf(mysqlerr.InvalidCharacterString, "Invalid %s character string: '%s'", c.typ.Collation.Charset(), hexText(out))
		return types.Null, nil
	}
	return c.str(out), nil
}

// legacyNumbers are the separators and points that FORMAT had for readers of V1; other locales were en_US there.
var legacyNumbers = map[string][2]string{
	"en_us": {",", "."}, "en_gb": {",", "."}, "en_ca": {",", "."}, "en_au": {",", "."}, "en_in": {",", "."},
	"de_de": {".", ","}, "de_at": {".", ","}, "de_ch": {"'", "."}, "fr_fr": {"", ","}, "es_es": {"", ","},
	"it_it": {"", ","}, "nl_nl": {"", ","}, "pt_br": {".", ","}, "ja_jp": {",", "."}, "zh_cn": {",", "."},
	"ru_ru": {".", ","}, "sv_se": {" ", ","}, "da_dk": {".", ","}, "pl_pl": {"", ","},
}

// numberLocale finds how a locale writes numbers; nil where there is none of the name.
func numberLocale(env *Env, name string) *Locale {
	if !env.Mode.Legacy {
		return FindLocale(name)
	}
	n, ok := legacyNumbers[strings.ToLower(name)]
	if !ok {
		return nil
	}
	return &Locale{separator: n[0], point: n[1], lastGroup: 3, group: 3}
}

// format is FORMAT(n, digits [, locale]); an unknown locale is en_US with warning 1649.
func format(c *Call, env *Env, a []types.Value) (types.Value, error) {
	if a[0].IsNull() || a[1].IsNull() {
		return types.Null, nil
	}
	l := english()
	if len(a) == 3 && !a[2].IsNull() {
		name := string(c.text(2, a[2]))
		if found := numberLocale(env, name); found != nil {
			l = found
		} else {
			env.warn(mysqlerr.UnknownLocale, name)
		}
	}
	digits, _ := a[1].ToInt(env.Warn)
	digits = min(max(digits, 0), maxScale)
	var s string
	if k := a[0].Kind(); k == types.KindFloat || isStringKind(k) || !isNumberKind(k) && !env.Mode.Legacy { // dates are text to MySQL here
		s = strconv.FormatFloat(roundFloat(a[0].ToFloat(env.Warn), digits, false), 'f', int(digits), 64)
	} else {
		s = types.RoundDecimal(a[0].ToDec(env.Warn), int(digits)).Text()
	}
	return c.str([]byte(l.number(s))), nil
}

func typeInsert(c *Call) error {
	n := sumLen([]Expr{c.args[0], c.args[3]})
	return c.setStringResult(n, c.args[0], c.args[3])
}

func insert(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s, repl := c.text(0, a[0]), c.text(3, a[3])
	pos, _ := a[1].ToInt(env.Warn)
	n, _ := a[2].ToInt(env.Warn)
	total := int64(c.chars(s))
	if pos < 1 || pos > total {
		return c.str(s), nil
	}
	if n < 0 || n > total-pos+1 {
		n = total - pos + 1
	}
	from := c.offset(s, pos-1)
	to := from + c.offset(s[from:], n)
	if from+len(repl)+len(s)-to > env.maxPacket() {
		return tooLong(c, env)
	}
	out := append(append(append([]byte{}, s[:from]...), repl...), s[to:]...)
	return c.str(out), nil
}

// soundex codes every consonant after the first letter, as MySQL does: no limit of four, vowels do not part equal
// codes.
func soundex(c *Call, env *Env, a types.Value) (types.Value, error) {
	const codes = "01230120022455012623010202"
	var out []byte
	var last byte
	for _, r := range string(c.text(0, a)) {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		} else if env.Mode.Legacy {
			r = unicode.ToUpper(r)
		}
		if r < 'A' || r > 'Z' && r < utf8.RuneSelf {
			continue
		}
		code := byte('0')
		if r <= 'Z' {
			code = codes[r-'A']
		}
		if out == nil {
			out, last = utf8.AppendRune(nil, r), code
			continue
		}
		if code != '0' && code != last {
			out, last = append(out, code), code
		}
	}
	for out != nil && runeCount(out) < 4 {
		out = append(out, '0')
	}
	if out == nil {
		out = []byte{}
	}
	return c.str(out), nil
}

// base64Line is after how many characters TO_BASE64 breaks the line.
const base64Line = 76

func typeToBase64(c *Call) error {
	n := charLen(c.args[0].Type())
	if n >= 0 {
		if isText(c.args[0]) {
			n *= c.args[0].Type().Collation.MaxBytes()
		}
		n = (n + 2) / 3 * 4
		n += max(n-1, 0) / base64Line
	}
	c.setASCIIResult(n)
	return nil
}

// typeFromBase64 is three bytes for four: MySQL counts those of the text's characters, and one less.
func typeFromBase64(c *Call) error {
	n := charLen(c.args[0].Type())
	if n >= 0 {
		most := n
		if isText(c.args[0]) {
			most *= c.args[0].Type().Collation.MaxBytes()
		}
		n = max((most*3+3)/4-1, (n*3+3)/4)
	}
	c.typ, c.coll, c.deriv, c.ascii = stringType(n, collation.Binary), collation.Binary, derivCoercible, false
	return nil
}

func toBase64(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	if base64.StdEncoding.EncodedLen(len(s)) > env.maxPacket() {
		return tooLong(c, env)
	}
	enc := base64.StdEncoding.EncodeToString(s)
	var out []byte
	for len(enc) > base64Line {
		out = append(append(out, enc[:base64Line]...), '\n')
		enc = enc[base64Line:]
	}
	return c.str(append(out, enc...)), nil
}

func fromBase64(c *Call, _ *Env, a types.Value) (types.Value, error) {
	clean := bytes.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\n', '\r':
			return -1
		}
		return r
	}, c.text(0, a))
	out := make([]byte, base64.StdEncoding.DecodedLen(len(clean)))
	n, err := base64.StdEncoding.Decode(out, clean)
	if err != nil {
		return types.Null, nil
	}
	return types.Bytes(out[:n]), nil
}

// weightsOfLength is WEIGHT_STRING with numbers.
const weightsOfLength = "weight_string of length"

// padToLength is the flag of WEIGHT_STRING with which spaces, and for bytes zeros, fill what is asked for.
const padToLength = 0x80

func weightStringOfLength(c *Call, env *Env, a []types.Value) (types.Value, error) {
	if !isStringKind(a[0].Kind()) {
		return types.Null, nil
	}
	length, _ := a[1].ToInt(env.Warn)
	chars, _ := a[2].ToInt(env.Warn)
	flags, _ := a[3].ToInt(env.Warn)
	if max(length, chars) > int64(env.maxPacket()) {
		return tooLong(c, env)
	}
	room, err := env.Memory.Room(4 * int(max(length, chars)))
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	coll, fill := originOf(c.args[0]).coll, []byte{' '}
	count, prefix := runeCount, collation.CharsPrefix
	if coll == collation.Binary {
		fill = []byte{0}
		count, prefix = func(s []byte) int { return len(s) }, func(_ []byte, n int) int { return n }
	}
	s := a[0].Raw()
	if n := int(chars); n > 0 {
		if have := count(s); have >= n {
			s = s[:prefix(s, n)]
		} else {
			s = append(bytes.Clone(s), bytes.Repeat(fill, n-have)...)
		}
	}
	weights := func(s []byte, n int) []byte {
		if coll == collation.Binary {
			return s
		}
		return coll.Weights(s, n)
	}
	out := weights(s, int(chars))
	if one := weights(fill, 1); flags&padToLength != 0 && len(out) < int(length) && len(one) > 0 {
		out = append(bytes.Clone(out), bytes.Repeat(one, (int(length)-len(out))/len(one)+1)...)
	}
	if length > 0 && len(out) > int(length) {
		out = out[:length]
	}
	return types.Bytes(out), nil
}

func weightString(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s, coll := a[0].Raw(), originOf(c.args[0]).coll
	if !isStringKind(a[0].Kind()) {
		if env.Mode.Legacy || len(a) < 3 || !strings.EqualFold(string(c.text(1, a[1])), "binary") {
			return types.Null, nil
		}
		s, coll = c.text(0, a[0]), collation.Binary // AS BINARY casts
	}
	if len(a) == 3 {
		n, _ := a[2].ToInt(env.Warn)
		binary := strings.EqualFold(string(c.text(1, a[1])), "binary")
		if binary {
			if !env.Mode.Legacy {
				s = coll.Encode(s)
			}
			coll = collation.Binary
		}
		have := int64(runeCount(s))
		if binary {
			have = int64(len(s))
		}
		if n > int64(env.maxPacket()) {
			return tooLong(c, env)
		}
		room, err := env.Memory.Room(2 * int(n))
		if err != nil {
			return types.Null, err
		}
		defer room.Done()
		if n < have {
			if binary {
				s = s[:max(n, 0)]
			} else {
				s = s[:collation.CharsPrefix(s, int(n))]
			}
		} else {
			fill := byte(' ')
			if binary {
				fill = 0
			}
			s = append(append([]byte{}, s...), bytes.Repeat([]byte{fill}, int(n-have))...)
		}
	}
	if coll == collation.Binary {
		return types.Bytes(s), nil
	}
	if env.Mode.Legacy {
		return types.Bytes(coll.SortKey(nil, s)), nil
	}
	chars := 0
	if len(a) == 3 {
		chars = runeCount(s)
	}
	return types.Bytes(coll.Weights(s, chars)), nil
}
