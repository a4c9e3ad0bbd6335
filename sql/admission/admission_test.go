package admission

import (
	"context"
	"testing"
	"time"

	"cloudsql/storage/mysqlerr"
)

// Statements beyond the places wait, as many as may and as long as they may, and are refused then; whoever leaves lets one in.
func TestAdmission(t *testing.T) {
	var a Gate
	a.Open(2)
	a.queue, a.Patience = 1, time.Hour
	ctx := t.Context()
	for i, want := range []bool{true, true, false} {
		if a.Try() != want {
			t.Fatalf("place %d: not two places", i)
		}
	}
	in := make(chan error)
	go func() { in <- a.Wait(ctx) }()
	for a.Stats.Waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := a.Wait(ctx); mysqlerr.Code(err) != mysqlerr.OutOfResources {
		t.Fatalf("beyond the queue: %v", err)
	}
	a.Leave()
	if err := <-in; err != nil {
		t.Fatal(err)
	}
	a.Patience = time.Millisecond
	if err := a.Wait(ctx); mysqlerr.Code(err) != mysqlerr.OutOfResources {
		t.Fatalf("after its time: %v", err)
	}
	killed, kill := context.WithCancelCause(ctx)
	kill(mysqlerr.New(mysqlerr.QueryInterrupted))
	a.Patience = time.Hour
	if err := a.Wait(killed); mysqlerr.Code(err) != mysqlerr.QueryInterrupted {
		t.Fatalf("killed: %v", err)
	}
	if a.Stats.Refused.Load() != 2 || a.Stats.Waiting.Load() != 0 || len(a.places) != 2 {
		t.Fatal(a.Stats.Refused.Load(), a.Stats.Waiting.Load(), len(a.places))
	}
}

// Processors are lent while statements that run leave some, and not one more.
func TestLending(t *testing.T) {
	var g Gate
	g.Open(8)
	g.processors = 3
	if !g.Try() || !g.Idle() || !g.Borrow() || !g.Borrow() || g.Idle() || g.Borrow() {
		t.Fatal("one statement has not three processors")
	}
	g.Return()
	if !g.Try() || g.Idle() || g.Borrow() {
		t.Fatal("two statements, and one processor lent, leave none")
	}
	g.Leave()
	if !g.Borrow() {
		t.Fatal("a statement has ended, and its processor is not lent")
	}
}
