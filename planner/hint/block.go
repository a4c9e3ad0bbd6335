package hint

import "strings"

// Hint is an optimizer hint that the planner goes by, of the query block that it is about.
type Hint struct {
	Name       string   // in lower case
	Table      string   // that it is about; "": the block, or all of its tables
	Indexes    []string // of the table; none: all
	Tables     []Table  // JOIN_ORDER and its kin: in their order
	Strategies []string // SEMIJOIN and its kin: in lower case
}

// Table is a table of a query block.
type Table struct {
	Name  string
	Block int
}

// Block is the hints about one query block of a text, wherever in it they stand.
type Block struct {
	Number int // of the block in the text, from 1
	List   []Hint
	Text   string // of the hints that stand in the block, about whatever
	Of     *Origin
}

// Origin is the text that blocks are of: their numbers are those in the same one.
type Origin struct{ _ bool }

// placed is a hint, and the block that it is about: by its name, or the one that it stands in.
type placed struct {
	Hint
	named string
	in    int
	order []Name
}

// place keeps a hint for the planner.
func (r *reader) place(h *hint) {
	p := placed{Hint: Hint{Name: h.name}, named: h.block, in: r.present()}
	switch mysqlHints[h.name] {
	case hintOrder:
		p.order = h.names
	case hintStrategy:
		p.Strategies = h.args
	case hintTables, hintIndexes:
		if len(h.names) > 0 {
			r.placeNames(p, h.names)
			return
		}
	}
	r.placed = append(r.placed, p)
}

// placeNames keeps a hint once for each table that it names.
func (r *reader) placeNames(p placed, names []Name) {
	first := len(r.placed)
	for _, n := range names {
		if len(r.placed) == first || n.Index == "" {
			p.Table, p.named, p.Indexes = n.Table, n.Block, nil
			r.placed = append(r.placed, p)
		}
		if last := &r.placed[len(r.placed)-1]; n.Index != "" {
			last.Indexes = append(last.Indexes, n.Index)
		}
	}
}

// numbered is the number of a block by its name, or without one; 0 for a name that no block has.
func (r *reader) numbered(name string, in int) int {
	if name == "" {
		return in
	}
	return r.blocks[strings.ToLower(name)]
}

// Blocks are the hints about each of the n query blocks of a text, in their order; nil where there are none, or the text has another
// number of blocks.
func (t *Text) Blocks(n int) []*Block {
	r := t.r
	if len(r.placed) == 0 || n != r.selects {
		return nil
	}
	of, list := &Origin{}, make([]*Block, n)
	for i := range list {
		list[i] = &Block{Number: i + 1, Text: r.texts[i+1], Of: of}
	}
	for _, p := range r.placed {
		at := r.numbered(p.named, p.in)
		if at == 0 || at > n {
			continue
		}
		for _, t := range p.order {
			p.Tables = append(p.Tables, Table{Name: t.Table, Block: r.numbered(t.Block, at)})
		}
		list[at-1].List = append(list[at-1].List, p.Hint)
	}
	return list
}

// has gives the hints of some names.
func (b *Block) has(names ...string) (list []*Hint) {
	if b == nil {
		return nil
	}
	for i := range b.List {
		for _, name := range names {
			if b.List[i].Name == name {
				list = append(list, &b.List[i])
			}
		}
	}
	return list
}

// FixedOrder tells that tables are joined as FROM has them.
func (b *Block) FixedOrder() bool { return len(b.has("join_fixed_order")) > 0 }

// Orders are JOIN_PREFIX, JOIN_SUFFIX and the JOIN_ORDERs.
func (b *Block) Orders() []*Hint { return b.has("join_prefix", "join_suffix", "join_order") }

// On tells whether a hint, or its opposite NO_…, is about a table, by its name or with all others; otherwise it is as without hints.
func (b *Block) On(name, table string, otherwise bool) bool {
	for _, t := range []string{table, ""} {
		for _, h := range b.has(name, "no_"+name) {
			if h.Table == t {
				return h.Name == name
			}
		}
	}
	return otherwise
}

// Indexes are the hints about indexes of a table.
func (b *Block) Indexes(table string) (list []*Hint) {
	for _, h := range b.has("index", "no_index", "join_index", "no_join_index", "group_index", "no_group_index", "order_index", "no_order_index",
		"no_range_optimization") {
		if h.Table == table {
			list = append(list, h)
		}
	}
	return list
}

// Semijoin tells whether a subquery may become a semi join, and by which strategies: those that are listed, or those that are not; neither
// where all are as good.
func (b *Block) Semijoin(otherwise bool) (may bool, only, never []string) {
	for _, h := range b.has("subquery", "semijoin", "no_semijoin") {
		switch {
		case h.Name == "semijoin":
			return true, h.Strategies, nil
		case h.Name == "subquery" || len(h.Strategies) == 0:
			return false, nil, nil
		}
		never = append(never, h.Strategies...)
	}
	return otherwise, nil, never
}
