package exec

import (
	"context"
	"sync"

	"cloudsql/distributed"
	"cloudsql/planner/analysis"
	"cloudsql/planner/spill"
	"cloudsql/planner/usage"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/spawn"
	"cloudsql/storage/types"
)

// maxParallel bounds the tablets that one operator reads at the same time, of this node and of others.
const maxParallel = 8

// ReadOptions are what fragments do not say of a table's read.
type ReadOptions struct {
	Mode  distributed.ReadMode
	Lock  distributed.LockOptions
	Merge *spill.Order // several fragments give rows in this order: merge them; nil with one, or where order is of no matter
	// Actual counts what the fragments do; nil: nobody asks.
	Actual *analysis.Actual
	// Ahead: sections are read by processors that are idle before anybody asks for rows.
	Ahead bool
}

// NewTableRead reads the fragments of one table, each on its tablet.
func NewTableRead(ctx context.Context, run *Run, frags []*fragment.Read, o ReadOptions) (Operator, error) {
	switch {
	case len(frags) == 0:
		return spill.NewRows(nil, 1), nil
	case len(frags) == 1:
		return openOne(ctx, run, frags[0], true, &o)
	case o.Merge != nil:
		return newMerge(ctx, run, frags, &o)
	case run.RT.Txn != nil:
		return newSequence(run, frags, &o), nil
	}
	return newParallel(ctx, run, frags, &o)
}

// tabletRead streams one fragment.
type tabletRead struct {
	rows distributed.Rows
	page fragment.Page
	hold memory.Hold      // of the present page
	warn types.Warner     // what the shard warns of; nil: it stays in report
	held fragment.Report  // of pages whose warnings nobody was told of
	did  *analysis.Tablet // nil: nobody asks
	used *usage.Total
}

func openTablet(ctx context.Context, run *Run, f *fragment.Read, alone bool, o *ReadOptions) (*tabletRead, error) {
	rows, err := run.open(ctx, f, alone, o)
	if err != nil {
		return nil, err
	}
	t := &tabletRead{rows: rows, used: run.RT.Used, hold: run.RT.Memory.Hold(memory.Page), warn: run.Env.Warn}
	if o.Actual != nil {
		t.did = o.Actual.Fragment(run.RT.Catalog, f.Tablet)
	}
	return t, nil
}

// openOne is openTablet whose result may be compared with nil.
func openOne(ctx context.Context, run *Run, f *fragment.Read, alone bool, o *ReadOptions) (Operator, error) {
	t, err := openTablet(ctx, run, f, alone, o)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Next trades the page's memory for the batch's instead of copying.
func (t *tabletRead) Next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		ok, err := t.rows.Next(ctx, &t.page)
		if err != nil || !ok {
			return false, err
		}
		t.report()
		if t.page.Batch.Len() == 0 {
			continue
		}
		t.used.AddRows(uint64(t.page.Batch.Len()))
		if err := t.hold.Set(spill.BatchBytes(&t.page.Batch)); err != nil {
			return false, err
		}
		*b, t.page.Batch = t.page.Batch, *b
		return true, nil
	}
}

// report passes on what came with a page beside its rows.
func (t *tabletRead) report() {
	if t.did != nil {
		t.did.Seen += t.page.Seen
		t.did.Columnar += t.page.Columnar
		t.did.Rows += uint64(t.page.Batch.Len()) //nolint:gosec // a number of rows
	}
	switch {
	case len(t.page.Warnings) == 0:
	case t.warn != nil:
		t.page.Each(t.warn)
	default:
		t.page.Each(t.held.Warn)
	}
}

// Close ends the read.
func (t *tabletRead) Close() {
	t.rows.Close()
	t.hold.Close()
}

// newSequence reads fragments one after the other: in a transaction, which is used by one goroutine only.
func newSequence(run *Run, frags []*fragment.Read, o *ReadOptions) Operator {
	open := make([]func(context.Context) (Operator, error), len(frags))
	for i, f := range frags {
		open[i] = func(ctx context.Context) (Operator, error) { return openOne(ctx, run, f, false, o) }
	}
	return NewConcat(open)
}

// mergeRead merges ordered streams of tablets.
type mergeRead struct {
	run     *Run
	order   *spill.Order
	streams []*mergeStream
}

type mergeStream struct {
	in    *tabletRead
	batch types.Batch
	at    int
	keys  []types.Value
}

func newMerge(ctx context.Context, run *Run, frags []*fragment.Read, o *ReadOptions) (Operator, error) {
	m := &mergeRead{run: run, order: o.Merge}
	for _, f := range frags {
		in, err := openTablet(ctx, run, f, false, o)
		if err != nil {
			m.Close()
			return nil, err
		}
		m.streams = append(m.streams, &mergeStream{in: in})
	}
	// The first pages come one by one: what reads a merge usually has a LIMIT.
	live := m.streams[:0]
	for i, s := range m.streams {
		ok, err := m.fetch(ctx, s)
		if err != nil {
			m.streams = append(live, m.streams[i:]...)
			m.Close()
			return nil, err
		}
		if ok {
			live = append(live, s)
		} else {
			s.in.Close()
		}
	}
	m.streams = live
	return m, nil
}

// fetch gets a stream's next page and its first row's keys.
func (m *mergeRead) fetch(ctx context.Context, s *mergeStream) (bool, error) {
	ok, err := s.in.Next(ctx, &s.batch)
	if err != nil || !ok {
		return false, err
	}
	s.at = 0
	s.keys, err = m.order.Eval(m.run.Env, s.batch.Row(0), s.keys[:0])
	return true, err
}

// Next gives rows of the streams in order. A batch ends where a stream needs its next page, because rows of the page
// before must stay valid.
func (m *mergeRead) Next(ctx context.Context, b *types.Batch) (bool, error) {
	b.Reset(0)
	for i := 0; i < len(m.streams); i++ {
		s := m.streams[i]
		if s.at < s.batch.Len() {
			continue
		}
		ok, err := m.fetch(ctx, s)
		if err != nil {
			return false, err
		}
		if !ok {
			s.in.Close()
			m.streams = append(m.streams[:i], m.streams[i+1:]...)
			i--
		}
	}
	if len(m.streams) == 0 {
		return false, nil
	}
	b.Reset(m.streams[0].batch.Width)
	for b.Len() < spill.MaxBatch {
		s := m.least()
		b.Append(s.batch.Row(s.at))
		if s.at++; s.at >= s.batch.Len() {
			break
		}
		var err error
		if s.keys, err = m.order.Eval(m.run.Env, s.batch.Row(s.at), s.keys[:0]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *mergeRead) least() *mergeStream {
	best := m.streams[0]
	for _, s := range m.streams[1:] {
		if m.order.Compare(s.keys, best.keys) < 0 {
			best = s
		}
	}
	return best
}

func (m *mergeRead) Close() {
	for _, s := range m.streams {
		s.in.Close()
	}
	m.streams = nil
}

// parallelRead reads tablets at the same time and gives pages as they come.
type parallelRead struct {
	run    *Run
	cancel context.CancelFunc
	pages  chan pageResult
	free   chan *types.Batch
	wg     sync.WaitGroup
}

type pageResult struct {
	batch  *types.Batch
	report fragment.Report
	err    error
}

func newParallel(ctx context.Context, run *Run, frags []*fragment.Read, o *ReadOptions) (Operator, error) {
	var near, far []*tabletRead
	for _, f := range frags {
		in, err := openTablet(ctx, run, f, false, o)
		if err != nil {
			for _, s := range append(near, far...) {
				s.Close()
			}
			return nil, err
		}
		in.warn = nil // the statement's own goroutine tells of them, with the page
		if run.near(f) {
			near = append(near, in)
		} else {
			far = append(far, in)
		}
	}
	p := &parallelRead{run: run, pages: make(chan pageResult), free: make(chan *types.Batch, 2*maxParallel)}
	ctx, p.cancel = context.WithCancel(ctx)
	p.read(ctx, far, nil)
	p.read(ctx, near, run.RT.Processors)
	spawn.Go("reading tablets", func() {
		p.wg.Wait()
		close(p.pages)
	})
	return p, nil
}

// near tells whether this node does the work of a fragment.
func (r *Run) near(f *fragment.Read) bool {
	if r.RT.Catalog == nil || r.RT.Processors == nil {
		return false
	}
	shard, ok := r.RT.Catalog.ShardOf(f.Tablet)
	return ok && r.RT.DB.Leaseholder(shard) == r.RT.DB.NodeID()
}

// read has streams read at the same time: by as many as may be where other nodes do the work, and here by one goroutine and one for each
// processor that is idle (nil: nobody asks).
func (p *parallelRead) read(ctx context.Context, streams []*tabletRead, processors Processors) {
	work := make(chan *tabletRead, len(streams))
	for _, s := range streams {
		work <- s
	}
	close(work)
	for n := range min(len(streams), maxParallel) {
		l := loan{of: processors}
		if n > 0 && processors != nil && !l.take() {
			return
		}
		p.wg.Add(1)
		spawn.Go("reading tablets", func() {
			defer p.wg.Done()
			defer l.giveBack()
			for s := range work {
				if err := spawn.Do("reading tablets", func() error { p.drain(ctx, s); return nil }); err != nil {
					p.fail(ctx, err)
				}
			}
		})
	}
}

// fail sends an error.
func (p *parallelRead) fail(ctx context.Context, err error) {
	b := p.spare()
	b.Reset(1)
	select {
	case p.pages <- pageResult{batch: b, err: err}:
	case <-ctx.Done():
	}
}

// drain sends a stream's pages until its end, an error or Close.
func (p *parallelRead) drain(ctx context.Context, s *tabletRead) {
	defer s.Close()
	for ctx.Err() == nil {
		b := p.spare()
		ok, err := s.Next(ctx, b)
		report := s.held
		s.held = fragment.Report{}
		if err == nil && !ok && len(report.Warnings) == 0 {
			return
		}
		if !ok {
			b.Reset(1)
		}
		select {
		case p.pages <- pageResult{b, report, err}:
		case <-ctx.Done():
			return
		}
		if err != nil || !ok {
			return
		}
	}
}

func (p *parallelRead) spare() *types.Batch {
	select {
	case b := <-p.free:
		return b
	default:
		return new(types.Batch)
	}
}

// Next gives the next page of whichever tablet has one.
func (p *parallelRead) Next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		select {
		case r, ok := <-p.pages:
			if p.run.Env.Warn != nil {
				r.report.Each(p.run.Env.Warn)
			}
			if !ok || r.err != nil {
				return false, r.err
			}
			if r.batch.Len() == 0 {
				continue
			}
			*b, *r.batch = *r.batch, *b
			select {
			case p.free <- r.batch:
			default:
			}
			return true, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

func (p *parallelRead) Close() {
	p.cancel()
	for range p.pages {
	}
}

// NewVirtualRead collects the columns q.Used of a virtual table's rows.
func NewVirtualRead(ctx context.Context, run *Run, t VirtualTable, q VirtualQuery) (Operator, error) {
	rows := spill.NewRowBuffer(run.Room(), memory.Rows)
	row := make([]types.Value, max(len(q.Used), spill.ZeroWidth))
	err := t.Scan(ctx, q, func(full []types.Value) error {
		for i, c := range q.Used {
			row[i] = full[c]
		}
		return rows.Add(row)
	})
	if err == nil {
		err = rows.Finish()
	}
	if err != nil {
		rows.Close()
		return nil, err
	}
	return NewOwned(rows.Reader(), rows.Close), nil
}

// NewOrderedRead reads fragments whose ranges follow one another, one after the other.
func NewOrderedRead(run *Run, frags []*fragment.Read, o ReadOptions) Operator {
	return newSequence(run, frags, &o)
}
