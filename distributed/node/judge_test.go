package node

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cloudsql/distributed"
	"cloudsql/distributed/datadir"
	"cloudsql/storage/engine"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
)

func TestMajority(t *testing.T) {
	type hashes = map[schema.NodeID]uint64
	for _, c := range []struct {
		name   string
		voters int
		hashes hashes
		hash   uint64
		agree  []schema.NodeID
	}{
		{"all agree", 3, hashes{1: 7, 2: 7, 3: 7}, 7, []schema.NodeID{1, 2, 3}},
		{"one differs", 3, hashes{1: 8, 2: 7, 3: 7}, 7, []schema.NodeID{2, 3}},
		{"all differ", 3, hashes{1: 8, 2: 7, 3: 9}, 0, nil},
		{"one differs and one is silent", 3, hashes{1: 8, 2: 7}, 0, nil},
		{"two agree and one is silent", 3, hashes{1: 7, 2: 7}, 7, []schema.NodeID{1, 2}},
		{"two voters", 2, hashes{1: 7, 2: 8}, 0, nil},
		{"halves", 4, hashes{1: 7, 2: 7, 3: 8, 4: 8}, 0, nil},
		{"half and a silent one", 4, hashes{1: 7, 2: 7, 3: 8}, 0, nil},
		{"three of five", 5, hashes{1: 7, 2: 8, 3: 7, 4: 9, 5: 7}, 7, []schema.NodeID{1, 3, 5}},
		{"two of five, the others differ", 5, hashes{1: 7, 2: 8, 3: 7, 4: 9, 5: 6}, 0, nil},
		{"nobody", 3, nil, 0, nil},
	} {
		hash, agree := majority(c.hashes, c.voters)
		if hash != c.hash || !reflect.DeepEqual(agree, c.agree) {
			t.Errorf("%s: %d, %v", c.name, hash, agree)
		}
	}
}

// jury is three nodes with a table of one row, for planting wrong bytes.
type jury struct {
	*testCluster
	tb    *schema.Table
	shard schema.ShardID
}

func newJury(t *testing.T) *jury {
	j := &jury{testCluster: newTestCluster(t)}
	n := j.startThree()
	j.tb = createTable(t, n, "shop")
	j.shard = j.tb.Tablets[0].Shard
	must(t, insert(context.Background(), n, j.tb, 1, 1))
	return j
}

// plant changes a byte of the row in the store of node i, which is stopped for it: nobody notices before the row is
// changed, from then on the replica's hash differs.
func (j *jury) plant(i int, mask byte) {
	j.t.Helper()
	eventually(j.t, "all have applied all", func() bool { return equal(j.testCluster) })
	j.stop(i)
	e, err := engine.Open(engine.Options{Dir: filepath.Join(j.dirs[i], datadir.Data), Logger: testLogger(j.t, "plant")})
	must(j.t, err)
	key := keys.AppendPrefix(nil, j.shard, j.tb.Tablets[0].ID, schema.PrimaryIndex)
	key = append(key, keys.AppendPrimary(nil, j.tb, []types.Value{types.Int(1), types.Int(0)})...)
	it, err := e.DB().NewIter(&pebble.IterOptions{LowerBound: key, UpperBound: append(bytes.Clone(key), 0xff, 0xff)})
	must(j.t, err)
	if !it.First() {
		j.t.Fatal("the row is not in the store")
	}
	version, value := bytes.Clone(it.Key()), bytes.Clone(it.Value())
	must(j.t, it.Close())
	value[len(value)-1] ^= mask // of n
	must(j.t, e.DB().Set(version, value, pebble.Sync))
	must(j.t, e.Close())
	j.start(i)
	eventually(j.t, "it runs again", func() bool { return j.nodes[i].local(j.shard) != nil })
}

// bump increments the row through node i.
func (j *jury) bump(i int) {
	j.t.Helper()
	rs, err := j.nodes[i].Write(context.Background(), &distributed.TxnOptions{LockWait: 10 * time.Second}, increment(j.t, j.tb, 1))
	must(j.t, err)
	if rs[0].Err != nil {
		j.t.Fatal(rs[0].Err)
	}
}

// value is the row as node i's clients see it.
func (j *jury) value(i int) int64 {
	j.t.Helper()
	v, ok, err := get(context.Background(), j.nodes[i], j.tb, 1)
	if err != nil || !ok {
		j.t.Fatal(ok, err)
	}
	return v
}

// show checks the row as all nodes' clients see it.
func (j *jury) show(want int64) {
	j.t.Helper()
	for i := range j.nodes {
		if v := j.value(i); v != want {
			j.t.Errorf("node %d shows %d", i+1, v)
		}
	}
}

// TestWrongFollower: the majority judges a follower that differs; it is kept and replaced, and nobody else is.
func TestWrongFollower(t *testing.T) {
	j := newJury(t)
	j.plant(2, 0x40)
	j.moveLease(j.shard, 1)
	lost := j.nodes[2].local(j.shard).replica
	j.bump(0)
	whole(t, j.testCluster, j.shard, lost)
	j.verdict(map[int]uint64{2: 1})
	j.bump(2)
	if v := j.value(2); v != 3 {
		t.Errorf("the row is %d", v)
	}
	if _, err := os.Stat(filepath.Join(j.dirs[2], keptDir)); err != nil {
		t.Errorf("nothing was kept: %v", err)
	}
}

// verdict compares how many replicas of each node were condemned.
func (j *jury) verdict(want map[int]uint64) {
	j.t.Helper()
	for i, n := range j.nodes {
		if n == nil {
			continue
		}
		if got := n.condemnations.Load(); got != want[i] {
			j.t.Errorf("node %d: %d replicas condemned, not %d", i+1, got, want[i])
		}
	}
}

// TestWrongLeaseholder: the two that agree stay, the leaseholder hands over and goes; what it had not yet logged right is
// right everywhere.
func TestWrongLeaseholder(t *testing.T) {
	j := newJury(t)
	j.plant(1, 0x40)
	j.moveLease(j.shard, 2)
	lost := j.nodes[1].local(j.shard).replica
	if v := j.value(0); v == 1 {
		t.Fatal("the wrong leaseholder's row is right")
	}
	j.bump(0)
	whole(t, j.testCluster, j.shard, lost)
	j.verdict(map[int]uint64{1: 1})
	j.show(2)
}

// TestAllDiffer: two replicas are wrong, each in its own way. Nobody goes; the shard says so, and goes on.
func TestAllDiffer(t *testing.T) {
	j := newJury(t)
	j.plant(1, 0x40)
	j.plant(2, 0x20)
	j.bump(0)
	eventually(t, "every node says that the shard is disputed", func() bool {
		for _, n := range j.nodes {
			if n.dispute(n.local(j.shard)) == "" || n.Counters().Disputed != 1 {
				return false
			}
		}
		return true
	})
	j.bump(1)
	must(t, insert(context.Background(), j.nodes[2], j.tb, 2, 2))
	j.verdict(nil)
}

// TestWrongWhileOneIsDown: with one of three away, two that differ are no majority against each other. When it is back, it
// decides.
func TestWrongWhileOneIsDown(t *testing.T) {
	j := newJury(t)
	j.plant(1, 0x40)
	lost := j.nodes[1].local(j.shard).replica
	j.stop(2)
	j.bump(0)
	eventually(t, "the shard is disputed", func() bool { return j.nodes[0].dispute(j.nodes[0].local(j.shard)) != "" })
	j.bump(0)
	j.verdict(nil)
	j.start(2)
	whole(t, j.testCluster, j.shard, lost)
	j.verdict(map[int]uint64{1: 1})
	j.show(3)
	eventually(t, "the dispute is over", func() bool { return j.nodes[0].Counters().Disputed == 0 }) // by the node's next look at marks that agree
}

// TestCondemnedAgain: the first copy is made at once, further ones after longer and longer pauses.
func TestCondemnedAgain(t *testing.T) {
	n := &Node{}
	for i, want := range []time.Duration{0, time.Minute, 2 * time.Minute, 4 * time.Minute} {
		if got := n.pauseBefore(7); got != want {
			t.Errorf("condemnation %d: a pause of %v", i+1, got)
		}
	}
	if got := n.pauseBefore(8); got != 0 {
		t.Errorf("another shard: %v", got)
	}
	for range 20 {
		n.pauseBefore(7)
	}
	if got := n.pauseBefore(7); got != time.Hour {
		t.Errorf("at most: %v", got)
	}
	n.condemned[7] = condemned{time.Now().Add(-3 * time.Hour), 9}
	if got := n.pauseBefore(7); got != 0 {
		t.Errorf("long after: %v", got)
	}
}

// TestPanicStopsOneReplica: a panic where the leaseholder of a shard applies its log ends that replica's work alone. The
// shard goes on without it, so do the node's other replicas, and the next start has it back.
func TestPanicStopsOneReplica(t *testing.T) {
	j := newJury(t)
	for _, m := range j.nodes {
		must(t, m.RefreshCatalog(context.Background()))
	}
	j.moveLease(j.shard, 3)
	j.nodes[2].local(j.shard).group.OnApplied(func([]shard.Result) { panic("planted") })
	j.bump(0)
	eventually(t, "the replica is stopped", func() bool { return j.nodes[2].local(j.shard) == nil })
	j.bump(2)
	if j.nodes[2].local(schema.SystemShard) == nil || len(*j.nodes[2].shards.Load()) < 2 {
		t.Error("other replicas of the node are gone, too")
	}
	j.stop(2)
	j.start(2)
	j.bump(2)
	eventually(t, "equal hashes", func() bool { return j.nodes[2].local(j.shard) != nil && equal(j.testCluster) })
	if v := j.value(2); v != 4 {
		t.Errorf("the row is %d", v)
	}
}
