package types

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
)

// MaxBytes is the number of bytes that a column of a string type holds at most, counted in the column's own character
// set for CHAR and VARCHAR.
func (t *Type) MaxBytes() int {
	switch t.ID {
	case mysql.TypeTinyBlob:
		return math.MaxUint8
	case mysql.TypeBlob:
		return math.MaxUint16
	case mysql.TypeMediumBlob:
		return 1<<24 - 1
	case mysql.TypeLongBlob:
		return math.MaxUint32
	}
	if t.Length < 0 {
		return math.MaxUint32
	}
	return t.Length * t.Collation.MaxBytes()
}

// isText tells whether t is TEXT or BLOB of some size, whose length is in bytes.
func (t *Type) isText() bool {
	switch t.ID {
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob:
		return true
	}
	return false
}

// hasCharset tells whether t's values are text in a character set whose bytes are not those of UTF-8.
func (t *Type) hasCharset() bool {
	switch t.Class() {
	case ClassString, ClassEnum, ClassSet:
		return !t.Collation.KeepsUTF8()
	}
	return false
}

// decode makes text of bytes for a column of a character set: they are characters of that set.
func (a *assignment) decode() error {
	s := a.v.b
	if a.v.kind == KindBit {
		s = a.v.AppendText(nil, nil)
	}
	text, bad := a.t.Collation.DecodeStrict(s)
	if bad >= 0 {
		if _, err := a.problem(a.incorrect("string", collation.BadBytes(s[min(bad, len(s)):])), Null); err != nil {
			return err
		}
	}
	a.v = String(text)
	return nil
}

// fittingBytes is how many leading bytes of s the column has room for. legacy counts a TEXT in UTF-8, as V1 did.
func (t *Type) fittingBytes(s []byte, legacy bool) int {
	if t.isText() {
		limit := t.MaxBytes()
		if !legacy && t.Collation.EncodedLen(s) <= limit {
			return len(s)
		}
		if !legacy && !t.Collation.KeepsUTF8() {
			return t.Collation.FittingPrefix(s, limit)
		}
		if len(s) <= limit {
			return len(s)
		}
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		return limit
	}
	if t.Length < 0 || len(s) <= t.Length {
		return len(s)
	}
	return charsLength(s, t.Length)
}

// charsLength is the length in bytes of the first n characters of s.
func charsLength(s []byte, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return i
}

func (a *assignment) text() (Value, error) {
	s := a.v.b
	switch a.v.kind {
	case KindString, KindBytes, KindEnum, KindSet, KindJSON, KindBit:
		if a.v.kind == KindBit {
			s = a.v.AppendText(nil, nil)
		}
		// Strings are looked at too: an expression over text and bytes gives them, and what is stored ends in the log,
		// whose readers take no broken text.
		if a.v.kind == KindBytes || a.v.kind == KindBit || a.t.Collation.Charset() != "utf8mb4" || !utf8.Valid(s) {
			if good := a.t.Collation.ValidPrefix(s); good < len(s) {
				if _, err := a.problem(a.incorrect("string", collation.BadBytes(s[good:])), Null); err != nil {
					return Null, err
				}
				s = a.t.Collation.Repair(s)
			}
		}
	default:
		s = ToLocal(a.v, a.mode.loc()).AppendText(make([]byte, 0, 32), nil)
	}
	if a.t.ID == mysql.TypeString {
		s = bytes.TrimRight(s, " ")
	}
	n := a.t.fittingBytes(s, a.mode.legacy())
	if n < len(s) && a.v.kind == KindFloat && !a.mode.legacy() {
		if short, ok := numeral.FitFloat(a.v.Float(), n); ok {
			s, n = short, len(short)
		}
	}
	if n == len(s) {
		return String(s), nil
	}
	if len(bytes.TrimRight(s[n:], " ")) == 0 {
		a.note()
		return String(s[:n]), nil
	}
	if !a.mode.Strict {
		return a.problem(a.truncated(), String(s[:n]))
	}
	return a.problem(a.tooLong(), String(s[:n]))
}

func (a *assignment) bytes() (Value, error) {
	s := a.v.b
	switch a.v.kind {
	case KindString, KindBytes, KindEnum, KindSet, KindJSON:
	default:
		s = ToLocal(a.v, a.mode.loc()).AppendText(make([]byte, 0, 32), nil)
	}
	limit := a.t.MaxBytes()
	if len(s) > limit && a.v.kind == KindFloat && !a.mode.legacy() {
		if short, ok := numeral.FitFloat(a.v.Float(), limit); ok {
			s = short
		}
	}
	if len(s) > limit {
		if !a.mode.Strict {
			return a.problem(a.truncated(), Bytes(s[:limit]))
		}
		return a.problem(a.tooLong(), Bytes(s[:limit]))
	}
	return Bytes(a.t.padBinary(s)), nil
}

// padBinary fills a BINARY(n) up with zero bytes.
func (t *Type) padBinary(s []byte) []byte {
	if t.ID != mysql.TypeString || t.Length < 0 || len(s) >= t.Length {
		return s
	}
	padded := make([]byte, t.Length)
	copy(padded, s)
	return padded
}

func (a *assignment) json() (Value, error) {
	switch a.v.kind {
	case KindJSON:
		return a.v, nil
	case KindString, KindEnum, KindSet:
		v, err := ParseJSON(a.v.b)
		if err != nil {
			var bad *JSONError
			if errors.As(err, &bad) && bad != errJSONDepth {
				return Null, invalidJSON(bad.Reason, bad.Position, a.column)
			}
			return Null, mysqlerr.New(mysqlerr.JSONDocumentTooDeep)
		}
		return v, nil
	case KindBytes, KindBit:
		return Null, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
	}
	return Null, invalidJSON("not a JSON text, may need CAST", 0, a.column)
}

// invalidJSON is 3140, an error in every sql_mode.
func invalidJSON(reason string, position int, column string) error {
	return mysqlerr.New(mysqlerr.InvalidJSONText, reason, position, column)
}

// EnumValue is the ENUM element of an index; 0, and what is out of range, is the error value ”. It shares t's text.
func EnumValue(t *Type, index uint64) Value {
	if index == 0 || index > uint64(len(t.Elems)) {
		return Enum(0, nil)
	}
	return Enum(index, viewBytes(t.Elems[index-1]))
}

// SetValue is the SET value of a mask.
func SetValue(t *Type, mask uint64) Value {
	var text []byte
	for i := range t.Elems {
		switch {
		case mask&(1<<i) == 0:
		case text == nil && mask == 1<<i:
			return Set(mask, viewBytes(t.Elems[i]))
		default:
			if text != nil {
				text = append(text, ',')
			}
			text = append(text, t.Elems[i]...)
		}
	}
	return Set(mask, text)
}

// viewBytes views a string's bytes; nobody writes to the bytes of a Value.
func viewBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// element finds an ENUM or SET element by its text, under the column's collation; -1 where there is none.
func (t *Type) element(text []byte) int {
	for i := range t.Elems {
		if t.Elems[i] == string(text) {
			return i
		}
	}
	for i := range t.Elems {
		if t.Collation.CompareStrings(viewBytes(t.Elems[i]), text) == 0 {
			return i
		}
	}
	return -1
}

func (a *assignment) enum() (Value, error) {
	if a.isNumber() {
		u, clipped := a.v.ToUint(nil)
		if clipped || u == 0 || u > uint64(len(a.t.Elems)) {
			if u == 0 && !clipped && !a.mode.Strict {
				return Enum(0, nil), nil
			}
			return a.problem(a.truncated(), Enum(0, nil))
		}
		return EnumValue(a.t, u), nil
	}
	text := bytes.TrimRight(a.asText(), " ")
	if i := a.t.element(text); i >= 0 {
		return EnumValue(a.t, uint64(i)+1), nil
	}
	if a.v.kind == KindEnum && a.v.n == 0 && len(a.v.b) == 0 {
		return Enum(0, nil), nil // the error value of another column
	}
	if abs, neg, over, n := numeral.ScanInteger(text); n == len(text) && n > 0 && !neg && !over && abs > 0 &&
		abs <= uint64(len(a.t.Elems)) {
		return EnumValue(a.t, abs), nil // a number in quotes that is no element counts as an index
	}
	return a.problem(a.truncated(), Enum(0, nil))
}

func (a *assignment) set() (Value, error) {
	all := uint64(math.MaxUint64)
	if n := len(a.t.Elems); n < 64 {
		all = 1<<n - 1
	}
	if a.isNumber() {
		u, clipped := a.v.ToUint(nil)
		if clipped || u&^all != 0 {
			return a.problem(a.truncated(), SetValue(a.t, u&all))
		}
		return SetValue(a.t, u), nil
	}
	text := bytes.TrimRight(a.asText(), " ")
	mask, bad := a.t.setMask(text)
	if !bad {
		return SetValue(a.t, mask), nil
	}
	if abs, neg, over, n := numeral.ScanInteger(text); n == len(text) && n > 0 && !neg && !over && abs&^all == 0 {
		return SetValue(a.t, abs), nil
	}
	return a.problem(a.truncated(), SetValue(a.t, mask))
}

// setMask reads elements between commas; bad tells that some were unknown and left out.
func (t *Type) setMask(text []byte) (mask uint64, bad bool) {
	for len(text) > 0 {
		part, rest, more := bytes.Cut(text, []byte{','})
		if i := t.element(part); i >= 0 {
			mask |= 1 << i
		} else {
			bad = true
		}
		if text = rest; more && len(rest) == 0 {
			bad = true
		}
	}
	return mask, bad
}

func (a *assignment) isNumber() bool {
	switch a.v.kind {
	case KindInt, KindUint, KindFloat, KindDecimal, KindBit:
		return true
	}
	return false
}

// asText is the value's text, without a copy where it has one.
func (a *assignment) asText() []byte {
	if a.v.b != nil && a.v.kind != KindDecimal {
		return a.v.b
	}
	return ToLocal(a.v, a.mode.loc()).AppendText(nil, nil)
}
