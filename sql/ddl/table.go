package ddl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/ddl/names"
	"cloudsql/sql/ddl/partitioning"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// CreateTable makes the descriptor of a new table in db. Its id and its tablet are left to the Executor. For CREATE
// TABLE … SELECT the statement's own columns come last, after extra, which are those of the query.
func CreateTable(env *Env, db *schema.Database, stmt *ast.CreateTableStmt, extra []schema.Column) (*schema.Table, error) {
	name := stmt.Table.Name.O
	if err := names.Table(name); err != nil {
		return nil, err
	}
	if len(stmt.Cols)+len(extra) == 0 {
		return nil, mysqlerr.New(mysqlerr.TableMustHaveColumns)
	}
	if extra != nil && slices.ContainsFunc(stmt.Constraints, func(c *ast.Constraint) bool { return c.Tp == ast.ConstraintForeignKey }) {
		return nil, mysqlerr.New(mysqlerr.ForeignKeyWithCreateSelect)
	}
	b := &builder{env: env, db: db, t: &schema.Table{
		Database: db.ID, Name: name, Version: 1, Collation: db.Collation, CreatedMicros: env.Now.UnixMicro(),
		NextColumnID: 1, NextIndexID: schema.PrimaryIndex + 1,
	}}
	if err := b.defaultEngine(stmt); err != nil {
		return nil, err
	}
	if err := b.options(stmt.Options); err != nil {
		return nil, err
	}
	if err := b.columns(stmt.Cols, extra); err != nil {
		return nil, err
	}
	if err := b.constraints(stmt.Constraints); err != nil {
		return nil, err
	}
	b.orderChecks(stmt.Text())
	if err := b.finish(); err != nil {
		return nil, err
	}
	if stmt.Partition == nil {
		return b.t, nil
	}
	var err error
	if b.t.Partitioning, err = partitioning.New(env.Now, b.t, stmt.Partition); err != nil {
		return nil, err
	}
	return b.t, partitioning.Check(b.t)
}

// CreateTableLike copies a table's definition under a new name, as CREATE TABLE … LIKE does.
func CreateTableLike(env *Env, db *schema.Database, name string, src *schema.Table) (*schema.Table, error) {
	if err := names.Table(name); err != nil {
		return nil, err
	}
	t := src.Clone()
	t.ID, t.Database, t.Name, t.Version = 0, db.ID, name, 1
	t.Tablets, t.AutoIncStart, t.CreatedMicros, t.ForeignKeys = nil, 0, env.Now.UnixMicro(), nil
	for i := range t.Checks { // names are the database's; MySQL generates all of them anew
		t.Checks[i].Name = fmt.Sprintf("%s_chk_%d", name, i+1)
		if err := checkCheckName(t.Checks[i].Name); err != nil {
			return nil, err
		}
	}
	for i := range t.Columns {
		t.Columns[i].Missing = nil
	}
	t.Indexes = slices.DeleteFunc(t.Indexes, func(ix schema.Index) bool { return ix.State != schema.Public })
	t.UniqueHere()
	return t, nil
}

// builder gathers a table's definition.
type builder struct {
	env     *Env
	db      *schema.Database
	t       *schema.Table
	indexes []indexDef
	checks  []check
	foreign []foreignDef
	former  []schema.ForeignKey // that the statement drops: their generated names are not given again
	nullPK  []string            // columns declared NULL in so many words
}

func (b *builder) columns(defs []*ast.ColumnDef, extra []schema.Column) error {
	parsed := make([]*column, 0, len(defs))
	for _, def := range defs {
		c, err := parseColumn(b.env, def, b.t.Collation)
		if err = cmp.Or(err, names.OfTable(def.Name, b.db.Name, b.t.Name)); err != nil {
			return err
		}
		parsed = append(parsed, c)
	}
	left := len(parsed)
	for _, c := range extra {
		own := slices.IndexFunc(parsed[:left], func(p *column) bool { return strings.EqualFold(p.Name, c.Name) })
		if own < 0 {
			parsed = append(parsed, &column{Column: c})
			continue
		}
		defined := parsed[own] // is of its definition's type, in its place in the query
		parsed = append(slices.Delete(parsed, own, own+1), defined)
		left--
	}
	for _, c := range parsed {
		if b.t.ColumnByName(c.Name) >= 0 {
			return mysqlerr.New(mysqlerr.DupFieldName, c.Name)
		}
		b.addColumn(c)
	}
	return nil
}

// addColumn appends c to the table, with a fresh id, and remembers the keys and checks that came with it.
func (b *builder) addColumn(c *column) {
	c.ID = b.t.NextColumnID
	b.t.NextColumnID++
	b.t.Columns = append(b.t.Columns, c.Column)
	b.noteColumn(c)
}

func (b *builder) noteColumn(c *column) {
	if c.explicitNull {
		b.nullPK = append(b.nullPK, c.Name)
	}
	if c.primary {
		b.indexes = append(b.indexes, inlineIndex(c.Name, true))
	}
	if c.unique {
		b.indexes = append(b.indexes, inlineIndex(c.Name, false))
	}
	b.checks = append(b.checks, c.checks...)
}

func (b *builder) constraints(cs []*ast.Constraint) error {
	for _, c := range cs {
		if c.Tp == ast.ConstraintForeignKey {
			if err := b.addForeign(c); err != nil {
				return err
			}
			continue
		}
		d, isIndex, err := constraintIndex(c)
		if err != nil {
			return err
		}
		if isIndex {
			b.indexes = append(b.indexes, d)
		} else {
			b.checks = append(b.checks, check{name: c.Name, expr: c.Expr, enforced: c.Enforced})
		}
	}
	return nil
}

// finish builds the indexes and checks of a new table and looks at the whole.
func (b *builder) finish() error {
	if err := b.primaryKey(); err != nil {
		return err
	}
	b.dropServed()
	for i := range b.indexes {
		if !b.indexes[i].primary {
			if err := b.addIndex(&b.indexes[i]); err != nil {
				return err
			}
		}
	}
	sortIndexes(b.t)
	// Ids follow MySQL's order of the keys, for a new table has no entries under other ones yet.
	for i := 1; i < len(b.t.Indexes); i++ {
		b.t.Indexes[i].ID = schema.PrimaryIndex + schema.IndexID(i)
	}
	for i := range b.t.Indexes {
		warnDuplicate(b.env, b.db.Name, b.t, &b.t.Indexes[i])
	}
	if err := b.addChecks(); err != nil {
		return err
	}
	if err := checkDefaults(b.t); err != nil {
		return err
	}
	if err := checkGenerated(b.t); err != nil {
		return err
	}
	if err := checkTable(b.t); err != nil {
		return err
	}
	if err := b.makeForeign(); err != nil {
		return err
	}
	return checkActions(b.t)
}

// primaryKey makes the clustered index: the declared key, or one over a hidden row id.
func (b *builder) primaryKey() error {
	var def *indexDef
	for i := range b.indexes {
		if !b.indexes[i].primary {
			continue
		}
		if def != nil {
			return mysqlerr.New(mysqlerr.MultiplePriKey)
		}
		def = &b.indexes[i]
	}
	if def == nil {
		b.hideRowID()
		return nil
	}
	ix, err := def.build(b.env, b.t)
	if err != nil {
		return err
	}
	for _, p := range ix.Columns {
		c := &b.t.Columns[p.Column]
		if slices.Contains(b.nullPK, c.Name) || c.HasDefault && c.Default == nil && c.DefaultExpr == "" {
			return mysqlerr.New(mysqlerr.PrimaryCantHaveNull)
		}
		c.NotNull = true
	}
	ix.ID = schema.PrimaryIndex
	b.t.Indexes = []schema.Index{ix}
	return nil
}

// hideRowID puts a hidden row id before the columns and clusters the table by it.
func (b *builder) hideRowID() {
	id := schema.Column{
		ID: b.t.NextColumnID, Name: schema.HiddenColumnName, Type: types.TypeUint, NotNull: true, Hidden: true,
	}
	b.t.NextColumnID++
	b.t.Columns = append([]schema.Column{id}, b.t.Columns...)
	b.t.Indexes = []schema.Index{{
		ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}},
	}}
}

// addIndex builds a secondary index and gives it an id and a name.
func (b *builder) addIndex(d *indexDef) error {
	taken := func(name string) bool { return b.t.IndexByName(name) != nil }
	if err := b.functionalParts(d, taken); err != nil {
		return err
	}
	ix, err := d.build(b.env, b.t)
	if err != nil {
		return err
	}
	if ix.Name == "" {
		ix.Name = indexName(b.t, b.t.Columns[ix.Columns[0].Column].Name, taken)
	} else if taken(ix.Name) {
		return mysqlerr.New(mysqlerr.DupKeyName, ix.Name)
	}
	ix.ID = b.t.NextIndexID
	b.t.NextIndexID++
	b.t.Indexes = append(b.t.Indexes, ix)
	return nil
}

// checkTable holds the limits that concern a table as a whole.
func checkTable(t *schema.Table) error {
	named, visible, rowBytes, autos := 0, 0, 0, 0
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Hidden {
			continue
		}
		named++
		if !c.Invisible {
			visible++
		}
		if c.AutoIncrement {
			autos++
			if !leadsIndex(t, i) {
				return mysqlerr.New(mysqlerr.WrongAutoKey)
			}
		}
		if !c.Type.IsLob() {
			rowBytes += c.Type.StorageBytes() + lengthBytes(&c.Type)
		}
	}
	switch {
	case named == 0:
		return mysqlerr.New(mysqlerr.TableMustHaveColumns)
	case visible == 0:
		return mysqlerr.New(mysqlerr.NoVisibleColumn)
	case named > maxColumns:
		return mysqlerr.New(mysqlerr.TooManyFields)
	case autos > 1:
		return mysqlerr.New(mysqlerr.WrongAutoKey)
	case len(t.Indexes) > maxIndexes:
		return mysqlerr.New(mysqlerr.TooManyKeys, maxIndexes)
	case rowBytes > maxRowBytes:
		return errRowTooBig()
	}
	return nil
}

func leadsIndex(t *schema.Table, column int) bool {
	return slices.ContainsFunc(t.Indexes, func(ix schema.Index) bool { return ix.Columns[0].Column == column })
}

// lengthBytes is what MySQL adds to a VARCHAR for its length.
func lengthBytes(t *types.Type) int {
	switch {
	case t.ID != mysql.TypeVarchar:
		return 0
	case t.StorageBytes() > 255:
		return 2
	}
	return 1
}

// defaultEngine is the engine of a table that names none.
func (b *builder) defaultEngine(stmt *ast.CreateTableStmt) error {
	named := slices.ContainsFunc(stmt.Options, func(o *ast.TableOption) bool { return o.Tp == ast.TableOptionEngine })
	if named || stmt.TemporaryKeyword != ast.TemporaryNone {
		return nil
	}
	return b.engine(b.env.Engine)
}

// options takes the options of CREATE TABLE and ALTER TABLE.
func (b *builder) options(opts []*ast.TableOption) error {
	charset, collate := "", ""
	if names.OfFixedFormat(opts, b.env.Engine) {
		if b.env.StrictEngine {
			return mysqlerr.New(mysqlerr.IllegalHa, b.t.Name)
		}
		b.env.warn(mysqlerr.Newf(mysqlerr.IllegalHaCreateOption, "InnoDB: assuming ROW_FORMAT=DYNAMIC."))
	}
	for _, o := range opts {
		switch o.Tp {
		case ast.TableOptionCharset:
			charset = o.StrValue
			if o.Default {
				charset = b.db.Collation.Charset()
			}
		case ast.TableOptionCollate:
			collate = o.StrValue
		default:
			if err := b.option(o); err != nil {
				return err
			}
		}
	}
	var err error
	b.t.Collation, err = resolveCollation(charset, collate, b.t.Collation)
	return err
}

// shownOptions are the options that MySQL keeps and prints and that mean nothing here: hints on how an engine stores.
var shownOptions = map[ast.TableOptionType]string{
	ast.TableOptionAvgRowLength:     "AVG_ROW_LENGTH",
	ast.TableOptionCheckSum:         "CHECKSUM",
	ast.TableOptionMaxRows:          "MAX_ROWS",
	ast.TableOptionMinRows:          "MIN_ROWS",
	ast.TableOptionKeyBlockSize:     "KEY_BLOCK_SIZE",
	ast.TableOptionDelayKeyWrite:    "DELAY_KEY_WRITE",
	ast.TableOptionPackKeys:         "PACK_KEYS",
	ast.TableOptionStatsPersistent:  "STATS_PERSISTENT",
	ast.TableOptionStatsAutoRecalc:  "STATS_AUTO_RECALC",
	ast.TableOptionStatsSamplePages: "STATS_SAMPLE_PAGES",
	ast.TableOptionRowFormat:        "ROW_FORMAT",
}

var rowFormats = map[uint64]string{
	ast.RowFormatDefault: "DEFAULT", ast.RowFormatDynamic: "DYNAMIC", ast.RowFormatFixed: "FIXED",
	ast.RowFormatCompressed: "COMPRESSED", ast.RowFormatRedundant: "REDUNDANT", ast.RowFormatCompact: "COMPACT",
}

func (b *builder) option(o *ast.TableOption) error {
	switch o.Tp {
	case ast.TableOptionEngine:
		return b.engine(o.StrValue)
	case ast.TableOptionAutoIncrement:
		b.t.AutoIncStart = o.UintValue
	case ast.TableOptionComment:
		var err error
		b.t.Comment, err = comment(b.env, o.StrValue, maxTableComment, mysqlerr.TooLongTableComment, b.t.Name)
		return err
	case ast.TableOptionEncryption:
		if strings.EqualFold(o.StrValue, "Y") {
			return mysqlerr.NotSupported("ENCRYPTION")
		}
	case ast.TableOptionCompression:
		if o.StrValue != "" && !strings.EqualFold(o.StrValue, "none") {
			return mysqlerr.NotSupported("COMPRESSION")
		}
	case ast.TableOptionDataDirectory, ast.TableOptionIndexDirectory, ast.TableOptionTablespace, ast.TableOptionUnion,
		ast.TableOptionConnection, ast.TableOptionStorageMedia, ast.TableOptionAutoextendSize, ast.TableOptionSecondaryEngine:
		return mysqlerr.NotSupported("this table option")
	case ast.TableOptionEngineAttribute, ast.TableOptionSecondaryEngineAttribute:
		return b.attribute(o)
	case ast.TableOptionStatsSamplePages:
		if !o.Default && (o.UintValue == 0 || o.UintValue > maxSamplePages) {
			return mysqlerr.Syntax(strconv.FormatUint(o.UintValue, 10), 1)
		}
		b.showOption(o)
	default:
		b.showOption(o)
	}
	return nil
}

// maxSamplePages is the most that STATS_SAMPLE_PAGES may be.
const maxSamplePages = 1<<16 - 1

// attribute takes ENGINE_ATTRIBUTE, which InnoDB has none of (3981), and SECONDARY_ENGINE_ATTRIBUTE, which is kept. 3980 for what is no JSON.
func (b *builder) attribute(o *ast.TableOption) error {
	if o.StrValue != "" {
		_, err := types.ParseJSON([]byte(o.StrValue))
		if bad := (*types.JSONError)(nil); errors.As(err, &bad) {
			return mysqlerr.New(mysqlerr.InvalidJSONAttribute, bad.Reason, bad.Position, o.StrValue[min(bad.Position, len(o.StrValue)):])
		}
		if err != nil {
			return err
		}
		if o.Tp == ast.TableOptionEngineAttribute {
			return mysqlerr.New(mysqlerr.EngineAttributeNotSupported, "InnoDB")
		}
	}
	if o.Tp == ast.TableOptionSecondaryEngineAttribute {
		b.setOption(schema.SecondaryEngineAttribute, o.StrValue)
	}
	return nil
}

// setOption keeps an option; "" is none.
func (b *builder) setOption(name, value string) {
	if value == "" {
		delete(b.t.Options, name)
		return
	}
	if b.t.Options == nil {
		b.t.Options = map[string]string{}
	}
	b.t.Options[name] = value
}

// ofZero are the options whose 0 says something.
var ofZero = map[ast.TableOptionType]bool{
	ast.TableOptionPackKeys: true, ast.TableOptionStatsPersistent: true, ast.TableOptionStatsAutoRecalc: true,
}

func (b *builder) showOption(o *ast.TableOption) {
	name, ok := shownOptions[o.Tp]
	if !ok {
		return
	}
	value := strconv.FormatUint(o.UintValue, 10)
	if o.Tp == ast.TableOptionRowFormat {
		value = rowFormats[o.UintValue]
	}
	switch {
	case o.Default || value == "DEFAULT" || value == "0" && !ofZero[o.Tp]:
		value = ""
	case o.Tp == ast.TableOptionCheckSum || o.Tp == ast.TableOptionDelayKeyWrite:
		value = "1"
	}
	b.setOption(name, value)
}

// engine takes ENGINE=InnoDB; of another one it is 1286, or a substitution with a warning where there is a stand-in or without
// NO_ENGINE_SUBSTITUTION.
func (b *builder) engine(name string) error {
	lower := strings.ToLower(name)
	if name == "" || lower == "innodb" {
		return nil
	}
	if b.env.SQLMode&mysql.ModeNoEngineSubstitution != 0 && !names.StandIns[lower] {
		return mysqlerr.New(mysqlerr.UnknownStorageEngine, name)
	}
	if !names.StandIns[lower] && !names.Engines[lower] {
		b.env.warn(mysqlerr.New(mysqlerr.UnknownStorageEngine, name))
	}
	b.env.warn(mysqlerr.New(mysqlerr.WarnUsingOtherHandler, "InnoDB", b.t.Name))
	return nil
}
