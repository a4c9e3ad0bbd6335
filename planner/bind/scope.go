package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Column is a column that a name may mean.
type Column struct {
	ID    int         // Index of the bound reference
	Field types.Field // Name, Table and Schema are what names are matched with; the rest is the result's metadata
	// Full is what messages of errors call the column of a merged view or derived table: by the table below. Empty: by Field.
	Full string
	// Expr is what the column of a merged view is computed from, over the columns beside it; nil: it is ID.
	Expr expr.Expr
	// Of is what a query computes the column from: beside other strings its collation counts as that's does. nil: as a column's.
	Of expr.Expr
	// Shadowed columns are found by their qualified name only: the second one of a pair that USING has merged.
	Shadowed bool
	// Hidden columns are found by no name at all (row ids).
	Hidden bool
	// Invisible columns are found by name, but not by *.
	Invisible bool
	// Source and Pos lead to the descriptor of a base table's column; nil for others.
	Source *schema.Table
	Pos    int
}

// Ref is the bound reference.
func (c *Column) Ref() *expr.Column {
	ref := &expr.Column{Index: c.ID}
	if c.Of != nil {
		ref = expr.StandIn(c.ID, c.Of)
	}
	ref.Typ, ref.Name = c.Field.Type, Dotted("", c.Field.Table, c.Field.Name)
	if ref.Full = c.Full; ref.Full == "" {
		ref.Full = expr.Quoted(c.Field.Schema, c.Field.Table, c.Field.Name)
	}
	return ref
}

// Value is what a name that means the column reads.
func (c *Column) Value() expr.Expr {
	if c.Expr != nil {
		return c.Expr
	}
	return c.Ref()
}

// Scope is the columns that are visible in one query block.
type Scope struct {
	Cols []Column
	// Outer is the block around, for correlated subqueries; nil outside of one.
	Outer *Scope
	// Alias finds an expression by a select-list alias; tried after Cols, or before them where AliasFirst is set. It
	// gives nil for a name that it does not know.
	Alias      func(name *ast.ColumnName) (expr.Expr, error)
	AliasFirst bool
	// InnerAlias is Alias for blocks within this one; tried after Cols.
	InnerAlias func(name *ast.ColumnName) (expr.Expr, error)
	// Whole is what blocks within this one see, where that is more than Cols (in HAVING); nil: Cols.
	Whole *Scope
	// Named is told about each column that a name was resolved to; nil: nobody cares.
	Named func(name *ast.ColumnName, c *Column)
	// FromOuter turns a column of this scope that was found from within an inner one into what the inner plan reads.
	FromOuter func(c *Column) (expr.Expr, error)
	Owner     any // the block that it is a scope of
}

// TableColumns lists the columns of a table as a scope has them, numbered from first on. db and alias are as visible.
func TableColumns(t *schema.Table, db, alias string, first int) []Column {
	cols := make([]Column, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		cols[i] = Column{
			ID: first + i,
			Field: types.Field{
				Schema: db, Table: alias, OrgTable: t.Name, Name: c.Name, OrgName: c.Name,
				Type: OperandType(c.Type), Flags: ColumnFlags(t, i),
			},
			Hidden: c.Hidden, Invisible: c.Invisible, Source: t, Pos: i,
		}
	}
	return cols
}

// OperandType is a column's type in expressions: a YEAR is unsigned there, though its values are kept as signed numbers.
func OperandType(t types.Type) types.Type {
	if t.ID == mysql.TypeYear {
		t.Unsigned = true
	}
	return t
}

// Padded makes columns what sql_mode has them read as: under PAD_CHAR_TO_FULL_LENGTH a CHAR has its spaces back.
func Padded(env *expr.Env, cols []Column) []Column {
	if env == nil || !env.Mode.PadChar {
		return cols
	}
	cols = slices.Clone(cols)
	for i := range cols {
		c := &cols[i]
		if c.Expr != nil || c.Field.Type.ID != mysql.TypeString || c.Field.Type.Collation.IsBinary() {
			continue
		}
		if e, err := expr.New("rpad", c.Ref(), expr.NewInt(int64(c.Field.Type.Length)), expr.NewStr(" ")); err == nil {
			c.Expr = e
		}
	}
	return cols
}

// ColumnFlags gives the flags that a result set shows for a table's column.
func ColumnFlags(t *schema.Table, pos int) uint16 {
	c := &t.Columns[pos]
	flags := keyFlags(t, pos)
	if c.NotNull {
		flags |= uint16(mysql.NotNullFlag)
	}
	if c.NotNull && !c.HasDefault && !c.AutoIncrement {
		flags |= uint16(mysql.NoDefaultValueFlag)
	}
	if c.AutoIncrement {
		flags |= uint16(mysql.AutoIncrementFlag)
	}
	if c.OnUpdateNow {
		flags |= uint16(mysql.OnUpdateNowFlag)
	}
	if c.Type.IsTimestamp() && (c.OnUpdateNow || strings.HasPrefix(strings.ToUpper(c.DefaultExpr), "CURRENT_TIMESTAMP")) {
		flags |= uint16(mysql.TimestampFlag)
	}
	return flags | TypeFlags(&c.Type)
}

// TypeFlags gives the flags that follow from a type alone.
func TypeFlags(t *types.Type) uint16 {
	var flags uint
	if t.Unsigned {
		flags |= mysql.UnsignedFlag
	}
	if t.Zerofill {
		flags |= mysql.ZerofillFlag | mysql.UnsignedFlag
	}
	switch t.ID {
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob, mysql.TypeJSON, mysql.TypeGeometry:
		flags |= mysql.BlobFlag
	case mysql.TypeEnum:
		flags |= mysql.EnumFlag
	case mysql.TypeSet:
		flags |= mysql.SetFlag
	case mysql.TypeYear:
		flags |= mysql.UnsignedFlag | mysql.ZerofillFlag
	case mysql.TypeBit:
		flags |= mysql.UnsignedFlag
	}
	switch t.Class() {
	case types.ClassDate, types.ClassDatetime, types.ClassTime, types.ClassJSON:
		flags |= mysql.BinaryFlag
	case types.ClassString, types.ClassEnum, types.ClassSet:
		if t.Collation.IsBinary() {
			flags |= mysql.BinaryFlag
		}
	}
	return uint16(flags)
}

// keyFlags follow MySQL: PRI for members of what is shown as the primary key, UNI for a unique index's only column, MUL for the first column of
// any other index.
func keyFlags(t *schema.Table, pos int) uint16 {
	var flags uint
	primary := t.ShownPrimary()
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		for j := range ix.Columns {
			if ix.Columns[j].Column != pos {
				continue
			}
			switch {
			case ix == primary:
				flags |= mysql.PriKeyFlag
			case j > 0:
			case ix.IsUnique() && len(ix.Columns) == 1:
				flags |= mysql.UniqueKeyFlag
			default:
				flags |= mysql.MultipleKeyFlag
			}
			flags |= mysql.PartKeyFlag
		}
	}
	return uint16(flags)
}

// Has tells whether columns of a table are in scope.
func (s *Scope) Has(table string) bool {
	return slices.ContainsFunc(s.Cols, func(c Column) bool { return c.Field.Table == table })
}

// Find resolves a name in this scope only. c is nil where it is unknown; 1052 where it is ambiguous.
func (s *Scope) Find(name *ast.ColumnName, clause string) (*Column, error) {
	c, n := s.find(name.Schema.O, name.Table.O, name.Name.O)
	if n > 1 {
		return nil, mysqlerr.New(mysqlerr.NonUniq, FullName(name), clause)
	}
	return c, nil
}

// FindNamed is Find for a name without a table.
func (s *Scope) FindNamed(name, clause string) (*Column, error) {
	c, n := s.find("", "", name)
	if n > 1 {
		return nil, mysqlerr.New(mysqlerr.NonUniq, name, clause)
	}
	return c, nil
}

// find gives the column that a name means, and how many it may mean.
func (s *Scope) find(db, table, name string) (c *Column, n int) {
	for i := range s.Cols {
		if col := &s.Cols[i]; !col.Hidden && col.matches(db, table, name) {
			c, n = col, n+1
		}
	}
	return c, n
}

func (c *Column) matches(db, table, name string) bool {
	if !strings.EqualFold(c.Field.Name, name) {
		return false
	}
	if table == "" {
		return !c.Shadowed
	}
	return c.InTable(db, table)
}

// InTable tells whether the column belongs to the table that a qualifier names; db may be "". Names of tables compare
// with case, as they do on Linux.
func (c *Column) InTable(db, table string) bool {
	return c.Field.Table == table && (db == "" || c.Field.Schema == db)
}

// FullName is a column name as the statement wrote it.
func FullName(n *ast.ColumnName) string {
	return Dotted(n.Schema.O, n.Table.O, n.Name.O)
}

// Dotted is a column's name with those of its database and table, of which each may be "".
func Dotted(db, table, name string) string {
	if table != "" {
		name = table + "." + name
	}
	if db != "" {
		name = db + "." + name
	}
	return name
}

// resolve looks a name up here and outwards.
func (s *Scope) resolve(name *ast.ColumnName, clause string) (expr.Expr, error) {
	for sc := s; sc != nil; sc = sc.Outer {
		e, err := sc.resolveHere(name, clause, sc != s)
		if e != nil || err != nil {
			return e, err
		}
	}
	if name.Table.O != "" && len(s.Cols) == 0 && s.Outer == nil { // there is no table to look into
		return nil, mysqlerr.New(mysqlerr.UnknownTable, Dotted("", name.Schema.O, name.Table.O), clause)
	}
	return nil, mysqlerr.New(mysqlerr.BadField, FullName(name), clause)
}

func (s *Scope) resolveHere(name *ast.ColumnName, clause string, fromInner bool) (expr.Expr, error) {
	if s.AliasFirst && s.Alias != nil && !fromInner {
		if e, err := s.Alias(name); e != nil || err != nil {
			return e, err
		}
	}
	seen := s
	if fromInner && s.Whole != nil {
		seen = s.Whole
	}
	c, err := seen.Find(name, clause)
	if err != nil {
		return nil, err
	}
	if c != nil {
		if s.Named != nil {
			s.Named(name, c)
		}
		if fromInner && s.FromOuter != nil {
			return s.FromOuter(c)
		}
		return c.Value(), nil
	}
	switch {
	case fromInner && s.InnerAlias != nil:
		return s.InnerAlias(name)
	case !fromInner && !s.AliasFirst && s.Alias != nil:
		return s.Alias(name)
	}
	return nil, nil
}
