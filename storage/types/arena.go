package types

// Arena copies the bytes of many values into few pieces of memory, so that a batch of rows costs a handful of
// allocations and outlives the buffers it was read from. What was copied stays valid as long as it is referenced; the
// Arena itself may be dropped or Reset at any time. The zero Arena is ready for use.
type Arena struct {
	free []byte // the unused rest of the current piece
	next int    // size of the next piece
	used int
}

const (
	minArenaPiece = 512
	maxArenaPiece = 64 << 10
)

// Expect announces that about n bytes are to come: the next piece will hold them.
func (a *Arena) Expect(n int) {
	if n > cap(a.free)-len(a.free) {
		a.next = max(a.next, n)
	}
}

// Used is the number of bytes copied since the beginning or the last Reset.
func (a *Arena) Used() int { return a.used }

// Reset forgets the current piece, so that later copies share no memory with earlier ones.
func (a *Arena) Reset() { *a = Arena{} }

// Bytes copies b; the copy of an empty slice is not nil.
func (a *Arena) Bytes(b []byte) []byte {
	if len(b) > cap(a.free)-len(a.free) {
		size := a.next
		if size == 0 {
			size = minArenaPiece
		}
		size = max(size, len(b))
		a.free = make([]byte, 0, size)
		a.next = min(max(2*size, minArenaPiece), maxArenaPiece)
	}
	a.used += len(b)
	start := len(a.free)
	a.free = append(a.free, b...)
	return a.free[start:len(a.free):len(a.free)]
}

// Value copies v's bytes.
func (a *Arena) Value(v Value) Value {
	if v.b != nil {
		v.b = a.Bytes(v.b)
	}
	return v
}

// Own makes v's bytes the Arena's, in place.
func (a *Arena) Own(v *Value) {
	if v.b != nil {
		v.b = a.Bytes(v.b)
	}
}

// Identical tells whether a and b are the same to the last bit, as a row that an UPDATE leaves unchanged is.
func Identical(a, b Value) bool {
	return a.kind == b.kind && a.aux == b.aux && a.n == b.n && string(a.b) == string(b.b)
}
