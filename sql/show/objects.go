package show

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/ddl"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// database is one that the account may see.
type database struct {
	name      string
	collation types.Collation
	virtual   bool
}

// object is a table of either kind.
type object struct {
	db   string
	desc *schema.Table
	made *table // nil for a table of the catalog
}

// visible tells whether the account may see a database: information_schema and performance_schema are everybody's.
func visible(c Context, db string) bool {
	return db == infoSchema || db == perfSchema || c.Visible(db)
}

// databases lists what the account may see, in order of name. mysql and sys, and their tables, can be read but are not
// listed, for a dump of all databases must not try to carry them from server to server.
func databases(c Context) []database {
	list := []database{{infoSchema, virtualCollation(infoSchema), true}, {perfSchema, virtualCollation(perfSchema), true}}
	for _, d := range c.Catalog().Databases() {
		if visible(c, d.Name) && !IsVirtual(d.Name) {
			list = append(list, database{d.Name, d.Collation, false})
		}
	}
	slices.SortFunc(list, func(a, b database) int { return strings.Compare(a.name, b.name) })
	return list
}

func virtualCollation(db string) types.Collation {
	if db == infoSchema {
		return collationText
	}
	return types.CollationDefault
}

// findDatabase resolves a database's name: 1044 where the account may not see it, 1049 where there is none, 1046 where
// none was named and none is chosen.
func findDatabase(c Context, name string) (database, error) {
	if name == "" {
		if name = c.CurrentDB(); name == "" {
			return database{}, mysqlerr.New(mysqlerr.NoDB)
		}
	}
	if IsVirtual(name) {
		name = strings.ToLower(name)
	}
	if !visible(c, name) {
		if err := c.Access(uint64(mysql.SelectPriv), name, ""); err != nil {
			return database{}, err
		}
	}
	if IsVirtual(name) {
		return database{name, virtualCollation(name), true}, nil
	}
	d, ok := c.Catalog().Database(name)
	if !ok {
		return database{}, mysqlerr.New(mysqlerr.BadDB, name)
	}
	return database{d.Name, d.Collation, false}, nil
}

// objects lists a database's tables in order of name.
func objects(c Context, db string) []object {
	var list []object
	if IsVirtual(db) {
		for _, t := range tableLists[db] {
			list = append(list, object{db, &t.desc, t})
		}
		return list
	}
	for _, t := range c.Catalog().Tables(db) {
		if !ddl.IsCopy(t.Name) { // half filled by an ALTER TABLE
			list = append(list, object{db, t, nil})
		}
	}
	return list
}

// findObject resolves a table's name in a database: 1146 (1109 in information_schema) where there is none, 1142 where the
// account may not see it; further as findDatabase.
func findObject(c Context, db, name string) (object, error) {
	if !visible(c, db) && !IsVirtual(db) {
		if err := c.Access(uint64(mysql.SelectPriv), db, name); err != nil {
			return object{}, err
		}
	}
	d, err := findDatabase(c, db)
	if err != nil {
		return object{}, err
	}
	if d.virtual {
		if t := findVirtual(d.name, name); t != nil {
			return object{d.name, &t.desc, t}, nil
		}
		return object{}, UnknownTable(d.name, name)
	}
	t, ok := c.Catalog().Table(d.name, name)
	if !ok {
		return object{}, UnknownTable(d.name, name)
	}
	return object{d.name, t, nil}, nil
}

// tableType is TABLE_TYPE of information_schema.TABLES.
func (o *object) tableType() string {
	if o.made != nil && o.db != perfSchema && o.db != mysqlDB {
		return "SYSTEM VIEW"
	}
	return "BASE TABLE"
}

// eachDatabase calls fn for the databases that a scan's conditions leave.
func (s *scan) eachDatabase(column string, fn func(d *database) error) error {
	list := databases(s)
	for i := range list {
		if s.wants(column, list[i].name) {
			if err := fn(&list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachTable calls fn for the tables that a scan's conditions on their database and their name leave.
func (s *scan) eachTable(schemaColumn, tableColumn string, fn func(o *object) error) error {
	return s.eachDatabase(schemaColumn, func(d *database) error {
		if name, ok := s.eq[tableColumn]; ok && !d.virtual {
			if t, found := s.Catalog().Table(d.name, name); found {
				return fn(&object{d.name, t, nil})
			}
			return nil
		}
		list := objects(s, d.name)
		for i := range list {
			if s.wants(tableColumn, list[i].desc.Name) {
				if err := fn(&list[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// eachIndex calls fn for the indexes that users may know of, for the tables that the conditions leave.
func (s *scan) eachIndex(fn func(o *object, ix *schema.Index) error) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		for _, ix := range shownIndexes(o.desc) {
			if err := fn(o, ix); err != nil {
				return err
			}
		}
		return nil
	})
}

// shownIndexes are a table's indexes but for the one over the hidden row id and those under construction.
func shownIndexes(t *schema.Table) []*schema.Index {
	var list []*schema.Index
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if ix.State != schema.Public || i == 0 && !t.HasPrimaryKey() {
			continue
		}
		list = append(list, ix)
	}
	return list
}
