package txn

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/fragment"
)

// TestInterruptedWrite cancels autocommit writes while they are being logged. Those that are said to be interrupted must
// not be there afterwards, the others must; asked at the leaseholder's node and at another.
func TestInterruptedWrite(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := t.Context()
	l := c.logs[firstShard]
	happened := map[bool]int{}
	for id := range int64(12) {
		x := c.nodes[id%2]
		holder := c.nodes[0].replicas[firstShard]
		lost := id%3 == 0                                                                    // the proposal does not get into the log
		if _, err := x.client.Write(ctx, nil, insertRow(firstShard, 50+id, 1)); err != nil { // there is a leaseholder
			t.Fatal(err)
		}
		l.Do(func() {
			c.nodes[0].groups[firstShard].Paused = true
			c.nodes[0].groups[firstShard].Cut = lost
		})
		statement, interrupt := context.WithCancel(ctx)
		begun := holder.Stats().Writes.Load()
		type answer struct {
			res []fragment.WriteResult
			err error
		}
		got := make(chan answer, 1)
		go func() {
			res, err := x.client.Write(statement, &distributed.TxnOptions{LockWait: time.Minute}, insertRow(firstShard, 100+id, 1))
			got <- answer{res, err}
		}()
		for holder.Stats().Writes.Load() == begun {
			time.Sleep(time.Millisecond)
		}
		interrupt()
		l.Do(func() {
			c.nodes[0].groups[firstShard].Paused = false
			c.nodes[0].groups[firstShard].Cut = false
		})
		a := <-got
		if a.err != nil && (!errors.Is(a.err, context.Canceled) || isDoubtful(a.err)) {
			t.Fatalf("write %d: %v", id, a.err)
		}
		var page fragment.Page
		if err := c.nodes[1].client.ReadPoint(ctx, readRows(firstShard, 100+id), &page); err != nil {
			t.Fatal(err)
		}
		there := page.Batch.Len() == 1
		if there != (a.err == nil) {
			t.Errorf("write %d: %v, and the row is there: %v", id, a.err, there)
		}
		happened[there]++
	}
	t.Logf("%d happened, %d did not", happened[true], happened[false])
}
