package planner

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/canonical"
	"cloudsql/planner/exec"
	"cloudsql/planner/spill"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// The tests run SQL text end to end: parser, planner, operators, and one shard's replica on an engine in memory in place
// of a cluster. A table may have several tablets; all of them are in that shard.

const testShard schema.ShardID = 2

type testDB struct {
	distributed.DB
	t       testing.TB
	s       *shard.Shard
	cat     *catalog.Snapshot
	index   uint64
	ts      mvcc.Timestamp
	txns    uint64
	nextID  uint64
	rowIDs  uint64
	version uint64
	reads   int          // fragments opened
	given   atomic.Int64 // rows that their pages had
	pageMax int
	db      *schema.Database
	naive   bool
	joining algebra.Joining
	memory  int
	space   *spill.Space
	account *memory.Account // of the last query
	session *testSession
	lock    bool // run queries inside a transaction
	// processors that queries may borrow; nil: none. Tablets are cut after every few rows then.
	processors *testProcessors
}

// testProcessors are three that are idle.
type testProcessors struct{ lent atomic.Int64 }

func (p *testProcessors) Idle() bool { return p.lent.Load() < 3 }
func (p *testProcessors) Borrow() bool {
	if p.lent.Add(1) <= 3 {
		return true
	}
	p.lent.Add(-1)
	return false
}
func (p *testProcessors) Return() { p.lent.Add(-1) }

// SplitKeys implements distributed.DB.
func (d *testDB) SplitKeys(t *schema.Tablet) (keys [][]byte) {
	table, ok := d.s.Table(t.ID)
	if !ok {
		d.t.Fatal("no tablet", t.ID)
	}
	r := &fragment.Read{Tablet: t.ID, SchemaVersion: table.Version, Index: schema.PrimaryIndex, WithKeys: true}
	var page fragment.Page
	if err := d.s.Read(context.Background(), r, shard.ReadOptions{}, &page); err != nil {
		d.t.Fatal(err)
	}
	for i := 3; i < len(page.Keys); i += 3 {
		keys = append(keys, page.Keys[i])
	}
	return keys
}

func newTestDB(t testing.TB) *testDB {
	e, err := engine.Open(engine.Options{Dir: "data", FS: vfs.NewMem(), MemTableBytes: 4 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	s, err := shard.Open(e, testShard)
	if err != nil {
		t.Fatal(err)
	}
	d := &testDB{t: t, s: s, cat: catalog.Empty(), ts: mvcc.At(time.Unix(1_700_000_000, 0)), nextID: 100, pageMax: 1 << 12, session: &testSession{vars: map[string]types.Value{}}}
	d.db = &schema.Database{ID: 50, Name: "test", Collation: collation.Default, Shard: testShard}
	d.change(func(tx *catalog.Tx) { tx.PutDatabase(d.db) })
	return d
}

func (d *testDB) change(fn func(tx *catalog.Tx)) {
	tx := d.cat.Begin()
	fn(tx)
	d.version++
	next, err := d.cat.Apply(d.version, tx.Command(1, d.version).Sets)
	if err != nil {
		d.t.Fatal(err)
	}
	d.cat = next
}

// raise makes the cluster one of a version.
func (d *testDB) raise(v version.Version) {
	d.change(func(tx *catalog.Tx) { tx.PutClusterVersion(catalog.ClusterVersion{Active: v}) })
}

func (d *testDB) apply(cmd []byte, err error) shard.Result {
	if err != nil {
		d.t.Fatal(err)
	}
	d.index++
	results, err := d.s.Apply([]shard.Entry{{Index: d.index, Cmd: cmd}})
	if err != nil {
		d.t.Fatal(err)
	}
	return results[0]
}

func (d *testDB) Catalog() *catalog.Snapshot { return d.cat }

func (d *testDB) Write(_ context.Context, _ *distributed.TxnOptions, w ...*fragment.Write) ([]fragment.WriteResult, error) {
	d.ts++
	d.txns++
	p := shard.Proposal{Kind: shard.ProposalCommit, TS: d.ts, Writes: w}
	for i := range 8 {
		p.Txn[i] = byte(d.txns >> (8 * i))
	}
	p.Txn[15] = 1
	for _, f := range w {
		if err := d.s.FillAutoInc(f); err != nil {
			return nil, err
		}
	}
	b := &shard.Batch{ID: d.index, Epoch: d.s.Lease().Epoch, Proposals: []shard.Proposal{p}}
	entry, err := shard.EncodeBatch(nil, b, d.cat.ClusterVersion().Active)
	if err != nil {
		return nil, err
	}
	r := d.apply(entry, nil)
	return r.Results[0].Writes, nil
}

func (d *testDB) Read(_ context.Context, r *fragment.Read) (distributed.Rows, error) {
	d.reads++
	return &testRows{d: d, r: d.roundTrip(r)}, nil
}

// roundTrip sends a fragment through its codec, as a remote leaseholder gets it.
func (d *testDB) roundTrip(r *fragment.Read) *fragment.Read {
	enc, err := fragment.AppendRead(nil, r, d.cat.ClusterVersion().Active)
	if err != nil {
		d.t.Fatalf("encoding a fragment: %v", err)
	}
	dec, rest, err := fragment.DecodeRead(enc)
	if err != nil || len(rest) > 0 {
		d.t.Fatalf("decoding a fragment: %v, %d bytes left", err, len(rest))
	}
	dec.Report = r.Report
	return dec
}

func (d *testDB) ReadPoint(ctx context.Context, r *fragment.Read, page *fragment.Page) error {
	d.reads++
	return d.s.Read(ctx, r, shard.ReadOptions{}, page)
}

func (d *testDB) Snapshot(context.Context) (mvcc.Timestamp, error) { return d.ts, nil }

func (d *testDB) ReadAt(_ context.Context, r *fragment.Read, at mvcc.Timestamp) (distributed.Rows, error) {
	d.reads++
	return &testRows{d: d, r: d.roundTrip(r), at: at}, nil
}

func (d *testDB) NextRowIDs(_ context.Context, n int) (uint64, error) {
	d.rowIDs += uint64(n)
	return d.rowIDs - uint64(n) + 1, nil
}
func (d *testDB) ReserveAutoInc(_ context.Context, t *schema.Table, n uint64) (uint64, error) {
	return d.s.ReserveAutoInc(t.Tablets[0].ID, n)
}
func (d *testDB) Leaseholder(schema.ShardID) schema.NodeID { return 1 }
func (d *testDB) NodeID() schema.NodeID                    { return 1 }

type testRows struct {
	d    *testDB
	r    *fragment.Read
	at   mvcc.Timestamp
	from []byte
	done bool
}

func (r *testRows) Next(ctx context.Context, page *fragment.Page) (bool, error) {
	for !r.done {
		if err := r.d.s.Read(ctx, r.r, shard.ReadOptions{At: r.at, From: r.from, MaxBytes: r.d.pageMax}, page); err != nil {
			return false, err
		}
		r.from = append([]byte(nil), page.Next...)
		r.done = page.Next == nil
		r.d.given.Add(int64(page.Batch.Len()))
		if page.Batch.Len() > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (r *testRows) Close() {}

// testTxn is a transaction that commits each statement at once: enough to see what is sent where.
type testTxn struct {
	distributed.Txn
	d     *testDB
	modes []distributed.ReadMode
}

func (x *testTxn) Read(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, _ distributed.LockOptions) (distributed.Rows, error) {
	x.modes = append(x.modes, mode)
	return x.d.Read(ctx, r)
}

func (x *testTxn) ReadPoint(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, _ distributed.LockOptions, page *fragment.Page) error {
	x.modes = append(x.modes, mode)
	return x.d.ReadPoint(ctx, r, page)
}

func (x *testTxn) Write(ctx context.Context, w *fragment.Write) (*fragment.WriteResult, error) {
	r, err := x.d.Write(ctx, nil, w)
	if err != nil {
		return nil, err
	}
	return &r[len(r)-1], nil
}

// testSession answers what functions ask of a connection.
type testSession struct {
	expr.Session
	vars map[string]types.Value
}

func (s *testSession) UserVar(name string) (types.Value, types.Type) {
	v, ok := s.vars[name]
	if !ok {
		return types.Null, types.TypeNull
	}
	if v.Kind() == types.KindInt {
		return v, types.TypeInt
	}
	return v, types.TypeString
}
func (s *testSession) SetUserVar(name string, v types.Value, _ types.Type) error {
	s.vars[name] = v
	return nil
}
func (s *testSession) CurrentDB() (string, bool) { return "test", true }
func (s *testSession) CurrentUser() string       { return "root@localhost" }
func (s *testSession) ConnectionID() uint64      { return 7 }
func (s *testSession) SysVar(_, name string) (types.Value, types.Type, error) {
	return types.Int(1000), types.TypeInt, nil
}

func (d *testDB) env(params ...types.Value) *expr.Env {
	mode := *types.DefaultMode()
	return &expr.Env{Mode: mode, Now: time.Unix(1_700_000_000, 0).UTC(), Params: params, Session: d.session}
}

func (d *testDB) context(env *expr.Env) *Context {
	return &Context{
		Catalog: d.cat, DB: "test", Env: env, Settings: Settings{SQLMode: mysql.ModeOnlyFullGroupBy, RecursionDepth: 1000, Joining: d.joining}, NoPasses: d.naive, Virtual: testVirtual, ColumnType: columnType,
		Stats: func(t *schema.Table) (rows, bytes uint64) {
			for i := range t.Tablets {
				n, _ := d.s.TabletStats(t.Tablets[i].ID)
				rows += n
			}
			return rows, rows * 100
		},
	}
}

// parse parses one statement.
func parse(t testing.TB, sql string) ast.StmtNode {
	stmt, err := parser.New().ParseOneStmt(sql, "utf8mb4", "utf8mb4_0900_ai_ci")
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return stmt
}

func (d *testDB) plan(sql string, params ...types.Value) (Plan, *expr.Env, error) {
	stmt, err := syntax.Parse(sql, syntax.Options{Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"})
	if err != nil {
		return nil, nil, err
	}
	env := d.env(params...)
	p, err := Build(d.context(env), stmt)
	return p, env, err
}

// query runs a SELECT and gives its rows as text.
func (d *testDB) query(sql string, params ...types.Value) (fields []types.Field, rows [][]string, err error) {
	p, env, err := d.plan(sql, params...)
	if err != nil {
		return nil, nil, err
	}
	q, ok := p.(Rows)
	if !ok {
		return nil, nil, fmt.Errorf("%T gives no rows", p)
	}
	rows, err = d.run(q, env)
	return q.Fields(), rows, err
}

func (d *testDB) run(q Rows, env *expr.Env) ([][]string, error) {
	ctx := context.Background()
	d.account = statementAccount(d.memory)
	rt := &exec.Runtime{DB: d, Env: env, Room: spill.Room{Memory: d.account, Space: d.space}}
	if d.lock {
		rt.Txn = &testTxn{d: d}
	}
	if d.processors != nil {
		rt.Processors = d.processors
	}
	op, err := q.Open(ctx, rt)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	var rows [][]string
	var b types.Batch
	for {
		ok, err := op.Next(ctx, &b)
		if err != nil {
			return nil, err
		}
		if !ok {
			return rows, nil
		}
		for i := range b.Len() {
			row := b.Row(i)
			if len(row) != len(q.Fields()) {
				return nil, fmt.Errorf("a row of %d columns for %d fields", len(row), len(q.Fields()))
			}
			text := make([]string, len(row))
			for k, v := range row {
				if text[k] = "NULL"; !v.IsNull() {
					text[k] = string(v.AppendText(nil, &q.Fields()[k].Type))
				}
			}
			rows = append(rows, text)
		}
	}
}

// exec runs a data change or creates a table.
func (d *testDB) exec(sql string) (*exec.ModifyResult, error) {
	if stmt, ok := parse(d.t, sql).(*ast.CreateTableStmt); ok {
		d.createTable(stmt)
		return &exec.ModifyResult{}, nil
	}
	p, env, err := d.plan(sql)
	if err != nil {
		return nil, err
	}
	rt := &exec.Runtime{DB: d, Env: env, Catalog: d.cat}
	m := p.(Modify)
	if m.NeedsTxn() {
		rt.Txn = &testTxn{d: d}
	}
	return m.Run(context.Background(), rt)
}

func (d *testDB) mustExec(list ...string) {
	d.t.Helper()
	for _, sql := range list {
		if _, err := d.exec(sql); err != nil {
			d.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// createTable makes a descriptor of the plainest CREATE TABLE and installs it. COMMENT 'split 10 20' cuts the table at
// these values of the first key column.
func (d *testDB) createTable(stmt *ast.CreateTableStmt) {
	t := &schema.Table{ID: schema.TableID(d.id()), Database: d.db.ID, Name: stmt.Table.Name.O, Version: 1, Collation: collation.Default, NextColumnID: 100, NextIndexID: 100}
	t.Indexes = []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true}}
	for i, c := range stmt.Cols {
		col := schema.Column{ID: schema.ColumnID(i + 1), Name: c.Name.Name.O, Type: testType(c)}
		for _, o := range c.Options {
			switch o.Tp {
			case ast.ColumnOptionGenerated:
				col.Generated, col.Stored = canonical.Text(o.Expr), o.Stored
			case ast.ColumnOptionOnUpdate:
				col.OnUpdateNow = true
			case ast.ColumnOptionNotNull:
				col.NotNull = true
			case ast.ColumnOptionAutoIncrement:
				col.AutoIncrement = true
			case ast.ColumnOptionPrimaryKey:
				col.NotNull = true
				t.Indexes[0].Columns = []schema.IndexColumn{{Column: i}}
			case ast.ColumnOptionUniqKey:
				t.Indexes = append(t.Indexes, schema.Index{ID: schema.IndexID(len(t.Indexes) + 1), Name: col.Name, Unique: true, Columns: []schema.IndexColumn{{Column: i}}})
			}
		}
		t.Columns = append(t.Columns, col)
	}
	for _, k := range stmt.Constraints {
		if k.Tp == ast.ConstraintCheck {
			name := cmp.Or(k.Name, fmt.Sprintf("%s_chk_%d", t.Name, len(t.Checks)+1))
			t.Checks = append(t.Checks, schema.Check{Name: name, Expr: canonical.Text(k.Expr), Enforced: true})
			continue
		}
		var cols []schema.IndexColumn
		for _, c := range k.Keys {
			if c.Expr != nil {
				cols = append(cols, schema.IndexColumn{Column: d.functional(t, c.Expr)})
				continue
			}
			cols = append(cols, schema.IndexColumn{Column: t.ColumnByName(c.Column.Name.O), Desc: c.Desc, Prefix: max(c.Length, 0)})
		}
		if k.Tp == ast.ConstraintPrimaryKey {
			t.Indexes[0].Columns = cols
			for _, c := range cols {
				t.Columns[c.Column].NotNull = true
			}
			continue
		}
		name := k.Name
		if name == "" {
			name = t.Columns[cols[0].Column].Name
		}
		unique := k.Tp == ast.ConstraintUniq || k.Tp == ast.ConstraintUniqKey || k.Tp == ast.ConstraintUniqIndex
		t.Indexes = append(t.Indexes, schema.Index{ID: schema.IndexID(len(t.Indexes) + 1), Name: name, Unique: unique, Columns: cols})
	}
	if t.Indexes[0].Columns == nil {
		t.Columns = append(t.Columns, schema.Column{ID: 99, Name: schema.HiddenColumnName, Type: types.TypeUint, NotNull: true, Hidden: true})
		t.Indexes[0].Columns = []schema.IndexColumn{{Column: len(t.Columns) - 1}}
	}
	d.cut(t, stmt)
	for i := range t.Tablets {
		if r := d.apply(shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: t.Tablets[i].ID, Table: t.ForTablet(&t.Tablets[i])})); !r.OK {
			d.t.Fatal(r.Err)
		}
	}
	d.change(func(tx *catalog.Tx) { tx.PutTable(t) })
}

// functional adds the hidden column of a functional key part.
func (d *testDB) functional(t *schema.Table, n ast.ExprNode) int {
	c := schema.Column{ID: schema.ColumnID(len(t.Columns) + 1), Hidden: true, Generated: canonical.Text(n)}
	c.Name = fmt.Sprintf("!hidden!%d", c.ID)
	e, err := bind.Key(t, c.Generated)
	if err != nil {
		d.t.Fatal(err)
	}
	if c.Type = *e.Type(); c.Type.Class() == types.ClassString {
		c.Type.ID, c.Type.Decimals = mysql.TypeVarchar, 0
	}
	t.Columns = append(t.Columns, c)
	return len(t.Columns) - 1
}

func (d *testDB) id() uint64 { d.nextID++; return d.nextID }

// partition takes PARTITION BY.
func (d *testDB) partition(t *schema.Table, n *ast.PartitionOptions) {
	p := &schema.Partitioning{NextID: 1}
	p.Method = map[ast.PartitionType]schema.PartitionMethod{
		ast.PartitionTypeRange: schema.PartitionByRange, ast.PartitionTypeList: schema.PartitionByList,
		ast.PartitionTypeHash: schema.PartitionByHash, ast.PartitionTypeKey: schema.PartitionByKey,
	}[n.Tp]
	p.Linear = n.Linear
	kinds := []*types.Type{{ID: mysql.TypeLonglong}}
	if n.Expr != nil {
		p.Expr = canonical.Text(n.Expr)
	} else {
		kinds = nil
	}
	for _, c := range n.ColumnNames {
		pos := t.ColumnByName(c.Name.O)
		p.Columns, kinds = append(p.Columns, t.Columns[pos].ID), append(kinds, &t.Columns[pos].Type)
	}
	value := func(e ast.ExprNode, typ *types.Type) schema.PartitionValue {
		if _, ok := e.(*ast.MaxValueExpr); ok {
			return schema.PartitionValue{Max: true}
		}
		x, err := bind.Expr(&bind.Binder{}, &bind.Scope{}, e)
		if err != nil {
			d.t.Fatal(err)
		}
		v, err := x.Eval(&expr.Env{}, nil)
		if err == nil && !v.IsNull() {
			v, err = conversion.Assign(v, typ, "", 1, &types.Mode{}, nil)
		}
		if err != nil {
			d.t.Fatal(err)
		}
		return schema.NewPartitionValue(v)
	}
	for i := range max(int(n.Num), len(n.Definitions)) { //nolint:gosec // few
		part := schema.Partition{ID: schema.PartitionID(i + 1), Name: fmt.Sprint("p", i)} //nolint:gosec // few
		var tuples [][]ast.ExprNode
		if len(n.Definitions) > 0 {
			switch c := n.Definitions[i].Clause.(type) {
			case *ast.PartitionDefinitionClauseLessThan:
				tuples = [][]ast.ExprNode{c.Exprs}
			case *ast.PartitionDefinitionClauseIn:
				tuples = c.Values
			}
		}
		for _, tuple := range tuples {
			var values []schema.PartitionValue
			for k, e := range tuple {
				values = append(values, value(e, kinds[k]))
			}
			part.Values = append(part.Values, values)
		}
		p.Partitions = append(p.Partitions, part)
	}
	t.Partitioning = p
}

// cut gives the table its tablets: COMMENT 'split 5 9' cuts it at these values of its key's first column, or each of its partitions at some of them.
func (d *testDB) cut(t *schema.Table, stmt *ast.CreateTableStmt) {
	if stmt.Partition == nil {
		d.cutLeaf(t, stmt, 0, func(int) bool { return true })
		return
	}
	d.partition(t, stmt.Partition)
	for i, leaf := range t.Partitioning.Leaves() {
		d.cutLeaf(t, stmt, leaf.ID, func(n int) bool { return (n+i)%3 > 0 })
	}
}

func (d *testDB) cutLeaf(t *schema.Table, stmt *ast.CreateTableStmt, leaf schema.PartitionID, at func(n int) bool) {
	next := schema.Tablet{Shard: testShard, Partition: leaf}
	add := func(end []byte) {
		next.ID, next.End = schema.TabletID(d.id()), end
		t.Tablets = append(t.Tablets, next)
		next.Start = end
	}
	for _, o := range stmt.Options {
		if o.Tp != ast.TableOptionComment {
			continue
		}
		first := t.Indexes[0].Columns[0]
		for i, f := range strings.Fields(o.StrValue)[1:] {
			if n, _ := strconv.Atoi(f); at(i) {
				add(keys.AppendValue(nil, types.Int(int64(n)), &t.Columns[first.Column].Type, 0, first.Desc))
			}
		}
	}
	add(nil)
}

// columnType is what JSON_TABLE asks.
func columnType(c *ast.ColumnDef, _ collation.ID) (types.Type, error) { return testType(c), nil }

func testType(c *ast.ColumnDef) types.Type {
	ft := c.Tp
	t := types.Type{ID: ft.GetType(), Unsigned: mysql.HasUnsignedFlag(ft.GetFlag()), Length: ft.GetFlen(), Decimals: ft.GetDecimal(), Collation: collation.Binary, Elems: ft.GetElems()}
	switch t.Class() {
	case types.ClassString, types.ClassEnum, types.ClassSet:
		if ft.GetCharset() != "binary" {
			t.Collation = collation.Default
		}
	case types.ClassDatetime, types.ClassTime:
		t.Decimals = max(t.Decimals, 0)
	case types.ClassDecimal:
		if t.Length < 0 {
			t.Length, t.Decimals = 10, 0
		}
		t.Decimals = max(t.Decimals, 0)
	}
	for _, o := range c.Options {
		if o.Tp == ast.ColumnOptionCollate {
			t.Collation, _ = collation.ByName(o.StrValue)
		}
	}
	return t
}

// testVirtual has one virtual table: information_schema.numbers.
func testVirtual(db, table string) (exec.VirtualTable, bool) {
	if strings.EqualFold(db, "information_schema") && strings.EqualFold(table, "numbers") {
		return numbers{}, true
	}
	return nil, false
}

type numbers struct{}

func (numbers) Name() (db, table string) { return "information_schema", "numbers" }
func (numbers) Columns() []exec.VirtualColumn {
	return []exec.VirtualColumn{{Name: "N", Type: types.TypeInt, NotNull: true}, {Name: "NAME", Type: types.TypeString}}
}
func (numbers) Scan(_ context.Context, q exec.VirtualQuery, fn func(row []types.Value) error) error {
	for i, name := range []string{"zero", "one", "two", "three"} {
		if want, ok := q.Equal["name"]; ok && want != name {
			continue
		}
		if err := fn([]types.Value{types.Int(int64(i)), types.Str(name)}); err != nil {
			return err
		}
	}
	return nil
}

func sortRows(rows [][]string) {
	sort.Slice(rows, func(i, j int) bool { return strings.Join(rows[i], "\x00") < strings.Join(rows[j], "\x00") })
}

// countingDB counts the snapshots that a plan asks for.
type countingDB struct {
	*testDB
	snapshots int
}

func (d *countingDB) Snapshot(ctx context.Context) (mvcc.Timestamp, error) {
	d.snapshots++
	return d.testDB.Snapshot(ctx)
}

// statementAccount is a statement's account with a limit in bytes.
func statementAccount(limit int) *memory.Account {
	a := new(memory.Account)
	a.Open(nil, memory.Statement, "test", int64(limit))
	return a
}
