package online

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
)

// Executor carries out changes of a node's sessions. Safe for concurrent use.
type Executor struct {
	DB distributed.DB
	// Owner names this gateway and its start; it stands in the job records of what runs here.
	Owner string
	// Alive tells whether another gateway's job may still be running; nil: always.
	Alive func(ctx context.Context, owner string) bool
	// Moved is part of the change by which a copy with another id takes a table's place; nil: nothing to do.
	Moved func(tx *catalog.Tx, from, to schema.TableID)
	// KeysRest is for how long a table rests whose unique keys could not be made to hold over tablets; 0: a minute.
	KeysRest time.Duration

	local keyLock
}

// Name is a table's name with its database's.
type Name struct{ DB, Table string }

func (n Name) String() string { return n.DB + "." + n.Table }

// CreateDatabase makes a database; created is false where IF NOT EXISTS found one. 1007.
func (x *Executor) CreateDatabase(ctx context.Context, env *ddl.Env, stmt *ast.CreateDatabaseStmt) (created bool, err error) {
	name := stmt.Name.O
	if err := names.Database(name); err != nil {
		return false, err
	}
	collation, err := ddl.DatabaseCollation(stmt.Options, env.Collation)
	if err != nil {
		return false, err
	}
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		created = false
		if _, ok := tx.Snapshot.Database(name); ok {
			if stmt.IfNotExists {
				return nil
			}
			return mysqlerr.New(mysqlerr.DBCreateExists, name)
		}
		created = true
		d := &schema.Database{ID: schema.DatabaseID(tx.NewID()), Name: name, Collation: collation}
		if p, ok := x.DB.(placer); ok {
			d.Shard = p.PlaceDatabase()
		}
		tx.PutDatabase(d)
		return nil
	})
	if err == nil && !created {
		env.Report("Note", mysqlerr.New(mysqlerr.DBCreateExists, name))
	}
	return created, err
}

// placer is a DB that suggests the shard of a new database; otherwise its first table settles it.
type placer interface{ PlaceDatabase() schema.ShardID }

// AlterDatabase changes what new tables of a database get.
func (x *Executor) AlterDatabase(ctx context.Context, name string, options []*ast.DatabaseOption) error {
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		d, ok := tx.Snapshot.Database(name)
		if !ok {
			return mysqlerr.New(mysqlerr.BadDB, name)
		}
		collation, err := ddl.DatabaseCollation(options, d.Collation)
		if err != nil {
			return err
		}
		changed := *d
		changed.Collation = collation
		tx.PutDatabase(&changed)
		return nil
	})
}

// DropDatabase removes a database with its tables and tells how many those were; found is false where IF EXISTS found
// none. 1008.
func (x *Executor) DropDatabase(ctx context.Context, env *ddl.Env, stmt *ast.DropDatabaseStmt) (tables int, found bool, err error) {
	err = x.attempts(ctx, func(a attempt) error {
		tables, found, err = a.dropDatabase(ctx, env, stmt)
		return err
	})
	return tables, found, err
}

func (x attempt) dropDatabase(ctx context.Context, env *ddl.Env, stmt *ast.DropDatabaseStmt) (tables int, found bool, err error) {
	name := stmt.Name.O
	ids := tableIDs(x.DB.Catalog().Tables(name))
	for _, v := range x.DB.Catalog().Views(name) {
		ids = append(ids, v.ID)
	}
	unlock, err := env.ExclusiveIDs(ctx, ids...)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	locked := make(map[schema.TableID]bool, len(ids))
	for _, id := range ids {
		locked[id] = true
	}
	var gone, entries []*schema.Table
	views := 0
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		gone, entries, views = nil, nil, 0
		var d *schema.Database
		if d, found = tx.Snapshot.Database(name); !found {
			if stmt.IfExists {
				return nil
			}
			return mysqlerr.New(mysqlerr.DBDropExists, name)
		}
		gone = slices.Clone(tx.Snapshot.Tables(name))
		if err := mayDrop(env, tx.Snapshot, gone); err != nil {
			return err
		}
		for _, t := range gone {
			if !locked[t.ID] {
				return errReplaced
			}
			entries = append(entries, deleteTable(tx, t.ID)...)
		}
		for _, v := range tx.Snapshot.Views(name) {
			tx.DeleteView(v.ID)
			views++
		}
		catalog.DropFactor(tx, d.ID)
		tx.DeleteDatabase(name)
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	if !found {
		env.Report("Note", mysqlerr.New(mysqlerr.DBDropExists, name))
	}
	return len(gone) + views, found, x.dropTablets(ctx, append(entries, gone...))
}

// deleteTable takes a table out of the catalog, with the tables that have its entries, which it gives.
func deleteTable(tx *catalog.Tx, id schema.TableID) (entries []*schema.Table) {
	entries = catalog.EntriesOf(tx.Snapshot, id)
	for _, e := range entries {
		tx.DeleteTable(e.ID)
	}
	tx.DeleteTable(id)
	tx.PutRecord(jobKind, jobKey(id), nil)
	return entries
}

// dropTablets removes the rows of tables that the catalog no longer has.
func (x *Executor) dropTablets(ctx context.Context, tables []*schema.Table) error {
	var tablets []schema.Tablet
	for _, t := range tables {
		tablets = append(tablets, t.Tablets...)
	}
	if len(tablets) == 0 {
		return nil
	}
	// The tables are gone for every client already; a client that leaves now must not leave the rows behind.
	return x.DB.DropTablets(context.WithoutCancel(ctx), tablets)
}

// CreateTable makes a table of what build gives, which gets the database's descriptor; created is false where
// ifNotExists found one. 1049, 1050.
func (x *Executor) CreateTable(ctx context.Context, env *ddl.Env, name Name, ifNotExists bool,
	build func(db *schema.Database) (*schema.Table, error)) (t *schema.Table, created bool, err error) {
	exists, err := x.tableExists(ctx, name)
	if err != nil {
		return nil, false, err
	}
	if exists {
		return nil, false, x.alreadyThere(env, name, ifNotExists)
	}
	db, _ := x.DB.Catalog().Database(name.DB)
	if db == nil {
		return nil, false, mysqlerr.New(mysqlerr.BadDB, name.DB)
	}
	env.Catalog = x.DB.Catalog()
	if t, err = build(db); err == nil {
		err = ddl.CheckNewRules(x.DB.Catalog(), name.DB, t)
	}
	if err != nil {
		return nil, false, err
	}
	// Statements that began before there were children of a parent look for none.
	unlock, err := env.Exclusive(ctx, ddl.Parents(env.Catalog, t)...)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if err := x.place(ctx, db, t); err != nil {
		return nil, false, err
	}
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now, ok := tx.Snapshot.Database(name.DB)
		if !ok || now.ID != db.ID {
			return mysqlerr.New(mysqlerr.BadDB, name.DB)
		}
		if _, taken := tx.Snapshot.Named(name.DB, t.Name); taken {
			return errTableTaken
		}
		if err := ddl.CheckNewRules(tx.Snapshot, name.DB, t); err != nil {
			return err
		}
		if err := putRelated(tx, nil, t); err != nil {
			return err
		}
		if now.Shard == 0 && len(t.Tablets) > 0 { // the first table of a database settles where its tables start
			placed := *now
			placed.Shard = t.Tablets[0].Shard
			tx.PutDatabase(&placed)
		}
		return nil
	})
	if err != nil {
		_ = x.dropTablets(ctx, []*schema.Table{t}) // an orphan tablet holds no rows; the first error is the one to tell
		if errors.Is(err, errTableTaken) {
			err = x.alreadyThere(env, name, ifNotExists)
		}
		return nil, false, err
	}
	return t, true, nil
}

var errTableTaken = errors.New("ddl: the table's name has been taken meanwhile")

func (x *Executor) alreadyThere(env *ddl.Env, name Name, ifNotExists bool) error {
	err := mysqlerr.New(mysqlerr.TableExists, name.Table)
	if !ifNotExists {
		return err
	}
	env.Report("Note", err)
	return nil
}

// tableExists asks the catalog, and before it believes that a database is missing, a fresh one.
func (x *Executor) tableExists(ctx context.Context, name Name) (bool, error) {
	if _, ok := x.DB.Catalog().Database(name.DB); !ok {
		if err := x.DB.RefreshCatalog(ctx); err != nil {
			return false, err
		}
		if _, ok := x.DB.Catalog().Database(name.DB); !ok {
			return false, mysqlerr.New(mysqlerr.BadDB, name.DB)
		}
	}
	_, ok := x.DB.Catalog().Named(name.DB, name.Table)
	return ok, nil
}

// place gives a new table its id and its first tablet, and its descriptor to that tablet's shard.
func (x *Executor) place(ctx context.Context, db *schema.Database, t *schema.Table) error {
	t.ID = 0 // a copy gets one of its own
	if err := x.DB.PlaceTable(ctx, db, t); err != nil {
		return err
	}
	return x.DB.InstallTable(ctx, t)
}

// DropTables drops tables all or none. Missing ones are error 1051, or notes with ifExists.
func (x *Executor) DropTables(ctx context.Context, env *ddl.Env, names []Name, ifExists bool) error {
	return x.attempts(ctx, func(a attempt) error { return a.dropTables(ctx, env, names, ifExists) })
}

func (x attempt) dropTables(ctx context.Context, env *ddl.Env, names []Name, ifExists bool) error {
	locked := x.named(names)
	unlock, err := env.Exclusive(ctx, locked...)
	if err != nil {
		return err
	}
	defer unlock()
	var gone, entries []*schema.Table
	var missing []string
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		gone, entries, missing = nil, nil, nil
		for _, n := range names {
			t, ok := tx.Snapshot.Table(n.DB, n.Table)
			if !ok {
				missing = append(missing, n.String())
				continue
			}
			if !slices.ContainsFunc(locked, func(l *schema.Table) bool { return l.ID == t.ID }) {
				return errReplaced
			}
			gone = append(gone, t)
		}
		if len(missing) > 0 && !ifExists {
			return mysqlerr.New(mysqlerr.BadTable, strings.Join(missing, ","))
		}
		if err := mayDrop(env, tx.Snapshot, gone); err != nil {
			return err
		}
		for _, t := range gone {
			entries = append(entries, deleteTable(tx, t.ID)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range missing {
		env.Report("Note", mysqlerr.New(mysqlerr.BadTable, m))
	}
	return x.dropTablets(ctx, append(entries, gone...))
}

// named gives the tables of those names that there are; a missing one is the business of who changes the catalog.
func (x *Executor) named(names []Name) (tables []*schema.Table) {
	c := x.DB.Catalog()
	for _, n := range names {
		if t, ok := c.Table(n.DB, n.Table); ok {
			tables = append(tables, t)
		}
	}
	return tables
}

// Truncate gives a table fresh tablets in place of its rows; where it was cut, it stays so.
func (x *Executor) Truncate(ctx context.Context, env *ddl.Env, name Name) error {
	return x.withTable(ctx, name, "TRUNCATE", func(db *schema.Database, t *schema.Table) error {
		if err := mayTruncate(env, x.DB.Catalog(), t); err != nil {
			return err
		}
		unlock, err := env.Exclusive(ctx, t)
		if err != nil {
			return err
		}
		defer unlock()
		empty := t.Clone()
		empty.Version++
		if empty.AutoIncStart = 0; !t.Cut() {
			empty.Tablets = nil
		}
		if err := x.DB.PlaceTable(ctx, db, empty); err != nil {
			return err
		}
		if err := x.DB.InstallTable(ctx, empty); err != nil {
			return err
		}
		was, entries, err := emptyEntries(ctx, x, db, t)
		if err != nil {
			return err
		}
		if err := x.put(ctx, empty, true, nil, entries...); err != nil {
			return err
		}
		return x.dropTablets(ctx, append(was, t))
	})
}

// object is what a name of a RENAME means: a table or a view.
type object struct {
	table *schema.Table
	view  *schema.View
}

func (o object) is() bool { return o.table != nil || o.view != nil }

func (o object) id() schema.TableID {
	if o.view != nil {
		return o.view.ID
	}
	return o.table.ID
}

// Rename is RENAME TABLE: all of the pairs or none, one after the other, so that names can be swapped. 1146, 1050; 1450 for a view
// that would move to another database.
func (x *Executor) Rename(ctx context.Context, env *ddl.Env, pairs [][2]Name) error {
	return x.attempts(ctx, func(a attempt) error { return a.rename(ctx, env, pairs) })
}

func (x attempt) rename(ctx context.Context, env *ddl.Env, pairs [][2]Name) error {
	var renamed []object
	names := map[schema.TableID]Name{} // as the statement first has them
	plan := func(s *catalog.Snapshot) error {
		renamed = nil
		moved := map[Name]object{} // what the pairs before did: none where a name has become free
		look := func(n Name) object {
			if o, ok := moved[n]; ok {
				return o
			}
			t, _ := s.Table(n.DB, n.Table)
			v, _ := s.View(n.DB, n.Table)
			return object{t, v}
		}
		for _, p := range pairs {
			o, err := renamedObject(s, look, p[0], p[1])
			if err != nil {
				return err
			}
			if _, again := names[o.id()]; !again {
				names[o.id()] = p[0]
			}
			moved[p[0]], moved[p[1]] = object{}, o
			renamed = slices.DeleteFunc(renamed, func(other object) bool { return other.id() == o.id() })
			renamed = append(renamed, o)
		}
		tables := tablesOf(renamed)
		for _, t := range tables {
			if db, ok := s.DatabaseByID(t.Database); ok {
				if err := ddl.CheckNewRules(s, db.Name, t, tables...); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := x.freshly(ctx, func() error { return plan(x.DB.Catalog()) }); err != nil {
		return err
	}
	// All jobs first, in order of id, so that two renames can't wait for each other.
	var ids []schema.TableID
	for _, o := range renamed {
		ids = append(ids, o.id())
	}
	slices.Sort(ids)
	for _, id := range ids {
		if _, view := x.DB.Catalog().ViewByID(id); view {
			continue
		}
		release, _, err := x.acquire(ctx, id, "RENAME")
		if err != nil {
			return err
		}
		defer release()
	}
	var locked []schema.TableID
	locked = append(locked, ids...)
	for _, t := range tablesOf(renamed) {
		for _, child := range x.DB.Catalog().Children(names[t.ID].DB, names[t.ID].Table) {
			if !slices.Contains(locked, child.ID) {
				locked = append(locked, child.ID)
			}
		}
	}
	unlock, err := env.ExclusiveIDs(ctx, locked...)
	if err != nil {
		return err
	}
	defer unlock()
	if err := plan(x.DB.Catalog()); err != nil {
		return err
	}
	for _, o := range renamed {
		if o.table == nil {
			continue
		}
		if err := x.DB.InstallTable(ctx, o.table); err != nil {
			return err
		}
	}
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if err := plan(tx.Snapshot); err != nil {
			return err
		}
		if slices.ContainsFunc(renamed, func(o object) bool { return !slices.Contains(ids, o.id()) }) {
			return errReplaced
		}
		tables := tablesOf(renamed)
		followRenames(tx, tables)
		putRenamed(tx, renamed)
		for _, t := range tables {
			if err := ddl.CheckForeignKeys(tx.Snapshot, tx.Snapshot.DatabaseName(t), t); err != nil {
				return err
			}
		}
		return nil
	})
}

// tablesOf are the tables among objects.
func tablesOf(list []object) (tables []*schema.Table) {
	for _, o := range list {
		if o.table != nil {
			tables = append(tables, o.table)
		}
	}
	return tables
}

// putRenamed first takes all old names away, for the new ones may be among them.
func putRenamed(tx *catalog.Tx, renamed []object) {
	known := make([]*statistics.Table, len(renamed))
	for i, o := range renamed {
		if o.view != nil {
			tx.DeleteView(o.view.ID)
			continue
		}
		known[i] = tx.Snapshot.Statistics(o.table.ID)
		tx.DeleteTable(o.table.ID)
	}
	for i, o := range renamed {
		if o.view != nil {
			tx.PutView(o.view)
			continue
		}
		tx.PutTable(o.table)
		tx.PutStatistics(o.table.ID, known[i])
	}
}

// renamedObject is the descriptor of from under its new name.
func renamedObject(s *catalog.Snapshot, look func(Name) object, from, to Name) (object, error) {
	o := look(from)
	if !o.is() {
		return o, mysqlerr.New(mysqlerr.NoSuchTable, from.DB, from.Table)
	}
	db, ok := s.Database(to.DB)
	if !ok {
		return o, mysqlerr.New(mysqlerr.BadDB, to.DB)
	}
	if err := names.Table(to.Table); err != nil {
		return o, err
	}
	if look(to).is() {
		return o, mysqlerr.New(mysqlerr.TableExists, to.Table)
	}
	if v := o.view; v != nil {
		if v.Database != db.ID {
			return o, mysqlerr.New(mysqlerr.ForbidSchemaChange, from.DB, to.DB)
		}
		next := *v
		next.Name = to.Table
		if original, _ := s.ViewByID(v.ID); original == v {
			next.Version++
		}
		return object{view: &next}, nil
	}
	t := o.table
	if original, _ := s.TableByID(t.ID); original == t {
		t = t.Clone()
		t.Version++
	}
	t.Name, t.Database = to.Table, db.ID
	return object{table: t}, ddl.RenameChecks(t, from.Table)
}

// freshly runs fn, and once more on a fresh catalog before it believes that something does not exist.
func (x *Executor) freshly(ctx context.Context, fn func() error) error {
	err := fn()
	switch mysqlerr.Code(err) {
	case mysqlerr.NoSuchTable, mysqlerr.BadDB, mysqlerr.TableExists:
		if err := x.DB.RefreshCatalog(ctx); err != nil {
			return err
		}
		return fn()
	}
	return err
}
