package spill

import (
	"bytes"
	"context"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// runs is a Sort's rows beyond the memory that it may take: sorted runs, each a part of a temporary file, merged when read. Where
// the sort keys are not plain columns, they follow the row's values: encoded if they can be.
type runs struct {
	sort   *Sort
	file   *RowFile
	arena  types.Arena
	heads  []*runHead
	passes int // over all rows, before the one that is read
}

// maxFanIn bounds the runs that are merged at once. More are merged into fewer, longer ones first, in several passes.
const maxFanIn = 16

// runHead is where a merge stands in one run.
type runHead struct {
	in        *partReader
	batch     types.Batch
	at        int
	row, keys []types.Value
}

// flush writes what is in memory as one sorted run.
func (s *Sort) flush(ctx context.Context) error {
	if len(s.store.Rows) == 0 {
		return nil
	}
	if s.runs == nil {
		f, err := NewRowFile(s.room, memory.Sort, 0)
		if err != nil {
			return err
		}
		s.runs = &runs{sort: s, file: f}
	}
	if err := Canceled(ctx); err != nil {
		return err
	}
	f := s.runs.file
	part := f.addPart()
	rows, perm := s.sorted()
	var more []types.Value
	for i, row := range rows {
		switch {
		case s.order.plain:
		case s.order.encodable:
			more = append(more[:0], types.Bytes(s.encodedKey(perm[i])))
		default:
			more = s.keys.Rows[perm[i]]
		}
		if err := f.Add(part, row, more); err != nil {
			return err
		}
	}
	s.store.Reset()
	s.keys.Reset()
	s.blob, s.ends = s.blob[:0], s.ends[:0]
	return f.Finish()
}

// prepare merges until few enough runs are left, and opens these.
func (p *runs) prepare(ctx context.Context) error {
	for {
		if err := p.open(ctx, 0); err != nil || len(p.heads) == len(p.file.parts) {
			return err
		}
		if err := p.pass(ctx); err != nil {
			return err
		}
	}
}

// pass merges runs that are neighbours, as many at a time as can be open.
func (p *runs) pass(ctx context.Context) error {
	to, err := NewRowFile(p.sort.room, memory.Sort, 0)
	if err != nil {
		return err
	}
	p.passes++
	for from := 0; from < len(p.file.parts); {
		p.closeHeads()
		if err = p.open(ctx, from); err != nil {
			break
		}
		from += len(p.heads)
		if err = p.mergeTo(ctx, to); err != nil {
			break
		}
	}
	if err != nil {
		to.Close()
		return err
	}
	p.file.Close()
	p.file = to
	return nil
}

func (p *runs) mergeTo(ctx context.Context, to *RowFile) error {
	part := to.addPart()
	for len(p.heads) > 0 {
		i := p.least()
		if err := to.Add(part, p.heads[i].batch.Row(p.heads[i].at), nil); err != nil {
			return err
		}
		if err := p.advance(ctx, i); err != nil {
			return err
		}
	}
	return to.Finish()
}

// Open begins to read runs, from one on: two at least, and as many as there is room for.
func (p *runs) open(ctx context.Context, from int) error {
	f := p.file
	for i := from; i < len(f.parts); i++ {
		if n := len(p.heads); n >= 2 && (n >= maxFanIn || f.hold.Crowded(f.readBytes(f.size))) {
			return nil
		}
		h := &runHead{in: f.reader(i)}
		p.heads = append(p.heads, h)
		if ok, err := p.load(ctx, h); err != nil || !ok {
			return err // no run is empty
		}
	}
	return nil
}

// load gets a run's next rows.
func (p *runs) load(ctx context.Context, h *runHead) (bool, error) {
	ok, err := h.in.Next(ctx, &h.batch)
	if err == nil && ok {
		h.at = 0
		p.view(h)
	}
	return ok, err
}

func (p *runs) view(h *runHead) {
	h.row = h.batch.Row(h.at)
	if !p.sort.order.plain {
		h.row, h.keys = h.row[:p.sort.width], h.row[p.sort.width:]
	}
}

// advance goes on to the next row of head i, which is dropped where there is none.
func (p *runs) advance(ctx context.Context, i int) error {
	h := p.heads[i]
	if h.at++; h.at < h.batch.Len() {
		p.view(h)
		return nil
	}
	ok, err := p.load(ctx, h)
	if err != nil {
		return err
	}
	if !ok {
		h.in.Close()
		p.heads = append(p.heads[:i], p.heads[i+1:]...)
	}
	return nil
}

// least finds the head that comes first. Earlier runs go first among equals, so that the order of the input is kept.
func (p *runs) least() int {
	best := 0
	for i := 1; i < len(p.heads); i++ {
		if p.compare(p.heads[i], p.heads[best]) < 0 {
			best = i
		}
	}
	return best
}

func (p *runs) compare(a, b *runHead) int {
	switch {
	case p.sort.order.plain:
		return p.sort.order.CompareRows(a.row, b.row)
	case p.sort.order.encodable:
		return bytes.Compare(a.keys[0].Raw(), b.keys[0].Raw())
	}
	return p.sort.order.Compare(a.keys, b.keys)
}

// Next merges a batch.
func (p *runs) next(ctx context.Context, b *types.Batch) (bool, error) {
	b.Reset(p.sort.width)
	p.arena.Reset()
	for bytes := 0; len(p.heads) > 0 && b.Len() < MaxBatch && bytes < MaxBatchBytes; {
		i := p.least()
		for _, v := range p.heads[i].row {
			b.Vals = append(b.Vals, p.arena.Value(v))
			bytes += len(v.Raw())
		}
		if err := p.advance(ctx, i); err != nil {
			return false, err
		}
	}
	return b.Len() > 0, nil
}

func (p *runs) closeHeads() {
	for _, h := range p.heads {
		h.in.Close()
	}
	p.heads = p.heads[:0]
}

func (p *runs) close() {
	p.closeHeads()
	p.file.Close()
}
