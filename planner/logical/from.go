package logical

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// fromClause binds FROM: tables, derived ones, joins.
type fromClause struct{ *selectQuery }

// from binds a FROM clause: its tree, and its columns in the order that * shows them.
func (q fromClause) from(n ast.ResultSetNode) (Node, []bind.Column, error) {
	switch n := n.(type) {
	case *ast.Join:
		return q.fromJoin(n)
	case *ast.TableSource:
		return q.fromSource(n)
	case *ast.TableName:
		return q.fromTable(n, "")
	case *ast.SelectStmt, *ast.SetOprStmt:
		return nil, nil, mysqlerr.New(mysqlerr.DerivedMustHaveAlias)
	}
	return nil, nil, mysqlerr.NotSupported("this kind of table reference")
}

// maxTables is how many tables one FROM may join.
const maxTables = 61

func (q fromClause) fromSource(n *ast.TableSource) (Node, []bind.Column, error) {
	if _, nested := n.Source.(*ast.Join); !nested {
		if q.joined++; q.joined > maxTables {
			return nil, nil, mysqlerr.New(mysqlerr.TooManyTables, maxTables)
		}
	}
	switch src := n.Source.(type) {
	case *ast.TableName:
		return q.fromTable(src, n.AsName.O)
	case *ast.SelectStmt, *ast.SetOprStmt:
		mode := q.b.ctx.SQLMode
		if q.b.view != nil {
			mode = 0 // as views are kept
		}
		t, err := syntax.JSONTableOf(src, syntax.Options{Mode: mode})
		if t != nil || err != nil {
			if err != nil {
				return nil, nil, err
			}
			return q.fromJSONTable(t, n.AsName.O)
		}
		if n.AsName.O == "" {
			return nil, nil, mysqlerr.New(mysqlerr.DerivedMustHaveAlias)
		}
		outer := q.outer
		if n.Lateral {
			outer = q.lateralScope(n.AsName.O)
		}
		defer q.b.apart()()
		inner, err := q.b.bindQuery(src, outer, q.ctes)
		if err != nil {
			return nil, nil, err
		}
		q.addDerived(inner)
		node, cols, err := derived(inner, n.AsName.O, n.ColumnNames)
		if s, ok := inner.(*selectQuery); ok && err == nil && (merging{s}).mergeable() {
			for i := range cols { // MySQL merges it, and its messages name what is below
				cols[i].Full = expr.Message(s.Fields[i].Expr, nil)
			}
		}
		return node, cols, err
	}
	return q.from(n.Source)
}

// derived makes a table of a query, whose columns may get other names.
func derived(inner block.Query, alias string, names []ast.CIStr) (Node, []bind.Column, error) {
	list := make([]string, len(names))
	for i := range names {
		list[i] = names[i].O
	}
	return derivedAs(inner, alias, list)
}

// derivedAs is derived with plain names.
func derivedAs(inner block.Query, alias string, names []string) (Node, []bind.Column, error) {
	out := inner.Columns()
	if len(names) > 0 && len(names) != len(out) {
		return nil, nil, mysqlerr.New(mysqlerr.ViewWrongList)
	}
	cols := make([]bind.Column, len(out))
	seen := map[string]bool{}
	for i := range out {
		c := out[i]
		if len(names) > 0 {
			c.Field.Name = names[i]
		}
		low := strings.ToLower(c.Field.Name)
		if seen[low] {
			return nil, nil, mysqlerr.New(mysqlerr.DupFieldName, c.Field.Name)
		}
		seen[low] = true
		c.Field.Schema, c.Field.Table, c.Field.OrgTable, c.Field.OrgName = "", alias, "", ""
		c.Field.OrgName = c.Field.Name
		c.Field.Flags &^= uint16(mysql.PriKeyFlag | mysql.UniqueKeyFlag | mysql.MultipleKeyFlag | mysql.PartKeyFlag |
			mysql.AutoIncrementFlag | mysql.NoDefaultValueFlag | mysql.OnUpdateNowFlag)
		c.Shadowed, c.Hidden, c.Invisible, c.Source = false, false, false, nil
		cols[i] = c
	}
	return inner.Node(), cols, nil
}

func (q fromClause) fromTable(n *ast.TableName, alias string) (Node, []bind.Column, error) {
	if n.Schema.O == "" {
		if c := q.ctes.find(n.Name.L); c != nil {
			if alias == "" {
				alias = n.Name.O
			}
			return q.fromCTE(c, alias)
		}
	}
	if alias == "" {
		alias = n.Name.O
	}
	db := n.Schema.O
	if db == "" {
		if db = q.b.ctx.DB; db == "" {
			return nil, nil, mysqlerr.New(mysqlerr.NoDB)
		}
	}
	if n.TableSample != nil {
		return nil, nil, mysqlerr.NotSupported("TABLESAMPLE")
	}
	q.b.noteTable(n, db)
	names := q.b.ctx.Catalog
	if q.b.view != nil {
		names = names.Shared()
	}
	t, ok := names.Table(db, n.Name.O)
	if !ok && len(n.PartitionNames) > 0 {
		return nil, nil, mysqlerr.NotSupported("PARTITION of something that is not a table")
	}
	if !ok {
		if v, isView := names.View(db, n.Name.O); isView {
			return q.fromView(v, n, db, alias)
		}
	}
	if !ok && n.AsOf == nil {
		return q.fromVirtual(db, n, alias)
	}
	if !ok {
		return nil, nil, mysqlerr.New(mysqlerr.NoSuchTable, db, n.Name.O)
	}
	err := q.b.check(mysql.SelectPriv, db, t.Name)
	if err == nil {
		err = q.b.noteTime(n)
	}
	r := &Table{DB: db, Alias: alias}
	r.Desc = t
	item := fromItem{db: db, alias: alias, tables: []*Table{r}}
	if err == nil {
		err = q.b.unchanged(q.b.changes, &item)
	}
	if err != nil {
		return nil, nil, err
	}
	q.b.dependOn(t)
	q.b.reads++
	if q.b.view != nil {
		if q.b.via == nil {
			q.b.via = map[*Table]*viewUse{}
		}
		q.b.via[r] = q.b.view
	}
	r.Table = access.Table{Desc: t, First: q.IDs.New(len(t.Columns)), Rows: q.b.tableRows(t)}
	r.Known = access.KnownOf(q.b.ctx.Catalog.Statistics(t.ID), &q.b.env.Mode, q.b.ctx.Env)
	if r.Only, err = partitionsNamed(t, alias, n.PartitionNames); err != nil {
		return nil, nil, err
	}
	if r.Lock, err = q.locks.of(r); err != nil {
		return nil, nil, err
	}
	if r.Lock.Mode == distributed.ReadForUpdate && !q.b.o.Changes {
		q.b.ctx.LockForUpdate(db, t)
	}
	if q.b.o.Changes && !q.locking {
		r.Lock.Mode = distributed.ReadForChange
	}
	if r.Hint, err = access.Hints(t, n.IndexHints); err != nil {
		return nil, nil, err
	}
	r.Hint = q.indexHint(t, alias, r.Hint)
	q.Tables = append(q.Tables, r)
	q.items = append(q.items, item)
	cols := bind.TableColumns(t, db, alias, r.First)
	if q.b.ctx.RowIDs && t.Columns[0].RowID() {
		cols[0].Field.Name, cols[0].Hidden, cols[0].Invisible = schema.RowIDName, false, true
	}
	return r, bind.Padded(q.b.env, cols), nil
}

// partitionsNamed gives the places of the partitions that PARTITION (…) names, nil where there is none: 1735, 1747.
func partitionsNamed(t *schema.Table, alias string, names []ast.CIStr) (leaves []int, err error) {
	if len(names) > 0 && t.Partitioning == nil {
		return nil, mysqlerr.New(mysqlerr.PartitionOnNonpartitioned)
	}
	for _, name := range names {
		first, n, ok := t.Partitioning.ByName(name.O)
		if !ok {
			return nil, mysqlerr.New(mysqlerr.UnknownPartition, name.O, alias)
		}
		for leaf := first; leaf < first+n; leaf++ {
			if !slices.Contains(leaves, leaf) {
				leaves = append(leaves, leaf)
			}
		}
	}
	slices.Sort(leaves)
	return leaves, nil
}

func (q fromClause) fromVirtual(db string, n *ast.TableName, alias string) (Node, []bind.Column, error) {
	name := n.Name.O
	if q.b.ctx.Virtual != nil {
		if v, ok := q.b.ctx.Virtual(db, name); ok {
			if of, isView := v.(exec.VirtualView); isView {
				return q.fromView(of.View(), n, db, alias)
			}
			return q.virtual(v, alias)
		}
	}
	if _, ok := q.b.ctx.Catalog.Database(db); !ok && !isSystemDB(db) {
		return nil, nil, mysqlerr.New(mysqlerr.BadDB, db)
	}
	if isInfoSchema(db) {
		return nil, nil, mysqlerr.New(mysqlerr.UnknownTable, strings.ToUpper(name), infoSchema)
	}
	return nil, nil, bind.NoTable(db, name)
}

const infoSchema = "information_schema"

func isInfoSchema(db string) bool { return strings.EqualFold(db, infoSchema) }

func isSystemDB(db string) bool {
	switch strings.ToLower(db) {
	case "information_schema", "performance_schema", "mysql", "sys":
		return true
	}
	return false
}

func (q fromClause) virtual(v exec.VirtualTable, alias string) (Node, []bind.Column, error) {
	db, name := v.Name()
	list := v.Columns()
	r := &Virtual{Rows: v, Name: db + "." + name, First: q.IDs.New(len(list))}
	cols := make([]bind.Column, len(list))
	for i := range list {
		c := &cols[i]
		c.ID = r.First + i
		c.Field.Schema, c.Field.Table, c.Field.OrgTable = db, alias, name
		c.Field.Name, c.Field.OrgName, c.Field.Type = list[i].Name, list[i].Name, list[i].Type
		c.Field.Flags = bind.TypeFlags(&list[i].Type)
		if list[i].NotNull {
			c.Field.Flags |= uint16(mysql.NotNullFlag)
		}
	}
	return r, cols, nil
}

func (q fromClause) fromJoin(n *ast.Join) (Node, []bind.Column, error) {
	left, lcols, err := q.side(n.Left, n.Tp == ast.RightJoin)
	if err != nil || n.Right == nil {
		return left, lcols, err
	}
	onLeft, from := q.visible, len(q.lateral)
	q.visible = append(onLeft[:len(onLeft):len(onLeft)], lcols...)
	right, rcols, err := q.side(n.Right, n.Tp == ast.LeftJoin)
	q.visible = onLeft
	if err != nil {
		return nil, nil, err
	}
	refs := q.takeLateral(from, left)
	if err := bind.UniqueTables(lcols, rcols); err != nil {
		return nil, nil, err
	}
	j := &Join{Kind: exec.Inner, Left: left, Right: right}
	j.Straight = n.StraightJoin || q.straight
	switch n.Tp {
	case ast.LeftJoin:
		j.Kind = exec.Left
		bind.Nullable(rcols)
	case ast.RightJoin:
		j.Kind, j.Left, j.Right = exec.Left, right, left
		bind.Nullable(lcols)
	}
	if n.NaturalJoin || len(n.Using) > 0 {
		cols, err := q.mergeColumns(j, n, lcols, rcols)
		if err != nil {
			return nil, nil, err
		}
		out, err := lateralJoin(j, refs, n.Tp == ast.RightJoin)
		return out, cols, err
	}
	cols := append(append([]bind.Column{}, lcols...), rcols...)
	if n.On != nil {
		if err := q.bindOn(j, n.On.Expr, cols); err != nil {
			return nil, nil, err
		}
	}
	out, err := lateralJoin(j, refs, n.Tp == ast.RightJoin)
	return out, cols, err
}

// side is one side of a join; optional tells that the join may leave it out.
func (q fromClause) side(n ast.ResultSetNode, optional bool) (Node, []bind.Column, error) {
	if optional {
		q.nullSide++
		defer func() { q.nullSide-- }()
	}
	return q.from(n)
}

func (q fromClause) bindOn(j *Join, on ast.ExprNode, cols []bind.Column) error {
	b := q.binder(bind.On)
	sc := q.scopeOf(cols)
	condition := bind.Expr
	if j.Kind == exec.Inner && q.nullSide == 0 {
		condition = bind.Condition
	}
	e, err := condition(b, sc, on)
	if err != nil {
		return err
	}
	j.On = scalar.Split(j.On, expr.Filter(q.b.fold(expr.Condition(e))))
	return nil
}

// mergeColumns joins on the columns of USING, or on those that both sides have (NATURAL). Merged columns come first, in
// the order of the first side that the join keeps whole.
func (q fromClause) mergeColumns(j *Join, n *ast.Join, lcols, rcols []bind.Column) ([]bind.Column, error) {
	names := bind.UsingNames(n, lcols, rcols)
	var merged []bind.Column
	for _, name := range names {
		l, err := bind.FindMerged(lcols, name)
		if err != nil {
			return nil, err
		}
		r, err := bind.FindMerged(rcols, name)
		if err != nil {
			return nil, err
		}
		eq, err := expr.New("=", l.Value(), r.Value())
		if err != nil {
			return nil, err
		}
		j.On = append(j.On, eq)
		if notes := q.b.o.Notes; notes != nil {
			notes.Using[n] = append(notes.Using[n], [2]bind.Column{*l, *r})
		}
		keep, drop := l, r
		if n.Tp == ast.RightJoin {
			keep, drop = r, l
		}
		merged = append(merged, *keep)
		drop.Shadowed = true
	}
	isMerged := func(c *bind.Column) bool {
		for i := range merged {
			if m := &merged[i]; m.ID == c.ID && m.Field.Name == c.Field.Name && m.Field.Table == c.Field.Table {
				return true
			}
		}
		return false
	}
	cols := merged
	first, second := lcols, rcols
	if n.Tp == ast.RightJoin {
		first, second = rcols, lcols
	}
	for _, side := range [][]bind.Column{first, second} {
		for i := range side {
			if !isMerged(&side[i]) {
				cols = append(cols, side[i])
			}
		}
	}
	return cols, nil
}

// LockForUpdate notes that a SELECT locks rows of a table as a change would: table locks, a global read lock and read_only keep it off.
func (ctx *Context) LockForUpdate(db string, t *schema.Table) {
	if ctx.Implied != nil && !t.Temporary() {
		ctx.Implied(db, t, true)
	}
}

// lockClause is FOR UPDATE or FOR SHARE.
type lockClause struct {
	lock  Lock
	names []*ast.TableName // OF; none: all tables
	locks []Lock           // by name
	found []bool           // by name
}

func (c *lockClause) read(l *ast.SelectLockInfo) {
	if l == nil || l.LockType == ast.SelectLockNone {
		return
	}
	switch l.LockType {
	case ast.SelectLockForUpdate, ast.SelectLockForUpdateNoWait, ast.SelectLockForUpdateSkipLocked, ast.SelectLockForUpdateWaitN:
		c.lock.Mode = distributed.ReadForUpdate
	default:
		c.lock.Mode = distributed.ReadForShare
	}
	c.lock.Opts.NoWait = l.LockType == ast.SelectLockForUpdateNoWait || l.LockType == ast.SelectLockForShareNoWait
	c.lock.Opts.SkipLocked = l.LockType == ast.SelectLockForUpdateSkipLocked || l.LockType == ast.SelectLockForShareSkipLocked
	c.names, c.found, c.locks = l.Tables, make([]bool, len(l.Tables)), make([]Lock, len(l.Tables))
	for i, t := range l.Tables {
		c.locks[i] = c.lock
		if update, noWait, skip, ok := syntax.LockOf(t); ok { // of a clause behind the first
			c.locks[i] = Lock{Mode: distributed.ReadForShare}
			c.locks[i].Opts.NoWait, c.locks[i].Opts.SkipLocked = noWait, skip
			if update {
				c.locks[i].Mode = distributed.ReadForUpdate
			}
		}
	}
}

// of gives the lock of a table in the block's FROM.
func (c *lockClause) of(t *Table) (Lock, error) {
	if len(c.names) == 0 {
		return c.lock, nil
	}
	var lock Lock
	for i, n := range c.names {
		_, _, _, later := syntax.LockOf(n)
		if t.Alias != n.Name.O || n.Schema.O != "" && n.Schema.O != t.DB && !later {
			continue
		}
		if lock.IsExplicit() {
			return lock, mysqlerr.New(mysqlerr.DuplicateTableLock, t.Alias)
		}
		lock, c.found[i] = c.locks[i], true
	}
	return lock, nil
}

// unresolved is the error of a name that no table goes by.
func (c *lockClause) unresolved() error {
	for i, n := range c.names {
		if !c.found[i] {
			return mysqlerr.New(mysqlerr.UnresolvedTableLock, n.Name.O)
		}
	}
	return nil
}
