package planner

import (
	"math"

	"cloudsql/planner/bind"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
)

// tableRel is a base table in a FROM clause.
type tableRel struct {
	b     *builder
	table *schema.Table
	db    string
	alias string
	first int // number of column 0; the others follow
	keyID int // number of the primary key's column, 0: not wanted
	lock  lockSpec
	hint  indexHint
	total float64 // estimated rows
}

// indexHint is USE, FORCE or IGNORE INDEX.
type indexHint struct {
	only   []string // USE and FORCE
	ignore []string
	set    bool
	force  bool
}

func (h *indexHint) allows(name string) bool {
	for _, n := range h.ignore {
		if equalFold(n, name) {
			return false
		}
	}
	if !h.set {
		return true
	}
	for _, n := range h.only {
		if equalFold(n, name) {
			return true
		}
	}
	return false
}

// usedColumns are the positions of the columns that the statement reads; one at least, so that rows can be counted.
func (r *tableRel) usedColumns() []int {
	var used []int
	for pos := range r.table.Columns {
		if r.b.used[r.first+pos] {
			used = append(used, pos)
		}
	}
	if len(used) == 0 {
		used = append(used, r.table.Primary().Columns[0].Column)
	}
	return used
}

func (r *tableRel) columns() []bind.Column { return bind.TableColumns(r.table, r.db, r.alias, r.first) }

// position gives the position of a column of this table, -1 for others.
func (r *tableRel) position(c *expr.Column) int {
	if pos := c.Index - r.first; pos >= 0 && pos < len(r.table.Columns) {
		return pos
	}
	return -1
}

// Costs of a path, in rows read in order.
const (
	costFragment  = 2.0
	costSpan      = 0.5
	costPoint     = 1.5
	costIndexRow  = 0.8
	costLookupRow = 3.0
	maxSpans      = 4096 // that the points of several columns may multiply to
)

// bestPath chooses how to read the rows that meet conds. known tells which expressions besides constants have a value.
// want is the order that rows are wanted in; mustOrder leaves out paths that do not have it (nil then tells that there is
// none). limit is how many rows are wanted of that order, 0 for all.
func (r *tableRel) bestPath(conds []expr.Expr, want []orderCol, mustOrder bool, limit float64) *path {
	var best *path
	for i := range r.table.Indexes {
		ix := &r.table.Indexes[i]
		if ix.State != schema.Public || ix.Hidden || !r.hint.allows(ix.Name) {
			if i > 0 || len(want) > 0 && mustOrder {
				continue
			}
			if r.hint.force && r.usable(conds) { // the table scan remains where no index serves
				continue
			}
		}
		p := r.path(ix, conds, want, fixed)
		if mustOrder && !p.ordered {
			continue
		}
		if mustOrder && limit > 0 && p.out > limit {
			p.price = costFragment + (p.price-costFragment)*limit/p.out
		}
		if best == nil || p.price < best.price {
			best = p
		}
	}
	if best == nil && !mustOrder {
		best = r.path(r.table.Primary(), conds, want, fixed)
	}
	return best
}

// usable tells whether one of the hinted indexes can be bounded by conds.
func (r *tableRel) usable(conds []expr.Expr) bool {
	for i := range r.table.Indexes {
		ix := &r.table.Indexes[i]
		if ix.State == schema.Public && r.hint.allows(ix.Name) && len(r.path(ix, conds, nil, fixed).access) > 0 {
			return true
		}
	}
	return false
}

// path works out how an index serves conds.
func (r *tableRel) path(ix *schema.Index, conds []expr.Expr, want []orderCol, known func(expr.Expr) bool) *path {
	p := &path{index: ix, points: 1}
	byColumn := make(map[int][]*rangeCond)
	source := make(map[*rangeCond]int)
	for i, c := range conds {
		if col, rc := matchRange(c, r.position, known); rc != nil {
			byColumn[col] = append(byColumn[col], rc)
			source[rc] = i
		}
	}
	settled := make(map[int]bool)
	share, whole := 1.0, ix.Unique || ix.ID == schema.PrimaryIndex
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
		if n > 0 && p.points*n > maxSpans {
			n = 0
		}
		p.access = append(p.access, list)
		for _, rc := range list {
			if rc.exact && exact && c.Prefix == 0 {
				settled[source[rc]] = true
			}
			whole = whole && !rc.mayBeNull() && c.Prefix == 0
		}
		share *= rangeShare(list, n, i, ix, r.total)
		if n == 0 {
			whole = false
			break
		}
		exact = exact && c.Prefix == 0 && anyExactPoints(list)
		p.points *= n
		if n == 1 && single == i {
			single++
		}
	}
	for i, c := range conds {
		if !settled[i] {
			p.filter = append(p.filter, c)
		}
	}
	p.point = whole && len(p.access) == len(ix.Columns)
	p.est = math.Max(r.total*share, math.Min(float64(p.points), 1))
	if p.point {
		p.est = math.Min(float64(p.points), r.total)
	}
	p.out = p.est * selectivity(p.filter)
	p.cover = r.covers(ix)
	p.price = costFragment*float64(len(r.table.Tablets)) + r.rowCost(p)
	p.ordered, p.reverse = r.givesOrder(ix, single, byColumn, want, p)
	return p
}

func (r *tableRel) rowCost(p *path) float64 {
	spans := float64(p.points) * costSpan
	each := 1.0
	switch {
	case p.point && p.index.ID == schema.PrimaryIndex:
		return float64(p.points) * costPoint
	case p.point:
		return float64(p.points) * (costPoint + costLookupRow)
	case p.index.ID == schema.PrimaryIndex:
	case p.cover:
		each = costIndexRow
	default:
		each = costIndexRow + costLookupRow
	}
	return spans + p.est*each + p.est*costFilter*float64(len(p.filter))
}

// pointsOf is how many values a column's conditions allow at most, 0 for a range.
func pointsOf(list []*rangeCond) int {
	best := 0
	for _, rc := range list {
		if p := rc.points(); p > 0 && (best == 0 || p < best) {
			best = p
		}
	}
	return best
}

// anyExactPoints tells whether the conditions leave single values whatever the constants are.
func anyExactPoints(list []*rangeCond) bool {
	for _, rc := range list {
		if rc.points() > 0 && rc.exact {
			return true
		}
	}
	return false
}

// rangeShare estimates the share of rows that conditions on the i-th column of an index let through.
func rangeShare(list []*rangeCond, points, i int, ix *schema.Index, total float64) float64 {
	if points > 0 {
		distinct := math.Min(total, eqDistinct)
		if ix.Unique || ix.ID == schema.PrimaryIndex {
			distinct = uniqueDistinct(total, i, len(ix.Columns))
		}
		return math.Min(1, float64(points)/distinct)
	}
	share := 1.0
	for _, rc := range list {
		switch rc.op {
		case rangeBetween:
			share *= selBetween
		case rangeLike:
			share *= selLike
		case rangeNotNull:
			share *= 0.9
		case rangeOr:
			share *= math.Min(0.5, selBetween*float64(len(rc.subs)))
		default:
			share *= selRange
		}
	}
	return share
}

// firstColumnPower is how much of a unique key of several columns the first one is thought to tell.
const firstColumnPower = 0.8

// uniqueDistinct is how many values the i-th of n columns of a unique key has for each value of those before it.
func uniqueDistinct(total float64, i, n int) float64 {
	power := 1.0
	if n > 1 {
		power = firstColumnPower
		if i > 0 {
			power = (1 - firstColumnPower) / float64(n-1)
		}
	}
	return math.Max(1, math.Pow(total, power))
}

// covers tells whether an index holds all used columns in a form that can be read back.
func (r *tableRel) covers(ix *schema.Index) bool {
	if ix.ID == schema.PrimaryIndex {
		return true
	}
	for _, pos := range r.usedColumns() {
		if !holds(r.table, ix, pos) && !holds(r.table, r.table.Primary(), pos) {
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

// givesOrder tells whether the index's order is the wanted one, perhaps backwards. Columns that have one value only do
// not matter to an order.
func (r *tableRel) givesOrder(ix *schema.Index, single int, byColumn map[int][]*rangeCond, want []orderCol, p *path) (ok, reverse bool) {
	if len(want) == 0 {
		return false, false
	}
	all := ix.Columns
	if ix.ID != schema.PrimaryIndex {
		all = append(append([]schema.IndexColumn(nil), all...), r.table.Primary().Columns...)
	}
	at, direction := 0, 0
	for _, w := range want {
		pos := w.id - r.first
		if pos < 0 || pos >= len(r.table.Columns) {
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
		if all[at].Desc != w.desc {
			d = -1
		}
		if direction != 0 && d != direction {
			return false, false
		}
		direction = d
		at++
	}
	if p.point && p.points > 1 && ix.ID != schema.PrimaryIndex && len(r.table.Tablets) > 1 {
		return false, false // keys of several tablets come one tablet after the other
	}
	return true, direction < 0
}
