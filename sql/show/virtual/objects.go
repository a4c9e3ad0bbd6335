package virtual

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/ddl/names"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Database is one that the account may see.
type Database struct {
	Name      string
	Collation collation.ID
	virtual   bool
}

// Object is a table of either kind, or a view.
type Object struct {
	DB   string
	Desc *schema.Table
	Made *Table       // nil for a table of the catalog
	View *schema.View // nil for a table
}

// visible tells whether the account may see a database: information_schema and performance_schema are everybody's.
func visible(c Context, db string) bool {
	return db == InfoSchema || db == PerfSchema || c.Visible(db)
}

// Databases lists what the account may see, in order of name. sys, which all may read, is listed for those who see mysql.
func Databases(c Context) []Database {
	list := []Database{{InfoSchema, virtualCollation(InfoSchema), true}, {PerfSchema, virtualCollation(PerfSchema), true}}
	if c.Visible(MySQLDB) && !dumps(c) {
		list = append(list, Database{MySQLDB, virtualCollation(MySQLDB), true}, Database{SysDB, virtualCollation(SysDB), true})
	}
	for _, d := range c.Catalog().Databases() {
		if visible(c, d.Name) && !IsVirtual(d.Name) {
			list = append(list, Database{d.Name, d.Collation, false})
		}
	}
	slices.SortFunc(list, func(a, b Database) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// ConnectAttributes is what a Context may offer besides: what the client told of itself when it connected.
type ConnectAttributes interface {
	ConnectAttributes() (connection uint64, attributes map[string]string)
}

// dumps tells of a program that may be about to dump all databases. That must not try to carry mysql and sys from server to server:
// they can't be written to.
func dumps(c Context) bool {
	told, ok := c.(ConnectAttributes)
	if !ok {
		return false
	}
	_, attributes := told.ConnectAttributes()
	switch attributes["program_name"] {
	case "mysqldump", "mariadb-dump", "mysqlpump", "mydumper":
		return true
	}
	return false
}

func virtualCollation(db string) collation.ID {
	if db == InfoSchema {
		return CollationText
	}
	return collation.Default
}

// FindDatabase resolves a database's name: 1044 where the account may not see it, 1049 where there is none, 1046 where
// none was named and none is chosen.
func FindDatabase(c Context, name string) (Database, error) {
	if name == "" {
		if name = c.CurrentDB(); name == "" {
			return Database{}, mysqlerr.New(mysqlerr.NoDB)
		}
	}
	if IsVirtual(name) {
		name = strings.ToLower(name)
	}
	if !visible(c, name) {
		if err := c.Access(uint64(mysql.SelectPriv), name, ""); err != nil {
			return Database{}, err
		}
	}
	if IsVirtual(name) {
		return Database{name, virtualCollation(name), true}, nil
	}
	d, ok := c.Catalog().Database(name)
	if !ok {
		return Database{}, mysqlerr.New(mysqlerr.BadDB, name)
	}
	return Database{d.Name, d.Collation, false}, nil
}

// Objects lists a database's tables in order of name.
func Objects(c Context, db string) []Object {
	var list []Object
	if IsVirtual(db) {
		for _, t := range tableLists[db] {
			list = append(list, t.object())
		}
		return list
	}
	for _, t := range c.Catalog().Tables(db) {
		if !names.IsCopy(t.Name) && c.VisibleTable(db, t.Name) { // half filled by an ALTER TABLE
			list = append(list, Object{DB: db, Desc: t})
		}
	}
	if views := c.Catalog().Views(db); len(views) > 0 {
		for _, v := range views {
			if c.VisibleTable(db, v.Name) {
				list = append(list, viewObject(db, v))
			}
		}
		slices.SortFunc(list, func(a, b Object) int { return strings.Compare(a.Desc.Name, b.Desc.Name) })
	}
	return list
}

// FindObject resolves a table's name in a database: 1146 (1109 in information_schema) where there is none, 1142 where the
// account may not see it; further as findDatabase.
func FindObject(c Context, db, name string) (Object, error) {
	if !visible(c, db) && !IsVirtual(db) {
		if err := c.Access(uint64(mysql.SelectPriv), db, name); err != nil {
			return Object{}, err
		}
	}
	d, err := FindDatabase(c, db)
	if err != nil {
		return Object{}, err
	}
	if d.virtual {
		if t := Find(d.Name, name); t != nil {
			return t.object(), nil
		}
		return Object{}, UnknownTable(d.Name, name)
	}
	if t, ok := c.Catalog().Table(d.Name, name); ok { // a temporary table hides a view of its name
		return Object{DB: d.Name, Desc: t}, nil
	}
	if v, ok := c.Catalog().View(d.Name, name); ok {
		return viewObject(d.Name, v), nil
	}
	return Object{}, UnknownTable(d.Name, name)
}

// object is a virtual table, or view of sys, as an object.
func (t *Table) object() Object {
	if v := t.asView(); v != nil {
		return viewObject(t.db, v)
	}
	return Object{DB: t.db, Desc: &t.desc, Made: t}
}

// TableType is TABLE_TYPE of information_schema.TABLES.
func (o *Object) TableType() string {
	if o.Made != nil && o.DB != PerfSchema && o.DB != MySQLDB {
		return "SYSTEM VIEW"
	}
	if o.View != nil {
		return "VIEW"
	}
	return "BASE TABLE"
}

// EachDatabase calls fn for the databases that a scan's conditions leave.
func (s *Scan) EachDatabase(column string, fn func(d *Database) error) error {
	list := Databases(s.Context)
	for i := range list {
		if s.Wants(column, list[i].Name) {
			if err := fn(&list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// EachTable calls fn for the tables that a scan's conditions on their database and their name leave. Temporary tables are in no list.
func (s *Scan) EachTable(schemaColumn, tableColumn string, fn func(o *Object) error) error {
	return s.EachDatabase(schemaColumn, func(d *Database) error {
		if name, ok := s.q.Equal[tableColumn]; ok && !d.virtual {
			shared := s.Catalog().Shared()
			if t, found := shared.Table(d.Name, name); found && s.VisibleTable(d.Name, name) {
				return fn(&Object{DB: d.Name, Desc: t})
			}
			if v, found := shared.View(d.Name, name); found && s.VisibleTable(d.Name, name) {
				o := viewObject(d.Name, v)
				return fn(&o)
			}
			return nil
		}
		list := Objects(s, d.Name)
		for i := range list {
			if s.Wants(tableColumn, list[i].Desc.Name) {
				if err := fn(&list[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// EachIndex calls fn for the indexes that users may know of, for the tables that the conditions leave.
func (s *Scan) EachIndex(fn func(o *Object, ix *schema.Index) error) error {
	return s.EachTable("table_schema", "table_name", func(o *Object) error {
		for _, ix := range ShownIndexes(o.Desc) {
			if err := fn(o, ix); err != nil {
				return err
			}
		}
		return nil
	})
}

// ShownIndexes are a table's indexes but for the one over the hidden row id and those under construction.
func ShownIndexes(t *schema.Table) []*schema.Index {
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
