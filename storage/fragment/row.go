package fragment

import (
	"slices"

	"cloudsql/storage/types"
)

// Row is the fragment of one of w's rows.
func (w *Write) Row(i int) *Write {
	one := *w
	one.FirstRow, one.Generated = w.FirstRow+i, nil
	if len(w.Numbers) > 0 {
		one.Numbers, one.FirstRow = w.Numbers[i:i+1:i+1], w.Numbers[i]
	}
	if w.Rows.Len() > 0 {
		one.Rows = types.Batch{Width: w.Rows.Width}
		one.Rows.Append(w.Rows.Row(i))
		if slices.Contains(w.Generated, uint32(i)) { //nolint:gosec // a row of a fragment
			one.Generated = []uint32{0}
		}
	}
	if len(w.Keys) > 0 {
		one.Keys = w.Keys[i : i+1 : i+1]
	}
	return &one
}
