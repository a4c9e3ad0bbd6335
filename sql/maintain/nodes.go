package maintain

import (
	"context"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/dialect"
	"cloudsql/storage/schema"
)

// Depart is ALTER CLUSTER … NODE: it notes what is asked of a node, which package placement carries out. Errors: see catalog.Tx.Depart.
func Depart(ctx context.Context, db distributed.DB, n dialect.AlterCluster) error {
	return db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		return tx.Depart(schema.NodeID(n.Node), catalog.Departure(n.Departure))
	})
}
