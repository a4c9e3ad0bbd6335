package placement

import (
	"fmt"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// balanced is how clusters are that are watched for hours: heartbeats are most of what a simulation has to do.
var balanced = Config{ReplicationFactor: 3, SystemVoters: 5, Heartbeat: 900 * time.Millisecond}

// fill makes databases of some tables, each of one tablet.
func (w *world) fill(databases, tables int, weigh func(database, table int) weight) {
	for i := range databases {
		w.mustChange(func(tx *catalog.Tx) error {
			d := &schema.Database{ID: schema.DatabaseID(tx.NewID()), Name: fmt.Sprintf("d%03d", i), Shard: Emptiest(tx.Snapshot)}
			tx.PutDatabase(d)
			for k := range tables {
				tablets, err := Tablets(tx.Snapshot, d, []*schema.Partition{{}}, []uint64{tx.NewID()}, false)
				if err != nil {
					return err
				}
				tx.PutTable(&schema.Table{ID: schema.TableID(tx.NewID()), Database: d.ID, Name: fmt.Sprintf("t%03d", k), Version: 1, Tablets: tablets})
				w.weights[tablets[0].ID] = weigh(i, k)
			}
			return nil
		})
	}
}

func (w *world) setting(name, value string) {
	w.mustChange(func(tx *catalog.Tx) error { tx.PutSetting(name, value); return nil })
}

// borne is what each node bears that stays.
func (w *world) borne() map[schema.NodeID]weight {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[schema.NodeID]weight{}
	for id := range w.none() {
		var all weight
		for s, g := range w.groups {
			rep := w.nodes[id].reps[s]
			if rep == nil || s == schema.SystemShard {
				continue
			}
			in := w.shardWeight(s)
			if all[inBytes] += in[inBytes]; g.leader == rep.id {
				all[inWork] += in[inWork]
			}
		}
		out[id] = all
	}
	return out
}

// within tells whether all nodes bear about the same: none more than any other by so large a share of the mean.
func (w *world) within(share float64) error {
	borne := w.borne()
	for kind := range (weight{}) {
		low, high, mean := 1e300, 0.0, 0.0
		for _, b := range borne {
			low, high, mean = min(low, b[kind]), max(high, b[kind]), mean+b[kind]/float64(len(borne))
		}
		if high-low > share*mean {
			return fmt.Errorf("kind %d: from %.3g to %.3g, by %.3g of the mean: %v", kind, low, high, (high-low)/mean, borne)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var s Shift
	if w.snap.Record(shiftKind, shiftKey, &s) {
		return fmt.Errorf("%+v is under way", s)
	}
	return nil
}

// moves counts what has been moved.
func (w *world) moves() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, of := range w.moved {
		n += of
	}
	return n
}

// rests fails the test if anything moves between half an hour from now, when nodes bear the same as well as they can, and an hour.
func (w *world) rests() {
	w.t.Helper()
	time.Sleep(30 * time.Minute)
	before, leases := w.moves(), fmt.Sprint(w.leaders())
	time.Sleep(30 * time.Minute)
	if n := w.moves(); n != before {
		w.t.Errorf("%d tablets have moved, and %d in the half hour after that", before, n-before)
	}
	if now := fmt.Sprint(w.leaders()); now != leases {
		w.t.Errorf("leases have moved from %s to %s", leases, now)
	}
}

// leaders are the replicas that lead.
func (w *world) leaders() map[schema.ShardID]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[schema.ShardID]uint64{}
	for s, g := range w.groups {
		out[s] = g.leader
	}
	return out
}

// together tells whether each database is in one shard, where its next table will be.
func (w *world) together() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.snap.Databases() {
		for _, t := range w.snap.Tables(d.Name) {
			if t.Tablets[0].Shard != d.Shard {
				return fmt.Errorf("table %s of %s is in shard %d and not in %d", t.Name, d.Name, t.Tablets[0].Shard, d.Shard)
			}
		}
	}
	return nil
}

// random is a weight that many tablets together make some GB and some thousand requests of.
func (w *world) random() weight {
	return weight{inBytes: w.rng.ExpFloat64() * (64 << 20), inWork: w.rng.ExpFloat64() * 30}
}

// Whatever the databases weigh, as long as each is small: nodes come to bear the same, with databases whole, and then nothing moves any
// more, though what is measured is never twice the same. So too when nodes come, leave and die.
func TestNodesBearTheSame(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, seed, balanced, func(w *world) {
				w.noise = 0.01
				w.fill(100, 2, func(int, int) weight { return w.random() })
				good := func() error {
					if err := w.whole(); err != nil {
						return err
					}
					return w.within(0.2)
				}
				for id := schema.NodeID(2); id <= 5; id++ {
					w.join(id)
				}
				w.becomesIn(time.Hour, "even", good)
				w.rests()
				w.ask(2, func(m *catalog.Node) { m.Leaving = true })
				w.set(3, false)
				w.join(6)
				w.becomesIn(time.Hour, "even again", func() error { return w.within(0.2) })
				w.rests()
				if err := w.together(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Twelve nodes all get something to do.
func TestTwelveNodesWork(t *testing.T) {
	inWorld(t, 5, balanced, func(w *world) {
		w.fill(150, 2, func(int, int) weight { return w.random() })
		for id := schema.NodeID(2); id <= 12; id++ {
			w.join(id)
		}
		w.becomesIn(2*time.Hour, "even", func() error { return w.within(0.2) })
		for id, b := range w.borne() {
			if b[inWork] == 0 || b[inBytes] == 0 {
				t.Errorf("node %d bears %v", id, b)
			}
		}
	})
}

// A database that is too heavy for a node is parted by its tables; where that is not allowed, or its load or size not worth it, it stays
// whole.
func TestHeavyDatabase(t *testing.T) {
	busy, large := weight{inBytes: 1 << 20, inWork: 100}, weight{inBytes: 64 << 20}
	for _, c := range []struct {
		mode, load, mb string
		each           weight
		parts          bool
	}{
		{"TABLES", "1000", "1000000", busy, true}, {"DATABASES", "1000", "1000000", busy, false}, {"TABLES", "100000", "1000000", busy, false},
		{"TABLES", "1000", "1000", large, true}, {"DATABASES", "1000", "1000", large, false}, {"TABLES", "1000", "1000000", large, false},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			inWorld(t, 7, balanced, func(w *world) {
				w.setting(SettingBalance, c.mode)
				w.setting(SettingPartLoad, c.load)
				w.setting(SettingPartMB, c.mb)
				w.fill(1, 40, func(int, int) weight { return c.each })
				for id := schema.NodeID(2); id <= 4; id++ {
					w.join(id)
				}
				if c.parts {
					w.becomesIn(time.Hour, "even", func() error { return w.within(0.2) })
					return
				}
				time.Sleep(20 * time.Minute)
				if err := w.together(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// hotTable is a database of tables of so many bytes each, the first of which does more work than three nodes should bear, on three nodes. tablets counts
// those of the first.
func (w *world) hotTable(tables int, bytes, others float64) (tablets func() int) {
	w.setting(SettingPartLoad, "1000")
	w.fill(1, tables, func(_, table int) weight {
		if table == 0 {
			return weight{inBytes: bytes, inWork: 3000}
		}
		return weight{inBytes: bytes, inWork: others}
	})
	for id := schema.NodeID(2); id <= 3; id++ {
		w.join(id)
	}
	return func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.snap.Tables("d000")[0].Tablets)
	}
}

// A table that weighs more than a node should bear, and may not be cut, is not moved about: it is alone in the end.
func TestHotTableStays(t *testing.T) {
	inWorld(t, 8, balanced, func(w *world) {
		w.setting(SettingBalance, "TABLES")
		w.hotTable(21, 1<<20, 100)
		w.rests()
		w.mu.Lock()
		if n := w.moved[w.snap.Tables("d000")[0].ID]; n > 1 {
			t.Errorf("it has moved %d times", n)
		}
		w.mu.Unlock()
		for id, b := range w.borne() {
			if b[inWork] > 3000 {
				t.Errorf("node %d bears %v", id, b)
			}
		}
	})
}

// weighTable changes what the tablets of the first table weigh together.
func (w *world) weighTable(all weight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.snap.Tables("d000")[0]
	for i := range t.Tablets {
		w.weights[t.Tablets[i].ID] = weight{}.plus(all, 1/float64(len(t.Tablets)))
	}
	w.weighed = nil
}

// forgotten tells whether no table is known to have been cut to even out what nodes bear.
func (w *world) forgotten() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if list := catalog.CutHere(w.snap); len(list) > 0 {
		return fmt.Errorf("%v", list)
	}
	return nil
}

// A table that weighs more than a node should bear is cut, and all bear the same; when it has been light for long it is put together, but not
// sooner, and not if a statement has taken it over.
func TestHotTableIsCut(t *testing.T) {
	for _, statement := range []bool{false, true} {
		t.Run(fmt.Sprint(statement), func(t *testing.T) {
			inWorld(t, 9, balanced, func(w *world) {
				tablets := w.hotTable(7, 8<<20, 50)
				w.becomesIn(time.Hour, "even", func() error { return w.within(0.2) })
				cut := tablets()
				if cut < 3 {
					t.Fatalf("the table has %d tablets", cut)
				}
				w.weighTable(weight{inBytes: 8 << 20, inWork: 800}) // light, but not light enough
				time.Sleep(coolFor + 10*time.Minute)
				if n := tablets(); n != cut {
					t.Errorf("of %d tablets %d are left at 800", cut, n)
				}
				w.weighTable(weight{inBytes: 8 << 20, inWork: 300})
				time.Sleep(coolFor / 2)
				if n := tablets(); n != cut {
					t.Errorf("of %d tablets %d are left too soon", cut, n)
				}
				if statement {
					w.mustChange(func(tx *catalog.Tx) error {
						tx.PutCutHere(tx.Snapshot.Tables("d000")[0].ID, false)
						return nil
					})
					time.Sleep(pauseMost + coolFor)
					if n := tablets(); n != cut {
						t.Errorf("of %d tablets that a statement made %d are left", cut, n)
					}
					return
				}
				w.becomesIn(pauseMost+coolFor, "one tablet", func() error {
					if n := tablets(); n != 1 {
						return fmt.Errorf("%d tablets", n)
					}
					return nil
				})
				w.becomesIn(pauseMost+coolFor, "forgotten", w.forgotten)
			})
		})
	}
}

// So are partitions, each by itself, and they are put together again one after the other.
func TestHotPartitionsAreCut(t *testing.T) {
	inWorld(t, 13, balanced, func(w *world) {
		tablets := w.hotTable(7, 8<<20, 50)
		w.mustChange(func(tx *catalog.Tx) error {
			hot := tx.Snapshot.Tables("d000")[0].Clone()
			hot.Version++
			hot.Partitioning = &schema.Partitioning{Partitions: []schema.Partition{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}}
			other := hot.Tablets[0]
			other.ID = schema.TabletID(tx.NewID())
			hot.Tablets[0].Partition, other.Partition = 1, 2
			w.weights[other.ID] = w.weights[hot.Tablets[0].ID]
			hot.Tablets = append(hot.Tablets, other)
			tx.PutTable(hot)
			return nil
		})
		w.becomesIn(time.Hour, "even", func() error { return w.within(0.2) })
		w.mu.Lock()
		leaves := w.snap.Tables("d000")[0].ByLeaf()
		w.mu.Unlock()
		if len(leaves) != 2 || len(leaves[0]) < 2 || len(leaves[1]) < 2 {
			t.Fatalf("the partitions have these tablets: %v", leaves)
		}
		w.weighTable(weight{inBytes: 8 << 20, inWork: 300})
		w.becomesIn(pauseMost+coolFor+10*time.Minute, "one tablet each", func() error {
			if n := tablets(); n != 2 {
				return fmt.Errorf("%d tablets", n)
			}
			return nil
		})
		w.becomesIn(pauseMost+coolFor, "forgotten", w.forgotten)
	})
}

// What can't be cut is not tried again and again, and nothing of it stays.
func TestHotTableThatCannotBeCut(t *testing.T) {
	inWorld(t, 10, balanced, func(w *world) {
		w.uncut = true
		tablets := w.hotTable(7, 8<<20, 50)
		time.Sleep(50 * time.Minute)
		w.mu.Lock()
		tried, moves := w.failed, len(catalog.Moves(w.snap))
		w.mu.Unlock()
		if n := tablets(); n != 1 || tried != 1 || moves > 0 {
			t.Errorf("tried %d times, %d moves are left, %d tablets", tried, moves, n)
		}
	})
}

// A table with a unique key that holds in one tablet only is cut when a gateway has made it hold over several, for which it is asked once; if it
// can't, all stays as it is.
func TestHotTableWithUniqueKey(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			inWorld(t, 12, balanced, func(w *world) {
				tablets := w.hotTable(7, 8<<20, 50)
				w.mustChange(func(tx *catalog.Tx) error {
					hot := tx.Snapshot.Tables("d000")[0].Clone()
					hot.Version++
					hot.Indexes = []schema.Index{{ID: schema.PrimaryIndex, Unique: true}, {ID: 2, Unique: true}}
					tx.PutTable(hot)
					return nil
				})
				asked := 0
				go func() {
					for sleep(w.ctx, 10*time.Second) {
						w.mustChange(func(tx *catalog.Tx) error {
							for id, job := range catalog.KeysJobs(tx.Snapshot) {
								if job.Failed != "" {
									continue
								}
								if asked++; fails {
									tx.PutKeysJob(id, &catalog.KeysJob{Failed: "no"})
									continue
								}
								made, _ := tx.Snapshot.TableByID(id)
								made = made.Clone()
								made.Version++
								made.Indexes[1].Unique = false
								tx.PutTable(made)
								tx.PutKeysJob(id, nil)
							}
							return nil
						})
					}
				}()
				if !fails {
					w.becomesIn(time.Hour, "even", func() error { return w.within(0.2) })
				} else {
					time.Sleep(50 * time.Minute)
				}
				w.mu.Lock()
				times, left := asked, len(catalog.KeysJobs(w.snap))
				w.mu.Unlock()
				if n := tablets(); times != 1 || left > 0 || fails && n != 1 || !fails && n < 3 {
					t.Errorf("asked %d times, %d are left, %d tablets", times, left, n)
				}
			})
		})
	}
}

// A few rows that are busy are not cut.
func TestHotRowStays(t *testing.T) {
	inWorld(t, 11, balanced, func(w *world) {
		tablets := w.hotTable(7, 100<<10, 50)
		time.Sleep(time.Hour)
		if n := tablets(); n != 1 {
			t.Errorf("%d tablets", n)
		}
	})
}

// Switched off, nothing is begun; what is little is left where it is.
func TestBalanceSettings(t *testing.T) {
	inWorld(t, 9, balanced, func(w *world) {
		w.setting(SettingBalance, "OFF")
		w.fill(20, 1, func(int, int) weight { return weight{inBytes: 64 << 20, inWork: 100} })
		w.join(2)
		w.join(3)
		time.Sleep(20 * time.Minute)
		if n := w.moves(); n > 0 {
			t.Errorf("%d tablets have moved", n)
		}
		w.mu.Lock()
		for id := range w.weights {
			w.weights[id] = weight{inBytes: 1 << 20, inWork: 1}
		}
		w.weighed = nil
		w.mu.Unlock()
		w.setting(SettingBalance, "TABLES")
		time.Sleep(20 * time.Minute)
		if n := w.moves(); n > 0 {
			t.Errorf("%d tablets have moved though there is nearly nothing to do", n)
		}
	})
}

// Requests are lost, and nodes die, whoever reconciles among them, while databases move: each is whole in the end.
func TestShiftsAmidFaults(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, seed, balanced, func(w *world) {
				w.fill(40, 10, func(int, int) weight { return w.random() })
				for id := schema.NodeID(2); id <= 5; id++ {
					w.join(id)
				}
				w.becomes("grown", w.whole)
				w.lose(0.3)
				for range 20 {
					time.Sleep(time.Minute)
					w.disturb(1)
				}
				w.mu.Lock()
				for _, n := range w.nodes {
					n.alive, n.full = true, false
				}
				w.mu.Unlock()
				w.becomesIn(time.Hour, "even", func() error { return w.within(0.25) })
				if err := w.together(); err != nil {
					t.Error(err)
				}
				if w.moves() == 0 {
					t.Error("nothing has moved")
				}
			})
		})
	}
}

// Of five shards that do the same, one of four nodes leads two: which, is nothing that a measurement changes, be it a little more now and a little less then.
func TestNoLeaseGoesToAndFro(t *testing.T) {
	inWorld(t, 12, balanced, func(w *world) {
		w.noise = 0.05
		w.setting(SettingBalance, "OFF")
		for id := schema.NodeID(2); id <= 5; id++ {
			w.join(id)
		}
		w.becomes("grown", w.whole)
		w.fill(5, 1, func(int, int) weight { return weight{inWork: 300} })
		w.ask(5, func(m *catalog.Node) { m.Removing = true })
		w.becomesIn(time.Hour, "whole", w.whole)
		w.rests()
	})
}

// Where nodes lead as many shards as each other, those go together that make what they do alike.
func TestLeasesByLoad(t *testing.T) {
	inWorld(t, 11, balanced, func(w *world) {
		w.setting(SettingBalance, "OFF")
		for id := schema.NodeID(2); id <= 8; id++ {
			w.join(id)
		}
		w.becomes("grown", w.whole)
		work := []float64{1000, 900, 800, 700, 400, 300, 200, 100}
		w.fill(8, 1, func(i, _ int) weight { return weight{inWork: work[i]} })
		for id := schema.NodeID(5); id <= 8; id++ {
			w.ask(id, func(m *catalog.Node) { m.Removing = true })
		}
		w.becomesIn(time.Hour, "even", func() error {
			if err := w.whole(); err != nil {
				return err
			}
			return w.within(0.2)
		})
		w.rests()
	})
}
