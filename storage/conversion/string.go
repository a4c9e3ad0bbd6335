package conversion

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
	"cloudsql/storage/types"
)

// maxBytes is the number of bytes that a column of a string type holds at most, counted in the column's own character
// set for CHAR and VARCHAR.
func maxBytes(t *types.Type) int {
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

// hasCharset tells whether t's values are text in a character set whose bytes are not those of UTF-8.
func hasCharset(t *types.Type) bool {
	switch t.Class() {
	case types.ClassString, types.ClassEnum, types.ClassSet:
		return !t.Collation.KeepsUTF8()
	}
	return false
}

// InBytes is a value of type from as the bytes of its character set, as a column of bytes takes it.
func InBytes(v types.Value, from *types.Type) types.Value {
	if v.IsNull() || !hasCharset(from) {
		return v
	}
	return types.Bytes(from.Collation.Encode(v.AppendText(nil, from)))
}

// decode makes text of bytes for a column of a character set: they are characters of that set.
func (a *assignment) decode() error {
	s := a.raw
	if a.kind == types.KindBit {
		s = a.v.AppendText(nil, nil)
	}
	text, bad := a.t.Collation.DecodeStrict(s)
	if bad >= 0 {
		if _, err := a.problem(a.incorrect("string", collation.BadBytes(s[min(bad, len(s)):])), types.Null); err != nil {
			return err
		}
	}
	a.v, a.kind, a.raw = types.String(text), types.KindString, text
	return nil
}

// fittingBytes is how many leading bytes of s the column has room for. legacy counts a TEXT in UTF-8, as V1 did.
func fittingBytes(s []byte, t *types.Type, legacy bool) int {
	if t.IsLob() {
		limit := maxBytes(t)
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
	return collation.CharsPrefix(s, t.Length)
}

func (a *assignment) text() (types.Value, error) {
	s := a.raw
	switch a.kind {
	case types.KindString, types.KindBytes, types.KindEnum, types.KindSet, types.KindJSON, types.KindBit:
		if a.kind == types.KindBit {
			s = a.v.AppendText(nil, nil)
		}
		// Strings are looked at too: an expression over text and bytes gives them, and what is stored ends in the log,
		// whose readers take no broken text.
		if a.kind == types.KindBytes || a.kind == types.KindBit || a.t.Collation.Charset() != "utf8mb4" || !utf8.Valid(s) {
			if good := a.t.Collation.ValidPrefix(s); good < len(s) {
				if _, err := a.problem(a.incorrect("string", collation.BadBytes(s[good:])), types.Null); err != nil {
					return types.Null, err
				}
				s = a.t.Collation.Repair(s, !a.mode.Legacy)
			}
		}
	default:
		s = types.ToLocal(a.v, a.mode.Location()).AppendText(make([]byte, 0, 32), nil)
	}
	if a.t.ID == mysql.TypeString {
		s = bytes.TrimRight(s, " ")
	}
	n := fittingBytes(s, a.t, a.mode.Legacy)
	if n < len(s) && a.kind == types.KindFloat && !a.mode.Legacy {
		if short, ok := numeral.FitFloat(a.v.Float(), n); ok {
			s, n = short, len(short)
		}
	}
	if n == len(s) {
		return types.String(s), nil
	}
	if len(bytes.TrimRight(s[n:], " ")) == 0 {
		a.note()
		return types.String(s[:n]), nil
	}
	if !a.mode.Strict {
		return a.problem(a.truncated(), types.String(s[:n]))
	}
	return a.problem(a.tooLong(), types.String(s[:n]))
}

func (a *assignment) bytes() (types.Value, error) {
	s := a.raw
	switch a.kind {
	case types.KindString, types.KindBytes, types.KindEnum, types.KindSet, types.KindJSON:
	default:
		s = types.ToLocal(a.v, a.mode.Location()).AppendText(make([]byte, 0, 32), nil)
	}
	limit := maxBytes(a.t)
	if len(s) > limit && a.kind == types.KindFloat && !a.mode.Legacy {
		if short, ok := numeral.FitFloat(a.v.Float(), limit); ok {
			s = short
		}
	}
	if len(s) > limit {
		if !a.mode.Strict {
			return a.problem(a.truncated(), types.Bytes(s[:limit]))
		}
		return a.problem(a.tooLong(), types.Bytes(s[:limit]))
	}
	return types.Bytes(padBinary(s, a.t)), nil
}

// padBinary fills a BINARY(n) up with zero bytes.
func padBinary(s []byte, t *types.Type) []byte {
	if t.ID != mysql.TypeString || t.Length < 0 || len(s) >= t.Length {
		return s
	}
	padded := make([]byte, t.Length)
	copy(padded, s)
	return padded
}

func (a *assignment) json() (types.Value, error) {
	switch a.kind {
	case types.KindJSON:
		return a.v, nil
	case types.KindString, types.KindEnum, types.KindSet:
		v, err := types.ParseJSON(a.raw)
		if err != nil {
			var bad *types.JSONError
			if errors.As(err, &bad) && !bad.TooDeep() {
				return types.Null, invalidJSON(bad.Reason, bad.Position, a.column)
			}
			return types.Null, mysqlerr.New(mysqlerr.JSONDocumentTooDeep)
		}
		return v, nil
	case types.KindBytes, types.KindBit:
		return types.Null, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
	}
	return types.Null, invalidJSON("not a JSON text, may need CAST", 0, a.column)
}

// invalidJSON is 3140, an error in every sql_mode.
func invalidJSON(reason string, position int, column string) error {
	return mysqlerr.New(mysqlerr.InvalidJSONText, reason, position, column)
}

// member is a number that stands for members of an ENUM or SET: fractions are cut off.
func (a *assignment) member() (u uint64, clipped bool) {
	v := a.v
	if (a.kind == types.KindFloat || a.kind == types.KindDecimal) && !a.mode.Legacy {
		v = types.Float(math.Trunc(v.ToFloat(nil)))
	}
	return v.ToUint(nil)
}

func (a *assignment) enum() (types.Value, error) {
	if a.kind.Numeric() {
		u, clipped := a.member()
		if clipped || u == 0 || u > uint64(len(a.t.Elems)) {
			if u == 0 && !clipped && !a.mode.Strict {
				return types.Enum(0, nil), nil
			}
			return a.problem(a.truncated(), types.Enum(0, nil))
		}
		return types.EnumValue(a.t, u), nil
	}
	text := bytes.TrimRight(a.asText(), " ")
	if i := a.t.Element(text); i >= 0 {
		return types.EnumValue(a.t, uint64(i)+1), nil
	}
	if a.kind == types.KindEnum && a.v.Uint() == 0 && len(a.raw) == 0 {
		return types.Enum(0, nil), nil // the error value of another column
	}
	if abs, neg, over, n := numeral.ScanInteger(text); n == len(text) && n > 0 && !neg && !over && abs > 0 &&
		abs <= uint64(len(a.t.Elems)) {
		return types.EnumValue(a.t, abs), nil // a number in quotes that is no element counts as an index
	}
	return a.problem(a.truncated(), types.Enum(0, nil))
}

func (a *assignment) set() (types.Value, error) {
	all := uint64(math.MaxUint64)
	if n := len(a.t.Elems); n < 64 {
		all = 1<<n - 1
	}
	if a.kind.Numeric() {
		u, clipped := a.member()
		if clipped || u&^all != 0 {
			return a.problem(a.truncated(), types.SetValue(a.t, u&all))
		}
		return types.SetValue(a.t, u), nil
	}
	text := bytes.TrimRight(a.asText(), " ")
	mask, bad := setMask(text, a.t)
	if !bad {
		return types.SetValue(a.t, mask), nil
	}
	if abs, neg, over, n := numeral.ScanInteger(text); n == len(text) && n > 0 && !neg && !over && abs&^all == 0 {
		return types.SetValue(a.t, abs), nil
	}
	return a.problem(a.truncated(), types.SetValue(a.t, mask))
}

// setMask reads elements between commas; bad tells that some were unknown and left out.
func setMask(text []byte, t *types.Type) (mask uint64, bad bool) {
	for len(text) > 0 {
		part, rest, more := bytes.Cut(text, []byte{','})
		if i := t.Element(part); i >= 0 {
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

// asText is the value's text, without a copy where it has one.
func (a *assignment) asText() []byte {
	if a.raw != nil && a.kind != types.KindDecimal {
		return a.raw
	}
	return types.ToLocal(a.v, a.mode.Location()).AppendText(nil, nil)
}
