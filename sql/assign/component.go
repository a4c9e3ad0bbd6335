package assign

import (
	"context"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/dialect"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/mysqlerr"
)

// Component installs components, or takes them away: all that the statement names, or none. 3529, 3537.
func Component(ctx context.Context, db distributed.DB, n dialect.Component) error {
	return db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, urn := range n.URNs {
			installed := sysvar.Installed(tx.Snapshot, urn)
			switch {
			case !n.Install && !installed:
				return mysqlerr.New(mysqlerr.ComponentNotLoaded, urn)
			case !n.Install:
				tx.PutRecord(sysvar.ComponentKind, urn, nil)
			case installed || urn != sysvar.ValidatePassword:
				return mysqlerr.New(mysqlerr.ComponentCantLoad, urn)
			default:
				tx.PutRecord(sysvar.ComponentKind, urn, true)
			}
		}
		return nil
	})
}
