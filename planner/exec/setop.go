package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Distinct passes each row once: the first one of those that are equal.
type Distinct struct {
	run   *Run
	in    Operator // of the present task
	colls []collation.ID
	seen  map[string]struct{}
	batch types.Batch
	key   []byte
	hold  memory.Hold
	aside aside

	unordered bool // rows may come in any order, and some with their number behind them
}

// NewDistinct removes rows that repeat in the leading columns, one for each collation.
func NewDistinct(run *Run, in Operator, colls []collation.ID) *Distinct {
	return &Distinct{run: run, in: in, colls: colls, seen: map[string]struct{}{}, hold: run.RT.Memory.Hold(memory.Distinct),
		aside: aside{run: run}}
}

// Next gives rows that were not there before.
func (d *Distinct) Next(ctx context.Context, b *types.Batch) (bool, error) {
	a := &d.aside
	if a.out != nil {
		return a.out.Next(ctx, b)
	}
	ok, err := d.pass(ctx, b)
	if ok || err != nil || a.file == nil {
		return ok, err
	}
	if err := a.end(nil); err != nil {
		return false, err
	}
	if a.out = spill.Stream(d.next); !d.unordered {
		a.out = spill.NewReorder(d.run.Room(), d.next, a.width)
	}
	return a.out.Next(ctx, b)
}

// next gives the rows that pass of one task after the other.
func (d *Distinct) next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		if d.aside.Now != nil {
			if ok, err := d.pass(ctx, b); ok || err != nil {
				return ok, err
			}
			if err := d.aside.end(nil); err != nil {
				return false, err
			}
		}
		d.in.Close()
		if !d.aside.Next() {
			d.in = spill.NewRows(nil, 1)
			return false, nil
		}
		d.in = d.aside.Now.First.Open(d.aside.Now.Part)
		clear(d.seen)
		d.hold.Close()
	}
}

// pass gives the rows of the present input that pass.
func (d *Distinct) pass(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		ok, err := d.in.Next(ctx, &d.batch)
		if err != nil || !ok {
			return false, err
		}
		b.Reset(d.batch.Width)
		for i, n := 0, d.batch.Len(); i < n; i++ {
			if err := d.look(b, d.batch.Row(i)); err != nil {
				return false, err
			}
		}
		if b.Len() > 0 {
			return true, nil
		}
	}
}

// look passes a row, drops it, or puts it aside.
func (d *Distinct) look(b *types.Batch, row []types.Value) error {
	d.key = spill.HashRow(d.key[:0], row[:len(d.colls)], d.colls)
	if _, ok := d.seen[string(d.key)]; ok {
		return nil
	}
	size := len(d.key) + spill.HashEntryBytes
	if a := &d.aside; a.file != nil || a.Divisible() && d.hold.Crowded(size) {
		return a.put(d.key, row)
	}
	if err := d.hold.Grow(size); err != nil {
		return err
	}
	d.seen[string(d.key)] = struct{}{}
	b.Append(row)
	return nil
}

// Close releases the set, the files and the input.
func (d *Distinct) Close() {
	d.in.Close()
	d.aside.close()
	d.hold.Close()
	d.seen = nil
}

// SetOp is INTERSECT and EXCEPT.
type SetOp struct {
	run         *Run
	left, right Operator // of the present task
	except, all bool
	colls       []collation.ID
	counts      map[string]int
	batch       types.Batch
	key         []byte
	hold        memory.Hold
	aside       aside
	keys        *spill.RowFile // the right side's keys and counts, where they find no room in memory
}

// NewSetOp gives the rows of left that are (not, with except) among right's; all counts repetitions.
func NewSetOp(run *Run, left, right Operator, except, all bool, colls []collation.ID) *SetOp {
	return &SetOp{run: run, left: left, right: right, except: except, all: all, colls: colls,
		hold: run.RT.Memory.Hold(memory.Distinct), aside: aside{run: run}}
}

// load counts the right side's rows.
func (s *SetOp) load(ctx context.Context) error {
	s.counts = map[string]int{}
	if s.right != nil {
		if err := spill.Each(ctx, s.right, s.count); err != nil {
			return err
		}
	}
	if s.keys != nil {
		return s.keys.Finish()
	}
	return nil
}

// count counts a row of the right side. Rows of files are keys and their counts.
func (s *SetOp) count(row []types.Value) error {
	n := 1
	if s.aside.Now != nil {
		s.key, n = append(s.key[:0], row[0].Raw()...), int(row[1].Int())
	} else {
		s.key = spill.HashRow(s.key[:0], row, s.colls)
	}
	if s.keys != nil {
		return s.writeKey(s.key, n)
	}
	if _, ok := s.counts[string(s.key)]; !ok {
		size := len(s.key) + spill.HashEntryBytes
		if s.aside.Divisible() && s.hold.Crowded(size) {
			if err := s.spill(); err != nil {
				return err
			}
			return s.writeKey(s.key, n)
		}
		if err := s.hold.Grow(size); err != nil {
			return err
		}
	}
	s.counts[string(s.key)] += n
	return nil
}

// spill writes the counts that there are; all others follow them.
func (s *SetOp) spill() error {
	var err error
	if s.keys, err = spill.NewRowFile(s.run.Room(), memory.Distinct, spill.Partitions); err != nil {
		return err
	}
	for key, n := range s.counts {
		if err := s.writeKey([]byte(key), n); err != nil {
			return err
		}
	}
	clear(s.counts)
	s.hold.Close()
	return nil
}

func (s *SetOp) writeKey(key []byte, n int) error {
	return s.keys.Add(spill.PartitionOf(key, s.aside.Division()), []types.Value{types.Bytes(key), types.Int(int64(n))}, nil)
}

// passes decides about one row. Without ALL a key that passed once passes no more: its count says so.
func (s *SetOp) passes(row []types.Value) (bool, error) {
	s.key = spill.HashRow(s.key[:0], row[:len(s.colls)], s.colls)
	if s.keys != nil {
		return false, s.aside.put(s.key, row)
	}
	n, found := s.counts[string(s.key)]
	switch {
	case s.all && s.except:
		if n > 0 {
			s.counts[string(s.key)] = n - 1
		}
		return n == 0, nil
	case s.all:
		if n > 0 {
			s.counts[string(s.key)] = n - 1
		}
		return n > 0, nil
	case s.except && !found:
		return s.first(row)
	case s.except:
		return false, nil
	}
	if found {
		s.counts[string(s.key)] = 0
	}
	return n > 0, nil
}

// first remembers a key that passes EXCEPT.
func (s *SetOp) first(row []types.Value) (bool, error) {
	size := len(s.key) + spill.HashEntryBytes
	if a := &s.aside; a.file != nil || a.Divisible() && s.hold.Crowded(size) {
		return false, a.put(s.key, row)
	}
	if err := s.hold.Grow(size); err != nil {
		return false, err
	}
	s.counts[string(s.key)] = 1
	return true, nil
}

// Next gives the next rows that pass.
func (s *SetOp) Next(ctx context.Context, b *types.Batch) (bool, error) {
	a := &s.aside
	if a.out != nil {
		return a.out.Next(ctx, b)
	}
	if s.counts == nil {
		if err := s.load(ctx); err != nil {
			return false, err
		}
	}
	ok, err := Pass(ctx, s.left, &s.batch, b, s.passes)
	if ok || err != nil || a.file == nil {
		return ok, err
	}
	if err := s.end(); err != nil {
		return false, err
	}
	a.out = spill.NewReorder(s.run.Room(), s.next, a.width)
	return a.out.Next(ctx, b)
}

// end makes tasks of what was put aside.
func (s *SetOp) end() error {
	right := s.keys
	s.keys = nil
	return s.aside.end(right)
}

// next gives the rows that pass of one task after the other.
func (s *SetOp) next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		if s.aside.Now != nil {
			if ok, err := Pass(ctx, s.left, &s.batch, b, s.passes); ok || err != nil {
				return ok, err
			}
			if err := s.end(); err != nil {
				return false, err
			}
		}
		s.closeInputs()
		if !s.aside.Next() {
			return false, nil
		}
		t := s.aside.Now
		s.left = t.First.Open(t.Part)
		if t.Second != nil {
			s.right = t.Second.Open(t.Part)
		}
		s.hold.Close()
		if err := s.load(ctx); err != nil {
			return false, err
		}
	}
}

func (s *SetOp) closeInputs() {
	if s.left != nil {
		s.left.Close()
		s.left = nil
	}
	if s.right != nil {
		s.right.Close()
		s.right = nil
	}
}

// Close releases the counts, the files and both inputs.
func (s *SetOp) Close() {
	s.closeInputs()
	s.aside.close()
	s.keys.Close()
	s.hold.Close()
	s.counts = nil
}
