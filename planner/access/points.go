package access

import (
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
)

// Starts are the keys that spans of whole keys are of.
func Starts(spans []fragment.Span) [][]byte {
	list := make([][]byte, len(spans))
	for i, sp := range spans {
		list[i] = sp.Start
	}
	return list
}

// Wholes are the spans of whole keys.
func Wholes(list [][]byte) []fragment.Span {
	spans := make([]fragment.Span, len(list))
	for i, k := range list {
		spans[i] = fragment.Span{Start: k, End: keys.SpanSuccessor(k)}
	}
	return spans
}

// PointReads sends each key to the tablet that can have it; keys of a unique secondary index go to all, and those of a partitioned table to one of each
// partition.
func PointReads(f *fragment.Read, t *schema.Table, tablets []schema.Tablet, ix *schema.Index, list [][]byte) []*fragment.Read {
	if len(tablets) == 1 || !t.InOrder(ix) {
		out := make([]*fragment.Read, 0, len(tablets))
		for i := range tablets {
			mine := list
			if tb := &tablets[i]; ix.ID == schema.PrimaryIndex && !tb.Whole() {
				mine = slices.DeleteFunc(slices.Clone(list), func(key []byte) bool { return !tb.Holds(key) })
			}
			if len(mine) == 0 {
				continue
			}
			one := *f
			env := *f.Env
			one.Tablet, one.Keys, one.Reverse, one.Env = tablets[i].ID, mine, false, &env
			out = append(out, &one)
		}
		return out
	}
	byTablet := map[schema.TabletID]*fragment.Read{}
	var out []*fragment.Read
	for _, k := range list {
		id := t.TabletFor(k).ID
		one := byTablet[id]
		if one == nil {
			copied := *f
			one = &copied
			env := *f.Env
			one.Tablet, one.Reverse, one.Env = id, false, &env
			byTablet[id] = one
			out = append(out, one)
		}
		one.Keys = append(one.Keys, k)
	}
	return out
}
