package node

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// testDisk is a disk of a gigabyte that a test fills.
type testDisk struct{ free atomic.Uint64 }

func (d *testDisk) space(string) (free, total uint64, err error) { return d.free.Load(), 1 << 30, nil }

const testReserve = 64 << 20

// giveDisks gives each node of a cluster a disk of its own.
func giveDisks(c *testCluster, n int, stop func(node int)) []*testDisk {
	disks := make([]*testDisk, n)
	for i := range disks {
		disks[i] = &testDisk{}
		disks[i].free.Store(512 << 20)
	}
	c.change = func(i int, cfg *Config) {
		cfg.DiskReserve, cfg.DiskSpace = testReserve, disks[i].space
		cfg.Stop = func(error) { stop(i) }
	}
	return disks
}

func isFull(err error) bool {
	var coded *mysqlerr.Error
	return errors.As(err, &coded) && coded.Code == mysql.ErrDiskFull
}

// TestDiskFull: below the reserve writes get 1021 and reads go on; room that was made is noticed; a start without room is
// refused.
func TestDiskFull(t *testing.T) {
	c := newTestCluster(t)
	disk := giveDisks(c, 1, func(int) { t.Error("a node that is alone is stopped") })[0]
	n := c.start(0)
	tb := createTable(t, n, "shop")
	ctx := context.Background()
	must(t, insert(ctx, n, tb, 0, 1))
	disk.free.Store(testReserve / 8)
	next := int64(1)
	eventually(t, "writes are refused", func() bool {
		err := insert(ctx, n, tb, next, next+1)
		if err == nil {
			next++
		} else if !isFull(err) {
			t.Fatal(err)
		}
		return err != nil
	})
	hasRows(t, n, tb, next)
	disk.free.Store(512 << 20)
	eventually(t, "writes are taken again", func() bool {
		err := insert(ctx, n, tb, next, next+1)
		if err != nil && !isFull(err) {
			t.Fatal(err)
		}
		return err == nil
	})
	disk.free.Store(1 << 20)
	c.stop(0)
	cfg := c.config(0)
	cfg.NodeAddr = "127.0.0.1:0"
	m, err := Open(ctx, cfg)
	if !errors.Is(err, ErrDiskFull) {
		t.Errorf("a start on a full disk: %v", err)
	}
	if err == nil {
		m.Close()
	}
	disk.free.Store(512 << 20)
	c.start(0)
}

// TestDiskFullInGroup: a node with a full disk is led by none; writes go on while a majority has room, and a node that
// would be full soon stops, when the others can spare it.
func TestDiskFullInGroup(t *testing.T) {
	c := newTestCluster(t)
	stopped := make(chan int, 100)
	disks := giveDisks(c, 3, func(i int) {
		select {
		case stopped <- i:
		default:
		}
	})
	n := c.startThree()
	tb := createTable(t, n, "shop")
	ctx := context.Background()
	s := tb.Tablets[0].Shard
	for _, m := range c.nodes {
		must(t, m.RefreshCatalog(ctx))
	}
	holder := func() int { return int(n.Leaseholder(s)) - 1 }
	eventually(t, "a leaseholder", func() bool { return holder() >= 0 })
	first := holder()
	disks[first].free.Store(testReserve / 2)
	eventually(t, "another leads", func() bool {
		_, holds := c.nodes[first].local(s).rep.Leaseholding()
		return !holds && holder() >= 0 && holder() != first
	})
	w := startWriter(t, tb, func() *Node { return c.nodes[first] })
	w.progress(t, 20)
	w.end()

	second := (first + 1) % 3
	disks[second].free.Store(testReserve / 8)
	eventually(t, "writes are refused", func() bool { return isFull(insert(ctx, n, tb, time.Now().UnixNano(), 1)) })
	if len(stopped) > 0 {
		t.Error("a node was stopped that the majority needs")
	}
	disks[first].free.Store(512 << 20)
	eventually(t, "writes are taken again", func() bool {
		err := insert(ctx, n, tb, time.Now().UnixNano(), 1)
		if err != nil && !isFull(err) {
			t.Fatal(err)
		}
		return err == nil
	})
	select {
	case i := <-stopped:
		if i != second {
			t.Errorf("node %d was stopped", i+1)
		}
	case <-time.After(30 * time.Second):
		t.Error("a node that is all but full is not stopped")
	}
}
