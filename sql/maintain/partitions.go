package maintain

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/ddl/partitioning"
	"cloudsql/sql/show"
)

// PartitionOp is what an ALTER TABLE … OPTIMIZE, CHECK or REPAIR PARTITION has done; "" for any other.
func PartitionOp(n *ast.AlterTableStmt) string {
	if len(n.Specs) != 1 {
		return ""
	}
	switch n.Specs[0].Tp {
	case ast.AlterTableOptimizePartition:
		return "optimize"
	case ast.AlterTableCheckPartitions:
		return "check"
	case ast.AlterTableRepairPartition:
		return "repair"
	}
	return ""
}

// ReportPartitions is Report of the partitions that the statement names. 1505, 1507.
func ReportPartitions(ctx context.Context, env *Env, op string, n *ast.AlterTableStmt) (*show.Result, error) {
	db, err := env.DBOf(n.Table.Schema.O)
	if err != nil {
		return nil, err
	}
	if t, ok := env.DB.Catalog().Table(db, n.Table.Name.O); ok {
		if err := partitioning.Named(t, n.Specs[0], db+"."+t.Name); err != nil {
			return nil, err
		}
	}
	return Report(ctx, env, op, []*ast.TableName{n.Table})
}
