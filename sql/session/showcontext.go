package session

import (
	"context"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner"
	"cloudsql/planner/exec"
	"cloudsql/sql/digest"
	"cloudsql/sql/metalock"
	"cloudsql/sql/show/monitor"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/sysvar"
	"cloudsql/sql/view"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
)

// showContext is a session as SHOW and the information_schema see it.
type showContext struct{ s *Session }

var (
	_ virtual.Context           = (*showContext)(nil)
	_ monitor.ConnectAttributes = (*showContext)(nil)
	_ virtual.MetadataLocker    = (*showContext)(nil)
	_ virtual.Viewer            = (*showContext)(nil)
)

func (c *showContext) DB() distributed.DB         { return c.s.own.DB() }
func (c *showContext) Catalog() *catalog.Snapshot { return c.s.snapshot }
func (c *showContext) CurrentDB() string          { return c.s.db }
func (c *showContext) Env() *expr.Env             { return &c.s.env }
func (c *showContext) Visible(db string) bool     { return c.s.account().Visible(db) }
func (c *showContext) VisibleTable(db, table string) bool {
	return c.s.account().VisibleTable(db, table)
}
func (c *showContext) ActiveRoles() []string { return c.s.identity.Active }

// Access checks one privilege.
func (c *showContext) Access(priv uint64, db, table string) error {
	return c.s.account().Access(mysql.PrivilegeType(priv), db, table)
}

// Account is the account's record.
func (c *showContext) Account() *catalog.User {
	u := *c.s.account().User
	u.Secret = nil
	return &u
}

// Variable is a variable as SHOW VARIABLES prints it.
func (c *showContext) Variable(global bool, name string) (string, bool) {
	v, err := sysvar.Lookup(c.s.eng.db.Catalog(), name)
	if err != nil || global && v.Scope&sysvar.Global == 0 {
		return "", false
	}
	return c.show(global, v), true
}

// Variables calls fn for each variable of the scope.
func (c *showContext) Variables(global bool, fn func(name, value string)) {
	for _, v := range sysvar.All(c.s.eng.db.Catalog()) {
		if global && v.Scope&sysvar.Global == 0 || v.Name == "storage_engine" {
			continue // names that MySQL 8.0 does not list any more
		}
		fn(v.Name, c.show(global, v))
	}
}

func (c *showContext) show(global bool, v *sysvar.Variable) string {
	if global {
		return c.s.vars.Global(v)
	}
	return c.s.vars.Of(v)
}

// Status calls fn for each status counter.
func (c *showContext) Status(global bool, fn func(name, value string)) {
	vars := c.s.eng.statusVars()
	if !global {
		vars["Ssl_version"], vars["Ssl_cipher"] = c.s.conn.TLSVersion, c.s.conn.TLSCipher
	}
	names := make([]string, 0, len(vars))
	for n := range vars {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fn(n, vars[n])
	}
}

// ViewColumns are a view's columns. Whoever may see the view may see them, whatever is known of its tables.
func (c *showContext) ViewColumns(v *schema.View, db string) ([]schema.Column, error) {
	ctx := planner.Context{Catalog: c.s.snapshot, DB: db, Virtual: c.s.virtual, Env: &c.s.env, Settings: c.s.vars.Settings}
	return view.Columns(&ctx, v, db)
}

// Processes lists the sessions that the account may see: all with PROCESS, else its own.
func (c *showContext) Processes(ctx context.Context) ([]virtual.Process, error) {
	account := c.s.conn.Account.User
	if c.s.account().Has(mysql.ProcessPriv) {
		account = ""
	}
	return c.s.eng.peers.Processes(ctx, account), nil
}

// Digests sums up the statements of all nodes.
func (c *showContext) Digests(ctx context.Context) []*digest.Summary {
	return c.s.eng.Digests.All(ctx, c.s.eng.peers)
}

// MetadataLocks lists the table locks and user locks in the catalog.
func (c *showContext) MetadataLocks() []virtual.MetadataLock { return metalock.List(c.s.snapshot) }

// Conditions are those of the statement before.
func (c *showContext) Conditions() []virtual.Condition { return c.s.conds.All }

// Warn adds a condition to the statement's.
func (c *showContext) Warn(level string, code uint16, message string) {
	c.s.conds.Note(level, code, message)
}

// ConnectAttributes is what the client told of itself.
func (c *showContext) ConnectAttributes() (connection uint64, attributes map[string]string) {
	return c.s.ConnectionID(), c.s.conn.Attributes
}

// Quote is sql_quote_show_create.
func (c *showContext) Quote() bool { return c.s.vars.Text("sql_quote_show_create") == "ON" }

// findVirtual finds virtual tables and notes that the plan has one: such a plan is of this session and moment.
func findVirtual(s *Session) func(db, table string) (exec.VirtualTable, bool) {
	find := virtual.Lookup(s.shower)
	return func(db, table string) (exec.VirtualTable, bool) {
		t, ok := find(db, table)
		s.making.Virtual = s.making.Virtual || ok
		return t, ok
	}
}
