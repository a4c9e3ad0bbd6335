package exec

import (
	"context"
	"sync"

	"cloudsql/planner/analysis"
	"cloudsql/planner/spill"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/spawn"
	"cloudsql/storage/types"
)

const (
	sectionsAhead = 8       // that are read before their turn
	pagesAhead    = 4       // of each of them
	aheadBytes    = 1 << 20 // what there must be room for, to read another section ahead
)

// sectionRead reads sections of a tablet (fragments whose keys follow one another) at one snapshot, and gives their rows one section
// after the other: in order, whoever reads them. The statement's goroutine reads the section whose turn it is, unless that was begun
// already: processors that are idle read ahead.
//
//	sections  0     1     2     3     4     5    …
//	          read  its   being       begun by
//	          and   turn  read  ahead nobody
//	          given
//
// A worker takes the first section that nobody has begun, and leaves when enough are read ahead, memory gets short or the processor
// is wanted elsewhere; whenever a section has been given, workers are hired anew. So nobody waits for a section that nobody reads.
type sectionRead struct {
	run      *Run
	ctx      context.Context // of the workers
	cancel   context.CancelFunc
	sections []*section
	did      *analysis.Tablet // nil: nobody asks
	hold     memory.Hold      // of the page that was given last, if it was read ahead
	workers  sync.WaitGroup

	mu   sync.Mutex
	turn int // the section that is being given; changed by the statement's goroutine
	next int // the first that nobody has begun
}

type section struct {
	in    *tabletRead
	pages chan sectionPage // of a section that a worker has begun: closed at its end
}

type sectionPage struct {
	batch  types.Batch
	report fragment.Report
	hold   memory.Hold
	err    error
}

// NewSectionRead reads fragments on one tablet whose ranges follow one another, several at once where processors are idle.
func NewSectionRead(ctx context.Context, run *Run, frags []*fragment.Read, o ReadOptions) (Operator, error) {
	r := &sectionRead{run: run, sections: make([]*section, 0, len(frags))}
	if o.Actual != nil {
		r.did = o.Actual.Fragment(run.RT.Catalog, frags[0].Tablet)
		o.Actual = nil
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	for _, f := range frags { // opening costs little, and holds the snapshot
		in, err := openTablet(ctx, run, f, false, &o)
		if err != nil {
			r.Close()
			return nil, err
		}
		if r.did != nil {
			in.did = &analysis.Tablet{}
		}
		r.sections = append(r.sections, &section{in: in})
	}
	if o.Ahead {
		r.hire()
	}
	return r, nil
}

// Next gives the next page.
func (r *sectionRead) Next(ctx context.Context, b *types.Batch) (bool, error) {
	r.hold.Close()
	for r.turn < len(r.sections) {
		s := r.enter()
		r.hire()
		var ok bool
		var err error
		if s.pages != nil {
			ok, err = r.receive(ctx, s, b)
		} else {
			ok, err = s.in.Next(ctx, b)
		}
		if ok || err != nil {
			return ok, err
		}
		r.leave(s)
	}
	return false, nil
}

// enter gives the section whose turn it is, begun.
func (r *sectionRead) enter() *section {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = max(r.next, r.turn+1)
	return r.sections[r.turn]
}

// leave ends the section whose turn it was.
func (r *sectionRead) leave(s *section) {
	r.end(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn++
}

// end closes a section that no worker reads any more, and counts what was done for it.
func (r *sectionRead) end(s *section) {
	s.in.Close()
	if r.did != nil {
		r.did.Seen += s.in.did.Seen
		r.did.Columnar += s.in.did.Columnar
		r.did.Rows += s.in.did.Rows
	}
}

// receive gives the next page of a section that is, or was, read by a worker.
func (r *sectionRead) receive(ctx context.Context, s *section, b *types.Batch) (bool, error) {
	for {
		select {
		case p, ok := <-s.pages:
			if !ok { // at its end, or because the statement is ended
				return false, context.Cause(r.ctx)
			}
			if r.run.Env.Warn != nil {
				p.report.Each(r.run.Env.Warn)
			}
			r.hold.Close()
			r.hold = p.hold
			if p.err != nil {
				return false, p.err
			}
			if p.batch.Len() > 0 {
				*b = p.batch
				return true, nil
			}
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// hire has idle processors read ahead.
func (r *sectionRead) hire() {
	for r.wanting() && r.run.RT.Processors.Borrow() {
		r.workers.Add(1)
		spawn.Go("reading ahead", r.work)
	}
}

// wanting tells whether there is a section to begin, with room for it.
func (r *sectionRead) wanting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mayBegin()
}

func (r *sectionRead) mayBegin() bool {
	return r.next < len(r.sections) && r.next <= r.turn+sectionsAhead && r.ctx.Err() == nil && !r.run.RT.Memory.Tight(aheadBytes)
}

// loan is the processor that a worker has borrowed.
type loan struct {
	of  Processors
	has bool
}

func (l *loan) take() bool {
	if !l.has {
		l.has = l.of.Borrow()
	}
	return l.has
}

func (l *loan) giveBack() {
	if l.has {
		l.has = false
		l.of.Return()
	}
}

// work reads sections, with a processor that is borrowed for each of them.
func (r *sectionRead) work() {
	defer r.workers.Done()
	l := loan{of: r.run.RT.Processors, has: true}
	for {
		s := r.begin()
		if s != nil {
			r.readAhead(s, &l)
		}
		l.giveBack()
		if s == nil || !l.take() {
			return
		}
	}
}

// begin takes the next section for a worker; nil: none for now.
func (r *sectionRead) begin() *section {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mayBegin() {
		return nil
	}
	s := r.sections[r.next]
	r.next++
	s.in.warn = nil // the statement's own goroutine tells of them, with the page
	s.pages = make(chan sectionPage, pagesAhead)
	return s
}

// readAhead sends a section's pages until its end, an error or Close.
func (r *sectionRead) readAhead(s *section, l *loan) {
	defer close(s.pages)
	err := spawn.Do("reading ahead", func() error {
		for {
			var p sectionPage
			ok, err := s.in.Next(r.ctx, &p.batch)
			if err != nil {
				return err
			}
			p.report, s.in.held = s.in.held, fragment.Report{}
			if !ok && len(p.report.Warnings) == 0 {
				return nil
			}
			p.hold = r.run.RT.Memory.Hold(memory.Page)
			if err := p.hold.Set(spill.BatchBytes(&p.batch)); err != nil {
				return err
			}
			if !r.send(s, p, l) || !ok {
				return nil
			}
		}
	})
	if err != nil {
		r.send(s, sectionPage{err: err}, l)
	}
}

// send hands a page on. Others may have the processor while it waits; if none is idle afterwards, the section is read to its end without.
func (r *sectionRead) send(s *section, p sectionPage, l *loan) bool {
	select {
	case s.pages <- p:
		return true
	default:
	}
	l.giveBack()
	select {
	case s.pages <- p:
		l.take()
		return true
	case <-r.ctx.Done():
		p.hold.Close()
		return false
	}
}

// Close ends the workers and the sections that were not given to their end.
func (r *sectionRead) Close() {
	r.cancel()
	r.workers.Wait()
	r.hold.Close()
	for _, s := range r.sections[r.turn:] {
		if s.pages != nil {
			for p := range s.pages {
				p.hold.Close()
			}
		}
		r.end(s)
	}
	r.sections = r.sections[:r.turn]
}
