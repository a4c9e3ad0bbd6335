package locate

import (
	"slices"

	"cloudsql/planner/partition"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Place tells which tablets rows belong to: to those of their partitions, if there are any, and among them by their primary keys.
type Place struct {
	Table *schema.Table
	Parts *partition.Map // nil: no partitions
	Only  []int          // PARTITION (…): where rows may be; nil: anywhere
	Found []int          // positions of the columns that a query gives of a row that is to be changed
}

// PlaceOf is where rows of t are, in the partitions whose places are only, or in all.
func PlaceOf(t *schema.Table, only []int) (Place, error) {
	m, err := partition.Of(t)
	p := Place{Table: t, Parts: m, Only: only}
	if err == nil {
		p.Found = m.Locating(t)
	}
	return p, err
}

// Several tells whether a row's tablet has to be asked for. A table with one partition may still have none for a row.
func (p *Place) Several() bool { return len(p.Table.Tablets) > 1 || p.Parts != nil }

// Of gives the tablet of a whole row in storage form. 1526, 1748.
func (p *Place) Of(row []types.Value) (*schema.Tablet, error) {
	if p.Parts == nil {
		return p.Table.TabletFor(keys.AppendPrimary(nil, p.Table, row)), nil
	}
	leaf, err := p.leaf(row)
	if err != nil {
		return nil, err
	}
	tablets := p.Parts.Tablets(leaf)
	if len(tablets) == 1 {
		return &tablets[0], nil
	}
	return schema.TabletFor(tablets, keys.AppendPrimary(nil, p.Table, row)), nil
}

// leaf gives the place of the partition that a row belongs to. 1526, 1748.
func (p *Place) leaf(row []types.Value) (int, error) {
	leaf, err := p.Parts.Leaf(row)
	if err == nil && p.Only != nil && !slices.Contains(p.Only, leaf) {
		err = mysqlerr.New(mysqlerr.RowNotInGivenPartitions)
	}
	return leaf, err
}

// Row is where a row is.
type Row struct {
	Key    []byte
	Tablet *schema.Tablet
}

// Locate finds a row of which a query gave the columns found.
func (p *Place) Locate(values []types.Value, m *types.Mode) (k Row, err error) {
	if k.Key, err = PrimaryKey(p.Table, values, m); err != nil {
		return k, err
	}
	if p.Parts == nil {
		k.Tablet = p.Table.TabletFor(k.Key)
		return k, nil
	}
	row := make([]types.Value, len(p.Table.Columns))
	for i, pos := range p.Found {
		c := &p.Table.Columns[pos]
		if row[pos], err = conversion.Assign(values[i], &c.Type, c.Name, 1, m, nil); err != nil {
			return k, err
		}
	}
	leaf, err := p.Parts.Leaf(row)
	if err == nil {
		k.Tablet = schema.TabletFor(p.Parts.Tablets(leaf), k.Key)
	}
	return k, err
}

// Moves tells whether assignments may take rows to other tablets, or to none.
func (p *Place) Moves(set []fragment.Assignment) bool {
	return p.Several() && slices.ContainsFunc(set, func(a fragment.Assignment) bool {
		return p.decides(p.Table.ColumnByID(a.Column))
	})
}

// decides tells whether the column at a position has a say in which tablet a row is.
func (p *Place) decides(pos int) bool {
	if p.Parts != nil && (p.Parts.Uses(pos) || !p.Parts.Cut()) {
		return p.Parts.Uses(pos)
	}
	return slices.ContainsFunc(p.Table.Primary().Columns, func(c schema.IndexColumn) bool { return c.Column == pos })
}

// Located gives the keys of one execution of a lookup in a partitioned table: those of a unique key beside the primary one for each tablet of the
// partition. A row that no partition takes is not there.
func (k *Lookup) Located(env *expr.Env, p *Place) (list []Row, err error) {
	row := make([]types.Value, len(p.Table.Columns))
	seen := map[string]bool{}
	for i := range k.Most() {
		key, ok, err := k.key(env, i, nil, func(part int, v types.Value) { row[k.Index.Columns[part].Column] = v })
		if err != nil {
			return nil, err
		}
		if !ok || seen[string(key)] {
			continue
		}
		seen[string(key)] = true
		leaf, err := p.leaf(row)
		if code := mysqlerr.Code(err); code == mysqlerr.NoPartitionForValue || code == mysqlerr.RowNotInGivenPartitions {
			continue
		}
		if err != nil {
			return nil, err
		}
		tablets := p.Parts.Tablets(leaf)
		if k.Index.ID == schema.PrimaryIndex {
			list = append(list, Row{key, schema.TabletFor(tablets, key)})
			continue
		}
		for i := range tablets {
			list = append(list, Row{key, &tablets[i]})
		}
	}
	return list, nil
}

// PrimaryKey encodes the primary key columns that a source gave.
func PrimaryKey(t *schema.Table, row []types.Value, m *types.Mode) (key []byte, err error) {
	for i, c := range t.Primary().Columns {
		col := &t.Columns[c.Column]
		v, err := conversion.Assign(row[i], &col.Type, col.Name, 1, m, nil)
		if err != nil {
			return nil, err
		}
		key = keys.AppendValue(key, v, &col.Type, c.Prefix, c.Desc)
	}
	return key, nil
}
