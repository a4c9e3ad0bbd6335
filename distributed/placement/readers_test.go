package placement

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// data are the data shards.
func (w *world) data() (list []*catalog.Shard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sh := range w.snap.Shards() {
		if sh.ID != schema.SystemShard {
			list = append(list, sh)
		}
	}
	return list
}

// Shards get as many replicas that are only read as they should, as far as there are nodes, and lose them again; whatever of the two
// numbers changes.
func TestReadReplicas(t *testing.T) {
	grown(t, 20, 6, func(w *world) {
		for _, c := range []struct{ factor, readers string }{{"3", "1"}, {"3", "2"}, {"3", "7"}, {"5", "7"}, {"5", "1"}, {"1", "2"}, {"3", "1"}, {"3", "0"}} {
			w.setting(SettingReplication, c.factor)
			w.setting(SettingReaders, c.readers)
			w.becomes(fmt.Sprint("with ", c), w.whole)
		}
	})
}

// When a voter is lost or leaves, a replica that was only read takes its place, and another node is given one to read. While the node
// may come back, nothing happens.
func TestReaderTakesTheLostPlace(t *testing.T) {
	for how, nodes := range map[string]schema.NodeID{"lost": 6, "leaves": 5} { // the catalog's five voters are on nodes that live, or are members
		grown(t, 21, nodes, func(w *world) {
			w.setting(SettingReaders, "1")
			w.becomes("with readers", w.whole)
			before := w.data()
			if how == "lost" {
				w.set(4, false)
				time.Sleep(w.cfg.ReplaceAfter / 2)
				for i, sh := range w.data() {
					if !maps.Equal(sh.Replicas, before[i].Replicas) || !maps.Equal(sh.NonVoting, before[i].NonVoting) {
						w.t.Errorf("shard %d was %+v, and is %+v after a moment", sh.ID, before[i], sh)
					}
				}
			} else {
				w.ask(4, func(m *catalog.Node) { m.Leaving = true })
			}
			taken := 0
			promoted := func() error {
				taken = 0
				for i, sh := range w.data() {
					if before[i].Replicas[4] == 0 {
						continue
					}
					for node, replica := range before[i].NonVoting {
						if sh.Replicas[node] == replica {
							taken++
						} else if sh.Replicas[4] == 0 {
							return fmt.Errorf("shard %d: %+v became %+v", sh.ID, before[i], sh)
						}
					}
				}
				return w.whole()
			}
			w.becomes("without node 4", promoted)
			if taken == 0 {
				w.t.Error("node 4 had no vote anywhere")
			}
			w.set(4, true)
			w.ask(4, func(m *catalog.Node) { m.Leaving = false })
			w.becomes("with node 4", w.whole)
		})
	}
}

// Replicas that are only read are where no other is: in the zones without a voter, also where nodes tell of theirs only when everything has
// its place, and where voters stand in each other's way though a reader has a better place.
func TestReadersAreWhereNoOtherIs(t *testing.T) {
	grown(t, 22, 8, func(w *world) {
		w.setting(SettingReaders, "1")
		w.becomes("with readers", w.whole)
		w.mu.Lock()
		for id, n := range w.nodes {
			n.where = fmt.Sprintf("region=r,zone=%d", id%4)
		}
		w.mu.Unlock()
		w.becomes("apart", func() error {
			for _, sh := range w.data() {
				voters, all := map[string]bool{}, map[string]bool{}
				for node := range sh.Replicas {
					voters[w.nodes[node].where], all[w.nodes[node].where] = true, true
				}
				for node := range sh.NonVoting {
					all[w.nodes[node].where] = true
				}
				if len(voters) != 3 || len(all) != 4 {
					return fmt.Errorf("shard %d: voters are in zones %v, with readers %v", sh.ID, voters, all)
				}
			}
			return w.whole()
		})
	})
}

// A node that comes back with an empty directory is given new replicas: none of those that it had is started again without its log (begin looks at that).
func TestEmptyNodeGetsNewReplicas(t *testing.T) {
	grown(t, 23, 7, func(w *world) {
		w.setting(SettingReaders, "4")
		w.becomes("with readers", w.whole)
		for _, id := range []schema.NodeID{7, 3} {
			w.set(id, false)
			time.Sleep(10 * time.Second)
			w.mustChange(func(tx *catalog.Tx) error {
				m, _ := tx.Snapshot.Node(id)
				tx.Return(m)
				return nil
			})
			w.mu.Lock()
			clear(w.nodes[id].reps)
			w.nodes[id].alive = true
			w.mu.Unlock()
			w.becomes(fmt.Sprint("node ", id, " back again"), w.whole)
		}
	})
}

// A shard has as many voters as the databases ask for that have something in it, whatever the cluster has; and when tablets move, other shards do.
func TestFactorsOfDatabases(t *testing.T) {
	grown(t, 24, 6, func(w *world) {
		w.fill(6, 2, func(int, int) weight { return weight{} })
		w.setting(SettingReaders, "1")
		w.becomes("with databases", w.whole)
		of := func(name string) int {
			w.mu.Lock()
			defer w.mu.Unlock()
			d, _ := w.snap.Database(name)
			sh, _ := w.snap.Shard(d.Shard)
			return len(sh.Replicas)
		}
		for _, c := range []struct {
			db     string
			factor uint64
			want   int
		}{{"d001", 5, 5}, {"d002", 1, 1}, {"d001", 2, 2}, {"d001", 0, 3}} {
			w.mustChange(func(tx *catalog.Tx) error { return catalog.SetFactor(tx, c.db, c.factor) })
			w.becomes(fmt.Sprint("with ", c), w.whole)
			if n := of(c.db); n != c.want {
				w.t.Errorf("%v: it has %d voters", c, n)
			}
		}
		w.setting(SettingReplication, "5")
		w.becomes("with 5 for the others", w.whole)
		if n := of("d002"); n != 1 {
			w.t.Errorf("it has %d voters", n)
		}
		w.mustChange(func(tx *catalog.Tx) error { // to where another database is
			tb, _ := tx.Snapshot.Table("d002", "t000")
			other, _ := tx.Snapshot.Database("d003")
			_, err := tx.BeginMove(tb, tb.Tablets[0].ID, other.Shard)
			return err
		})
		w.mustChange(func(tx *catalog.Tx) error { return catalog.SetFactor(tx, "d003", 2) })
		w.becomes("with a tablet elsewhere", w.whole)
	})
}
