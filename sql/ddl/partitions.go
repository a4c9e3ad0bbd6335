package ddl

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/ddl/partitioning"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// otherPartitions is why a table is copied whose rows may belong elsewhere.
const otherPartitions = "rows change their partitions"

// partitions takes the clauses about partitions, which stand alone but for PARTITION BY and REMOVE PARTITIONING.
func partitions(a *alteration, s *ast.AlterTableSpec) error {
	switch s.Tp {
	case ast.AlterTablePartition:
		a.partition = s.Partition // when columns and keys are what they will be
	case ast.AlterTableRemovePartitioning:
		if a.t.Partitioning == nil {
			return mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned)
		}
		a.t.Partitioning, a.copies, a.touched = nil, otherPartitions, true
	default:
		p, moves, err := partitioning.Alter(a.env.Now, a.t, s)
		if err != nil {
			return err
		}
		if moves {
			a.copies = otherPartitions
		}
		a.touched = moves || !SameLeaves(p, a.t.Partitioning)
		a.t.Partitioning = p
	}
	return nil
}

// OtherPartitions tells of a change that has partitions come or go, with their rows.
func (c *Change) OtherPartitions() bool {
	if c.Table == nil || c.Copy || c.From.Partitioning == nil || c.Table.Partitioning == nil {
		return false
	}
	return !SameLeaves(c.From.Partitioning, c.Table.Partitioning)
}

// SameLeaves tells that rows are in the same partitions.
func SameLeaves(a, b *schema.Partitioning) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.EqualFunc(a.Leaves(), b.Leaves(), func(a, b *schema.Partition) bool { return a.ID == b.ID })
}
