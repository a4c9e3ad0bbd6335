package show

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/distributed/load"
	"cloudsql/planner/exec"
	"cloudsql/sql/ddl"
	"cloudsql/sql/digest"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// server is a Context over a catalog in memory. Its clock stands still.
type server struct {
	snapshot *catalog.Snapshot
	db       string
	user     *catalog.User
	plain    bool // sql_quote_show_create = 0
	lax      bool // sql_mode = ''
	env      expr.Env
	autoInc  map[schema.TableID]uint64
	fake     fakeLocks
}

var clock = time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC)

func newServer() *server {
	s := &server{autoInc: map[schema.TableID]uint64{}}
	s.env = expr.Env{Now: clock, Warn: func(uint16, string) {}, Mode: types.Mode{Strict: true, Loc: time.UTC}}
	s.change(func(tx *catalog.Tx) {
		tx.PutUser(&catalog.User{Name: "root", Host: "%", Plugin: "caching_sha2_password", Global: uint64(mysql.AllPriv),
			GrantOption: true})
		tx.PutUser(&catalog.User{Name: "app", Host: "10.%", Plugin: "mysql_native_password",
			DBs: map[string]uint64{"shop": uint64(mysql.SelectPriv | mysql.InsertPriv)}})
		tx.PutNode(&catalog.Node{ID: 1, NodeAddr: "n1:7306", SQLAddr: "n1:3306", HTTPAddr: "n1:8306"})
		tx.PutNode(&catalog.Node{ID: 2, NodeAddr: "n2:7306", SQLAddr: "n2:3306", HTTPAddr: "n2:8306", Left: true})
		tx.PutShard(&catalog.Shard{ID: 1, Replicas: map[schema.NodeID]uint64{1: 1}, NonVoting: map[schema.NodeID]uint64{2: 2}})
	})
	s.user, _ = s.snapshot.User("root", "%")
	return s
}

func (s *server) change(fn func(tx *catalog.Tx)) {
	if s.snapshot == nil {
		s.snapshot = catalog.Empty()
	}
	tx := s.snapshot.Begin()
	fn(tx)
	s.snapshot = tx.Snapshot
}

func (s *server) DB() distributed.DB         { return cluster{s: s} }
func (s *server) Catalog() *catalog.Snapshot { return s.snapshot }
func (s *server) CurrentDB() string          { return s.db }
func (s *server) Env() *expr.Env             { return &s.env }
func (s *server) Account() *catalog.User     { return s.user }
func (s *server) Quote() bool                { return !s.plain }

func (s *server) Access(priv uint64, db, table string) error {
	p := mysql.PrivilegeType(priv)
	switch {
	case holds(s.user.Global, p) || holds(s.user.DBs[db], p):
		return nil
	case table != "":
		return mysqlerr.New(mysqlerr.TableaccessDenied, strings.ToUpper(p.String()), s.user.Name, s.user.Host, table)
	case db != "":
		return mysqlerr.New(mysqlerr.DBaccessDenied, s.user.Name, s.user.Host, db)
	}
	return mysqlerr.New(mysqlerr.SpecificAccessDenied, strings.ToUpper(p.String()))
}

func (s *server) VisibleTable(db, _ string) bool { return s.Visible(db) }

func (s *server) Visible(db string) bool { return s.user.Global != 0 || s.user.DBs[db] != 0 }

var variables = map[string]string{
	"autocommit": "ON", "character_set_client": "utf8mb4", "lower_case_table_names": "0", "version": "8.0.36-cloudsql",
	"sql_mode": "STRICT_TRANS_TABLES", "gtid_mode": "OFF", "ndbinfo_version": "",
}

func (s *server) Variable(_ bool, name string) (string, bool) { v, ok := variables[name]; return v, ok }

func (s *server) Variables(global bool, fn func(name, value string)) {
	for _, name := range sortedKeys(variables) {
		if !global || name != "autocommit" {
			fn(name, variables[name])
		}
	}
}

func (s *server) Status(_ bool, fn func(name, value string)) {
	fn("Threads_connected", "2")
	fn("Uptime", "120")
}

func (s *server) Digests(context.Context) []*digest.Summary { return nil }

func (s *server) Processes(context.Context) ([]virtual.Process, error) {
	return []virtual.Process{
		{ID: 9, User: "app", Host: "10.0.0.7:40001", Command: "Sleep", Since: clock.Add(-90 * time.Second), Node: 1},
		{ID: 8, User: "root", Host: "localhost", DB: "shop", Command: "Query", Since: clock, State: "executing",
			Info: "SELECT '" + strings.Repeat("x", 120) + "'", Node: 1},
	}, nil
}

func (s *server) Conditions() []virtual.Condition {
	return []virtual.Condition{
		{Level: "Warning", Code: 1365, Message: "Division by 0"},
		{Level: "Error", Code: 1146, Message: "Table 'shop.nope' doesn't exist"},
	}
}

func (s *server) Warn(string, uint16, string) {}

func (s *server) ConnectAttributes() (uint64, map[string]string) {
	return 8, map[string]string{"_client_name": "libmysql", "program_name": "mysql"}
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// cluster is a DB of one node without data.
type cluster struct {
	distributed.DB
	s *server
}

func (c cluster) NodeAlive(id schema.NodeID) bool          { return id == 1 }
func (c cluster) NodeID() schema.NodeID                    { return 1 }
func (c cluster) Leaseholder(schema.ShardID) schema.NodeID { return 1 }
func (c cluster) ShardLoad(schema.ShardID) load.Load {
	return load.Load{Bytes: 1000, Reads: 20, Writes: 3}
}
func (c cluster) TabletWork(*schema.Tablet) (reads, writes float64) { return 19.6, 3 }
func (c cluster) TableStats(*schema.Table) (rows, bytes uint64)     { return 10, 1000 }
func (c cluster) AutoInc(_ context.Context, t *schema.Table) (uint64, error) {
	return max(c.s.autoInc[t.ID], t.AutoIncStart, 1), nil
}

// define runs CREATE DATABASE and CREATE TABLE statements on the catalog.
func (s *server) define(sql string) error {
	nodes, _, err := parser.New().ParseSQL(sql)
	if err != nil {
		return err
	}
	env := &ddl.Env{Mode: s.env.Mode, SQLMode: mysql.ModeStrictTransTables, Now: clock, Collation: collation.Default}
	for _, n := range nodes {
		switch n := n.(type) {
		case *ast.CreateDatabaseStmt:
			coll := collation.Default
			for _, o := range n.Options {
				coll, _ = collation.DefaultOf(o.Value)
			}
			s.change(func(tx *catalog.Tx) {
				tx.PutDatabase(&schema.Database{ID: schema.DatabaseID(tx.NewID()), Name: n.Name.O, Collation: coll})
			})
			s.db = n.Name.O
		case *ast.CreateTableStmt:
			d, _ := s.snapshot.Database(s.db)
			t, err := ddl.CreateTable(env, d, n, nil)
			if err != nil {
				return err
			}
			s.change(func(tx *catalog.Tx) {
				t.ID = schema.TableID(tx.NewID())
				t.Tablets = []schema.Tablet{{ID: schema.TabletID(tx.NewID()), Shard: 1}}
				tx.PutTable(t)
			})
		default:
			return fmt.Errorf("unexpected %T", n)
		}
	}
	return nil
}

// show runs one SHOW, DESCRIBE or EXPLAIN t.
func (s *server) show(sql string) (*Result, error) {
	if r, err, ok := s.recognised(sql); ok {
		return r, err
	}
	n, err := parser.New().ParseOneStmt(sql, "", "")
	if err != nil {
		return nil, err
	}
	if e, ok := n.(*ast.ExplainStmt); ok {
		n = e.Stmt
	}
	stmt, ok := n.(*ast.ShowStmt)
	if !ok {
		return s.query(sql)
	}
	return Run(context.Background(), s, stmt)
}

// scan reads a made-up table: "db.table", conditions "column=value" and "select=a,b".
func (s *server) scan(name string, args []datadriven.CmdArg) (*Result, error) {
	db, table, _ := strings.Cut(name, ".")
	v, ok := virtual.Lookup(s)(db, table)
	if !ok {
		return nil, virtual.UnknownTable(db, table)
	}
	eq := map[string]string{}
	var selected []int
	cols := v.Columns()
	for _, a := range args {
		if a.Key != "select" {
			eq[a.Key] = a.Vals[0]
			continue
		}
		for _, name := range a.Vals {
			i := slices.IndexFunc(cols, func(c exec.VirtualColumn) bool { return strings.EqualFold(c.Name, name) })
			if i < 0 {
				return nil, fmt.Errorf("no column %s", name)
			}
			selected = append(selected, i)
		}
	}
	r := &Result{}
	for i := range cols {
		r.Fields = append(r.Fields, types.Field{Name: cols[i].Name, Type: cols[i].Type})
	}
	err := v.Scan(context.Background(), exec.VirtualQuery{Equal: eq}, func(row []types.Value) error {
		for i := range cols {
			got, ok := eq[strings.ToLower(cols[i].Name)]
			if ok && got != row[i].Text() {
				return nil
			}
		}
		r.Rows = append(r.Rows, slices.Clone(row))
		return nil
	})
	if selected != nil {
		r = r.project(selected...)
	}
	return r, err
}

func (r *Result) text(vertical bool) string {
	var b strings.Builder
	if !vertical {
		for i := range r.Fields {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(r.Fields[i].Name)
		}
		b.WriteString("\n")
	}
	for _, row := range r.Rows {
		for i, v := range row {
			text := "NULL"
			if !v.IsNull() {
				text = string(v.AppendText(nil, &r.Fields[i].Type))
			}
			switch {
			case vertical:
				fmt.Fprintf(&b, "%s: ", r.Fields[i].Name)
			case i > 0:
				b.WriteString(" | ")
			}
			b.WriteString(text)
			if vertical {
				b.WriteString("\n")
			}
		}
		if !vertical {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// TestScripts: commands define (DDL), show or query (a SHOW or a SELECT; "vertical" prints a value a line; several lines are several
// statements), locks (what the nodes tell, see readLocks), deadlock (of those that wait), scan (a made-up table), user (be somebody else), use, set (auto_increment=n of a table, quote=0, lax).
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := newServer()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out, err := s.command(d)
			if err != nil {
				if e := mysqlerr.From(err); e.Code != mysqlerr.UnknownError {
					return fmt.Sprintf("ERROR %d (%s): %s\n", e.Code, e.State, e.Message)
				}
				return "error: " + err.Error() + "\n"
			}
			return out
		})
	})
}

func (s *server) command(d *datadriven.TestData) (string, error) {
	switch d.Cmd {
	case "define":
		return "", s.define(d.Input)
	case "locks":
		return "", s.readLocks(d)
	case "deadlock":
		s.makeDeadlock()
		return "", nil
	case "use":
		s.db = d.CmdArgs[0].Key
		return "", nil
	case "user":
		s.user, _ = s.snapshot.User(d.CmdArgs[0].Key, d.CmdArgs[1].Key)
		return "", nil
	case "set":
		for _, a := range d.CmdArgs {
			switch a.Key {
			case "quote":
				s.plain = a.Vals[0] == "0"
			case "lax":
				s.lax = true
			default:
				table, _ := s.snapshot.Table(s.db, a.Key)
				var n uint64
				if _, err := fmt.Sscan(a.Vals[0], &n); err != nil {
					return "", err
				}
				s.autoInc[table.ID] = n
			}
		}
		return "", nil
	case "show", "query":
		var out strings.Builder
		for i, line := range strings.Split(d.Input, "\n") {
			r, err := s.show(line)
			if err != nil {
				if i == 0 {
					return "", err
				}
				fmt.Fprintf(&out, "-- %s: %v\n", line, err)
				continue
			}
			out.WriteString(r.text(d.HasArg("vertical")))
		}
		return out.String(), nil
	case "scan":
		r, err := s.scan(d.CmdArgs[0].Key, d.CmdArgs[1:])
		if err != nil {
			return "", err
		}
		return r.text(false), nil
	}
	return "", fmt.Errorf("unknown command %s", d.Cmd)
}
