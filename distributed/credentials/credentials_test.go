package credentials

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/distributed/datadir"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/version"
)

// keeper is that of a node in a directory.
func keeper(t *testing.T, dir *datadir.Dir, node schema.NodeID, mode Mode) *Keeper {
	t.Helper()
	k := &Keeper{}
	k.Init(Config{Mode: mode, Dir: dir, Node: func() schema.NodeID { return node }, Wall: time.Now, Log: slog.New(slog.DiscardHandler)})
	return k
}

func directory(t *testing.T) *datadir.Dir {
	t.Helper()
	d, _, _, err := datadir.Open(filepath.Join(t.TempDir(), "data"), version.Max, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestCredentialsAreHandedOn: what the first node has made, and what it gives to one that joins, lets them speak with each other, also after
// a restart; and nobody takes another's.
func TestCredentialsAreHandedOn(t *testing.T) {
	first, second := directory(t), directory(t)
	founder := keeper(t, first, 1, On)
	if err := founder.First(); err != nil {
		t.Fatal(err)
	}
	key, err := certs.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	if err := founder.MayJoin(t.Context(), public, ""); !errors.Is(err, ErrJoin) {
		t.Errorf("a caller without TLS is let in: %v", err)
	}
	cert, authority, err := founder.Admit(2, public)
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper(t, second, 2, On).Take(key, cert, authority); err != nil {
		t.Fatal(err)
	}
	founder, joined := keeper(t, first, 1, On), keeper(t, second, 2, On)
	for _, k := range []*Keeper{founder, joined} {
		if err := k.Load(); err != nil {
			t.Fatal(err)
		}
		if k.PlainToo() {
			t.Error("a node with credentials speaks with those that have none")
		}
	}
	shakeHands(t, founder.Server(), joined.Client(1), true)
	shakeHands(t, founder.Server(), joined.Client(3), false)
	if err := keeper(t, first, 2, On).Load(); err == nil {
		t.Error("a node takes another's credentials")
	}
	if err := keeper(t, first, 1, Off).Load(); err == nil {
		t.Error("a node with a certificate runs without TLS")
	}
}

// shakeHands makes a connection; ok tells whether the client believes the server.
func shakeHands(t *testing.T, server, client *tls.Config, ok bool) {
	t.Helper()
	a, b := net.Pipe()
	defer func() { _ = b.Close() }()
	var wg spawn.Group
	wg.Go("a server", func() {
		defer func() { _ = a.Close() }()
		_ = tls.Server(a, server).HandshakeContext(t.Context())
	})
	if err := tls.Client(b, client).HandshakeContext(t.Context()); (err == nil) != ok {
		t.Errorf("the handshake: %v", err)
	}
	_ = b.Close()
	wg.Wait()
}

// TestModes: who has no credentials, and who may be without.
func TestModes(t *testing.T) {
	for _, mode := range []Mode{On, Optional, Off} {
		k := keeper(t, directory(t), 1, mode)
		if err := k.Load(); err != nil { // a directory from before has none
			t.Errorf("%s: %v", mode, err)
		}
		if !k.PlainToo() || k.Server() != nil || k.Client(2) != nil {
			t.Errorf("%s: it speaks TLS with nothing to show", mode)
		}
		if cert, _, err := k.Admit(2, nil); cert != nil || err != nil || k.MayJoin(t.Context(), nil, "") != nil {
			t.Errorf("%s: a cluster without certificates asks for them: %v", mode, err)
		}
		if err := k.First(); err != nil || (k.Server() == nil) != (mode == Off) {
			t.Errorf("%s: the first node: %v", mode, err)
		}
	}
}
