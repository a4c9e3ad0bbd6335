package access

import (
	"math"

	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
)

// Table is a base table as access paths see it: its descriptor, the numbers of its columns, and what is known of its rows.
type Table struct {
	Desc  *schema.Table
	First int   // number of column 0; the others follow
	Used  []int // positions of the columns that are read
	// Changes tells that the rows are to be changed: each is locked, and looked at again where an index has led to it.
	Changes bool
	Hint    Hint
	Only    []int   // PARTITION (…): the places of the partitions that are read; nil: all
	Rows    float64 // estimated rows
	Known   *Known  // what is known of them; nil: nothing
}

// Position gives the position of a column of this table, -1 for others.
func (r *Table) Position(c *expr.Column) int {
	if pos := c.Index - r.First; pos >= 0 && pos < len(r.Desc.Columns) {
		return pos
	}
	return -1
}

// Path is a way to read a table: an index, the conditions that bound it, and what is left to filter.
type Path struct {
	Index  *schema.Index
	Access [][]*Cond   // for each leading column of index that is bounded: its conditions
	Whole  bool        // every column has single values that are not NULL, and the index is unique: each combination is one row's at most
	Point  bool        // Whole, and of whole columns
	Points int         // number of keys or of spans
	Filter []expr.Expr // conditions that the spans do not settle
	// Bounded are the conditions on single columns, by position, where partitions are chosen by them.
	Bounded map[int][]*Cond

	Usable  uint64 // positions of the indexes that the conditions bound, of the first 64
	Reverse bool
	Ordered bool // rows come in the required order
	Cover   bool
	Est     float64 // rows in the spans
	Out     float64 // rows after the filter
	Price   float64
}

// OrderOf is the order of an index's entries.
func (p *Path) OrderOf(rel *Table) []scalar.OrderCol {
	var order []scalar.OrderCol
	add := func(ix *schema.Index) {
		for i := range ix.Columns {
			c := &ix.Columns[i]
			if c.Prefix > 0 {
				return
			}
			order = append(order, scalar.OrderCol{ID: rel.First + c.Column, Desc: c.Desc != p.Reverse})
		}
	}
	add(p.Index)
	if p.Index.ID != schema.PrimaryIndex && len(order) == len(p.Index.Columns) {
		add(rel.Desc.Primary())
	}
	return order
}

// Costs of a path, in rows read in order.
const (
	CostFragment  = 2.0
	costSpan      = 0.5
	CostPoint     = 1.5
	costIndexRow  = 0.8
	CostLookupRow = 3.0
	CostFilter    = 0.05
	maxSpans      = 4096 // that the points of several columns may multiply to
)

// Best chooses how to read the rows that meet conds. known tells which expressions besides constants have a value.
// want is the required order of rows; mustOrder leaves out paths that do not have it (nil then tells that there is
// none). limit is how many rows are read in that order, 0 for all.
func (r *Table) Best(conds []expr.Expr, want []scalar.OrderCol, mustOrder bool, limit float64) *Path {
	var best *Path
	usable := uint64(0)
	for i := range r.Desc.Indexes {
		ix := &r.Desc.Indexes[i]
		use := &r.Hint.Join
		if mustOrder {
			use = &r.Hint.Order
		}
		if ix.State != schema.Public || ix.Hidden || !use.Allows(ix.Name) {
			if i > 0 || len(want) > 0 && mustOrder {
				continue
			}
			if use.Force && r.usable(conds) { // the table scan remains where no index serves
				continue
			}
		}
		p := r.path(ix, conds, want, scalar.Fixed)
		if len(p.Access) > 0 {
			usable |= 1 << i
		}
		if mustOrder && !p.Ordered {
			continue
		}
		if mustOrder && limit > 0 && p.Out > limit {
			p.Price = CostFragment + (p.Price-CostFragment)*limit/p.Out
		}
		if best == nil || p.Price < best.Price {
			best = p
		}
	}
	if best == nil && !mustOrder {
		best = r.path(r.Desc.Primary(), conds, want, scalar.Fixed)
	}
	if best != nil {
		best.Usable = usable
	}
	return best
}

// SingleValues tells whether each bounded column has one value.
func (p *Path) SingleValues() bool {
	for _, list := range p.Access {
		if pointsOf(list) != 1 {
			return false
		}
	}
	return true
}

// usable tells whether one of the hinted indexes can be bounded by conds.
func (r *Table) usable(conds []expr.Expr) bool {
	for i := range r.Desc.Indexes {
		ix := &r.Desc.Indexes[i]
		if ix.State == schema.Public && r.Hint.Join.Allows(ix.Name) && len(r.path(ix, conds, nil, scalar.Fixed).Access) > 0 {
			return true
		}
	}
	return false
}

// path works out how an index serves conds.
func (r *Table) path(ix *schema.Index, conds []expr.Expr, want []scalar.OrderCol, known func(expr.Expr) bool) *Path {
	p := &Path{Index: ix, Points: 1}
	byColumn := make(map[int][]*Cond)
	source := make(map[*Cond]int)
	for i, c := range conds {
		if col, rc := Match(c, r.Position, known); rc != nil {
			byColumn[col] = append(byColumn[col], rc)
			source[rc] = i
		}
	}
	if r.Desc.Partitioning != nil {
		p.Bounded = byColumn
	}
	settled := make(map[int]bool)
	share, whole, prefix := 1.0, ix.IsUnique() || ix.ID == schema.PrimaryIndex, false
	single := 0   // leading columns with one value each
	exact := true // so far all columns have single values for sure, so that the next one's ranges apply
	for i := range ix.Columns {
		c := &ix.Columns[i]
		list := byColumn[c.Column]
		if len(list) == 0 {
			whole = false
			break
		}
		n := pointsOf(list)
		if !r.Hint.bounds(ix.Name, n) {
			whole = false
			break
		}
		if n > 0 && p.Points*n > maxSpans {
			n = 0
		}
		p.Access = append(p.Access, list)
		for _, rc := range list {
			if rc.Exact && exact && c.Prefix == 0 {
				settled[source[rc]] = true
			}
			whole = whole && !rc.mayBeNull()
		}
		prefix = prefix || c.Prefix > 0
		share *= r.rangeShare(list, n, i, ix, single == i)
		if n == 0 {
			whole = false
			break
		}
		exact = exact && c.Prefix == 0 && anyExactPoints(list)
		p.Points *= n
		if n == 1 && single == i {
			single++
		}
	}
	for i, c := range conds {
		if !settled[i] {
			p.Filter = append(p.Filter, c)
		}
	}
	beyond := p.beyond(conds, source, settled)
	p.Whole = whole && len(p.Access) == len(ix.Columns)
	p.Point = p.Whole && !prefix
	p.Est = math.Max(r.Rows*share, math.Min(float64(p.Points), 1))
	if p.Point {
		p.Est = math.Min(float64(p.Points), r.Rows)
	}
	p.Out = p.Est * r.Selectivity(beyond)
	p.Cover = r.Covers(ix)
	p.Price = CostFragment*float64(r.fragments(p)) + r.rowCost(p)
	if r.Hint.Order.Allows(ix.Name) {
		p.Ordered, p.Reverse = r.givesOrder(ix, single, byColumn, want, p)
	}
	return p
}

// fragments is how many reads a path takes: those of a key that is unique over tablets, one of its entry and one in its row's tablet.
func (r *Table) fragments(p *Path) int {
	n := len(r.Desc.Tablets)
	if p.Whole && p.Index.Entries != 0 {
		n = min(n, 1+p.Points)
	}
	return n
}

// beyond are the conditions of the filter that have not bounded the index, too: those have had their effect on the estimate.
func (p *Path) beyond(conds []expr.Expr, source map[*Cond]int, settled map[int]bool) []expr.Expr {
	bounding := 0
	for _, list := range p.Access {
		bounding += len(list)
	}
	if bounding == len(settled) {
		return p.Filter
	}
	bounds := make(map[int]bool, bounding)
	for _, list := range p.Access {
		for _, rc := range list {
			bounds[source[rc]] = true
		}
	}
	var out []expr.Expr
	for i, c := range conds {
		if !bounds[i] {
			out = append(out, c)
		}
	}
	return out
}

func (r *Table) rowCost(p *Path) float64 {
	spans := float64(p.Points) * costSpan
	each := 1.0
	switch {
	case p.Point && p.Index.ID == schema.PrimaryIndex:
		return float64(p.Points) * CostPoint
	case p.Point:
		return float64(p.Points) * (CostPoint + CostLookupRow)
	case p.Index.ID == schema.PrimaryIndex:
	case p.Cover:
		each = costIndexRow
	default:
		each = costIndexRow + CostLookupRow
	}
	return spans + p.Est*each + p.Est*CostFilter*float64(len(p.Filter))
}

// pointsOf is how many values a column's conditions allow at most, 0 for a range.
func pointsOf(list []*Cond) int {
	best := 0
	for _, rc := range list {
		if p := rc.points(); p > 0 && (best == 0 || p < best) {
			best = p
		}
	}
	return best
}

// anyExactPoints tells whether the conditions leave single values whatever the constants are.
func anyExactPoints(list []*Cond) bool {
	for _, rc := range list {
		if rc.points() > 0 && rc.Exact {
			return true
		}
	}
	return false
}

// Covers tells whether an index is all that is read: it holds all used columns in a form that can be read back. A secondary one
// of rows that are to be changed is not.
func (r *Table) Covers(ix *schema.Index) bool {
	if ix.ID == schema.PrimaryIndex {
		return true
	}
	if r.Changes {
		return false
	}
	for _, pos := range r.Used {
		if !holds(r.Desc, ix, pos) && !holds(r.Desc, r.Desc.Primary(), pos) {
			return false
		}
	}
	return true
}

func holds(t *schema.Table, ix *schema.Index, pos int) bool {
	for i := range ix.Columns {
		if c := &ix.Columns[i]; c.Column == pos && keys.Invertible(&t.Columns[pos].Type, c.Prefix) {
			return true
		}
	}
	return false
}

// givesOrder tells whether the index's order is the required one, perhaps backwards. Columns that have one value only do
// not matter to an order.
func (r *Table) givesOrder(ix *schema.Index, single int, byColumn map[int][]*Cond, want []scalar.OrderCol, p *Path) (ok, reverse bool) {
	if len(want) == 0 {
		return false, false
	}
	all := ix.Columns
	if ix.ID != schema.PrimaryIndex {
		all = append(append([]schema.IndexColumn(nil), all...), r.Desc.Primary().Columns...)
	}
	at, direction := 0, 0
	for _, w := range want {
		pos := w.ID - r.First
		if pos < 0 || pos >= len(r.Desc.Columns) {
			return false, false
		}
		if pointsOf(byColumn[pos]) == 1 {
			continue
		}
		for at < len(all) && (at < single || pointsOf(byColumn[all[at].Column]) == 1) && all[at].Column != pos {
			at++
		}
		if at >= len(all) || all[at].Column != pos || all[at].Prefix > 0 {
			return false, false
		}
		d := 1
		if all[at].Desc != w.Desc {
			d = -1
		}
		if direction != 0 && d != direction {
			return false, false
		}
		direction = d
		at++
	}
	if p.Point && ix.Entries == 0 && p.Points > 1 && len(r.Desc.Tablets) > 1 && !r.Desc.InOrder(ix) {
		return false, false // keys of several tablets come one tablet after the other
	}
	return true, direction < 0
}
