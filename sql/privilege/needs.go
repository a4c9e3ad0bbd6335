package privilege

import (
	"errors"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/syntax"
	"cloudsql/sql/show/monitor"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Need is a privilege that a statement needs: on a table, on a database (table ""), or everywhere (db "" too).
type Need struct {
	privs     []mysql.PrivilegeType // all of them
	any       bool                  // or one of them
	db, table string
	column    string // that is read of a table which the statement may otherwise change: 1143
	locking   bool   // for rows that a SELECT locks
	check     func(a Account) error
}

// ErrUnlisted marks a statement of a kind that Of does not know. It is refused.
var ErrUnlisted = errors.New("privilege: the privileges of this kind of statement are not known")

// Scope is what the names in a statement mean, and whose it is.
type Scope struct {
	Account Account
	DB      string // the current database
	Catalog *catalog.Snapshot
	// SetsGlobal tells whether SET gives a variable a value for the whole cluster.
	SetsGlobal func(v *ast.VariableAssignment) bool
}

// Of derives the privileges that a statement needs from all names in it, as MySQL 8.0 has them: the one place for
// that. A kind of statement that is missing here can't be run. What is not known before a statement runs is checked there: KILL
// (somebody else's thread), USE (a name that there is not), and which rows of SHOW an account may see.
func Of(node ast.StmtNode, s *Scope) ([]Need, error) {
	switch node.(type) {
	case *ast.UseStmt, *ast.BeginStmt, *ast.CommitStmt, *ast.RollbackStmt, *ast.SavepointStmt, *ast.ReleaseSavepointStmt,
		*ast.UnlockTablesStmt, *ast.HelpStmt:
		return nil, nil
	case *ast.PrepareStmt, *ast.ExecuteStmt, *ast.DeallocateStmt: // what was prepared asks for its own
		return nil, nil
	}
	d := deriver{s: s}
	switch n := node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.DoStmt, *ast.KillStmt:
		d.walk(n)
		if sel, ok := n.(*ast.SelectStmt); ok && sel.SelectIntoOpt != nil {
			d.global(mysql.FilePriv)
		}
	case *ast.InsertStmt:
		d.insert(n)
	case *ast.UpdateStmt:
		d.update(n)
	case *ast.DeleteStmt:
		d.delete(n)
	case *ast.ExplainStmt:
		return Of(n.Stmt, s)
	case *ast.ShowStmt:
		d.show(n)
	case *ast.SetStmt:
		d.set(n)
	case *ast.FlushStmt:
		d.global(mysql.ReloadPriv)
		if n.Tp == ast.FlushTables && n.ReadLock {
			d.lock(n.Tables)
		}
	case *ast.LockTablesStmt:
		for _, l := range n.TableLocks {
			d.lock([]*ast.TableName{l.Table})
		}
	case *ast.ShutdownStmt:
		d.global(mysql.ShutdownPriv)
	case *ast.AnalyzeTableStmt:
		d.tables(n.TableNames, mysql.SelectPriv, mysql.InsertPriv)
	case *ast.OptimizeTableStmt:
		d.tables(n.Tables, mysql.SelectPriv, mysql.InsertPriv)
	default:
		if !d.definition(node) && !d.account(node) {
			return nil, ErrUnlisted
		}
	}
	return d.list, d.err
}

// OfLock derives the needs of LOCK TABLES of tables.
func OfLock(s *Scope, list ...*ast.TableName) ([]Need, error) {
	d := deriver{s: s}
	d.lock(list)
	return d.list, d.err
}

// OfTables derives the needs of a statement about tables.
func OfTables(s *Scope, list []*ast.TableName, privs ...mysql.PrivilegeType) ([]Need, error) {
	d := deriver{s: s}
	d.tables(list, privs...)
	return d.list, d.err
}

// ToSetGlobal is the needs of SET GLOBAL.
func ToSetGlobal() []Need { return []Need{{check: Account.MaySetGlobal}} }

// Cover tells whether a privilege on a table is among the needs, or is that of looking for rows which the statement changes, whether
// or not it reads of their columns.
func Cover(needs []Need, priv mysql.PrivilegeType, db, table string) bool {
	for i := range needs {
		if n := &needs[i]; n.db == db && n.table == table && (priv == mysql.SelectPriv || slices.Contains(n.privs, priv)) {
			return true
		}
	}
	return false
}

// deriver collects needs. As a visitor it finds what queries read, wherever in a statement they stand.
type deriver struct {
	s    *Scope
	list []Need
	err  error

	ctes   []string // names of common table expressions that are visible
	scopes []*nameScope
	marks  []int // of each query around: how many ctes there were before it
}

// nameScope is the tables of a FROM clause.
type nameScope struct {
	sources []nameSource
	changes bool // of a statement that changes some of them
}

type nameSource struct {
	node            *ast.TableSource
	alias, db, name string
	table           *schema.Table // nil: derived, or there is none of that name
	column          string        // the first that is read
}

func (d *deriver) add(n Need) {
	if n.table == "" || !d.temporary(n.db, n.table) {
		d.list = append(d.list, n)
	}
}

func (d *deriver) global(privs ...mysql.PrivilegeType) { d.add(Need{privs: privs, any: true}) }

func (d *deriver) database(name string, privs ...mysql.PrivilegeType) {
	db, err := d.dbOf(name)
	if err != nil {
		d.err = errors.Join(d.err, err)
		return
	}
	d.add(Need{privs: privs, db: db})
}

// dbOf gives the database of a name: its own or the current one. 1046.
func (d *deriver) dbOf(name string) (string, error) {
	if name == "" {
		name = d.s.DB
	}
	if name == "" {
		return "", mysqlerr.New(mysqlerr.NoDB)
	}
	return name, nil
}

func (d *deriver) table(t *ast.TableName, privs ...mysql.PrivilegeType) {
	db, err := d.dbOf(t.Schema.O)
	if err != nil {
		d.err = errors.Join(d.err, err)
		return
	}
	d.add(Need{privs: privs, db: db, table: t.Name.O})
}

// named is table where no temporary table is meant, whatever there is.
func (d *deriver) named(t *ast.TableName, privs ...mysql.PrivilegeType) {
	db, err := d.dbOf(t.Schema.O)
	if err != nil {
		d.err = errors.Join(d.err, err)
		return
	}
	d.list = append(d.list, Need{privs: privs, db: db, table: t.Name.O})
}

// temporary tells whether a name means a temporary table: who made it may do anything with it.
func (d *deriver) temporary(db, name string) bool {
	t, ok := d.s.Catalog.Table(db, name)
	return ok && t.Temporary()
}

func (d *deriver) tables(list []*ast.TableName, privs ...mysql.PrivilegeType) {
	for _, t := range list {
		d.table(t, privs...)
	}
}

func (d *deriver) lock(list []*ast.TableName) {
	for _, t := range list {
		d.database(t.Schema.O, mysql.LockTablesPriv)
		d.table(t, mysql.SelectPriv)
	}
}

func (d *deriver) walk(n ast.Node) {
	if n != nil {
		n.Accept(d)
	}
}

// definition derives the needs of data definition statements.
func (d *deriver) definition(node ast.StmtNode) bool {
	switch n := node.(type) {
	case *ast.CreateDatabaseStmt:
		d.database(n.Name.O, mysql.CreatePriv)
	case *ast.DropDatabaseStmt:
		d.database(n.Name.O, mysql.DropPriv)
	case *ast.AlterDatabaseStmt:
		d.database(n.Name.O, mysql.AlterPriv)
	case *ast.CreateTableStmt:
		d.createTable(n)
	case *ast.DropTableStmt:
		if n.IsView {
			return false
		}
		if n.TemporaryKeyword == ast.TemporaryNone {
			d.tables(n.Tables, mysql.DropPriv)
		}
	case *ast.TruncateTableStmt:
		d.truncate(n.Table)
	case *ast.RenameTableStmt:
		for _, p := range n.TableToTables {
			d.named(p.OldTable, mysql.AlterPriv, mysql.DropPriv)
			d.named(p.NewTable, mysql.CreatePriv, mysql.InsertPriv)
		}
	case *ast.AlterTableStmt:
		d.alterTable(n)
	case *ast.CreateIndexStmt:
		d.table(n.Table, mysql.IndexPriv)
	case *ast.DropIndexStmt:
		d.table(n.Table, mysql.IndexPriv)
	default:
		return false
	}
	return true
}

// truncate is DROP of the table; of a virtual one, DROP everywhere: nobody is granted it on those.
func (d *deriver) truncate(t *ast.TableName) {
	if db, err := d.dbOf(t.Schema.O); err == nil && monitor.Resettable(db, t.Name.O) {
		d.add(Need{check: func(a Account) error {
			if !a.Has(mysql.DropPriv) {
				return a.deniedTable(mysql.DropPriv, t.Name.O)
			}
			return nil
		}})
		return
	}
	d.table(t, mysql.DropPriv)
}

func (d *deriver) createTable(n *ast.CreateTableStmt) {
	if n.TemporaryKeyword != ast.TemporaryNone {
		d.database(n.Table.Schema.O, mysql.CreateTMPTablePriv)
	} else if n.Select != nil {
		d.named(n.Table, mysql.CreatePriv, mysql.InsertPriv)
	} else {
		d.named(n.Table, mysql.CreatePriv)
	}
	if n.ReferTable != nil {
		d.table(n.ReferTable, mysql.SelectPriv)
	}
	for _, c := range n.Cols {
		for _, o := range c.Options {
			d.references(o.Refer)
		}
	}
	for _, c := range n.Constraints {
		d.references(c.Refer)
	}
	if n.Select != nil {
		d.walk(n.Select)
	}
}

func (d *deriver) references(r *ast.ReferenceDef) {
	if r != nil && r.Table != nil {
		d.table(r.Table, mysql.ReferencesPriv)
	}
}

// alterTable: the table is altered and, under its old name or a new one, made and filled.
func (d *deriver) alterTable(n *ast.AlterTableStmt) {
	to := n.Table
	if db, err := d.dbOf(to.Schema.O); err == nil && d.temporary(db, to.Name.O) {
		return
	}
	for _, spec := range n.Specs {
		if spec.NewTable != nil {
			to = spec.NewTable // of RENAME, EXCHANGE PARTITION
			if to.Schema.O == "" {
				to = &ast.TableName{Schema: n.Table.Schema, Name: to.Name}
			}
		}
		if spec.Constraint != nil {
			d.references(spec.Constraint.Refer)
		}
		for _, c := range spec.NewColumns {
			for _, o := range c.Options {
				d.references(o.Refer)
			}
		}
	}
	if to != n.Table {
		d.table(n.Table, mysql.AlterPriv, mysql.DropPriv)
	} else {
		d.table(n.Table, mysql.AlterPriv)
	}
	d.table(to, mysql.InsertPriv, mysql.CreatePriv)
}

// account derives the needs of statements about accounts.
func (d *deriver) account(node ast.StmtNode) bool {
	a := d.s.Account
	switch n := node.(type) {
	case *ast.CreateUserStmt, *ast.DropUserStmt, *ast.RenameUserStmt:
		d.global(mysql.CreateUserPriv)
	case *ast.AlterUserStmt:
		for _, spec := range n.Specs { // IDENTIFIED of one's own account is free, and so is ALTER USER USER()
			if len(n.PasswordOrLockOptions) > 0 || !a.isSelf(a.identity(spec.User)) {
				d.global(mysql.CreateUserPriv)
			}
		}
		if n.CurrentAuth != nil && len(n.PasswordOrLockOptions) > 0 {
			d.global(mysql.CreateUserPriv)
		}
	case *ast.SetPwdStmt:
		if !a.isSelf(a.identity(n.User)) {
			d.global(mysql.CreateUserPriv)
		}
	case *ast.GrantStmt:
		db, mask, err := grantLevel(n.Level, n.Privs, d.s.DB)
		d.err = err
		d.add(Need{check: func(a Account) error { return a.mayGrant(db, mask) }})
	case *ast.RevokeStmt:
		db, mask, err := grantLevel(n.Level, n.Privs, d.s.DB)
		d.err = err
		if revokesAll(n) {
			d.global(mysql.CreateUserPriv)
		} else {
			d.add(Need{check: func(a Account) error { return a.mayGrant(db, mask&^uint64(mysql.GrantPriv)) }})
		}
	default:
		return false
	}
	return true
}

// show derives the needs of SHOW about one database, table or account. What else there is shows what an account may see.
func (d *deriver) show(n *ast.ShowStmt) {
	d.walkExpr(n.Where)
	switch n.Tp {
	case ast.ShowGrants, ast.ShowCreateUser:
		d.add(Need{check: func(a Account) error { return a.mayShow(n.User) }})
	case ast.ShowCreateTable:
		if n.Table != nil {
			d.table(n.Table, mysql.SelectPriv)
		}
	}
}

// set derives the needs of SET: of values everywhere, and of queries among the values.
func (d *deriver) set(n *ast.SetStmt) {
	for _, v := range n.Variables {
		d.walkExpr(v.Value)
		if d.s.SetsGlobal(v) {
			d.list = append(d.list, ToSetGlobal()...)
		}
	}
}

func (d *deriver) walkExpr(e ast.ExprNode) {
	if e != nil {
		d.walk(e)
	}
}

func (d *deriver) insert(n *ast.InsertStmt) {
	privs := []mysql.PrivilegeType{mysql.InsertPriv}
	if n.IsReplace {
		privs = append(privs, mysql.DeletePriv)
	}
	if len(n.OnDuplicate) > 0 {
		privs = append(privs, mysql.UpdatePriv)
	}
	for _, src := range d.sourcesOf(n.Table) {
		d.add(Need{privs: privs, db: src.db, table: src.name})
	}
	for _, list := range n.Lists {
		for _, e := range list {
			d.walkExpr(e)
		}
	}
	if n.Select != nil {
		d.walk(n.Select)
	}
	d.change(n.Table, func() {
		for _, a := range n.OnDuplicate {
			d.walkExpr(a.Expr)
		}
	})
}

func (d *deriver) update(n *ast.UpdateStmt) {
	mark := d.with(n.With)
	scope := d.change(n.TableRefs, func() {
		d.walk(n.TableRefs)
		for _, a := range n.List {
			d.walkExpr(a.Expr)
		}
		d.tail(n.Where, n.Order, n.Limit)
	})
	assigned := make([]bool, len(scope.sources))
	for _, a := range n.List {
		if i := scope.find(a.Column); i >= 0 {
			assigned[i] = true
		}
	}
	for i := range scope.sources {
		src := &scope.sources[i]
		switch {
		case src.name == "":
		case assigned[i], len(scope.sources) == 1:
			d.add(Need{privs: []mysql.PrivilegeType{mysql.UpdatePriv}, db: src.db, table: src.name})
		default:
			d.add(Need{privs: []mysql.PrivilegeType{mysql.SelectPriv}, db: src.db, table: src.name})
		}
	}
	d.ctes = d.ctes[:mark]
}

func (d *deriver) delete(n *ast.DeleteStmt) {
	mark := d.with(n.With)
	scope := d.change(n.TableRefs, func() {
		d.walk(n.TableRefs)
		d.tail(n.Where, n.Order, n.Limit)
	})
	if n.IsMultiTable {
		for _, t := range n.Tables.Tables {
			db, name := t.Schema.O, t.Name.O
			for _, src := range scope.sources { // a name there is an alias of the FROM clause
				if src.alias == name && (db == "" || db == src.db) {
					db, name = src.db, src.name
					break
				}
			}
			d.table(&ast.TableName{Schema: ast.NewCIStr(db), Name: ast.NewCIStr(name)}, mysql.DeletePriv)
		}
	}
	priv := mysql.DeletePriv
	if n.IsMultiTable {
		priv = mysql.SelectPriv
	}
	for _, src := range scope.sources {
		if src.name != "" {
			d.add(Need{privs: []mysql.PrivilegeType{priv}, db: src.db, table: src.name})
		}
	}
	d.ctes = d.ctes[:mark]
}

func (d *deriver) tail(where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) {
	d.walkExpr(where)
	if order != nil {
		d.walk(order)
	}
	if limit != nil {
		d.walk(limit)
	}
}

// change visits the parts of a statement that changes tables of from; where their columns are read, SELECT is needed too.
func (d *deriver) change(from *ast.TableRefsClause, visit func()) *nameScope {
	scope := &nameScope{sources: d.sourcesOf(from), changes: true}
	d.scopes = append(d.scopes, scope)
	visit()
	d.scopes = d.scopes[:len(d.scopes)-1]
	for _, src := range scope.sources {
		if src.column != "" && src.name != "" {
			d.add(Need{privs: []mysql.PrivilegeType{mysql.SelectPriv}, db: src.db, table: src.name, column: src.column})
		}
	}
	return scope
}

// with visits the common table expressions of a statement, which are visible from then on, and gives what was before.
func (d *deriver) with(w *ast.WithClause) (mark int) {
	mark = len(d.ctes)
	if w == nil {
		return mark
	}
	for _, c := range w.CTEs {
		if w.IsRecursive {
			d.ctes = append(d.ctes, c.Name.L)
		}
		d.walk(c.Query)
		if !w.IsRecursive {
			d.ctes = append(d.ctes, c.Name.L)
		}
	}
	return mark
}

// Enter implements ast.Visitor.
func (d *deriver) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.WithClause, *ast.TableName, *ast.ValuesExpr, *ast.DefaultExpr:
		return n, true
	case *ast.SelectStmt:
		d.marks = append(d.marks, d.with(n.With))
		scope := &nameScope{sources: d.sourcesOf(n.From)}
		d.scopes = append(d.scopes, scope)
		d.locks(n.LockInfo, scope)
	case *ast.SetOprStmt:
		d.marks = append(d.marks, d.with(n.With))
	case *ast.SetOprSelectList:
		d.marks = append(d.marks, d.with(n.With))
	case *ast.TableSource:
		if t, ok := n.Source.(*ast.TableName); ok {
			if !d.ownTable(n) && !d.isCTE(t) {
				d.table(t, mysql.SelectPriv)
			}
			return n, true
		}
	case *ast.ColumnName:
		d.column(n)
	}
	return n, false
}

// Leave implements ast.Visitor.
func (d *deriver) Leave(n ast.Node) (ast.Node, bool) {
	switch n.(type) {
	case *ast.SelectStmt:
		d.scopes = d.scopes[:len(d.scopes)-1]
		d.unmark()
	case *ast.SetOprStmt, *ast.SetOprSelectList:
		d.unmark()
	}
	return n, true
}

func (d *deriver) unmark() {
	last := len(d.marks) - 1
	d.ctes, d.marks = d.ctes[:d.marks[last]], d.marks[:last]
}

func (d *deriver) isCTE(t *ast.TableName) bool {
	return t.Schema.O == "" && slices.Contains(d.ctes, t.Name.L)
}

// ownTable tells a table that the statement itself changes or joins with what it changes.
func (d *deriver) ownTable(n *ast.TableSource) bool {
	if len(d.scopes) == 0 {
		return false
	}
	top := d.scopes[len(d.scopes)-1]
	return top.changes && slices.ContainsFunc(top.sources, func(s nameSource) bool { return s.node == n })
}

// locks: whoever locks rows for update must be able to do more than read them.
func (d *deriver) locks(l *ast.SelectLockInfo, scope *nameScope) {
	if l == nil {
		return
	}
	first := false
	switch l.LockType {
	case ast.SelectLockForUpdate, ast.SelectLockForUpdateNoWait, ast.SelectLockForUpdateSkipLocked, ast.SelectLockForUpdateWaitN:
		first = true
	}
	for _, src := range scope.sources {
		named := slices.ContainsFunc(l.Tables, func(t *ast.TableName) bool {
			update, _, _, later := syntax.LockOf(t)
			return t.Name.O == src.alias && (update || first && !later)
		})
		if src.name != "" && (named || first && len(l.Tables) == 0) {
			d.add(Need{privs: []mysql.PrivilegeType{mysql.UpdatePriv, mysql.DeletePriv, mysql.LockTablesPriv}, any: true,
				db: src.db, table: src.name, locking: true})
		}
	}
}

// sourcesOf lists what a FROM clause joins.
func (d *deriver) sourcesOf(from *ast.TableRefsClause) (out []nameSource) {
	if from == nil {
		return nil
	}
	var visit func(n ast.ResultSetNode)
	visit = func(n ast.ResultSetNode) {
		switch n := n.(type) {
		case *ast.Join:
			visit(n.Left)
			if n.Right != nil {
				visit(n.Right)
			}
		case *ast.TableSource:
			src := nameSource{node: n, alias: n.AsName.O}
			if t, ok := n.Source.(*ast.TableName); ok && !d.isCTE(t) {
				var err error
				if src.db, err = d.dbOf(t.Schema.O); err != nil {
					d.err = errors.Join(d.err, err)
				}
				src.name = t.Name.O
				src.table, _ = d.s.Catalog.Table(src.db, src.name)
				if src.alias == "" {
					src.alias = src.name
				}
			}
			out = append(out, src)
		}
	}
	visit(from.TableRefs)
	return out
}

// column notes that a column is read: of the innermost tables that have one of the name.
func (d *deriver) column(c *ast.ColumnName) {
	for i := len(d.scopes) - 1; i >= 0; i-- {
		if at := d.scopes[i].find(c); at >= 0 {
			if src := &d.scopes[i].sources[at]; src.column == "" {
				src.column = c.Name.O
			}
			return
		}
	}
}

// find gives the table of a scope that a column belongs to, -1 for none.
func (sc *nameScope) find(c *ast.ColumnName) int {
	return slices.IndexFunc(sc.sources, func(s nameSource) bool {
		if c.Table.O != "" {
			return strings.EqualFold(c.Table.O, s.alias) && (c.Schema.O == "" || c.Schema.O == s.db)
		}
		return s.table != nil && s.table.ColumnByName(c.Name.L) >= 0
	})
}
