package txn

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
)

// TestPieces: by which tablets, and in which order, a read goes on whose tablet is none of the table's any more.
func TestPieces(t *testing.T) {
	tablets := func(version uint64, list ...schema.Tablet) *schema.Table {
		t := testTable(firstShard)
		t.Version, t.Tablets = version, list
		return t
	}
	tb := func(id schema.TabletID, start, end int64) schema.Tablet {
		x := schema.Tablet{ID: id, Shard: firstShard}
		if start > 0 {
			x.Start = intKey(start)
		}
		if end > 0 {
			x.End = intKey(end)
		}
		return x
	}
	before := tablets(3, tb(1, 0, 10), tb(2, 10, 20), tb(3, 20, 0))
	moved := tablets(4, tb(1, 0, 10), tb(4, 10, 20), tb(3, 20, 0))
	cut := tablets(4, tb(1, 0, 10), tb(4, 10, 15), tb(5, 15, 20), tb(3, 20, 0))
	merged := tablets(4, tb(1, 0, 10), tb(4, 10, 0))
	shifted := tablets(5, tb(1, 0, 10), tb(6, 10, 17), tb(7, 17, 0))
	other := cut.Clone()
	other.Columns[1].Type = types.TypeString
	span := func(start, end int64) []fragment.Span {
		x := tb(0, start, end)
		return []fragment.Span{{Start: x.Start, End: x.End}}
	}
	groups := &fragment.Aggregate{GroupBy: []expr.Expr{expr.NewInt(1)}}
	for i, c := range []struct {
		now  *schema.Table
		read fragment.Read
		want string
	}{
		{before, fragment.Read{Spans: span(10, 20)}, ""},
		{nil, fragment.Read{Spans: span(10, 20)}, ""},
		{other, fragment.Read{Spans: span(10, 20)}, ""},
		{moved, fragment.Read{Spans: span(10, 20)}, "4"},
		{moved, fragment.Read{Index: 2, Limit: 5}, "4"},
		{moved, fragment.Read{Agg: new(fragment.Aggregate)}, "4"},
		{cut, fragment.Read{Spans: span(10, 20)}, "4 5"},
		{cut, fragment.Read{Spans: span(12, 13), Reverse: true}, "5 4"},
		{cut, fragment.Read{Keys: [][]byte{intKey(12), intKey(18)}}, "4 5"},
		{cut, fragment.Read{Keys: [][]byte{intKey(18), intKey(12)}}, "5 4"},
		{cut, fragment.Read{Keys: [][]byte{intKey(12), intKey(18), intKey(13)}}, ""},
		{cut, fragment.Read{Spans: span(10, 20), Agg: groups}, "4 5"},
		{cut, fragment.Read{Spans: span(10, 20), Agg: new(fragment.Aggregate)}, "4 5 as one"},
		{cut, fragment.Read{Spans: span(10, 20), Limit: 1}, "4 5"},
		{cut, fragment.Read{Spans: span(10, 20), Limit: 1, Order: make([]expr.SortKey, 1)}, "4 5 by order"},
		{cut, fragment.Read{Spans: span(10, 20), Limit: 1, Agg: groups}, "4 5"},
		{cut, fragment.Read{Index: 2}, "4 5"},
		{cut, fragment.Read{Index: 2, Agg: groups}, "4 5"},
		{cut, fragment.Read{Index: 2, Ordered: true}, "4 5 by index"},
		{cut, fragment.Read{Index: 2, Ordered: true, Agg: groups}, "4 5 here, by index"},
		{cut, fragment.Read{Index: 2, Limit: 1}, "4 5"},
		{merged, fragment.Read{Spans: span(10, 20), Limit: 1}, "4"},
		{merged, fragment.Read{Spans: span(10, 0)}, "4 of 10-20"},
		{merged, fragment.Read{}, "4 of 10-20"},
		{merged, fragment.Read{Index: 2}, "4 of 10-20"},
		{merged, fragment.Read{Index: 2, Ordered: true}, "4 of 10-20"},
		{merged, fragment.Read{Index: 2, Limit: 1}, "4 of 10-20"},
		{merged, fragment.Read{Index: 2, Limit: 1, Order: make([]expr.SortKey, 1)}, "4 of 10-20 here"},
		{merged, fragment.Read{Index: 2, Agg: groups}, "4 of 10-20 here"},
		{merged, fragment.Read{Index: 2, Ordered: true, Agg: groups}, "4 of 10-20 here"},
		{shifted, fragment.Read{Index: 2, Ordered: true, Agg: groups}, "6 of 10-20 7 of 10-20 here, by index"},
		{shifted, fragment.Read{Index: 2, Agg: new(fragment.Aggregate)}, "6 of 10-20 7 of 10-20 here"},
		{shifted, fragment.Read{Index: 2}, "6 of 10-20 7 of 10-20"},
		{shifted, fragment.Read{Index: 2, Ordered: true, Limit: 1}, "6 of 10-20 7 of 10-20 by index"},
		{shifted, fragment.Read{Spans: span(12, 20)}, "6 7"},
		{shifted, fragment.Read{}, "6 of 10-20 7 of 10-20"},
	} {
		r := c.read
		r.Tablet, r.SchemaVersion, r.Table = 2, before.Version, before
		if r.Index == 0 {
			r.Index = schema.PrimaryIndex
		}
		var got []string
		list, how := piecesBy(c.now, &r)
		for _, p := range list {
			if got = append(got, fmt.Sprint(p.read.Tablet)); p.only == &before.Tablets[1] && p.read.WithKeys {
				got = append(got, "of 10-20")
			} else if p.only != nil {
				t.Errorf("case %d: of %v", i, p.only)
			}
			if p.read.SchemaVersion != c.now.Version || p.read.Table != c.now {
				t.Errorf("case %d: version %d", i, p.read.SchemaVersion)
			}
		}
		if how != inTurn {
			got = append(got, [...]string{byOrder: "by order", byIndex: "by index", asOne: "as one", here: "here", hereByIndex: "here, by index"}[how])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("case %d: %v, not %q", i, got, c.want)
		}
	}
}

// TestReadGoesOn: a tablet is cut between two pages of a read, or before the first one: its rows come from the tablets that have them, each once and in
// order, whatever kind of read it is.
func TestReadGoesOn(t *testing.T) {
	for _, locking := range []bool{false, true} {
		for _, reverse := range []bool{false, true} {
			for _, begun := range []bool{false, true} {
				t.Run(fmt.Sprintf("locking %v, reverse %v, begun %v", locking, reverse, begun), func(t *testing.T) { readCut(t, locking, reverse, begun) })
			}
		}
	}
}

func readCut(t *testing.T, locking, reverse, begun bool) {
	const rows = 200
	c, cut := newCut(t, rows)
	ctx, x := t.Context(), c.nodes[1]
	r := readRows(firstShard)
	r.Reverse, r.Table = reverse, testTable(firstShard)
	if !begun { // nobody knows the tablet any more
		r.Tablet, r.Table.Tablets[0].ID = 99, 99
		cut()
	}
	var stream distributed.Rows
	var err error
	if locking {
		txn := x.client.Begin(distributed.TxnOptions{Isolation: distributed.ReadCommitted})
		defer func() { _ = txn.Rollback(ctx) }()
		stream, err = txn.Read(ctx, r, distributed.ReadForUpdate, distributed.LockOptions{})
	} else {
		stream, err = x.client.Read(ctx, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got := firsts(t, stream, func() {
		if c.table.Load() == nil {
			cut()
		}
	})
	if len(got) != rows {
		t.Fatalf("%d rows", len(got))
	}
	for i, id := range got {
		if want := int64(i); id != want && !reverse || reverse && id != rows-1-want {
			t.Fatalf("row %d is %d", i, id)
		}
	}
}

// firsts are the first columns of a stream's rows; after is called after each page.
func firsts(t *testing.T, stream distributed.Rows, after func()) (got []int64) {
	var page fragment.Page
	for more := true; more; {
		var err error
		if more, err = stream.Next(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		for i := range page.Batch.Len() {
			got = append(got, page.Batch.Row(i)[0].Int())
		}
		after()
	}
	return got
}

// TestGathered: what several tablets give is put together as one would have given it, whether the tablet is cut before the first row or after it.
func TestGathered(t *testing.T) {
	const rows = 200
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := &expr.Column{Index: 0, Typ: types.TypeInt, Name: "id"}
	var all, byName []int64
	for i := range int64(rows) {
		all, byName = append(all, i), append(byName, i)
	}
	slices.SortFunc(byName, func(a, b int64) int { return strings.Compare(fmt.Sprint("n", a), fmt.Sprint("n", b)) })
	down := slices.Clone(all)
	slices.Reverse(down)
	upByName := slices.Clone(byName)
	slices.Reverse(upByName)
	for name, c := range map[string]struct {
		change func(r *fragment.Read)
		want   []int64
	}{
		"limit":          {func(r *fragment.Read) { r.Limit = 150 }, all[:150]},
		"limit, reverse": {func(r *fragment.Read) { r.Limit, r.Reverse = 150, true }, down[:150]},
		"top-N":          {func(r *fragment.Read) { r.Limit, r.Order = 150, []expr.SortKey{{Expr: id, Desc: true}} }, down[:150]},
		"count":          {func(r *fragment.Read) { r.Agg = &fragment.Aggregate{Aggs: []*expr.Agg{count}} }, []int64{rows}},
		"index":          {func(r *fragment.Read) { r.Index, r.Ordered = 2, true }, byName},
		"index, limit":   {func(r *fragment.Read) { r.Index, r.Ordered, r.Limit = 2, true, 150 }, byName[:150]},
		"groups, index": {func(r *fragment.Read) {
			r.Index, r.Ordered, r.Agg = 2, true, &fragment.Aggregate{GroupBy: []expr.Expr{id}}
		}, byName},
		"index, reverse": {func(r *fragment.Read) { r.Index, r.Ordered, r.Reverse = 2, true, true }, upByName},
		"index, projected": {func(r *fragment.Read) {
			r.Index, r.Ordered, r.Columns, r.Project = 2, true, []schema.ColumnID{2, 1}, []expr.Expr{&expr.Column{Index: 1, Typ: types.TypeInt}}
		}, byName},
	} {
		for _, begun := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, begun %v", name, begun), func(t *testing.T) {
				cluster, cut := newCut(t, rows)
				r := readRows(firstShard)
				r.Table = testTable(firstShard)
				c.change(r)
				if !begun {
					r.Tablet, r.Table.Tablets[0].ID = 99, 99
					cut()
				}
				stream, err := cluster.nodes[1].client.Read(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Close()
				got := firsts(t, stream, func() {
					if cluster.table.Load() == nil {
						cut()
					}
				})
				if !slices.Equal(got, c.want) {
					t.Errorf("%v, not %v", got, c.want)
				}
			})
		}
	}
}

// TestOthersLeftOut: of a tablet that was merged with others, or cut at other bounds, a read gives what it would have: others' rows don't count.
func TestOthersLeftOut(t *testing.T) {
	const rows, bound = 200, 50
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := &expr.Column{Index: 0, Typ: types.TypeInt, Name: "id"}
	cluster, cut := newCut(t, rows)
	cut()
	for _, tablet := range []schema.TabletID{98, 99} { // 98: below the bound, in what is one tablet now; 99: above, in two
		var up []int64
		for i := range int64(rows) {
			if (i < bound) == (tablet == 98) {
				up = append(up, i)
			}
		}
		byName, down := slices.Clone(up), slices.Clone(up)
		slices.SortFunc(byName, func(a, b int64) int { return strings.Compare(fmt.Sprint("n", a), fmt.Sprint("n", b)) })
		slices.Reverse(down)
		for name, c := range map[string]struct {
			change func(r *fragment.Read)
			want   []int64
		}{
			"all":          {func(*fragment.Read) {}, up},
			"count":        {func(r *fragment.Read) { r.Agg = &fragment.Aggregate{Aggs: []*expr.Agg{count}} }, []int64{int64(len(up))}},
			"count, index": {func(r *fragment.Read) { r.Index, r.Agg = 2, &fragment.Aggregate{Aggs: []*expr.Agg{count}} }, []int64{int64(len(up))}},
			"top-N":        {func(r *fragment.Read) { r.Limit, r.Order = 20, []expr.SortKey{{Expr: id, Desc: true}} }, down[:20]},
			"top-N, index": {func(r *fragment.Read) { r.Index, r.Limit, r.Order = 2, 20, []expr.SortKey{{Expr: id}} }, up[:20]},
			"index":        {func(r *fragment.Read) { r.Index, r.Ordered = 2, true }, byName},
			"index, limit": {func(r *fragment.Read) { r.Index, r.Ordered, r.Limit = 2, true, 20 }, byName[:20]},
			"groups, index": {func(r *fragment.Read) {
				r.Index, r.Ordered, r.Agg = 2, true, &fragment.Aggregate{GroupBy: []expr.Expr{id}}
			}, byName},
		} {
			t.Run(fmt.Sprintf("%s, tablet %d", name, tablet), func(t *testing.T) {
				r := readRows(firstShard)
				r.Table = testTable(firstShard)
				r.Table.Tablets = []schema.Tablet{{ID: 98, Shard: firstShard, End: intKey(bound)}, {ID: 99, Shard: firstShard, Start: intKey(bound)}}
				r.Tablet = tablet
				c.change(r)
				stream, err := cluster.nodes[1].client.Read(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Close()
				if got := firsts(t, stream, func() {}); !slices.Equal(got, c.want) {
					t.Errorf("%v, not %v", got, c.want)
				}
			})
		}
	}
}

// newCut is a cluster with a table of some rows, read by small pages, whose tablet cut cuts.
func newCut(t *testing.T, rows int64) (c *testCluster, cut func()) {
	const bound, low = 100, 21
	c = newTestCluster(t, 2, nil)
	ctx := t.Context()
	c.nodes[1].client.cfg.PageBytes = 500
	after := testTable(firstShard)
	after.Version = 2
	after.Tablets = []schema.Tablet{{ID: low, Shard: firstShard, End: intKey(bound)}, {ID: tabletOf(secondShard), Shard: secondShard, Start: intKey(bound)}}
	c.install(low, after.ForTablet(&after.Tablets[0]))
	for id := range rows {
		copied := insertRow(firstShard, id, 0)
		copied.Tablet, copied.SchemaVersion = low, after.Version
		if id >= bound {
			copied = insertRow(secondShard, id, 0)
		}
		for _, w := range []*fragment.Write{insertRow(firstShard, id, 0), copied} {
			if _, err := c.nodes[0].client.Write(ctx, nil, w); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c, func() {
		other := after.Clone() // the second shard's tablet is another table's here
		other.ID, other.Tablets = testTable(secondShard).ID, testTable(secondShard).Tablets
		c.install(tabletOf(secondShard), other)
		c.install(tabletOf(firstShard), nil)
		c.table.Store(after)
	}
}

// install has a shard know a tablet by a descriptor, or, with nil, no more.
func (c *testCluster) install(id schema.TabletID, table *schema.Table) {
	c.t.Helper()
	s := schema.ShardID(id / 10)
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: id, Table: table})
	if err != nil {
		c.t.Fatal(err)
	}
	c.logs[s].Append(cmd)
	for _, x := range c.nodes {
		known := func() bool {
			have, ok := x.replicas[s].State().Table(id)
			return ok == (table != nil) && (!ok || have.Version == table.Version)
		}
		for !known() {
			time.Sleep(time.Millisecond)
		}
	}
}

// The rows of a partition's tablet are in tablets of that partition, those of one that is no more nowhere.
func TestSuccessorsInPartitions(t *testing.T) {
	now := &schema.Table{Partitioning: &schema.Partitioning{}, Tablets: []schema.Tablet{
		{ID: 1, Partition: 1, End: intKey(5)}, {ID: 2, Partition: 1, Start: intKey(5)},
		{ID: 3, Partition: 2, End: intKey(5)}, {ID: 4, Partition: 2, Start: intKey(5), End: intKey(9)}, {ID: 5, Partition: 2, Start: intKey(9)},
		{ID: 6, Partition: 4},
	}}
	for _, c := range []struct {
		old  schema.Tablet
		want []schema.TabletID
	}{
		{schema.Tablet{Partition: 1}, []schema.TabletID{1, 2}},
		{schema.Tablet{Partition: 2}, []schema.TabletID{3, 4, 5}},
		{schema.Tablet{Partition: 2, Start: intKey(6)}, []schema.TabletID{4, 5}},
		{schema.Tablet{Partition: 2, Start: intKey(5), End: intKey(9)}, []schema.TabletID{4}},
		{schema.Tablet{Partition: 4, End: intKey(7)}, []schema.TabletID{6}},
		{schema.Tablet{Partition: 3}, nil},
	} {
		var got []schema.TabletID
		for _, tb := range successors(now, &c.old) {
			got = append(got, tb.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, not %v", c.old, got, c.want)
		}
	}
}
