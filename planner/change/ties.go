package change

import (
	"cmp"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/exec"
	"cloudsql/planner/logical"
	"cloudsql/planner/rules"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// What a data change has to do with other tables by foreign keys (decision 0032). The plan knows all tables that it may come to
// change, through any number of cascades, and those that it may have to look into; a change that can't touch a foreign key has no
// relations, and runs as if there were none. related.go does the work. Unique keys over tablets (decision 51) are relations as well:
// to the tables of their entries (entries.go).

// relations are those of a data change's tables; nil: none that it could touch.
type relations struct {
	tablets map[schema.TabletID]*related
	// single: one row after the other, for what is done to one may be of concern to the next (self references, circles).
	single bool
	ignore bool
}

// related is a table whose rows the statement may change.
type related struct {
	db       string
	table    *schema.Table
	report   []schema.ColumnID // columns that keys are over, as rows' images have them
	parents  []parentKey
	children []childKey
	entries  []uniqueKey  // that the statement may touch
	rules    *rules.Rules // of the table, where a cascade may change its rows
	circular bool         // what goes from it may take others of its rows along

	// What may happen to its rows.
	inserted, deleted bool
	updated           map[schema.ColumnID]bool
}

// parentKey is one of a table's foreign keys that the statement may touch.
type parentKey struct {
	key     *schema.ForeignKey
	columns []int         // places in images
	parent  *schema.Table // nil: there is none, or none that could have the row
	index   *schema.Index // of parent
	hidden  bool          // the client may know nothing of the parent
}

// childKey is a foreign key that refers to a table, and which the statement may touch.
type childKey struct {
	key     *schema.ForeignKey
	columns []int // places in images of the columns that are referred to
	own     []int // of a key to the table itself: places of its own columns
	db      string
	child   *schema.Table
	index   *schema.Index // of child
	rows    *related      // of child, where something may be done to its rows
	hidden  bool          // the client may know nothing of the child
}

// held is what was known of a table's foreign keys when a plan was made.
type held struct {
	table  schema.TableID
	number uint64 // catalog.Snapshot.Relations
}

// Ties are a data change's relations with what they depend on.
type Ties struct {
	relations *relations
	first     held // of the first table that the statement changes; 0: foreign keys are not looked at
	held      []held
}

// Holds tells whether the foreign keys of and to the tables that the plan changes are what they were when it was made.
func (t *Ties) Holds(c *catalog.Snapshot) bool {
	if t.first.table == 0 {
		return true
	}
	if d, ok := c.TableByID(t.first.table); !ok || c.Relations(d) != t.first.number {
		return false
	}
	for _, h := range t.held {
		if d, ok := c.TableByID(h.table); !ok || c.Relations(d) != h.number {
			return false
		}
	}
	return true
}

// Writer begins an execution.
func (t *Ties) Writer(rt *exec.Runtime) *Writer { return &Writer{rt: rt, relations: t.relations} }

// Related tells whether the change may touch foreign keys: then it needs a transaction.
func (t *Ties) Related() bool { return t.relations != nil }

// Target is what a statement does to a table.
type Target struct {
	DB    string
	Table *schema.Table
	Kind  fragment.Kind
	// Of Update and InsertOrUpdate: what is assigned, and columns that get values besides.
	Set    []fragment.Assignment
	Values []schema.ColumnID
}

// Tie finds the relations of what a statement changes. The tables that they lead to are added to those of its plan.
func Tie(ctx *logical.Context, ignore bool, tables *[]logical.TableVersion, changes ...Target) (out Ties, err error) {
	var b *relationsBuilder
	for i := range changes {
		c := &changes[i]
		switch h := (held{c.Table.ID, ctx.Catalog.Relations(c.Table)}); {
		case ctx.ForeignKeysOff:
		case i == 0:
			out.first = h
		default:
			out.held = append(out.held, h)
		}
		if (ctx.ForeignKeysOff || !ctx.Catalog.Related(c.Table)) && !c.Table.HasEntries() {
			continue
		}
		if b == nil {
			b = &relationsBuilder{ctx: ctx, tables: map[schema.TableID]*related{}}
		}
		r := b.of(c.DB, c.Table)
		if c.Kind != fragment.Update && c.Kind != fragment.Delete {
			r.inserted = true
		}
		if c.Kind == fragment.Delete || c.Kind == fragment.Replace {
			r.deleted = true
		}
		b.update(r, c.Values)
		for i := range c.Set {
			b.update(r, []schema.ColumnID{c.Set[i].Column})
		}
	}
	if b == nil {
		return out, nil
	}
	b.close()
	touched := false
	for _, r := range b.order {
		if err := b.findEntries(r); err != nil {
			return out, err
		}
		touched = touched || len(r.parents)+len(r.children)+len(r.entries) > 0
	}
	if !touched {
		return out, nil
	}
	for _, r := range b.order {
		if r.rules, err = rules.Of(ctx.Catalog, r.table, ctx.Env); err != nil {
			return out, err
		}
	}
	out.relations = b.finish(ignore)
	for _, d := range b.met {
		*tables = append(*tables, logical.TableVersion{ID: d.ID, Version: d.Version})
	}
	for _, r := range b.order {
		if !ctx.ForeignKeysOff {
			out.held = append(out.held, held{r.table.ID, ctx.Catalog.Relations(r.table)})
		}
	}
	return out, nil
}

// relationsBuilder follows foreign keys until nothing more can happen.
type relationsBuilder struct {
	ctx    *logical.Context
	tables map[schema.TableID]*related
	order  []*related
	grown  bool
	met    []*schema.Table
}

func (b *relationsBuilder) of(db string, t *schema.Table) *related {
	r := b.tables[t.ID]
	if r == nil {
		r = &related{db: db, table: t, updated: map[schema.ColumnID]bool{}}
		b.tables[t.ID], b.grown = r, true
		b.order = append(b.order, r)
	}
	return r
}

func (b *relationsBuilder) update(r *related, columns []schema.ColumnID) {
	for _, id := range columns {
		if !r.updated[id] {
			r.updated[id], b.grown = true, true
		}
	}
}

func (b *relationsBuilder) delete(r *related) {
	if !r.deleted {
		r.deleted, b.grown = true, true
	}
}

// close finds all that can happen.
func (b *relationsBuilder) close() {
	for b.grown {
		b.grown = false
		for i := 0; i < len(b.order); i++ {
			b.follow(b.order[i])
		}
	}
}

// follow finds the keys of a table that may be touched, as far as is known, and what comes of that.
func (b *relationsBuilder) follow(r *related) {
	if b.ctx.ForeignKeysOff {
		return
	}
	r.parents, r.children = r.parents[:0], r.children[:0]
	for i := range r.table.ForeignKeys {
		f := &r.table.ForeignKeys[i]
		if r.inserted || slices.ContainsFunc(f.Columns, func(id schema.ColumnID) bool { return r.updated[id] }) {
			r.parents = append(r.parents, b.parentOf(f))
		}
	}
	for _, child := range b.ctx.Catalog.Children(r.db, r.table.Name) {
		for i := range child.ForeignKeys {
			if f := &child.ForeignKeys[i]; f.Database == r.db && f.Parent == r.table.Name {
				b.followChild(r, child, f)
			}
		}
	}
}

func (b *relationsBuilder) followChild(r *related, child *schema.Table, f *schema.ForeignKey) {
	at := f.ParentPositions(r.table)
	if at == nil {
		return // foreign_key_checks = 0 let it be made
	}
	updated := slices.ContainsFunc(at, func(pos int) bool { return r.updated[r.table.Columns[pos].ID] })
	if !r.deleted && !updated {
		return
	}
	k := childKey{key: f, child: child, db: b.ctx.Catalog.DatabaseName(child), index: child.SupportingIndex(f.Positions(child))}
	if k.index == nil {
		return
	}
	changes := updated && !f.OnUpdate.Refuses() || r.deleted && f.OnDelete == schema.SetNull
	if changes || r.deleted && f.OnDelete == schema.Cascade {
		k.rows = b.of(k.db, child)
	}
	if changes {
		b.update(k.rows, f.Columns)
	}
	if r.deleted && f.OnDelete == schema.Cascade {
		b.delete(k.rows)
	}
	r.children = append(r.children, k)
}

func (b *relationsBuilder) parentOf(f *schema.ForeignKey) parentKey {
	k := parentKey{key: f}
	if parent, ok := b.ctx.Catalog.Parent(f); ok {
		if at := f.ParentPositions(parent); at != nil {
			k.parent, k.index = parent, parent.SupportingIndex(at)
		}
	}
	if k.index == nil {
		k.parent = nil
	}
	return k
}

// finish lays out the images of all tables, and tells the session which tables the statement uses.
func (b *relationsBuilder) finish(ignore bool) *relations {
	out := &relations{tablets: map[schema.TabletID]*related{}, ignore: ignore}
	for _, r := range b.order {
		for i := range r.table.Tablets {
			out.tablets[r.table.Tablets[i].ID] = r
		}
		b.meet(r.db, r.table, true)
		r.report = []schema.ColumnID{}
		r.circular = slices.ContainsFunc(r.children, func(k childKey) bool { return b.circular(r, &k) })
		if r.table.Split() || len(r.entries) > 0 || r.circular { // a row may have to go to another tablet, or before another one comes
			r.report = r.table.ColumnIDs()
		}
		for i := range r.entries {
			b.met = append(b.met, r.entries[i].table)
		}
		for i := range r.parents {
			k := &r.parents[i]
			for _, id := range k.key.Columns {
				k.columns = append(k.columns, r.place(id))
			}
			if k.parent != nil {
				b.meet(k.key.Database, k.parent, false)
			}
			k.hidden = k.parent != nil && !b.visible(k.key.Database, k.parent)
			out.single = out.single || k.parent != nil && b.tables[k.parent.ID] != nil
		}
		for i := range r.children {
			k := &r.children[i]
			for _, pos := range k.key.ParentPositions(r.table) {
				k.columns = append(k.columns, r.place(r.table.Columns[pos].ID))
			}
			if k.child.ID == r.table.ID {
				for _, id := range k.key.Columns {
					k.own = append(k.own, r.place(id))
				}
			}
			b.meet(k.db, k.child, k.rows != nil)
			k.hidden = !b.visible(k.db, k.child)
			out.single = out.single || b.circular(r, k)
		}
		slices.SortStableFunc(r.parents, func(x, y parentKey) int { // as InnoDB meets them: with the entries of the table's indexes
			return cmp.Or(cmp.Compare(r.indexOf(x.key), r.indexOf(y.key)), cmp.Compare(x.key.Name, y.key.Name))
		})
		slices.SortStableFunc(r.children, func(x, y childKey) int { return cmp.Compare(x.key.Name, y.key.Name) })
	}
	return out
}

// circular tells whether what is done to r's rows may come back to it by a key.
func (b *relationsBuilder) circular(r *related, k *childKey) bool {
	return k.child.ID == r.table.ID || k.rows != nil && reaches(b, k.rows, r.table.ID, map[schema.TableID]bool{})
}

// reaches tells whether what is done to r's rows may come back to a table.
func reaches(b *relationsBuilder, r *related, id schema.TableID, seen map[schema.TableID]bool) bool {
	if r.table.ID == id {
		return true
	}
	if seen[r.table.ID] {
		return false
	}
	seen[r.table.ID] = true
	return slices.ContainsFunc(r.children, func(k childKey) bool {
		return k.child.ID == id || k.rows != nil && reaches(b, k.rows, id, seen)
	})
}

// indexOf gives the place of the first index that a foreign key of the table could use.
func (r *related) indexOf(f *schema.ForeignKey) int {
	at := f.Positions(r.table)
	return slices.IndexFunc(r.table.Indexes, func(ix schema.Index) bool { return ix.BeginsWith(at) })
}

// place gives a column's place in the images of a table's rows.
func (r *related) place(id schema.ColumnID) int {
	if i := slices.Index(r.report, id); i >= 0 {
		return i
	}
	r.report = append(r.report, id)
	return len(r.report) - 1
}

// meet notes a table that the statement may look into, or change.
func (b *relationsBuilder) meet(db string, t *schema.Table, write bool) {
	if !slices.ContainsFunc(b.met, func(o *schema.Table) bool { return o.ID == t.ID }) {
		b.met = append(b.met, t)
	}
	if b.ctx.Implied != nil {
		b.ctx.Implied(db, t, write)
	}
}

// visible tells whether the client may do anything with a table; otherwise errors do not speak of it.
func (b *relationsBuilder) visible(db string, t *schema.Table) bool {
	for _, p := range [...]mysql.PrivilegeType{mysql.SelectPriv, mysql.InsertPriv, mysql.UpdatePriv, mysql.DeletePriv, mysql.ReferencesPriv} {
		if b.ctx.Check(p, db, t.Name) == nil {
			return true
		}
	}
	return false
}

// noParent is 1452 for a row without a parent.
func (k *parentKey) noParent(r *related) *mysqlerr.Error {
	if k.hidden {
		return mysqlerr.New(mysqlerr.NoReferencedRow)
	}
	return mysqlerr.New(mysqlerr.NoReferencedRow2, describeKey(r.db, r.table, k.key))
}

// hasChild is 1451 for a row that some refer to.
func (k *childKey) hasChild() *mysqlerr.Error {
	if k.hidden {
		return mysqlerr.New(mysqlerr.RowIsReferenced)
	}
	return mysqlerr.New(mysqlerr.RowIsReferenced2, describeKey(k.db, k.child, k.key))
}

// describeKey is what 1451 and 1452 tell of a foreign key.
func describeKey(db string, t *schema.Table, f *schema.ForeignKey) string {
	return mysqlerr.Quote(db) + "." + mysqlerr.Quote(t.Name) + ", " + f.Definition(t, db, mysqlerr.Quote)
}
