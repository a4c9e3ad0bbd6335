package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"cloudsql/distributed"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// TestScripts runs testdata/*: sessions on the nodes of a cluster, table t(id, k) in each of two shards (shard=2 unless
// said otherwise). A statement prints its result, or nothing while it waits for a lock; its result comes with the
// command that let it go on. Commands:
//
//	cluster nodes=2
//	begin s=a [node=2] [rc] [ro] [wait=50ms]        s names the session; without s: autocommit (at node)
//	read [s=a] [id=1] [for=share|update] [nowait] [skip]
//	insert|add|delete [s=a] id=1 [k=5] [shard=3]
//	savepoint s=a name=p / rollbackto s=a name=p
//	commit s=a / rollback s=a
//	elect node=2 [shard=3] / transfer node=1 to=2 / down node=1 / up node=1
//	mute node=1 n=1                                  answers of the node are lost, after execution
//	await                                            until nothing waits any more
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, s.run)
	})
}

type script struct {
	c        *testCluster
	sessions map[string]*session
	results  chan string
	pending  atomic.Int64
}

type session struct {
	node  *testNode
	txn   distributed.Txn
	marks map[string]uint64
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	var name, mark, mode, wait string
	var node, to, n int
	var id, k int64
	shardID := int(firstShard)
	d.MaybeScanArgs(t, "s", &name)
	d.MaybeScanArgs(t, "name", &mark)
	d.MaybeScanArgs(t, "for", &mode)
	d.MaybeScanArgs(t, "wait", &wait)
	d.MaybeScanArgs(t, "node", &node)
	d.MaybeScanArgs(t, "to", &to)
	d.MaybeScanArgs(t, "n", &n)
	d.MaybeScanArgs(t, "id", &id)
	d.MaybeScanArgs(t, "k", &k)
	d.MaybeScanArgs(t, "shard", &shardID)
	sh := schema.ShardID(shardID)
	if d.Cmd == "cluster" {
		var nodes int
		d.ScanArgs(t, "nodes", &nodes)
		s.c = newTestCluster(t, nodes, func(c *replica.Config) { c.LeaseDuration = 300 * time.Millisecond })
		s.sessions, s.results = map[string]*session{}, make(chan string, 100)
		return ""
	}
	x := s.sessions[name]
	switch d.Cmd {
	case "begin":
		o := distributed.TxnOptions{ReadOnly: d.HasArg("ro"), LockWait: time.Minute}
		if d.HasArg("rc") {
			o.Isolation = distributed.ReadCommitted
		}
		if d.HasArg("serializable") {
			o.Isolation = distributed.Serializable
		}
		if wait != "" {
			o.LockWait, _ = time.ParseDuration(wait)
		}
		at := s.c.nodes[max(node-1, 0)]
		s.sessions[name] = &session{node: at, txn: at.client.Begin(o), marks: map[string]uint64{}}
		return ""
	case "elect":
		s.c.logs[sh].Elect(schema.NodeID(node))
		return ""
	case "transfer":
		if err := s.c.nodes[node-1].replicas[sh].Transfer(t.Context(), schema.NodeID(to)); err != nil {
			return err.Error()
		}
		return s.collect()
	case "down", "up":
		s.c.net.mu.Lock()
		s.c.net.down[schema.NodeID(node)] = d.Cmd == "down"
		s.c.net.mu.Unlock()
		for id, g := range s.c.nodes[node-1].groups {
			s.c.logs[id].Do(func() { g.Cut, g.Paused = d.Cmd == "down", d.Cmd == "down" })
		}
		return ""
	case "await": // until nothing waits any more
		for s.pending.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
		return s.collect()
	case "mute":
		s.c.net.mu.Lock()
		s.c.net.mute[schema.NodeID(node)] = n
		s.c.net.mu.Unlock()
		return ""
	}
	at := s.c.nodes[max(node-1, 0)]
	s.start(name, func(ctx context.Context) string {
		if x == nil {
			return s.autocommit(ctx, at.client, d.Cmd, sh, id, k)
		}
		x.txn.StartStatement()
		return x.exec(ctx, d, sh, id, k, mode, mark)
	})
	return s.collect()
}

// start runs a statement that may wait.
func (s *script) start(name string, fn func(context.Context) string) {
	s.pending.Add(1)
	go func() {
		out := fn(context.Background())
		if name != "" {
			out = name + ": " + out
		}
		s.results <- out
		s.pending.Add(-1)
	}()
}

// collect gathers results until whatever is left waits for locks.
func (s *script) collect() string {
	var lines []string
	for stable := 0; stable < 3; {
		select {
		case r := <-s.results:
			lines = append(lines, r)
			stable = 0
			continue
		default:
		}
		if int(s.pending.Load()) == s.c.waiters() && len(s.results) == 0 {
			stable++
		} else {
			stable = 0
		}
		time.Sleep(100 * time.Microsecond)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func writeOf(cmd string, sh schema.ShardID, id, k int64) *fragment.Write {
	switch cmd {
	case "insert":
		return insertRow(sh, id, k)
	case "add":
		return addTo(sh, k, id)
	case "delete":
		return deleteRow(sh, id)
	}
	return nil
}

func (s *script) autocommit(ctx context.Context, c *Client, cmd string, sh schema.ShardID, id, k int64) string {
	if w := writeOf(cmd, sh, id, k); w != nil {
		res, err := c.Write(ctx, nil, w)
		if err != nil {
			return describe(err)
		}
		return outcome(&res[0])
	}
	if id == 0 {
		rows, err := c.Read(ctx, readRows(sh))
		page, err := all(ctx, rows, err)
		return shown(page, err)
	}
	var page fragment.Page
	err := c.ReadPoint(ctx, readRows(sh, id), &page)
	return shown(&page, err)
}

func (x *session) exec(ctx context.Context, d *datadriven.TestData, sh schema.ShardID, id, k int64, mode, mark string) string {
	if w := writeOf(d.Cmd, sh, id, k); w != nil {
		res, err := x.txn.Write(ctx, w)
		if err != nil {
			return x.describe(err)
		}
		return outcome(res)
	}
	switch d.Cmd {
	case "read":
		page, err := x.read(ctx, d, sh, id, mode)
		if err != nil {
			return x.describe(err)
		}
		return shown(page, err)
	case "savepoint":
		x.marks[mark] = x.txn.Savepoint()
		return "ok"
	case "rollbackto":
		return x.describe(x.txn.RollbackTo(ctx, x.marks[mark]))
	case "commit":
		return x.describe(x.txn.Commit(ctx))
	case "rollback":
		return x.describe(x.txn.Rollback(ctx))
	}
	return "unknown command " + d.Cmd
}

func (x *session) read(ctx context.Context, d *datadriven.TestData, sh schema.ShardID, id int64, mode string) (*fragment.Page, error) {
	m := map[string]distributed.ReadMode{"share": distributed.ReadForShare, "update": distributed.ReadForUpdate}[mode]
	lo := distributed.LockOptions{NoWait: d.HasArg("nowait"), SkipLocked: d.HasArg("skip")}
	if id == 0 {
		rows, err := x.txn.Read(ctx, readRows(sh), m, lo)
		return all(ctx, rows, err)
	}
	var page fragment.Page
	err := x.txn.ReadPoint(ctx, readRows(sh, id), m, lo, &page)
	return &page, err
}

func (x *session) describe(err error) string {
	out := describe(err)
	if err != nil && x.txn.Aborted() {
		out += " (aborted)"
	}
	return out
}

func describe(err error) string {
	var e *mysqlerr.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	return err.Error()
}

func outcome(r *fragment.WriteResult) string {
	if r.Err != nil {
		return describe(r.Err)
	}
	return fmt.Sprintf("%d changed", r.Changed)
}

func shown(page *fragment.Page, err error) string {
	switch {
	case err != nil:
		return describe(err)
	case page.Batch.Len() == 0:
		return "no rows"
	}
	return show(page)
}
