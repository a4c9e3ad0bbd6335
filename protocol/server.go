package protocol

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/sql/auth"
	"cloudsql/storage/metric"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/spawn"
)

// Config is how a Server listens. The zero value works; each zero field stands for its default.
type Config struct {
	MaxConnections   int           // beyond it, 1040, where the engine names no limit; default 2000
	MaxAllowedPacket int           // bytes of one request, beyond it 1153, where the session names no limit; default 64 MiB
	CursorMemory     int           // bytes of rows that one cursor may hold; default 64 MiB
	HandshakeTimeout time.Duration // to log in; default 10 s
	ReadTimeout      time.Duration // a client that does not go on with a packet for so long is dropped; default 30 s
	WriteTimeout     time.Duration // a client that takes nothing for so long is dropped; default 60 s
	WaitTimeout      time.Duration // idle time allowed where the session names none; default 8 h
	Tick             time.Duration // how often connections are looked at, which is how exact timeouts are; default 100 ms

	DefaultPlugin string          // that the greeting proposes; default caching_sha2_password
	TLS           *tls.Config     // nil: no TLS (see SelfSignedTLS)
	RequireTLS    bool            // refuse logging in without TLS with 3159, but over a Unix socket
	RSAKey        *rsa.PrivateKey // for passwords sent without TLS; nil: made when first needed (see RSAKey)
	Logger        *slog.Logger    // default: slog.Default()
}

func (c *Config) setDefaults() {
	setDefault(&c.MaxConnections, 2000)
	setDefault(&c.MaxAllowedPacket, 64<<20)
	setDefault(&c.CursorMemory, 64<<20)
	setDefault(&c.HandshakeTimeout, 10*time.Second)
	setDefault(&c.ReadTimeout, 30*time.Second)
	setDefault(&c.WriteTimeout, time.Minute)
	setDefault(&c.WaitTimeout, 8*time.Hour)
	setDefault(&c.Tick, 100*time.Millisecond)
	setDefault(&c.DefaultPlugin, auth.Default)
	setDefault(&c.Logger, slog.Default())
}

func setDefault[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("protocol: server closed")

// Server serves MySQL clients from an engine.
type Server struct {
	Metrics Metrics

	cfg     Config
	engine  sql.Engine
	lastID  atomic.Uint32
	ticks   atomic.Int64 // time in Config.Tick, from 1
	digests digestCache
	logins  *logins
	closing chan struct{} // closed when the server begins to stop
	rsaKey  func() (*rsa.PrivateKey, error)

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	draining  bool
	served    sync.WaitGroup // connections
	stopWatch chan struct{}
}

// New makes a server. Nothing runs before Serve.
func New(cfg Config, engine sql.Engine) *Server {
	cfg.setDefaults()
	s := &Server{
		cfg: cfg, engine: engine,
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]struct{}{},
		rsaKey: sync.OnceValues(func() (*rsa.PrivateKey, error) {
			if cfg.RSAKey != nil {
				return cfg.RSAKey, nil
			}
			return rsa.GenerateKey(rand.Reader, rsaBits)
		}),
	}
	s.closing = make(chan struct{})
	s.logins = newLogins(s.closing)
	s.ticks.Store(1)
	return s
}

// ConnectionLimiter is an engine that says how many connections there may be (max_connections).
type ConnectionLimiter interface{ MaxConnections() int }

// ConnectLimiter is an engine that says how long a client may take to log in (connect_timeout).
type ConnectLimiter interface{ ConnectTimeout() time.Duration }

func (s *Server) handshakeTimeout() time.Duration {
	if l, ok := s.engine.(ConnectLimiter); ok {
		return l.ConnectTimeout()
	}
	return s.cfg.HandshakeTimeout
}

func (s *Server) maxConnections() int {
	if l, ok := s.engine.(ConnectionLimiter); ok {
		return l.MaxConnections()
	}
	return s.cfg.MaxConnections
}

// crowded tells that only an administrator may still log in: as in MySQL, there is one connection more than
// max_connections, and whoever has come in by it must be one.
func (s *Server) crowded() bool {
	most := s.maxConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns) > most
}

// Serve accepts connections until the listener fails or the server is shut down; then it returns ErrServerClosed.
// Several listeners may be served at once. The listener is closed.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.removeListener(l)
	var delay time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			delay = 0
			s.accept(nc)
		case s.isDraining():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, most likely
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.cfg.Logger.Warn("accepting a connection failed", "err", err, "retry_in", delay)
			time.Sleep(delay)
		}
	}
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.listeners[l] = struct{}{}
	if s.stopWatch == nil {
		s.stopWatch = make(chan struct{})
		stop := s.stopWatch
		spawn.Go("watching connections", func() { spawn.Keep(stop, "watching connections", func() { s.watch(stop) }) })
	}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// accept starts serving a connection, or turns it away.
func (s *Server) accept(nc net.Conn) {
	s.Metrics.Accepted.Add(1)
	most := s.maxConnections()
	c := newConn(s, nc)
	s.mu.Lock()
	refused := len(s.conns) > most // one more than that is for administrators, see crowded
	if s.draining {
		s.mu.Unlock()
		_ = nc.Close()
		return
	}
	if !refused {
		s.conns[c] = struct{}{}
	}
	s.served.Add(1)
	s.mu.Unlock()
	if refused {
		s.Metrics.Refused.Add(1)
		spawn.Go("refusing a connection", func() { c.refuse(mysqlerr.New(mysqlerr.ConCount)) })
		return
	}
	metric.Raise(&s.Metrics.MostOpen, uint64(s.Metrics.Open.Add(1)))
	spawn.Go("a connection", c.serve)
}

// remove forgets a connection that has ended.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	_, open := s.conns[c]
	delete(s.conns, c)
	s.mu.Unlock()
	if open {
		s.Metrics.Open.Add(-1)
	}
	s.served.Done()
}

// each visits the connections that were open at the call.
func (s *Server) each(visit func(*conn)) {
	s.mu.Lock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		visit(c)
	}
}

// abortGrace is how long cancelled statements are waited for.
const abortGrace = 2 * time.Second

// Shutdown stops accepting, closes idle connections and waits for the others to finish and answer their statements.
// When ctx ends first, they are cancelled and closed, and ctx's error is returned once they are gone, or after abortGrace:
// a statement that does not listen must not keep the process from ending.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	gone := make(chan struct{})
	spawn.Go("waiting for connections to end", func() {
		s.served.Wait()
		close(gone)
	})
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		s.each((*conn).abort)
		select {
		case <-gone:
		case <-time.After(abortGrace):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopWatch != nil {
		close(s.stopWatch)
		s.stopWatch = nil
	}
	return err
}

func (s *Server) drain() {
	s.mu.Lock()
	if !s.draining {
		close(s.closing)
	}
	s.draining = true
	for l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Unlock()
	s.each(func(c *conn) { c.end(endShutdown) })
}

// Close is Shutdown without waiting for statements to finish.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// newPacketConn frames nc with the limits for a client that has not logged in.
func (s *Server) newPacketConn(nc net.Conn) *packet.Conn {
	pc := packet.NewConn(nc, &s.Metrics.Traffic)
	pc.SetMaxPayload(maxHandshakePacket)
	return pc
}
