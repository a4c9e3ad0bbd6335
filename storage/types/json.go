package types

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// JSON values are text in one normal form, the one that MySQL prints: keys of an object sorted by length and then by
// bytes, the last of equal keys kept, ", " and ": " between parts, doubles with a fraction or an exponent. Dates and
// binary strings that become JSON are strings from then on: the text does not tell them apart.

// maxJSONDepth is how deep arrays and objects may nest, as in MySQL.
const maxJSONDepth = 100

// jsonKind orders as MySQL orders JSON values of different kinds.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonNum
	jsonString
	jsonObject
	jsonArray
	jsonBool
)

// jsonNode is a parsed JSON value.
type jsonNode struct {
	kind    jsonKind
	truth   bool
	number  Value  // KindInt, KindUint, KindFloat
	text    []byte // string, unescaped
	members []jsonMember
	items   []jsonNode
}

type jsonMember struct {
	key   []byte
	value jsonNode
}

// JSONError says what is wrong with a JSON text and at which byte.
type JSONError struct {
	Reason   string
	Position int
}

func (e *JSONError) Error() string { return fmt.Sprintf("%s at position %d", e.Reason, e.Position) }

var errJSONDepth = &JSONError{Reason: "The JSON document exceeds the maximum depth."}

type jsonParser struct {
	s   []byte
	pos int
}

func (p *jsonParser) fail(reason string) error { return &JSONError{reason, p.pos} }

func (p *jsonParser) space() {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (p *jsonParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func parseJSON(text []byte) (jsonNode, error) {
	p := jsonParser{s: text}
	p.space()
	if p.pos == len(text) {
		return jsonNode{}, p.fail("The document is empty.")
	}
	node, err := p.value(1)
	if err != nil {
		return jsonNode{}, err
	}
	if p.space(); p.pos < len(text) {
		return jsonNode{}, p.fail("The document root must not be followed by other values.")
	}
	return node, nil
}

func (p *jsonParser) value(depth int) (node jsonNode, err error) {
	switch b := p.peek(); {
	case b == '{' || b == '[':
		if depth > maxJSONDepth {
			return node, errJSONDepth
		}
		if b == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case b == '"':
		text, err := p.str()
		return jsonNode{kind: jsonString, text: text}, err
	case b == '-' || isDigit(b):
		return p.number()
	case p.literal("null"):
		return jsonNode{}, nil
	case p.literal("true"):
		return jsonNode{kind: jsonBool, truth: true}, nil
	case p.literal("false"):
		return jsonNode{kind: jsonBool}, nil
	}
	return node, p.fail("Invalid value.")
}

func (p *jsonParser) literal(word string) bool {
	if !bytes.HasPrefix(p.s[p.pos:], []byte(word)) {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *jsonParser) array(depth int) (jsonNode, error) {
	node := jsonNode{kind: jsonArray}
	p.pos++
	p.space()
	if p.peek() == ']' {
		p.pos++
		return node, nil
	}
	for {
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return node, err
		}
		node.items = append(node.items, item)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return node, nil
		default:
			return node, p.fail("Missing a comma or ] after an array element.")
		}
	}
}

func (p *jsonParser) object(depth int) (jsonNode, error) {
	node := jsonNode{kind: jsonObject}
	p.pos++
	p.space()
	if p.peek() == '}' {
		p.pos++
		return node, nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return node, p.fail("Missing a name for object member.")
		}
		key, err := p.str()
		if err != nil {
			return node, err
		}
		p.space()
		if p.peek() != ':' {
			return node, p.fail("Missing a colon after a name of object member.")
		}
		p.pos++
		p.space()
		value, err := p.value(depth + 1)
		if err != nil {
			return node, err
		}
		node.members = append(node.members, jsonMember{key, value})
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			node.sortMembers()
			return node, nil
		default:
			return node, p.fail("Missing a comma or } after an object member.")
		}
	}
}

func compareJSONKeys(a, b []byte) int {
	if d := cmp.Compare(len(a), len(b)); d != 0 {
		return d
	}
	return bytes.Compare(a, b)
}

// sortMembers brings the keys into MySQL's order and keeps the last of equal ones.
func (n *jsonNode) sortMembers() {
	slices.SortStableFunc(n.members, func(a, b jsonMember) int { return compareJSONKeys(a.key, b.key) })
	kept := n.members[:0]
	for _, m := range n.members {
		if last := len(kept) - 1; last >= 0 && bytes.Equal(kept[last].key, m.key) {
			kept[last] = m
		} else {
			kept = append(kept, m)
		}
	}
	n.members = kept
}

// str reads a string, its quotation mark being next.
func (p *jsonParser) str() ([]byte, error) {
	start := p.pos
	p.pos++
	first := p.pos
	for p.pos < len(p.s) && p.s[p.pos] != '"' && p.s[p.pos] != '\\' && p.s[p.pos] >= ' ' {
		p.pos++
	}
	out := p.s[first:p.pos:p.pos] // shares the text until an escape makes it grow
	for p.pos < len(p.s) {
		switch b := p.s[p.pos]; {
		case b == '"':
			p.pos++
			if !utf8.Valid(out) {
				p.pos = start
				return nil, p.fail("Invalid encoding in string.")
			}
			return out, nil
		case b == '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return nil, err
			}
		case b < ' ':
			return nil, p.fail("Invalid encoding in string.")
		default:
			out = append(out, b)
			p.pos++
		}
	}
	p.pos = start
	return nil, p.fail("Missing a closing quotation mark in string.")
}

func (p *jsonParser) escape(out []byte) ([]byte, error) {
	at := p.pos
	p.pos++
	b := p.peek()
	p.pos++
	switch b {
	case '"', '\\', '/':
		return append(out, b), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, err := p.hex4()
		if err != nil {
			return nil, err
		}
		if utf16.IsSurrogate(r) {
			if p.literal(`\u`) {
				low, err := p.hex4()
				if err != nil {
					return nil, err
				}
				r = utf16.DecodeRune(r, low)
			} else {
				r = utf8.RuneError
			}
			if r == utf8.RuneError {
				p.pos = at
				return nil, p.fail("The surrogate pair in string is invalid.")
			}
		}
		return utf8.AppendRune(out, r), nil
	}
	p.pos = at
	return nil, p.fail("Invalid escape character in string.")
}

func (p *jsonParser) hex4() (rune, error) {
	if p.pos+4 <= len(p.s) {
		if u, err := strconv.ParseUint(string(p.s[p.pos:p.pos+4]), 16, 16); err == nil {
			p.pos += 4
			return rune(u), nil
		}
	}
	return 0, p.fail("Incorrect hex digit after \\u escape in string.")
}

func (p *jsonParser) number() (jsonNode, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if !isDigit(p.peek()) {
		return jsonNode{}, p.fail("Invalid value.")
	}
	if p.peek() == '0' {
		p.pos++
	} else {
		p.digits()
	}
	isInteger := true
	if p.peek() == '.' {
		isInteger = false
		p.pos++
		if !p.digits() {
			return jsonNode{}, p.fail("Miss fraction part in number.")
		}
	}
	if p.peek()|0x20 == 'e' {
		isInteger = false
		p.pos++
		if p.peek() == '+' || p.peek() == '-' {
			p.pos++
		}
		if !p.digits() {
			return jsonNode{}, p.fail("Miss exponent in number.")
		}
	}
	text := string(p.s[start:p.pos])
	if isInteger {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return jsonNode{kind: jsonNum, number: Int(i)}, nil
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return jsonNode{kind: jsonNum, number: Uint(u)}, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.pos = start
		return jsonNode{}, p.fail("Number too big to be stored in double.")
	}
	return jsonNode{kind: jsonNum, number: Float(f)}, nil
}

func (p *jsonParser) digits() bool {
	start := p.pos
	for isDigit(p.peek()) {
		p.pos++
	}
	return p.pos > start
}

// append renders n in the normal form.
func (n *jsonNode) append(dst []byte) []byte {
	switch n.kind {
	case jsonNull:
		return append(dst, "null"...)
	case jsonBool:
		return strconv.AppendBool(dst, n.truth)
	case jsonNum:
		return appendJSONNumber(dst, n.number)
	case jsonString:
		return AppendJSONString(dst, n.text)
	case jsonArray:
		dst = append(dst, '[')
		for i := range n.items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = n.items[i].append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range n.members {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(AppendJSONString(dst, n.members[i].key), ": "...)
		dst = n.members[i].value.append(dst)
	}
	return append(dst, '}')
}

// appendJSONNumber shows a double so that it reads back as one.
func appendJSONNumber(dst []byte, v Value) []byte {
	start := len(dst)
	dst = v.AppendText(dst, nil)
	if v.kind == KindFloat && !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// AppendJSONString appends text, which is UTF-8, as a JSON string in quotation marks.
func AppendJSONString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, b := range text {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b >= ' ':
			dst = append(dst, b)
		case b == '\b':
			dst = append(dst, `\b`...)
		case b == '\f':
			dst = append(dst, `\f`...)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	return append(dst, '"')
}

// ParseJSON checks a JSON text and gives it in the normal form, as a KindJSON. The error is a *JSONError; the caller
// makes 3140 or 3141 of it, which differ in whether a column or a function is named.
func ParseJSON(text []byte) (Value, error) {
	node, err := parseJSON(text)
	if err != nil {
		return Null, err
	}
	return JSON(node.append(make([]byte, 0, len(text)+len(text)/8))), nil
}

// ToJSON is v as JSON_ARRAY and comparisons see it: a string becomes a JSON string, a number a number, a date its text.
// t tells what v is where that matters (a BOOL becomes true or false) and may be nil. CAST(… AS JSON), which parses
// strings, is Cast and ParseJSON. A binary string is refused with error 3144.
func (v Value) ToJSON(t *Type, warn Warner) (Value, error) {
	switch v.kind {
	case KindNull, KindJSON:
		return v, nil
	case KindBytes:
		return Null, mysqlerr.New(mysql.ErrInvalidJSONCharset, "binary")
	}
	if t != nil && t.ID == mysql.TypeLonglong && t.Length == 1 && (v.kind == KindInt || v.kind == KindUint) {
		return JSON(strconv.AppendBool(nil, v.n != 0)), nil
	}
	return JSON(v.appendAsJSON(nil)), nil
}

// appendAsJSON renders a value that is not JSON yet as a JSON scalar.
func (v Value) appendAsJSON(dst []byte) []byte {
	switch v.kind {
	case KindInt, KindUint, KindFloat, KindDecimal:
		return appendJSONNumber(dst, v)
	case KindDatetime, KindTimestamp:
		return appendQuoted(dst, appendDatetime(nil, packedOf(v), 6))
	case KindTime:
		return appendQuoted(dst, appendTime(nil, v.Int(), 6))
	}
	return AppendJSONString(dst, v.AppendText(nil, nil))
}

func appendQuoted(dst, text []byte) []byte { return append(append(append(dst, '"'), text...), '"') }

// jsonNodeOf views any value as a JSON node, to compare it with JSON.
func jsonNodeOf(v Value) jsonNode {
	switch v.kind {
	case KindJSON:
		node, err := parseJSON(v.b)
		if err != nil { // never written by this package; order it somewhere
			return jsonNode{kind: jsonString, text: v.b}
		}
		return node
	case KindInt, KindUint, KindFloat, KindDecimal:
		return jsonNode{kind: jsonNum, number: v}
	case KindString, KindBytes, KindEnum, KindSet:
		return jsonNode{kind: jsonString, text: v.b}
	}
	node, _ := parseJSON(v.appendAsJSON(nil))
	return node
}

// CompareJSON orders two JSON texts in MySQL's order of JSON values.
func CompareJSON(a, b []byte) int {
	if bytes.Equal(a, b) {
		return 0
	}
	return compareWithJSON(JSON(a), JSON(b))
}

// compareWithJSON orders two values, one of which is JSON.
func compareWithJSON(a, b Value) int {
	x, y := jsonNodeOf(a), jsonNodeOf(b)
	return x.compare(&y)
}

func (n *jsonNode) compare(o *jsonNode) int {
	if n.kind != o.kind {
		return cmp.Compare(n.kind, o.kind)
	}
	switch n.kind {
	case jsonBool:
		return compareBools(n.truth, o.truth)
	case jsonNum:
		return compareJSONNumbers(n.number, o.number)
	case jsonString:
		return bytes.Compare(n.text, o.text)
	case jsonArray:
		for i := range min(len(n.items), len(o.items)) {
			if d := n.items[i].compare(&o.items[i]); d != 0 {
				return d
			}
		}
		return cmp.Compare(len(n.items), len(o.items))
	case jsonObject:
		return n.compareMembers(o)
	}
	return 0
}

// compareJSONNumbers compares integers with doubles exactly, so that equality agrees with appendJSONKey.
func compareJSONNumbers(a, b Value) int {
	if a.kind != b.kind && (a.kind == KindFloat || b.kind == KindFloat) {
		da, okA := exactDecimal(a)
		db, okB := exactDecimal(b)
		if okA && okB {
			return compareDecimals(da, db)
		}
	}
	return compareNumbers(a, b)
}

// exactDecimal is the decimal of a number that may equal an integer; false for other doubles.
func exactDecimal(v Value) (Value, bool) {
	if v.kind != KindFloat {
		return v.ToDec(nil), true
	}
	f := v.Float()
	switch {
	case f != math.Trunc(f) || math.Abs(f) >= 1<<64: // no integer equals it
		return v, false
	case f < 0:
		return decFromDigits(true, strconv.AppendUint(nil, uint64(-f), 10), 0), true
	}
	return decimalFromUint(uint64(f)), true
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareMembers orders objects by their size, then keys, then values: MySQL promises only which of them are equal.
func (n *jsonNode) compareMembers(o *jsonNode) int {
	if d := cmp.Compare(len(n.members), len(o.members)); d != 0 {
		return d
	}
	for i := range n.members {
		if d := compareJSONKeys(n.members[i].key, o.members[i].key); d != 0 {
			return d
		}
	}
	for i := range n.members {
		if d := n.members[i].value.compare(&o.members[i].value); d != 0 {
			return d
		}
	}
	return 0
}

// appendJSONKey appends bytes that are equal exactly for JSON texts that compare equal.
func appendJSONKey(dst, text []byte) []byte {
	node := jsonNodeOf(JSON(text))
	return node.appendKey(dst)
}

func (n *jsonNode) appendKey(dst []byte) []byte {
	dst = append(dst, byte(n.kind))
	switch n.kind {
	case jsonBool:
		return strconv.AppendBool(dst, n.truth)
	case jsonNum:
		if d, ok := exactDecimal(n.number); ok {
			return HashKey(dst, d, CollationBinary)
		}
		return HashKey(dst, n.number, CollationBinary)
	case jsonString:
		return HashKey(dst, Bytes(n.text), CollationBinary)
	case jsonArray:
		dst = appendUint64(dst, uint64(len(n.items)))
		for i := range n.items {
			dst = n.items[i].appendKey(dst)
		}
	case jsonObject:
		dst = appendUint64(dst, uint64(len(n.members)))
		for i := range n.members {
			dst = HashKey(dst, Bytes(n.members[i].key), CollationBinary)
			dst = n.members[i].value.appendKey(dst)
		}
	}
	return dst
}

// jsonText gives the contents of a JSON string; false for other JSON.
func jsonText(text []byte) ([]byte, bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, false
	}
	node, err := parseJSON(text)
	return node.text, err == nil
}

// jsonNumber is the SQL number that a JSON scalar converts to, for CAST to what (INTEGER, DOUBLE, DECIMAL).
func jsonNumber(v Value, what string, warn Warner) Value {
	node := jsonNodeOf(v)
	switch node.kind {
	case jsonNum:
		return node.number
	case jsonBool:
		return Bool(node.truth)
	case jsonString:
		f, n, status := parseFloat(node.text)
		if status == parseOK && onlySpace(node.text[n:]) {
			if abs, neg, over, n := scanInteger(node.text); !over && onlySpace(node.text[n:]) {
				if i, clipped := signed(abs, neg); !clipped {
					return Int(i)
				}
			}
			return Float(f)
		}
	}
	warn.warn(mysqlerr.InvalidJSONValueForCast, what, "", 1)
	return Int(0)
}

// jsonTruth tells whether JSON is true in a condition: everything but 0, false and null is.
func jsonTruth(v Value) bool {
	node := jsonNodeOf(v)
	switch node.kind {
	case jsonNull:
		return false
	case jsonBool:
		return node.truth
	case jsonNum:
		return node.number.ToBool(nil)
	}
	return true
}
