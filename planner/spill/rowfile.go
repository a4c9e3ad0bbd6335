package spill

import (
	"context"
	"encoding/binary"
	"errors"

	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// RowFile is rows that found no room in memory: a temporary file with parts, which are written side by side and read each in the
// order in which it was written, any number of times. What an operator spills is one open file, however many parts it has.
//
//	file  = block*         each of one part
//	block = length(4) row* of a bounded size, or one row that is larger
//	row   = length(uvarint) value*   (types.AppendValue)
//
// Buffers and the lists of blocks are charged to the statement.
type RowFile struct {
	file  *spaceFile
	hold  memory.Hold
	parts []filePart
	size  int    // of blocks, in bytes
	row   []byte // encoded
	end   int64
	last  *filePart // that was written to
	// indexed: each block is in its part's list, so that a row is found by its number; otherwise neighbours share an element.
	indexed bool
	tasks   int // parts that are yet to be dealt with, see done
}

// filePart is a sequence of rows in a RowFile.
type filePart struct {
	buf     []byte // the next block, with room for its length in front; nil: none
	blocks  []blockRef
	rows    int
	flushed int // of rows, those in blocks
}

// blockRef is where some blocks are that follow one another.
type blockRef struct {
	at    int64
	n     int
	first int // number of the first row in the part
}

const blockRefBytes = 24

const blockHead = 4

// errBadRowFile tells that a temporary file has not what was written to it.
var errBadRowFile = fileError(mysqlerr.ErrorOnRead, errors.New("what was read is not what was written"))

// Block sizes: a file of many parts has a buffer for each, which must not take much of a small limit.
const (
	minBlock = 512
	maxBlock = 32 << 10
)

// NewRowFile makes a file of so many empty parts.
func NewRowFile(room *Room, kind memory.Kind, parts int) (*RowFile, error) {
	size := maxBlock
	if limit := room.Memory.Limit(); limit > 0 {
		size = int(min(max(limit/128, minBlock), maxBlock))
	}
	f, err := room.Space.create(kind)
	if err != nil {
		return nil, err
	}
	room.Used.AddFile()
	return &RowFile{file: f, hold: room.Memory.Hold(kind), parts: make([]filePart, parts), size: size}, nil
}

// Add appends a row, made of the values of row and of more, to a part.
func (f *RowFile) Add(part int, row, more []types.Value) error {
	f.row = append(f.row[:0], noHead[:]...)
	for _, v := range row {
		f.row = types.AppendValue(f.row, v)
	}
	for _, v := range more {
		f.row = types.AppendValue(f.row, v)
	}
	p := &f.parts[part]
	need := len(f.row)
	if len(p.buf) > blockHead && len(p.buf)+need > f.size {
		if err := f.flush(p); err != nil {
			return err
		}
	}
	if p.buf == nil {
		if err := f.hold.Grow(f.size); err != nil {
			return err
		}
		p.buf = make([]byte, blockHead, f.size)
	}
	p.rows++
	if need <= f.size {
		row := f.row[len(noHead):]
		p.buf = append(binary.AppendUvarint(p.buf, uint64(len(row))), row...)
		return nil
	}
	return f.addLarge(p)
}

// noHead is the place before a row for the head of a block and its own length.
var noHead [blockHead + binary.MaxVarintLen64]byte

// addLarge writes a row that needs a block of its own: f.row is made that block, as there is hardly room for another.
func (f *RowFile) addLarge(p *filePart) error {
	n := cap(f.row)
	if err := f.hold.Grow(n); err != nil {
		return err
	}
	var length [binary.MaxVarintLen64]byte
	used := binary.PutUvarint(length[:], uint64(len(f.row)-len(noHead)))
	at := len(noHead) - used
	copy(f.row[at:], length[:used])
	small := p.buf
	p.buf = f.row[at-blockHead:]
	err := f.flush(p)
	p.buf, f.row = small, nil
	_ = f.hold.Grow(-n)
	return err
}

// flush writes a part's buffer.
func (f *RowFile) flush(p *filePart) error {
	if len(p.buf) <= blockHead {
		return nil
	}
	binary.BigEndian.PutUint32(p.buf, uint32(len(p.buf)-blockHead)) //nolint:gosec // a row is below 4 GiB
	if err := f.file.append(p.buf); err != nil {
		return err
	}
	if f.last == p && !f.indexed {
		p.blocks[len(p.blocks)-1].n++
	} else {
		if err := f.hold.Grow(blockRefBytes); err != nil {
			return err
		}
		p.blocks = append(p.blocks, blockRef{at: f.end, n: 1, first: p.flushed})
	}
	f.last = p
	p.flushed = p.rows
	f.end += int64(len(p.buf))
	p.buf = p.buf[:blockHead]
	return nil
}

// Finish writes what the parts have in their buffers, which are given back. More may be added later.
func (f *RowFile) Finish() error {
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
func (f *RowFile) addPart() int {
	f.parts, f.last = append(f.parts, filePart{}), nil
	return len(f.parts) - 1
}

// done tells that one of tasks parts is no longer needed; with the last one the file goes. f may be nil.
func (f *RowFile) done() {
	if f == nil {
		return
	}
	if f.tasks--; f.tasks == 0 {
		f.Close()
	}
}

// Close removes the file; it may be called again.
func (f *RowFile) Close() {
	if f == nil || f.file == nil {
		return
	}
	f.file.close()
	f.file = nil
	f.hold.Close()
	f.parts = nil
}

// length reads how long the block at a place is.
func (f *RowFile) length(at int64) (int, error) {
	var head [blockHead]byte
	err := f.file.read(head[:], at)
	return int(binary.BigEndian.Uint32(head[:])), err
}

// read reads a block of n bytes into buf, which it may replace.
func (f *RowFile) read(at int64, n int, buf []byte) ([]byte, error) {
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	return buf, f.file.read(buf, at+blockHead)
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

// RowsOf is how many rows a part has.
func (f *RowFile) RowsOf(part int) int { return f.parts[part].rows }

// Open reads a part from its beginning. The file must be finished, and stay open meanwhile; closing the reader leaves it as it is.
func (f *RowFile) Open(part int) Operator { return f.reader(part) }

func (f *RowFile) reader(part int) *partReader {
	return &partReader{file: f, part: part}
}

// partReader is an Operator; closing it leaves the file as it is.
type partReader struct {
	file *RowFile
	part int
	ref  int   // in the part's list, with the block to be read next
	skip int   // blocks of ref that were read
	at   int64 // of the block to be read next, where skip is not 0
	buf  []byte
	rest []byte // of buf
	held int    // of the file's memory
}

// Next gives the next rows, as many as there is room for while they are read block by block.
func (r *partReader) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if len(r.rest) == 0 {
		if err := Canceled(ctx); err != nil {
			return false, err
		}
		if ok, err := r.load(); err != nil || !ok {
			return false, err
		}
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
			rows = min(MaxBatch, max(1, r.file.size/(ValueBytes*max(b.Width, 1))))
		}
	}
	return true, nil
}

// load reads the next block.
func (r *partReader) load() (bool, error) {
	refs := r.file.parts[r.part].blocks
	if r.ref < len(refs) && r.skip == refs[r.ref].n {
		r.ref++
		r.skip = 0
	}
	if r.ref >= len(refs) {
		return false, nil
	}
	if r.skip == 0 {
		r.at = refs[r.ref].at
	}
	n, err := r.file.length(r.at)
	if err != nil {
		return false, err
	}
	if err := r.hold(r.file.readBytes(n)); err != nil {
		return false, err
	}
	if r.buf, err = r.file.read(r.at, n, r.buf); err != nil {
		return false, err
	}
	r.rest = r.buf
	r.skip++
	r.at += int64(blockHead + n)
	return true, nil
}

// readBytes is what reading a block of n bytes takes: as much again for the values of some of its rows.
func (f *RowFile) readBytes(n int) int { return 2 * max(n, f.size) }

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
