package planned

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner"
	"cloudsql/sql/metalock"
	"cloudsql/sql/privilege"
	"cloudsql/storage/schema"
)

// Making is a plan in the making.
type Making struct {
	Needs    []privilege.Need // the privileges that its statement needs, which the account has
	Uses     []metalock.Use   // its tables
	Definers []*catalog.User  // of its views
	Virtual  bool             // it reads a table that the gateway makes up
	Inserted planner.Inserted
}

// Use records a table that the plan asks for: reads by SELECT, changes by the other privileges.
func (m *Making) Use(c *catalog.Snapshot, priv mysql.PrivilegeType, db, table string) {
	if table == "" || c == nil {
		return
	}
	if t, _ := c.Table(db, table); t != nil && t.Temporary() {
		return
	}
	id, ok := c.Named(db, table)
	if !ok {
		return
	}
	write := priv&(mysql.InsertPriv|mysql.UpdatePriv|mysql.DeletePriv) != 0
	m.Uses = metalock.AddUse(m.Uses, metalock.Use{ID: id, DB: db, Name: table, Write: write})
}

// Imply records a table that the plan may come to use by foreign keys.
func (m *Making) Imply(db string, t *schema.Table, write bool) {
	m.Uses = metalock.AddUse(m.Uses, metalock.Use{ID: t.ID, DB: db, Name: t.Name, Write: write, Implied: true})
}
