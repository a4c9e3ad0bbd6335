package rpc

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/spawn"
)

const (
	keepBuffer   = 256 << 10        // a larger buffer is given back to the collector after use
	queueLimit   = 16 << 20         // bytes that may wait behind a write before senders wait too
	writeTimeout = 10 * time.Second // of one write; a peer that takes nothing for so long is gone
)

// frameWriter queues frames and writes what is queued in one system call. Whoever finds nobody writing writes; what
// came up meanwhile is left to a helper goroutine, so that no caller works for the others for long.
type frameWriter struct {
	conn  net.Conn
	stats *Stats

	mu      sync.Mutex
	space   sync.Cond // signalled when queued falls below queueLimit, or on failure
	pending []byte
	spare   []byte // the other buffer, while it is not being written
	busy    bool
	err     error
	broken  atomic.Bool
	drainFn func() // drain, bound once
}

func newFrameWriter(c net.Conn, stats *Stats) *frameWriter {
	w := &frameWriter{conn: c, stats: stats}
	w.space.L, w.drainFn = &w.mu, w.drain
	return w
}

// send queues a frame and sees to its being written. ErrNotSent: nothing of it left this node. A later failure of the
// connection is not reported here.
func (w *frameWriter) send(h header, payload []byte) error {
	w.mu.Lock()
	for len(w.pending) > queueLimit && w.err == nil {
		w.space.Wait()
	}
	if w.err != nil {
		w.mu.Unlock()
		return ErrNotSent
	}
	w.pending = appendFrame(w.pending, h, payload)
	if w.busy {
		w.mu.Unlock()
		return nil
	}
	w.busy = true
	more := w.writeOnce()
	w.mu.Unlock()
	if more {
		spawn.Go("writing to a node", w.drainFn)
	}
	return nil
}

// writeOnce writes what is pending; w.mu is held on entry and on return, w.busy is set. It reports whether more came up;
// if not, busy is cleared.
func (w *frameWriter) writeOnce() (more bool) {
	buf := w.pending
	w.pending, w.spare = w.spare[:0], nil
	w.mu.Unlock()

	_ = w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := w.conn.Write(buf)
	w.stats.Writes.Add(1)
	w.stats.BytesOut.Add(uint64(n))

	w.mu.Lock()
	if cap(buf) <= keepBuffer {
		w.spare = buf[:0]
	}
	w.space.Broadcast()
	if err != nil && w.err == nil {
		w.failLocked(err)
	}
	if w.err != nil || len(w.pending) == 0 {
		w.busy = false
		return false
	}
	return true
}

func (w *frameWriter) drain() {
	w.mu.Lock()
	for w.writeOnce() {
	}
	w.mu.Unlock()
}

// fail ends the writer; further sends are refused.
func (w *frameWriter) fail(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.failLocked(err)
	}
	w.mu.Unlock()
}

func (w *frameWriter) failLocked(err error) {
	w.err = err
	w.broken.Store(true)
	w.pending = nil
	w.space.Broadcast()
	_ = w.conn.Close() // wakes the reader, which tells those who wait
}
