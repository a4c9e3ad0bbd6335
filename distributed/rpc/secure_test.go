package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/storage/schema"
)

// TestSecured: who may call what of a node that demands certificates.
func TestSecured(t *testing.T) {
	node := startNodes(t, 1, plainTCP)[0]
	peers := make(chan Peer, 1)
	node.server.HandleAnyone(mOpen+1, func(ctx context.Context, _ schema.NodeID, _ []byte) ([]byte, error) {
		peers <- PeerOf(ctx)
		return nil, nil
	})
	other, err := certs.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	token := func(a *certs.Authority) func(schema.NodeID) *tls.Config {
		text, err := a.Token(time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := certs.Guest(text)
		if err != nil {
			t.Fatal(err)
		}
		return func(schema.NodeID) *tls.Config { return cfg }
	}
	member := issued(t, testAuthority(), 2)
	for _, tc := range []struct {
		name    string
		cluster ClusterID
		from    schema.NodeID
		to      schema.NodeID
		tls     func(schema.NodeID) *tls.Config
		method  Method
		refused string // "": served
		proved  schema.NodeID
	}{
		{"a member", testCluster, 2, 1, member.Client, mOpen + 1, "", 2},
		{"a member that says it were another", testCluster, 3, 1, member.Client, mEcho, "hello", 0},
		{"a member that wants another node", testCluster, 2, 5, member.Client, mEcho, "certificate", 0},
		{"another cluster's member", testCluster, 2, 1, issued(t, other, 2).Client, mEcho, "certificate", 0},
		{"without a certificate", testCluster, 2, 1, token(testAuthority()), mEcho, "hello", 0},
		{"without TLS", testCluster, 2, 1, nil, mEcho, "hello", 0},
		{"a guest", ClusterID{}, 0, 0, token(testAuthority()), mOpen + 1, "", 0},
		{"a guest with a member's wish", ClusterID{}, 0, 0, token(testAuthority()), mEcho, "method", 0},
		{"a guest of another cluster", ClusterID{}, 0, 0, token(other), mOpen + 1, "certificate", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := NewClient(ClientOptions{
				Cluster: func() ClusterID { return tc.cluster }, Node: func() schema.NodeID { return tc.from }, TLS: tc.tls,
				Resolve: func(schema.NodeID) (string, bool) { return node.addr, true },
			})
			defer c.Close()
			_, err := c.Call(t.Context(), tc.to, tc.method, []byte("x"))
			var remote *RemoteError
			switch tc.refused {
			case "":
				if err != nil {
					t.Fatal(err)
				}
				if p := <-peers; !p.Secured || p.Proved != tc.proved || !p.Local() {
					t.Errorf("known of the caller: %+v", p)
				}
			case "certificate":
				if !errors.Is(err, certs.ErrStranger) && !errors.Is(err, ErrNotSent) || err == nil {
					t.Errorf("got %v", err)
				}
			case "hello":
				if !errors.Is(err, ErrRefused) {
					t.Errorf("got %v", err)
				}
			case "method":
				if !errors.As(err, &remote) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestPlainToo: nodes with and without certificates understand each other while a cluster is moved to TLS.
func TestPlainToo(t *testing.T) {
	nodes := start(t, 2, plainTCP, func(id schema.NodeID, s *ServerOptions, c *ClientOptions) {
		if id == 1 { // has been moved
			own := issued(t, testAuthority(), id)
			s.TLS, c.TLS = own.Server, own.Client
			s.PlainToo, c.PlainToo = true, func() bool { return true }
		}
	})
	for _, nd := range nodes {
		to := 3 - nd.id
		if _, err := nd.client.Call(t.Context(), to, mEcho, []byte("x")); err != nil {
			t.Errorf("node %d calls node %d: %v", nd.id, to, err)
		}
	}
}

// TestSilentGuest: who connects and says nothing, or not all, is let go.
func TestSilentGuest(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time limit of five seconds")
	}
	node := startNodes(t, 1, plainTCP)[0]
	said := []string{"", "\x16", "\x16\x03\x01\x02\x00\x01"}
	conns := make([]net.Conn, len(said))
	for i, bytes := range said {
		c, err := net.Dial("tcp", node.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Write([]byte(bytes))
		conns[i] = c
	}
	for i, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(4 * helloTimeout))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %q the connection is kept", said[i])
		}
	}
}
