package show

import (
	"cmp"
	"slices"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// shownKeys are a table's foreign keys in the order in which MySQL has them: of their names.
func shownKeys(t *schema.Table) []*schema.ForeignKey {
	list := make([]*schema.ForeignKey, len(t.ForeignKeys))
	for i := range list {
		list[i] = &t.ForeignKeys[i]
	}
	slices.SortFunc(list, func(a, b *schema.ForeignKey) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// eachForeignKey calls fn for the foreign keys of the tables that the conditions on two columns leave.
func eachForeignKey(s *virtual.Scan, schemaColumn, tableColumn string, fn func(o *virtual.Object, f *schema.ForeignKey) error) error {
	return s.EachTable(schemaColumn, tableColumn, func(o *virtual.Object) error {
		for _, f := range shownKeys(o.Desc) {
			if err := fn(o, f); err != nil {
				return err
			}
		}
		return nil
	})
}

func infoForeignKeyColumns(s *virtual.Scan) error {
	return eachForeignKey(s, "table_schema", "table_name", func(o *virtual.Object, f *schema.ForeignKey) error {
		if !s.Wants("constraint_schema", o.DB) || !s.Wants("constraint_name", f.Name) {
			return nil
		}
		for i, name := range f.ColumnNames(o.Desc) {
			err := s.Row(types.Str(def), types.Str(o.DB), types.Str(f.Name), types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name),
				types.Str(name), virtual.Num(i+1), virtual.Num(i+1), types.Str(f.Database), types.Str(f.Parent), types.Str(f.ParentColumns[i]))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func infoReferentialConstraints(s *virtual.Scan) error {
	return eachForeignKey(s, "constraint_schema", "table_name", func(o *virtual.Object, f *schema.ForeignKey) error {
		unique := types.Null
		if parent, ok := s.Catalog().Parent(f); ok {
			if at := f.ParentPositions(parent); at != nil {
				if ix := parent.SupportingIndex(at); ix != nil && ix.IsUnique() && len(ix.Columns) == len(at) {
					unique = types.Str(ix.Name)
				}
			}
		}
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(f.Name), types.Str(def), types.Str(f.Database), unique, types.Str("NONE"),
			types.Str(f.OnUpdate.String()), types.Str(f.OnDelete.String()), types.Str(o.Desc.Name), types.Str(f.Parent))
	})
}

// innodbForeign has the actions as bits, as InnoDB does.
func innodbForeign(s *virtual.Scan) error {
	bits := func(a schema.ReferenceAction, cascade, setNull, nothing int) int {
		switch a {
		case schema.Cascade:
			return cascade
		case schema.SetNull:
			return setNull
		case schema.NoAction:
			return nothing
		}
		return 0
	}
	return eachForeignKey(s, "", "", func(o *virtual.Object, f *schema.ForeignKey) error {
		return s.Row(types.Str(o.DB+"/"+f.Name), types.Str(o.DB+"/"+o.Desc.Name), types.Str(f.Database+"/"+f.Parent), virtual.Num(len(f.Columns)),
			virtual.Num(bits(f.OnDelete, 1, 2, 16)|bits(f.OnUpdate, 4, 8, 32)))
	})
}

func innodbForeignColumns(s *virtual.Scan) error {
	return eachForeignKey(s, "", "", func(o *virtual.Object, f *schema.ForeignKey) error {
		for i, name := range f.ColumnNames(o.Desc) {
			if err := s.Row(types.Str(o.DB+"/"+f.Name), types.Str(name), types.Str(f.ParentColumns[i]), virtual.Num(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
}
