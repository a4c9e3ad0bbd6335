package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/distributed/credentials"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
)

// TestJoinTokens: a cluster that demands tokens takes who shows one of its own that has not ended, and nobody else.
func TestJoinTokens(t *testing.T) {
	c := newTestCluster(t)
	c.more = func(cfg *Config) { cfg.RequireJoinToken = true }
	c.start(0)
	token := func(dir string, d time.Duration) string {
		text, err := datadir.JoinToken(dir, time.Now().Add(d))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	other := newTestCluster(t)
	other.start(0)
	for name, shown := range map[string]string{
		"no token": "", "an old token": token(c.dirs[0], -time.Minute), "another cluster's token": token(other.dirs[0], time.Hour), "nonsense": "csql1x",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := Open(ctx, Config{
			Dir: filepath.Join(t.TempDir(), "data"), NodeAddr: "127.0.0.1:0", Log: testLogger(t, name), Join: c.addrs[:1], JoinToken: shown,
		})
		if err == nil || ctx.Err() != nil {
			t.Errorf("with %s: %v", name, err)
		}
		cancel()
	}
	c.more = func(cfg *Config) { cfg.RequireJoinToken, cfg.JoinToken = true, token(c.dirs[0], time.Hour) }
	n := c.start(1, c.addrs[0])
	eventually(t, "two nodes", func() bool { return grown(n, 2) })
}

// TestIntruders: without a member's certificate nobody is served, whatever it knows of the cluster.
func TestIntruders(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	for name, o := range map[string]rpc.ClientOptions{
		"plain": {}, "a guest": {TLS: guestTLS(t)},
	} {
		o.Cluster, o.Node = n.ClusterID, func() schema.NodeID { return 2 }
		o.Resolve = func(schema.NodeID) (string, bool) { return c.addrs[0], true }
		client := rpc.NewClient(o)
		if _, err := client.Call(t.Context(), 1, methodJoin, nil); !errors.Is(err, rpc.ErrRefused) {
			t.Errorf("%s calls: %v", name, err)
		}
		for _, k := range []rpc.Kind{rpc.KindRaft, rpc.KindSnapshot} {
			if _, err := client.DialStream(t.Context(), 1, k); !errors.Is(err, rpc.ErrRefused) {
				t.Errorf("%s opens a stream of kind %d: %v", name, k, err)
			}
		}
		client.Close()
	}
	conn, err := net.Dial("tcp", c.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte("csql" + strings.Repeat("\x01", 34)))
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer := make([]byte, 1000)
	got, _ := conn.Read(answer)
	if id := n.ClusterID(); strings.Contains(string(answer[:got]), fmt.Sprintf("%x", id[:])) {
		t.Errorf("the refusal names the cluster: %q", answer[:got])
	}
}

func guestTLS(t *testing.T) func(schema.NodeID) *tls.Config {
	t.Helper()
	cfg, err := certs.Guest("")
	if err != nil {
		t.Fatal(err)
	}
	return func(schema.NodeID) *tls.Config { return cfg }
}

// TestCertify: a cluster that was made without certificates gets them, node by node.
func TestCertify(t *testing.T) {
	c := newTestCluster(t)
	c.more = func(cfg *Config) { cfg.NodeTLS = credentials.Off }
	n := c.start(0)
	if _, err := datadir.JoinToken(c.dirs[0], time.Now()); err == nil {
		t.Error("a cluster without certificates has a token")
	}
	c.start(1, c.addrs[0])
	c.start(2, c.addrs[0])
	eventually(t, "three nodes", func() bool { return grown(n, 3) })
	c.more = func(cfg *Config) { cfg.NodeTLS = credentials.Optional }
	from := ""
	for i := range 3 {
		c.stop(i)
		if err := datadir.Certify(c.dirs[i], from); err != nil {
			t.Fatal(err)
		}
		from = c.dirs[0]
		c.start(i) // becomes ready, so it and the others understand each other
	}
	if err := datadir.Certify(c.dirs[2], from); !errors.Is(err, datadir.ErrLocked) {
		t.Errorf("a running node's directory: %v", err)
	}
	c.more = nil
	for i := range 3 {
		c.stop(i)
		n = c.start(i)
	}
	eventually(t, "three nodes with TLS", func() bool { return grown(n, 3) })
}
