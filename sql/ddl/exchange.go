package ddl

import (
	"reflect"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Exchange is EXCHANGE PARTITION: the rows of a leaf of the table's partitions and those of another table change places.
type Exchange struct {
	Leaf     int // its place
	With     *ast.TableName
	Validate bool // the other table's rows must belong there
}

// exchange takes EXCHANGE PARTITION. 1505, 1735, 1734.
func (a *alteration) exchange(s *ast.AlterTableSpec) error {
	p := a.t.Partitioning
	if p == nil {
		return mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned)
	}
	name := s.PartitionNames[0].O
	first, n, ok := p.ByName(name)
	switch {
	case !ok:
		return mysqlerr.New(mysqlerr.UnknownPartition, name, a.t.Name)
	case n > 1 || p.Sub != nil && !strings.EqualFold(p.Leaves()[first].Name, name):
		return mysqlerr.New(mysqlerr.PartitionInsteadOfSub)
	}
	a.change.Exchange = &Exchange{Leaf: first, With: s.NewTable, Validate: s.WithValidation}
	return nil
}

// MayExchange tells whether the rows of one table may lie in a partition of the other: 1732, 1733, 1740, 1736.
func MayExchange(partitioned, t *schema.Table) error {
	switch {
	case t.Temporary():
		return mysqlerr.New(mysqlerr.ExchangeTemporary, t.Name)
	case t.Partitioning != nil:
		return mysqlerr.New(mysqlerr.ExchangePartitioned, t.Name)
	case len(t.ForeignKeys) > 0:
		return mysqlerr.New(mysqlerr.ExchangeForeignKey, t.Name)
	case !slices.EqualFunc(partitioned.Columns, t.Columns, exchangeable) || !slices.EqualFunc(partitioned.Indexes, t.Indexes, sameIndex) ||
		partitioned.Collation != t.Collation:
		return mysqlerr.New(mysqlerr.TablesDifferentMetadata)
	}
	return nil
}

// exchangeable tells whether values of one column may lie in the other as they are.
func exchangeable(a, b schema.Column) bool {
	b.ID, b.Missing, b.Comment = a.ID, a.Missing, a.Comment
	return reflect.DeepEqual(a, b)
}

func sameIndex(a, b schema.Index) bool {
	return a.Name == b.Name && a.Unique == b.Unique && slices.Equal(a.Columns, b.Columns)
}
