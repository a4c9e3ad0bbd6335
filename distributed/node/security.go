package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"cloudsql/distributed/certs"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
)

// NodeTLS says whether nodes prove to each other who they are.
type NodeTLS string

// The modes. A directory that has credentials uses them; the mode decides about fresh ones and about other nodes.
const (
	TLSOn       NodeTLS = ""         // certificates, and only peers that have one
	TLSOptional NodeTLS = "optional" // certificates, and peers without: while a cluster is moved to TLS
	TLSOff      NodeTLS = "off"      // a new cluster gets no certificates
)

// ErrJoin is a cluster's refusal to take a node.
var ErrJoin = errors.New("the cluster does not let this node join")

// loadCredentials reads what proves that this node is a member; directories from before have nothing.
func (n *core) loadCredentials() error {
	text, err := os.ReadFile(n.dir.File(datadir.Credentials))
	if errors.Is(err, fs.ErrNotExist) {
		n.log.Warn("nodes speak with each other without TLS: this directory has no certificate (cloudsql certify)")
		return nil
	}
	if err != nil {
		return err
	}
	c, err := certs.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", n.dir.File(datadir.Credentials), err)
	}
	if c.Node() != n.NodeID() {
		return fmt.Errorf("%s is of node %d, the directory of node %d", n.dir.File(datadir.Credentials), c.Node(), n.NodeID())
	}
	if n.cfg.NodeTLS == TLSOff {
		return errors.New("the directory has a certificate: nodes can be without TLS (off) only in a cluster that was made so")
	}
	n.credentials.Store(c)
	return nil
}

// keepCredentials begins to use credentials, and writes them.
func (n *core) keepCredentials(c *certs.Credentials) error {
	text, err := c.AppendPEM(nil)
	if err != nil {
		return err
	}
	if err := n.dir.Write(datadir.Credentials, text); err != nil {
		return err
	}
	n.credentials.Store(c)
	return nil
}

// firstCredentials makes the authority of a new cluster.
func (n *core) firstCredentials() error {
	if n.cfg.NodeTLS == TLSOff {
		return nil
	}
	a, err := certs.NewAuthority()
	if err != nil {
		return err
	}
	c, err := certs.Issued(a, n.NodeID())
	if err != nil {
		return err
	}
	return n.keepCredentials(c)
}

// serverTLS is for connections of other nodes; nil: they are plain.
func (n *core) serverTLS() *tls.Config {
	if c := n.credentials.Load(); c != nil {
		return c.Server()
	}
	return nil
}

// clientTLS is for connections to other nodes; nil: they are plain.
func (n *core) clientTLS(want schema.NodeID) *tls.Config {
	if c := n.credentials.Load(); c != nil {
		return c.Client(want)
	}
	return n.guest.Load()
}

// plainToo tells whether nodes without TLS are talked to: a node that joins without a token takes what it finds.
func (n *core) plainToo() bool {
	return n.cfg.NodeTLS == TLSOptional || n.credentials.Load() == nil && n.cfg.JoinToken == ""
}

// beGuest prepares for asking a member at an address to be let in. Without a token there is nothing to know the member by,
// so that TLS has a meaning only where nobody can be between.
func (n *core) beGuest(addr string) error {
	n.guest.Store(nil)
	if n.cfg.NodeTLS == TLSOff || n.cfg.JoinToken == "" && !onThisMachine(addr) {
		return nil
	}
	cfg, err := certs.Guest(n.cfg.JoinToken)
	if err != nil {
		return err
	}
	n.guest.Store(cfg)
	return nil
}

func onThisMachine(addr string) bool {
	a, err := net.ResolveTCPAddr("tcp", addr)
	return err == nil && a.IP.IsLoopback()
}

// mayJoin tells whether whoever calls may become a member of this cluster: who shows a token, or calls from this very
// machine, where root's empty password is accepted too.
func (n *routes) mayJoin(ctx context.Context, q *joinRequest) error {
	c := n.credentials.Load()
	if c == nil {
		return nil
	}
	p := rpc.PeerOf(ctx)
	switch {
	case !p.Secured || len(q.Key) == 0:
		return fmt.Errorf("%w: its nodes speak TLS, which the new node does not", ErrJoin)
	case q.JoinToken != "":
		if err := c.Authority.CheckToken(q.JoinToken, n.cfg.WallClock()); err != nil {
			return fmt.Errorf("%w: %w", ErrJoin, err)
		}
		return nil
	case p.Local() && !n.cfg.RequireJoinToken:
		return nil
	}
	return fmt.Errorf("%w: a token is needed, which `cloudsql join-token --data DIR` prints on any member", ErrJoin)
}

// admitted adds what makes a new node a member to the answer that lets it in.
func (n *core) admitted(q *joinRequest, reply *joinReply) (err error) {
	c := n.credentials.Load()
	if c == nil {
		return nil
	}
	if reply.Certificate, err = c.Authority.Issue(reply.Node, q.Key); err != nil {
		return err
	}
	reply.Authority, err = c.Authority.AppendPEM(nil)
	return err
}

// takeCredentials keeps what the cluster has given to this node.
func (n *core) takeCredentials(key *certs.Key, reply *joinReply) error {
	if len(reply.Certificate) == 0 {
		n.log.Warn("nodes speak with each other without TLS: the cluster has no certificates")
		return nil
	}
	a, err := certs.ParseAuthority(reply.Authority)
	if err != nil {
		return err
	}
	c, err := certs.NewCredentials(a, key, reply.Certificate)
	if err != nil {
		return err
	}
	return n.keepCredentials(c)
}
