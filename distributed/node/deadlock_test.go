package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/replica"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// ring is transactions that each lock a row of their own table, and then want the next one's: tables in several shards,
// at several nodes.
type ring struct {
	t      *testing.T
	c      *testCluster
	tables []*schema.Table
}

// longLease outlasts any pause of a busy machine: transactions that must not fail lose no lock by it.
const longLease = time.Minute

// newRing makes size tables in as many shards, with the leases at different nodes.
func newRing(t *testing.T, nodes, size int) *ring {
	t.Helper()
	r := &ring{t: t, c: newTestCluster(t)}
	r.c.spread = true
	r.c.lease = longLease
	first := r.c.start(0)
	for i := 1; i < nodes; i++ {
		r.c.start(i, first.NodeAddr())
	}
	eventually(t, "a data shard for each node", func() bool { return len(first.Catalog().Shards()) > max(nodes, 1) })
	for i := range size {
		tb := createTable(t, first, fmt.Sprint("db", i))
		for id := range int64(4) {
			must(t, insert(t.Context(), first, tb, id, 0))
		}
		r.tables = append(r.tables, tb)
	}
	for i, tb := range r.tables { // each with its own lease
		r.moveLease(tb.Tablets[0].Shard, schema.NodeID(i%nodes+1)) // small
	}
	return r
}

func (r *ring) moveLease(s schema.ShardID, to schema.NodeID) { r.c.moveLease(s, to) }

// moveLease hands a shard's lease to a node.
func (c *testCluster) moveLease(s schema.ShardID, to schema.NodeID) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("shard %d at node %d", s, to), func() bool {
		rep := c.nodes[to-1].replicaOf(s)
		if rep == nil {
			return false
		}
		if _, ok := rep.Leaseholding(); ok {
			return true
		}
		for _, n := range c.nodes {
			if n == nil || n.NodeID() == to || n.replicaOf(s) == nil {
				continue
			}
			if _, ok := n.replicaOf(s).Leaseholding(); ok {
				_ = n.replicaOf(s).Transfer(c.t.Context(), to)
			}
		}
		return false
	})
}

// atHolder asks the leaseholder of a table, as a gateway does: leases go after raft's leaders and the balancer, open transactions
// with them, so who is told "not here" asks again where the lease is now.
func (r *ring) atHolder(ctx context.Context, i int, ask func(*replica.Replica, schema.ShardID) error) error {
	s := r.tables[i].Tablets[0].Shard
	for {
		for _, n := range r.c.nodes {
			rep := n.replicaOf(s)
			if rep == nil {
				continue
			}
			if _, ok := rep.Leaseholding(); !ok {
				continue
			}
			var elsewhere *leaseholder.NotLeaseholder
			if err := ask(rep, s); !errors.As(err, &elsewhere) {
				return err
			}
		}
		if err := clock.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// add has a transaction add one to a row, at the leaseholder of its table.
func (r *ring) add(ctx context.Context, id fragment.TxnID, table int, row int64, first bool) error {
	q := &leaseholder.WriteRequest{
		Shard: r.tables[table].Tablets[0].Shard, Txn: id, Buffer: true, Join: first, Session: uint64(id[15]),
		Writes: []*fragment.Write{r.increment(table, row)}, LockWait: time.Minute,
	}
	return r.atHolder(ctx, table, func(rep *replica.Replica, _ schema.ShardID) error {
		_, err := rep.Write(ctx, q)
		return err
	})
}

func (r *ring) increment(table int, row int64) *fragment.Write {
	return increment(r.t, r.tables[table], row)
}

// increment is UPDATE t SET n = n + 1 WHERE id = row.
func increment(t testing.TB, tb *schema.Table, row int64) *fragment.Write {
	sum, err := expr.New("+", &expr.Column{Index: 1, Typ: types.TypeInt}, expr.NewInt(1))
	must(t, err)
	return &fragment.Write{
		Kind: fragment.Update, Tablet: tb.Tablets[0].ID, SchemaVersion: tb.Version, FirstRow: 1,
		Env: &expr.Env{Mode: *types.DefaultMode()}, Set: []fragment.Assignment{{Column: 2, Expr: sum}},
		Keys: [][]byte{keys.AppendPrimary(nil, tb, []types.Value{types.Int(row), types.Int(0)})},
	}
}

func (r *ring) rollback(id fragment.TxnID) {
	for i := range r.tables {
		must(r.t, r.atHolder(context.Background(), i, func(rep *replica.Replica, s schema.ShardID) error {
			return rep.Rollback(context.Background(), s, id)
		}))
	}
}

// cycle closes a cycle of all tables' transactions and returns how long it took until a victim was told. The others
// go on, one after the other.
func (r *ring) cycle(round int) time.Duration {
	n := len(r.tables)
	ids := make([]fragment.TxnID, n)
	for i := range ids {
		ids[i] = leaseholder.NewTxnID(1, 1, uint64(round*n+i+1)) // small
		must(r.t, r.add(r.t.Context(), ids[i], i, 1, true))
	}
	if round%2 == 1 { // the first one holds more: it is not the victim
		must(r.t, r.add(r.t.Context(), ids[0], 0, 2, false))
	}
	type result struct {
		i   int
		err error
	}
	results := make(chan result)
	var begun sync.WaitGroup
	for i := range n {
		begun.Add(1)
		go func() {
			begun.Done()
			results <- result{i, r.add(r.t.Context(), ids[i], (i+1)%n, 1, true)}
		}()
	}
	begun.Wait()
	start := time.Now()
	victim := <-results
	took := time.Since(start)
	if mysqlerr.Code(victim.err) != 1213 {
		r.t.Fatalf("round %d: the first to go on is %d: %v", round, victim.i, victim.err)
	}
	if round%2 == 1 && victim.i == 0 {
		r.t.Errorf("round %d: the victim held the most locks", round)
	}
	r.rollback(ids[victim.i])
	for range n - 1 { // each goes on when the one that it waits for has ended
		next := <-results
		if next.err != nil {
			r.t.Fatalf("round %d: a second victim: %d: %v", round, next.i, next.err)
		}
		r.rollback(ids[next.i])
	}
	return took
}

func TestLocksBeyondOneShard(t *testing.T) {
	r := newRing(t, 3, 3)
	all := r.tables
	t.Run("view", r.testView)
	t.Run("ordered locking has no victims", r.testOrdered)
	t.Run("cycle of 3 at 3 nodes", r.testCycles)
	t.Run("gateways", r.testGateways)
	r.tables = all[:2]
	t.Run("cycle of 2 at 2 nodes", r.testCycles)
	for _, tb := range r.tables {
		r.moveLease(tb.Tablets[0].Shard, 2)
	}
	t.Run("cycle of 2 at one node", r.testCycles)
}

// testCycles closes cycles through all tables, one after the other.
func (r *ring) testCycles(t *testing.T) {
	r.t = t
	var told sync.Map
	for _, n := range r.c.nodes {
		n.OnDeadlock(func(d *distributed.Deadlock) { told.Store(d, len(d.Members)) })
	}
	var slowest, sum time.Duration
	const rounds = 10
	for i := range rounds {
		took := r.cycle(i)
		slowest, sum = max(slowest, took), sum+took
	}
	t.Logf("found after %v on average, %v at most", sum/rounds, slowest)
	eventually(t, "all were told of", func() bool {
		n := 0
		told.Range(func(_, members any) bool {
			if members != len(r.tables) {
				t.Errorf("a cycle of %v", members)
			}
			n++
			return true
		})
		return n == rounds
	})
}

// testOrdered has many transactions queue for the same rows in different shards, in one order: they
// wait long and for each other, but never in a cycle.
func (r *ring) testOrdered(t *testing.T) {
	r.t = t
	const clients, rounds = 8, 6
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := range rounds {
				id := leaseholder.NewTxnID(1, 2, uint64(i*rounds+n+1)) // small
				for table := range r.tables {
					if err := r.add(t.Context(), id, table, 1, true); err != nil {
						t.Errorf("client %d, table %d: %v", i, table, err)
						return
					}
				}
				time.Sleep(4 * time.Millisecond) // long enough for the others' waits to be reported
				r.rollback(id)
			}
		})
	}
	wg.Wait()
	for _, n := range r.c.nodes {
		if s := n.LockStats(); s.Deadlocks != 0 {
			t.Errorf("node %d broke %d deadlocks", n.NodeID(), s.Deadlocks)
		}
		if got := n.locks.Broken(); got != 0 {
			t.Errorf("node %d broke %d cycles", n.NodeID(), got)
		}
	}
}

// testView lists the locks of all nodes, and who is in whose way.
func (r *ring) testView(t *testing.T) {
	r.t = t
	holder, waiter := leaseholder.NewTxnID(1, 3, 1), leaseholder.NewTxnID(2, 3, 2)
	for i := range r.tables {
		must(t, r.add(t.Context(), holder, i, 1, true))
	}
	done := make(chan error)
	go func() { done <- r.add(t.Context(), waiter, 1, 1, true) }()
	for _, n := range r.c.nodes {
		eventually(t, "a request that waits", func() bool {
			held, waiting := 0, 0
			list := n.Locks(t.Context())
			for i := range list {
				switch l := &list[i]; {
				case l.Waiting:
					waiting++
					if l.Txn != waiter || l.Session != 2 || len(l.BlockedBy) != 1 || list[l.BlockedBy[0]].Txn != holder {
						t.Fatalf("%+v in %+v", l, list)
					}
				case l.Txn == holder && l.Session == 1 && l.Mode == distributed.LockExclusive:
					held++
				}
			}
			return held == len(r.tables) && waiting == 1
		})
	}
	r.rollback(holder)
	must(t, <-done)
	r.rollback(waiter)
	for _, n := range r.c.nodes {
		if s := n.LockStats(); s.Waiting != 0 || n.NodeID() == r.holderID(1) && (s.Waits != 1 || s.Time <= 0 || s.MaxTime != s.Time) {
			t.Errorf("node %d: %+v", n.NodeID(), s)
		}
	}
}

func (r *ring) holderID(table int) schema.NodeID {
	return r.c.nodes[0].Leaseholder(r.tables[table].Tablets[0].Shard)
}

// testGateways closes cycles of whole transactions, each at its own gateway: one gets 1213 and has left nothing, the
// others commit.
func (r *ring) testGateways(t *testing.T) {
	r.t = t
	ctx := t.Context()
	n := len(r.tables)
	const row = 3
	before := r.sum(row)
	const rounds = 10
	for range rounds {
		txns := make([]distributed.Txn, n)
		for i := range txns {
			txns[i] = r.c.nodes[i].Begin(distributed.TxnOptions{LockWait: time.Minute})
			_, err := txns[i].Write(ctx, r.increment(i, row))
			must(t, err)
		}
		var wg sync.WaitGroup
		var victims atomic.Int64
		for i, x := range txns {
			wg.Go(func() {
				_, err := x.Write(ctx, r.increment((i+1)%n, row))
				switch {
				case mysqlerr.Code(err) == 1213 && x.Aborted():
					victims.Add(1)
				case err != nil:
					t.Errorf("transaction %d: %v", i, err)
				default:
					if err := x.Commit(ctx); err != nil {
						t.Errorf("transaction %d: commit: %v", i, err)
					}
				}
			})
		}
		wg.Wait()
		if victims.Load() != 1 {
			t.Fatalf("%d victims", victims.Load())
		}
	}
	if got, want := r.sum(row), before+int64(2*(n-1)*rounds); got != want {
		t.Errorf("the rows sum up to %d, not %d", got, want)
	}
}

func (r *ring) sum(row int64) (sum int64) {
	for _, tb := range r.tables {
		v, ok, err := get(r.t.Context(), r.c.nodes[0], tb, row)
		if err != nil || !ok {
			r.t.Fatalf("row %d: %v %v", row, ok, err)
		}
		sum += v
	}
	return sum
}
