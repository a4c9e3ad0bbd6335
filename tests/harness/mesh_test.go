package harness

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// echo answers each byte with itself and counts connections.
func echo(t *testing.T) (addr string, accepted *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted = &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String(), accepted
}

// dial connects as a node does and swallows the echo of its hello.
func dial(t *testing.T, addr string, from, kind byte) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	hello := make([]byte, helloSize)
	hello[helloFrom], hello[helloKind] = from, kind
	if _, err := c.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, hello); err != nil {
		t.Fatal(err)
	}
	return c
}

// answered sends a byte and tells whether it came back within a while.
func answered(t *testing.T, c net.Conn, within time.Duration) (ok bool, took time.Duration) {
	t.Helper()
	began := time.Now()
	_, err := c.Write([]byte{1})
	if err == nil {
		_ = c.SetReadDeadline(began.Add(within))
		_, err = io.ReadFull(c, make([]byte, 1))
	}
	return err == nil, time.Since(began)
}

const (
	enough = 10 * time.Second // for what must come
	brief  = 100 * time.Millisecond
)

func TestMesh(t *testing.T) {
	m := NewMesh(t)
	target, accepted := echo(t)
	m.Put(t, "127.0.0.1:1") // node 1, whom nobody calls
	addr := m.Put(t, target)
	c := dial(t, addr, 1, 1)
	if ok, _ := answered(t, c, enough); !ok {
		t.Fatal("a network without faults loses bytes")
	}

	m.Stall(1, 2)
	if ok, _ := answered(t, c, brief); ok {
		t.Error("a stalled link lets bytes pass")
	}
	m.Heal()
	_ = c.SetReadDeadline(time.Now().Add(enough))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error("what was held back has not come after the heal: ", err)
	}

	m.Stall(2, 1)
	if ok, _ := answered(t, c, brief); ok {
		t.Error("the way back does not stall")
	}
	m.Heal()
	_ = c.SetReadDeadline(time.Now().Add(enough))
	_, _ = io.ReadFull(c, make([]byte, 1))

	const d = 60 * time.Millisecond
	raft := dial(t, addr, 1, kindRaft)
	m.DelayRaft(d)
	if ok, took := answered(t, raft, enough); !ok || took < 2*d {
		t.Errorf("raft's messages took %v there and back, not 2 × %v", took, d)
	}
	m.Heal()

	m.Cut(2, 1)
	if ok, _ := answered(t, c, enough); ok {
		t.Error("a cut link lets bytes pass")
	}
	before := accepted.Load()
	again, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	hello := make([]byte, helloSize)
	hello[helloFrom] = 1
	_, _ = again.Write(hello)
	_ = again.SetReadDeadline(time.Now().Add(enough))
	if _, err := again.Read(hello); err == nil || accepted.Load() != before {
		t.Error("a cut link connects")
	}
	m.Heal()
	if ok, _ := answered(t, dial(t, addr, 1, 1), enough); !ok {
		t.Error("a healed link does not connect")
	}
}

// TestMeshEnds with connections whose far end neither reads nor closes: it must not wait for them.
func TestMeshEnds(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	m := NewMesh(t)
	m.Put(t, "127.0.0.1:1") // node 1, whom nobody calls
	addr := m.Put(t, silent.Addr().String())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	hello := make([]byte, helloSize)
	hello[helloFrom] = 1
	if _, err := c.Write(hello); err != nil {
		t.Fatal(err)
	}
	far, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	c.Close()
	if _, err := io.Copy(io.Discard, far); err != nil { // the proxy has passed on that the caller is gone
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.close()
	}()
	select {
	case <-ended:
	case <-time.After(enough):
		t.Fatal("the network does not end")
	}
}
