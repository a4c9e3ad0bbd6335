package exec

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// rowFile is rows that found no room in memory: a temporary file with parts, which are written side by side and read each in the
// order in which it was written, any number of times. What an operator spills is one open file, however many parts it has.
//
//	file = block*          each of one part
//	block = row*           of a bounded size, or one row that is larger
//	row = length(uvarint) value*   (types.AppendValue)
//
// Buffers and the lists of blocks are charged to the statement.
type rowFile struct {
	run   *Run
	file  *spaceFile
	hold  memory.Hold
	parts []filePart
	size  int    // of blocks, in bytes
	row   []byte // encoded
	end   int64
	tasks int // parts that are yet to be dealt with, see done
}

// filePart is a sequence of rows in a rowFile.
type filePart struct {
	buf     []byte
	blocks  []blockRef
	rows    int
	flushed int // of rows, those in blocks
}

// blockRef is where a block is.
type blockRef struct {
	at    int64
	len   int
	first int // number of its first row in the part
}

const blockRefBytes = 32

// errBadRowFile tells that a temporary file has not what was written to it.
var errBadRowFile = fileError(mysql.ErrErrorOnRead, errors.New("what was read is not what was written"))

// Block sizes: a file of many parts has a buffer for each, which must not take much of a small limit.
const (
	minBlock = 256
	maxBlock = 32 << 10
)

func newRowFile(run *Run, kind memory.Kind, parts int) (*rowFile, error) {
	size := maxBlock
	if limit := run.RT.Memory.Limit(); limit > 0 {
		size = int(min(max(limit/256, minBlock), maxBlock))
	}
	f, err := run.RT.Space.create(kind)
	if err != nil {
		return nil, err
	}
	return &rowFile{run: run, file: f, hold: run.RT.Memory.Hold(kind), parts: make([]filePart, parts), size: size}, nil
}

// add appends a row, made of the values of row and of more, to a part.
func (f *rowFile) add(part int, row, more []types.Value) error {
	f.row = f.row[:0]
	for _, v := range row {
		f.row = types.AppendValue(f.row, v)
	}
	for _, v := range more {
		f.row = types.AppendValue(f.row, v)
	}
	p := &f.parts[part]
	need := len(f.row) + binary.MaxVarintLen64
	if len(p.buf)+need > f.size {
		if err := f.flush(p); err != nil {
			return err
		}
	}
	if p.buf == nil {
		if err := f.hold.Grow(f.size); err != nil {
			return err
		}
		p.buf = make([]byte, 0, f.size)
	}
	p.rows++
	if need <= f.size {
		p.buf = append(binary.AppendUvarint(p.buf, uint64(len(f.row))), f.row...)
		return nil
	}
	return f.addLarge(p)
}

// addLarge writes a row that needs a block of its own.
func (f *rowFile) addLarge(p *filePart) error {
	n := 2 * cap(f.row)
	if err := f.hold.Grow(n); err != nil {
		return err
	}
	small := p.buf
	p.buf = append(binary.AppendUvarint(make([]byte, 0, len(f.row)+binary.MaxVarintLen64), uint64(len(f.row))), f.row...)
	err := f.flush(p)
	p.buf, f.row = small, nil
	_ = f.hold.Grow(-n)
	return err
}

// flush writes a part's buffer.
func (f *rowFile) flush(p *filePart) error {
	if len(p.buf) == 0 {
		return nil
	}
	if err := f.hold.Grow(blockRefBytes); err != nil {
		return err
	}
	if err := f.file.append(p.buf); err != nil {
		return err
	}
	p.blocks = append(p.blocks, blockRef{at: f.end, len: len(p.buf), first: p.flushed})
	p.flushed = p.rows
	f.end += int64(len(p.buf))
	p.buf = p.buf[:0]
	return nil
}

// finish writes what the parts have in their buffers, which are given back. More may be added later.
func (f *rowFile) finish() error {
	for i := range f.parts {
		p := &f.parts[i]
		if err := f.flush(p); err != nil {
			return err
		}
		if p.buf != nil {
			p.buf = nil
			_ = f.hold.Grow(-f.size)
		}
	}
	return nil
}

// addPart adds an empty part and gives its number.
func (f *rowFile) addPart() int {
	f.parts = append(f.parts, filePart{})
	return len(f.parts) - 1
}

// done tells that one of tasks parts is no longer needed; with the last one the file goes.
func (f *rowFile) done() {
	if f.tasks--; f.tasks == 0 {
		f.close()
	}
}

// close removes the file; it may be called again.
func (f *rowFile) close() {
	if f == nil || f.file == nil {
		return
	}
	f.file.close()
	f.file = nil
	f.hold.Close()
	f.parts = nil
}

// read reads a block into buf, which it may replace.
func (f *rowFile) read(b *blockRef, buf []byte) ([]byte, error) {
	if cap(buf) < b.len {
		buf = make([]byte, b.len)
	}
	buf = buf[:b.len]
	return buf, f.file.read(buf, b.at)
}

// decodeRow appends the values of the first row of a block to dst.
func decodeRow(block []byte, dst []types.Value) (vals []types.Value, rest []byte, err error) {
	n, used := binary.Uvarint(block)
	if used <= 0 || n > uint64(len(block)-used) {
		return dst, nil, errBadRowFile
	}
	end := used + int(n) //nolint:gosec // within the block
	for row := block[used:end]; len(row) > 0; {
		var v types.Value
		if v, row, err = types.DecodeStored(row); err != nil {
			return dst, nil, errBadRowFile
		}
		dst = append(dst, v)
	}
	return dst, block[end:], nil
}

// reader reads a part from its beginning. The file must be finished, and stay open meanwhile.
func (f *rowFile) reader(part int) *partReader {
	return &partReader{file: f, part: part}
}

// partReader is an Operator; closing it leaves the file as it is.
type partReader struct {
	file  *rowFile
	part  int
	block int // to be read next
	buf   []byte
	rest  []byte // of buf
	held  int    // of the file's memory
}

// Next gives the next rows, as many as there is room for while they are read block by block.
func (r *partReader) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if len(r.rest) == 0 {
		if err := canceled(ctx); err != nil {
			return false, err
		}
		blocks := r.file.parts[r.part].blocks
		if r.block >= len(blocks) {
			return false, nil
		}
		ref := &blocks[r.block]
		if err := r.hold(r.file.readBytes(ref.len)); err != nil {
			return false, err
		}
		var err error
		if r.buf, err = r.file.read(ref, r.buf); err != nil {
			return false, err
		}
		r.rest = r.buf
		r.block++
	}
	b.Reset(0)
	rows := 1
	for n := 0; n < rows && len(r.rest) > 0; n++ {
		var err error
		if b.Vals, r.rest, err = decodeRow(r.rest, b.Vals); err != nil {
			return false, err
		}
		if n == 0 {
			b.Width = len(b.Vals)
			rows = min(maxBatch, max(1, r.file.size/(valueBytes*max(b.Width, 1))))
		}
	}
	return true, nil
}

// readBytes is what reading a block of n bytes takes: as much again for the values of some of its rows.
func (f *rowFile) readBytes(n int) int { return 2 * max(n, f.size) }

func (r *partReader) hold(n int) error {
	if err := r.file.hold.Grow(n - r.held); err != nil {
		return err
	}
	r.held = n
	return nil
}

// Close gives the buffer back.
func (r *partReader) Close() {
	r.buf, r.rest = nil, nil
	if r.file.file != nil { // otherwise all of its memory was given back
		_ = r.hold(0)
	}
}
