package rpc

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// FaultNet is a network between the nodes of one process whose links can be cut, stalled and slowed: for tests. Each
// node gets its own view with Host; who listens at an address is learned from the views.
type FaultNet struct {
	inner Network

	mu    sync.Mutex
	owner map[string]string // address → host
	links map[[2]string]*link
	conns map[*faultConn]struct{}
}

// link is the state of one direction between two hosts.
type link struct {
	cut   atomic.Bool  // connections break, and none can be made
	stall atomic.Bool  // bytes are neither sent nor refused: a frozen peer or a silent drop
	delay atomic.Int64 // nanoseconds that each write takes longer
}

// ErrCut is what dialling over a cut link gives.
var ErrCut = errors.New("faultnet: the link is cut")

// NewFaultNet makes a network without faults over another one.
func NewFaultNet(inner Network) *FaultNet {
	return &FaultNet{inner: inner, owner: map[string]string{}, links: map[[2]string]*link{}, conns: map[*faultConn]struct{}{}}
}

// Host is the network as one host sees it.
func (f *FaultNet) Host(name string) Network { return &faultHost{f, name} }

func (f *FaultNet) link(from, to string) *link {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := [2]string{from, to}
	l := f.links[k]
	if l == nil {
		l = &link{}
		f.links[k] = l
	}
	return l
}

// Cut breaks all connections between two hosts and lets none be made until Heal.
func (f *FaultNet) Cut(a, b string) {
	f.link(a, b).cut.Store(true)
	f.link(b, a).cut.Store(true)
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		if c.from == a && c.to == b || c.from == b && c.to == a {
			_ = c.Conn.Close()
		}
	}
}

// Stall lets bytes from a to b wait until Heal, as a peer does that is frozen.
func (f *FaultNet) Stall(a, b string) { f.link(a, b).stall.Store(true) }

// Delay makes each write from a to b take longer.
func (f *FaultNet) Delay(a, b string, d time.Duration) { f.link(a, b).delay.Store(int64(d)) }

// Isolate cuts a host off from all others that are known.
func (f *FaultNet) Isolate(name string) { f.each(name, f.Cut) }

// Heal ends all faults between two hosts.
func (f *FaultNet) Heal(a, b string) {
	for _, l := range []*link{f.link(a, b), f.link(b, a)} {
		l.cut.Store(false)
		l.stall.Store(false)
		l.delay.Store(0)
	}
}

// Rejoin ends all faults between a host and the others.
func (f *FaultNet) Rejoin(name string) { f.each(name, f.Heal) }

func (f *FaultNet) each(name string, fn func(a, b string)) {
	f.mu.Lock()
	others := map[string]bool{}
	for _, h := range f.owner {
		others[h] = h != name
	}
	f.mu.Unlock()
	for h, other := range others {
		if other {
			fn(name, h)
		}
	}
}

type faultHost struct {
	f    *FaultNet
	name string
}

func (h *faultHost) Listen(addr string) (net.Listener, error) {
	l, err := h.f.inner.Listen(addr)
	if err != nil {
		return nil, err
	}
	h.f.mu.Lock()
	h.f.owner[l.Addr().String()] = h.name
	h.f.mu.Unlock()
	return l, nil
}

// Dial connects. Faults are applied on the dialling side, to both directions.
func (h *faultHost) Dial(ctx context.Context, addr string) (net.Conn, error) {
	h.f.mu.Lock()
	to := h.f.owner[addr]
	h.f.mu.Unlock()
	out, in := h.f.link(h.name, to), h.f.link(to, h.name)
	if out.cut.Load() {
		return nil, ErrCut
	}
	c, err := h.f.inner.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	fc := &faultConn{Conn: c, f: h.f, from: h.name, to: to, out: out, in: in, closed: make(chan struct{})}
	h.f.mu.Lock()
	h.f.conns[fc] = struct{}{}
	h.f.mu.Unlock()
	return fc, nil
}

type faultConn struct {
	net.Conn
	f        *FaultNet
	from, to string
	out, in  *link
	once     sync.Once
	closed   chan struct{}
}

// obstruct waits while a link stalls and for its delay; an error if the link is cut or the connection closed meanwhile.
func (c *faultConn) obstruct(l *link) error {
	const poll = 5 * time.Millisecond
	for wait := time.Duration(l.delay.Load()); l.stall.Load() || wait > 0; wait -= poll {
		select {
		case <-c.closed:
			return net.ErrClosed
		case <-time.After(min(poll, max(wait, time.Millisecond))):
		}
	}
	if l.cut.Load() {
		_ = c.Close()
		return ErrCut
	}
	return nil
}

func (c *faultConn) Write(b []byte) (int, error) {
	if err := c.obstruct(c.out); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *faultConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if ferr := c.obstruct(c.in); ferr != nil && n > 0 {
		return 0, ferr
	}
	return n, err
}

func (c *faultConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.f.mu.Lock()
		delete(c.f.conns, c)
		c.f.mu.Unlock()
	})
	return c.Conn.Close()
}

// CloseWrite passes the half-close of streams on.
func (c *faultConn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return errors.ErrUnsupported
}
