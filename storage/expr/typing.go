package expr

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/limits"
	"cloudsql/storage/types"
)

const (
	maxPrecision = 65 // digits of a DECIMAL
	maxScale     = 30 // of them behind the point
	notFixed     = 31 // Decimals of a result without a fixed number of them
)

// stringType is a character type that holds length characters, LONGTEXT's at most; clients see BLOB types from 64 KiB on.
func stringType(length int, coll collation.ID) types.Type {
	t := types.Type{ID: mysql.TypeVarString, Length: length, Decimals: notFixed, Collation: coll}
	if length < 0 {
		t.Length = types.Unspecified
		return t
	}
	width := 1
	if coll != collation.Binary {
		width = 4
	}
	t.Length = min(length, limits.TypeLength/width)
	switch bytes := t.Length * width; {
	case bytes >= 1<<24:
		t.ID = mysql.TypeLongBlob
	case bytes >= 1<<16:
		t.ID = mysql.TypeMediumBlob
	}
	return t
}

func intType(length int, unsigned bool) types.Type {
	t := types.TypeInt
	t.Length, t.Unsigned = length, unsigned
	return t
}

// intLiteralType has room for the digits and a sign, as in MySQL 8: a length of 1 is BOOL's alone.
func intLiteralType(i int64) types.Type {
	if i < 0 {
		return intType(len(itoa64(i)), false)
	}
	return intType(len(itoa64(i))+1, false)
}

func decimalType(precision, scale int) types.Type {
	scale = min(scale, maxScale)
	precision = min(max(precision, scale, 1), maxPrecision)
	return types.Type{ID: mysql.TypeNewDecimal, Length: precision, Decimals: scale, Collation: collation.Binary}
}

// doubleType is DOUBLE shown with a fixed number of decimals, or as many as it needs from notFixed on.
func doubleType(decimals int) types.Type {
	t := types.TypeDouble
	if decimals < notFixed {
		t.Decimals, t.Length = decimals, 17+decimals
	}
	return t
}

// decimalsOf is how many decimals a value of t is shown with, notFixed where that depends on the value.
func decimalsOf(t *types.Type) int {
	switch t.Class() {
	case types.ClassFloat:
		if t.Decimals < 0 || t.Decimals > maxScale {
			return notFixed
		}
		return t.Decimals
	case types.ClassString, types.ClassEnum, types.ClassSet, types.ClassJSON:
		return notFixed
	}
	return scaleOf(t)
}

func datetimeType(fsp int) types.Type {
	t := types.TypeDatetime
	t.Decimals, t.Length = fsp, 19+fracLen(fsp)
	return t
}

func timeType(fsp int) types.Type {
	t := types.TypeTime
	t.Decimals, t.Length = fsp, 10+fracLen(fsp)
	return t
}

func fracLen(fsp int) int {
	if fsp > 0 {
		return fsp + 1
	}
	return 0
}

// intDigits is the number of decimal digits that an integer (or temporal, as its number) of type t can have.
func intDigits(t *types.Type) int {
	switch t.ID {
	case mysql.TypeTiny:
		return 3
	case mysql.TypeShort:
		return 5
	case mysql.TypeInt24:
		return 8
	case mysql.TypeLong:
		return 10
	case mysql.TypeYear:
		return 4
	case mysql.TypeLonglong:
		// Literals say how long they are, with a sign.
		if t.Length > 0 && t.Length < 20 && !t.Unsigned {
			return max(t.Length-1, 1)
		}
		if t.Unsigned {
			return 20
		}
		return 19
	}
	switch t.Class() {
	case types.ClassDecimal:
		return max(t.Length-max(t.Decimals, 0), 0)
	case types.ClassDate:
		return 8
	case types.ClassDatetime:
		return 14
	case types.ClassTime:
		return 7
	case types.ClassBit:
		return 20
	}
	return 0
}

// scaleOf is the number of digits behind the point of an exact numeric or temporal type.
func scaleOf(t *types.Type) int {
	switch t.Class() {
	case types.ClassDecimal, types.ClassDatetime, types.ClassTime:
		return min(max(t.Decimals, 0), maxScale)
	}
	return 0
}

// fspOf is how many fractional digits a value of t has as a time.
func fspOf(t *types.Type) int {
	switch t.Class() {
	case types.ClassInt, types.ClassDate, types.ClassNull, types.ClassBit:
		return 0
	case types.ClassDatetime, types.ClassTime, types.ClassDecimal:
		return min(max(t.Decimals, 0), 6)
	}
	return 6
}

// charLen is how many characters a value of t may need as text; Unspecified where t sets no bound.
func charLen(t *types.Type) int {
	switch t.Class() {
	case types.ClassNull:
		return 0
	case types.ClassInt:
		if t.Length > 0 && t.ID == mysql.TypeLonglong {
			return t.Length
		}
		if t.Unsigned {
			return intDigits(t)
		}
		return intDigits(t) + 1
	case types.ClassDecimal:
		n := t.Length + 1
		if t.Decimals > 0 {
			n++
		}
		return n
	case types.ClassFloat:
		return 23
	case types.ClassDate:
		return 10
	case types.ClassDatetime:
		return 19 + fracLen(t.Decimals)
	case types.ClassTime:
		return 10 + fracLen(t.Decimals)
	case types.ClassBit:
		return (max(t.Length, 1) + 7) / 8
	case types.ClassEnum:
		n := 0
		for _, e := range t.Elems {
			n = max(n, runeCount([]byte(e)))
		}
		return n
	case types.ClassSet:
		n := 0
		for _, e := range t.Elems {
			n += runeCount([]byte(e)) + 1
		}
		return max(n-1, 0)
	}
	return t.Length
}

// sumLen adds lengths of which one may be unspecified.
func sumLen(args []Expr) int {
	n := 0
	for _, a := range args {
		l := charLen(a.Type())
		if l < 0 {
			return types.Unspecified
		}
		n += l
	}
	return n
}

func maxLen(args []Expr) int {
	n := 0
	for _, a := range args {
		l := charLen(a.Type())
		if l < 0 {
			return types.Unspecified
		}
		n = max(n, l)
	}
	return n
}

// unify is the type of a value that comes from any of args: of CASE, IF, COALESCE, GREATEST and UNION-like operators.
func unify(args []Expr) types.Type {
	t := types.TypeNull
	for _, a := range args {
		t = unifyTypes(t, *a.Type())
	}
	return t
}

func unifyTypes(a, b types.Type) types.Type {
	ca, cb := a.Class(), b.Class()
	if ca == types.ClassNull {
		return plainType(b)
	}
	if cb == types.ClassNull {
		return plainType(a)
	}
	switch {
	case ca == types.ClassBit && cb == types.ClassBit:
		if a.Length < b.Length {
			return b
		}
		return a
	case isNumberClass(ca) && isNumberClass(cb):
		return unifyNumbers(a, b)
	case ca == cb:
		return unifySame(a, b)
	case isDateClass(ca) && isDateClass(cb):
		return datetimeType(max(fspOf(&a), fspOf(&b)))
	case isTemporalClass(ca) && isTemporalClass(cb):
		return datetimeType(max(fspOf(&a), fspOf(&b)))
	}
	return unifyStrings(a, b)
}

// plainType is t as the result of an expression: a column's display attributes are left behind.
func plainType(t types.Type) types.Type {
	switch t.Class() {
	case types.ClassEnum, types.ClassSet:
		return stringType(charLen(&t), t.Collation)
	}
	t.Zerofill = false
	return t
}

func isNumberClass(c types.Class) bool {
	return c == types.ClassInt || c == types.ClassFloat || c == types.ClassDecimal || c == types.ClassBit
}

func isTemporalClass(c types.Class) bool {
	return c == types.ClassDate || c == types.ClassDatetime || c == types.ClassTime
}

func isDateClass(c types.Class) bool { return c == types.ClassDate || c == types.ClassDatetime }

func unifyNumbers(a, b types.Type) types.Type {
	ca, cb := a.Class(), b.Class()
	if ca == types.ClassFloat || cb == types.ClassFloat {
		if a.ID == mysql.TypeFloat && b.ID == mysql.TypeFloat {
			return plainType(a)
		}
		return doubleType(max(decimalsOf(&a), decimalsOf(&b)))
	}
	if ca != cb && (ca == types.ClassBit || cb == types.ClassBit) {
		if ca == types.ClassBit {
			a = types.TypeUint
		} else {
			b = types.TypeUint
		}
	}
	// A YEAR is a number beside other ones, and goes with either sign.
	if a.ID != b.ID && a.ID == mysql.TypeYear {
		a.ID, a.Unsigned = mysql.TypeShort, b.Unsigned
	} else if a.ID != b.ID && b.ID == mysql.TypeYear {
		b.ID, b.Unsigned = mysql.TypeShort, a.Unsigned
	}
	mixedSigns := a.Unsigned != b.Unsigned
	if ca == types.ClassDecimal || cb == types.ClassDecimal {
		scale := max(scaleOf(&a), scaleOf(&b))
		t := decimalType(max(intDigits(&a), intDigits(&b))+scale, scale)
		t.Unsigned = a.Unsigned && b.Unsigned
		return t
	}
	if !mixedSigns {
		n := max(a.Length, b.Length)
		if intRank(a.ID) < intRank(b.ID) {
			a = b
		}
		a.Length = n
		return plainType(a)
	}
	unsigned, signed := a, b
	if b.Unsigned {
		unsigned, signed = b, a
	}
	if intDigits(&unsigned) >= 19 {
		return decimalType(20, 0)
	}
	n := max(intDigits(&unsigned), intDigits(&signed)) + 1
	return intType(n, false)
}

func intRank(id types.ID) int {
	switch id {
	case mysql.TypeTiny, mysql.TypeYear:
		return 1
	case mysql.TypeShort:
		return 2
	case mysql.TypeInt24:
		return 3
	case mysql.TypeLong:
		return 4
	}
	return 5
}

func unifySame(a, b types.Type) types.Type {
	switch a.Class() {
	case types.ClassString, types.ClassEnum, types.ClassSet:
		return unifyStrings(a, b)
	case types.ClassDatetime, types.ClassTime:
		if a.Decimals < b.Decimals {
			return b
		}
	}
	return a
}

func unifyStrings(a, b types.Type) types.Type {
	n := types.Unspecified
	if la, lb := charLen(&a), charLen(&b); la >= 0 && lb >= 0 {
		n = max(la, lb)
	}
	coll := collation.Default
	switch {
	case a.Class() == types.ClassBit, b.Class() == types.ClassBit:
		coll = collation.Binary
	case isStringy(&a):
		coll = a.Collation
	case isStringy(&b):
		coll = b.Collation
	}
	t := stringType(n, coll)
	if isTextID(a.ID) || isTextID(b.ID) || a.Class() == types.ClassJSON || b.Class() == types.ClassJSON {
		t.ID = mysql.TypeLongBlob
	}
	return t
}

func isTextID(id types.ID) bool {
	switch id {
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob:
		return true
	}
	return false
}

// convert brings a value of one branch to the type that unify found for all of them.
func convert(env *Env, v types.Value, from, to *types.Type) types.Value {
	if v.IsNull() {
		return v
	}
	k := v.Kind()
	switch to.Class() {
	case types.ClassInt:
		if k == types.KindInt || k == types.KindUint {
			return v
		}
		if to.Unsigned || k == types.KindBit {
			u, _ := v.ToUint(env.Warn)
			return types.Uint(u)
		}
		i, _ := v.ToInt(env.Warn)
		return types.Int(i)
	case types.ClassFloat:
		if k == types.KindFloat {
			return v
		}
		return types.Float(v.ToFloat(env.Warn))
	case types.ClassDecimal:
		if k == types.KindDecimal {
			return v
		}
		return types.Dec(v.ToDecimal(env.Warn))
	case types.ClassString:
		return toStringKind(v, from, to)
	case types.ClassDate:
		if k == types.KindDate {
			return v
		}
		return v.ToDate(&env.Mode, env.Warn)
	case types.ClassDatetime:
		if k == types.KindDatetime {
			return v
		}
		return timeAsDatetime(env, v)
	case types.ClassTime:
		if k == types.KindTime {
			return v
		}
		return v.ToTime(&env.Mode, env.Warn)
	case types.ClassJSON:
		if k == types.KindJSON {
			return v
		}
		if j, err := v.ToJSON(from, env.Warn); err == nil {
			return j
		}
	}
	return v
}

func toStringKind(v types.Value, from, to *types.Type) types.Value {
	k := v.Kind()
	if to.Collation == collation.Binary {
		if k == types.KindBytes {
			return v
		}
		return types.Bytes(textOf(v, from))
	}
	if k == types.KindString {
		return v
	}
	return types.String(textOf(v, from))
}
