package rpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/wire"
)

const (
	readBuffer        = 64 << 10
	maxCallsInFlight  = 4096 // per connection; beyond, its reading waits
	requestBufferKeep = 64 << 10
)

// ServerOptions configure a Server. Zero values mean defaults.
type ServerOptions struct {
	Cluster  func() ClusterID // asked at every hello, because a joining node learns it late
	Node     func() schema.NodeID
	MaxFrame int             // bytes
	Memory   *memory.Account // that the contexts of calls carry; may be nil
	Log      *slog.Logger
	// TLS is asked at every connection; nil, or giving nil: connections are plain. PlainToo: plain ones are taken as well.
	TLS      func() *tls.Config
	PlainToo bool
}

// StreamHandler owns a connection of a kind other than calls. r has what was read ahead; the connection is closed when
// the handler returns.
type StreamHandler func(from schema.NodeID, c net.Conn, r *bufio.Reader)

// Server accepts other nodes' connections on one listener and serves their calls.
type Server struct {
	o        ServerOptions
	Stats    Stats
	handlers [256]Handler
	anyone   [256]bool // served to nodes that belong to no cluster yet
	streams  [256]StreamHandler
	workers  *workers
	ctx      context.Context
	cancel   context.CancelFunc

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup

	strangers sync.Map // ClusterID, host: others who took this node for one of theirs, each told of once
	noted     atomic.Int32
}

// NewServer makes a server; register handlers, then Serve.
func NewServer(o ServerOptions) *Server {
	if o.MaxFrame == 0 {
		o.MaxFrame = defaultMaxLen
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, workers: newWorkers(), conns: map[net.Conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(memory.NewContext(context.Background(), o.Memory))
	return s
}

// Handle registers a method's handler.
func (s *Server) Handle(m Method, h Handler) { s.handlers[m] = h }

// HandleAnyone registers a handler that also serves nodes without a cluster (a join).
func (s *Server) HandleAnyone(m Method, h Handler) {
	s.handlers[m] = h
	s.anyone[m] = true
}

// HandleStream registers who takes connections of a kind. It may be called while serving.
func (s *Server) HandleStream(k Kind, h StreamHandler) {
	s.mu.Lock()
	s.streams[k] = h
	s.mu.Unlock()
}

// Serve accepts connections until Close; it then returns nil.
func (s *Server) Serve(l net.Listener) error {
	stop := context.AfterFunc(s.ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.o.Log.Warn("accepting a node's connection failed", "err", err)
			time.Sleep(50 * time.Millisecond) // out of file descriptors, most likely
			continue
		}
		if !s.add(c) {
			_ = c.Close()
			return nil
		}
		spawn.Go("a node's connection", func() { s.serveConn(c) })
	}
}

// Close ends all connections and waits for their goroutines; handlers see their contexts cancelled.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.workers.close()
}

func (s *Server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	s.Stats.Conns.Add(1)
	return true
}

func (s *Server) remove(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.Stats.Conns.Add(-1)
	s.wg.Done()
}

func (s *Server) serveConn(raw net.Conn) {
	defer s.remove(raw)
	c, peer, err := s.secure(raw)
	if err != nil {
		s.o.Log.Debug("refused a connection", "err", err)
		return
	}
	r := bufio.NewReaderSize(c, readBuffer)
	h, err := s.greet(c, r, peer)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			s.o.Log.Debug("refused a connection", "from", c.RemoteAddr(), "err", err)
		}
		return
	}
	if h.kind == KindCalls {
		s.serveCalls(c, r, h, peer)
		return
	}
	s.mu.Lock()
	stream := s.streams[h.kind]
	s.mu.Unlock()
	stream(h.from, c, r)
}

// greet reads the hello and answers it.
func (s *Server) greet(c net.Conn, r io.Reader, peer *Peer) (hello, error) {
	_ = c.SetDeadline(time.Now().Add(helloTimeout))
	var b [helloSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return hello{}, err
	}
	h, err := decodeHello(b[:])
	if err == nil {
		err = s.admit(h, peer)
	}
	if err != nil {
		_, _ = c.Write(appendAnswer(nil, answerRefused, s.o.Node(), err.Error()))
		return h, err
	}
	if _, err := c.Write(appendAnswer(nil, answerOK, s.o.Node(), "")); err != nil {
		return h, err
	}
	return h, c.SetDeadline(time.Time{})
}

func (s *Server) admit(h hello, peer *Peer) error {
	mine := s.o.Cluster()
	switch {
	case h.cluster.IsZero() && h.kind == KindCalls: // only methods for anyone
	case h.cluster != mine:
		s.noteStranger(h, mine)
		return errors.New("this node belongs to another cluster")
	case peer.Secured && (peer.Proved == 0 || peer.Proved != h.from):
		return fmt.Errorf("the certificate is not of node %d", h.from)
	case h.to != 0 && h.to != s.o.Node():
		return fmt.Errorf("this is node %d, not %d", s.o.Node(), h.to)
	}
	if h.kind == KindCalls {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[h.kind] == nil {
		return fmt.Errorf("no use for connections of kind %d", h.kind)
	}
	return nil
}

// lostDirectory is why a member is most likely taken for one of another cluster.
const lostDirectory = "if this node's data directory was lost, stop it, remove the directory that it has made, and start it with --join"

// mostNotes bounds what is remembered of others: strangers can be made up.
const mostNotes = 100

// note tells whether one more may be told of.
func (s *Server) note() bool { return s.noted.Add(1) <= mostNotes }

// noteStranger tells the operator of a node that takes this one for a member of its cluster.
func (s *Server) noteStranger(h hello, mine ClusterID) {
	if h.cluster.IsZero() || mine.IsZero() || s.noted.Load() >= mostNotes {
		return
	}
	if _, known := s.strangers.LoadOrStore(h.cluster, true); !known && s.note() {
		s.o.Log.Error("a node of another cluster takes this one for a member of its own; "+lostDirectory,
			"caller", h.from, "callersCluster", h.cluster, "cluster", mine)
	}
}

// servedConn is a connection whose calls are being served.
type servedConn struct {
	s        *Server
	w        *frameWriter
	hello    hello
	peer     *Peer
	inFlight chan struct{} // a token a running call

	mu      sync.Mutex
	running map[uint64]*servedCall
}

// servedCall is one running call; reused.
type servedCall struct {
	conn *servedConn
	h    header
	req  []byte
	ctx  *callContext
	run  func() // bound once
}

var servedCalls sync.Pool

func newServedCall() *servedCall {
	if c, ok := servedCalls.Get().(*servedCall); ok {
		return c
	}
	c := &servedCall{}
	c.run = c.serve
	return c
}

func (s *Server) serveCalls(c net.Conn, r *bufio.Reader, h hello, peer *Peer) {
	sc := &servedConn{
		s: s, hello: h, peer: peer, w: newFrameWriter(c, &s.Stats),
		inFlight: make(chan struct{}, maxCallsInFlight), running: map[uint64]*servedCall{},
	}
	err := spawn.Do("a node's connection", func() error { return sc.readFrames(r) })
	if err != nil && !errors.Is(err, io.EOF) && s.ctx.Err() == nil {
		s.o.Log.Debug("a node's connection ended", "node", h.from, "err", err)
	}
	sc.w.fail(ErrClosed)
	sc.mu.Lock()
	for _, call := range sc.running {
		call.ctx.cancel(context.Canceled)
	}
	sc.mu.Unlock()
	for range maxCallsInFlight { // all tokens: nothing runs any more
		sc.inFlight <- struct{}{}
	}
}

func (sc *servedConn) readFrames(r *bufio.Reader) error {
	scratch := make([]byte, lengthSize+headerSize+requestExtra)
	for {
		h, err := readHeader(r, scratch, sc.s.o.MaxFrame)
		if err != nil {
			return err
		}
		sc.s.Stats.BytesIn.Add(uint64(lengthSize + headerSize + h.payload))
		switch h.typ {
		case frameRequest:
			if err := sc.begin(r, h); err != nil {
				return err
			}
		case frameCancel:
			sc.mu.Lock()
			if call := sc.running[h.id]; call != nil {
				call.ctx.cancel(context.Canceled)
			}
			sc.mu.Unlock()
		case framePing:
			_ = sc.w.send(header{typ: framePong, id: h.id}, nil)
		default:
			return errBadFrame
		}
		if h.typ != frameRequest && h.payload != 0 {
			return errBadFrame
		}
	}
}

// begin reads a request's payload and starts its handler.
func (sc *servedConn) begin(r io.Reader, h header) error {
	call := newServedCall()
	call.conn, call.h = sc, h
	var err error
	if call.req, err = wire.ReadN(r, call.req, h.payload); err != nil {
		return err
	}
	call.ctx = &callContext{parent: sc.s.ctx, peer: sc.peer}
	if h.timeoutMs != noTimeout {
		call.ctx.deadline = time.Now().Add(time.Duration(h.timeoutMs) * time.Millisecond)
	}
	sc.inFlight <- struct{}{}
	sc.mu.Lock()
	sc.running[h.id] = call
	sc.mu.Unlock()
	sc.s.workers.run(call.run)
	return nil
}

// serve runs the handler and sends its answer.
func (c *servedCall) serve() {
	sc := c.conn
	resp, err := c.call()
	sc.mu.Lock()
	delete(sc.running, c.h.id)
	sc.mu.Unlock()
	// A handler that ran into the caller's deadline has not refused: the caller's own clock tells it, and may be a little
	// behind.
	late := errors.Is(err, context.DeadlineExceeded) && c.ctx.Err() != nil
	c.ctx.cancel(context.Canceled)

	answer := header{typ: frameResponse, method: c.h.method, id: c.h.id}
	if err == nil && headerSize+len(resp) > sc.s.o.MaxFrame {
		err = ErrTooLarge
	}
	if err != nil {
		answer.typ, resp = frameError, []byte(err.Error())
		sc.s.Stats.Failed.Add(1)
	}
	if !late {
		_ = sc.w.send(answer, resp) // the caller learns of a lost connection by itself
	}
	if cap(c.req) > requestBufferKeep {
		c.req = nil
	}
	c.ctx, c.conn = nil, nil
	servedCalls.Put(c)
	<-sc.inFlight
}

func (c *servedCall) call() (resp []byte, err error) {
	s := c.conn.s
	s.Stats.Calls.Add(1)
	h := s.handlers[c.h.method]
	if h == nil {
		return nil, fmt.Errorf("no method %d here", c.h.method)
	}
	if c.conn.hello.cluster.IsZero() && !s.anyone[c.h.method] {
		return nil, errors.New("only members of the cluster may call this")
	}
	defer func() {
		if p := recover(); p != nil {
			err = spawn.Recovered(fmt.Sprintf("a call of method %d", c.h.method), p)
		}
	}()
	return h(c.ctx, c.conn.hello.from, c.req)
}
