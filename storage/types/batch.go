package types

// Batch is rows of equal width, row-major in one slice.
type Batch struct {
	Width int
	Vals  []Value
}

// Len is the number of rows.
func (b *Batch) Len() int {
	if b.Width == 0 {
		return 0
	}
	return len(b.Vals) / b.Width
}

// Row gives the i-th row; it aliases the batch.
func (b *Batch) Row(i int) []Value { return b.Vals[i*b.Width : (i+1)*b.Width : (i+1)*b.Width] }

// Append adds a row of Width values.
func (b *Batch) Append(row []Value) { b.Vals = append(b.Vals, row...) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset(width int) { b.Width, b.Vals = width, b.Vals[:0] }
