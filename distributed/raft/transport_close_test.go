package raft

import (
	"bufio"
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// TestCloseWaitsForDelivery: dragonboat closes its transport, and then takes apart what messages are handed to. None
// may be on its way into it then, and none that comes later gets there.
func TestCloseWaitsForDelivery(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var taken, after atomic.Bool
	tr := &transport{stats: &TransportStats{}}
	tr.messages = func(pb.MessageBatch) {
		if after.Load() {
			t.Error("a message came after the end")
			return
		}
		close(entered)
		<-leave
		taken.Store(true)
	}
	tr.chunks = func(pb.Chunk) bool {
		t.Error("a chunk came after the end")
		return true
	}
	message := framed(pb.MustMarshal(&pb.MessageBatch{DeploymentId: 7, SourceAddress: "1"}))
	served, closed := make(chan struct{}), make(chan struct{})
	go func() {
		tr.serveMessages(1, nil, bufio.NewReader(bytes.NewReader(append(message, message...))))
		close(served)
	}()
	<-entered
	go func() {
		_ = tr.Close()
		after.Store(true)
		if !taken.Load() {
			t.Error("the transport is closed while a message is being taken in")
		}
		close(closed)
	}()
	for !tr.closed.Load() {
		time.Sleep(time.Millisecond)
	}
	select { // one that does not wait has ended by then, in all likelihood
	case <-closed:
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	<-closed
	<-served
	tr.serveChunks(1, nil, bufio.NewReader(bytes.NewReader(framed(pb.MustMarshal(&pb.Chunk{})))))
}
