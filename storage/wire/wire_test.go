package wire

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	var b []byte
	b = binary.AppendUvarint(b, math.MaxUint64)
	b = binary.AppendVarint(b, math.MinInt64)
	b = AppendBytes(b, []byte("bytes"))
	b = AppendOptional(b, nil)
	b = AppendOptional(b, []byte{})
	b = AppendString(b, "text")
	b = AppendBool(b, true)
	r := NewReader(b)
	if u := r.Uvarint(); u != math.MaxUint64 {
		t.Errorf("Uvarint: %d", u)
	}
	if i := r.Varint(); i != math.MinInt64 {
		t.Errorf("Varint: %d", i)
	}
	if s := r.Bytes(); string(s) != "bytes" {
		t.Errorf("Bytes: %q", s)
	}
	if o := r.Optional(); o != nil {
		t.Errorf("Optional: %v, want nil", o)
	}
	if o := r.Optional(); o == nil || len(o) != 0 {
		t.Errorf("Optional: %v, want empty", o)
	}
	if s := r.String(); s != "text" {
		t.Errorf("String: %q", s)
	}
	if !r.Bool() || r.End() != nil {
		t.Errorf("the end: %v", r.Err())
	}
}

// The first error sticks, and lengths beyond the input are refused before anything is allocated for them.
func TestCorrupt(t *testing.T) {
	for _, b := range [][]byte{nil, {0xff}, {5, 1, 2}, binary.AppendUvarint(nil, math.MaxUint64)} {
		r := NewReader(b)
		r.Bytes()
		if r.Err() != ErrCorrupt {
			t.Errorf("%x: Bytes gave %v", b, r.Err())
		}
		if n := r.Uvarint(); n != 0 || r.Err() != ErrCorrupt {
			t.Errorf("%x: reading on after an error gave %d", b, n)
		}
	}
	if r := NewReader(binary.AppendUvarint(nil, 1<<40)); r.Count() != 0 || r.Err() == nil {
		t.Error("a count beyond the input was accepted")
	}
	if r := NewReader([]byte{1}); r.End() == nil {
		t.Error("bytes left over were accepted")
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		for r.Err() == nil && len(r.Rest()) > 0 {
			r.Bytes()
			r.Optional()
			r.Count()
			r.Varint()
		}
	})
}
