package ddl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/ddl/names"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// indexDef is an index that a statement asks for.
type indexDef struct {
	name     string // "" asks for a generated one
	primary  bool
	unique   bool
	implicit bool // of a foreign key
	parts    []*ast.IndexPartSpecification
	option   *ast.IndexOption
	hidden   map[int]int // by key part: the position of the column that a functional one is computed into
}

// inlineIndex is the key that PRIMARY KEY or UNIQUE in a column's definition stands for.
func inlineIndex(columnName string, primary bool) indexDef {
	part := &ast.IndexPartSpecification{
		Column: &ast.ColumnName{Name: ast.NewCIStr(columnName)}, Length: types.Unspecified,
	}
	return indexDef{primary: primary, unique: true, parts: []*ast.IndexPartSpecification{part}}
}

// constraintIndex reads a table-level constraint that is a key; ok is false for a CHECK.
func constraintIndex(c *ast.Constraint) (d indexDef, ok bool, err error) {
	if c.IsEmptyIndex && c.Tp != ast.ConstraintCheck && c.Tp != ast.ConstraintPrimaryKey {
		return d, false, mysqlerr.New(mysqlerr.WrongNameForIndex, "")
	}
	d = indexDef{name: c.Name, parts: c.Keys, option: c.Option}
	switch c.Tp {
	case ast.ConstraintPrimaryKey:
		d.primary, d.unique, d.name = true, true, ""
	case ast.ConstraintKey, ast.ConstraintIndex:
	case ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
		d.unique = true
	case ast.ConstraintCheck:
		return d, false, nil
	case ast.ConstraintFulltext:
		return d, false, mysqlerr.NotSupported("FULLTEXT INDEX")
	default:
		return d, false, mysqlerr.NotSupported("this kind of index")
	}
	return d, true, nil
}

// build makes the index over t's columns. Its id and its name, where none was given, are left to the caller.
func (d *indexDef) build(env *Env, t *schema.Table) (schema.Index, error) {
	ix := schema.Index{Name: d.name, Unique: d.unique, Implicit: d.implicit}
	switch {
	case d.primary:
		ix.Name = "PRIMARY"
	case d.name != "":
		if err := names.Index(d.name); err != nil {
			return ix, err
		}
	}
	if err := d.options(env, &ix); err != nil {
		return ix, err
	}
	if len(d.parts) > maxIndexParts {
		return ix, mysqlerr.New(mysqlerr.TooManyKeyParts, maxIndexParts)
	}
	total := 0
	for i, p := range d.parts {
		part, size, err := d.part(t, i, p)
		if err != nil {
			return ix, err
		}
		if slices.ContainsFunc(ix.Columns, func(c schema.IndexColumn) bool { return c.Column == part.Column }) {
			return ix, mysqlerr.New(mysqlerr.DupFieldName, t.Columns[part.Column].Name)
		}
		if total += size; total > maxIndexBytes {
			return ix, errKeyTooLong()
		}
		ix.Columns = append(ix.Columns, part)
	}
	return ix, nil
}

func (d *indexDef) options(env *Env, ix *schema.Index) error {
	if d.option == nil {
		return nil
	}
	ix.Hidden = d.option.Visibility == ast.IndexVisibilityInvisible
	if env.keepsWords() {
		ix.BTree, ix.BlockSize = d.option.Tp == ast.IndexTypeBtree, d.option.KeyBlockSize
	}
	if d.option.Tp == ast.IndexTypeRtree { // of other keys than spatial ones
		if len(d.parts)%2 == 1 {
			return mysqlerr.New(mysqlerr.WrongArguments, "RTREE INDEX")
		}
		return mysqlerr.NotSupported("RTREE INDEX")
	}
	if d.option.Tp == ast.IndexTypeHash {
		env.Report("Note", mysqlerr.New(mysqlerr.NoSuchIndexAlgorithm, "HASH"))
	}
	if d.primary && ix.Hidden {
		return mysqlerr.New(mysqlerr.InvisiblePrimaryKey)
	}
	if d.option.ParserName.L != "" {
		return mysqlerr.NotSupported("WITH PARSER")
	}
	text, err := comment(env, d.option.Comment, maxCommentChars, mysqlerr.TooLongIndexComment, ix.Name)
	ix.Comment = text
	return err
}

// functionalParts makes the hidden columns of a key that has expressions, and the key's name.
func (b *builder) functionalParts(d *indexDef, taken func(name string) bool) error {
	d.hidden = map[int]int{}
	for i, p := range d.parts {
		if p.Expr == nil {
			continue
		}
		if d.name == "" {
			d.name = "functional_index"
			for n := 2; taken(d.name); n++ {
				d.name = fmt.Sprintf("functional_index_%d", n)
			}
		}
		pos, err := b.functionalPart(d, i, p.Expr)
		if err != nil {
			return err
		}
		d.hidden[i] = pos
	}
	return nil
}

// part is indexPart, of a functional part's column too.
func (d *indexDef) part(t *schema.Table, i int, p *ast.IndexPartSpecification) (schema.IndexColumn, int, error) {
	if p.Expr == nil {
		return indexPart(t, p)
	}
	if d.primary {
		return schema.IndexColumn{}, 0, mysqlerr.New(mysqlerr.FunctionalPrimaryKey)
	}
	size := t.Columns[d.hidden[i]].Type.StorageBytes()
	if size > maxIndexBytes {
		return schema.IndexColumn{}, 0, errKeyTooLong()
	}
	return schema.IndexColumn{Column: d.hidden[i], Desc: p.Desc}, size, nil
}

// indexPart resolves one part of a key and tells the bytes that it takes at most.
func indexPart(t *schema.Table, p *ast.IndexPartSpecification) (schema.IndexColumn, int, error) {
	none := schema.IndexColumn{}
	name := p.Column.Name.O
	pos := t.ColumnByName(name)
	if pos < 0 {
		return none, 0, mysqlerr.New(mysqlerr.KeyColumnDoesNotExist, name)
	}
	typ := &t.Columns[pos].Type
	part := schema.IndexColumn{Column: pos, Desc: p.Desc}
	prefix := p.Length
	switch {
	case typ.ID == mysql.TypeJSON:
		return none, 0, errJSONKey(name)
	case prefix == 0:
		return none, 0, mysqlerr.New(mysqlerr.KeyPart0, name)
	case prefix < 0 && typ.IsLob():
		return none, 0, mysqlerr.New(mysqlerr.BlobKeyWithoutLength, name)
	case prefix > 0:
		if typ.Class() != types.ClassString || prefix > typ.Length {
			return none, 0, mysqlerr.New(mysqlerr.WrongSubKey)
		}
		if prefix < typ.Length {
			part.Prefix = prefix
		}
	}
	size := typ.StorageBytes()
	if part.Prefix > 0 {
		size = part.Prefix * typ.Collation.MaxBytes()
	}
	if size > maxIndexBytes {
		return none, 0, errKeyTooLong()
	}
	return part, size, nil
}

// indexName generates a name as MySQL does: the first column's, with _2, _3 … where that is taken.
func indexName(t *schema.Table, first string, taken func(name string) bool) string {
	if !strings.EqualFold(first, "PRIMARY") && !taken(first) {
		return first
	}
	for n := 2; ; n++ {
		if name := fmt.Sprintf("%s_%d", first, n); !taken(name) {
			return name
		}
	}
}

// indexRank orders indexes as MySQL keeps them: the primary key, unique ones without NULLs, unique ones, the others.
func indexRank(t *schema.Table, ix *schema.Index) int {
	switch {
	case ix.ID == schema.PrimaryIndex:
		return 0
	case !ix.IsUnique():
		return 3
	case slices.ContainsFunc(ix.Columns, func(c schema.IndexColumn) bool { return !t.Columns[c.Column].NotNull }):
		return 2
	}
	return 1
}

func sortIndexes(t *schema.Table) {
	slices.SortStableFunc(t.Indexes, func(a, b schema.Index) int { return indexRank(t, &a) - indexRank(t, &b) })
}

// warnDuplicate notes an index over the same columns as one before it, of the same kind (1831).
func warnDuplicate(env *Env, dbName string, t *schema.Table, ix *schema.Index) {
	for i := range t.Indexes {
		o := &t.Indexes[i]
		if o.ID < ix.ID && o.ID != schema.PrimaryIndex && o.IsUnique() == ix.IsUnique() && slices.Equal(o.Columns, ix.Columns) {
			env.warn(mysqlerr.New(mysqlerr.DupIndex, ix.Name, dbName, t.Name))
			return
		}
	}
}
