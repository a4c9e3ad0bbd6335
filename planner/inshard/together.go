package inshard

import (
	"cloudsql/planner/partition"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Together finds for each tablet of a table that one of another which has all partners of its rows, where the two are in one shard; nil: they
// are not. equal are positions of columns in both that have the same value in partners.
func Together(left, right *schema.Table, equal [][2]int) []schema.TabletID {
	if left.Temporary() || right.Temporary() {
		return nil
	}
	pairs := len(right.Tablets) > 1
	if pairs && !partition.Alike(left, right, equal) {
		return nil
	}
	ids := make([]schema.TabletID, len(left.Tablets))
	for i := range left.Tablets {
		r := &right.Tablets[0]
		if pairs {
			r = &right.Tablets[i]
		}
		if r.Shard != left.Tablets[i].Shard {
			return nil
		}
		ids[i] = r.ID
	}
	return ids
}

// SameKey tells that values of one column are keys of an index of another, as they are.
func SameKey(a, b *types.Type) bool {
	if a.Class() != b.Class() {
		return false
	}
	switch a.Class() {
	case types.ClassInt, types.ClassDate:
		return true
	case types.ClassString:
		return a.Collation == b.Collation
	case types.ClassDecimal, types.ClassTime:
		return a.Decimals == b.Decimals
	case types.ClassDatetime:
		return a.Decimals == b.Decimals && !a.IsTimestamp() && !b.IsTimestamp()
	}
	return false
}
