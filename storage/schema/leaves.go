package schema

import (
	"bytes"
	"slices"
	"sort"
)

// A table's tablets lie in the order of its partitioning's leaves and, within a leaf, of their bounds (decision 0058): those of a leaf follow one
// another, the first begins at nil, the last ends at nil. A table without partitions is as one leaf. Only what is here knows that.

// ByLeaf lists the tablets of each leaf.
func (t *Table) ByLeaf() (leaves [][]Tablet) {
	first := 0
	for i := range t.Tablets {
		if t.Tablets[i].End == nil {
			leaves = append(leaves, t.Tablets[first:i+1:i+1])
			first = i + 1
		}
	}
	return leaves
}

// LeafOf lists the tablets of the leaf with an id, of a table without partitions all of them.
func (t *Table) LeafOf(id PartitionID) []Tablet {
	if t.Partitioning == nil {
		return t.Tablets
	}
	first := slices.IndexFunc(t.Tablets, func(tb Tablet) bool { return tb.Partition == id })
	if first < 0 {
		return nil
	}
	end := first + 1
	for end < len(t.Tablets) && t.Tablets[end].Partition == id {
		end++
	}
	return t.Tablets[first:end:end]
}

// Split tells whether rows of a table without partitions are cut into tablets by ranges of their primary keys.
func (t *Table) Split() bool { return t.Partitioning == nil && len(t.Tablets) > 1 }

// Cut tells whether those of a leaf are.
func (t *Table) Cut() bool {
	return slices.ContainsFunc(t.Tablets, func(tb Tablet) bool { return tb.End != nil })
}

// TabletFor finds the tablet that holds an encoded primary key, in a table without partitions.
func (t *Table) TabletFor(key []byte) *Tablet { return TabletFor(t.Tablets, key) }

// TabletFor finds the tablet of a leaf that holds an encoded primary key.
func TabletFor(leaf []Tablet, key []byte) *Tablet { return &leaf[tabletIndex(leaf, key)] }

func tabletIndex(leaf []Tablet, key []byte) int {
	if len(leaf) == 1 {
		return 0
	}
	return sort.Search(len(leaf), func(i int) bool { return bytes.Compare(leaf[i].Start, key) > 0 }) - 1
}

// TabletsIn lists the tablets of a table without partitions that overlap a range of encoded primary keys; nil bounds are open, end is exclusive.
func (t *Table) TabletsIn(start, end []byte) []Tablet { return TabletsIn(t.Tablets, start, end) }

// TabletsIn lists those of a leaf.
func TabletsIn(leaf []Tablet, start, end []byte) []Tablet {
	if len(leaf) == 0 {
		return nil
	}
	first := 0
	if start != nil {
		first = tabletIndex(leaf, start)
	}
	last := first
	for last+1 < len(leaf) && (end == nil || bytes.Compare(leaf[last+1].Start, end) < 0) {
		last++
	}
	return leaf[first : last+1]
}

// Holds tells whether an encoded primary key is within the tablet's bounds.
func (tb *Tablet) Holds(key []byte) bool {
	return (tb.Start == nil || bytes.Compare(key, tb.Start) >= 0) && (tb.End == nil || bytes.Compare(key, tb.End) < 0)
}

// Whole tells whether the tablet has all rows of its leaf.
func (tb *Tablet) Whole() bool { return tb.Start == nil && tb.End == nil }

// InOrder tells whether an index's entries follow one another from tablet to tablet.
func (t *Table) InOrder(ix *Index) bool { return ix.ID == PrimaryIndex && t.Partitioning == nil }
