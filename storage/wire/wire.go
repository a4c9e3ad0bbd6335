// Package wire is the small binary vocabulary that fragments, log commands and node messages are spelled with: varints
// and length-prefixed bytes.
//
// Invariants: a Reader never panics and never allocates more than its input warrants; its first error sticks, so a
// decoder checks once at the end.
package wire

import (
	"encoding/binary"
	"errors"
)

// ErrCorrupt reports input that no writer wrote.
var ErrCorrupt = errors.New("wire: corrupt message")

// ErrUnknown is wrapped by errors about what a later version of the program may have written.
var ErrUnknown = errors.New("not known to this version of the program")

// AppendBytes appends a length and the bytes.
func AppendBytes(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// AppendOptional is AppendBytes that tells nil from empty.
func AppendOptional(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b))+1)
	return append(dst, b...)
}

// AppendString appends a length and the text.
func AppendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// AppendBool appends one byte.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// Reader takes a message apart. What it returns aliases the input.
type Reader struct {
	b   []byte
	err error
}

// NewReader reads b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err is the first error met, or nil.
func (r *Reader) Err() error { return r.err }

// Rest is what has not been read.
func (r *Reader) Rest() []byte { return r.b }

// SetRest goes on with b, for values that other packages decode: r.SetRest(decode(r.Rest())).
func (r *Reader) SetRest(b []byte, err error) {
	if err != nil {
		r.Fail(err)
		return
	}
	r.b = b
}

// Fail makes err the reader's error unless it has one, and ends the input.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// End checks that everything was read.
func (r *Reader) End() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = ErrCorrupt
	}
	return r.err
}

// Uvarint reads an unsigned number.
func (r *Reader) Uvarint() uint64 {
	u, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.Fail(ErrCorrupt)
		return 0
	}
	r.b = r.b[n:]
	return u
}

// Varint reads a signed number.
func (r *Reader) Varint() int64 {
	i, n := binary.Varint(r.b)
	if n <= 0 {
		r.Fail(ErrCorrupt)
		return 0
	}
	r.b = r.b[n:]
	return i
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.Fail(ErrCorrupt)
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// Bool reads what AppendBool wrote.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// Take reads n bytes.
func (r *Reader) Take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.Fail(ErrCorrupt)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// Bytes reads what AppendBytes wrote; never nil unless the input is bad.
func (r *Reader) Bytes() []byte { return r.Take(r.Uvarint()) }

// Optional reads what AppendOptional wrote.
func (r *Reader) Optional() []byte {
	n := r.Uvarint()
	if n == 0 {
		return nil
	}
	return r.Take(n - 1)
}

// String reads what AppendString wrote.
func (r *Reader) String() string { return string(r.Bytes()) }

// Count reads the number of elements to come, each of which takes at least one byte.
func (r *Reader) Count() int {
	n := r.Uvarint()
	if n > uint64(len(r.b)) {
		r.Fail(ErrCorrupt)
		return 0
	}
	return int(n)
}
