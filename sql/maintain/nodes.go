package maintain

import (
	"context"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/dialect"
	"cloudsql/storage/schema"
)

// AlterCluster notes what is asked of a node, or of the shards of a database, which package placement carries out. Errors: see catalog.Tx.Depart and
// catalog.SetFactor.
func AlterCluster(ctx context.Context, db distributed.DB, n dialect.AlterCluster) error {
	return db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if n.Database != "" {
			return catalog.SetFactor(tx, n.Database, n.Factor)
		}
		return tx.Depart(schema.NodeID(n.Node), catalog.Departure(n.Departure))
	})
}
