package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/storage/schema"
)

// tlsHandshakeByte begins every TLS connection, and no hello.
const tlsHandshakeByte = 22

// Peer is what is known of the other end of a call's connection.
type Peer struct {
	Addr    net.Addr
	Secured bool          // by TLS
	Proved  schema.NodeID // the member whose certificate it showed; 0: none
}

type peerKey struct{}

// PeerOf gives who calls, in a handler's context.
func PeerOf(ctx context.Context) Peer {
	p, _ := ctx.Value(peerKey{}).(*Peer)
	if p == nil {
		return Peer{}
	}
	return *p
}

// Local tells a caller on this machine.
func (p Peer) Local() bool {
	a, ok := p.Addr.(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// secure brings a dialled connection to where the hello can be said. plain: the peer speaks no TLS.
func (c *Client) secure(ctx context.Context, conn net.Conn, want schema.NodeID) (_ net.Conn, plain bool, err error) {
	if c.o.TLS == nil {
		return conn, true, nil
	}
	cfg := c.o.TLS(want)
	if cfg == nil {
		return conn, true, nil
	}
	tc := tls.Client(conn, cfg)
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	err = tc.HandshakeContext(ctx)
	if err == nil {
		return tc, false, nil
	}
	notTLS := tls.RecordHeaderError{}
	return nil, errors.As(err, &notTLS), err
}

// dial connects to an address and says hello.
func (c *Client) dial(ctx context.Context, addr string, h hello) (net.Conn, schema.NodeID, error) {
	raw, err := c.o.Network.Dial(ctx, addr)
	if err != nil {
		return nil, 0, err
	}
	conn, plain, err := c.secure(ctx, raw, h.to)
	if err != nil {
		_ = raw.Close()
		if !plain {
			return nil, 0, fmt.Errorf("securing the connection to %s: %w", addr, err)
		}
		if c.o.PlainToo == nil || !c.o.PlainToo() {
			return nil, 0, fmt.Errorf("%w: %s speaks no TLS", ErrRefused, addr)
		}
		if conn, err = c.o.Network.Dial(ctx, addr); err != nil {
			return nil, 0, err
		}
	}
	node, err := sayHello(conn, h)
	if err != nil {
		_ = conn.Close()
		return nil, 0, err
	}
	return conn, node, nil
}

// secure brings an accepted connection to where the hello can be read.
func (s *Server) secure(c net.Conn) (net.Conn, *Peer, error) {
	peer := &Peer{Addr: c.RemoteAddr()}
	if s.o.TLS == nil {
		return c, peer, nil
	}
	cfg := s.o.TLS()
	if cfg == nil {
		return c, peer, nil
	}
	_ = c.SetDeadline(time.Now().Add(helloTimeout))
	first := [1]byte{}
	if _, err := c.Read(first[:]); err != nil {
		return nil, nil, err
	}
	c = &peeked{Conn: c, first: first[:]}
	if first[0] != tlsHandshakeByte {
		if s.o.PlainToo {
			return c, peer, nil
		}
		_, _ = c.Write(appendAnswer(nil, answerRefused, 0, "this cluster's nodes speak TLS with each other"))
		return nil, nil, errors.New("rpc: a connection without TLS")
	}
	tc := tls.Server(c, cfg)
	if err := tc.Handshake(); err != nil {
		s.noteRefusal(c.RemoteAddr(), err)
		return nil, nil, err
	}
	peer.Secured = true
	peer.Proved, _ = certs.Peer(tc.ConnectionState())
	return tc, peer, nil
}

// noteRefusal tells the operator of the likeliest reason why other nodes do not take this one's certificate, once for each
// machine that they are on.
func (s *Server) noteRefusal(from net.Addr, err error) {
	var alert *net.OpError // how crypto/tls reports the other side's alerts
	if !errors.As(err, &alert) || alert.Op != "remote error" {
		return
	}
	host, _, _ := net.SplitHostPort(from.String())
	if _, known := s.strangers.LoadOrStore(host, true); !known && s.note() {
		s.o.Log.Error("a node takes this one for a member of its own cluster, which it is not: "+lostDirectory, "from", from, "err", err)
	}
}

// peeked is a connection whose first byte has been read.
type peeked struct {
	net.Conn
	first []byte
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) == 0 || len(b) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}
