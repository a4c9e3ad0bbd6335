package types

import "unsafe"

// Batch is rows of values, one row behind the other in Vals. The zero Batch of some Width is empty and ready to use.
type Batch struct {
	Width int // values in a row
	Vals  []Value
	rows  int // counted apart, since rows may have no columns
}

// NewBatch makes a batch with room for some rows.
func NewBatch(width, rows int) *Batch {
	return &Batch{Width: width, Vals: make([]Value, 0, width*rows)}
}

// Len is the number of rows.
func (b *Batch) Len() int {
	if b.Width == 0 {
		return b.rows
	}
	return len(b.Vals) / b.Width
}

// Row views row i; writing to it changes the batch.
func (b *Batch) Row(i int) []Value {
	return b.Vals[i*b.Width : (i+1)*b.Width : (i+1)*b.Width]
}

// Append copies a row of Width values to the end; the bytes inside are shared.
func (b *Batch) Append(row []Value) {
	b.Vals = append(b.Vals, row[:b.Width]...)
	b.rows++
}

// Extend adds a row of NULLs and views it, to be filled in place.
func (b *Batch) Extend() []Value {
	b.rows++
	for range b.Width {
		b.Vals = append(b.Vals, Null)
	}
	n := len(b.Vals)
	return b.Vals[n-b.Width : n : n]
}

// Truncate keeps the first n rows.
func (b *Batch) Truncate(n int) {
	clear(b.Vals[n*b.Width:])
	b.Vals, b.rows = b.Vals[:n*b.Width], n
}

// Reset empties the batch, for rows of width values, and keeps its memory.
func (b *Batch) Reset(width int) {
	b.Truncate(0)
	b.Width = width
}

const keptValues = 256 // that Trim leaves room for

// Trim lets go of the batch's values, and of room that only large ones need.
func (b *Batch) Trim() {
	if cap(b.Vals) > keptValues {
		*b = Batch{}
		return
	}
	clear(b.Vals[:cap(b.Vals)])
	b.Reset(b.Width)
}

// Bytes is the memory that the batch holds, approximately: bytes that several values share count for each.
func (b *Batch) Bytes() int {
	n := cap(b.Vals) * int(unsafe.Sizeof(Value{}))
	for i := range b.Vals {
		n += len(b.Vals[i].b)
	}
	return n
}
