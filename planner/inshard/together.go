package inshard

import (
	"cloudsql/planner/partition"
	"cloudsql/planner/scalar"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Together finds for each tablet of a table that one of another which has all partners of its rows, where the two are in one shard; nil: they
// are not. equal are positions of columns in both that have the same value in partners.
func Together(left, right *schema.Table, equal [][2]int) (ids []schema.TabletID) {
	if left.Temporary() || right.Temporary() {
		return nil
	}
	pairs := len(right.Tablets) > 1
	if pairs && (right.Cut() || !partition.Alike(left, right, equal)) {
		return nil
	}
	for leaf, tablets := range left.ByLeaf() {
		r := &right.Tablets[0]
		if pairs {
			r = &right.Tablets[leaf]
		}
		for i := range tablets {
			if r.Shard != tablets[i].Shard {
				return nil
			}
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// SameEncoding tells that values of one column are keys of an index of another, as they are.
func SameEncoding(a, b *types.Type) bool {
	if !scalar.SameKey(a, b) || a.IsTimestamp() || b.IsTimestamp() {
		return false
	}
	switch a.Class() {
	case types.ClassDecimal, types.ClassTime, types.ClassDatetime:
		return a.Decimals == b.Decimals
	}
	return true
}
