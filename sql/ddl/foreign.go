package ddl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/bind"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Foreign keys as part of definitions (decision 0032): what a statement says becomes a schema.ForeignKey of the child, with the index
// that finds children; what parents must have for it is looked at here, and again by who publishes (CheckForeignKeys).

// foreignDef is a foreign key that a statement asks for.
type foreignDef struct {
	name    string // "" asks for a generated one
	columns []string
	refer   *ast.ReferenceDef
}

// addForeign reads FOREIGN KEY: the key, and the index that it needs unless another serves it.
func (b *builder) addForeign(c *ast.Constraint) error {
	d := foreignDef{name: c.Name, refer: c.Refer}
	for _, k := range c.Keys {
		if k.Expr != nil {
			return mysqlerr.New(mysqlerr.WrongFKDef, d.called(), "functional key parts")
		}
		d.columns = append(d.columns, k.Column.Name.O)
	}
	if len(c.Refer.IndexPartSpecifications) != len(d.columns) {
		return mysqlerr.New(mysqlerr.WrongFKDef, d.called(), "Key reference and table reference don't match")
	}
	b.foreign = append(b.foreign, d)
	b.indexes = append(b.indexes, indexDef{name: c.Name, parts: c.Keys, implicit: true})
	return nil
}

func (d *foreignDef) called() string {
	if d.name == "" {
		return "foreign key without name"
	}
	return d.name
}

// dropServed leaves out the indexes of foreign keys for which another one serves: one that was there, that the statement asks for, or
// that another foreign key needs. Implicit ones that were there go when a new one serves.
func (b *builder) dropServed() {
	type keyed struct {
		columns  []string
		implicit bool
	}
	var all []keyed
	own := len(b.t.Indexes)
	for i := range b.t.Indexes {
		ix := &b.t.Indexes[i]
		var k keyed
		for _, p := range ix.Columns {
			k.columns = append(k.columns, partName(b.t.Columns[p.Column].Name, p.Prefix, p.Desc))
		}
		k.implicit = ix.Implicit
		all = append(all, k)
	}
	for i := range b.indexes {
		k := keyed{implicit: b.indexes[i].implicit}
		for _, p := range b.indexes[i].parts {
			name := ""
			if p.Column != nil {
				name = partName(p.Column.Name.O, p.Length, p.Desc)
			}
			k.columns = append(k.columns, name)
		}
		all = append(all, k)
	}
	drop := make([]bool, len(all))
	for i := range all {
		if !all[i].implicit {
			continue
		}
		for j := range all {
			if j == i || drop[j] || len(all[j].columns) < len(all[i].columns) || !slices.EqualFunc(all[i].columns, all[j].columns[:len(all[i].columns)], strings.EqualFold) {
				continue
			}
			if i < own && j < own { // what has been there together stays
				continue
			}
			if all[j].implicit && len(all[i].columns) == len(all[j].columns) && j < i && i >= own && j >= own {
				continue // of two equal ones the earlier goes
			}
			drop[i] = true
			break
		}
	}
	for i := len(b.indexes) - 1; i >= 0; i-- {
		if drop[own+i] {
			b.indexes = slices.Delete(b.indexes, i, i+1)
		}
	}
	for i := own - 1; i > 0; i-- {
		if drop[i] {
			b.t.Indexes = slices.Delete(b.t.Indexes, i, i+1)
		}
	}
}

func partName(column string, prefix int, desc bool) string {
	if prefix > 0 {
		column += "(" + strconv.Itoa(prefix) + ")"
	}
	if desc {
		column += " desc"
	}
	return column
}

// makeForeign makes the keys, once columns and indexes are what they will be.
func (b *builder) makeForeign() error {
	switch {
	case len(b.foreign) == 0:
		return nil
	case b.t.Temporary():
		return mysqlerr.New(mysqlerr.CannotAddForeign)
	}
	if c := b.env.Catalog; c != nil && !c.Allows(version.V2) {
		return mysqlerr.NotSupported("FOREIGN KEY before all nodes of the cluster run this version")
	}
	for i := range b.foreign {
		if err := b.makeForeignKey(&b.foreign[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) makeForeignKey(d *foreignDef) error {
	f := schema.ForeignKey{Name: d.name, Database: b.db.Name, Parent: d.refer.Table.Name.O}
	if d.refer.Table.Schema.O != "" {
		f.Database = d.refer.Table.Schema.O
	}
	if f.Name == "" {
		f.Name = b.foreignName()
	}
	if err := names.Check(f.Name, mysqlerr.WrongNameForIndex); err != nil {
		return err
	}
	if err := b.foreignNameFree(f.Name); err != nil {
		return err
	}
	var err error
	if f.OnDelete, err = referenceAction(d.refer.OnDelete.ReferOpt); err == nil {
		f.OnUpdate, err = referenceAction(d.refer.OnUpdate.ReferOpt)
	}
	if err != nil {
		return err
	}
	for i, name := range d.columns {
		pos := b.t.ColumnByName(name)
		if pos < 0 {
			return mysqlerr.New(mysqlerr.KeyColumnDoesNotExist, name)
		}
		c := &b.t.Columns[pos]
		if slices.Contains(f.Columns, c.ID) {
			return mysqlerr.New(mysqlerr.DupFieldName, c.Name)
		}
		f.Columns = append(f.Columns, c.ID)
		f.ParentColumns = append(f.ParentColumns, d.refer.IndexPartSpecifications[i].Column.Name.O)
	}
	if err := checkSetNull(b.t, &f); err != nil {
		return err
	}
	b.t.ForeignKeys = append(b.t.ForeignKeys, f)
	return b.checkParent(&b.t.ForeignKeys[len(b.t.ForeignKeys)-1])
}

// checkSetNull is 1830 for a column that can't get the NULL that the key may give it.
func checkSetNull(t *schema.Table, f *schema.ForeignKey) error {
	if f.OnDelete != schema.SetNull && f.OnUpdate != schema.SetNull {
		return nil
	}
	for _, pos := range f.Positions(t) {
		if c := &t.Columns[pos]; c.NotNull {
			return mysqlerr.New(mysqlerr.FKColumnNotNull, c.Name, f.Name)
		}
	}
	return nil
}

func referenceAction(o ast.ReferOptionType) (schema.ReferenceAction, error) {
	switch o {
	case ast.ReferOptionRestrict:
		return schema.Restrict, nil
	case ast.ReferOptionCascade:
		return schema.Cascade, nil
	case ast.ReferOptionSetNull:
		return schema.SetNull, nil
	case ast.ReferOptionSetDefault:
		return 0, mysqlerr.New(mysqlerr.CannotAddForeign)
	}
	return schema.NoAction, nil
}

// checkParent looks whether the parent can be one, as far as it exists: 1824.
func (b *builder) checkParent(f *schema.ForeignKey) error {
	parent := b.t
	if !b.isSelf(f) {
		if b.env.Catalog == nil {
			return nil
		}
		var ok bool
		if parent, ok = b.env.Catalog.Table(f.Database, f.Parent); !ok {
			if b.env.ForeignKeysOff {
				return nil
			}
			return mysqlerr.New(mysqlerr.FKCannotOpenParent, f.Parent)
		}
	}
	for i, pos := range f.ParentPositions(parent) {
		f.ParentColumns[i] = parent.Columns[pos].Name // as it is written there
	}
	return CheckForeignKey(b.t, f, parent, !b.env.ForeignKeysOff)
}

// isSelf tells whether a key refers to the table that is being made or altered, under the name that it has.
func (b *builder) isSelf(f *schema.ForeignKey) bool {
	return f.Database == b.db.Name && f.Parent == b.t.Name
}

// generatedMark is in the names that foreign keys without one get.
const generatedMark = "_ibfk_"

// foreignName generates a name as MySQL does: one above the highest number that the table's keys have.
func (b *builder) foreignName() string {
	highest := 0
	for _, list := range [][]schema.ForeignKey{b.t.ForeignKeys, b.former} {
		for i := range list {
			if n, ok := foreignNumber(b.t.Name, list[i].Name); ok {
				highest = max(highest, n)
			}
		}
	}
	return fmt.Sprintf("%s%s%d", b.t.Name, generatedMark, highest+1)
}

// foreignNumber is the number in the generated name of one of a table's foreign keys.
func foreignNumber(table, name string) (int, bool) {
	prefix := table + generatedMark
	if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return 0, false
	}
	digits := name[len(prefix):]
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && digits[0] != '0' && digits[0] != '+'
}

// RenameGenerated gives the keys whose names were generated for a table those of its new name.
func RenameGenerated(t *schema.Table, from, to string) {
	for i := range t.ForeignKeys {
		if n, ok := foreignNumber(from, t.ForeignKeys[i].Name); ok {
			t.ForeignKeys[i].Name = fmt.Sprintf("%s%s%d", to, generatedMark, n)
		}
	}
}

// foreignNameFree is 1826 for a name that a foreign key of the database has.
func (b *builder) foreignNameFree(name string) error {
	if b.t.ForeignKeyByName(name) >= 0 || b.env.Catalog != nil && foreignNameTaken(b.env.Catalog, b.db.Name, b.t.ID, name) {
		return mysqlerr.New(mysqlerr.FKDupName, name)
	}
	return nil
}

// foreignNameTaken tells whether another table of a database has a foreign key of that name.
func foreignNameTaken(c *catalog.Snapshot, db string, except schema.TableID, name string) bool {
	return slices.ContainsFunc(catalog.WithForeignKey(c, db, name), func(t *schema.Table) bool { return t.ID != except })
}

// CheckForeignKey holds a key to what its parent has: 3734, 3780, 1822. Where charsets is false, keys of characters may be of any.
func CheckForeignKey(child *schema.Table, f *schema.ForeignKey, parent *schema.Table, charsets bool) error {
	if child.Partitioning != nil || parent.Partitioning != nil {
		return mysqlerr.New(mysqlerr.ForeignKeyOnPartitioned)
	}
	at := make([]int, len(f.ParentColumns))
	for i, name := range f.ParentColumns {
		if at[i] = parent.ColumnByName(name); at[i] < 0 {
			return mysqlerr.New(mysqlerr.FKNoColumnParent, name, f.Name, f.Parent)
		}
	}
	for i, pos := range f.Positions(child) {
		c, p := &child.Columns[pos], &parent.Columns[at[i]]
		if p.Generated != "" && !p.Stored {
			return mysqlerr.New(mysqlerr.FKVirtualColumn, f.Name, p.Name)
		}
		if !comparable(&c.Type, &p.Type, charsets) {
			return mysqlerr.New(mysqlerr.FKIncompatibleColumns, c.Name, p.Name, f.Name)
		}
	}
	if !slices.ContainsFunc(parent.Indexes, func(ix schema.Index) bool { return ix.Supports(at) }) {
		return mysqlerr.New(mysqlerr.FKNoIndexParent, f.Name, f.Parent)
	}
	return nil
}

// comparable tells whether InnoDB lets columns of two types be those of a foreign key.
func comparable(a, b *types.Type, charsets bool) bool {
	class := a.Class()
	if class != b.Class() {
		return false
	}
	switch class {
	case types.ClassString:
		return a.IsBinary() == b.IsBinary() && (!charsets || a.IsBinary() || a.Collation == b.Collation)
	case types.ClassEnum, types.ClassSet, types.ClassBit:
		return a.StorageBytes() == b.StorageBytes()
	case types.ClassDecimal:
		return a.Length == b.Length && a.Decimals == b.Decimals
	case types.ClassDatetime, types.ClassTime:
		return a.ID == b.ID && a.Decimals == b.Decimals
	case types.ClassJSON:
		return false
	}
	return a.ID == b.ID && a.Unsigned == b.Unsigned
}

// CheckForeignKeys holds a table, as it is about to be published under that name, to its foreign keys and to those that refer to it.
func CheckForeignKeys(c *catalog.Snapshot, db string, t *schema.Table) error {
	for i := range t.ForeignKeys {
		f := &t.ForeignKeys[i]
		if foreignNameTaken(c, db, t.ID, f.Name) {
			return mysqlerr.New(mysqlerr.FKDupName, f.Name)
		}
		parent, ok := c.Table(f.Database, f.Parent)
		if f.Database == db && f.Parent == t.Name {
			parent, ok = t, true
		}
		if !ok {
			continue
		}
		if err := CheckForeignKey(t, f, parent, false); err != nil {
			return err
		}
	}
	for _, child := range c.Children(db, t.Name) {
		if child.ID == t.ID {
			continue
		}
		for i := range child.ForeignKeys {
			f := &child.ForeignKeys[i]
			if f.Database != db || f.Parent != t.Name {
				continue
			}
			if err := CheckForeignKey(child, f, t, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkActions holds a table's keys to what its generated columns and checks allow: 3733, 3104, 3192, 3823.
func checkActions(t *schema.Table) error {
	for i := range t.ForeignKeys {
		f := &t.ForeignKeys[i]
		clause := ""
		switch {
		case !f.OnUpdate.Refuses():
			clause = "ON UPDATE " + f.OnUpdate.String()
		case f.OnDelete == schema.SetNull:
			clause = "ON DELETE " + f.OnDelete.String()
		}
		for _, pos := range f.Positions(t) {
			c := &t.Columns[pos]
			switch {
			case c.Generated != "" && !c.Stored:
				return mysqlerr.New(mysqlerr.FKVirtualColumn, f.Name, c.Name)
			case clause == "":
				continue
			case c.Generated != "":
				return mysqlerr.New(mysqlerr.FKOptionForGenerated, clause)
			}
			if err := checkBase(t, f, pos); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkBase is for a column that a key may change: 3192 where a stored column follows from it, 3823 where a check is on it.
func checkBase(t *schema.Table, f *schema.ForeignKey, pos int) error {
	for i := range t.Columns {
		if t.Columns[i].Generated == "" || !t.Columns[i].Stored {
			continue
		}
		e, err := bind.Generated(nil, "", t, i)
		if err != nil {
			return err
		}
		uses := map[int]bool{}
		if expr.Columns(e, uses); uses[pos] {
			return mysqlerr.New(mysqlerr.FKBaseOfStored)
		}
	}
	for i := range t.Checks {
		e, err := bind.Check(nil, "", t, &t.Checks[i])
		if err != nil {
			return err
		}
		uses := map[int]bool{}
		if expr.Columns(e, uses); uses[pos] {
			return mysqlerr.New(mysqlerr.CheckUsesFKColumn, t.Columns[pos].Name, t.Checks[i].Name, f.Name)
		}
	}
	return nil
}

// Parents are the tables that a table's foreign keys refer to, but itself, as far as they exist.
func Parents(c *catalog.Snapshot, t *schema.Table) []*schema.Table {
	var list []*schema.Table
	for i := range t.ForeignKeys {
		p, ok := c.Table(t.ForeignKeys[i].Database, t.ForeignKeys[i].Parent)
		if ok && p.ID != t.ID && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// AddedKeys are the names of the foreign keys that to has and from lacks.
func AddedKeys(from, to *schema.Table) []string {
	var names []string
	for i := range to.ForeignKeys {
		if from.ForeignKeyByName(to.ForeignKeys[i].Name) < 0 {
			names = append(names, to.ForeignKeys[i].Name)
		}
	}
	return names
}

// The clauses of ALTER TABLE.

// dropForeign is DROP FOREIGN KEY. 1091.
func (a *alteration) dropForeign(name string) error {
	i := a.t.ForeignKeyByName(name)
	if i < 0 {
		return errCantDrop(name)
	}
	a.former = append(a.former, a.t.ForeignKeys[i])
	a.t.ForeignKeys, a.touched = slices.Delete(a.t.ForeignKeys, i, i+1), true
	return nil
}

// checkRelations looks, once all clauses are worked in, what they did to columns and indexes that foreign keys need: the table's own
// keys and those that refer to it.
func (a *alteration) checkRelations() error {
	for i := range a.t.ForeignKeys {
		f := &a.t.ForeignKeys[i]
		if a.from.ForeignKeyByName(f.Name) < 0 {
			continue // new, and checked
		}
		if err := a.checkOwnKey(f); err != nil {
			return err
		}
	}
	if a.env.Catalog == nil {
		return nil
	}
	for _, child := range a.env.Catalog.Children(a.db.Name, a.from.Name) {
		if child.ID == a.from.ID {
			child = a.t
		}
		for i := range child.ForeignKeys {
			if f := &child.ForeignKeys[i]; f.Database == a.db.Name && f.Parent == a.from.Name {
				if err := a.checkChildKey(child, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkOwnKey: 1828, 1553, 1830, 3780, 1832.
func (a *alteration) checkOwnKey(f *schema.ForeignKey) error {
	for _, id := range f.Columns {
		if a.t.ColumnByID(id) < 0 {
			return mysqlerr.New(mysqlerr.FKColumnCannotDrop, a.from.Columns[a.from.ColumnByID(id)].Name, f.Name)
		}
	}
	at := f.Positions(a.t)
	if !slices.ContainsFunc(a.t.Indexes, func(ix schema.Index) bool { return ix.Supports(at) }) {
		return mysqlerr.New(mysqlerr.DropIndexFK, a.goneIndex(f.Positions(a.from)))
	}
	if err := checkSetNull(a.t, f); err != nil {
		return err
	}
	if a.isSelf(f) || a.env.Catalog == nil {
		return nil
	}
	parent, ok := a.env.Catalog.Table(f.Database, f.Parent)
	changed := a.changedType(f.Columns)
	if changed < 0 {
		return nil
	}
	if ok {
		if err := CheckForeignKey(a.t, f, parent, !a.env.ForeignKeysOff); err != nil {
			return err
		}
	}
	if a.env.ForeignKeysOff || lengthens(&a.from.Columns[a.from.ColumnByID(f.Columns[changed])].Type, &a.t.Columns[at[changed]].Type) {
		return nil
	}
	return mysqlerr.New(mysqlerr.FKColumnCannotChange, a.t.Columns[at[changed]].Name, f.Name)
}

// checkChildKey: 1829, 1553, 1833, 3780.
func (a *alteration) checkChildKey(child *schema.Table, f *schema.ForeignKey) error {
	before := f.ParentPositions(a.from)
	if before == nil {
		return nil
	}
	ids := make([]schema.ColumnID, len(before))
	at := make([]int, len(before))
	for i, pos := range before {
		ids[i] = a.from.Columns[pos].ID
		if at[i] = a.t.ColumnByID(ids[i]); at[i] < 0 {
			return mysqlerr.New(mysqlerr.FKColumnCannotDropChild, a.from.Columns[pos].Name, f.Name, child.Name)
		}
	}
	if !slices.ContainsFunc(a.t.Indexes, func(ix schema.Index) bool { return ix.Supports(at) }) {
		return mysqlerr.New(mysqlerr.DropIndexFK, a.goneIndex(before))
	}
	changed := a.changedType(ids)
	if changed < 0 {
		return nil
	}
	if !a.env.ForeignKeysOff && !lengthens(&a.from.Columns[before[changed]].Type, &a.t.Columns[at[changed]].Type) && child != a.t {
		return mysqlerr.New(mysqlerr.FKColumnCannotChangeChild, a.from.Columns[before[changed]].Name, f.Name,
			a.env.Catalog.DatabaseName(child)+"."+child.Name)
	}
	for i, pos := range f.Positions(child) {
		if !comparable(&child.Columns[pos].Type, &a.t.Columns[at[i]].Type, !a.env.ForeignKeysOff) {
			return mysqlerr.New(mysqlerr.FKIncompatibleColumns, child.Columns[pos].Name, a.t.Columns[at[i]].Name, f.Name)
		}
	}
	return nil
}

// changedType gives which of some columns has another type than before, -1 for none.
func (a *alteration) changedType(ids []schema.ColumnID) int {
	return slices.IndexFunc(ids, func(id schema.ColumnID) bool {
		x, y := &a.from.Columns[a.from.ColumnByID(id)].Type, &a.t.Columns[a.t.ColumnByID(id)].Type
		return x.String() != y.String() || x.Collation != y.Collation
	})
}

// lengthens tells of a change of length that InnoDB does without touching rows.
func lengthens(from, to *types.Type) bool {
	return from.Class() == types.ClassString && from.Collation == to.Collation && row.Widens(from, to)
}

// goneIndex names the index whose loss leaves a foreign key without one.
func (a *alteration) goneIndex(columns []int) string {
	for i := range a.from.Indexes {
		if ix := &a.from.Indexes[i]; ix.Supports(columns) {
			return ix.Name
		}
	}
	return ""
}

// RenamedColumns maps the names of columns that an alteration renames to their new ones.
func RenamedColumns(from, to *schema.Table) map[string]string {
	var names map[string]string
	for i := range from.Columns {
		c := &from.Columns[i]
		pos := to.ColumnByID(c.ID)
		if c.Hidden || pos < 0 || to.Columns[pos].Name == c.Name {
			continue
		}
		if names == nil {
			names = map[string]string{}
		}
		names[strings.ToLower(c.Name)] = to.Columns[pos].Name
	}
	return names
}

// FollowParent makes a key follow its parent: to another name, and to other names of columns.
func FollowParent(f *schema.ForeignKey, db, name string, columns map[string]string) {
	f.Database, f.Parent = db, name
	for i, c := range f.ParentColumns {
		if to, ok := columns[strings.ToLower(c)]; ok {
			f.ParentColumns[i] = to
		}
	}
}
