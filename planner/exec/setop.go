package exec

import (
	"context"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Distinct passes each row once.
type Distinct struct {
	run   *Run
	in    Operator
	colls []types.Collation
	seen  map[string]struct{}
	batch types.Batch
	key   []byte
	hold  memory.Hold
}

// NewDistinct removes rows that repeat in the leading columns, one for each collation.
func NewDistinct(run *Run, in Operator, colls []types.Collation) *Distinct {
	return &Distinct{run: run, in: in, colls: colls, seen: map[string]struct{}{}, hold: run.RT.Memory.Hold(memory.Distinct)}
}

// Next gives rows that were not there before.
func (d *Distinct) Next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		ok, err := d.in.Next(ctx, &d.batch)
		if err != nil || !ok {
			return false, err
		}
		b.Reset(d.batch.Width)
		for i, n := 0, d.batch.Len(); i < n; i++ {
			row := d.batch.Row(i)
			d.key = hashRow(d.key[:0], row[:len(d.colls)], d.colls)
			if _, ok := d.seen[string(d.key)]; ok {
				continue
			}
			if err := d.hold.Grow(len(d.key) + hashEntryBytes); err != nil {
				return false, err
			}
			d.seen[string(d.key)] = struct{}{}
			b.Append(row)
		}
		if b.Len() > 0 {
			return true, nil
		}
	}
}

// Close releases the set and the input.
func (d *Distinct) Close() {
	d.in.Close()
	d.hold.Close()
	d.seen = nil
}

// SetOp is INTERSECT and EXCEPT.
type SetOp struct {
	run         *Run
	left, right Operator
	except, all bool
	colls       []types.Collation
	counts      map[string]int
	batch       types.Batch
	key         []byte
	hold        memory.Hold
}

// NewSetOp gives the rows of left that are (not, with except) among right's; all counts repetitions.
func NewSetOp(run *Run, left, right Operator, except, all bool, colls []types.Collation) *SetOp {
	return &SetOp{run: run, left: left, right: right, except: except, all: all, colls: colls,
		hold: run.RT.Memory.Hold(memory.Distinct)}
}

func (s *SetOp) load(ctx context.Context) error {
	s.counts = map[string]int{}
	var b types.Batch
	for {
		ok, err := s.right.Next(ctx, &b)
		if err != nil || !ok {
			return err
		}
		for i, n := 0, b.Len(); i < n; i++ {
			s.key = hashRow(s.key[:0], b.Row(i), s.colls)
			if _, ok := s.counts[string(s.key)]; !ok {
				if err := s.hold.Grow(len(s.key) + hashEntryBytes); err != nil {
					return err
				}
			}
			s.counts[string(s.key)]++
		}
	}
}

// passes decides about one row. Without ALL a key that passed once passes no more: its count says so.
func (s *SetOp) passes(row []types.Value) bool {
	s.key = hashRow(s.key[:0], row, s.colls)
	n, found := s.counts[string(s.key)]
	switch {
	case s.all && s.except:
		if n > 0 {
			s.counts[string(s.key)] = n - 1
		}
		return n == 0
	case s.all:
		if n > 0 {
			s.counts[string(s.key)] = n - 1
		}
		return n > 0
	case s.except:
		if !found {
			s.counts[string(s.key)] = 1
		}
		return !found
	}
	if found {
		s.counts[string(s.key)] = 0
	}
	return n > 0
}

// Next gives the next rows that pass.
func (s *SetOp) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if s.counts == nil {
		if err := s.load(ctx); err != nil {
			return false, err
		}
	}
	for {
		ok, err := s.left.Next(ctx, &s.batch)
		if err != nil || !ok {
			return false, err
		}
		b.Reset(s.batch.Width)
		for i, n := 0, s.batch.Len(); i < n; i++ {
			if row := s.batch.Row(i); s.passes(row) {
				b.Append(row)
			}
		}
		if b.Len() > 0 {
			return true, nil
		}
	}
}

// Close releases the counts and both inputs.
func (s *SetOp) Close() {
	s.left.Close()
	s.right.Close()
	s.hold.Close()
	s.counts = nil
}
