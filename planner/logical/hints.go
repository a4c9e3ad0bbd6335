package logical

import (
	"cmp"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/hint"
	"cloudsql/planner/scalar"
	"cloudsql/storage/schema"
)

// Optimizer hints, block by block. What they say of a table's indexes is the table's, and of a subquery the subquery's; what they say of
// joins is the query's, by the columns of the tables that they name.

// hinted is what a statement's hints say of joins, while it is bound.
type hinted struct {
	algebra.Hints
	tables map[hintedTable]scalar.ColSet
	orders []hintedOrder
}

// hintedTable is a name that a block of a text has for a table: a common table expression's is bound wherever that is named.
type hintedTable struct {
	of    *hint.Origin
	block int
	alias string
}

type hintedOrder struct {
	kind   algebra.OrderKind
	tables []hintedTable
}

// takeHints notes what the hints say of the tables of the block, whose columns are cols.
func (q *selectQuery) takeHints(cols []bind.Column) {
	h, on := &q.b.hinted, &q.b.ctx.Switches
	if q.hints == nil && !on.changed() {
		return
	}
	sets, aliases := tablesOf(cols)
	for _, alias := range aliases {
		if !q.hints.On("bnl", alias, q.hints.On("hash_join", alias, !on.NoHashJoin)) {
			h.NoHash.Add(sets[alias])
		}
		if !q.hints.On("derived_condition_pushdown", alias, !on.NoDerivedPushdown) {
			h.NoPush = append(h.NoPush, sets[alias])
		}
	}
	if q.hints == nil {
		return
	}
	if h.tables == nil {
		h.tables = map[hintedTable]scalar.ColSet{}
	}
	for _, alias := range aliases {
		t := hintedTable{q.hints.Of, q.hints.Number, alias}
		all := h.tables[t]
		all.Add(sets[alias])
		h.tables[t] = all
	}
	q.takeOrders(aliases)
}

// takeOrders notes in which order the hints want the tables of the block joined.
func (q *selectQuery) takeOrders(aliases []string) {
	of := q.hints.Of
	if q.hints.FixedOrder() {
		o := hintedOrder{kind: algebra.Anywhere}
		for _, alias := range aliases {
			o.tables = append(o.tables, hintedTable{of, q.hints.Number, alias})
		}
		q.b.hinted.orders = append(q.b.hinted.orders, o)
		return
	}
	kinds := map[string]algebra.OrderKind{"join_order": algebra.Anywhere, "join_prefix": algebra.First, "join_suffix": algebra.Last}
	for _, h := range q.hints.Orders() {
		o := hintedOrder{kind: kinds[h.Name]}
		for _, t := range h.Tables {
			o.tables = append(o.tables, hintedTable{of, t.Block, t.Name})
		}
		q.b.hinted.orders = append(q.b.hinted.orders, o)
	}
}

// tablesOf are the columns of a FROM clause by table, and the tables in its order.
func tablesOf(cols []bind.Column) (sets map[string]scalar.ColSet, aliases []string) {
	sets, first := map[string]scalar.ColSet{}, map[string]int{}
	for i := range cols {
		c := &cols[i]
		alias := c.Field.Table
		set, ok := sets[alias]
		if !ok {
			aliases = append(aliases, alias)
		}
		var own scalar.ColSet
		own.AddColumnsOf(c.Value())
		for _, id := range own.IDs() {
			if at, ok := first[alias]; !ok || id < at {
				first[alias] = id
			}
		}
		set.Add(own)
		sets[alias] = set
	}
	slices.SortStableFunc(aliases, func(a, b string) int { return cmp.Compare(first[a], first[b]) })
	return sets, aliases
}

// all is what the hints say of joins, once all blocks have been bound. A hint of an order that names a table which is not there says nothing.
func (h *hinted) all() algebra.Hints {
	for _, o := range h.orders {
		out := algebra.OrderHint{Kind: o.kind}
		for _, t := range o.tables {
			if set, ok := h.tables[t]; ok {
				out.Tables = append(out.Tables, set)
			}
		}
		if len(out.Tables) == len(o.tables) {
			h.Orders = append(h.Orders, out)
		}
	}
	h.orders = nil
	return h.Hints
}

// indexHint is what may be done with a table's indexes: as USE INDEX and its kin say, or hints in their place.
func (q *selectQuery) indexHint(t *schema.Table, alias string, said access.Hint) access.Hint {
	list := q.hints.Indexes(alias)
	if slices.ContainsFunc(list, func(h *hint.Hint) bool { return h.Name != "no_range_optimization" && len(indexesNamed(t, h)) > 0 }) {
		said = access.Hint{}
	}
	for _, h := range list {
		said.Take(h.Name, indexesNamed(t, h))
	}
	return said
}

// indexesNamed are the indexes of a table that a hint is about: those that it names, as far as they are there, or all.
func indexesNamed(t *schema.Table, h *hint.Hint) (names []string) {
	for _, name := range h.Indexes {
		if ix := t.IndexByName(name); ix != nil {
			names = append(names, ix.Name)
		}
	}
	if len(h.Indexes) == 0 {
		for i := range t.Indexes {
			names = append(names, t.Indexes[i].Name)
		}
	}
	return names
}

// hintSubquery notes how the hints in a subquery want it to be done.
func (q *selectQuery) hintSubquery(sub *Subquery) {
	may, only, never := q.hints.Semijoin(!q.b.ctx.Switches.NoSemijoin)
	sub.Apart = !may
	sub.Ways = q.b.ctx.Switches.ways()
	if len(only) > 0 {
		sub.Ways = waysNamed(only)
	}
	if len(never) > 0 {
		sub.Ways = algebra.AllWays &^ waysNamed(never)
	}
}

// waysNamed are the ways that strategies stand for: DUPSWEEDOUT, which is not done here, for none.
func waysNamed(strategies []string) (w algebra.SemiWays) {
	for _, s := range strategies {
		switch s {
		case "firstmatch":
			w |= algebra.FirstMatch
		case "materialization":
			w |= algebra.Materialization
		case "loosescan":
			w |= algebra.LooseScan
		}
	}
	return w
}

// merges tells whether a view may be merged as far as hints go. What rows may be changed through is merged, whatever they say.
func (q *selectQuery) merges(alias string, v *schema.View) bool {
	return q.changes || v.Algorithm == schema.AlgorithmMerge || q.hints.On("merge", alias, !q.b.ctx.Switches.NoMerge)
}
