package packet

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/storage/memory"
)

// Errors of ReadCommand and ReadPacket, besides those of the connection.
var (
	// ErrTooLarge: a payload exceeds the limit of SetMaxPayload. The rest of it is still unread (see Discard).
	ErrTooLarge = errors.New("packet: payload exceeds the limit")
	// ErrOutOfOrder: a packet's sequence number is not the expected one.
	ErrOutOfOrder = errors.New("packet: sequence number out of order")
)

// Sizes in bytes.
const (
	MaxPiece  = mysql.MaxPayloadLen // payload bytes of one piece
	FlushSize = 32 << 10            // buffered output above this is written at the end of a packet

	headerSize   = 4
	readBufSize  = 8 << 10
	writeBufSize = 4 << 10
	keepBufSize  = 128 << 10 // larger buffers are given back between commands
)

// Traffic counts bytes; several connections may share one.
type Traffic struct {
	In  atomic.Uint64 `counter:"sql_bytes_in_total" help:"bytes received from clients, without the overhead of TLS" status:"Bytes_received"`
	Out atomic.Uint64 `counter:"sql_bytes_out_total" help:"bytes sent to clients, likewise" status:"Bytes_sent"`
}

// Conn frames packets over a connection. One goroutine uses it at a time.
type Conn struct {
	nc      net.Conn
	traffic *Traffic
	seq     uint8
	max     int // largest payload accepted
	pending int // payload bytes of the packet that ErrTooLarge refused, not yet read, in its current piece
	more    bool
	inside  bool // a packet's header has come, and not all of it

	in   []byte // read buffer; in[r:w] is unread
	r, w int
	big  []byte      // payload of a packet that does not fit into in
	hold memory.Hold // what big is charged to

	account *memory.Account // whom large output is charged to; may be nil

	out     []byte // packets waiting for Flush
	start   int    // where the packet under construction begins in out
	flushes uint64 // how often out was written
	werr    error  // sticky
}

// NewConn frames nc, counting its bytes in traffic (which may be nil). Payloads are limited to one piece at first.
func NewConn(nc net.Conn, traffic *Traffic) *Conn {
	if traffic == nil {
		traffic = new(Traffic)
	}
	return &Conn{
		nc: nc, traffic: traffic, max: MaxPiece,
		in:  make([]byte, readBufSize),
		out: make([]byte, 0, writeBufSize),
	}
}

// SetMaxPayload limits the payloads that are accepted, in bytes.
func (c *Conn) SetMaxPayload(n int) { c.max = n }

// SetMemory says who is charged with payloads that are larger than the read buffer, and with large output. A payload that there
// is no memory for is an error of ReadPacket as one above the limit is, and to be discarded like it.
func (c *Conn) SetMemory(a *memory.Account) { c.account, c.hold = a, a.Hold(memory.Request) }

// NetConn is the connection below: the TLS connection after StartTLS.
func (c *Conn) NetConn() net.Conn { return c.nc }

// ReadCommand reads the packet that begins a new exchange (sequence number 0).
func (c *Conn) ReadCommand() ([]byte, error) {
	c.seq = 0
	c.shrink()
	return c.ReadPacket()
}

// ReadPacket reads the next packet of an exchange. The payload is valid until the next read. A connection that ends
// between packets gives io.EOF.
func (c *Conn) ReadPacket() ([]byte, error) {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	length, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	c.inside = true
	defer func() { c.inside = false }()
	if length > c.max {
		c.big, c.pending, c.more = c.big[:0], length, length == MaxPiece
		return nil, ErrTooLarge
	}
	if length > len(c.in)-headerSize {
		return c.readBig(length)
	}
	if err := c.fill(length); err != nil {
		return nil, noEOF(err)
	}
	payload := c.in[c.r : c.r+length : c.r+length]
	c.r += length
	return payload, nil
}

// Partial tells whether the client has sent a part of a packet. For the goroutine that reads, while it reads.
func (c *Conn) Partial() bool { return c.inside || c.w > c.r }

// readHeader reads a piece's header, checks its sequence number and gives its length.
func (c *Conn) readHeader() (int, error) {
	if err := c.fill(headerSize); err != nil {
		if c.w > c.r {
			err = noEOF(err)
		}
		c.seq++ // what is written nevertheless will be read as the answer to the packet that did not come
		return 0, err
	}
	h := c.in[c.r : c.r+headerSize]
	ordered := h[3] == c.seq
	c.seq = h[3] + 1
	c.r += headerSize
	if !ordered {
		return 0, ErrOutOfOrder
	}
	return int(h[0]) | int(h[1])<<8 | int(h[2])<<16, nil
}

// fill reads until n bytes are unread in the buffer; n is at most its size.
func (c *Conn) fill(n int) error {
	if c.w-c.r >= n {
		return nil
	}
	if len(c.in)-c.r < n {
		c.w = copy(c.in, c.in[c.r:c.w])
		c.r = 0
	}
	for c.w-c.r < n {
		m, err := c.nc.Read(c.in[c.w:])
		c.w += m
		c.traffic.In.Add(uint64(m))
		if c.w-c.r >= n {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readBig gathers the pieces of a large payload, of which the first has length bytes.
func (c *Conn) readBig(length int) ([]byte, error) {
	c.big = c.big[:0]
	for {
		if err := c.appendBig(length); err != nil {
			return nil, err
		}
		if length < MaxPiece {
			return c.big, nil
		}
		var err error
		if length, err = c.readHeader(); err != nil {
			return nil, noEOF(err)
		}
		if len(c.big)+length > c.max {
			c.pending, c.more = length, length == MaxPiece
			return nil, ErrTooLarge
		}
	}
}

// appendBig reads n bytes onto c.big, whose capacity doubles as they come.
func (c *Conn) appendBig(n int) error {
	piece := n
	m := min(n, c.w-c.r)
	c.big = append(c.big, c.in[c.r:c.r+m]...) // no more than a read buffer
	c.r += m
	n -= m
	for n > 0 {
		if len(c.big) == cap(c.big) {
			if err := c.growBig(n); err != nil {
				c.pending, c.more = n, piece == MaxPiece
				return err
			}
		}
		room := c.big[len(c.big):min(cap(c.big), len(c.big)+n)]
		m, err := c.nc.Read(room)
		c.traffic.In.Add(uint64(m))
		c.big = c.big[:len(c.big)+m]
		n -= m
		if err != nil && n > 0 {
			return noEOF(err)
		}
	}
	return nil
}

// growBig makes room in big: as much again, but no more than the n bytes that are known to come.
func (c *Conn) growBig(n int) error {
	size := min(max(4*readBufSize, 2*cap(c.big)), len(c.big)+n)
	if err := c.hold.Set(max(cap(c.big)+size, 2*size)); err != nil { // a copy, now or as the text of a statement
		return err
	}
	grown := make([]byte, len(c.big), size)
	copy(grown, c.big)
	c.big = grown
	return nil
}

// Refused gives the first n bytes of a payload that was not accepted, fewer where it or the connection ends before.
func (c *Conn) Refused(n int) []byte {
	head := c.big[:min(len(c.big), n)]
	if rest := min(n-len(head), c.pending); rest > 0 && c.fill(rest) == nil {
		head = append(bytes.Clone(head), c.in[c.r:c.r+rest]...)
	}
	return head
}

// Discard reads away what is left of a packet that ErrTooLarge refused, limit bytes at most, so that the client,
// which does not read before it has written, can take the answer.
func (c *Conn) Discard(limit int) error {
	for {
		for c.pending > 0 {
			if limit <= 0 {
				return ErrTooLarge
			}
			if c.r == c.w {
				c.r, c.w = 0, 0
				if err := c.fill(1); err != nil {
					return err
				}
			}
			n := min(c.pending, c.w-c.r)
			c.r += n
			c.pending -= n
			limit -= n
		}
		if !c.more {
			return nil
		}
		length, err := c.readHeader()
		if err != nil {
			return err
		}
		c.pending, c.more = length, length == MaxPiece
	}
}

// shrink gives large buffers back between commands.
func (c *Conn) shrink() {
	if cap(c.big) > keepBufSize {
		c.big = nil
		c.hold.Close()
	}
	if cap(c.out) > keepBufSize && len(c.out) == 0 {
		c.out = make([]byte, 0, writeBufSize)
	}
}

// Begin starts a packet and gives the buffer to append its payload to; End takes it back.
func (c *Conn) Begin() []byte {
	c.start = len(c.out)
	return append(c.out, 0, 0, 0, 0)
}

// Reserve makes room for a packet of n bytes, before Begin; one that there is no memory for is an error. Small ones need none.
func (c *Conn) Reserve(n int) error {
	if n < memory.ValueBytes || cap(c.out)-len(c.out) >= n {
		return nil
	}
	if err := c.Flush(); err != nil || cap(c.out) >= n {
		return err
	}
	c.out = nil // while there may be need of it
	grown, err := c.account.Make(n)
	if err != nil {
		c.out = make([]byte, 0, writeBufSize)
		return err
	}
	c.out = grown
	return nil
}

// End finishes the packet that Begin started; b is Begin's buffer with the payload appended. It writes when much
// waits.
func (c *Conn) End(b []byte) error {
	payload := len(b) - c.start - headerSize
	if payload >= MaxPiece {
		return c.endLarge(b)
	}
	putHeader(b[c.start:], payload, c.seq)
	c.seq++
	c.out = b
	if len(b) >= FlushSize {
		return c.Flush()
	}
	return c.werr
}

// endLarge writes a payload that needs several pieces. Each piece's header overwrites the four bytes before it, which
// the piece before has sent already.
func (c *Conn) endLarge(b []byte) error {
	at := c.start
	c.out = b[:at]
	if err := c.Flush(); err != nil {
		c.out = b[:0]
		return err
	}
	for {
		n := min(len(b)-at-headerSize, MaxPiece)
		putHeader(b[at:], n, c.seq)
		c.seq++
		c.write(b[at : at+headerSize+n])
		if c.werr != nil || n < MaxPiece {
			break
		}
		at += n
	}
	c.out = b[:0]
	return c.werr
}

// AppendPackets adds framed packets whose sequence numbers count from first; they are renumbered to follow here.
func (c *Conn) AppendPackets(framed []byte, first uint8) error {
	at := len(c.out)
	c.out = append(c.out, framed...)
	if c.seq == first {
		c.seq = renumber(c.out[at:], c.seq, false)
	} else {
		c.seq = renumber(c.out[at:], c.seq, true)
	}
	if len(c.out) >= FlushSize {
		return c.Flush()
	}
	return c.werr
}

// renumber walks framed packets, writes their sequence numbers from seq on where rewrite is set, and gives the next.
func renumber(framed []byte, seq uint8, rewrite bool) uint8 {
	for len(framed) >= headerSize {
		if rewrite {
			framed[3] = seq
		}
		seq++
		n := headerSize + (int(framed[0]) | int(framed[1])<<8 | int(framed[2])<<16)
		framed = framed[min(n, len(framed)):]
	}
	return seq
}

// Mark is a place in the output to return to.
type Mark struct {
	at      int
	seq     uint8
	flushes uint64
}

// Mark notes the current end of the output.
func (c *Conn) Mark() Mark { return Mark{at: len(c.out), seq: c.seq, flushes: c.flushes} }

// Rewind drops what was appended since m; it reports false where some of it has been sent already.
func (c *Conn) Rewind(m Mark) bool {
	if c.flushes != m.flushes || m.at > len(c.out) {
		return false
	}
	c.out, c.seq = c.out[:m.at], m.seq
	return true
}

// Flush writes what waits.
func (c *Conn) Flush() error {
	if len(c.out) > 0 {
		c.write(c.out)
		c.out = c.out[:0]
	}
	return c.werr
}

func (c *Conn) write(b []byte) {
	if c.werr != nil || len(b) == 0 {
		return
	}
	n, err := c.nc.Write(b)
	c.traffic.Out.Add(uint64(n))
	c.flushes++
	c.werr = err
}

// Failed is the sticky error of writing, nil while all is well.
func (c *Conn) Failed() error { return c.werr }

// StartTLS goes on over TLS as the server. Bytes that the client sent ahead are handed over.
func (c *Conn) StartTLS(cfg *tls.Config) error {
	ahead := bytes.Clone(c.in[c.r:c.w])
	c.r, c.w = 0, 0
	tc := tls.Server(&aheadConn{Conn: c.nc, ahead: ahead}, cfg)
	if err := tc.Handshake(); err != nil {
		return err
	}
	c.nc = tc
	return nil
}

// aheadConn is a connection of which some bytes were read already.
type aheadConn struct {
	net.Conn
	ahead []byte
}

func (a *aheadConn) Read(p []byte) (int, error) {
	if len(a.ahead) > 0 {
		n := copy(p, a.ahead)
		a.ahead = a.ahead[n:]
		return n, nil
	}
	return a.Conn.Read(p)
}

func putHeader(b []byte, length int, seq uint8) {
	b[0], b[1], b[2], b[3] = byte(length), byte(length>>8), byte(length>>16), seq
}

// AppendFramed frames one small payload (below MaxPiece) outside a connection, for packets that are kept.
func AppendFramed(dst, payload []byte, seq uint8) []byte {
	n := len(payload)
	dst = append(dst, byte(n), byte(n>>8), byte(n>>16), seq)
	return append(dst, payload...)
}

// noEOF tells that a connection ended in the middle of a packet.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// StartCommand begins a new exchange from the client's side.
func (c *Conn) StartCommand() { c.seq = 0 }
