package txn

import (
	"bytes"
	"context"
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// gathering is how the rows of several tablets become those that one would have given.
type gathering uint8

const (
	inTurn      gathering = iota // one tablet's after the other's
	byOrder                      // merged by the order of a top-N
	byIndex                      // merged by the keys of an index
	asOne                        // the only row of an aggregate without groups
	here                         // the rows themselves come in turn: the aggregate, or the top-N, is made of them here
	hereByIndex                  // likewise, but they come merged by the keys of an index
)

// source gives, page by page, what one tablet would have given; there is another page while the page's Next is not nil.
type source interface {
	next(ctx context.Context, page *fragment.Page) error
	close()
}

// gathered reads tablets side by side and gives what one would have given.
type gathered struct {
	read    *fragment.Read // of the tablet that was cut
	env     *expr.Env
	compare func(a, b *branch) int // nil: asOne
	behind  int                    // values behind those of a row, which tell its place
	reverse bool
	list    []*branch
}

// branch is one of the tablets' reads, at a row of its page.
type branch struct {
	rows *rows
	page fragment.Page
	at   int
	keys []types.Value // byOrder: what the row is ordered by
	key  []byte        // byIndex: its entry
}

// gather has r give what reads give side by side, or what is made of it here.
func (r *rows) gather(ctx context.Context, list []piece, how gathering) {
	if how == here || how == hereByIndex {
		r.gathered = r.finish(ctx, list, how)
		return
	}
	g := &gathered{read: r.q.Read, env: r.q.Read.Env, reverse: r.q.Read.Reverse}
	if g.env == nil {
		g.env = &expr.Env{Mode: *types.DefaultMode()}
	}
	switch how {
	case byOrder:
		g.compare = g.compareKeys
	case byIndex:
		g.compare = g.compareEntries
		g.behind = len(g.read.Table.IndexByID(g.read.Index).Columns)
	case inTurn, asOne, here, hereByIndex:
	}
	for _, p := range list {
		x := &rows{c: r.c, txn: r.txn, q: r.q, begun: true, rest: []piece{p}}
		x.turn()
		g.list = append(g.list, &branch{rows: x})
	}
	r.gathered = g
}

// next implements source.
func (g *gathered) next(ctx context.Context, page *fragment.Page) error {
	page.Clear()
	page.Keys, page.Next = page.Keys[:0], nil
	page.Batch.Truncate(0)
	if g.compare == nil {
		return g.one(ctx, page)
	}
	live := g.list[:0]
	for i, b := range g.list {
		ok, err := b.fetch(ctx, g, page)
		if err != nil {
			g.list = append(live, g.list[i:]...)
			return err
		}
		if ok {
			live = append(live, b)
		}
	}
	if g.list = live; len(live) == 0 {
		return nil
	}
	page.Batch.Reset(live[0].page.Batch.Width - g.behind)
	page.Next = []byte{} // there may be more
	for {
		b := slices.MinFunc(live, g.compare)
		page.Batch.Append(b.page.Batch.Row(b.at))
		if len(b.page.Keys) > 0 {
			page.Keys = append(page.Keys, b.page.Keys[b.at])
		}
		if b.at++; b.at >= b.page.Batch.Len() {
			return nil // its next page comes first
		}
		if err := b.place(g); err != nil {
			return err
		}
	}
}

// fetch gets the branch a row, whose page's report is page's; false: it has no more.
func (b *branch) fetch(ctx context.Context, g *gathered, page *fragment.Page) (bool, error) {
	for b.at >= b.page.Batch.Len() {
		ok, err := b.rows.Next(ctx, &b.page)
		if err != nil || !ok {
			return false, err
		}
		b.at = 0
		page.Add(&b.page.Report)
	}
	return true, b.place(g)
}

// place finds what the branch's row is ordered by.
func (b *branch) place(g *gathered) error {
	row := b.page.Batch.Row(b.at)
	if len(g.read.Order) == 0 {
		b.entry(g, row)
		return nil
	}
	b.keys = b.keys[:0]
	for i := range g.read.Order {
		v, err := g.read.Order[i].Expr.Eval(g.env, row)
		if err != nil {
			return err
		}
		b.keys = append(b.keys, v)
	}
	return nil
}

// entry finds the row's entry in the index: its columns stand behind the row's own.
func (b *branch) entry(g *gathered, row []types.Value) {
	t := g.read.Table
	ix := t.IndexByID(g.read.Index)
	whole := make([]types.Value, len(t.Columns))
	for i := range ix.Columns {
		whole[ix.Columns[i].Column] = row[len(row)-len(ix.Columns)+i]
	}
	b.key, _, _ = keys.AppendIndex(b.key[:0], t, ix, whole, b.page.Keys[b.at])
}

func (g *gathered) compareKeys(a, b *branch) int {
	for i := range g.read.Order {
		c := types.CompareSame(a.keys[i], b.keys[i], g.read.Order[i].Expr.Type().Collation)
		if g.read.Order[i].Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func (g *gathered) compareEntries(a, b *branch) int {
	if g.reverse {
		a, b = b, a
	}
	return bytes.Compare(a.key, b.key)
}

// one gives the only row, of the parts of all.
func (g *gathered) one(ctx context.Context, page *fragment.Page) error {
	states := make([]expr.State, len(g.read.Agg.Aggs))
	for i, a := range g.read.Agg.Aggs {
		states[i] = a.NewState()
	}
	for _, b := range g.list {
		ok, err := b.rows.Next(ctx, &b.page)
		if err != nil {
			return err
		}
		if page.Add(&b.page.Report); !ok || b.page.Batch.Len() == 0 {
			continue
		}
		part := b.page.Batch.Row(0)
		for i, a := range g.read.Agg.Aggs {
			n := len(a.PartialTypes())
			if err := states[i].Merge(part[:n]); err != nil {
				return err
			}
			part = part[n:]
		}
	}
	var row []types.Value
	for _, s := range states {
		row = s.AppendPartial(row)
	}
	page.Batch.Reset(len(row))
	page.Batch.Append(row)
	return nil
}

func (g *gathered) close() {
	for _, b := range g.list {
		b.rows.Close()
	}
}

// withEntry is a read that gives what its index's entries consist of behind its own columns; false: that does not tell the entries' order.
func withEntry(r *fragment.Read, t *schema.Table) (*fragment.Read, bool) {
	ix := t.IndexByID(r.Index)
	if ix == nil || r.Keys != nil || r.Agg != nil {
		return nil, false
	}
	one := *r
	one.WithKeys = true
	one.Columns = slices.Clone(r.Columns)
	one.Project = slices.Clone(r.Project)
	for i := range ix.Columns {
		c := &t.Columns[ix.Columns[i].Column]
		if c.Type.ID == mysql.TypeTimestamp { // it comes in the session's time
			return nil, false
		}
		if one.Columns = append(one.Columns, c.ID); r.Project != nil {
			one.Project = append(one.Project, &expr.Column{Index: len(one.Columns) - 1, Typ: c.Type, Name: c.Name})
		}
	}
	return &one, true
}
