package wire

import "io"

// readStep is what a reader makes room for before any of it has come.
const readStep = 1 << 20

// ReadN reads n bytes from a stream into buf, which it grows as they arrive: who announces many and sends few takes no
// memory. The end of the stream before n bytes is io.ErrUnexpectedEOF.
func ReadN(r io.Reader, buf []byte, n int) ([]byte, error) {
	if cap(buf) < min(n, readStep) {
		buf = make([]byte, 0, min(n, readStep))
	}
	for buf = buf[:0]; len(buf) < n; {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(2*cap(buf), n)), buf...)
		}
		got, err := io.ReadFull(r, buf[len(buf):min(cap(buf), n)])
		if buf = buf[:len(buf)+got]; err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}
