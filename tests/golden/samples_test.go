package golden

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// This file and shim_test.go make the samples. It uses nothing that commit 8630d07 does not have; what has changed since is
// in the shim.

// line is one sample.
type line struct {
	kind, name string
	data       []byte
}

type samples struct {
	t       testing.TB
	version int // that is written
	lines   []line
}

func (s *samples) add(kind, name string, data []byte) {
	s.lines = append(s.lines, line{kind, strings.ReplaceAll(name, " ", "_"), data})
}

const (
	goldenShard  schema.ShardID  = 2
	goldenTablet schema.TabletID = 10
)

var epoch = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func typed(id byte, length, decimals int, c collation.ID) types.Type {
	return types.Type{ID: id, Length: length, Decimals: decimals, Collation: c}
}

// columnTypes are one of each kind of column.
func columnTypes() []types.Type {
	const bin, text = collation.Binary, collation.Default
	unsigned := types.TypeUint
	enum, set := typed(mysql.TypeEnum, 5, 0, text), typed(mysql.TypeSet, 5, 0, text)
	enum.Elems, set.Elems = []string{"small", "large"}, []string{"a", "b", "c"}
	return []types.Type{
		types.TypeInt, unsigned, typed(mysql.TypeTiny, 4, 0, bin), typed(mysql.TypeYear, 4, 0, bin),
		types.TypeDouble, typed(mysql.TypeFloat, 12, 31, bin), typed(mysql.TypeNewDecimal, 10, 2, bin), typed(mysql.TypeNewDecimal, 65, 30, bin),
		typed(mysql.TypeVarchar, 20, 0, text), typed(mysql.TypeString, 5, 0, collation.UTF8MB4Bin), typed(mysql.TypeVarchar, 20, 0, bin),
		typed(mysql.TypeLongBlob, 1<<32-1, 0, text), types.TypeDate, typed(mysql.TypeDatetime, 26, 6, bin), typed(mysql.TypeTimestamp, 22, 2, bin),
		typed(mysql.TypeDuration, 14, 3, bin), types.TypeJSON, enum, set, typed(mysql.TypeBit, 9, 0, bin),
	}
}

// columnRows are rows of a table with columnTypes.
func columnRows() [][]types.Value {
	dec := func(text string, scale int) types.Value {
		t := typed(mysql.TypeNewDecimal, 65, scale, collation.Binary)
		v, err := conversion.Assign(types.Str(text), &t, "d", 1, types.DefaultMode(), nil)
		if err != nil {
			panic(err)
		}
		return v
	}
	day := temporal.Pack(2024, 2, 29, 0, 0, 0, 0)
	at := temporal.Pack(2024, 2, 29, 23, 59, 58, 123456)
	null := make([]types.Value, len(columnTypes()))
	null[0] = types.Int(-5)
	return [][]types.Value{
		{types.Int(-1 << 63), types.Uint(1<<64 - 1), types.Int(-128), types.Uint(2026), types.Float(-1.5e300), types.Float(0.25), dec("-12345678.90", 2),
			dec("12345678901234567890123456789012345.123456789012345678901234567890", 30), types.Str("straße"), types.Str("Ab"), types.Bytes([]byte{0, 255, 1}),
			types.Str(strings.Repeat("long ", 100)), types.Date(day), types.Datetime(at, 6), types.Timestamp(1709251198120000, 2), types.Time(-3600_123_000, 3),
			types.JSON([]byte(`{"a": [1, 2.5, null], "b": "x"}`)), types.Enum(2, []byte("large")), types.Set(5, []byte("a,c")), types.Bit(257, 9)},
		null,
		{types.Int(7), types.Uint(0), types.Int(0), types.Uint(0), types.Float(0), types.Float(0), dec("0.00", 2), dec("0", 30), types.Str(""), types.Str(""),
			types.Bytes(nil), types.Str(""), types.Date(0), types.Datetime(0, 6), types.Timestamp(0, 2), types.Time(0, 3), types.JSON([]byte(`[]`)),
			types.Enum(0, nil), types.Set(0, nil), types.Bit(0, 9)},
	}
}

func columnsTable() *schema.Table {
	t := &schema.Table{ID: 5, Database: 3, Name: "kinds", Version: 1, NextColumnID: 100, NextIndexID: 10, Collation: collation.Default, CreatedMicros: 7,
		Tablets: []schema.Tablet{{ID: goldenTablet, Shard: goldenShard}}}
	for i, typ := range columnTypes() {
		t.Columns = append(t.Columns, schema.Column{ID: schema.ColumnID(i + 1), Name: fmt.Sprintf("c%d", i), Type: typ, NotNull: i == 0})
	}
	t.Indexes = []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}}}
	for i := 1; i < len(t.Columns); i++ {
		if t.Columns[i].Type.Class() == types.ClassJSON || t.Columns[i].Type.Length > 1000 {
			continue
		}
		t.Indexes = append(t.Indexes, schema.Index{ID: schema.IndexID(i + 1), Name: fmt.Sprintf("i%d", i), Columns: []schema.IndexColumn{{Column: i, Desc: i%2 == 1}}})
	}
	return t
}

// smallTable is t(id BIGINT AUTO_INCREMENT PRIMARY KEY, k BIGINT, name VARCHAR(20), UNIQUE (name), KEY (k)).
func smallTable() *schema.Table {
	name := typed(mysql.TypeVarchar, 20, 0, collation.Default)
	return &schema.Table{ID: 6, Database: 3, Name: "t", Version: 1, NextColumnID: 4, NextIndexID: 4, Collation: collation.Default,
		Columns: []schema.Column{{ID: 1, Name: "id", Type: types.TypeInt, NotNull: true, AutoIncrement: true}, {ID: 2, Name: "k", Type: types.TypeInt}, {ID: 3, Name: "name", Type: name}},
		Indexes: []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}},
			{ID: 2, Name: "u", Unique: true, Columns: []schema.IndexColumn{{Column: 2}}}, {ID: 3, Name: "k", Columns: []schema.IndexColumn{{Column: 1}}}},
		Tablets: []schema.Tablet{{ID: goldenTablet, Shard: goldenShard}}}
}

func environment() *expr.Env {
	m := *types.DefaultMode()
	m.Loc, m.Today = time.UTC, temporal.Pack(2026, 11, 28, 0, 0, 0, 0)
	return &expr.Env{Mode: m, Now: epoch, InDML: true}
}

func (s *samples) values() {
	for i, r := range columnRows() {
		for j, v := range r {
			s.add("value", fmt.Sprintf("%d/%d", i, j), types.AppendValue(nil, v))
		}
		s.add("row", fmt.Sprint(i), row.Encode(nil, columnsTable(), r))
	}
	for i, t := range columnTypes() {
		s.add("type", fmt.Sprint(i), types.AppendType(nil, &t))
	}
	t := columnsTable()
	for i, r := range columnRows() {
		primary := keys.AppendPrimary(nil, t, r)
		s.add("key", fmt.Sprintf("%d/primary", i), primary)
		for j := 1; j < len(t.Indexes); j++ {
			k, v, _ := keys.AppendIndex(nil, t, &t.Indexes[j], r, primary)
			s.add("key", fmt.Sprintf("%d/%s", i, t.Indexes[j].Name), append(k, v...))
		}
	}
}

// arguments are tried for every function: those that it takes are samples.
func arguments(n int) (lists [][]expr.Expr) {
	str := typed(mysql.TypeVarchar, 20, 0, collation.Default)
	kinds := [][]expr.Expr{
		{&expr.Column{Index: 0, Typ: types.TypeInt, Name: "n"}, expr.NewInt(3)},
		{&expr.Column{Index: 1, Typ: str, Name: "s"}, expr.NewStr("é")},
		{&expr.Column{Index: 2, Typ: typed(mysql.TypeDatetime, 26, 6, collation.Binary), Name: "d"}, expr.NewStr("day")},
		{&expr.Column{Index: 3, Typ: types.TypeJSON, Name: "j"}, expr.NewStr("$.a")},
	}
	for _, k := range kinds {
		list := make([]expr.Expr, n)
		for i := range list {
			list[i] = k[min(i, 1)]
		}
		lists = append(lists, list)
	}
	return lists
}

func (s *samples) expressions() {
	for _, name := range expr.Names() {
		for n := range 6 {
			for i, args := range arguments(n) {
				if e, err := newCall(name, args); err == nil {
					if data, err := s.encodeExpr(e, environment()); err == nil {
						s.add("expr", fmt.Sprintf("%s/%d/%d", name, n, i), data)
					}
				}
				if n == 0 {
					break
				}
			}
		}
	}
	for _, name := range []string{"count", "sum", "avg", "min", "max", "any_value", "bit_and", "bit_or", "bit_xor", "stddev_pop", "stddev_samp", "var_pop",
		"var_samp", "group_concat", "json_arrayagg", "json_objectagg"} {
		for n := range 3 {
			if a, err := expr.NewAgg(name, false, arguments(n)[0]); err == nil {
				if data, err := s.encodeAgg(a, environment()); err == nil {
					s.add("agg", fmt.Sprintf("%s/%d", name, n), data)
				}
			}
		}
	}
}

// newCall is expr.New for arguments that it was not made for.
func newCall(name string, args []expr.Expr) (e expr.Expr, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return expr.New(name, args...)
}

func call(name string, args ...expr.Expr) expr.Expr {
	e, err := expr.New(name, args...)
	if err != nil {
		panic(err)
	}
	return e
}

func key(id int64) []byte { return keys.AppendValue(nil, types.Int(id), &types.TypeInt, 0, false) }

func k() expr.Expr { return &expr.Column{Index: 1, Typ: types.TypeInt, Name: "k"} }

func reads() map[string]*fragment.Read {
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		panic(err)
	}
	id := &expr.Column{Typ: types.TypeInt, Name: "id"}
	base := fragment.Read{Tablet: goldenTablet, SchemaVersion: 1, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2, 3}, Env: environment()}
	with := func(change func(r *fragment.Read)) *fragment.Read {
		r := base
		change(&r)
		return &r
	}
	return map[string]*fragment.Read{
		"keys":   with(func(r *fragment.Read) { r.Keys = [][]byte{key(1), key(-1)} }),
		"nokeys": with(func(r *fragment.Read) { r.Keys = [][]byte{}; r.Env = nil }),
		"spans": with(func(r *fragment.Read) {
			r.Spans = []fragment.Span{{Start: key(1), End: key(5)}, {Start: key(9)}}
			r.Reverse = true
		}),
		"withkey": with(func(r *fragment.Read) { r.Index, r.WithKeys, r.Limit = 3, true, 12 }),
		"filter":  with(func(r *fragment.Read) { r.Filter = call(">", k(), expr.NewInt(5)) }),
		"project": with(func(r *fragment.Read) {
			r.Project, r.Order, r.Limit = []expr.Expr{call("+", k(), expr.NewInt(1)), id}, []expr.SortKey{{Expr: id, Desc: true}}, 3
		}),
		"agg": with(func(r *fragment.Read) {
			r.Agg = &fragment.Aggregate{GroupBy: []expr.Expr{k()}, Aggs: []*expr.Agg{count}}
		}),
	}
}

func rowsOf(vals ...types.Value) types.Batch { return types.Batch{Width: 3, Vals: vals} }

func insert(kind fragment.Kind, id, n int64, name string) *fragment.Write {
	return &fragment.Write{Kind: kind, Tablet: goldenTablet, SchemaVersion: 1, Columns: []schema.ColumnID{1, 2, 3},
		Rows: rowsOf(types.Int(id), types.Int(n), types.Str(name)), FirstRow: 1, Env: environment()}
}

func writes() map[string]*fragment.Write {
	plus := []fragment.Assignment{{Column: 2, Expr: call("+", k(), expr.NewInt(1))}}
	dup := insert(fragment.InsertOrUpdate, 1, 5, "one")
	dup.Set = []fragment.Assignment{{Column: 2, Expr: call("+", k(), &expr.Column{Index: 4, Typ: types.TypeInt, Name: "VALUES(k)"})},
		{Column: 3, Expr: expr.NewStr("dup"), OnlyIfChanged: true}}
	gen := insert(fragment.Insert, 100, 1, "gen")
	gen.AutoInc, gen.Generated = true, []uint32{0}
	put := insert(fragment.Put, 4, 44, "put")
	put.Keys = [][]byte{key(4)}
	keyed := func(kind fragment.Kind, id int64) *fragment.Write {
		return &fragment.Write{Kind: kind, Tablet: goldenTablet, SchemaVersion: 1, Keys: [][]byte{key(id)}, FirstRow: 1, Env: environment()}
	}
	update, remove := keyed(fragment.Update, 2), keyed(fragment.Delete, 3)
	update.Set = plus
	remove.Where = call("=", k(), expr.NewInt(30))
	sequence := keyed(fragment.UpdateSequence, 2)
	sequence.Set = plus
	return map[string]*fragment.Write{
		"insert": gen, "ignore": insert(fragment.InsertIgnore, 1, 9, "one"), "replace": insert(fragment.Replace, 2, 20, "three"),
		"duplicate": dup, "update": update, "delete": remove, "put": put, "reindex": keyed(fragment.Reindex, 1),
		"sequence": sequence,
	}
}

func txn(n byte) (id fragment.TxnID) {
	id[0], id[8] = 1, n
	return id
}

// log is entries of every kind; the shard that applies them holds records of every kind afterwards.
func (s *samples) log() {
	at := func(n uint64) mvcc.Timestamp { return mvcc.At(epoch) + mvcc.Timestamp(n) }
	tablet, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: goldenTablet, Table: smallTable()})
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	entry := func(name string, cmd []byte) {
		s.add("log", fmt.Sprintf("%02d/%s", n, name), cmd)
		n++
	}
	batch := func(name string, ps ...shard.Proposal) {
		b := &shard.Batch{ID: uint64(n), Proposer: 1, Epoch: 1, Closed: at(uint64(n)*10 - 1), Proposals: ps}
		for i := range b.Proposals {
			b.Proposals[i].TS = at(uint64(n) * 10)
		}
		entry(name, s.encodeBatch(b))
	}
	row := func(id, n int64, name string) []byte {
		return row.Encode(nil, smallTable(), []types.Value{types.Int(id), types.Int(n), types.Str(name)})
	}
	commit := func(id byte, w ...*fragment.Write) shard.Proposal {
		return shard.Proposal{Kind: shard.ProposalCommit, Txn: txn(id), First: at(1), Writes: w}
	}
	effects := func(ids ...int64) (out []fragment.Effect) {
		for _, id := range ids {
			out = append(out, fragment.Effect{Tablet: goldenTablet, Key: key(id), Op: fragment.EffectPut, Row: row(id, id, fmt.Sprint("e", id))})
		}
		return out
	}
	entry("tablet", tablet)
	entry("lease", shard.EncodeLease(nil, &shard.LeaseCommand{Prev: 0, Lease: shard.Lease{Epoch: 1, Holder: 1, Duration: 2 * time.Second, Serial: 1}, Nonce: 99}))
	batch("insert", commit(1, insert(fragment.Insert, 1, 10, "one")), commit(2, insert(fragment.Insert, 2, 20, "two")), commit(3, insert(fragment.Insert, 3, 30, "three")),
		commit(4, insert(fragment.Insert, 4, 40, "four")))
	id := byte(10)
	all := writes()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		batch(name, commit(id, all[name]))
		id++
	}
	batch("repeated", commit(1, insert(fragment.Insert, 1, 10, "one")))
	batch("failed", commit(50, insert(fragment.Insert, 1, 10, "again")))
	batch("effects", shard.Proposal{Kind: shard.ProposalCommit, Txn: txn(51), Effects: append(effects(70, 71), fragment.Effect{Tablet: goldenTablet, Key: key(72), Op: fragment.EffectCheck})})
	batch("stage", shard.Proposal{Kind: shard.ProposalStage, Txn: txn(60), Effects: effects(80)})
	batch("prepare", shard.Proposal{Kind: shard.ProposalPrepare, Txn: txn(60), Piece: 1, Effects: effects(81), Participants: []schema.ShardID{2, 3},
		Ranges: []shard.Range{{Tablet: goldenTablet, Index: 3, Start: []byte{1}, End: nil}}})
	batch("prepareleft", shard.Proposal{Kind: shard.ProposalPrepare, Txn: txn(61), Effects: effects(90), Participants: []schema.ShardID{2, 3}})
	batch("resolve", shard.Proposal{Kind: shard.ProposalResolve, Txn: txn(60), CommitTS: at(1000)})
	batch("forget", shard.Proposal{Kind: shard.ProposalForget, Txn: txn(63), Forget: []fragment.TxnID{txn(60)}})
	batch("abort", shard.Proposal{Kind: shard.ProposalAbort, Txn: txn(64)})
	entry("watermark", shard.EncodeWatermark(nil, &shard.WatermarkCommand{Watermark: at(15), Closed: at(500)}))
	entry("system", shard.EncodeSystem(nil, &shard.SystemCommand{ID: 5, Expect: []shard.SystemExpect{{Key: "a", Version: 0}}, Sets: []shard.SystemSet{{Key: "a", Value: []byte("1")}, {Key: "b"}}}))
	s.logLater(entry, at)
}

func (s *samples) messages() {
	for _, name := range slices.Sorted(maps.Keys(reads())) {
		data, err := s.encodeRead(reads()[name])
		if err != nil {
			s.t.Fatal(name, err)
		}
		s.add("read", name, data)
	}
	for _, name := range slices.Sorted(maps.Keys(writes())) {
		data, err := s.encodeWrite(writes()[name])
		if err != nil {
			s.t.Fatal(name, err)
		}
		s.add("write", name, data)
	}
	s.writesLater()
	s.add("result", "full", fragment.AppendWriteResult(nil, &fragment.WriteResult{Matched: 1, Changed: 2, Affected: 3, Duplicates: 4, FirstAutoInc: 5, LastUpdated: 6,
		Warnings: []fragment.Warning{{Level: "Warning", Code: 1265, Message: "cut"}}, Err: mysqlerr.Newf(1062, "Duplicate")}))
	s.add("result", "empty", fragment.AppendWriteResult(nil, &fragment.WriteResult{}))
	p := &fragment.Page{Batch: rowsOf(types.Int(1), types.Null, types.Str("x")), Keys: [][]byte{key(1)}, Next: []byte{7}}
	s.add("page", "full", fragment.AppendPage(nil, p))
}

func (s *samples) catalog() {
	tx := catalog.Empty().Begin()
	tx.PutDatabase(&schema.Database{ID: 3, Name: "d", Collation: collation.Default, Shard: 2})
	tx.PutTable(columnsTable())
	tx.PutTable(smallTable())
	tx.PutUser(&catalog.User{Name: "root", Host: "%", Plugin: "caching_sha2_password", Secret: []byte{1, 2}, LoopbackOnly: true, Global: ^uint64(0), GrantOption: true})
	tx.PutUser(&catalog.User{Name: "u", Host: "10.%", Plugin: "mysql_native_password", Locked: true, DBs: map[string]uint64{"d": 7, "e": 1}})
	tx.PutNode(&catalog.Node{ID: 1, NodeAddr: "n:1", SQLAddr: "n:2", HTTPAddr: "n:3", Token: "t"})
	tx.PutShard(&catalog.Shard{ID: 2, Replicas: map[schema.NodeID]uint64{1: 1}, NonVoting: map[schema.NodeID]uint64{2: 4294967298}, NextReplica: 3})
	tx.PutSetting("sql_mode", "ANSI")
	tx.PutRecord("job", "7", map[string]int{"step": 2})
	tx.NewID()
	s.putLater(tx)
	for _, set := range tx.Command(1, 77).Sets {
		s.add("catalog", set.Key, set.Value)
	}
	s.scopes(tx)
}

func makeSamples(t testing.TB) []line {
	s := &samples{t: t, version: newest}
	s.values()
	s.expressions()
	s.messages()
	s.catalog()
	s.log()
	return s.lines
}
