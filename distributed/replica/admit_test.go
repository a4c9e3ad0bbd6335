package replica

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/clock/clocktest"
	"cloudsql/distributed/flow"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// heavyWrite names more rows than a light write may.
func heavyWrite(prefix string) *leaseholder.WriteRequest {
	w := putWrite(prefix+"0", 1)
	for i := 1; i <= flow.Light.Rows; i++ {
		w.Keys = append(w.Keys, fmt.Appendf(nil, "%s%d", prefix, i))
		w.Rows.Append([]types.Value{types.Int(1)})
	}
	return autocommit(w)
}

// untilWaiting waits until so many wait for room.
func untilWaiting(t *testing.T, f *flow.Flow, n int) {
	t.Helper()
	for {
		if _, waiting := f.Load(); waiting == n {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
		runtime.Gosched()
	}
}

// Heavy writes wait until there is room in their shard and on their node, charged with what they hold; light writes, reads and
// lease renewals do not wait behind them.
func TestHeavyWritesWaitForRoom(t *testing.T) {
	process := memory.NewProcess(1 << 30)
	account, node := process.NewStore("writes in flight", 0), flow.New(flow.Node)
	c := newFakeCluster(t, 1, func(cfg *Config) { cfg.Flow, cfg.InFlight = node, account })
	r, ctx := c.replicas[0], t.Context()
	if _, err := r.Write(ctx, heavyWrite("first")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    *flow.Flow
		most flow.Load
	}{{r.flow, flow.Shard}, {node, flow.Node}} {
		f := c.f
		f.Enter(c.most, nil, nil, nil)
		before := r.stats.HeavyWrites.Load()
		ended := make(chan error, 2)
		for i := range 2 {
			go func() {
				_, err := r.Write(ctx, heavyWrite(fmt.Sprint("heavy", i)))
				ended <- err
			}()
		}
		for r.stats.HeavyWrites.Load() < before+2 {
			runtime.Gosched()
		}
		untilWaiting(t, f, 2)
		if account.Used() == 0 {
			t.Error("writes that wait are not charged")
		}
		if _, err := r.Write(ctx, autocommit(putWrite("light", 7))); err != nil {
			t.Fatal(err)
		}
		if v, err := readValue(ctx, r, "light", 0); v != "7" || err != nil {
			t.Fatal(v, err)
		}
		f.Leave(c.most)
		for range 2 {
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
	}
	inShard, _ := r.flow.Load()
	onNode, _ := node.Load()
	if (inShard != flow.Load{}) || (onNode != flow.Load{}) || account.Used() != 0 {
		t.Fatalf("left: %+v, %+v, %d bytes", inShard, onNode, account.Used())
	}
}

// A write that is not let in was not executed, and says why; its rows are not locked any more.
func TestHeavyWritesThatAreNotLetIn(t *testing.T) {
	clock := clocktest.NewManual()
	c := newFakeCluster(t, 1, func(cfg *Config) { cfg.Clock = clock })
	stop := keepAdvancing(clock)
	r, ctx := c.replicas[0], t.Context()
	if _, err := r.Write(ctx, autocommit(putWrite("h0", 5))); err != nil {
		t.Fatal(err)
	}
	r.flow.Enter(flow.Shard, nil, nil, nil)
	_, err := r.Write(ctx, heavyWrite("h")) // the clock goes on
	if mysqlerr.Code(err) != mysql.ErrOutOfResources {
		t.Fatalf("got %v", err)
	}
	stop()
	impatient, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Write(impatient, heavyWrite("h"))
		ended <- err
	}()
	untilWaiting(t, r.flow, 1)
	cancel()
	if err := <-ended; err == nil || leaseholder.OutcomeUnknown(err) {
		t.Fatalf("got %v", err)
	}
	if v, err := readValue(ctx, r, "h0", 0); v != "5" || err != nil {
		t.Fatal(v, err)
	}
	go func() {
		_, err := r.Write(ctx, heavyWrite("h"))
		ended <- err
	}()
	untilWaiting(t, r.flow, 1)
	r.Close()
	if err := <-ended; err == nil {
		t.Fatal("a write of a replica that was closed")
	}
}
