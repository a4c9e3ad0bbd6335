package planner_test

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// A statement is parsed, and planned against a catalog. A plan of a query is Rows, one of a data change is Modify; both explain
// themselves, and both are run on a distributed.DB.
func ExampleBuild() {
	ctx := &planner.Context{Catalog: exampleCatalog(), DB: "shop", Env: &expr.Env{Mode: *types.DefaultMode()}}
	for _, text := range []string{
		"SELECT total FROM orders WHERE id = 7",
		"SELECT customer, SUM(total) FROM orders WHERE id > 100 GROUP BY customer",
		"SELECT nothing FROM orders",
	} {
		stmt, err := parser.New().ParseOneStmt(text, "", "")
		if err != nil {
			fmt.Println(err)
			continue
		}
		plan, err := planner.Build(ctx, stmt)
		if err != nil {
			fmt.Println(err)
			continue
		}
		for _, l := range plan.Explain() {
			fmt.Println(strings.TrimSpace(fmt.Sprintf("%s%s %s %s", strings.Repeat("  ", l.Depth), l.Operator, l.Object, l.Info)))
		}
	}
	// Output:
	// PointGet table:orders, index:PRIMARY id = 7
	// FinalAgg  group orders.customer, sum(orders.total)
	// TableRange table:orders, index:PRIMARY range: id > 100; partial aggregate: orders.customer, sum(orders.total)
	// ERROR 1054 (42S22): Unknown column 'nothing' in 'field list'
}

func exampleCatalog() *catalog.Snapshot {
	number := types.Type{ID: mysql.TypeLonglong}
	empty := catalog.Empty()
	tx := empty.Begin()
	tx.PutDatabase(&schema.Database{ID: 50, Name: "shop", Collation: collation.Default, Shard: 2})
	tx.PutTable(&schema.Table{
		ID: 60, Database: 50, Name: "orders", Version: 1, Collation: collation.Default,
		Columns: []schema.Column{
			{ID: 1, Name: "id", Type: number, NotNull: true}, {ID: 2, Name: "customer", Type: number}, {ID: 3, Name: "total", Type: number},
		},
		Indexes: []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}}},
		Tablets: []schema.Tablet{{ID: 70, Shard: 2}},
	})
	snapshot, err := empty.Apply(1, tx.Command(1, 1).Sets)
	if err != nil {
		panic(err)
	}
	return snapshot
}
