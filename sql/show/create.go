package show

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

func showCreateTable(ctx context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	o, err := tableOf(c, stmt)
	if err != nil {
		return nil, err
	}
	if o.View != nil {
		return createView(c, &o), nil
	}
	text, err := createTable(ctx, c, &o)
	if err != nil {
		return nil, err
	}
	r := newResult("Table varchar(64) bin !\n`Create Table` longtext bin !")
	r.add(types.Str(o.Desc.Name), types.Str(text))
	return r, nil
}

// createTable writes the statement that makes a table again.
func createTable(ctx context.Context, c virtual.Context, o *virtual.Object) (string, error) {
	w := &definition{c: c, t: o.Desc}
	w.WriteString("CREATE ")
	if o.Made != nil || o.Desc.Temporary() {
		w.WriteString("TEMPORARY ")
	}
	w.WriteString("TABLE " + quoteName(c, o.Desc.Name) + " (\n")
	for i := range o.Desc.Columns {
		if !o.Desc.Columns[i].Hidden {
			w.line()
			w.column(&o.Desc.Columns[i])
		}
	}
	for _, ix := range virtual.ShownIndexes(o.Desc) {
		w.line()
		w.index(ix)
	}
	for _, f := range shownKeys(o.Desc) {
		w.line()
		w.WriteString(f.Definition(o.Desc, o.DB, func(name string) string { return quoteName(c, name) }))
	}
	for i := range o.Desc.Checks {
		w.line()
		w.check(&o.Desc.Checks[i])
	}
	w.WriteString("\n)")
	if o.Made != nil {
		w.WriteString(" ENGINE=MEMORY")
	} else {
		w.WriteString(" ENGINE=InnoDB")
		next, err := nextAutoIncrement(ctx, c, o.Desc)
		if err != nil {
			return "", err
		}
		if next > 1 {
			fmt.Fprintf(w, " AUTO_INCREMENT=%d", next)
		}
	}
	w.options()
	w.partitions()
	return w.String(), nil
}

// nextAutoIncrement is the next value of a table's counter, 0 for a table without one.
func nextAutoIncrement(ctx context.Context, c virtual.Context, t *schema.Table) (uint64, error) {
	if t.AutoIncColumn() < 0 {
		return 0, nil
	}
	return c.DB().AutoInc(ctx, t)
}

// definition is a CREATE TABLE in the making.
type definition struct {
	strings.Builder
	c     virtual.Context
	t     *schema.Table
	lines int
}

// line starts one of the lines within the parentheses.
func (w *definition) line() {
	if w.lines++; w.lines > 1 {
		w.WriteString(",\n")
	}
	w.WriteString("  ")
}

func (w *definition) name(s string) { w.WriteString(quoteName(w.c, s)) }

func (w *definition) column(c *schema.Column) {
	w.name(c.Name)
	w.WriteString(" " + c.Type.String())
	w.charset(&c.Type)
	if c.Generated != "" {
		w.WriteString(" GENERATED ALWAYS AS (" + c.Generated + ") " + kindOfGenerated(c))
	}
	switch {
	case c.NotNull:
		w.WriteString(" NOT NULL")
	case c.Type.ID == mysql.TypeTimestamp:
		w.WriteString(" NULL")
	}
	if c.Storage != "" {
		w.WriteString(" /*!50606 STORAGE " + c.Storage + " */")
	}
	if c.Format != "" {
		w.WriteString(" /*!50606 COLUMN_FORMAT " + c.Format + " */")
	}
	if c.Generated == "" {
		w.defaultClause(c)
	}
	if c.OnUpdateNow {
		w.WriteString(" ON UPDATE " + nowOf(c))
	}
	if c.AutoIncrement {
		w.WriteString(" AUTO_INCREMENT")
	}
	if c.Invisible {
		w.WriteString(" /*!80023 INVISIBLE */")
	}
	w.comment(" COMMENT ", c.Comment)
}

// charset names a text column's character set and collation where they are not the table's, and its collation where the
// character set does not say it.
func (w *definition) charset(t *types.Type) {
	switch t.Class() {
	case types.ClassString, types.ClassEnum, types.ClassSet:
	default:
		return
	}
	if t.IsBinary() {
		return
	}
	differs := t.Collation != w.t.Collation
	if differs {
		w.WriteString(" CHARACTER SET " + t.Collation.Charset())
	}
	if differs || !isDefaultCollation(t.Collation) {
		w.WriteString(" COLLATE " + t.Collation.Name())
	}
}

// isDefaultCollation tells whether the character set alone means the collation.
func isDefaultCollation(c collation.ID) bool {
	d, ok := collation.DefaultOf(c.Charset())
	return ok && d == c
}

// needsCollate tells whether MySQL writes COLLATE behind a table's or database's character set: also where it is
// utf8mb4's default, for that was another one before 8.0.
func needsCollate(c collation.ID) bool {
	return c == collation.Default || !isDefaultCollation(c)
}

func (w *definition) defaultClause(c *schema.Column) {
	v, ok := defaultValue(w.c, c)
	switch {
	case c.AutoIncrement:
	case c.DefaultExpr != "":
		w.WriteString(" DEFAULT " + c.DefaultExpr)
	case ok && v.Kind() == types.KindBit:
		w.WriteString(" DEFAULT " + bitText(v.Uint()))
	case ok:
		w.WriteString(" DEFAULT " + quoteValue(v, &c.Type))
	case !c.NotNull && !c.NoDefault && !isBlob(&c.Type):
		w.WriteString(" DEFAULT NULL")
	}
}

// isBlob tells whether t is of the TEXT and BLOB family, for which MySQL prints no DEFAULT NULL.
func isBlob(t *types.Type) bool {
	_, ok := blobBytes[t.ID]
	return ok
}

// quoteValue writes a constant as SHOW CREATE TABLE does: in quotes, or its bytes in hexadecimal digits where they are no text of utf8mb3,
// which is what MySQL writes definitions in.
func quoteValue(v types.Value, t *types.Type) string {
	text := v.AppendText(nil, t)
	switch beyond := bytes.ContainsFunc(text, func(r rune) bool { return r > 0xffff }); {
	case v.Kind() == types.KindString && beyond:
		text = t.Collation.Encode(text)
	case v.Kind() != types.KindBytes || !beyond && utf8.Valid(text):
		return quoteText(string(text))
	}
	return "0x" + strings.ToUpper(hex.EncodeToString(text))
}

// quoteText writes a string literal as SHOW CREATE TABLE does.
func quoteText(s string) string {
	return "'" + strings.NewReplacer("'", "''", "\\", "\\\\", "\x00", "\\0", "\n", "\\n", "\r", "\\r").Replace(s) + "'"
}

func (w *definition) comment(keyword, comment string) {
	if comment != "" {
		w.WriteString(keyword + quoteText(comment))
	}
}

func (w *definition) index(ix *schema.Index) {
	switch {
	case ix.ID == schema.PrimaryIndex:
		w.WriteString("PRIMARY KEY")
	case ix.IsUnique():
		w.WriteString("UNIQUE KEY ")
		w.name(ix.Name)
	default:
		w.WriteString("KEY ")
		w.name(ix.Name)
	}
	w.WriteString(" (")
	for i, part := range ix.Columns {
		if i > 0 {
			w.WriteString(",")
		}
		if c := &w.t.Columns[part.Column]; c.Hidden {
			w.WriteString("(" + c.Generated + ")")
		} else {
			w.name(c.Name)
		}
		if part.Prefix > 0 {
			fmt.Fprintf(w, "(%d)", part.Prefix)
		}
		if part.Desc {
			w.WriteString(" DESC")
		}
	}
	w.WriteString(")")
	if ix.BTree {
		w.WriteString(" USING BTREE")
	}
	if size := strconv.FormatUint(ix.BlockSize, 10); ix.BlockSize > 0 && size != w.t.Options["KEY_BLOCK_SIZE"] {
		w.WriteString(" KEY_BLOCK_SIZE=" + size)
	}
	w.comment(" COMMENT ", ix.Comment)
	if ix.Hidden {
		w.WriteString(" /*!80000 INVISIBLE */")
	}
}

func (w *definition) check(k *schema.Check) {
	w.WriteString("CONSTRAINT ")
	w.name(k.Name)
	w.WriteString(" CHECK (" + checkClause(k.Expr) + ")")
	if !k.Enforced {
		w.WriteString(" /*!80016 NOT ENFORCED */")
	}
}

// checkClause puts a check's expression in parentheses, as MySQL prints everything but calls and names.
func checkClause(expr string) string {
	if n, err := syntax.Expr(expr); err == nil {
		switch n.(type) {
		case *ast.FuncCallExpr, *ast.ColumnNameExpr, *ast.ParenthesesExpr, ast.ValueExpr:
			return expr
		}
	}
	return "(" + expr + ")"
}

// shownOptions are the table options in the order in which MySQL prints them; COMMENT follows.
var shownOptions = []string{
	"MIN_ROWS", "MAX_ROWS", "AVG_ROW_LENGTH", "PACK_KEYS", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES",
	"CHECKSUM", "DELAY_KEY_WRITE", "ROW_FORMAT", "KEY_BLOCK_SIZE",
}

func (w *definition) options() {
	w.WriteString(" DEFAULT CHARSET=" + w.t.Collation.Charset())
	if needsCollate(w.t.Collation) {
		w.WriteString(" COLLATE=" + w.t.Collation.Name())
	}
	verbose, _ := w.c.Variable(false, "show_create_table_verbosity")
	for _, o := range shownOptions {
		v, ok := w.t.Options[o]
		if o == "ROW_FORMAT" && !ok && verbose == "ON" {
			v, ok = "DYNAMIC", true
		}
		if ok {
			w.WriteString(" " + o + "=" + v)
		}
	}
	w.comment(" COMMENT=", w.t.Comment)
	if w.t.Columnar() {
		w.WriteString(" /* COLUMNAR REPLICA " + w.t.Options[schema.ColumnarReplica] + " */")
	}
	if v := w.t.Options[schema.SecondaryEngineAttribute]; v != "" {
		w.WriteString(" /*!80021 " + schema.SecondaryEngineAttribute + "=" + quoteText(v) + " */")
	}
}

// createOptions is CREATE_OPTIONS of information_schema.TABLES.
func createOptions(t *schema.Table) string {
	var list []string
	for _, o := range shownOptions {
		if v, ok := t.Options[o]; ok {
			list = append(list, strings.ToLower(o)+"="+v)
		}
	}
	if t.Columnar() {
		list = append(list, strings.ToLower(schema.ColumnarReplica)+"="+t.Options[schema.ColumnarReplica])
	}
	if t.Partitioning != nil {
		list = append(list, "partitioned")
	}
	return strings.Join(list, " ")
}
