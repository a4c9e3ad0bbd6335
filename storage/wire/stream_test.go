package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// ReadN gives what was sent, and takes memory for what has come only, however much was announced.
func TestReadN(t *testing.T) {
	const most = 5 * readStep
	sent := bytes.Repeat([]byte("0123456789abcdef"), most/16)
	var buf []byte
	for _, n := range []int{0, 1, 100, readStep - 1, readStep, readStep + 1, 3 * readStep, most, 7} {
		var err error
		if buf, err = ReadN(bytes.NewReader(sent), buf, n); err != nil || !bytes.Equal(buf, sent[:n]) {
			t.Fatalf("%d bytes: %d, %v", n, len(buf), err)
		}
	}
	for _, have := range []int{0, 1, readStep, 3*readStep + 5} {
		got, err := ReadN(bytes.NewReader(sent[:have]), nil, 1<<40)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != have || cap(got) > 2*have+readStep {
			t.Errorf("%d of many: %d bytes, room for %d, %v", have, len(got), cap(got), err)
		}
	}
}
