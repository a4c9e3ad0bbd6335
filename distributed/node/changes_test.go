package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// TestChangesShareACommit: changes of the catalog that wait together are one command of the log, each with its own result.
func TestChangesShareACommit(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	errRefused := errors.New("refused")
	set := func(key, value string) func(tx *catalog.Tx) error {
		return func(tx *catalog.Tx) error {
			if tx.Snapshot.Settings()[key] != "" {
				return errRefused
			}
			tx.PutSetting(key, value)
			return nil
		}
	}
	left, leave := context.WithCancel(ctx)
	var mu sync.Mutex
	ids := map[uint64]bool{}
	cases := []struct {
		ctx  context.Context
		fn   func(tx *catalog.Tx) error
		want error
	}{
		{ctx, set("a", "1"), nil},
		{ctx, set("a", "2"), errRefused}, // sees what waits for the same commit
		{ctx, func(tx *catalog.Tx) error { tx.PutSetting("half", "1"); return errRefused }, errRefused},
		{ctx, func(tx *catalog.Tx) error { panic("a bug") }, nil},
		{left, set("left", "1"), context.Canceled},
	}
	for i := range 20 {
		cases = append(cases, cases[0])
		cases[len(cases)-1].fn = func(tx *catalog.Tx) error {
			id := tx.NewID()
			mu.Lock()
			ids[id] = true
			mu.Unlock()
			tx.PutSetting(fmt.Sprint("s", i), "1")
			return nil
		}
	}
	held, hold := make(chan struct{}), make(chan struct{})
	go func() {
		_ = n.ChangeCatalog(ctx, func(*catalog.Tx) error { close(held); <-hold; return nil })
	}()
	<-held // everybody waits
	before := n.commandID.Load()
	var wg sync.WaitGroup
	for i, x := range cases {
		wg.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (i == 3) {
					t.Errorf("change %d panics: %v", i, p)
				}
			}()
			if err := n.ChangeCatalog(x.ctx, x.fn); !errors.Is(err, x.want) || err != nil && x.want == nil {
				t.Errorf("change %d: %v", i, err)
			}
		})
		eventually(t, "a change waits", func() bool {
			return n.catalog.Waiting() == i+1
		})
	}
	leave()
	close(hold)
	wg.Wait()
	if used := n.commandID.Load() - before; used > 3 { // others of the node may have had a commit, or made one fail
		t.Errorf("%d commands for %d changes", used, len(cases))
	}
	if now := n.Catalog(); now.Settings()["a"] != "1" || now.Settings()["half"] != "" || now.Settings()["left"] != "" || now.Settings()["s19"] != "1" || len(ids) < 20 {
		t.Errorf("a=%q half=%q left=%q, %d ids", now.Settings()["a"], now.Settings()["half"], now.Settings()["left"], len(ids))
	}
}

// TestNobodyLosesForEver: changes of the catalog at the system shard's leaseholder follow each other at once, and those of
// other nodes come between.
func TestNobodyLosesForEver(t *testing.T) {
	c := newTestCluster(t)
	c.startThree()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c.moveLease(schema.SystemShard, c.nodes[0].NodeID())
	for _, n := range c.nodes {
		n.catalog.Turns.SetMost(time.Minute) // however slow this machine is
	}
	put := func(n *Node, name string) error {
		return n.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			tx.PutSetting(name, strings.Repeat("x", len(tx.Snapshot.Settings()[name])%10+1))
			return nil
		})
	}
	busy, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for busy.Err() == nil {
				if err := put(c.nodes[0], fmt.Sprint("here", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	const changes = 10
	before := c.nodes[1].commandID.Load()
	for range changes {
		if err := put(c.nodes[1], "there"); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	// Lost once, and once more to what was in the log already.
	if tries := c.nodes[1].commandID.Load() - before; tries > 4*changes {
		t.Errorf("%d tries for %d changes", tries, changes)
	}
}

// TestLateCommands: a command that was not applied in the time of its attempt is not refused; whoever asked asks again.
func TestLateCommands(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	tb := createTable(t, n, "d")
	s, tablet := tb.Tablets[0].Shard, tb.Tablets[0].ID
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: tablet})
	must(t, err)
	q := &commandRequest{Shard: s, Kind: shard.CommandTablet, Command: cmd, Tablet: tablet}
	ls := n.local(s)
	eventually(t, "the shard is served here", func() bool { _, ok := ls.rep.Leaseholding(); return ok })
	late, cancel := context.WithCancel(context.Background())
	ls.tablets.Lock() // another is at work
	replies := make(chan *commandReply)
	go func() { replies <- n.execute(late, q) }()
	cancel()
	ls.tablets.Unlock()
	if r := <-replies; !r.Late && !r.OK {
		t.Errorf("%+v", r)
	}
	if r := n.execute(late, q); !r.Late && !r.OK {
		t.Errorf("%+v", r)
	}
	must(t, n.DropTablets(context.Background(), tb.Tablets))
	if _, ok := ls.state.Table(tablet); ok {
		t.Error("the tablet is still there")
	}
}
