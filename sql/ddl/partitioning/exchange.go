package partitioning

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Exchange tells at which leaf the partition of t is that may take a table's rows, and give its own: EXCHANGE PARTITION.
// 1505, 1732, 1740, 1735, 1734, 1731, 1736.
func Exchange(s *catalog.Snapshot, t *schema.Table, partition string, with *schema.Table) (leaf int, err error) {
	switch {
	case t.Partitioning == nil:
		return 0, mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned)
	case with.Partitioning != nil:
		return 0, mysqlerr.New(mysqlerr.ExchangePartitioned, with.Name)
	case with.HasEntries():
		return 0, mysqlerr.NotSupported("EXCHANGE PARTITION with a table whose unique keys are over tablets")
	case len(with.ForeignKeys) > 0 || len(s.Children(s.DatabaseName(with), with.Name)) > 0:
		return 0, mysqlerr.New(mysqlerr.ExchangeForeignKey, with.Name)
	}
	leaf, _, ok := t.Partitioning.ByName(partition)
	if !ok {
		return 0, mysqlerr.New(mysqlerr.UnknownPartition, partition, t.Name)
	}
	part := t.Partitioning.Leaves()[leaf]
	if len(t.Partitioning.Partitions[0].Sub) > 0 && !strings.EqualFold(part.Name, partition) {
		return 0, mysqlerr.New(mysqlerr.PartitionInsteadOfSub)
	}
	for _, o := range []struct {
		name string
		rows uint64
	}{{"MAX_ROWS", part.MaxRows}, {"MIN_ROWS", part.MinRows}} {
		if rows := with.Options[o.name]; rows != "" && rows != strconv.FormatUint(o.rows, 10) || rows == "" && o.rows != 0 {
			return 0, mysqlerr.New(mysqlerr.ExchangeDifferentOption, o.name)
		}
	}
	if rowFormat(t) != rowFormat(with) {
		return 0, mysqlerr.New(mysqlerr.ExchangeDifferentOption, "ROW_FORMAT")
	}
	if !slices.EqualFunc(t.Columns, with.Columns, sameStored) || !slices.EqualFunc(byName(t.Indexes), byName(with.Indexes), sameKey) {
		return 0, mysqlerr.New(mysqlerr.TablesDifferentMetadata)
	}
	if !slices.Equal(checked(t), checked(with)) {
		return 0, mysqlerr.New(mysqlerr.TablesDifferentMetadata)
	}
	return leaf, nil
}

// checked is what a table's rows are held to by its CHECK constraints, whatever their names.
func checked(t *schema.Table) (list []string) {
	for _, c := range t.Checks {
		if c.Enforced {
			list = append(list, c.Expr)
		}
	}
	slices.Sort(list)
	return list
}

func rowFormat(t *schema.Table) string { return cmp.Or(t.Options["ROW_FORMAT"], "DYNAMIC") }

// sameStored tells whether two tables keep the same in a column.
func sameStored(a, b schema.Column) bool {
	named := a.Hidden && b.Hidden || strings.EqualFold(a.Name, b.Name)
	return named && reflect.DeepEqual(a.Type, b.Type) && a.NotNull == b.NotNull && a.AutoIncrement == b.AutoIncrement && a.Hidden == b.Hidden &&
		a.Invisible == b.Invisible && a.Generated == b.Generated && a.Stored == b.Stored
}

// sameKey tells whether two tables of the same columns have the same index.
func sameKey(a, b schema.Index) bool {
	return strings.EqualFold(a.Name, b.Name) && a.IsUnique() == b.IsUnique() && slices.Equal(a.Columns, b.Columns)
}

func byName(list []schema.Index) []schema.Index {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b schema.Index) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}
