package show

import (
	"context"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/bind"
	"cloudsql/sql/show/monitor"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// headed gives the heading of a list with its LIKE pattern, as MySQL shows it: "Database (t%)".
func headed(c virtual.Context, name string, stmt *ast.ShowStmt) (string, error) {
	if stmt.Pattern == nil {
		return name, nil
	}
	pattern, ok, err := patternOf(c, stmt.Pattern)
	if err != nil || !ok {
		return name, err
	}
	return name + " (" + string(pattern) + ")", nil
}

// patternOf evaluates the pattern of a LIKE; ok is false for NULL.
func patternOf(c virtual.Context, like *ast.PatternLikeOrIlikeExpr) (pattern []byte, ok bool, err error) {
	e, err := bind.Expr(&bind.Binder{Env: c.Env(), Clause: bind.Where}, &bind.Scope{}, like.Pattern)
	if err != nil {
		return nil, false, err
	}
	v, err := e.Eval(c.Env(), nil)
	if err != nil || v.IsNull() {
		return nil, false, err
	}
	return v.AppendText(nil, e.Type()), true, nil
}

func showDatabases(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	heading, err := headed(c, "Database", stmt)
	if err != nil {
		return nil, err
	}
	r := newResult("x varchar(64) bin !")
	r.Fields[0].Name = heading // it has the client's pattern in it
	for _, d := range virtual.Databases(c) {
		r.add(types.Str(d.Name))
	}
	return r, nil
}

func showTables(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	d, err := virtual.FindDatabase(c, stmt.DBName)
	if err != nil {
		return nil, err
	}
	heading, err := headed(c, "Tables_in_"+d.Name, stmt)
	if err != nil {
		return nil, err
	}
	r := newResult("`x` varchar(64) bin !\nTable_type enum('BASE TABLE','VIEW','SYSTEM VIEW') bin !")
	r.Fields[0].Name = heading // which may hold anything
	if !stmt.Full {
		r.Fields = r.Fields[:1]
	}
	list := virtual.Objects(c, d.Name)
	for i := range list {
		r.add([]types.Value{types.Str(list[i].Desc.Name), types.Str(list[i].TableType())}[:len(r.Fields)]...)
	}
	return r, nil
}

const tableStatusColumns = `Name varchar(64) bin !
Engine varchar(64)
Version int
Row_format enum('Fixed','Dynamic','Compressed','Redundant','Compact','Paged') bin
Rows bigint unsigned
Avg_row_length bigint unsigned
Data_length bigint unsigned
Max_data_length bigint unsigned
Index_length bigint unsigned
Data_free bigint unsigned
Auto_increment bigint unsigned
Create_time timestamp
Update_time datetime
Check_time datetime
Collation varchar(64)
Checksum bigint
Create_options varchar(256)
Comment text`

func showTableStatus(ctx context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	d, err := virtual.FindDatabase(c, stmt.DBName)
	if err != nil {
		return nil, err
	}
	r := newResult(tableStatusColumns)
	list := virtual.Objects(c, d.Name)
	for i := range list {
		r.add(append([]types.Value{types.Str(list[i].Desc.Name)}, statusOf(ctx, c, &list[i], asked{true, true})...)...)
	}
	return r, nil
}

func showOpenTables(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	if stmt.DBName != "" {
		if _, err := virtual.FindDatabase(c, stmt.DBName); err != nil {
			return nil, err
		}
	}
	return newResult("Database varchar(64) bin !\nTable varchar(64) bin !\nIn_use bigint !\nName_locked bigint !"), nil
}

// tableOf finds the table that a statement names, with the database in either of its places.
func tableOf(c virtual.Context, stmt *ast.ShowStmt) (virtual.Object, error) {
	db := stmt.DBName
	if db == "" {
		db = stmt.Table.Schema.O
	}
	if db == "" {
		if db = c.CurrentDB(); db == "" {
			return virtual.Object{}, mysqlerr.New(mysqlerr.NoDB)
		}
	}
	return virtual.FindObject(c, db, stmt.Table.Name.O)
}

const columnsColumns = `Field varchar(64)
Type mediumtext bin !
Collation varchar(64)
Null varchar(3) !
Key enum('','PRI','UNI','MUL') bin !
Default text bin
Extra varchar(256)
Privileges varchar(154)
Comment text bin !`

func showColumns(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	o, err := tableOf(c, stmt)
	if err != nil {
		return nil, err
	}
	if err := o.Complete(c); err != nil {
		return nil, err
	}
	full := newResult(columnsColumns)
	access := columnAccess(c, &o)
	for i := range o.Desc.Columns {
		col := &o.Desc.Columns[i]
		if col.Hidden || stmt.Column != nil && !likeName(stmt.Column.Name.O, col.Name) {
			continue
		}
		if privileges := access(col.Name); privileges != "" {
			full.add(describe(c, o.Desc, i, privileges)...)
		}
	}
	if stmt.Full {
		return full, nil
	}
	return full.project(0, 1, 3, 4, 5, 6), nil
}

// likeName matches the name of DESCRIBE t name, which is a pattern.
func likeName(pattern, name string) bool {
	return virtual.CollationText.Like([]byte(name), []byte(pattern), '\\')
}

func describe(c virtual.Context, t *schema.Table, pos int, privileges string) []types.Value {
	col := &t.Columns[pos]
	def := types.Null
	if text, ok := defaultText(c, col); ok {
		def = types.Str(text)
	}
	extra := types.Str(extraOf(col))
	if t.Temporary() && len(extra.Raw()) == 0 {
		extra = types.Null // as MySQL has it
	}
	return []types.Value{
		types.Str(col.Name), types.Str(col.Type.String()), shapeOf(&col.Type).collation, virtual.YesNo(!col.NotNull),
		types.Str(keyOf(t, pos)), def,
		extra, types.Str(privileges), types.Str(col.Comment),
	}
}

// project keeps some columns.
func (r *Result) project(columns ...int) *Result {
	p := &Result{Rows: make([][]types.Value, len(r.Rows))}
	for _, i := range columns {
		p.Fields = append(p.Fields, r.Fields[i])
	}
	for j, row := range r.Rows {
		for _, i := range columns {
			p.Rows[j] = append(p.Rows[j], row[i])
		}
	}
	return p
}

const indexColumns = `Table varchar(64) bin !
Non_unique int !
Key_name varchar(64)
Seq_in_index int unsigned !
Column_name varchar(64)
Collation varchar(1)
Cardinality bigint
Sub_part bigint
Packed varchar(1)
Null varchar(3) !
Index_type varchar(11) bin !
Comment varchar(8) !
Index_comment varchar(2048) bin !
Visible varchar(3) !
Expression longtext bin`

func showIndex(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	o, err := tableOf(c, stmt)
	if err != nil {
		return nil, err
	}
	r := newResult(indexColumns)
	for _, ix := range virtual.ShownIndexes(o.Desc) {
		for part := range ix.Columns {
			p := partOf(c, &o, ix, part)
			r.add(types.Str(o.Desc.Name), p.nonUnique, types.Str(ix.Name), p.seq, p.column, p.order, p.cardinality,
				p.prefix, types.Null,
				p.nullable, types.Str("BTREE"), types.Str(""), types.Str(ix.Comment), virtual.YesNo(!ix.Hidden), p.expression)
		}
	}
	return r, nil
}

// part is what STATISTICS tells of one column of an index.
type part struct {
	nonUnique, seq, column, order, cardinality, prefix, nullable, expression types.Value
}

// partOf describes a column of an index.
func partOf(c virtual.Context, o *virtual.Object, ix *schema.Index, pos int) part {
	ic := ix.Columns[pos]
	col := &o.Desc.Columns[ic.Column]
	p := part{nonUnique: virtual.Num(1), seq: virtual.Num(pos + 1), column: types.Str(col.Name), order: types.Str("A"),
		nullable: types.Str("YES")}
	if ix.IsUnique() {
		p.nonUnique = virtual.Num(0)
	}
	p.cardinality = cardinality(c, o, ix, pos)
	if ic.Desc {
		p.order = types.Str("D")
	}
	if ic.Prefix > 0 {
		p.prefix = virtual.Num(ic.Prefix)
	}
	if col.NotNull {
		p.nullable = types.Str("")
	}
	if col.Hidden && col.Generated != "" {
		p.column, p.expression = types.Null, types.Str(escaped(col.Generated))
	}
	return p
}

func showCreateProcedure(_ context.Context, _ virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	return nil, mysqlerr.New(mysqlerr.SpDoesNotExist, "PROCEDURE", stmt.Procedure.Name.O)
}

func showDatabaseClause(d virtual.Database) string {
	s := "DEFAULT CHARACTER SET " + d.Collation.Charset()
	if needsCollate(d.Collation) {
		s += " COLLATE " + d.Collation.Name()
	}
	return s
}

func showCreateDatabase(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	d, err := virtual.FindDatabase(c, stmt.DBName)
	if err != nil {
		return nil, err
	}
	text := "CREATE DATABASE "
	if stmt.IfNotExists {
		text += "/*!32312 IF NOT EXISTS*/ "
	}
	text += quoteName(c, d.Name) + " /*!40100 " + showDatabaseClause(d) + " */ /*!80016 DEFAULT ENCRYPTION='N' */"
	if own, ok := c.Catalog().Database(d.Name); ok && catalog.FactorOf(c.Catalog(), own.ID) > 0 {
		text += " /* REPLICATION FACTOR " + strconv.Itoa(catalog.FactorOf(c.Catalog(), own.ID)) + " */"
	}
	r := newResult("Database varchar(64) bin !\n`Create Database` varchar(1024) bin !")
	r.add(types.Str(d.Name), types.Str(text))
	return r, nil
}

func showVariables(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	r := newResult("Variable_name varchar(64) !\nValue varchar(1024)")
	c.Variables(stmt.GlobalScope, func(name, value string) { r.add(types.Str(name), types.Str(value)) })
	return r, nil
}

func showStatus(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	r := newResult("Variable_name varchar(64) !\nValue varchar(1024)")
	c.Status(stmt.GlobalScope, func(name, value string) { r.add(types.Str(name), types.Str(value)) })
	return r, nil
}

// infoShown is how many characters of a statement SHOW PROCESSLIST shows without FULL.
const infoShown = 100

func showProcesses(ctx context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	list, err := virtual.Processes(ctx, c)
	if err != nil {
		return nil, err
	}
	r := newResult(`Id bigint unsigned !
User varchar(32) !
Host varchar(261) !
db varchar(64)
Command varchar(16) !
Time int !
State varchar(64)
Info longtext`)
	for i := range list {
		p := &list[i]
		info := p.Info
		if text := []rune(info); !stmt.Full && len(text) > infoShown {
			info = string(text[:infoShown])
		}
		r.add(virtual.Num(p.ID), types.Str(p.User), types.Str(p.Host), virtual.Optional(p.DB), types.Str(p.Command),
			p.Seconds(c), types.Str(p.State), virtual.Optional(info))
	}
	return r, nil
}

// quoteName quotes an identifier; where the session asks for plain ones, only if it needs it.
func quoteName(c virtual.Context, name string) string {
	if !c.Quote() && isPlainName(name) {
		return name
	}
	return mysqlerr.Quote(name)
}

// isPlainName tells whether a name can stand without quotes.
func isPlainName(name string) bool {
	if reservedWords()[strings.ToUpper(name)] {
		return false
	}
	for _, r := range name {
		if r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80 {
			return false
		}
	}
	_, err := strconv.ParseUint(name, 10, 64)
	return name != "" && err != nil
}

// innodbStatus is SHOW ENGINE INNODB STATUS: 1227 without PROCESS.
func innodbStatus(ctx context.Context, c virtual.Context, _ *ast.ShowStmt) (*Result, error) {
	if err := c.Access(uint64(mysql.ProcessPriv), "", ""); err != nil {
		return nil, err
	}
	text, err := monitor.InnodbStatus(ctx, c)
	if err != nil {
		return nil, err
	}
	r := newResult("Type varchar(10) !\nName varchar(512) !\nStatus longtext !")
	r.add(types.Str("InnoDB"), types.Str(""), types.Str(text))
	return r, nil
}
