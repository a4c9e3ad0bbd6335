package credentials

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
)

// Mode says whether nodes prove to each other who they are.
type Mode string

// The modes. A directory that has credentials uses them; the mode decides about fresh ones and about other nodes.
const (
	On       Mode = ""         // certificates, and only peers that have one
	Optional Mode = "optional" // certificates, and peers without: while a cluster is moved to TLS
	Off      Mode = "off"      // a new cluster gets no certificates
)

// ErrJoin is a cluster's refusal to take a node.
var ErrJoin = errors.New("the cluster does not let this node join")

// Config is what a node says of its credentials.
type Config struct {
	Mode         Mode
	Token        string // of the cluster to join; not needed on one machine
	RequireToken bool   // of nodes on this machine, too
	Dir          *datadir.Dir
	Node         func() schema.NodeID // 0 while joining
	Wall         func() time.Time
	Log          *slog.Logger
}

// Keeper has a node's credentials, from when it has any.
type Keeper struct {
	cfg   Config
	own   atomic.Pointer[certs.Credentials] // nil: nodes speak without TLS, or this one has not joined yet
	guest atomic.Pointer[tls.Config]        // for asking to be let in
}

// Init makes a keeper of no credentials.
func (k *Keeper) Init(cfg Config) { k.cfg = cfg }

// Load reads what proves that this node is a member; directories from before have nothing.
func (k *Keeper) Load() error {
	text, err := os.ReadFile(k.cfg.Dir.File(datadir.Credentials))
	if errors.Is(err, fs.ErrNotExist) {
		k.cfg.Log.Warn("nodes speak with each other without TLS: this directory has no certificate (cloudsql certify)")
		return nil
	}
	if err != nil {
		return err
	}
	c, err := certs.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", k.cfg.Dir.File(datadir.Credentials), err)
	}
	if c.Node() != k.cfg.Node() {
		return fmt.Errorf("%s is of node %d, the directory of node %d", k.cfg.Dir.File(datadir.Credentials), c.Node(), k.cfg.Node())
	}
	if k.cfg.Mode == Off {
		return errors.New("the directory has a certificate: nodes can be without TLS (off) only in a cluster that was made so")
	}
	k.own.Store(c)
	return nil
}

// keep begins to use credentials, and writes them.
func (k *Keeper) keep(c *certs.Credentials) error {
	text, err := c.AppendPEM(nil)
	if err != nil {
		return err
	}
	if err := k.cfg.Dir.Write(datadir.Credentials, text); err != nil {
		return err
	}
	k.own.Store(c)
	return nil
}

// First makes the authority of a new cluster.
func (k *Keeper) First() error {
	if k.cfg.Mode == Off {
		return nil
	}
	a, err := certs.NewAuthority()
	if err != nil {
		return err
	}
	c, err := certs.Issued(a, k.cfg.Node())
	if err != nil {
		return err
	}
	return k.keep(c)
}

// Server is for connections of other nodes; nil: they are plain.
func (k *Keeper) Server() *tls.Config {
	if c := k.own.Load(); c != nil {
		return c.Server()
	}
	return nil
}

// Client is for connections to other nodes; nil: they are plain.
func (k *Keeper) Client(want schema.NodeID) *tls.Config {
	if c := k.own.Load(); c != nil {
		return c.Client(want)
	}
	return k.guest.Load()
}

// PlainToo tells whether nodes without TLS are talked to: a node that joins without a token takes what it finds.
func (k *Keeper) PlainToo() bool {
	return k.cfg.Mode == Optional || k.own.Load() == nil && k.cfg.Token == ""
}

// BeGuest prepares for asking a member at an address to be let in. Without a token there is nothing to know the member by,
// so that TLS has a meaning only where nobody can be between.
func (k *Keeper) BeGuest(addr string) error {
	k.guest.Store(nil)
	if k.cfg.Mode == Off || k.cfg.Token == "" && !onThisMachine(addr) {
		return nil
	}
	cfg, err := certs.Guest(k.cfg.Token)
	if err != nil {
		return err
	}
	k.guest.Store(cfg)
	return nil
}

// Shows tells whether this node asks to be let in by all that it could: only without a token it might show more.
func (k *Keeper) Shows() bool { return k.guest.Load() != nil || k.cfg.Mode == Off }

func onThisMachine(addr string) bool {
	a, err := net.ResolveTCPAddr("tcp", addr)
	return err == nil && a.IP.IsLoopback()
}

// MayJoin tells whether whoever calls may become a member of this cluster, with a key of its own: who shows a token, or calls from this
// very machine, where root's empty password is accepted too.
func (k *Keeper) MayJoin(ctx context.Context, key []byte, token string) error {
	c := k.own.Load()
	if c == nil {
		return nil
	}
	p := rpc.PeerOf(ctx)
	switch {
	case !p.Secured || len(key) == 0:
		return fmt.Errorf("%w: its nodes speak TLS, which the new node does not", ErrJoin)
	case token != "":
		if err := c.Authority.CheckToken(token, k.cfg.Wall()); err != nil {
			return fmt.Errorf("%w: %w", ErrJoin, err)
		}
		return nil
	case p.Local() && !k.cfg.RequireToken:
		return nil
	}
	return fmt.Errorf("%w: a token is needed, which `cloudsql join-token --data DIR` prints on any member", ErrJoin)
}

// Admit gives what makes a new node a member: a certificate for its key, and the authority. None where the cluster has none.
func (k *Keeper) Admit(node schema.NodeID, key []byte) (certificate, authority []byte, err error) {
	c := k.own.Load()
	if c == nil {
		return nil, nil, nil
	}
	if certificate, err = c.Authority.Issue(node, key); err != nil {
		return nil, nil, err
	}
	authority, err = c.Authority.AppendPEM(nil)
	return certificate, authority, err
}

// Take keeps what the cluster has given to this node.
func (k *Keeper) Take(key *certs.Key, certificate, authority []byte) error {
	if len(certificate) == 0 {
		k.cfg.Log.Warn("nodes speak with each other without TLS: the cluster has no certificates")
		return nil
	}
	a, err := certs.ParseAuthority(authority)
	if err != nil {
		return err
	}
	c, err := certs.NewCredentials(a, key, certificate)
	if err != nil {
		return err
	}
	return k.keep(c)
}
