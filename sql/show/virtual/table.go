package virtual

import (
	"context"
	_ "embed" // the lists of columns
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/exec"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// The databases that the gateway makes up.
const (
	InfoSchema = "information_schema"
	PerfSchema = "performance_schema"
	MySQLDB    = "mysql"
	SysDB      = "sys"
)

// Collations of information_schema's texts: names of objects compare by code points, everything else in any case.
const (
	CollationText collation.ID = 33 // utf8mb3_general_ci
	collationName collation.ID = 83 // utf8mb3_bin
	collationPerf collation.ID = 46 // utf8mb4_bin, of performance_schema, whose other texts have the default collation
)

// Table is a virtual table: its columns in the form of a descriptor without indexes, and what makes its rows.
type Table struct {
	db   string
	desc schema.Table
	Cols []exec.VirtualColumn
	rows func(s *Scan) error // nil: always empty
	view *schema.View        // nil: it is none
	// named: the view's columns have been named.
	named sync.Once
}

// Scan is one run through a table.
type Scan struct {
	Context
	Ctx  context.Context
	q    exec.VirtualQuery
	of   *Table
	emit func(row []types.Value) error
}

// NewScan is a run whose rows nobody takes, for what is told as a text.
func NewScan(ctx context.Context, c Context) *Scan { return &Scan{Context: c, Ctx: ctx} }

// Row gives one row to the caller.
func (s *Scan) Row(vals ...types.Value) error { return s.emit(vals) }

// Uses tells whether one of some columns is looked at; in others anything will do.
func (s *Scan) Uses(columns ...string) bool {
	if s.of == nil || s.q.Used == nil {
		return true
	}
	return slices.ContainsFunc(s.q.Used, func(at int) bool { return slices.Contains(columns, s.of.Cols[at].Name) })
}

// Wants tells whether a condition leaves a value of a column possible. Names of objects compare with case.
func (s *Scan) Wants(column, value string) bool {
	v, ok := s.q.Equal[column]
	return !ok || v == value
}

//go:embed columns_information_schema.txt
var infoSchemaColumns string

//go:embed columns_performance_schema.txt
var perfSchemaColumns string

//go:embed columns_system.txt
var systemColumns string

// tables are all virtual tables by database and lower-case name.
var tables = map[string]map[string]*Table{InfoSchema: {}, PerfSchema: {}, MySQLDB: {}, SysDB: {}}

// tableLists are the same, in order of name.
var tableLists = map[string][]*Table{}

func init() {
	for _, list := range []string{infoSchemaColumns, perfSchemaColumns, systemColumns} {
		if err := readTables(list); err != nil {
			panic("virtual: " + err.Error()) // the lists are part of the program
		}
	}
	readViews(sysViews)
	for db, byName := range tables {
		for _, t := range byName {
			tableLists[db] = append(tableLists[db], t)
		}
		slices.SortFunc(tableLists[db], func(a, b *Table) int { return strings.Compare(a.desc.Name, b.desc.Name) })
	}
}

// Generators make the rows of tables, by database and name.
type Generators map[string]map[string]func(s *Scan) error

// Fill gives tables what makes their rows; the rooms do so before anything is read.
func Fill(g Generators) {
	for db, fns := range g {
		for name, fn := range fns {
			t := tables[db][strings.ToLower(name)]
			if t == nil {
				panic("virtual: rows for " + db + "." + name + ", which has no columns")
			}
			t.rows = fn
		}
	}
}

// readTables reads a list of tables and their columns.
func readTables(list string) error {
	var t *Table
	for _, line := range strings.Split(list, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] != ' ':
			db, name, qualified := strings.Cut(line, ".")
			if !qualified {
				db, name = InfoSchema, line
			}
			t = &Table{db: db, desc: schema.Table{Name: name, Collation: virtualCollation(db)}}
			tables[db][strings.ToLower(name)] = t
		case t == nil:
			return fmt.Errorf("column without a table: %q", line)
		case strings.HasPrefix(line, "  = "):
			like := tables[t.db][strings.ToLower(line[4:])]
			if like == nil {
				return fmt.Errorf("%s: like an unknown table: %q", t.desc.Name, line)
			}
			for i := range like.Cols {
				t.addColumn(like.Cols[i])
			}
		default:
			if err := t.readColumn(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadColumns reads columns, one a line.
func ReadColumns(list string) ([]exec.VirtualColumn, error) {
	t := &Table{}
	for _, line := range strings.Split(strings.TrimSpace(list), "\n") {
		if err := t.readColumn(line); err != nil {
			return nil, err
		}
	}
	return t.Cols, nil
}

func (t *Table) readColumn(line string) error {
	line = strings.TrimSpace(line)
	name, rest, _ := strings.Cut(line, " ")
	if line[0] == '`' { // a name with spaces
		name, rest, _ = strings.Cut(line[1:], "` ")
	}
	rest, notNull := strings.CutSuffix(rest, " !")
	rest, bin := strings.CutSuffix(rest, " bin")
	typ, err := readType(rest, t.collation(bin))
	if err != nil {
		return fmt.Errorf("%s.%s: %w", t.desc.Name, name, err)
	}
	t.addColumn(exec.VirtualColumn{Name: name, Type: typ, NotNull: notNull})
	return nil
}

func (t *Table) addColumn(c exec.VirtualColumn) {
	t.Cols = append(t.Cols, c)
	t.desc.Columns = append(t.desc.Columns, schema.Column{
		ID: schema.ColumnID(len(t.desc.Columns) + 1), Name: c.Name, Type: c.Type, NotNull: c.NotNull, //nolint:gosec // a handful
	})
}

// collation is that of a column's texts.
func (t *Table) collation(bin bool) collation.ID {
	switch {
	case t.db == PerfSchema && bin:
		return collationPerf
	case t.db == PerfSchema:
		return collation.Default
	case bin:
		return collationName
	}
	return CollationText
}

// plainTypes are the types whose length is not told.
var plainTypes = map[string]types.Type{
	"tinyint":         {ID: mysql.TypeTiny, Length: 4},
	"smallint":        {ID: mysql.TypeShort, Length: 6},
	"int":             {ID: mysql.TypeLong, Length: 11},
	"bigint":          {ID: mysql.TypeLonglong, Length: 20},
	"double":          {ID: mysql.TypeDouble, Length: 22, Decimals: types.Unspecified},
	"datetime":        {ID: mysql.TypeDatetime, Length: 19},
	"time":            {ID: mysql.TypeDuration, Length: 10},
	"timestamp":       {ID: mysql.TypeTimestamp, Length: 19},
	"timestamp(2)":    {ID: mysql.TypeTimestamp, Length: 22, Decimals: 2},
	"timestamp(6)":    {ID: mysql.TypeTimestamp, Length: 26, Decimals: 6},
	"tinyint(1)":      {ID: mysql.TypeTiny, Length: 1},
	"text":            {ID: mysql.TypeBlob, Length: 1<<16 - 1},
	"mediumtext":      {ID: mysql.TypeMediumBlob, Length: 1<<24 - 1},
	"longtext":        {ID: mysql.TypeLongBlob, Length: 1<<32 - 1},
	"blob":            {ID: mysql.TypeBlob, Length: 1<<16 - 1},
	"mediumblob":      {ID: mysql.TypeMediumBlob, Length: 1<<24 - 1},
	"longblob":        {ID: mysql.TypeLongBlob, Length: 1<<32 - 1},
	"float":           {ID: mysql.TypeFloat, Length: 12, Decimals: types.Unspecified},
	"double(7,6)":     {ID: mysql.TypeDouble, Length: 7, Decimals: 6},
	"double(10,3)":    {ID: mysql.TypeDouble, Length: 10, Decimals: 3},
	"time(6)":         {ID: mysql.TypeDuration, Length: 17, Decimals: 6},
	"varbinary(256)":  {ID: mysql.TypeVarchar, Length: 256},
	"int unsigned":    {ID: mysql.TypeLong, Length: 10, Unsigned: true},
	"bigint unsigned": {ID: mysql.TypeLonglong, Length: 20, Unsigned: true},
	"smallint unsigned": {
		ID: mysql.TypeShort, Length: 5, Unsigned: true,
	},
	"tinyint unsigned": {
		ID: mysql.TypeTiny, Length: 3, Unsigned: true,
	},
}

func readType(s string, coll collation.ID) (types.Type, error) {
	if s == "json" {
		return types.TypeJSON, nil
	}
	if t, ok := plainTypes[s]; ok {
		t.Collation = collation.Binary
		if strings.HasSuffix(s, "text") {
			t.Collation = coll
		}
		return t, nil
	}
	if digits, ok := strings.CutPrefix(s, "decimal("); ok {
		t := types.Type{ID: mysql.TypeNewDecimal, Collation: collation.Binary}
		_, err := fmt.Sscanf(digits, "%d,%d)", &t.Length, &t.Decimals)
		return t, err
	}
	base, shape, ok := strings.Cut(strings.TrimSuffix(s, ")"), "(")
	if !ok {
		return types.Type{}, fmt.Errorf("unknown type %q", s)
	}
	t := types.Type{Collation: coll}
	switch base {
	case "varchar", "char":
		t.ID = mysql.TypeVarchar
		if base == "char" {
			t.ID = mysql.TypeString
		}
		var err error
		t.Length, err = strconv.Atoi(shape)
		return t, err
	case "enum", "set":
		for _, e := range strings.Split(shape, ",") {
			t.Elems = append(t.Elems, strings.Trim(e, "'"))
			t.Length = max(t.Length, len(e)-2)
		}
		t.ID = mysql.TypeEnum
		if base == "set" {
			t.ID, t.Length = mysql.TypeSet, len(strings.Join(t.Elems, ","))
		}
		return t, nil
	}
	return types.Type{}, fmt.Errorf("unknown type %q", s)
}

// seen is a virtual table as one session sees it.
type seen struct {
	*Table
	c Context
}

func (v seen) Name() (db, table string) { return v.db, v.desc.Name }

func (v seen) Columns() []exec.VirtualColumn { return v.Cols }

func (v seen) Scan(ctx context.Context, q exec.VirtualQuery, fn func(row []types.Value) error) error {
	if v.rows == nil {
		return nil
	}
	n := 0
	return v.rows(&Scan{Context: v.c, Ctx: ctx, q: q, of: v.Table, emit: func(row []types.Value) error {
		if len(row) != len(v.Cols) {
			panic(fmt.Sprintf("virtual: %d values for the %d columns of %s", len(row), len(v.Cols), v.desc.Name))
		}
		if n++; n&0xff == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for i := range row {
			row[i] = Fit(row[i], &v.Cols[i].Type)
		}
		return fn(row)
	}})
}

// Lookup finds the tables that the gateway makes up, for planner.Context.Virtual. Their names, and those of their
// Databases, compare in any case. UnknownTable is the error for one that is not found.
func Lookup(c Context) func(db, table string) (exec.VirtualTable, bool) {
	return func(db, table string) (exec.VirtualTable, bool) {
		t := Find(db, table)
		if t == nil {
			return nil, false
		}
		if t.view != nil {
			return seenView{seen{t, c}}, true
		}
		return seen{t, c}, true
	}
}

// Find is a virtual table, nil where there is none.
func Find(db, name string) *Table {
	byName, ok := tables[db]
	if !ok {
		byName = tables[strings.ToLower(db)]
	}
	return byName[strings.ToLower(name)]
}

// IsVirtual tells whether a database is virtual: its tables are made by the gateway; its name compares in any case.
func IsVirtual(db string) bool {
	_, ok := tables[strings.ToLower(db)]
	return ok
}

// UnknownTable is MySQL's error for a table that does not exist: 1109 in information_schema, 1146 elsewhere.
func UnknownTable(db, table string) error {
	if strings.EqualFold(db, InfoSchema) {
		return mysqlerr.Newf(mysqlerr.UnknownTable, "Unknown table '%s' in %s", strings.ToUpper(table), InfoSchema)
	}
	return mysqlerr.New(mysqlerr.NoSuchTable, db, table)
}

// The constructors of values that rows are made of.

// Optional is NULL for "".
func Optional(s string) types.Value {
	if s == "" {
		return types.Null
	}
	return types.Str(s)
}

// YesNo is a truth as a text.
func YesNo(yes bool) types.Value {
	if yes {
		return types.Str("YES")
	}
	return types.Str("NO")
}

// Num is a number.
func Num[T ~int | ~int64 | ~uint16 | ~uint32 | ~uint64](n T) types.Value {
	if n < 0 {
		return types.Int(int64(n))
	}
	return types.Uint(uint64(n)) //nolint:gosec // not negative
}

// Fit gives a number the sign and a text the element, or the set of elements, that its column's type asks for.
func Fit(v types.Value, t *types.Type) types.Value {
	switch {
	case v.Kind() == types.KindUint && t.Class() == types.ClassInt && !t.Unsigned:
		return types.Int(int64(v.Uint())) //nolint:gosec // counts
	case v.Kind() == types.KindString && t.Class() == types.ClassEnum:
		return types.EnumValue(t, uint64(slices.Index(t.Elems, string(v.Raw()))+1)) //nolint:gosec // not negative
	case v.Kind() == types.KindString && t.Class() == types.ClassSet:
		mask := uint64(0)
		for i, e := range t.Elems {
			if slices.Contains(strings.Split(string(v.Raw()), ","), e) {
				mask |= 1 << i
			}
		}
		return types.SetValue(t, mask)
	}
	return v
}

// Administers tells whether the account may see what concerns the whole server.
func (s *Scan) Administers() bool { return s.Access(uint64(mysql.ProcessPriv), "", "") == nil }
