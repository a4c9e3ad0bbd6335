package assign

import (
	"context"
	"strings"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/dialect"
	"cloudsql/storage/mysqlerr"
)

// ResetPersist takes what SET PERSIST has set back: as that and SET GLOBAL are one, the defaults hold again at once. What the cluster is
// run by (cloudsql_…) has to be named for it. 3615.
func ResetPersist(ctx context.Context, db distributed.DB, n dialect.ResetPersist, note func(level string, code uint16, message string)) error {
	missing := false
	err := db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		names := []string{n.Name}
		if n.Name == "" {
			names = nil
			for name := range tx.Snapshot.Settings() {
				if !strings.HasPrefix(name, "cloudsql_") {
					names = append(names, name)
				}
			}
		} else if _, set := tx.Snapshot.Setting(n.Name); !set {
			missing = true
			return nil
		}
		missing = false
		for _, name := range names {
			if err := mayChange(tx.Snapshot, &globalSetting{name: name, unset: true}); err != nil {
				return err
			}
			tx.DeleteSetting(name)
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	e := mysqlerr.New(mysqlerr.NotPersisted, n.Name)
	if !n.IfExists {
		return e
	}
	note("Warning", e.Code, e.Message)
	return nil
}
