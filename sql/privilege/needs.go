package privilege

import (
	"errors"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/syntax"
	"cloudsql/sql/dialect"
	"cloudsql/sql/show/monitor"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Need is a privilege that a statement needs: on a table, on a database (table ""), or everywhere (db "" too).
type Need struct {
	privs     []mysql.PrivilegeType // all of them
	any       bool                  // or one of them
	db, table string
	column    string // that is read of a table which the statement may otherwise change: 1143
	// columns are those that a privilege is needed for, where it will do to have it on them: none of them stands for any.
	columns map[mysql.PrivilegeType][]string
	whole   bool // all columns of the table are among them: 1142 in place of 1143
	locking bool // for rows that a SELECT locks
	check   func(a Account) error
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
	case *ast.SetRoleStmt, *ast.UseStmt, *ast.BeginStmt, *ast.CommitStmt, *ast.RollbackStmt, *ast.SavepointStmt, *ast.ReleaseSavepointStmt,
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
	case *ast.LoadDataStmt:
		d.load(n)
	case *ast.UpdateStmt:
		d.update(n)
	case *ast.DeleteStmt:
		d.delete(n)
	case *ast.ExplainStmt:
		return Of(n.Stmt, s)
	case *ast.ExplainForStmt: // what the statement of that connection needs is asked when it is known
		return nil, nil
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

// ToUseFiles is the needs of statements that read or write files of the node.
func ToUseFiles() []Need { return []Need{{privs: []mysql.PrivilegeType{mysql.FilePriv}}} }

// ToSetGlobal is the needs of SET GLOBAL.
func ToSetGlobal() []Need { return []Need{{check: Account.MaySetGlobal}} }

// ToBackUp is the needs of LOCK INSTANCE: RELOAD stands for BACKUP_ADMIN, as where MySQL takes accounts over from before 8.0.
func ToBackUp() []Need { return []Need{{privs: []mysql.PrivilegeType{mysql.ReloadPriv}, any: true}} }

// ToReload is the needs of FLUSH.
func ToReload() []Need { return []Need{{privs: []mysql.PrivilegeType{mysql.ReloadPriv}}} }

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
	view            *schema.View
	columns         []string // that are read
	whole           bool     // all are
	need            int      // of reading it, in the list of needs and counted from 1; 0: none
}

// read notes that columns are read.
func (src *nameSource) read(d *deriver, columns ...string) {
	src.columns = append(src.columns, columns...)
	if src.need > 0 {
		n := &d.list[src.need-1]
		n.columns[mysql.SelectPriv] = src.columns
	}
}

// readAll notes that all columns are read.
func (src *nameSource) readAll(d *deriver) {
	src.whole = true
	if src.read(d, src.all()...); src.need > 0 {
		d.list[src.need-1].whole = true
	}
}

// all are the columns of a source.
func (src *nameSource) all() []string {
	switch {
	case src.view != nil:
		return src.view.Columns
	case src.table == nil:
		return nil
	}
	return columnNames(src.table)
}

// columnNames lists a table's columns.
func columnNames(t *schema.Table) []string {
	var names []string
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			names = append(names, t.Columns[i].Name)
		}
	}
	return names
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

// dbOfTable is dbOf, of a table whose name may be one. 1103.
func (d *deriver) dbOfTable(t *ast.TableName) (string, error) {
	if t.Name.O == "" || strings.HasSuffix(t.Name.O, " ") {
		return "", mysqlerr.New(mysqlerr.WrongTableName, t.Name.O)
	}
	return d.dbOf(t.Schema.O)
}

func (d *deriver) table(t *ast.TableName, privs ...mysql.PrivilegeType) {
	db, err := d.dbOfTable(t)
	if err != nil {
		d.err = errors.Join(d.err, err)
		return
	}
	d.add(Need{privs: privs, db: db, table: t.Name.O})
}

// named is table where no temporary table is meant, whatever there is.
func (d *deriver) named(t *ast.TableName, privs ...mysql.PrivilegeType) {
	db, err := d.dbOfTable(t)
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
		if db, err := d.dbOf(t.Schema.O); err == nil && strings.EqualFold(db, virtual.InfoSchema) {
			d.add(Need{check: func(a Account) error { return a.DeniedDB(virtual.InfoSchema) }})
		}
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
		if there := n.Name.L == virtual.MySQLDB || n.Name.L == virtual.SysDB; !there || !d.s.Account.Has(mysql.CreatePriv) {
			d.database(n.Name.O, mysql.CreatePriv)
		}
	case *ast.DropDatabaseStmt:
		d.database(n.Name.O, mysql.DropPriv)
	case *ast.AlterDatabaseStmt:
		d.database(n.Name.O, mysql.AlterPriv)
	case *ast.CreateTableStmt:
		d.createTable(n)
	case *ast.DropTableStmt:
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
	case *ast.CreateViewStmt:
		d.createView(n, n.OrReplace)
	case *dialect.AlterViewStmt:
		d.createView(n.CreateViewStmt, true)
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

// createView: the view is made, and another may be replaced; its query reads; only who may act for others names another definer.
func (d *deriver) createView(n *ast.CreateViewStmt, replaces bool) {
	privs := []mysql.PrivilegeType{mysql.CreateViewPriv}
	if replaces {
		privs = append(privs, mysql.DropPriv)
	}
	d.table(n.ViewName, privs...)
	if u := n.Definer; u != nil && !u.CurrentUser && (u.Username != d.s.Account.Name || u.Hostname != d.s.Account.Host) {
		d.add(Need{check: func(a Account) error {
			if !a.Has(mysql.SuperPriv) {
				return mysqlerr.New(mysqlerr.SpecificAccessDenied, "SUPER or SET_USER_ID")
			}
			return nil
		}})
	}
	d.walk(n.Select)
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
		if spec.Tp == ast.AlterTableDropPartition || spec.Tp == ast.AlterTableTruncatePartition {
			d.table(n.Table, mysql.DropPriv)
		}
		if spec.Tp == ast.AlterTableExchangePartition {
			d.tables([]*ast.TableName{n.Table, spec.NewTable}, mysql.AlterPriv, mysql.DropPriv, mysql.InsertPriv, mysql.CreatePriv)
			return
		}
		if spec.NewTable != nil {
			to = spec.NewTable // of RENAME
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
	case *ast.CreateUserStmt:
		if n.IsCreateRole {
			d.global(mysql.CreateUserPriv, mysql.CreateRolePriv)
		} else {
			d.global(mysql.CreateUserPriv)
		}
	case *ast.DropUserStmt:
		if n.IsDropRole {
			d.global(mysql.CreateUserPriv, mysql.DropRolePriv)
		} else {
			d.global(mysql.CreateUserPriv)
		}
	case *ast.RenameUserStmt:
		d.global(mysql.CreateUserPriv)
	case *ast.GrantRoleStmt:
		d.add(Need{check: func(a Account) error { return a.mayGrantRoles(n.Roles) }})
	case *ast.RevokeRoleStmt:
		d.add(Need{check: func(a Account) error { return a.mayGrantRoles(n.Roles) }})
	case *ast.SetDefaultRoleStmt:
		for _, u := range n.UserList {
			if !a.isSelf(a.identity(u)) {
				d.global(mysql.CreateUserPriv)
			}
		}
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
		g, err := grantOf(n.Level, n.ObjectType, n.Privs, d.s.DB)
		d.err = err
		d.add(Need{check: func(a Account) error { return a.mayGrant(&g) }})
	case *ast.RevokeStmt:
		g, err := grantOf(n.Level, n.ObjectType, n.Privs, d.s.DB)
		d.err = err
		g.mask &^= grantBit
		if revokesAll(n) {
			d.global(mysql.CreateUserPriv)
		} else {
			d.add(Need{check: func(a Account) error { return a.mayGrant(&g) }})
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
	case ast.ShowMasterStatus, ast.ShowBinlogStatus, ast.ShowReplicaStatus:
		d.global(mysql.SuperPriv, mysql.ReplicationClientPriv)
	case ast.ShowCreateTable, ast.ShowCreateView:
		if n.Table == nil {
			break
		}
		d.table(n.Table, mysql.SelectPriv)
		if db, err := d.dbOf(n.Table.Schema.O); err == nil {
			if _, view := d.s.Catalog.View(db, n.Table.Name.O); view {
				d.table(n.Table, mysql.ShowViewPriv)
			}
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
		need := Need{privs: privs, db: src.db, table: src.name, whole: len(n.Columns) == 0}
		if src.table != nil {
			need.columns = map[mysql.PrivilegeType][]string{mysql.InsertPriv: namesOr(n.Columns, src.all()), mysql.UpdatePriv: nil}
			for _, a := range n.OnDuplicate {
				need.columns[mysql.UpdatePriv] = append(need.columns[mysql.UpdatePriv], a.Column.Name.O)
			}
		}
		d.add(need)
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

// load: a file of the server takes FILE, one of the client nothing.
func (d *deriver) load(n *ast.LoadDataStmt) {
	if n.FileLocRef != ast.FileLocClient {
		d.global(mysql.FilePriv)
	}
	privs := []mysql.PrivilegeType{mysql.InsertPriv}
	if n.OnDuplicate == ast.OnDuplicateKeyHandlingReplace {
		privs = append(privs, mysql.DeletePriv)
	}
	d.table(n.Table, privs...)
	if db, err := d.dbOf(n.Table.Schema.O); err == nil {
		if t, ok := d.s.Catalog.Table(db, n.Table.Name.O); ok {
			var into []*ast.ColumnName
			if into = append(into, n.Columns...); len(n.ColumnsAndUserVars) > 0 {
				for _, a := range n.ColumnAssignments {
					into = append(into, a.Column)
				}
			}
			if n := len(d.list); n > 0 && d.list[n-1].table == t.Name {
				d.list[n-1].columns = onColumns(mysql.InsertPriv, namesOr(into, columnNames(t)))
			}
		}
	}
	for _, a := range n.ColumnAssignments {
		d.walkExpr(a.Expr)
	}
}

// namesOr gives the names of columns, or others where there are none.
func namesOr(list []*ast.ColumnName, otherwise []string) []string {
	if len(list) == 0 {
		return otherwise
	}
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Name.O
	}
	return names
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
	assigned := make([][]string, len(scope.sources))
	for _, a := range n.List {
		if i := scope.find(a.Column); i >= 0 {
			assigned[i] = append(assigned[i], a.Column.Name.O)
		}
	}
	for i := range scope.sources {
		src := &scope.sources[i]
		switch {
		case src.name == "":
		case assigned[i] != nil, len(scope.sources) == 1:
			d.add(Need{privs: []mysql.PrivilegeType{mysql.UpdatePriv}, db: src.db, table: src.name, columns: onColumns(mysql.UpdatePriv, assigned[i])})
		default:
			d.add(Need{privs: []mysql.PrivilegeType{mysql.SelectPriv}, db: src.db, table: src.name, columns: onColumns(mysql.SelectPriv, src.columns)})
		}
	}
	d.ctes = d.ctes[:mark]
}

// onColumns is what Need.columns is of one privilege.
func onColumns(priv mysql.PrivilegeType, columns []string) map[mysql.PrivilegeType][]string {
	return map[mysql.PrivilegeType][]string{priv: columns}
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
			if name == "" && t.Name.O != "" {
				continue // a derived table, which is no target
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
		if len(src.columns) > 0 && src.name != "" {
			d.add(Need{privs: []mysql.PrivilegeType{mysql.SelectPriv}, db: src.db, table: src.name, column: src.columns[0],
				columns: onColumns(mysql.SelectPriv, src.columns)})
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
				before := len(d.list)
				if d.table(t, mysql.SelectPriv); len(d.list) > before { // nothing is needed of a table of the session's own
					d.readBy(n)
				}
			}
			return n, true
		}
	case *ast.SelectField:
		if n.WildCard != nil {
			d.wildcard(n.WildCard)
		}
	case *ast.Join:
		d.joined(n)
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

// readBy has the columns of a table that a SELECT reads noted in the need of reading it, which was the last.
func (d *deriver) readBy(n *ast.TableSource) {
	if len(d.scopes) == 0 || d.err != nil {
		return
	}
	top := d.scopes[len(d.scopes)-1]
	for i := range top.sources {
		if src := &top.sources[i]; src.node == n && (src.table != nil || src.view != nil) {
			src.need = len(d.list)
			d.list[src.need-1].columns, d.list[src.need-1].whole = onColumns(mysql.SelectPriv, src.columns), src.whole
		}
	}
}

// wildcard is * or t.*: all columns are read.
func (d *deriver) wildcard(w *ast.WildCardField) {
	if len(d.scopes) == 0 {
		return
	}
	top := d.scopes[len(d.scopes)-1]
	for i := range top.sources {
		src := &top.sources[i]
		if w.Table.O == "" || strings.EqualFold(w.Table.O, src.alias) && (w.Schema.O == "" || w.Schema.O == src.db) {
			src.readAll(d)
		}
	}
}

// joined: the columns of USING are read of every table that has them, and those of a NATURAL join, which are not known here, may be any.
func (d *deriver) joined(n *ast.Join) {
	if len(d.scopes) == 0 || len(n.Using) == 0 && !n.NaturalJoin {
		return
	}
	top := d.scopes[len(d.scopes)-1]
	for i := range top.sources {
		src := &top.sources[i]
		if n.NaturalJoin {
			src.readAll(d)
		}
		for _, c := range n.Using {
			if src.table != nil && src.table.ColumnByName(c.Name.L) >= 0 {
				src.read(d, c.Name.O)
			}
		}
	}
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
				src.view, _ = d.s.Catalog.View(src.db, src.name)
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
			d.scopes[i].sources[at].read(d, c.Name.O)
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
		if s.view != nil {
			return slices.ContainsFunc(s.view.Columns, func(name string) bool { return strings.EqualFold(name, c.Name.O) })
		}
		return s.table != nil && s.table.ColumnByName(c.Name.L) >= 0
	})
}
