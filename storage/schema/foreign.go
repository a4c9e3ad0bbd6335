package schema

import (
	"slices"
	"strings"
)

// ForeignKey says that the values of a table's columns are to be found in a parent's. The parent is known by its names, as the
// statement wrote them, and need not exist (foreign_key_checks = 0); who renames it, or its columns, renames them here.
type ForeignKey struct {
	Name          string          `json:"name"` // unique in the table's database
	Columns       []ColumnID      `json:"columns"`
	Database      string          `json:"database"` // of the parent
	Parent        string          `json:"parent"`
	ParentColumns []string        `json:"parentColumns"`
	OnDelete      ReferenceAction `json:"onDelete,omitempty"`
	OnUpdate      ReferenceAction `json:"onUpdate,omitempty"`
}

// ReferenceAction is what becomes of a parent's children. The numbers are part of the catalog.
type ReferenceAction uint8

// The actions. NoAction is what nothing means; InnoDB does the same under both of the first.
const (
	NoAction ReferenceAction = iota
	Restrict
	Cascade
	SetNull
)

func (a ReferenceAction) String() string {
	return [...]string{"NO ACTION", "RESTRICT", "CASCADE", "SET NULL"}[a&3]
}

// Refuses tells of the actions under which a parent with children stays.
func (a ReferenceAction) Refuses() bool { return a <= Restrict }

// Positions are those of the key's columns in its table.
func (f *ForeignKey) Positions(t *Table) []int {
	at := make([]int, len(f.Columns))
	for i, id := range f.Columns {
		at[i] = t.ColumnByID(id)
	}
	return at
}

// ParentPositions are those of the columns that the key refers to; nil where the parent lacks one.
func (f *ForeignKey) ParentPositions(parent *Table) []int {
	at := make([]int, len(f.ParentColumns))
	for i, name := range f.ParentColumns {
		if at[i] = parent.ColumnByName(name); at[i] < 0 {
			return nil
		}
	}
	return at
}

// ForeignKeyByName finds one of a table's foreign keys, -1 for none.
func (t *Table) ForeignKeyByName(name string) int {
	return slices.IndexFunc(t.ForeignKeys, func(f ForeignKey) bool { return strings.EqualFold(f.Name, name) })
}

// SupportingIndex finds the index that begins with whole columns in this order, by which a foreign key finds parents or children: a
// unique one of just these columns rather than others. Of those that are being built or removed it gives none.
func (t *Table) SupportingIndex(columns []int) *Index {
	var found *Index
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if ix.State != Public || !ix.BeginsWith(columns) {
			continue
		}
		if ix.IsUnique() && len(ix.Columns) == len(columns) {
			return ix
		}
		if found == nil {
			found = ix
		}
	}
	return found
}

// BeginsWith tells whether an index's first columns are these, whole and in this order.
func (ix *Index) BeginsWith(columns []int) bool {
	if len(ix.Columns) < len(columns) {
		return false
	}
	for i, pos := range columns {
		if c := &ix.Columns[i]; c.Column != pos || c.Prefix > 0 {
			return false
		}
	}
	return true
}

// Place is where a column stands in an index that has it whole, counted from 0; -1: it has not.
func (ix *Index) Place(column int) int {
	return slices.IndexFunc(ix.Columns, func(c IndexColumn) bool { return c.Column == column && c.Prefix == 0 })
}

// Supports tells whether a foreign key of these columns may rely on an index: MySQL has none that descends. (BeginsWith is what it takes
// to find rows, also for keys from before this was asked.)
func (ix *Index) Supports(columns []int) bool {
	return ix.BeginsWith(columns) && !slices.ContainsFunc(ix.Columns[:len(columns)], func(c IndexColumn) bool { return c.Desc })
}

// Definition is the clause that makes the key again, as MySQL prints it: of table t, which is in database db.
func (f *ForeignKey) Definition(t *Table, db string, quote func(string) string) string {
	var b strings.Builder
	list := func(names []string) {
		for i, name := range names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(name))
		}
	}
	b.WriteString("CONSTRAINT " + quote(f.Name) + " FOREIGN KEY (")
	list(f.ColumnNames(t))
	b.WriteString(") REFERENCES ")
	if f.Database != db {
		b.WriteString(quote(f.Database) + ".")
	}
	b.WriteString(quote(f.Parent) + " (")
	list(f.ParentColumns)
	b.WriteString(")")
	if f.OnDelete != NoAction {
		b.WriteString(" ON DELETE " + f.OnDelete.String())
	}
	if f.OnUpdate != NoAction {
		b.WriteString(" ON UPDATE " + f.OnUpdate.String())
	}
	return b.String()
}

// ColumnNames are those of the key's columns in its table.
func (f *ForeignKey) ColumnNames(t *Table) []string {
	names := make([]string, len(f.Columns))
	for i, pos := range f.Positions(t) {
		if pos >= 0 {
			names[i] = t.Columns[pos].Name
		}
	}
	return names
}
