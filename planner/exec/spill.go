package exec

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"cloudsql/storage/types"
)

// spill is a Sort's rows beyond the memory limit: sorted runs in one temporary file, merged when read.
//
//	file = run*        run = row*        row = length(uvarint) value*   (types.AppendValue)
type spill struct {
	sort    *Sort
	file    *spaceFile
	starts  []int64 // of the runs; the last element is the file's end
	readers []*runReader
	arena   types.Arena
}

type runReader struct {
	r    *bufio.Reader
	buf  []byte
	row  []types.Value
	keys []types.Value
}

// flush writes what is in memory as one sorted run.
func (s *Sort) flush() error {
	if len(s.store.rows) == 0 {
		return nil
	}
	if s.spill == nil {
		f, err := s.run.RT.Space.create()
		if err != nil {
			return err
		}
		s.spill = &spill{sort: s, file: f, starts: []int64{0}}
	}
	if err := s.spill.write(s.sorted()); err != nil {
		return err
	}
	s.store.reset()
	s.keys.reset()
	s.blob, s.ends = s.blob[:0], s.ends[:0]
	return nil
}

func (p *spill) write(rows [][]types.Value) error {
	end := p.starts[len(p.starts)-1]
	w := bufio.NewWriterSize(p.file, 256<<10)
	var buf, head []byte
	for _, row := range rows {
		buf = buf[:0]
		for _, v := range row {
			buf = types.AppendValue(buf, v)
		}
		head = binary.AppendUvarint(head[:0], uint64(len(buf)))
		if _, err := w.Write(head); err != nil {
			return err
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		end += int64(len(head) + len(buf))
	}
	p.starts = append(p.starts, end)
	return w.Flush()
}

// merge opens a reader on each run.
func (p *spill) merge() error {
	for i := 0; i+1 < len(p.starts); i++ {
		section := io.NewSectionReader(p.file, p.starts[i], p.starts[i+1]-p.starts[i])
		r := &runReader{r: bufio.NewReaderSize(section, 64<<10)}
		ok, err := p.advance(r)
		if err != nil {
			return err
		}
		if ok {
			p.readers = append(p.readers, r)
		}
	}
	return nil
}

// advance reads a run's next row.
func (p *spill) advance(r *runReader) (bool, error) {
	n, err := binary.ReadUvarint(r.r)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if uint64(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if _, err := io.ReadFull(r.r, r.buf); err != nil {
		return false, err
	}
	r.row = r.row[:0]
	for rest := r.buf; len(rest) > 0; {
		var v types.Value
		if v, rest, err = types.DecodeValue(rest); err != nil {
			return false, err
		}
		r.row = append(r.row, v)
	}
	r.keys, err = p.sort.order.eval(p.sort.run.Env, r.row, r.keys[:0])
	return true, err
}

// next merges a batch. Earlier runs go first among equals, so that the order of the input is kept.
func (p *spill) next(b *types.Batch) (bool, error) {
	b.Reset(p.sort.width)
	p.arena.Reset()
	for len(p.readers) > 0 && b.Len() < maxBatch {
		best := 0
		for i := 1; i < len(p.readers); i++ {
			if p.sort.order.compare(p.readers[i].keys, p.readers[best].keys) < 0 {
				best = i
			}
		}
		r := p.readers[best]
		for _, v := range r.row {
			b.Vals = append(b.Vals, p.arena.Value(v))
		}
		ok, err := p.advance(r)
		if err != nil {
			return false, err
		}
		if !ok {
			p.readers = append(p.readers[:best], p.readers[best+1:]...)
		}
	}
	return b.Len() > 0, nil
}

func (p *spill) close() { p.file.close() }
