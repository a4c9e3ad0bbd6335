package golden

import (
	"strings"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/placement"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

const newest = int(version.Max)

func (s *samples) encodeExpr(e expr.Expr, env *expr.Env) ([]byte, error) {
	return expr.Encode(nil, e, env, version.Version(s.version))
}

func (s *samples) encodeAgg(a *expr.Agg, env *expr.Env) ([]byte, error) {
	return expr.EncodeAgg(nil, a, env, version.Version(s.version))
}

func (s *samples) encodeRead(r *fragment.Read) ([]byte, error) {
	return fragment.AppendRead(nil, r, version.Version(s.version))
}

func (s *samples) encodeWrite(w *fragment.Write) ([]byte, error) {
	return fragment.AppendWrite(nil, w, version.Version(s.version))
}

func (s *samples) encodeBatch(b *shard.Batch) []byte {
	data, err := shard.EncodeBatch(nil, b, version.Version(s.version))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// writesLater adds the writes, and the conditions of reads, that came after version 1.
func (s *samples) writesLater() {
	if version.Version(s.version) < version.V2 {
		return
	}
	w := writes()["update"]
	w.Lenient, w.Checks = true, []fragment.Check{{Name: "t_chk_1", Expr: call("<", k(), expr.NewInt(100))}, {Name: "both", Expr: call(">", k(), expr.NewInt(-5))}}
	data, err := s.encodeWrite(w)
	if err != nil {
		s.t.Fatal(err)
	}
	s.add("write", "checked", data)
	w = writes()["duplicate"]
	w.NullsPass = true
	if data, err = s.encodeWrite(w); err != nil {
		s.t.Fatal(err)
	}
	s.add("write", "nulls pass", data)
	w = writes()["duplicate"]
	w.Kind, w.Set, w.Numbers = fragment.InsertIgnore, nil, []int{7, 9}
	if data, err = s.encodeWrite(w); err != nil {
		s.t.Fatal(err)
	}
	s.add("write", "numbers", data)
	s.add("result", "numbers", fragment.AppendWriteResult(nil, &fragment.WriteResult{Duplicates: 1,
		Warnings: []fragment.Warning{{Level: "Warning", Code: 1062, Message: "Duplicate", Row: 2}}}))
	keys := expr.NewKeySet(2, collation.Default)
	keys.Add(types.Int(5))
	keys.Add(types.Str("é"))
	if data, err = s.encodeExpr(keys.Holds(k()), environment()); err != nil {
		s.t.Fatal(err)
	}
	s.add("expr", "among keys", data)
}

// logLater adds the entries that came after version 1: a tablet on its way to another shard, and one that has come from one.
func (s *samples) logLater(entry func(name string, cmd []byte), at func(n uint64) mvcc.Timestamp) {
	if version.Version(s.version) < version.V2 {
		return
	}
	copied := smallTable()
	copied.Version++
	copied.Tablets = []schema.Tablet{{ID: goldenTablet + 1, Shard: goldenShard}}
	value := row.Encode(nil, copied, []types.Value{types.Int(5), types.Int(50), types.Str("five")})
	steps := []shard.MoveCommand{
		{Op: shard.MoveReceive, Table: copied, Since: map[schema.IndexID]mvcc.Timestamp{2: at(3)}},
		{Op: shard.MoveIngest, Versions: shard.AppendVersion(nil, shard.Version{
			Key: append([]byte{0, byte(schema.PrimaryIndex)}, key(5)...), TS: at(7), Value: mvcc.AppendPut(nil, value),
		})},
		{Op: shard.MoveOpen, Rows: 1, AutoInc: 5, Newest: at(2000), Begins: at(6)},
		{Op: shard.MoveSettle}, {Op: shard.MoveTrack}, {Op: shard.MoveUntrack}, {Op: shard.MoveTrack}, {Op: shard.MoveFreeze}, {Op: shard.MoveLeave},
		{Op: shard.MoveFreeze, Newest: at(2001)},
		{Op: shard.MoveOpen, Rows: 1, AutoInc: 5, Newest: at(2001), Begins: at(6), Versions: shard.AppendVersion(nil, shard.Version{
			Key: append([]byte{0, byte(schema.PrimaryIndex)}, key(6)...), TS: at(8), Value: mvcc.AppendPut(nil, value),
		})},
		{Op: shard.MoveCount, AutoInc: 300},
	}
	for i, c := range steps {
		c.ID, c.Epoch, c.Attempt, c.Tablet = uint64(i), 1, 9, goldenTablet+1
		if i > 3 {
			c.Attempt++
		}
		cmd, err := shard.EncodeMove(nil, &c)
		if err != nil {
			s.t.Fatal(err)
		}
		entry("move", cmd)
	}
}

// putLater puts the kinds of records that came after version 1.
func (s *samples) putLater(tx *catalog.Tx) {
	if version.Version(s.version) >= version.V2 {
		tx.PutStatistics(7, sampleStatistics())
		tx.PutRecord("balance", "shift", &placement.Shift{Database: 3, Table: 7, Tablet: 12, From: 2, To: 3})
		tx.PutMove(&catalog.Move{
			Tablet: 12, Copy: 40, Table: 7, From: 2, To: 3, State: catalog.MoveCopying, Attempt: 41, Page: []byte{0, 1, 5}, Bytes: 99,
			Noted: shard.NotePosition{Index: 17, Skip: 2},
		})
		tx.PutMove(&catalog.Move{
			Tablet: 13, Copy: 41, Table: 7, From: 2, To: 3, State: catalog.MoveLeaving, Attempt: 42, Into: 2, Shards: []schema.ShardID{3, 2},
			Targets: []schema.Tablet{{ID: 41, Shard: 3, End: []byte{0x15, 9}}, {ID: 42, Shard: 2, Start: []byte{0x15, 9}}},
		})
		tx.PutMove(&catalog.Move{
			Tablet: 14, Copy: 43, Table: 7, From: 2, To: 2, State: catalog.MoveCopying, Attempt: 44, Copied: true,
			Others: []catalog.Source{{Tablet: 15, Shard: 3, Page: []byte{0, 1, 6}, Noted: shard.NotePosition{Index: 18}}},
		})
		entered := smallTable()
		entered.ID, entered.Name = 9, "entered"
		entered.Indexes[1].Unique, entered.Indexes[1].Entries = false, 10
		entries := schema.NewEntries(entered, &entered.Indexes[1])
		entries.ID, entries.Tablets = 10, []schema.Tablet{{ID: 51, Shard: goldenShard}}
		tx.PutTable(entered)
		tx.PutTable(entries)
	}
}

// scopes adds what a change of a scope of the catalog has, on what tx put.
func (s *samples) scopes(tx *catalog.Tx) {
	if version.Version(s.version) < version.V2 {
		return
	}
	tx.PutClusterVersion(catalog.ClusterVersion{Active: version.V2})
	locks := catalog.Begin(tx.Snapshot, catalog.UserLocks)
	locks.PutRecord(string(catalog.UserLocks), "a", 1)
	for _, set := range locks.Command(1, 78).Sets {
		if !strings.HasPrefix(set.Key, "c/rec/") { // an engine's own
			s.add("catalog", set.Key, set.Value)
		}
	}
}

func sampleStatistics() *statistics.Table {
	bound := func(v types.Value) statistics.Bound { return statistics.Bound{Value: v} }
	return &statistics.Table{Serial: 3, Rows: 1000, Sampled: 100, Micros: 1700000000000000,
		Columns: []statistics.Column{
			{ID: 1, Distinct: 1000},
			{ID: 2, Nulls: 0.25, Distinct: 2, Specified: 4, Sampling: 0.1, Micros: 1700000000000000, Histogram: &statistics.Histogram{
				Singleton: true, Buckets: []statistics.Bucket{{High: bound(types.Int(-5)), Upto: 0.5}, {High: bound(types.Int(7)), Upto: 0.75}},
			}},
			{ID: 3, Distinct: 900, Histogram: &statistics.Histogram{Buckets: []statistics.Bucket{
				{Low: bound(types.Str("a")), High: bound(types.Str("m")), Upto: 0.5, Distinct: 450},
				{Low: bound(types.Str("n")), High: bound(types.Str("z")), Upto: 1, Distinct: 450},
			}}},
		},
		Indexes: []statistics.Index{{ID: 1, Distinct: []float64{1000}}, {ID: 2, Distinct: []float64{2, 990}}},
	}
}
