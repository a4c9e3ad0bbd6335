package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed/certs"
	"cloudsql/storage/schema"
)

const (
	mEcho  = MethodsUser + iota // answers the request
	mFail                       // refuses with the request as message
	mBlock                      // waits until cancelled
	mPanic
	mOpen
)

var testCluster = ClusterID{1, 2, 3}

// testNode is a node with a server and a client.
type testNode struct {
	id        schema.NodeID
	addr      string
	server    *Server
	client    *Client
	cancelled chan error
}

var testAuthority = sync.OnceValue(func() *certs.Authority {
	a, err := certs.NewAuthority()
	if err != nil {
		panic(err)
	}
	return a
})

func issued(t testing.TB, a *certs.Authority, id schema.NodeID) *certs.Credentials {
	t.Helper()
	c, err := certs.Issued(a, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startNodes starts nodes 1…n that know each other's addresses and certificates.
func startNodes(t testing.TB, n int, network func(id schema.NodeID) Network) []*testNode {
	t.Helper()
	return start(t, n, network, func(id schema.NodeID, s *ServerOptions, c *ClientOptions) {
		own := issued(t, testAuthority(), id)
		s.TLS, c.TLS = own.Server, own.Client
	})
}

func start(t testing.TB, n int, network func(schema.NodeID) Network, secure func(schema.NodeID, *ServerOptions, *ClientOptions)) []*testNode {
	t.Helper()
	nodes := make([]*testNode, n)
	book := map[schema.NodeID]string{}
	for i := range nodes {
		nd := &testNode{id: schema.NodeID(i + 1), cancelled: make(chan error, 16)}
		nodes[i] = nd
		nw := network(nd.id)
		l, err := nw.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		nd.addr = l.Addr().String()
		book[nd.id] = nd.addr
		cluster := func() ClusterID { return testCluster }
		self := func() schema.NodeID { return nd.id }
		so := ServerOptions{Cluster: cluster, Node: self, MaxFrame: 1 << 20}
		co := ClientOptions{
			Network: nw, Cluster: cluster, Node: self, MaxFrame: 1 << 20,
			Resolve: func(id schema.NodeID) (string, bool) { a, ok := book[id]; return a, ok },
		}
		secure(nd.id, &so, &co)
		nd.server = NewServer(so)
		nd.registerAll()
		go func() { _ = nd.server.Serve(l) }()
		nd.client = NewClient(co)
		t.Cleanup(func() { nd.client.Close(); nd.server.Close() })
	}
	return nodes
}

func (nd *testNode) registerAll() {
	nd.server.Handle(mEcho, func(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
		return bytes.Clone(req), nil
	})
	nd.server.Handle(mFail, func(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
		return nil, errors.New(string(req))
	})
	nd.server.Handle(mBlock, func(ctx context.Context, _ schema.NodeID, _ []byte) ([]byte, error) {
		<-ctx.Done()
		nd.cancelled <- ctx.Err()
		return nil, ctx.Err()
	})
	nd.server.Handle(mPanic, func(context.Context, schema.NodeID, []byte) ([]byte, error) { panic("ouch") })
	nd.server.HandleAnyone(mOpen, func(_ context.Context, from schema.NodeID, _ []byte) ([]byte, error) {
		return fmt.Appendf(nil, "hello %d", from), nil
	})
}

func plainTCP(schema.NodeID) Network { return TCP }

func TestCalls(t *testing.T) {
	nodes := startNodes(t, 2, plainTCP)
	ctx := context.Background()
	c := nodes[0].client
	for _, size := range []int{0, 1, 100, 70_000, 1<<20 - 64} {
		req := bytes.Repeat([]byte{7}, size)
		resp, err := c.Call(ctx, 2, mEcho, req)
		if err != nil || !bytes.Equal(resp, req) {
			t.Fatalf("echo of %d bytes: %d bytes, %v", size, len(resp), err)
		}
	}
	var re *RemoteError
	if _, err := c.Call(ctx, 2, mFail, []byte("no")); !errors.As(err, &re) || re.Message != "no" || re.Node != 2 || re.Method != mFail {
		t.Errorf("refusal: %v", err)
	}
	if _, err := c.Call(ctx, 2, mPanic, nil); !errors.As(err, &re) || !strings.Contains(re.Message, "ouch") {
		t.Errorf("panic: %v", err)
	}
	if _, err := c.Call(ctx, 2, 255, nil); !errors.As(err, &re) {
		t.Errorf("unknown method: %v", err)
	}
	if _, err := c.Call(ctx, 9, mEcho, nil); !errors.Is(err, ErrNotSent) {
		t.Errorf("unknown node: %v", err)
	}
	if _, err := c.Call(ctx, 2, mEcho, make([]byte, 1<<20)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if resp, err := c.Call(ctx, 2, mEcho, []byte("still")); err != nil || string(resp) != "still" {
		t.Errorf("after the errors: %q, %v", resp, err)
	}
}

func TestManyCallsInFlight(t *testing.T) {
	nodes := startNodes(t, 2, plainTCP)
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 100 {
				req := fmt.Appendf(nil, "%d-%d", g, i)
				resp, err := nodes[0].client.Call(context.Background(), 2, mEcho, req)
				if err != nil || !bytes.Equal(req, resp) {
					t.Errorf("got %q, %v for %q", resp, err, req)
					return
				}
			}
		}()
	}
	wg.Wait()
	if w := nodes[0].client.Stats.Writes.Load(); w > 3200 {
		t.Errorf("%d writes for 3200 calls", w)
	}
}

func TestDeadlineAndCancellation(t *testing.T) {
	nodes := startNodes(t, 2, plainTCP)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := nodes[0].client.Call(ctx, 2, mBlock, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	<-nodes[1].cancelled

	ctx, cancel = context.WithCancel(context.Background())
	go func() {
		for nodes[1].server.Stats.Calls.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := nodes[0].client.Call(ctx, 2, mBlock, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancel: %v", err)
	}
	if err := <-nodes[1].cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler saw %v", err)
	}
}

func TestServerGoesAwayAndComesBack(t *testing.T) {
	nodes := startNodes(t, 2, plainTCP)
	ctx := context.Background()
	done := make(chan error)
	go func() {
		_, err := nodes[0].client.Call(ctx, 2, mBlock, nil)
		done <- err
	}()
	for nodes[1].server.Stats.Calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	nodes[1].server.Close()
	if err := <-done; err == nil || errors.Is(err, ErrNotSent) {
		t.Errorf("a call cut off in flight has an unknown outcome, got %v", err)
	}
	if _, err := nodes[0].client.Call(ctx, 2, mEcho, nil); !errors.Is(err, ErrNotSent) {
		t.Errorf("nobody listens: %v", err)
	}
	l, err := net.Listen("tcp", nodes[1].addr)
	if err != nil {
		t.Fatal(err)
	}
	old := nodes[1].server.o
	nodes[1].server = NewServer(old)
	nodes[1].registerAll()
	go func() { _ = nodes[1].server.Serve(l) }()
	t.Cleanup(nodes[1].server.Close)
	for {
		resp, err := nodes[0].client.Call(ctx, 2, mEcho, []byte("again"))
		if err == nil {
			if string(resp) != "again" {
				t.Errorf("got %q", resp)
			}
			return
		}
		if !errors.Is(err, ErrNotSent) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // backing off
	}
}

func TestStrangersAreRefused(t *testing.T) {
	nodes := start(t, 1, plainTCP, func(schema.NodeID, *ServerOptions, *ClientOptions) {})
	ctx := context.Background()
	stranger := NewClient(ClientOptions{
		Cluster: func() ClusterID { return ClusterID{9} }, Node: func() schema.NodeID { return 7 },
	})
	defer stranger.Close()
	if _, err := stranger.CallAddr(ctx, nodes[0].addr, mOpen, nil); !errors.Is(err, ErrRefused) || !errors.Is(err, ErrNotSent) {
		t.Errorf("another cluster's node: %v", err)
	} else if strings.Contains(err.Error(), testCluster.String()) {
		t.Errorf("the refusal tells which cluster this is: %v", err)
	}
	joiner := NewClient(ClientOptions{
		Cluster: func() ClusterID { return ClusterID{} }, Node: func() schema.NodeID { return 0 },
	})
	defer joiner.Close()
	if resp, err := joiner.CallAddr(ctx, nodes[0].addr, mOpen, nil); err != nil || string(resp) != "hello 0" {
		t.Errorf("a joining node: %q, %v", resp, err)
	}
	var re *RemoteError
	if _, err := joiner.CallAddr(ctx, nodes[0].addr, mEcho, nil); !errors.As(err, &re) {
		t.Errorf("a joining node calls what members may: %v", err)
	}
	wrong := NewClient(ClientOptions{
		Cluster: func() ClusterID { return testCluster }, Node: func() schema.NodeID { return 7 },
		Resolve: func(schema.NodeID) (string, bool) { return nodes[0].addr, true },
	})
	defer wrong.Close()
	if _, err := wrong.Call(ctx, 5, mEcho, nil); !errors.Is(err, ErrRefused) {
		t.Errorf("another node answers at the address: %v", err)
	}
}

func TestStreams(t *testing.T) {
	nodes := startNodes(t, 2, plainTCP)
	got := make(chan string, 1)
	nodes[1].server.HandleStream(KindRaft, func(from schema.NodeID, _ net.Conn, r *bufio.Reader) {
		b, _ := io.ReadAll(r)
		got <- fmt.Sprintf("%d: %s", from, b)
	})
	c, err := nodes[0].client.DialStream(context.Background(), 2, KindRaft)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte("a raft message"))
	_ = c.Close()
	if s := <-got; s != "1: a raft message" {
		t.Errorf("got %q", s)
	}
	if _, err := nodes[0].client.DialStream(context.Background(), 2, KindSnapshot); !errors.Is(err, ErrRefused) {
		t.Errorf("nobody takes snapshots: %v", err)
	}
}

func TestGarbageEndsTheConnection(t *testing.T) {
	nodes := startNodes(t, 1, plainTCP)
	for name, garbage := range map[string][]byte{
		"no hello":  []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n with some more bytes"),
		"bad frame": append(appendHello(nil, hello{kind: KindCalls, cluster: testCluster, from: 3}), 12, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"huge":      append(appendHello(nil, hello{kind: KindCalls, cluster: testCluster, from: 3}), 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	} {
		c, err := net.Dial("tcp", nodes[0].addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(garbage)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the connection stays open", name)
		}
		_ = c.Close()
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(appendFrame(nil, header{typ: frameRequest, method: 3, id: 9, timeoutMs: 5}, []byte("abc")))
	f.Add(appendFrame(nil, header{typ: frameCancel, id: 9}, nil))
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := readHeader(bytes.NewReader(data), make([]byte, 64), 1<<20)
		if err != nil {
			return
		}
		if h.payload < 0 || h.payload > 1<<20 {
			t.Fatalf("payload of %d bytes", h.payload)
		}
		used := lengthSize + headerSize
		if h.typ == frameRequest {
			used += requestExtra
		}
		again := appendFrame(nil, h, make([]byte, h.payload))
		if !bytes.Equal(again[:used], data[:used]) {
			t.Fatalf("%x became %x", data[:used], again[:used])
		}
	})
}

func FuzzDecodeHello(f *testing.F) {
	f.Add(appendHello(nil, hello{kind: KindRaft, cluster: testCluster, from: 1, to: 2}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := decodeHello(data); err == nil && !bytes.Equal(appendHello(nil, h), data) {
			t.Fatalf("%x is read as %+v", data, h)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(appendAnswer(nil, answerOK, 5, ""))
	f.Add(appendAnswer(nil, answerRefused, 5, "no"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := readAnswer(bytes.NewReader(data)); err == nil && n != schema.NodeID(binary.LittleEndian.Uint64(data[6:])) {
			t.Fatal("wrong node")
		}
	})
}

func BenchmarkCall(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			nodes := startNodes(b, 2, plainTCP)
			req := bytes.Repeat([]byte{1}, 100)
			b.ReportAllocs()
			b.SetParallelism(clients)
			start := cpuTime()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := nodes[0].client.Call(context.Background(), 2, mEcho, req); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64((cpuTime()-start).Nanoseconds())/float64(b.N)/2, "cpu-ns/side")
		})
	}
}

func TestFaults(t *testing.T) {
	f := NewFaultNet(TCP)
	names := map[schema.NodeID]string{1: "a", 2: "b"}
	nodes := startNodes(t, 2, func(id schema.NodeID) Network { return f.Host(names[id]) })
	ctx := context.Background()
	call := func() error {
		_, err := nodes[0].client.Call(ctx, 2, mEcho, []byte("x"))
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	f.Cut("a", "b")
	for range 3 { // the broken connection may be noticed late
		if err := call(); err == nil {
			t.Error("a call got over a cut link")
		}
	}
	f.Heal("a", "b")
	for err := call(); err != nil; err = call() {
		if !errors.Is(err, ErrNotSent) && !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	f.Stall("a", "b")
	limited, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := nodes[0].client.Call(limited, 2, mEcho, nil)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a call got over a stalled link")
		}
	case <-time.After(200 * time.Millisecond): // the caller writes itself, and writing stalls
	}
	f.Rejoin("a")
	f.Delay("b", "a", 20*time.Millisecond)
	began := time.Now()
	if err := call(); err != nil || time.Since(began) < 15*time.Millisecond {
		t.Errorf("a slow link took %v, %v", time.Since(began), err)
	}
}
