package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// reader executes one page of a read fragment. Readers are pooled: their buffers make a point get free of allocations
// but for the memory of its row.
type reader struct{ pageWriter }

// pageWriter is a reader's lower half: the page that it fills, and what that costs.
type pageWriter struct {
	s     *Shard
	ctx   context.Context
	r     *fragment.Read
	o     ReadOptions
	page  *fragment.Page
	t     *tablet
	plan  *readPlan
	env   expr.Env // the fragment's, with what may cancel it
	loc   *time.Location
	at    mvcc.Timestamp // 0: newest
	shown mvcc.Timestamp // what was asked for: 0 for the newest state, though at was settled on since
	src   source
	pos   position
	arena types.Arena

	key, upper []byte
	direct     bool          // the source's rows are the output's: they are decoded where the page will have them
	row        []types.Value // the source's row, aliasing the engine's memory; scratch, or the page's next place
	scratch    []types.Value
	terms      []term        // of a scan's filter; empty: all columns are decoded before it looks at the row
	first      []int         // places of columns that terms look at,
	rest       []int         // and of those that are decoded when they have passed
	project    []expr.Expr   // the output, unless it is row, or what agg gives
	single     bool          // the first row of each span that passes stands for all of them; see oneEach
	out        []types.Value // the projected row
	since      int           // rows looked at since the context was
	met        met           // with ranges: by the present walk
	agg        *aggregation
	top        *topN
	columns    *columnScan  // of a scan that reads the tablet's columnar copy
	joins      *rowJoins    // of the rows that pass; nil: none
	hold       memory.Hold  // of a page that has become large
	note       types.Warner // the page's Warn, bound once
	charged    int          // bytes of the page up to which it was charged
	large      int          // bytes of values that are charged by themselves
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// Read executes one page of a read fragment; see API.
func (s *Shard) Read(ctx context.Context, r *fragment.Read, o ReadOptions, page *fragment.Page) error {
	rd := readers.Get().(*reader)
	err := rd.run(ctx, s, r, o, page)
	for tries := 0; tries < maxNewestTries && o.At == 0 && o.From == nil && errors.Is(err, ErrTooOld); tries++ {
		err = rd.run(ctx, s, r, o, page) // the watermark overtook a read of the newest state before it had begun
	}
	rd.countRead()
	rd.release()
	return err
}

// maxNewestTries bounds how often a read begins again; the watermark moves seldom.
const maxNewestTries = 10

// account is whom the read is charged to: the statement, or, for another node's, what this node keeps for those.
func (rd *pageWriter) account() *memory.Account { return memory.FromContext(rd.ctx, nil) }

// chargeEvery is how many bytes a page may grow by between two charges. A page of usual size is never charged: it is as large as
// its reader asked for.
const chargeEvery = 1 << 20

// charge accounts for a page that rows make larger than its reader asked for: rows of a top-N, large groups, or single large rows.
func (rd *pageWriter) charge() error {
	if rd.charged == 0 {
		rd.hold = rd.account().Hold(memory.Page)
	}
	rd.charged = rd.arena.Used()
	return rd.hold.Set(rd.charged)
}

func (rd *reader) release() {
	clear(rd.scratch[:cap(rd.scratch)])
	clear(rd.out[:cap(rd.out)])
	clear(rd.terms[:cap(rd.terms)])
	rd.row = nil
	rd.hold.Close()    // whoever gets the page charges it anew
	if rd.agg != nil { // the read failed
		rd.agg.hold.Close()
	}
	if rd.top != nil {
		rd.top.hold.Close()
	}
	rd.charged, rd.large = 0, 0
	rd.s, rd.ctx, rd.r, rd.page, rd.t, rd.plan, rd.agg, rd.top, rd.project, rd.columns = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
	rd.joins = nil
	rd.o, rd.env = ReadOptions{}, expr.Env{}
	rd.arena = types.Arena{}
	rd.src.forget()
	readers.Put(rd)
}

func (rd *reader) run(ctx context.Context, s *Shard, r *fragment.Read, o ReadOptions, page *fragment.Page) error {
	rd.s, rd.ctx, rd.r, rd.o, rd.page = s, ctx, r, o, page
	page.Keys, page.Next = page.Keys[:0], nil
	page.Clear()
	if err := rd.prepare(); err != nil {
		return err
	}
	page.Batch.Reset(rd.width())
	if r.Keys != nil && r.Index == schema.PrimaryIndex && o.Locker == nil && r.Agg == nil && len(r.Order) == 0 {
		return rd.points()
	}
	return rd.scan()
}

// prepare resolves the fragment against the tablet's descriptors.
func (rd *reader) prepare() error {
	r := rd.r
	if err := rd.pos.decode(rd.o.From); err != nil {
		return err
	}
	rd.at, rd.shown = rd.timestamp(), rd.o.At
	if rd.shown == 0 && rd.o.From != nil {
		rd.shown = rd.at
	}
	t, l, err := rd.tabletOf(r)
	if err != nil {
		return err
	}
	rd.t = t
	plan, err := l.plans.find(l, r)
	if err != nil {
		return err
	}
	if err := rd.usable(t, plan.index); err != nil {
		return err
	}
	rd.plan, rd.since = plan, 0
	rd.terms, rd.first, rd.rest = rd.terms[:0], rd.first[:0], rd.rest[:0]
	if r.Env != nil {
		rd.env = *r.Env
	} else {
		rd.env = expr.Env{Mode: *types.DefaultMode()}
	}
	rd.env.Ctx = rd.ctx
	if r.Report {
		if rd.note == nil {
			rd.note = rd.warn
		}
		rd.env.Warn = rd.note
	}
	if rd.loc = rd.env.Mode.Loc; rd.loc == nil {
		rd.loc = time.UTC
	}
	rd.scratch = resize(rd.scratch, len(r.Columns))
	rd.row = rd.scratch
	rd.direct = r.Agg == nil && r.Project == nil && len(r.Order) == 0
	rd.project, rd.single = r.Project, false
	if r.WithKeys && (r.Agg != nil || r.Order != nil) {
		return mysqlerr.NotSupported("keys of aggregated or ordered rows")
	}
	if len(r.Order) > 0 && r.Limit == 0 {
		return mysqlerr.NotSupported("order without a limit in a read fragment")
	}
	rd.joins, err = newRowJoins(rd)
	return err
}

// tabletOf finds the tablet of a read, and the descriptor that it was planned with.
func (rd *pageWriter) tabletOf(r *fragment.Read) (*tablet, *layout, error) {
	t, ok := rd.s.tablets.Load().Get(r.Tablet)
	if !ok {
		return nil, nil, ErrNoTablet
	}
	l, ok := t.layoutOf(r.SchemaVersion)
	if !ok {
		return nil, nil, ErrSchemaChanged
	}
	if err := t.shows(rd.shown); err != nil {
		return nil, nil, err
	}
	if rd.o.At != 0 && uint64(rd.o.At) < t.current.table.RowsSince {
		return nil, nil, mysqlerr.New(mysqlerr.TableDefChanged)
	}
	return t, l, nil
}

// timestamp is what the read is at. A read of the newest state that may take several pages settles on a timestamp with
// its first one, so that all show one state: the largest that was committed, or below which nothing can be any more.
func (rd *reader) timestamp() mvcc.Timestamp {
	switch {
	case rd.o.Locker != nil:
		return 0
	case rd.o.At != 0:
		return rd.o.At
	case rd.o.From == nil && rd.mayPage():
		rd.pos.at = max(mvcc.Timestamp(rd.s.newest.Load()), rd.s.Closed())
	}
	return rd.pos.at
}

func (rd *pageWriter) mayPage() bool {
	if rd.r.Agg != nil {
		return len(rd.r.Agg.GroupBy) > 0
	}
	return rd.o.MaxBytes > 0 && len(rd.r.Keys) != 1 && len(rd.r.Order) == 0
}

// usable refuses an index that the shard does not maintain any more, or not for as long as the snapshot is old.
func (rd *pageWriter) usable(t *tablet, ix *schema.Index) error {
	if ix.ID == schema.PrimaryIndex {
		return nil
	}
	now := t.current.table.IndexByID(ix.ID)
	if now == nil || now.State != schema.Public {
		return ErrSchemaChanged
	}
	if rd.at != 0 && rd.at < t.since[ix.ID] {
		return mysqlerr.New(mysqlerr.TableDefChanged)
	}
	return nil
}

// width is the number of columns of an output row.
func (rd *pageWriter) width() int { return outputWidth(rd.r) }

// outputWidth is the number of columns of a fragment's output row.
func outputWidth(r *fragment.Read) int {
	switch {
	case r.Agg != nil:
		n := len(r.Agg.GroupBy)
		for _, a := range r.Agg.Aggs {
			n += len(a.PartialTypes())
		}
		return n
	case r.Project != nil:
		return len(r.Project)
	}
	return len(r.Columns)
}

// consistent is called when a state of the engine is open: the descriptor and the versions that the read counts on must
// still be there in it.
func (rd *pageWriter) consistent() error {
	if err := rd.stands(&rd.t, rd.r, rd.plan); err != nil {
		return err
	}
	if err := rd.joins.stand(); err != nil {
		return err
	}
	if rd.at != 0 && rd.at < rd.s.Watermark() {
		return ErrTooOld
	}
	if w := rd.o.Watch; w != nil && w.Load() != rd.o.Was {
		return ErrUnsteady
	}
	return nil
}

// stands looks again at the tablet that a read was prepared with, if it has changed since.
func (rd *pageWriter) stands(was **tablet, r *fragment.Read, plan *readPlan) error {
	t, _ := rd.s.tablets.Load().Get(r.Tablet)
	if t == *was {
		return nil
	}
	if t == nil {
		return ErrNoTablet
	}
	if _, ok := t.layoutOf(r.SchemaVersion); !ok {
		return ErrSchemaChanged
	}
	if err := t.shows(rd.shown); err != nil {
		return err
	}
	*was = t
	return rd.usable(t, plan.index)
}

// points is the short way for point gets by primary key: one state of the engine, no operators in between but a filter
// and a projection.
func (rd *reader) points() (err error) {
	r := rd.r
	if int(rd.pos.span) >= len(r.Keys) {
		return nil
	}
	it := &rd.src.base
	if err := rd.openPoints(it); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if err := rd.consistent(); err != nil {
		return err
	}
	if len(r.Keys) >= manyKeys {
		rd.divideColumns()
	}
	for i := int(rd.pos.span); i < len(r.Keys); i++ {
		if err := rd.tick(); err != nil {
			return err
		}
		rd.key = rd.s.appendKey(rd.key[:0], r.Tablet, schema.PrimaryIndex, r.Keys[i])
		stored, live, err := rd.point(it)
		if err != nil {
			return err
		}
		if !live {
			continue
		}
		passed, err := rd.filterStored(stored)
		if err != nil {
			return err
		}
		if !passed {
			continue
		}
		rd.arena.Expect(min(len(stored), memory.ValueBytes)) // what is larger goes its own way
		if err := rd.emit(r.Keys[i]); err != nil {
			return err
		}
		if r.Limit > 0 && rd.pos.emitted >= r.Limit {
			return nil
		}
		if rd.full() && i+1 < len(r.Keys) {
			rd.pos.span = uint64(i + 1)
			rd.page.Next = rd.pos.encode(nil)
			return nil
		}
	}
	return nil
}

// manyKeys is from how many point gets on it pays to decode rows no further than the filter looks.
const manyKeys = 8

// openPoints opens the engine's state, within the versions of the one key if there is only one.
func (rd *reader) openPoints(it *mvcc.Iterator) error {
	rd.key = keys.AppendPrefix(rd.key[:0], rd.s.id, rd.r.Tablet, schema.PrimaryIndex)
	if len(rd.r.Keys) == 1 {
		rd.key = append(rd.key, rd.r.Keys[0]...)
		rd.upper = mvcc.AppendVersion(append(rd.upper[:0], rd.key...), 0)
	} else {
		rd.upper = append(rd.upper[:0], rd.key...)
		rd.upper[len(rd.upper)-1]++ // index 1: no carry
	}
	rd.src.lower = append(rd.src.lower[:0], rd.key...)
	return it.Open(rd.s.engine.DB(), rd.src.lower, rd.upper, rd.at)
}

// point reads the row at rd.key: the transaction's own, or the engine's.
func (rd *reader) point(it *mvcc.Iterator) (stored []byte, live bool, err error) {
	if ws := rd.o.Workspace; ws != nil {
		if item, ok := ws.get(rd.key); ok {
			return item.payload, !item.deleted, nil
		}
	}
	v, err := it.Get(rd.key)
	return v.Value, v.Live(), err
}

// place makes rd.row the next place in the page, if rows go there as they are.
func (rd *reader) place() {
	if !rd.direct {
		return
	}
	b := &rd.page.Batch
	n, width := len(b.Vals), len(rd.r.Columns)
	if n+width > cap(b.Vals) {
		b.Vals = slices.Grow(b.Vals, width)
	}
	rd.row = b.Vals[n : n+width]
}

// filterStored decodes a row into rd.row, no further than the filter needs it unless it passes, and tells whether it does.
func (rd *reader) filterStored(stored []byte) (passed bool, err error) {
	rd.place()
	switch len(rd.terms) {
	case 0:
		if err := rd.plan.decoder.Decode(stored, rd.row, rd.loc); err != nil {
			return false, rd.undecodable(err)
		}
		return rd.passes()
	case 1:
		if err := rd.decode(stored, rd.first); err != nil {
			return false, err
		}
		passed, err = rd.passes()
	default:
		passed, err = rd.passesTerms(stored)
	}
	if !passed || err != nil {
		return false, err
	}
	return true, rd.decode(stored, rd.rest)
}

// passesTerms tells whether a row passes the filter's terms, for each of which it is decoded a little further.
func (rd *reader) passesTerms(stored []byte) (bool, error) {
	rd.page.Seen++
	passed, from := true, 0
	for i := range rd.terms {
		t := &rd.terms[i]
		if err := rd.decode(stored, rd.first[from:t.to]); err != nil {
			return false, err
		}
		from = t.to
		holds, ends, err := expr.Term(t.expr, &rd.env, rd.row)
		if err != nil {
			return false, mysqlerr.From(err)
		}
		if ends {
			return false, nil
		}
		passed = passed && holds
	}
	return passed, nil
}

// decode reads columns at some places of rd.row.
func (rd *reader) decode(stored []byte, places []int) error {
	if len(places) == 0 {
		return nil
	}
	if err := rd.plan.decoder.DecodeSome(stored, places, rd.row, rd.loc); err != nil {
		return rd.undecodable(err)
	}
	return nil
}

func (rd *pageWriter) undecodable(err error) error {
	return fmt.Errorf("shard %d, tablet %d: %w", rd.s.id, rd.r.Tablet, err)
}

// term is one of the conditions that a filter consists of.
type term struct {
	expr expr.Expr
	to   int // end of its columns in first, which begin where those of the term before end
}

// divideColumns lets rows that the filter refuses be decoded no further than the term that does so looks. Who locks rows may look at all
// of them.
func (rd *pageWriter) divideColumns() {
	if rd.r.Filter == nil || rd.o.Locker != nil || len(rd.r.Columns) > 64 {
		return
	}
	asked := uint64(0)
	look := func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok && asked&(1<<c.Index) == 0 {
			asked |= 1 << c.Index
			rd.first = append(rd.first, c.Index)
		}
		return true
	}
	for _, e := range expr.Terms(rd.r.Filter) {
		expr.Walk(e, look)
		rd.terms = append(rd.terms, term{e, len(rd.first)})
	}
	for i := range rd.r.Columns {
		if asked&(1<<i) == 0 {
			rd.rest = append(rd.rest, i)
		}
	}
}

func (rd *reader) passes() (bool, error) {
	rd.page.Seen++
	if rd.r.Filter == nil {
		return true, nil
	}
	passed, err := expr.Truth(rd.r.Filter, &rd.env, rd.row)
	if err != nil {
		return false, mysqlerr.From(err)
	}
	return passed, nil
}

// emit hands rd.row on: to the joins, into the aggregation, the top-N, or the page. primary is the row's key, for WithKeys.
func (rd *reader) emit(primary []byte) error {
	if rd.joins != nil {
		return rd.joins.ofRow()
	}
	if rd.agg != nil {
		return rd.agg.add(&rd.env, rd.row)
	}
	if rd.project == nil {
		return rd.deliver(rd.row, primary)
	}
	rd.out = resize(rd.out, len(rd.project))
	for i, e := range rd.project {
		v, err := e.Eval(&rd.env, rd.row)
		if err != nil {
			return mysqlerr.From(err)
		}
		rd.out[i] = v
	}
	return rd.deliver(rd.out, primary)
}

// deliver takes an output row to the top-N or, copied, into the page.
func (rd *reader) deliver(out []types.Value, primary []byte) error {
	if rd.top != nil {
		return rd.top.add(&rd.env, out)
	}
	b := &rd.page.Batch
	n := len(b.Vals)
	if rd.direct {
		b.Vals = b.Vals[:n+len(out)] // out is there already
	} else {
		b.Vals = append(b.Vals, out...)
	}
	for i := n; i < len(b.Vals); i++ {
		v := &b.Vals[i]
		if len(v.Raw()) < memory.ValueBytes {
			rd.arena.Own(v)
		} else if err := rd.ownLarge(v); err != nil {
			return err
		}
	}
	if rd.arena.Used()-rd.charged > chargeEvery {
		if err := rd.charge(); err != nil {
			return err
		}
	}
	if rd.r.WithKeys {
		rd.page.Keys = append(rd.page.Keys, rd.arena.Bytes(primary))
	}
	rd.pos.emitted++
	return nil
}

// ownLarge copies a value that is charged by itself: until the collector has found it, which may be long after the page is gone.
func (rd *pageWriter) ownLarge(v *types.Value) error {
	b, err := rd.account().Make(len(v.Raw()))
	if err != nil {
		return err
	}
	*v = v.CopyTo(b)
	rd.large += len(v.Raw())
	return nil
}

// warn puts a warning into the page, for a fragment that asks for a report.
func (rd *pageWriter) warn(code uint16, message string) { rd.page.Warn(code, message) }

// valueBytes is what a value takes in a page besides its bytes.
const valueBytes = 40

// full tells whether the page has reached its size.
func (rd *pageWriter) full() bool {
	return rd.o.MaxBytes > 0 && len(rd.page.Batch.Vals)*valueBytes+rd.arena.Used()+rd.large >= rd.o.MaxBytes
}

// contextEvery is how many rows are looked at between two looks at the context.
const contextEvery = 128

func (rd *pageWriter) tick() error {
	if rd.since++; rd.since < contextEvery {
		return nil
	}
	rd.since = 0
	return rd.ctx.Err()
}
