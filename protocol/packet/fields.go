package packet

import (
	"bytes"
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// AppendUint appends v in n little-endian bytes.
func AppendUint(b []byte, v uint64, n int) []byte {
	for range n {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

// AppendLenenc appends a length-encoded string.
func AppendLenenc[T string | []byte](b []byte, s T) []byte {
	return append(mysql.AppendLengthEncodedInteger(b, uint64(len(s))), s...)
}

// AppendNul appends a string and the zero byte that ends it.
func AppendNul(b []byte, s string) []byte {
	return append(append(b, s...), 0)
}

// Decoder takes a payload apart from the front. Where the payload is too short, it becomes Bad and gives zeroes.
type Decoder struct {
	b   []byte
	bad bool
}

// NewDecoder reads payload. What it returns are views of payload.
func NewDecoder(payload []byte) Decoder { return Decoder{b: payload} }

// Bad tells that something was read past the end.
func (d *Decoder) Bad() bool { return d.bad }

// Len is the number of bytes left.
func (d *Decoder) Len() int { return len(d.b) }

// Bytes takes the next n bytes.
func (d *Decoder) Bytes(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

// Rest takes everything left.
func (d *Decoder) Rest() []byte { return d.Bytes(len(d.b)) }

// Uint takes an integer of n (at most 8) little-endian bytes.
func (d *Decoder) Uint(n int) uint64 {
	return mysql.FixedLengthInt(d.Bytes(n))
}

// Uint8 takes one byte.
func (d *Decoder) Uint8() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

// Uint16 takes two bytes.
func (d *Decoder) Uint16() uint16 {
	if p := d.Bytes(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

// Uint32 takes four bytes.
func (d *Decoder) Uint32() uint32 {
	if p := d.Bytes(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// Uint64 takes eight bytes.
func (d *Decoder) Uint64() uint64 {
	if p := d.Bytes(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// LenencInt takes a length-encoded integer. 0xfb (NULL) and 0xff are no integers. (go-mysql's LengthEncodedInt panics
// where the bytes end early, and takes 0xff for 255.)
func (d *Decoder) LenencInt() uint64 {
	switch c := d.Uint8(); c {
	case 0xfb, 0xff:
		d.bad, d.b = true, nil
		return 0
	case 0xfc:
		return uint64(d.Uint16())
	case 0xfd:
		return d.Uint(3)
	case 0xfe:
		return d.Uint64()
	default:
		return uint64(c)
	}
}

// Lenenc takes a length-encoded string.
func (d *Decoder) Lenenc() []byte {
	n := d.LenencInt()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	return d.Bytes(int(n))
}

// Nul takes a string up to its zero byte, which must be there.
func (d *Decoder) Nul() []byte {
	i := bytes.IndexByte(d.b, 0)
	if i < 0 {
		d.bad, d.b = true, nil
		return nil
	}
	p := d.b[:i:i]
	d.b = d.b[i+1:]
	return p
}

// NulOrRest takes a string up to its zero byte or, as some clients end the last field of a packet, to the end.
func (d *Decoder) NulOrRest() []byte {
	if bytes.IndexByte(d.b, 0) < 0 {
		return d.Rest()
	}
	return d.Nul()
}
