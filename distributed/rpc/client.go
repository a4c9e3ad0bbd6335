package rpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/wire"
)

const (
	backoffFirst  = 20 * time.Millisecond
	backoffMax    = time.Second
	dialTimeout   = 3 * time.Second
	checkInterval = 250 * time.Millisecond
	// silenceLimit: with calls waiting and nothing heard for so long, not even a pong, the peer is gone. It is as long as
	// a lease: when a frozen leaseholder's callers are set free, they can ask its successor at once.
	silenceLimit = 2 * time.Second
)

// ClientOptions configure a Client. Zero values mean defaults.
type ClientOptions struct {
	Network  Network
	Cluster  func() ClusterID
	Node     func() schema.NodeID                       // this node
	Resolve  func(schema.NodeID) (addr string, ok bool) // address book
	MaxFrame int
	Log      *slog.Logger
	// TLS gives the configuration for connecting to a node (0: to whoever answers); nil, or giving nil: plainly. PlainToo
	// tells whether a peer that speaks no TLS is talked to all the same.
	TLS      func(schema.NodeID) *tls.Config
	PlainToo func() bool
}

// Client calls other nodes over one connection each, dialled when first needed. It implements Caller.
type Client struct {
	o     ClientOptions
	Stats Stats

	mu     sync.RWMutex
	peers  map[schema.NodeID]*peer
	closed bool
	stop   chan struct{}
	wg     spawn.Group
}

var _ Caller = (*Client)(nil)

// NewClient makes a client; Close it.
func NewClient(o ClientOptions) *Client {
	if o.Network == nil {
		o.Network = TCP
	}
	if o.MaxFrame == 0 {
		o.MaxFrame = defaultMaxLen
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{o: o, peers: map[schema.NodeID]*peer{}, stop: make(chan struct{})}
	c.wg.Keep(c.stop, "watching connections to nodes", c.watch)
	return c
}

// Close ends all connections; calls in flight fail with ErrClosed.
func (c *Client) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	peers := c.peers
	c.peers = nil
	c.mu.Unlock()
	close(c.stop)
	for _, p := range peers {
		p.leave()
	}
	c.wg.Wait()
}

// Call implements Caller.
func (c *Client) Call(ctx context.Context, node schema.NodeID, m Method, req []byte) ([]byte, error) {
	p, err := c.peer(node)
	if err != nil {
		return nil, err
	}
	return p.call(ctx, m, req)
}

// CallAddr calls whoever answers at an address, over a connection of its own: how a node that knows nobody yet joins.
func (c *Client) CallAddr(ctx context.Context, addr string, m Method, req []byte) ([]byte, error) {
	p := &peer{c: c, addr: addr}
	defer p.leave()
	return p.call(ctx, m, req)
}

// Reset drops the connection to a node, whose address has changed or which was found dead; its calls fail with an
// unknown outcome.
func (c *Client) Reset(node schema.NodeID) {
	c.mu.RLock()
	p := c.peers[node]
	c.mu.RUnlock()
	if p != nil {
		p.disconnect(ErrClosed)
	}
}

// DialStream opens a connection of another kind to a node.
func (c *Client) DialStream(ctx context.Context, node schema.NodeID, k Kind) (net.Conn, error) {
	addr, ok := c.o.Resolve(node)
	if !ok {
		return nil, fmt.Errorf("%w: the address of node %d is unknown", ErrNotSent, node)
	}
	conn, _, err := c.dial(ctx, addr, hello{kind: k, cluster: c.o.Cluster(), from: c.o.Node(), to: node})
	return conn, err
}

func (c *Client) peer(node schema.NodeID) (*peer, error) {
	c.mu.RLock()
	p, closed := c.peers[node], c.closed
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	if closed {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	if p = c.peers[node]; p == nil {
		p = &peer{c: c, node: node}
		c.peers[node] = p
	}
	return p, nil
}

// watch finds peers that went silent.
func (c *Client) watch() {
	for range spawn.Ticks(c.stop, checkInterval) {
		c.mu.RLock()
		for _, p := range c.peers {
			p.check()
		}
		c.mu.RUnlock()
	}
}

// peer is one node as this client reaches it.
type peer struct {
	c    *Client
	node schema.NodeID
	addr string // of a peer without a node id

	mu       sync.RWMutex
	conn     *clientConn
	dialling chan struct{} // closed when the dial in progress has ended
	gone     bool          // no further connection is wanted
	failures int
	retryAt  time.Time
	lastErr  error
}

// get gives the connection, dialling if there is none. Its errors are ErrNotSent, or the context's.
func (p *peer) get(ctx context.Context) (*clientConn, error) {
	for {
		p.mu.RLock()
		conn := p.conn
		p.mu.RUnlock()
		if conn != nil && !conn.w.broken.Load() {
			return conn, nil
		}
		p.mu.Lock()
		if p.conn != nil && !p.conn.w.broken.Load() {
			p.mu.Unlock()
			continue
		}
		if wait := p.dialling; wait != nil {
			p.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
			}
		}
		if p.failures > 0 && time.Now().Before(p.retryAt) {
			err := p.lastErr
			p.mu.Unlock()
			return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		done := make(chan struct{})
		p.dialling = done
		p.mu.Unlock()
		spawn.Go("connecting to a node", func() { p.dial(done) }) // on its own: the caller's context must not decide for those who wait beside it
	}
}

func (p *peer) dial(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	var conn *clientConn
	err := spawn.Do("connecting to a node", func() (err error) {
		conn, err = p.connect(ctx)
		return err
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(done)
	p.dialling = nil
	if err != nil {
		p.failures++
		p.lastErr = err
		p.retryAt = time.Now().Add(min(backoffFirst<<min(p.failures-1, 10), backoffMax))
		return
	}
	p.failures, p.lastErr = 0, nil
	if p.conn = conn; p.gone {
		conn.w.fail(ErrClosed)
	}
}

func (p *peer) connect(ctx context.Context) (*clientConn, error) {
	addr := p.addr
	if addr == "" {
		var ok bool
		if addr, ok = p.c.o.Resolve(p.node); !ok {
			return nil, fmt.Errorf("the address of node %d is unknown", p.node)
		}
	}
	p.c.Stats.Dials.Add(1)
	nc, node, err := p.c.dial(ctx, addr, hello{kind: KindCalls, cluster: p.c.o.Cluster(), from: p.c.o.Node(), to: p.node})
	if err != nil {
		return nil, err
	}
	conn := &clientConn{c: p.c, node: node, nc: nc, w: newFrameWriter(nc, &p.c.Stats), calls: map[uint64]*call{}}
	conn.heard()
	p.c.Stats.Conns.Add(1)
	p.c.mu.RLock()
	closed := p.c.closed
	if !closed {
		p.c.wg.Go("a connection to a node", conn.read)
	}
	p.c.mu.RUnlock()
	if closed {
		_ = nc.Close()
		return nil, ErrClosed
	}
	return conn, nil
}

func (p *peer) disconnect(err error) {
	p.mu.Lock()
	conn := p.conn
	p.conn, p.failures = nil, 0
	p.mu.Unlock()
	if conn != nil {
		conn.w.fail(err)
	}
}

// leave is disconnect for good.
func (p *peer) leave() {
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	p.disconnect(ErrClosed)
}

func (p *peer) check() {
	p.mu.RLock()
	conn := p.conn
	p.mu.RUnlock()
	if conn != nil {
		conn.check()
	}
}

func (p *peer) call(ctx context.Context, m Method, req []byte) ([]byte, error) {
	p.c.Stats.Calls.Add(1)
	resp, err := p.tryCall(ctx, m, req)
	if err != nil {
		if re := (*RemoteError)(nil); !errors.As(err, &re) {
			p.c.Stats.Failed.Add(1)
		}
	}
	return resp, err
}

func (p *peer) tryCall(ctx context.Context, m Method, req []byte) ([]byte, error) {
	if headerSize+requestExtra+len(req) > p.c.o.MaxFrame {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, ErrTooLarge)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	for attempt := 0; ; attempt++ {
		conn, err := p.get(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := conn.call(ctx, m, req)
		if err == ErrNotSent && attempt == 0 { // it had broken unnoticed
			continue
		}
		return resp, err
	}
}

// call is one request that waits for its answer; reused.
type call struct {
	done chan struct{} // capacity 1
	resp []byte
	err  error
}

var calls = sync.Pool{New: func() any { return &call{done: make(chan struct{}, 1)} }}

// clientConn is a dialled connection with its waiting calls.
type clientConn struct {
	c    *Client
	node schema.NodeID
	nc   net.Conn
	w    *frameWriter

	mu       sync.Mutex
	calls    map[uint64]*call
	nextID   uint64
	closed   bool
	lastRead time.Time
	pinged   bool
}

func (cc *clientConn) call(ctx context.Context, m Method, req []byte) ([]byte, error) {
	h := header{typ: frameRequest, method: m, timeoutMs: noTimeout}
	if d, ok := ctx.Deadline(); ok {
		h.timeoutMs = timeoutOf(time.Until(d))
	}
	ca := calls.Get().(*call)
	cc.mu.Lock()
	if cc.closed {
		cc.mu.Unlock()
		calls.Put(ca)
		return nil, ErrNotSent
	}
	cc.nextID++
	h.id = cc.nextID
	cc.calls[h.id] = ca
	cc.mu.Unlock()

	if err := cc.w.send(h, req); err != nil {
		if cc.forget(h.id) {
			calls.Put(ca)
			return nil, err
		}
		<-ca.done // the reader was failing it already
		ca.release()
		return nil, err
	}
	select {
	case <-ca.done:
	case <-ctx.Done():
		if cc.forget(h.id) {
			_ = cc.w.send(header{typ: frameCancel, id: h.id}, nil)
			calls.Put(ca)
			return nil, ctx.Err()
		}
		<-ca.done
	}
	resp, err := ca.resp, ca.err
	if re, ok := err.(*RemoteError); ok {
		re.Method = m
	}
	ca.release()
	return resp, err
}

func (ca *call) release() {
	ca.resp, ca.err = nil, nil
	calls.Put(ca)
}

// forget takes a call out of the map; false: its answer has been or is being delivered.
func (cc *clientConn) forget(id uint64) bool {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	_, ok := cc.calls[id]
	delete(cc.calls, id)
	return ok
}

func (cc *clientConn) heard() {
	cc.mu.Lock()
	cc.lastRead, cc.pinged = time.Now(), false
	cc.mu.Unlock()
}

// check pings a peer that calls are waiting for and that was silent, and gives it up when that does not help.
func (cc *clientConn) check() {
	cc.mu.Lock()
	silent := time.Since(cc.lastRead)
	waiting := len(cc.calls) > 0
	ping := waiting && silent > silenceLimit/4
	dead := waiting && cc.pinged && silent > silenceLimit
	cc.pinged = cc.pinged || ping
	if !waiting && !cc.pinged {
		cc.lastRead = time.Now() // silence counts from the first call that waits
	}
	cc.mu.Unlock()
	switch {
	case dead:
		cc.c.o.Log.Warn("node does not answer, dropping its connection", "node", cc.node, "silent", silent)
		cc.w.fail(ErrClosed)
	case ping:
		spawn.Go("a ping", func() { _ = cc.w.send(header{typ: framePing}, nil) })
	}
}

// read delivers answers until the connection ends, then fails what waits.
func (cc *clientConn) read() {
	err := spawn.Do("a connection to a node", func() error { return cc.readFrames(bufio.NewReaderSize(cc.nc, readBuffer)) })
	cc.w.fail(ErrClosed)
	cc.c.Stats.Conns.Add(-1)
	cc.mu.Lock()
	cc.closed = true
	waiting := cc.calls
	cc.calls = nil
	cc.mu.Unlock()
	for _, ca := range waiting {
		ca.err = fmt.Errorf("%w: %w", ErrClosed, err)
		ca.done <- struct{}{}
	}
}

func (cc *clientConn) readFrames(r *bufio.Reader) error {
	scratch := make([]byte, lengthSize+headerSize+requestExtra)
	for {
		h, err := readHeader(r, scratch, cc.c.o.MaxFrame)
		if err != nil {
			return err
		}
		cc.c.Stats.BytesIn.Add(uint64(lengthSize + headerSize + h.payload))
		switch h.typ {
		case frameResponse, frameError:
		case framePong:
			cc.heard()
			if h.payload != 0 {
				return errBadFrame
			}
			continue
		default:
			return errBadFrame
		}
		payload, err := wire.ReadN(r, nil, h.payload)
		if err != nil {
			return err
		}
		cc.mu.Lock()
		ca := cc.calls[h.id]
		delete(cc.calls, h.id)
		cc.lastRead, cc.pinged = time.Now(), false
		cc.mu.Unlock()
		if ca == nil {
			continue // given up
		}
		if h.typ == frameError {
			ca.err = &RemoteError{Node: cc.node, Message: string(payload)}
		} else {
			ca.resp = payload
		}
		ca.done <- struct{}{}
	}
}
