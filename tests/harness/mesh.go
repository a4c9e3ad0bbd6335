package harness

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloudsql/storage/faultdisk"
)

// Mesh is the network between the nodes of a cluster: every node is reached through a proxy of the test process, which
// can cut and stall each direction of each link, raft's traffic and requests alike. Nodes are numbered from 1 by their
// ids, that is in the order in which they joined.
type Mesh struct {
	mu      sync.Mutex
	links   map[[2]int]*link
	proxies []net.Listener
	closed  bool // what is not cut yet will be
	wg      sync.WaitGroup
}

// link is one direction between two nodes.
type link struct {
	mu      sync.Mutex
	changed chan struct{} // closed at each change
	cut     bool
	stalled bool
	delay   time.Duration
	raft    time.Duration         // delay of raft's messages alone
	conns   map[net.Conn]struct{} // both ends of each connection that was made in this direction
}

// NewMesh makes a network without faults that ends with the test.
func NewMesh(t testing.TB) *Mesh {
	m := &Mesh{links: map[[2]int]*link{}}
	t.Cleanup(m.close)
	return m
}

func (m *Mesh) close() {
	m.mu.Lock()
	m.closed = true
	for _, l := range m.proxies {
		l.Close()
	}
	m.mu.Unlock()
	for _, l := range m.all() {
		l.set(func() { l.cut, l.stalled = true, false })
	}
	m.wg.Wait()
}

// Put makes the proxy of the next node and gives its address.
func (m *Mesh) Put(t testing.TB, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.proxies = append(m.proxies, l)
	to := len(m.proxies)
	m.mu.Unlock()
	m.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			m.wg.Go(func() { m.serve(c, to, target) })
		}
	})
	return l.Addr().String()
}

func (m *Mesh) link(from, to int) *link {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := [2]int{from, to}
	l := m.links[k]
	if l == nil {
		l = &link{changed: make(chan struct{}), conns: map[net.Conn]struct{}{}, cut: m.closed}
		m.links[k] = l
	}
	return l
}

func (m *Mesh) all() (links []*link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.links {
		links = append(links, l)
	}
	return links
}

// Cut breaks all connections between two nodes and lets none be made: each side knows at once.
func (m *Mesh) Cut(a, b int) {
	for _, l := range []*link{m.link(a, b), m.link(b, a)} {
		l.set(func() { l.cut = true })
	}
}

// Stall keeps back what from sends to to until Heal, when it all arrives: a one-way partition, or a frozen path. Nobody
// is told. What is on its way when it heals is as old as the partition.
func (m *Mesh) Stall(from, to int) {
	l := m.link(from, to)
	l.set(func() { l.stalled = true })
}

// Delay makes what from sends to to take longer.
func (m *Mesh) Delay(from, to int, d time.Duration) {
	l := m.link(from, to)
	l.set(func() { l.delay = d })
}

// DelayRaft makes raft's messages between all nodes take longer, and nothing else: a round of consensus then takes 2 d.
func (m *Mesh) DelayRaft(d time.Duration) {
	m.mu.Lock()
	count := len(m.proxies)
	m.mu.Unlock()
	for from := range count {
		for to := range count {
			l := m.link(from+1, to+1)
			l.set(func() { l.raft = d })
		}
	}
}

// Heal ends all faults.
func (m *Mesh) Heal() {
	for _, l := range m.all() {
		l.set(func() { l.cut, l.stalled, l.delay, l.raft = false, false, 0, 0 })
	}
}

func (l *link) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
	if l.cut {
		for c := range l.conns {
			c.Close()
		}
	}
}

// pass waits while the link stalls, and for its delay since what is to pass was sent; false: it is cut.
func (l *link) pass(kind byte, sent time.Time) bool {
	for {
		l.mu.Lock()
		cut, stalled, delay, changed := l.cut, l.stalled, l.delay, l.changed
		if kind == kindRaft {
			delay += l.raft
		}
		l.mu.Unlock()
		switch {
		case cut:
			return false
		case stalled:
			<-changed
			continue
		}
		time.Sleep(time.Until(sent.Add(delay)))
		return true
	}
}

// enter notes a connection that a cut breaks; false: it is cut.
func (l *link) enter(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *link) leave(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// The hello of package rpc: "csql" version(1) kind(1) cluster(16) from(8) to(8).
const (
	helloSize = 38
	helloKind = 5
	helloFrom = 22
	kindRaft  = 2
)

// serve carries one connection of a node to node to.
func (m *Mesh) serve(caller net.Conn, to int, target string) {
	defer caller.Close()
	var hello [helloSize]byte
	_ = caller.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(caller, hello[:]); err != nil {
		return
	}
	_ = caller.SetReadDeadline(time.Time{})
	from := int(binary.LittleEndian.Uint64(hello[helloFrom:])) // 0: a node that joins
	there, back := m.link(from, to), m.link(to, from)
	if !there.enter(caller) {
		return
	}
	defer there.leave(caller)
	kind := hello[helloKind]
	if !there.pass(kind, time.Now()) {
		return
	}
	callee, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		return
	}
	defer callee.Close()
	if !there.enter(callee) {
		return
	}
	defer there.leave(callee)
	if _, err := callee.Write(hello[:]); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		carry(caller, callee, back, kind)
	}()
	carry(callee, caller, there, kind)
	<-done
}

// chunk is what was read at once.
type chunk struct {
	data []byte
	sent time.Time
}

// carry copies one direction, each chunk as late as the link has it. Where its source ends, its destination is told so;
// where the link is cut or either side fails, both are closed.
func carry(dst, src net.Conn, l *link, kind byte) {
	const underway = 1024 // chunks
	chunks := make(chan chunk, underway)
	broken := make(chan struct{})
	go func() {
		defer close(chunks)
		buf := make([]byte, 64<<10)
		for {
			n, err := src.Read(buf)
			if n > 0 {
				select {
				case chunks <- chunk{bytes.Clone(buf[:n]), time.Now()}:
				case <-broken:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer close(broken)
	whole := true
	for c := range chunks {
		if whole = l.pass(kind, c.sent); whole {
			_, err := dst.Write(c.data)
			whole = err == nil
		}
		if !whole {
			break
		}
	}
	if half, ok := dst.(*net.TCPConn); ok && whole && l.pass(kind, time.Now()) && half.CloseWrite() == nil {
		return
	}
	dst.Close()
	src.Close()
}

// Faulty starts a cluster of n nodes over a Mesh, with clocks that SetClock falsifies; disks: and
// disks that do what SetDisk says.
func Faulty(t testing.TB, n int, disks bool, args ...string) ([]*Node, *Mesh) {
	t.Helper()
	m := NewMesh(t)
	var nodes []*Node
	var first string
	for i := range n {
		x := NewNode(t, args...)
		reached := m.Put(t, x.Internal)
		x.Args = append(x.Args, "--advertise-addr", reached, "--node-tls", "off") // the mesh reads who calls
		if i == 0 {
			first = reached
		} else {
			x.Args = append(x.Args, "--join", first)
		}
		x.Env = append(x.Env, "CLOUDSQL_TEST_CLOCK="+x.clockFile())
		x.SetClock(0, 1)
		if disks {
			x.Env = append(x.Env, faultdisk.Env+"="+x.diskFile())
			x.SetDisk("ok")
		}
		nodes = append(nodes, x.Start())
	}
	return nodes, m
}

func (n *Node) diskFile() string { return filepath.Join(filepath.Dir(n.Dir), "disk") }

// SetDisk lets the node's disk do what package faultdisk understands. It takes some 10 ms.
func (n *Node) SetDisk(fault string) {
	n.T.Helper()
	n.control(n.diskFile(), fault+"\n")
}

// control replaces a file that the node follows.
func (n *Node) control(path, text string) {
	n.T.Helper()
	tmp := path + ".new"
	err := os.WriteFile(tmp, []byte(text), 0o644)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		n.T.Error(err)
	}
}

func (n *Node) clockFile() string { return filepath.Join(filepath.Dir(n.Dir), "clock") }

// SetClock puts the node's wall clock off by offset and lets its monotonic clock run at rate. It takes some 20 ms.
func (n *Node) SetClock(offset time.Duration, rate float64) { n.DriftClock(offset, rate, 1) }

// DriftClock is SetClock with a wall clock that goes on at another speed than it should.
func (n *Node) DriftClock(offset time.Duration, rate, drift float64) {
	n.T.Helper()
	n.control(n.clockFile(), fmt.Sprintf("%v %g %g\n", offset, rate, drift))
}
