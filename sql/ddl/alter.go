package ddl

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/sql/ddl/names"
	"cloudsql/sql/ddl/partitioning"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Change is what an ALTER TABLE, CREATE INDEX or DROP INDEX comes to.
type Change struct {
	From  *schema.Table
	Table *schema.Table // the final descriptor, every index Public; its Version is the Executor's business
	// Build are indexes of Table that From lacks, to be filled; Drop are indexes of From that Table lacks.
	Build, Drop []schema.IndexID
	// NotNull are columns that must be found without NULLs before the change holds.
	NotNull []schema.ColumnID
	// NoRows is why a table that has rows can't be changed so, nil where it can.
	NoRows error
	// AutoInc is what the counter is raised to (AUTO_INCREMENT = n), 0 for none. With RaiseAutoInc it is put above the
	// values that the column holds already, for it has just become AUTO_INCREMENT.
	AutoInc      uint64
	RaiseAutoInc bool
	// RenameTo is the new name, nil for none.
	RenameTo *ast.TableName
	// Spread: unique keys among Build are to be unique over all tablets of the table, of which there may be one yet.
	Spread bool
	// Copy: the rows must be written anew, for they or their keys change. Build, Drop and NotNull are empty then.
	Copy bool
	// Unasked: the rows are copied for nothing but virtual columns that come. Nobody has asked for their values yet, which MySQL computes
	// when they are read: what strict mode has against them is no error.
	Unasked bool
	// Locked: LOCK=SHARED or EXCLUSIVE keeps all others off the table until the change is made.
	Locked bool
}

// eachItsOwn is why a table is copied that gets a column whose values depend on the rows.
const eachItsOwn = "each row has a value of its own"

// Empty tells that there is nothing to do.
func (c *Change) Empty() bool { return c.Table == nil && c.AutoInc == 0 && c.RenameTo == nil }

// alteration is a Change in the making.
type alteration struct {
	builder
	from    *schema.Table
	change  *Change
	touched bool
	copies  string // why the rows must be copied, "" where they need not
	virtual bool   // a virtual column comes
	asks    bool   // WITH VALIDATION, FORCE: for the values of such a one, too
	alg     ast.AlgorithmType
	lock    ast.LockType

	changed map[schema.ColumnID]bool // by a clause, which then is the only one

	partition *ast.PartitionOptions // that the table is to have

	dropPK    bool // the primary key goes, by a clause or since all of its columns do
	droppedPK bool // DROP PRIMARY KEY has been there
}

// PlanAlter works out an ALTER TABLE on t.
func PlanAlter(env *Env, db *schema.Database, t *schema.Table, specs []*ast.AlterTableSpec) (*Change, error) {
	a := &alteration{from: t, change: &Change{From: t}, changed: map[schema.ColumnID]bool{}}
	a.builder = builder{env: env, db: db, t: t.Clone()}
	for _, s := range dropsFirst(specs) {
		if err := a.spec(s); err != nil {
			return nil, err
		}
	}
	if err := a.checkColumns(); err != nil {
		return nil, err
	}
	keepKeys(a, specs)
	if err := a.settlePrimaryKey(); err != nil {
		return nil, err
	}
	if err := a.addPending(); err != nil {
		return nil, err
	}
	if a.copies == "" && checksMore(a.from, a.t) {
		a.copies = "Cannot add a check constraint without looking at the rows"
	}
	a.change.Drop, a.change.Build = missingIndexes(a.from, a.t), missingIndexes(a.t, a.from)
	if a.copies == "" && len(a.foreign) > 0 && DropsColumn(a.from, a.t) {
		a.copies = "columns go while foreign keys come"
	}
	if err := a.repartition(); err != nil {
		return nil, err
	}
	if a.virtual && a.copies == "" {
		a.change.Unasked = !a.asks && a.alg != ast.AlgorithmTypeCopy && len(a.change.Build)+len(a.change.Drop)+len(a.change.NotNull)+len(a.foreign) == 0
		a.copies = eachItsOwn
	}
	if a.copies == "" && a.mixed() {
		a.copies = "columns go while others are checked"
	}
	if err := a.checkAlgorithm(); err != nil {
		return nil, err
	}
	if !a.touched {
		return &Change{From: a.from, AutoInc: a.change.AutoInc, RenameTo: a.change.RenameTo}, nil
	}
	sortIndexes(a.t)
	if err := checkTable(a.t); err != nil {
		return nil, err
	}
	if err := checkDefaults(a.t); err != nil {
		return nil, err
	}
	if err := checkGenerated(a.t); err != nil {
		return nil, err
	}
	a.change.Table = a.t
	if a.copies != "" {
		a.change.Copy, a.change.NotNull, a.change.Drop, a.change.Build = true, nil, nil, nil
	}
	return a.change, nil
}

// repartition has a partitioned table copied where the columns change that decide about a row's partition.
func (a *alteration) repartition() (err error) {
	if a.partition != nil {
		if a.t.Partitioning, err = partitioning.New(a.env.Now, a.t, a.partition); err != nil {
			return err
		}
		a.copies, a.touched = otherPartitions, true
		return partitioning.Check(a.t)
	}
	switch {
	case a.t.Partitioning == nil:
		return nil
	case len(a.foreign) > 0:
		return mysqlerr.New(mysqlerr.ForeignKeyOnPartitioned)
	case !a.touched && a.copies == "":
		return nil
	}
	if err := partitioning.Retype(a.from, a.t); err != nil {
		return err
	}
	if err := partitioning.Check(a.t); err != nil {
		return err
	}
	before, err := partitioning.Deciding(a.from)
	if err != nil {
		return err
	}
	after, err := partitioning.Deciding(a.t)
	if err == nil && a.copies == "" && !slices.EqualFunc(before, after, sameColumn) {
		a.copies = "the columns of the partitioning function change"
	}
	return err
}

// dropsFirst puts DROP INDEX before all other clauses: it is about the indexes that there were, which then bind no other clause.
func dropsFirst(specs []*ast.AlterTableSpec) []*ast.AlterTableSpec {
	later := func(s *ast.AlterTableSpec) int {
		if s.Tp == ast.AlterTableDropIndex && !strings.EqualFold(s.Name, "PRIMARY") {
			return 0
		}
		return 1
	}
	specs = slices.Clone(specs)
	slices.SortStableFunc(specs, func(a, b *ast.AlterTableSpec) int { return later(a) - later(b) })
	return specs
}

// checksMore tells whether to has an enforced check that from does not enforce.
func checksMore(from, to *schema.Table) bool {
	return slices.ContainsFunc(to.Checks, func(c schema.Check) bool { return c.Enforced && !slices.Contains(from.Checks, c) })
}

// mixed tells of a change that drops a column, may yet fail on the rows, and changes other columns as well: no version in
// between would serve it.
func (a *alteration) mixed() bool {
	if !DropsColumn(a.from, a.t) || len(a.change.Build)+len(a.change.NotNull) == 0 {
		return false
	}
	return len(a.change.NotNull) > 0 || !slices.EqualFunc(keptColumns(a.from, a.t), a.t.Columns, sameColumn)
}

// keptColumns are the columns of from that to has as well.
func keptColumns(from, to *schema.Table) (kept []schema.Column) {
	for _, c := range from.Columns {
		if to.ColumnByID(c.ID) >= 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

func sameColumn(a, b schema.Column) bool { return reflect.DeepEqual(a, b) }

// DropsColumn tells that to lacks a column of from.
func DropsColumn(from, to *schema.Table) bool {
	return slices.ContainsFunc(from.Columns, func(c schema.Column) bool { return to.ColumnByID(c.ID) < 0 })
}

// keepKeys gives keys their columns back that the statement drops and adds again: MySQL knows the columns of keys by their names.
func keepKeys(a *alteration, specs []*ast.AlterTableSpec) {
	var again []indexDef
	for i := range a.from.Indexes {
		old := &a.from.Indexes[i]
		if !regains(a, old) || dropsKey(specs, old.Name) {
			continue
		}
		d := namedKey(a, old)
		if a.dropPK = a.dropPK || d.primary; !d.primary {
			a.t.Indexes = slices.DeleteFunc(a.t.Indexes, func(ix schema.Index) bool { return ix.Name == old.Name })
		}
		again = append(again, d)
	}
	a.indexes = append(again, a.indexes...)
}

// regains tells whether a column of a key was dropped and is there again, and the key can be written with names.
func regains(a *alteration, ix *schema.Index) (regains bool) {
	for _, p := range ix.Columns {
		c := &a.from.Columns[p.Column]
		if c.Hidden {
			return false
		}
		regains = regains || a.t.ColumnByID(c.ID) < 0 && a.t.ColumnByName(c.Name) >= 0
	}
	return regains
}

// dropsKey tells whether a clause drops the key of a name.
func dropsKey(specs []*ast.AlterTableSpec, name string) bool {
	return slices.ContainsFunc(specs, func(s *ast.AlterTableSpec) bool {
		return s.Tp == ast.AlterTableDropIndex && strings.EqualFold(s.Name, name) || s.Tp == ast.AlterTableDropPrimaryKey && name == "PRIMARY"
	})
}

// namedKey is a key of the table as it was, over the columns that there are now.
func namedKey(a *alteration, ix *schema.Index) indexDef {
	d := indexDef{name: ix.Name, primary: ix.ID == schema.PrimaryIndex, unique: ix.IsUnique(), implicit: ix.Implicit, option: &ast.IndexOption{Comment: ix.Comment, KeyBlockSize: ix.BlockSize}}
	if ix.Hidden {
		d.option.Visibility = ast.IndexVisibilityInvisible
	}
	if ix.BTree {
		d.option.Tp = ast.IndexTypeBtree
	}
	for _, p := range ix.Columns {
		c, length := &a.from.Columns[p.Column], p.Prefix
		if pos := a.t.ColumnByID(c.ID); pos >= 0 {
			c = &a.t.Columns[pos]
		} else if pos = a.t.ColumnByName(c.Name); pos < 0 {
			continue
		} else if was := cmp.Or(length, c.Type.KeyLength()); was != a.t.Columns[pos].Type.KeyLength() {
			length = was // as MySQL has it: a prefix of text, and 1089 of anything else
		}
		part := &ast.IndexPartSpecification{Column: &ast.ColumnName{Name: ast.NewCIStr(c.Name)}, Length: cmp.Or(length, types.Unspecified), Desc: p.Desc}
		d.parts = append(d.parts, part)
	}
	return d
}

// missingIndexes lists the indexes of a that b lacks.
func missingIndexes(a, b *schema.Table) (ids []schema.IndexID) {
	for i := range a.Indexes {
		if b.IndexByID(a.Indexes[i].ID) == nil {
			ids = append(ids, a.Indexes[i].ID)
		}
	}
	return ids
}

// PlanCreateIndex works out a CREATE INDEX on t.
func PlanCreateIndex(env *Env, db *schema.Database, t *schema.Table, stmt *ast.CreateIndexStmt) (*Change, error) {
	c := &ast.Constraint{
		Tp: ast.ConstraintIndex, Name: stmt.IndexName, IsEmptyIndex: stmt.IndexName == "", Keys: stmt.IndexPartSpecifications, Option: stmt.IndexOption,
	}
	switch stmt.KeyType {
	case ast.IndexKeyTypeNone:
	case ast.IndexKeyTypeUnique:
		c.Tp = ast.ConstraintUniq
	case ast.IndexKeyTypeFulltext:
		c.Tp = ast.ConstraintFulltext
	default:
		return nil, mysqlerr.NotSupported("this kind of index")
	}
	specs := append(lockSpecs(stmt.LockAlg), &ast.AlterTableSpec{Tp: ast.AlterTableAddConstraint, Constraint: c})
	return PlanAlter(env, db, t, specs)
}

// PlanDropIndex works out a DROP INDEX on t.
func PlanDropIndex(env *Env, db *schema.Database, t *schema.Table, stmt *ast.DropIndexStmt) (*Change, error) {
	drop := &ast.AlterTableSpec{Tp: ast.AlterTableDropIndex, Name: stmt.IndexName}
	return PlanAlter(env, db, t, append(lockSpecs(stmt.LockAlg), drop))
}

func lockSpecs(o *ast.IndexLockAndAlgorithm) []*ast.AlterTableSpec {
	if o == nil {
		return nil
	}
	return []*ast.AlterTableSpec{
		{Tp: ast.AlterTableLock, LockType: o.LockTp}, {Tp: ast.AlterTableAlgorithm, Algorithm: o.AlgorithmTp},
	}
}

func (a *alteration) spec(s *ast.AlterTableSpec) error {
	switch s.Tp {
	case ast.AlterTableAddColumns:
		return a.addColumns(s)
	case ast.AlterTableDropColumn:
		return a.dropColumn(s.OldColumnName.Name.O)
	case ast.AlterTableModifyColumn:
		return a.modify(s.NewColumns[0].Name.Name.O, s)
	case ast.AlterTableChangeColumn:
		return a.modify(s.OldColumnName.Name.O, s)
	case ast.AlterTableRenameColumn:
		return a.renameColumn(s.OldColumnName.Name.O, s.NewColumnName.Name.O)
	case ast.AlterTableAlterColumn:
		return a.alterDefault(s.NewColumns[0])
	case ast.AlterTableAddConstraint:
		return a.constraints([]*ast.Constraint{s.Constraint})
	case ast.AlterTableDropIndex:
		return a.dropIndex(s.Name)
	case ast.AlterTableRenameIndex:
		return a.renameIndex(s.FromKey.O, s.ToKey.O)
	case ast.AlterTableIndexInvisible:
		return a.setVisible(s.IndexName.O, s.Visibility == ast.IndexVisibilityVisible)
	case ast.AlterTableDropCheck:
		if s.Constraint.Tp == ast.ConstraintCheck && a.check(s.Constraint.Name) < 0 {
			return mysqlerr.New(mysqlerr.CheckNotFound, s.Constraint.Name)
		}
		return a.dropConstraint(s.Constraint.Name)
	case ast.AlterTableOption:
		return a.tableOptions(s.Options)
	case ast.AlterTableRenameTable:
		a.change.RenameTo = s.NewTable
		return names.Table(s.NewTable.Name.O)
	}
	return a.rareSpec(s)
}

// rareSpec takes the clauses that change nothing, and refuses the rest.
func (a *alteration) rareSpec(s *ast.AlterTableSpec) error {
	switch s.Tp {
	case ast.AlterTableLock:
		a.lock = s.LockType
	case ast.AlterTableAlgorithm:
		a.alg = s.Algorithm
	case ast.AlterTableForce, ast.AlterTableWithValidation: // beside them, nothing is left to rebuild
		a.asks = true
	case ast.AlterTableWithoutValidation:
	case ast.AlterTableEnableKeys, ast.AlterTableDisableKeys:
		a.env.Report("Note", mysqlerr.New(mysqlerr.IllegalHa, a.t.Name))
	case ast.AlterTableOrderByColumns:
		if !a.from.HasPrimaryKey() {
			for _, o := range s.OrderByList {
				if a.from.ColumnByName(o.Column.Name.O) < 0 {
					return mysqlerr.New(mysqlerr.BadField, o.Column.Name.O, bind.OrderBy)
				}
			}
			return mysqlerr.NotSupported("ALTER TABLE … ORDER BY without a primary key")
		}
		a.env.warn(mysqlerr.Newf(mysqlerr.UnknownError,
			"ORDER BY ignored as there is a user-defined clustered index in the table '%s'", a.t.Name))
	case ast.AlterTableDropForeignKey:
		return a.dropForeign(s.Name)
	case ast.AlterTableAlterCheck:
		return a.enforce(s.Constraint.Name, s.Constraint.Enforced)
	case ast.AlterTableDropPrimaryKey:
		return a.dropPrimaryKey()
	case ast.AlterTablePartition, ast.AlterTableRemovePartitioning, ast.AlterTableAddPartitions, ast.AlterTableDropPartition,
		ast.AlterTableTruncatePartition, ast.AlterTableCoalescePartitions, ast.AlterTableReorganizePartition, ast.AlterTableRebuildPartition:
		return partitions(a, s)
	default:
		return mysqlerr.NotSupported("this ALTER TABLE clause")
	}
	return nil
}

// keepIndexes runs fn, which changes the order of columns, and points the indexes at the same columns as before.
func (a *alteration) keepIndexes(fn func()) {
	a.touched = true
	ids := make([][]schema.ColumnID, len(a.t.Indexes))
	for i := range a.t.Indexes {
		for _, p := range a.t.Indexes[i].Columns {
			ids[i] = append(ids[i], a.t.Columns[p.Column].ID)
		}
	}
	fn()
	for i := range a.t.Indexes {
		for j, id := range ids[i] {
			a.t.Indexes[i].Columns[j].Column = a.t.ColumnByID(id)
		}
	}
}

// position finds where FIRST, AFTER c or nothing puts a column; unset is the place for nothing.
func (a *alteration) position(p *ast.ColumnPosition, unset int) (int, error) {
	if p == nil {
		return unset, nil
	}
	switch p.Tp {
	case ast.ColumnPositionFirst:
		if a.t.Columns[0].RowID() {
			return 1, nil
		}
		return 0, nil
	case ast.ColumnPositionAfter:
		pos := a.t.ColumnByName(p.RelativeColumn.Name.O)
		if pos < 0 {
			return -1, mysqlerr.New(mysqlerr.BadField, p.RelativeColumn.Name.O, a.t.Name)
		}
		return pos + 1, nil
	}
	return unset, nil
}

// endOfColumns is the place behind all columns that users know: those of functional key parts, which refer to them, stay last.
func endOfColumns(t *schema.Table) int {
	end := len(t.Columns)
	for end > 0 && t.Columns[end-1].Hidden && !t.Columns[end-1].RowID() {
		end--
	}
	return end
}

// own finds the column that a clause is about: one of the table as it was, whatever other clauses call it, and of no clause before. -1: none.
func (a *alteration) own(name string) int {
	pos := a.from.ColumnByName(name)
	if pos < 0 || a.changed[a.from.Columns[pos].ID] {
		return -1
	}
	a.changed[a.from.Columns[pos].ID] = true
	return a.t.ColumnByID(a.from.Columns[pos].ID)
}

// find is own, or 1054.
func (a *alteration) find(name string) (int, error) {
	if pos := a.own(name); pos >= 0 {
		return pos, nil
	}
	return -1, mysqlerr.New(mysqlerr.BadField, name, a.t.Name)
}

// checkColumns looks at the columns once all clauses are done, since names may be exchanged: 1060; 1090 where none is left.
func (a *alteration) checkColumns() error {
	seen := map[string]bool{}
	for i := range a.t.Columns {
		c := &a.t.Columns[i]
		name := strings.ToLower(c.Name)
		if c.Hidden {
			continue
		}
		if seen[name] {
			return mysqlerr.New(mysqlerr.DupFieldName, c.Name)
		}
		seen[name] = true
	}
	if len(seen) == 0 {
		return mysqlerr.New(mysqlerr.CantRemoveAllFields)
	}
	return nil
}

func (a *alteration) addColumns(s *ast.AlterTableSpec) error {
	for _, def := range s.NewColumns {
		c, err := parseColumn(a.env, def, a.t.Collation)
		if err != nil {
			return err
		}
		switch {
		case c.AutoIncrement:
			a.copies = "it numbers the rows"
		case c.Generated != "" && c.Stored:
			a.copies = eachItsOwn
		case c.Generated != "":
			a.virtual = true
		case bind.DefaultPerRow(&c.Column):
			a.copies = "each row has a default of its own"
		default:
			if c.Missing, err = c.missing(a.env); err != nil {
				return err
			}
			if a.change.NoRows == nil {
				a.change.NoRows = c.refused(a.env)
			}
		}
		at, err := a.position(s.Position, endOfColumns(a.t))
		if err != nil {
			return err
		}
		c.ID = a.t.NextColumnID
		a.t.NextColumnID++
		a.keepIndexes(func() { a.t.Columns = slices.Insert(a.t.Columns, at, c.Column) })
		a.noteColumn(c)
	}
	return a.constraints(s.NewConstraints)
}

func (a *alteration) dropColumn(name string) error {
	was := a.from.ColumnByName(name)
	pos := a.own(name)
	switch {
	case pos < 0 && was >= 0 && a.t.ColumnByID(a.from.Columns[was].ID) >= 0:
		return mysqlerr.New(mysqlerr.BadField, name, a.t.Name) // MySQL drops first, and what another clause changes is not there
	case pos < 0:
		return errCantDrop(name)
	}
	if err := checkDependents(a.t, pos); err != nil {
		return err
	}
	if err := a.checkRuled(pos, true); err != nil {
		return err
	}
	uses := func(p schema.IndexColumn) bool { return p.Column == pos }
	for i := 0; i < len(a.t.Indexes); {
		ix := &a.t.Indexes[i]
		switch {
		case !slices.ContainsFunc(ix.Columns, uses):
			i++
			continue
		case ix.ID == schema.PrimaryIndex: // MySQL keeps the key without the column
			a.copies = "the primary key changes"
			if ix.Columns = slices.DeleteFunc(slices.Clone(ix.Columns), uses); len(ix.Columns) == 0 {
				a.dropPK = true
			}
			i++
			continue
		case len(ix.Columns) > 1: // MySQL keeps the index without the column: a new one of the same name
			shrunk := *ix
			shrunk.ID = a.t.NextIndexID
			a.t.NextIndexID++
			shrunk.Columns = slices.DeleteFunc(slices.Clone(ix.Columns), uses)
			a.t.Indexes = append(a.t.Indexes, shrunk)
		}
		a.t.Indexes = slices.Delete(a.t.Indexes, i, i+1)
	}
	a.keepIndexes(func() { a.t.Columns = slices.Delete(a.t.Columns, pos, pos+1) })
	return nil
}

// modify is MODIFY and CHANGE: the column takes a new definition as far as its rows and keys can stay what they are.
func (a *alteration) modify(oldName string, s *ast.AlterTableSpec) error {
	pos, err := a.find(oldName)
	if err != nil {
		return err
	}
	c, err := parseColumn(a.env, s.NewColumns[0], a.t.Collation)
	if err != nil {
		return err
	}
	if !strings.EqualFold(c.Name, oldName) {
		if err := checkDependents(a.t, pos); err != nil {
			return err
		}
		if err := a.checkRuled(pos, false); err != nil {
			return err
		}
	}
	old := &a.t.Columns[pos]
	if err := a.keepsRules(pos, c); err != nil {
		return err
	}
	if err := a.keepsRows(pos, c); err != nil {
		return err
	}
	inPrimary := a.inIndex(pos, func(ix *schema.Index) bool { return ix.ID == schema.PrimaryIndex })
	if inPrimary {
		if c.explicitNull {
			return mysqlerr.New(mysqlerr.PrimaryCantHaveNull)
		}
		c.NotNull = true
	}
	if c.NotNull && !old.NotNull {
		a.change.NotNull = append(a.change.NotNull, old.ID)
	}
	a.change.RaiseAutoInc = a.change.RaiseAutoInc || c.AutoIncrement && !old.AutoIncrement
	c.ID, c.Missing = old.ID, old.Missing
	to, err := a.position(s.Position, -1)
	if err != nil {
		return err
	}
	a.keepIndexes(func() {
		a.t.Columns[pos] = c.Column
		a.moveColumn(pos, to)
	})
	a.noteColumn(c)
	return nil
}

// keepsRules copies the table where what is generated or checked may be another thing under a column's new definition.
func (a *alteration) keepsRules(pos int, c *column) error {
	old := &a.t.Columns[pos]
	why, err := modifyGenerated(old, &c.Column)
	if why == "" && !sameType(&old.Type, &c.Type) && rulesNeed(a.t, pos) {
		why = "Cannot change column type INPLACE"
	}
	if why != "" {
		a.copies = why
	}
	return err
}

// moveColumn puts the column at from before the one that is at to now; to < 0 leaves it.
func (a *alteration) moveColumn(from, to int) {
	if to < 0 || to == from || to == from+1 {
		return
	}
	c := a.t.Columns[from]
	a.t.Columns = slices.Delete(a.t.Columns, from, from+1)
	if to > from {
		to--
	}
	a.t.Columns = slices.Insert(a.t.Columns, to, c)
}

// inIndex tells whether an index that which picks has the column.
func (a *alteration) inIndex(pos int, which func(ix *schema.Index) bool) bool {
	return slices.ContainsFunc(a.t.Indexes, func(ix schema.Index) bool {
		return which(&ix) && slices.ContainsFunc(ix.Columns, func(p schema.IndexColumn) bool { return p.Column == pos })
	})
}

// keepsRows finds out whether stored rows and keys read right under a new type; where not, the table is copied. 1071 and
// the like for keys that the new type can't be in.
func (a *alteration) keepsRows(pos int, c *column) error {
	old := &a.t.Columns[pos]
	indexed := a.inIndex(pos, func(*schema.Index) bool { return true })
	if !row.Widens(&old.Type, &c.Type) || indexed && !row.SameKeys(&old.Type, &c.Type) {
		a.copies = "Cannot change column type INPLACE"
	}
	if !indexed {
		return nil
	}
	return a.keysFit(pos, &c.Type)
}

// keysFit looks whether the keys over a column may still hold it under its wider type.
func (a *alteration) keysFit(pos int, t *types.Type) error {
	for i := range a.t.Indexes {
		total := 0
		for _, p := range a.t.Indexes[i].Columns {
			typ := &a.t.Columns[p.Column].Type
			if p.Column == pos {
				typ = t
				switch {
				case t.ID == mysql.TypeJSON:
					return errJSONKey(a.t.Columns[pos].Name)
				case t.IsLob() && p.Prefix == 0:
					return mysqlerr.New(mysqlerr.BlobKeyWithoutLength, a.t.Columns[pos].Name)
				case p.Prefix > 0 && (t.Class() != types.ClassString || p.Prefix > t.Length):
					return mysqlerr.New(mysqlerr.WrongSubKey)
				}
			}
			size := typ.StorageBytes()
			if p.Prefix > 0 {
				size = p.Prefix * typ.Collation.MaxBytes()
			}
			total += size
		}
		if total > maxIndexBytes {
			return errKeyTooLong()
		}
	}
	return nil
}

func (a *alteration) renameColumn(from, to string) error {
	pos, err := a.find(from)
	if err != nil {
		return err
	}
	if err := names.Column(to); err != nil {
		return err
	}
	if err := checkDependents(a.t, pos); err != nil {
		return err
	}
	if err := a.checkRuled(pos, false); err != nil {
		return err
	}
	a.t.Columns[pos].Name, a.touched = to, true
	return nil
}

// alterDefault is ALTER COLUMN c SET DEFAULT … and DROP DEFAULT.
func (a *alteration) alterDefault(def *ast.ColumnDef) error {
	pos, err := a.find(def.Name.Name.O)
	if err != nil {
		return err
	}
	a.touched = true
	if len(def.Options) > 0 {
		if visible, ok := syntax.Visibility(def.Options[0].Expr); ok {
			a.t.Columns[pos].Invisible = !visible
			return nil
		}
	}
	c := &column{Column: a.t.Columns[pos]}
	c.HasDefault, c.Default, c.DefaultExpr = false, nil, ""
	if c.NoDefault = len(def.Options) == 0 && !c.NotNull && c.Generated == ""; !c.NoDefault && len(def.Options) > 0 {
		if c.AutoIncrement {
			return errInvalidDefault(c.Name)
		}
		if err := c.setDefault(a.env, def.Options[0].Expr); err != nil {
			return err
		}
	}
	a.t.Columns[pos] = c.Column
	return nil
}

func (a *alteration) dropIndex(name string) error {
	if strings.EqualFold(name, "PRIMARY") {
		return a.dropPrimaryKey()
	}
	i := slices.IndexFunc(a.t.Indexes, func(ix schema.Index) bool { return strings.EqualFold(ix.Name, name) })
	if i <= 0 {
		return errCantDrop(name)
	}
	a.t.Indexes, a.touched = slices.Delete(a.t.Indexes, i, i+1), true
	dropFunctional(a.t)
	return nil
}

// check gives the position of a CHECK constraint, or -1.
func (a *alteration) check(name string) int {
	return slices.IndexFunc(a.t.Checks, func(c schema.Check) bool { return strings.EqualFold(c.Name, name) })
}

// enforce is ALTER CHECK name [NOT] ENFORCED. 3821.
func (a *alteration) enforce(name string, enforced bool) error {
	i := a.check(name)
	if i < 0 {
		return mysqlerr.New(mysqlerr.CheckNotFound, name)
	}
	a.touched = a.touched || a.t.Checks[i].Enforced != enforced
	a.t.Checks[i].Enforced = enforced
	return nil
}

func (a *alteration) dropConstraint(name string) error {
	foreign, check, index := a.t.ForeignKeyByName(name) >= 0, a.check(name) >= 0, a.t.IndexByName(name) != nil && a.t.IndexByName(name).IsUnique()
	if foreign && (check || index) || check && index {
		return mysqlerr.New(mysqlerr.MultipleConstraints, name)
	}
	if foreign {
		return a.dropForeign(name)
	}
	if i := a.check(name); i >= 0 {
		a.t.Checks, a.touched = slices.Delete(a.t.Checks, i, i+1), true
		return nil
	}
	if a.t.IndexByName(name) != nil {
		return a.dropIndex(name)
	}
	return mysqlerr.New(mysqlerr.ConstraintNotFound, name)
}

// renameIndex gives an index another name. Clauses name indexes as they were; one of a foreign key stays from now on, whatever else serves.
func (a *alteration) renameIndex(from, to string) error {
	ix := indexAsItWas(a, from)
	if ix == nil || ix.ID == schema.PrimaryIndex {
		return mysqlerr.New(mysqlerr.KeyDoesNotExist, from, a.t.Name)
	}
	if err := names.Index(to); err != nil {
		return err
	}
	if o := a.t.IndexByName(to); o != nil && o != ix {
		return mysqlerr.New(mysqlerr.DupKeyName, to)
	}
	ix.Name, ix.Implicit, a.touched = to, false, true
	return nil
}

// indexAsItWas is an index that the table has had under a name, and has still.
func indexAsItWas(a *alteration, name string) *schema.Index {
	if a.from.IndexByName(name) == nil {
		return nil
	}
	return a.t.IndexByName(name)
}

func (a *alteration) setVisible(name string, visible bool) error {
	ix := indexAsItWas(a, name)
	if ix == nil {
		return mysqlerr.New(mysqlerr.KeyDoesNotExist, name, a.t.Name)
	}
	if ix.ID == schema.PrimaryIndex && !visible {
		return mysqlerr.New(mysqlerr.InvisiblePrimaryKey)
	}
	ix.Hidden, a.touched = !visible, true
	return nil
}

func (a *alteration) tableOptions(opts []*ast.TableOption) error {
	convert := false
	for _, o := range opts {
		switch {
		case o.Tp == ast.TableOptionAutoIncrement:
			a.change.AutoInc = max(o.UintValue, 1)
		case o.Tp == ast.TableOptionCharset && o.UintValue == ast.TableOptionCharsetWithConvertTo:
			convert = true
		}
	}
	a.touched = true
	start := a.t.AutoIncStart
	if err := a.options(opts); err != nil {
		return err
	}
	a.t.AutoIncStart = start // of CREATE TABLE; from now on the counter itself is raised
	if convert {
		return a.convertColumns()
	}
	return nil
}

// convertColumns is CONVERT TO CHARACTER SET: every column of characters takes the table's collation.
func (a *alteration) convertColumns() error {
	for i := range a.t.Columns {
		c := &column{Column: a.t.Columns[i]}
		if !row.HasCharset(&c.Type) || c.Type.Collation == a.t.Collation {
			continue
		}
		c.Type.Collation = a.t.Collation
		if err := a.keepsRows(i, c); err != nil {
			return err
		}
		a.t.Columns[i] = c.Column
	}
	return nil
}

func (a *alteration) dropPrimaryKey() error {
	if !a.t.HasPrimaryKey() || a.droppedPK {
		return errCantDrop("PRIMARY")
	}
	a.dropPK, a.droppedPK, a.touched = true, true, true
	return nil
}

// settlePrimaryKey makes the clustered index anew where one goes or comes. 1068.
func (a *alteration) settlePrimaryKey() error {
	added := 0
	for i := range a.indexes {
		if a.indexes[i].primary {
			added++
		}
	}
	if added == 0 && !a.dropPK {
		return nil
	}
	if added > 1 || added == 1 && !a.dropPK && a.t.HasPrimaryKey() {
		return mysqlerr.New(mysqlerr.MultiplePriKey)
	}
	a.copies, a.touched = "the primary key changes", true
	a.t.Indexes = a.t.Indexes[1:]
	if a.t.Columns[0].RowID() {
		a.keepIndexes(func() { a.t.Columns = slices.Delete(a.t.Columns, 0, 1) })
	}
	secondary := a.t.Indexes
	a.dropNullDefaults()
	if err := a.primaryKey(); err != nil {
		return err
	}
	if a.t.Columns[0].RowID() { // it has just come: everything else moves up
		for i := range secondary {
			for j := range secondary[i].Columns {
				secondary[i].Columns[j].Column++
			}
		}
	}
	a.t.Indexes = append(a.t.Indexes, secondary...)
	return nil
}

// dropNullDefaults: columns that were there before may become part of a primary key though they had DEFAULT NULL.
func (a *alteration) dropNullDefaults() {
	for i := range a.t.Columns {
		c := &a.t.Columns[i]
		old := a.from.ColumnByID(c.ID)
		if old < 0 || c.Default != nil || c.DefaultExpr != "" || !c.HasDefault || !a.inNewPrimary(c.Name) {
			continue
		}
		c.HasDefault = false
	}
}

func (a *alteration) inNewPrimary(column string) bool {
	for i := range a.indexes {
		for _, p := range a.indexes[i].parts {
			if a.indexes[i].primary && p.Column != nil && strings.EqualFold(p.Column.Name.O, column) {
				return true
			}
		}
	}
	return false
}

// checkAlgorithm holds the change to ALGORITHM and LOCK: what must be copied can't be done in place or without a lock.
func (a *alteration) checkAlgorithm() error {
	refuse := func(what, reason, try string) error {
		return mysqlerr.New(mysqlerr.AlterOperationNotSupportedReason, what, reason, try)
	}
	locks := a.lock == ast.LockTypeNone || a.lock == ast.LockTypeShared || a.lock == ast.LockTypeExclusive
	switch {
	case a.alg == ast.AlgorithmTypeInstant && locks:
		return mysqlerr.New(mysqlerr.WrongUsage, "ALGORITHM=INSTANT", "LOCK=NONE/SHARED/EXCLUSIVE")
	case a.alg == ast.AlgorithmTypeCopy && a.lock == ast.LockTypeNone:
		return refuse("LOCK=NONE", "COPY algorithm requires a lock", "LOCK=SHARED")
	case a.alg == ast.AlgorithmTypeInstant && a.copies == "" && len(a.change.Build)+len(a.change.Drop)+len(a.change.NotNull) > 0:
		return mysqlerr.New(mysqlerr.AlterOperationNotSupported, "ALGORITHM=INSTANT", "ALGORITHM=COPY/INPLACE")
	}
	if len(a.foreign) > 0 && !a.env.ForeignKeysOff && a.alg != ast.AlgorithmTypeDefault && a.alg != ast.AlgorithmTypeCopy {
		return refuse("ALGORITHM="+a.alg.String(), "Adding foreign keys needs foreign_key_checks=OFF", "ALGORITHM=COPY")
	}
	if len(a.foreign) > 0 && !a.env.ForeignKeysOff && a.lock == ast.LockTypeNone {
		return refuse("LOCK=NONE", "Adding foreign keys needs foreign_key_checks=OFF", "LOCK=SHARED")
	}
	switch {
	case len(a.foreign) > 0 && a.lock != ast.LockTypeNone:
		return nil // the table is locked while its rows are looked at
	case a.copies != "" && (a.alg == ast.AlgorithmTypeInplace || a.alg == ast.AlgorithmTypeInstant):
		return refuse("ALGORITHM="+a.alg.String(), a.copies, "ALGORITHM=COPY")
	case a.copies != "" && a.lock == ast.LockTypeNone:
		return refuse("LOCK=NONE", "COPY algorithm requires a lock", "LOCK=SHARED")
	}
	a.change.Locked = a.lock == ast.LockTypeShared || a.lock == ast.LockTypeExclusive
	return nil
}

// addPending makes the keys and checks that the clauses asked for, once all columns are what they will be.
func (a *alteration) addPending() error {
	a.dropServed()
	for i := range a.indexes {
		d := &a.indexes[i]
		if d.primary {
			continue
		}
		if err := a.addIndex(d); err != nil {
			return err
		}
		if len(d.hidden) > 0 {
			a.copies = eachItsOwn
		}
		a.touched = true
		warnDuplicate(a.env, a.db.Name, a.t, &a.t.Indexes[len(a.t.Indexes)-1])
	}
	a.touched = a.touched || len(a.checks)+len(a.foreign) > 0
	if err := a.makeForeign(); err != nil {
		return err
	}
	if err := a.checkRelations(); err != nil {
		return err
	}
	if err := a.addChecks(); err != nil {
		return err
	}
	return checkActions(a.t)
}
