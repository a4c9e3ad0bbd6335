package columnar

import (
	"bytes"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

const (
	// DefaultBlockRows is how many rows a block has at most.
	DefaultBlockRows = 16 << 10
	// blockBytes is how many bytes of them it has at most, but for one row.
	blockBytes = 8 << 20
)

// Block is some rows whose keys follow one another.
type Block struct {
	Rows  int
	First []byte // key
	Bytes int64  // on disk
	keys  *Page
	pages []*Page
	zones []zone
}

// zone is the least and the greatest value of a column in a block, where they are all numbers of one shape and none is NULL.
type zone struct {
	low, high types.Value
	known     bool
}

// Zone gives the least and the greatest value of the i-th column; ok is false where that is not known.
func (b *Block) Zone(i int) (low, high types.Value, ok bool) {
	z := &b.zones[i]
	return z.low, z.high, z.known
}

func zoneOf(values []types.Value) (z zone) {
	for i, v := range values {
		_, ok := v.Word()
		if !ok || v.Kind() == types.KindFloat || v.Kind() == types.KindTimestamp || i > 0 && !v.SameShape(z.low) {
			return zone{}
		}
		if i == 0 || types.CompareSame(v, z.low, collation.Binary) < 0 {
			z.low = v
		}
		if i == 0 || types.CompareSame(v, z.high, collation.Binary) > 0 {
			z.high = v
		}
		z.known = true
	}
	return z
}

// Keys is the column of its rows' keys.
func (b *Block) Keys() (*Column, error) { return b.keys.Column() }

// Column is the i-th column.
func (b *Block) Column(i int) (*Column, error) { return b.pages[i].Column() }

// Builder makes blocks of rows that come in the order of their keys.
type Builder struct {
	Blocks []*Block

	space   *Space
	file    *segment
	width   int
	keys    [][]byte
	columns [][]types.Value
	arena   types.Arena
}

// NewBuilder begins with rows of so many columns.
func NewBuilder(space *Space, width int) *Builder {
	return &Builder{space: space, width: width, columns: make([][]types.Value, width)}
}

// Pending is how many rows are in no block yet.
func (b *Builder) Pending() int { return len(b.keys) }

// Reuse takes over a block, whose keys follow those that were added.
func (b *Builder) Reuse(block *Block) error {
	if err := b.Flush(); err != nil {
		return err
	}
	b.Blocks = append(b.Blocks, block)
	return nil
}

// Add takes a row in storage form, which it copies. full tells that it has completed a block.
func (b *Builder) Add(key []byte, row []types.Value) (full bool, err error) {
	b.keys = append(b.keys, b.arena.Bytes(key))
	for i, v := range row {
		b.columns[i] = append(b.columns[i], b.arena.Value(v))
	}
	if len(b.keys) < b.space.Rows() && b.arena.Used() < blockBytes {
		return false, nil
	}
	return true, b.Flush()
}

// Flush makes a block of the rows that are in none.
func (b *Builder) Flush() error {
	if len(b.keys) == 0 {
		return nil
	}
	block := &Block{Rows: len(b.keys), First: bytes.Clone(b.keys[0])}
	encoded, err := encodeKeys(b.keys)
	if err != nil {
		return err
	}
	if block.keys, err = b.write(block, encoded); err != nil {
		return err
	}
	for i := range b.columns {
		if encoded, err = encode(b.columns[i]); err != nil {
			return err
		}
		page, err := b.write(block, encoded)
		if err != nil {
			return err
		}
		block.pages, block.zones = append(block.pages, page), append(block.zones, zoneOf(b.columns[i]))
		clear(b.columns[i])
		b.columns[i] = b.columns[i][:0]
	}
	b.Blocks = append(b.Blocks, block)
	clear(b.keys)
	b.keys = b.keys[:0]
	b.arena.Reset()
	return nil
}

func (b *Builder) write(block *Block, encoded []byte) (*Page, error) {
	if b.file == nil {
		var err error
		if b.file, err = b.space.segment(); err != nil {
			return nil, err
		}
	}
	block.Bytes += int64(len(encoded))
	return b.file.write(encoded)
}
