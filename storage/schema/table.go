package schema

import (
	"slices"
	"strings"

	"cloudsql/storage/types"
)

// HiddenColumnName names the row id column of a table without a primary key.
const HiddenColumnName = "_row_id"

// RowIDName is what a query calls it that goes by it (HANDLER): a name that no column has, which may not end in a space.
const RowIDName = HiddenColumnName + " "

// Primary is the clustered index.
func (t *Table) Primary() *Index { return &t.Indexes[0] }

// RowID tells whether the column is the row id of a table without a primary key.
func (c *Column) RowID() bool { return c.Hidden && c.Generated == "" }

// Shown is how plans name the column: a functional key part by its expression.
func (c *Column) Shown() string {
	if c.Hidden && c.Generated != "" {
		return c.Generated
	}
	return c.Name
}

// Ruled tells whether rows must follow expressions of the definition: generated columns, enforced checks. Shards then take only
// writes that were planned with their own version of the table, whose expressions come with them.
func (t *Table) Ruled() bool {
	for i := range t.Columns {
		if t.Columns[i].Generated != "" {
			return true
		}
	}
	for i := range t.Checks {
		if t.Checks[i].Enforced {
			return true
		}
	}
	return false
}

// Temporary tells whether it is a session's temporary table.
func (t *Table) Temporary() bool { return len(t.Tablets) > 0 && t.Tablets[0].Shard == TemporaryShard }

// HasPrimaryKey tells whether the user declared one; otherwise rows are clustered by the hidden row id. While an ALTER TABLE
// that drops its columns is being worked out, a declared one may have none.
func (t *Table) HasPrimaryKey() bool {
	parts := t.Indexes[0].Columns
	return len(parts) == 0 || !t.Columns[parts[0].Column].RowID()
}

// ShownPrimary is the index that clients are told is the primary key: the one that was declared, or the first unique one over whole columns
// without NULLs. nil: there is none.
func (t *Table) ShownPrimary() *Index {
	switch {
	case len(t.Indexes) == 0:
		return nil
	case t.HasPrimaryKey():
		return t.Primary()
	}
	partly := func(c IndexColumn) bool {
		return !t.Columns[c.Column].NotNull || t.Columns[c.Column].Hidden || c.Prefix > 0
	}
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; ix.IsUnique() && ix.State == Public && len(ix.Columns) > 0 && !slices.ContainsFunc(ix.Columns, partly) {
			return ix
		}
	}
	return nil
}

// ColumnByID gives the position of a column, or -1.
func (t *Table) ColumnByID(id ColumnID) int {
	for i := range t.Columns {
		if t.Columns[i].ID == id {
			return i
		}
	}
	return -1
}

// Called is what errors of a value call the column at pos: one of documents is named with its table.
func (t *Table) Called(pos int) string {
	c := &t.Columns[pos]
	if c.Type.Class() == types.ClassJSON {
		return t.Name + "." + c.Name
	}
	return c.Name
}

// ColumnByName gives the position of a visible column by its name, case-insensitively, or -1.
func (t *Table) ColumnByName(name string) int {
	for i := range t.Columns {
		if !t.Columns[i].Hidden && strings.EqualFold(t.Columns[i].Name, name) {
			return i
		}
	}
	return -1
}

// IndexByID finds an index, or nil.
func (t *Table) IndexByID(id IndexID) *Index {
	for i := range t.Indexes {
		if t.Indexes[i].ID == id {
			return &t.Indexes[i]
		}
	}
	return nil
}

// IndexByName finds an index by its name, case-insensitively, or nil.
func (t *Table) IndexByName(name string) *Index {
	for i := range t.Indexes {
		if strings.EqualFold(t.Indexes[i].Name, name) {
			return &t.Indexes[i]
		}
	}
	return nil
}

// AutoIncColumn gives the position of the AUTO_INCREMENT column, or -1.
func (t *Table) AutoIncColumn() int {
	for i := range t.Columns {
		if t.Columns[i].AutoIncrement {
			return i
		}
	}
	return -1
}

// ColumnIDs lists the ids of all columns in order: the layout of a full row.
func (t *Table) ColumnIDs() []ColumnID {
	ids := make([]ColumnID, len(t.Columns))
	for i := range t.Columns {
		ids[i] = t.Columns[i].ID
	}
	return ids
}

// ColumnarReplica is the option of tables whose replicas keep a columnar copy of their rows: "1".
const ColumnarReplica = "COLUMNAR_REPLICA"

// Columnar tells whether the table's replicas keep a columnar copy of its rows.
func (t *Table) Columnar() bool { return t.Options[ColumnarReplica] != "" }

// Clone copies the descriptor deeply enough that any of its slices may be changed in place.
func (t *Table) Clone() *Table {
	c := *t
	c.Columns = append([]Column(nil), t.Columns...)
	c.Indexes = append([]Index(nil), t.Indexes...)
	for i := range c.Indexes {
		c.Indexes[i].Columns = append([]IndexColumn(nil), t.Indexes[i].Columns...)
	}
	c.Checks = append([]Check(nil), t.Checks...)
	c.ForeignKeys = append([]ForeignKey(nil), t.ForeignKeys...)
	for i := range c.ForeignKeys {
		c.ForeignKeys[i].ParentColumns = append([]string(nil), t.ForeignKeys[i].ParentColumns...)
	}
	c.Tablets = append([]Tablet(nil), t.Tablets...)
	c.Partitioning = t.Partitioning.Clone()
	if t.Options != nil {
		c.Options = make(map[string]string, len(t.Options))
		for k, v := range t.Options {
			c.Options[k] = v
		}
	}
	return &c
}
