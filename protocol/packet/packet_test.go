package packet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// pipe is a connection that reads from one buffer and writes to another; it gives at most chunk bytes a read.
type pipe struct {
	net.Conn
	in     bytes.Reader
	out    bytes.Buffer
	chunk  int
	writes int
	reads  int
}

func (m *pipe) Read(p []byte) (int, error) {
	m.reads++
	if m.chunk > 0 && len(p) > m.chunk {
		p = p[:m.chunk]
	}
	return m.in.Read(p)
}

func (m *pipe) Write(p []byte) (int, error) {
	m.writes++
	return m.out.Write(p)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// TestRoundTrip sends packets of telling sizes and reads them back, in pieces of telling sizes.
func TestRoundTrip(t *testing.T) {
	sizes := []int{0, 1, 250, readBufSize - 5, readBufSize - 4, readBufSize - 3, FlushSize, MaxPiece - 1, MaxPiece, MaxPiece + 1,
		2 * MaxPiece, 3}
	w := &pipe{}
	c := NewConn(w, nil)
	for _, n := range sizes {
		if err := c.End(append(c.Begin(), pattern(n)...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, chunk := range []int{0, 1000, 65536} {
		r := &pipe{chunk: chunk}
		r.in.Reset(w.out.Bytes())
		c := NewConn(r, nil)
		c.SetMaxPayload(1 << 30)
		for _, n := range sizes {
			p, err := c.ReadPacket()
			if err != nil || !bytes.Equal(p, pattern(n)) {
				t.Fatalf("chunks of %d, packet of %d: %d bytes, %v", chunk, n, len(p), err)
			}
		}
		if _, err := c.ReadPacket(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
}

func TestOneWriteAResponseAndOneReadARequest(t *testing.T) {
	m := &pipe{}
	m.in.Reset(AppendFramed(nil, []byte("request"), 0))
	c := NewConn(m, nil)
	if p, err := c.ReadCommand(); err != nil || string(p) != "request" {
		t.Fatalf("%q %v", p, err)
	}
	for range 20 {
		if err := c.End(append(c.Begin(), "part"...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if m.reads != 1 || m.writes != 1 {
		t.Errorf("%d reads, %d writes", m.reads, m.writes)
	}
	if out := m.out.Bytes(); out[3] != 1 || out[3+8] != 2 {
		t.Errorf("sequence numbers %d, %d", out[3], out[3+8])
	}
}

func TestRefusedPackets(t *testing.T) {
	read := func(wire []byte, limit int) error {
		m := &pipe{}
		m.in.Reset(wire)
		c := NewConn(m, nil)
		c.SetMaxPayload(limit)
		_, err := c.ReadCommand()
		return err
	}
	whole := AppendFramed(nil, []byte("abc"), 0)
	for name, c := range map[string]struct {
		wire []byte
		want error
	}{
		"nothing":          {nil, io.EOF},
		"half a header":    {whole[:2], io.ErrUnexpectedEOF},
		"half a payload":   {whole[:5], io.ErrUnexpectedEOF},
		"out of order":     {AppendFramed(nil, []byte("abc"), 1), ErrOutOfOrder},
		"too large":        {AppendFramed(nil, []byte("abcd"), 0), ErrTooLarge},
		"claimed too much": {[]byte{0xff, 0xff, 0xff, 0}, ErrTooLarge},
	} {
		if err := read(c.wire, 3); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestDiscard(t *testing.T) {
	m := &pipe{}
	big := make([]byte, 0, MaxPiece+100)
	big = append(big, 0xff, 0xff, 0xff, 0)
	big = append(big, make([]byte, MaxPiece)...)
	big = AppendFramed(big, []byte("rest"), 1)
	m.in.Reset(AppendFramed(big, []byte("next"), 2))
	c := NewConn(m, nil)
	c.SetMaxPayload(1000)
	if _, err := c.ReadCommand(); err != ErrTooLarge {
		t.Fatal(err)
	}
	if err := c.Discard(1 << 30); err != nil {
		t.Fatal(err)
	}
	if p, err := c.ReadPacket(); err != nil || string(p) != "next" {
		t.Errorf("%q %v", p, err)
	}
}

func TestClaimedLengthTakesNoMemory(t *testing.T) {
	m := &pipe{}
	m.in.Reset([]byte{0xfe, 0xff, 0xff, 0, 'x'}) // 16 MB announced, one byte sent
	c := NewConn(m, nil)
	if _, err := c.ReadCommand(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if cap(c.big) > 8*readBufSize {
		t.Errorf("%d bytes taken", cap(c.big))
	}
}

func TestRewind(t *testing.T) {
	m := &pipe{}
	c := NewConn(m, nil)
	mark := c.Mark()
	_ = c.End(append(c.Begin(), "dropped"...))
	if !c.Rewind(mark) {
		t.Error("not rewound")
	}
	_ = c.End(append(c.Begin(), "kept"...))
	_ = c.Flush()
	if got := m.out.String(); got != "\x04\x00\x00\x00kept" {
		t.Errorf("%q", got)
	}
	if c.Rewind(mark) {
		t.Error("rewound what was sent")
	}
}

func TestAppendPackets(t *testing.T) {
	kept := AppendFramed(AppendFramed(nil, []byte("a"), 1), []byte("bc"), 2)
	for _, before := range []int{1, 3} {
		m := &pipe{}
		c := NewConn(m, nil)
		for range before {
			_ = c.End(c.Begin())
		}
		_ = c.AppendPackets(kept, 1)
		_ = c.End(c.Begin())
		_ = c.Flush()
		seqs := m.out.Bytes()[4*before:]
		if seqs[3] != byte(before) || seqs[5+3] != byte(before+1) || seqs[5+6+3] != byte(before+2) {
			t.Errorf("after %d packets: %q", before, seqs)
		}
		if kept[3] != 1 || kept[5+3] != 2 {
			t.Error("the kept packets were changed")
		}
	}
}

// broken is a connection whose writes fail.
type broken struct{ net.Conn }

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }
func (broken) Close() error              { return nil }
func (broken) SetDeadline(time.Time) error {
	return nil
}

func TestErrorsOfWritingStay(t *testing.T) {
	c := NewConn(broken{}, nil)
	_ = c.End(append(c.Begin(), "x"...))
	if c.Flush() == nil || c.Failed() == nil || c.End(c.Begin()) == nil {
		t.Error("a write failed unnoticed")
	}
}

func TestLenencInts(t *testing.T) {
	for _, v := range []uint64{0, 250, 251, 252, 1<<16 - 1, 1 << 16, 1<<24 - 1, 1 << 24, 1<<64 - 1} {
		d := NewDecoder(mysql.AppendLengthEncodedInteger(nil, v))
		if got := d.LenencInt(); got != v || d.Bad() || d.Len() != 0 {
			t.Errorf("%d: %d, bad %v, %d left", v, got, d.Bad(), d.Len())
		}
	}
}

// FuzzRead reads an arbitrary byte stream as packets.
func FuzzRead(f *testing.F) {
	f.Add(AppendFramed(AppendFramed(nil, []byte("abc"), 0), nil, 1), 10)
	f.Add([]byte{0xff, 0xff, 0xff, 0, 1}, 1<<25)
	f.Fuzz(func(t *testing.T, wire []byte, limit int) {
		m := &pipe{}
		m.in.Reset(wire)
		c := NewConn(m, nil)
		c.SetMaxPayload(limit)
		for {
			p, err := c.ReadPacket()
			if err != nil {
				return
			}
			if len(p) > len(wire) || len(p) > limit {
				t.Fatalf("a payload of %d bytes from %d", len(p), len(wire))
			}
		}
	})
}

// FuzzDecoder takes arbitrary payloads apart in arbitrary ways: what comes out never exceeds what went in.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x03abc\x00\xfc\x01\x02"), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, payload, script []byte) {
		d := NewDecoder(payload)
		total := 0
		for _, op := range script {
			switch op % 10 {
			case 0:
				total += len(d.Lenenc())
			case 1:
				total += len(d.Nul())
			case 2:
				total += len(d.NulOrRest())
			case 3:
				d.LenencInt()
			case 4:
				d.Uint16()
			case 5:
				d.Uint32()
			case 6:
				d.Uint64()
			case 7:
				total += len(d.Bytes(int(int8(op))))
			case 8:
				d.Uint(int(op % 9))
			case 9:
				total += len(d.Rest())
			}
		}
		if total > len(payload) {
			t.Fatalf("%d bytes out of %d", total, len(payload))
		}
	})
}
