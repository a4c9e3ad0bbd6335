package temptable

import (
	"log/slog"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/distributed/temporary"
	"cloudsql/planner"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/metalock"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Tables are a session's temporary tables and who changes them.
type Tables struct {
	host Host

	tables   *temporary.Tables // nil: there never were any
	data     distributed.DB
	executor *online.Executor
}

// Host is whose they are.
type Host struct {
	DB    distributed.DB // the node's
	Store *temporary.Store
	Owner string // online.Executor.Owner
	// Made is called before the first is made: a transaction that is open takes them in.
	Made func()
	Log  *slog.Logger
}

// Init is for a new session.
func (o *Tables) Init(h Host) { o.host = h }

// Executor gives who makes and changes them.
func (o *Tables) Executor() *online.Executor {
	if o.tables == nil {
		o.tables = o.host.Store.NewTables(o.host.DB)
		o.data = o.tables.DB()
		o.executor = &online.Executor{DB: o.tables.Definitions(), Owner: o.host.Owner}
	}
	o.host.Made()
	return o.executor
}

// Empty tells that there are none.
func (o *Tables) Empty() bool { return o.tables.Empty() }

// Generation is a number that only this state of them has; 0: there are none.
func (o *Tables) Generation() uint64 { return o.tables.Generation() }

// DB is what the session's statements read and write: the node's, with the tables where there are any.
func (o *Tables) DB() distributed.DB {
	if o.tables.Empty() {
		return o.host.DB
	}
	return o.data
}

// Within gives a transaction the tables.
func (o *Tables) Within(txn distributed.Txn) distributed.Txn {
	if o.tables == nil {
		return txn
	}
	return o.tables.Within(txn)
}

// Drop drops all; the session's transaction has ended.
func (o *Tables) Drop() {
	if err := o.tables.Close(); err != nil {
		o.host.Log.Warn("temporary tables are left behind", "err", err)
	}
	o.tables = nil
}

// Named tells whether a name means a temporary table.
func (o *Tables) Named(db, name string) bool {
	_, ok := o.tables.Find(db, name)
	return ok
}

// Refs takes temporary tables out of the tables that a statement names, which are those that locks are about. 1137 for one
// that it names twice.
func (o *Tables) Refs(refs []metalock.Ref) (others []metalock.Ref, err error) {
	if o.Empty() {
		return refs, nil
	}
	seen := map[[2]string]string{}
	for _, r := range refs {
		if r.CTE || !o.Named(r.DB, r.Name) {
			others = append(others, r)
			continue
		}
		id := [2]string{r.DB, strings.Clone(r.Name)}
		if alias, again := seen[id]; again {
			return nil, mysqlerr.New(mysqlerr.CantReopenTable, alias)
		}
		seen[id] = r.Alias
	}
	return others, nil
}

// Used tells whether one of a plan's tables is temporary.
func (o *Tables) Used(tables []planner.TableVersion) bool {
	for _, t := range tables {
		if o.tables.Has(t.ID) {
			return true
		}
	}
	return false
}

// Defines tells whether a definition is of temporary tables by its own words: those neither commit nor are refused in a READ
// ONLY transaction.
func Defines(n ast.StmtNode) bool {
	switch n := n.(type) {
	case *ast.CreateTableStmt:
		return n.TemporaryKeyword != ast.TemporaryNone
	case *ast.DropTableStmt:
		return n.TemporaryKeyword != ast.TemporaryNone
	}
	return false
}

// Aside gives what the session sees under names while a table that it has just made is filled from a query, and what the new
// one is called there: where there are temporary tables, the query's names may mean others than with it.
func (o *Tables) Aside(made *schema.Table) (c *catalog.Snapshot, name string) {
	if o.Empty() {
		return o.host.DB.Catalog(), made.Name
	}
	const aside = "#select"
	return o.tables.Aside(made, aside), aside
}
