package handler

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Handlers are a session's.
type Handlers struct {
	open map[string]*Handler // by name in lower case
	hold memory.Hold
}

// Handler is one that is open.
type Handler struct {
	name, db string
	table    *schema.Table // as it was used last
	index    string        // whose order the place is in
	at       place
}

// place is where a handler stands in the order of an index.
type place struct {
	side side
	key  []types.Value // of the row, or what was looked for in vain: the first columns of the order
}

type side uint8

const (
	nowhere side = iota // NEXT is the first row, PREV the last
	before              // the first row
	after               // the last row
	within              // at key
)

// handlerBytes is what a handler is charged with: it keeps one key.
const handlerBytes = 8 << 10

// Init is for a new session.
func (h *Handlers) Init(hold memory.Hold) { h.hold = hold }

// Reset closes all.
func (h *Handlers) Reset() {
	h.open = nil
	h.hold.Close()
}

// Open opens a table under a name: 1066 for one that is in use.
func (h *Handlers) Open(name, db string, t *schema.Table) error {
	key := strings.ToLower(name)
	if h.open[key] != nil {
		return mysqlerr.New(mysqlerr.NonuniqTable, name)
	}
	if err := h.hold.Grow(handlerBytes); err != nil {
		return err
	}
	if h.open == nil {
		h.open = map[string]*Handler{}
	}
	h.open[key] = &Handler{name: name, db: db, table: t}
	return nil
}

// Find gives the handler of a name, whose table is as the catalog has it. 1109: there is none, or its table is gone.
func (h *Handlers) Find(name string, c *catalog.Snapshot) (*Handler, error) {
	x := h.open[strings.ToLower(name)]
	if x != nil {
		t, ok := c.Table(x.db, x.table.Name)
		if ok && t.ID == x.table.ID {
			if t != x.table {
				x.table, x.at = t, place{}
			}
			return x, nil
		}
		h.forget(name)
	}
	return nil, mysqlerr.New(mysqlerr.UnknownTable, name, "HANDLER")
}

// Close closes a handler. 1109: there is none.
func (h *Handlers) Close(name string) error {
	if h.open[strings.ToLower(name)] == nil {
		return mysqlerr.New(mysqlerr.UnknownTable, name, "HANDLER")
	}
	h.forget(name)
	return nil
}

func (h *Handlers) forget(name string) {
	delete(h.open, strings.ToLower(name))
	_ = h.hold.Grow(-handlerBytes)
}

// Precede is told of each statement before it runs: definitions close the handlers of their tables, FLUSH TABLES loses all places. db is the
// current database.
func (h *Handlers) Precede(n ast.StmtNode, db string) {
	if len(h.open) == 0 {
		return
	}
	switch n := n.(type) {
	case *ast.FlushStmt:
		for _, x := range h.open {
			x.at = place{}
		}
	case *ast.CreateViewStmt:
	case ast.DDLNode, *ast.AnalyzeTableStmt, *ast.OptimizeTableStmt:
		var named tableNames
		n.Accept(&named)
		h.CloseTables(named, db)
	}
}

// CloseTables closes the handlers of tables.
func (h *Handlers) CloseTables(tables []*ast.TableName, db string) {
	for name, x := range h.open {
		for _, t := range tables {
			in := t.Schema.O
			if in == "" {
				in = db
			}
			if in == x.db && t.Name.O == x.table.Name {
				h.forget(name)
				break
			}
		}
	}
}

// tableNames collects the tables that a statement names.
type tableNames []*ast.TableName

// Enter implements ast.Visitor.
func (l *tableNames) Enter(n ast.Node) (ast.Node, bool) {
	if t, ok := n.(*ast.TableName); ok {
		*l = append(*l, t)
	}
	return n, false
}

// Leave implements ast.Visitor.
func (l *tableNames) Leave(n ast.Node) (ast.Node, bool) { return n, true }
