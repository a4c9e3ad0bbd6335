// Package valuetest draws random values for the tests of those who convert, encode and compare them. What it draws depends on
// the generator alone.
package valuetest

import (
	"math"
	"math/rand/v2"
	"strings"

	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Value draws a value of any kind.
func Value(r *rand.Rand) types.Value {
	day := func() uint64 {
		return temporal.Pack(r.IntN(10000), r.IntN(13), r.IntN(32), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000000))
	}
	switch types.Kind(r.IntN(int(types.KindBit) + 1)) {
	case types.KindInt:
		return types.Int(int64(r.Uint64()) >> r.IntN(64))
	case types.KindUint:
		return types.Uint(r.Uint64() >> r.IntN(64))
	case types.KindFloat:
		return types.Float(r.NormFloat64() * math.Pow10(r.IntN(40)-20))
	case types.KindDecimal:
		v, _, _ := types.ParseDecimal([]byte(DecimalText(r, 1+r.IntN(35), 30)))
		return v
	case types.KindString:
		return types.String(text(r))
	case types.KindBytes:
		return types.Bytes([]byte{byte(r.Uint32()), byte(r.Uint32())}[:r.IntN(3)])
	case types.KindDate:
		return types.Date(temporal.DateOnly(day()))
	case types.KindDatetime:
		return types.Datetime(day(), r.IntN(7))
	case types.KindTimestamp:
		return types.Timestamp(temporal.MinTimestamp+r.Int64N(temporal.MaxTimestamp-temporal.MinTimestamp), r.IntN(7))
	case types.KindTime:
		return types.Time(r.Int64N(2*temporal.MaxTime)-temporal.MaxTime, r.IntN(7))
	case types.KindJSON:
		return types.JSON(types.AppendJSONString(nil, text(r)))
	case types.KindEnum:
		return types.Enum(r.Uint64N(100), text(r))
	case types.KindSet:
		return types.Set(r.Uint64(), text(r))
	case types.KindBit:
		return types.Bit(r.Uint64()>>8, 56)
	}
	return types.Null
}

// DecimalText is a number of up to whole digits, perhaps with a sign and with a point and up to frac digits behind it.
func DecimalText(r *rand.Rand, whole, frac int) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteByte('-')
	}
	for range 1 + r.IntN(whole) {
		b.WriteByte(byte('0' + r.IntN(10)))
	}
	if n := r.IntN(frac + 1); n > 0 {
		b.WriteByte('.')
		for range n {
			b.WriteByte("0123456789999"[r.IntN(13)])
		}
	}
	return b.String()
}

// words differ in case, accents, spaces and width, which some collations overlook.
var words = []string{"a", "A", "B ", " ", "\t", "\x00", "0", "é", "É", "ß", "ss", "\u0301", "中", "😀"}

func text(r *rand.Rand) []byte {
	var out []byte
	for range r.IntN(5) {
		out = append(out, words[r.IntN(len(words))]...)
	}
	return out
}
