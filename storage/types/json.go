package types

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
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

// TooDeep tells that nothing but the depth of its nesting is wrong with the text.
func (e *JSONError) TooDeep() bool { return e == errJSONDepth }

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
	out, err := normalJSON(text)
	if err != nil {
		return Null, err
	}
	return JSON(out), nil
}

// ToJSON is v as JSON_ARRAY and comparisons see it: a string becomes a JSON string, a number a number, a date its text.
// t tells what v is where that matters (a BOOL becomes true or false) and may be nil. CAST(… AS JSON), which parses
// strings, is Cast and ParseJSON. A binary string is refused with error 3144.
func (v Value) ToJSON(t *Type, warn Warner) (Value, error) {
	switch v.kind {
	case KindNull, KindJSON:
		return v, nil
	case KindBytes:
		return Null, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
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
		return appendQuoted(dst, temporal.AppendDatetime(nil, packedOf(v), 6))
	case KindTime:
		return appendQuoted(dst, temporal.AppendTime(nil, v.Int(), 6))
	case KindBit: // bytes of a type that JSON does not have
		return appendQuoted(dst, base64.StdEncoding.AppendEncode([]byte("base64:type16:"), v.AppendText(nil, nil)))
	}
	return AppendJSONString(dst, v.AppendText(nil, nil))
}

func appendQuoted(dst, text []byte) []byte { return append(append(append(dst, '"'), text...), '"') }

// jsonText gives the contents of a JSON string; false for other JSON.
func jsonText(text []byte) ([]byte, bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, false
	}
	node, err := parseJSON(text)
	return node.text, err == nil
}

// JSONNumber is the SQL number that a JSON scalar converts to; false where it holds none.
func JSONNumber(v Value) (Value, bool) {
	node := jsonNodeOf(v)
	switch node.kind {
	case jsonNum:
		return node.number, true
	case jsonBool:
		return Bool(node.truth), true
	case jsonString:
		f, n, status := numeral.ParseFloat(node.text)
		if status == numeral.OK && numeral.OnlySpace(node.text[n:]) {
			if abs, neg, over, n := numeral.ScanInteger(node.text); !over && numeral.OnlySpace(node.text[n:]) {
				if i, clipped := numeral.Signed(abs, neg); !clipped {
					return Int(i), true
				}
			}
			return Float(f), true
		}
	}
	return Int(0), false
}

// JSONString is the text of a JSON string; false for any other value.
func JSONString(v Value) (text []byte, ok bool) {
	if v.kind != KindJSON {
		return nil, false
	}
	node := jsonNodeOf(v)
	return node.text, node.kind == jsonString
}

// jsonNumber is JSONNumber for CAST to what (INTEGER, DOUBLE, DECIMAL), and 0 with a warning where there is none.
func jsonNumber(v Value, what string, warn Warner) Value {
	n, ok := JSONNumber(v)
	if !ok {
		warn.Warn(mysqlerr.InvalidJSONValueForCast, what, "", 1)
	}
	return n
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
