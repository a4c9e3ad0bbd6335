package scalar

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Hashing is how values that compare with = get equal hash keys.
type Hashing struct {
	OK    bool
	Float bool
	Coll  collation.ID
}

// HashOf finds a way to hash two types for the comparison eq.
func HashOf(a, b *types.Type, eq expr.Expr) Hashing {
	ca, cb := a.Class(), b.Class()
	coll := collation.Binary
	if c, ok := eq.(*expr.Call); ok {
		coll = c.Collation()
	}
	exact := func(c types.Class) bool { return c == types.ClassInt || c == types.ClassDecimal || c == types.ClassBit }
	number := func(c types.Class) bool { return exact(c) || c == types.ClassFloat }
	switch {
	case exact(ca) && exact(cb):
		return Hashing{OK: true, Coll: coll}
	case number(ca) && (number(cb) || cb == types.ClassString), number(cb) && ca == types.ClassString:
		return Hashing{OK: true, Float: true, Coll: coll}
	case ca == types.ClassString && cb == types.ClassString:
		// A binary and a character string are different kinds of values to a hash.
		return Hashing{OK: a.IsBinary() == b.IsBinary(), Coll: coll}
	case IsDate(ca) && IsDate(cb), ca == types.ClassTime && cb == types.ClassTime:
		return Hashing{OK: true, Coll: coll}
	}
	return Hashing{}
}

func IsDate(c types.Class) bool { return c == types.ClassDate || c == types.ClassDatetime }
