package raft

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/wire"
)

// Messages on a raft connection: length(4) crc32c(4) payload, a marshalled MessageBatch or Chunk.
const (
	messageHeader   = 8
	maxMessage      = 128 << 20 // dragonboat's own limit is 64 MiB a batch, exceeded by one message
	messageTimeout  = 10 * time.Second
	keepSendBuffer  = 1 << 20
	snapshotAckByte = 0x06
)

var (
	castagnoli    = crc32.MakeTable(crc32.Castagnoli)
	errBadMessage = errors.New("raft: malformed message")
)

// TransportStats count raft's traffic.
type TransportStats struct {
	BatchesOut atomic.Uint64 `counter:"raft_batches_out_total" help:"message batches sent to other nodes"`
	BatchesIn  atomic.Uint64 `counter:"raft_batches_in_total" help:"message batches received"`
	BytesOut   atomic.Uint64 `counter:"raft_bytes_out_total" help:"bytes of raft messages and snapshots sent"`
	BytesIn    atomic.Uint64 `counter:"raft_bytes_in_total" help:"bytes of them received"`
	ChunksOut  atomic.Uint64 `counter:"raft_snapshot_chunks_out_total" help:"chunks of snapshots sent"`
	ChunksIn   atomic.Uint64 `counter:"raft_snapshot_chunks_in_total" help:"chunks of snapshots received"`
	Dropped    atomic.Uint64 `counter:"raft_dropped_messages_total" help:"messages to nodes that were not connected"`
}

// transport carries raft's messages over the node's connections. It is both the factory that dragonboat asks and what
// the factory makes.
type transport struct {
	server *rpc.Server
	client *rpc.Client
	stats  *TransportStats

	messages raftio.MessageHandler
	chunks   raftio.ChunkHandler
	closed   atomic.Bool
	// delivering is held, shared, while dragonboat takes something in: it closes its parts after its transport, and
	// what comes then would meet none.
	delivering sync.RWMutex
}

var (
	_ config.TransportFactory = (*transport)(nil)
	_ raftio.ITransport       = (*transport)(nil)
)

// Create implements config.TransportFactory.
func (t *transport) Create(_ config.NodeHostConfig, m raftio.MessageHandler, c raftio.ChunkHandler) raftio.ITransport {
	t.messages, t.chunks = m, c
	return t
}

// Validate implements config.TransportFactory.
func (t *transport) Validate(addr string) bool {
	_, err := nodeOfTarget(addr)
	return err == nil
}

func (t *transport) Name() string { return "cloudsql" }

func (t *transport) Start() error {
	t.server.HandleStream(rpc.KindRaft, t.serveMessages)
	t.server.HandleStream(rpc.KindSnapshot, t.serveChunks)
	return nil
}

// Close makes handlers deaf, and waits for what they are handing over; the connections themselves are the rpc server's
// to close.
func (t *transport) Close() error {
	t.closed.Store(true)
	t.delivering.Lock()
	defer t.delivering.Unlock()
	return nil
}

// deliver hands something over to dragonboat; false: it is deaf, or does not want more of it.
func (t *transport) deliver(fn func() bool) bool {
	t.delivering.RLock()
	defer t.delivering.RUnlock()
	return !t.closed.Load() && fn()
}

// GetConnection implements raftio.ITransport. It never fails: see messageConn. It gives a peer that is there the time to
// answer, so that the message which wants the connection is not lost.
func (t *transport) GetConnection(_ context.Context, to string) (raftio.IConnection, error) {
	m := &messageConn{t: t, to: to}
	m.mu.Lock()
	connected := m.redial()
	m.mu.Unlock()
	select {
	case <-connected:
	case <-time.After(firstDialWait):
	}
	return m, nil
}

func (t *transport) GetSnapshotConnection(ctx context.Context, to string) (raftio.ISnapshotConnection, error) {
	c, err := t.dial(ctx, to, rpc.KindSnapshot)
	if err != nil {
		return nil, err
	}
	return &snapshotConn{t: t, c: c}, nil
}

func (t *transport) dial(ctx context.Context, to string, k rpc.Kind) (net.Conn, error) {
	node, err := nodeOfTarget(to)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	return t.client.DialStream(ctx, node, k)
}

// messageConn sends messages; used by one goroutine. It outlives the network connection below: that is dialled in the
// background whenever it is found broken, and meanwhile messages are dropped, which raft takes for what it is, and told
// that their receivers are unreachable. (Errors would make dragonboat back off for seconds from a node that has
// restarted.) A reader finds out about a lost connection at once, lest the first message after it be lost too.
type messageConn struct {
	t   *transport
	to  string
	buf []byte

	mu       sync.Mutex
	c        net.Conn // nil: not connected
	dialling bool
	closed   bool
}

const (
	redialFirst   = 20 * time.Millisecond
	redialMax     = 500 * time.Millisecond
	firstDialWait = 200 * time.Millisecond
)

func (m *messageConn) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.c != nil {
		_ = m.c.Close()
	}
}

// redial connects in the background; m.mu is held. The channel is closed at the end of the first attempt.
func (m *messageConn) redial() <-chan struct{} {
	tried := make(chan struct{})
	if m.dialling || m.closed {
		close(tried)
		return tried
	}
	m.dialling = true
	spawn.Go("raft's connections", func() {
		done := m.dial()
		close(tried)
		for wait := redialFirst; !done; wait = min(2*wait, redialMax) {
			time.Sleep(wait)
			done = m.dial()
		}
	})
	return tried
}

// dial tries once; true: connected, or no longer wanted.
func (m *messageConn) dial() bool {
	c, err := m.t.dial(context.Background(), m.to, rpc.KindRaft)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && !m.closed && !m.t.closed.Load() {
		return false
	}
	m.dialling = false
	if err != nil {
		return true
	}
	if m.closed || m.t.closed.Load() {
		_ = c.Close()
		return true
	}
	m.c = c
	spawn.Go("raft's connections", func() {
		var b [1]byte
		_, _ = c.Read(b[:]) // nobody answers: this ends with the connection
		m.lost(c)
	})
	return true
}

// lost forgets a broken connection and dials anew.
func (m *messageConn) lost(c net.Conn) {
	_ = c.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.c == c {
		m.c = nil
		m.redial()
	}
}

func (m *messageConn) SendMessageBatch(b pb.MessageBatch) error {
	m.mu.Lock()
	c := m.c
	m.mu.Unlock()
	if c == nil {
		m.drop(b)
		return nil
	}
	m.buf = messageBuffer(m.buf, b.SizeUpperLimit())
	payload := pb.MustMarshalTo(&b, m.buf[messageHeader:])
	m.t.stats.BatchesOut.Add(1)
	if err := m.t.send(c, m.buf[:messageHeader+len(payload)]); err != nil {
		m.lost(c)
		m.drop(b)
	}
	return nil
}

// drop tells raft of receivers that do not get their entries.
func (m *messageConn) drop(b pb.MessageBatch) {
	told := pb.MessageBatch{DeploymentId: b.DeploymentId, BinVer: b.BinVer}
	for i := range b.Requests {
		if r := &b.Requests[i]; r.Type == pb.Replicate {
			told.Requests = append(told.Requests, pb.Message{Type: pb.Unreachable, ShardID: r.ShardID, From: r.To, To: r.From})
		}
	}
	m.t.stats.Dropped.Add(uint64(len(b.Requests)))
	if len(told.Requests) > 0 && !m.t.closed.Load() {
		m.t.messages(told)
	}
}

// messageBuffer makes buf large enough for a header and n bytes.
func messageBuffer(buf []byte, n int) []byte {
	if n += messageHeader; cap(buf) < n || cap(buf) > keepSendBuffer && n < keepSendBuffer/4 {
		buf = make([]byte, n)
	}
	return buf[:n]
}

// send completes the header of a message and writes it in one call.
func (t *transport) send(c net.Conn, msg []byte) error {
	payload := msg[messageHeader:]
	if len(payload) > maxMessage {
		return fmt.Errorf("raft: a message of %d bytes", len(payload))
	}
	binary.LittleEndian.PutUint32(msg, uint32(len(payload)))
	binary.LittleEndian.PutUint32(msg[4:], crc32.Checksum(payload, castagnoli))
	_ = c.SetWriteDeadline(time.Now().Add(messageTimeout))
	_, err := c.Write(msg)
	t.stats.BytesOut.Add(uint64(len(msg)))
	return err
}

// snapshotConn sends the chunks of snapshots. Its errors make raft try again later.
type snapshotConn struct {
	t   *transport
	c   net.Conn
	buf []byte
}

func (s *snapshotConn) SendChunk(c pb.Chunk) error {
	s.buf = messageBuffer(s.buf, c.Size())
	payload := pb.MustMarshalTo(&c, s.buf[messageHeader:])
	s.t.stats.ChunksOut.Add(1)
	return s.t.send(s.c, s.buf[:messageHeader+len(payload)])
}

// Close waits until the receiver has taken everything, so that its last chunk is not lost with the connection.
func (s *snapshotConn) Close() {
	defer func() { _ = s.c.Close() }()
	if cw, ok := s.c.(interface{ CloseWrite() error }); !ok || cw.CloseWrite() != nil {
		return
	}
	_ = s.c.SetReadDeadline(time.Now().Add(messageTimeout))
	var ack [1]byte
	_, _ = io.ReadFull(s.c, ack[:])
}

// readMessage reads one message into buf, which it grows.
func readMessage(r io.Reader, buf []byte) (payload, grown []byte, err error) {
	var h [messageHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, buf, err
	}
	n := binary.LittleEndian.Uint32(h[:])
	if n > maxMessage {
		return nil, buf, errBadMessage
	}
	if cap(buf) > keepSendBuffer && n < keepSendBuffer/4 {
		buf = nil // it was for a large one
	}
	if payload, err = wire.ReadN(r, buf, int(n)); err != nil {
		return nil, payload, err
	}
	buf = payload
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(h[4:]) {
		return nil, buf, errBadMessage
	}
	return payload, buf, nil
}

func (t *transport) serveMessages(_ schema.NodeID, _ net.Conn, r *bufio.Reader) {
	var buf, payload []byte
	for !t.closed.Load() {
		var err error
		if payload, buf, err = readMessage(r, buf); err != nil {
			return
		}
		t.stats.BatchesIn.Add(1)
		t.stats.BytesIn.Add(uint64(messageHeader + len(payload)))
		var b pb.MessageBatch
		// They are copied: Unmarshal does.
		if b.Unmarshal(payload) != nil || !t.deliver(func() bool { t.messages(b); return true }) {
			return
		}
	}
}

func (t *transport) serveChunks(_ schema.NodeID, c net.Conn, r *bufio.Reader) {
	var buf, payload []byte
	for !t.closed.Load() {
		var err error
		if payload, buf, err = readMessage(r, buf); err != nil {
			if errors.Is(err, io.EOF) {
				_, _ = c.Write([]byte{snapshotAckByte})
			}
			return
		}
		t.stats.ChunksIn.Add(1)
		t.stats.BytesIn.Add(uint64(messageHeader + len(payload)))
		var chunk pb.Chunk
		if chunk.Unmarshal(payload) != nil || !t.deliver(func() bool { return t.chunks(chunk) }) {
			return
		}
	}
}
