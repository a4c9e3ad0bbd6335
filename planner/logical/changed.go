package logical

import (
	"slices"

	"cloudsql/planner/dml"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// changed is a table that the statement changes, and the name by which it does.
type changed struct {
	table *schema.Table
	alias string
	view  string // that the name means; "" for the table itself
}

// insertedInto is the table that an INSERT changes.
func insertedInto(n *dml.Insert) []changed {
	if n.View == nil {
		return []changed{{table: n.Table, alias: n.Alias}}
	}
	return []changed{{table: n.Table, alias: n.View.Name, view: n.View.DB + "." + n.View.Name}}
}

// changedIn is a table in FROM that the statement changes.
func (q *selectQuery) changedIn(t *Table) changed {
	c := changed{table: t.Desc, alias: t.Alias}
	i := slices.IndexFunc(q.items, func(it fromItem) bool { return slices.Contains(it.tables, t) })
	if i >= 0 && q.items[i].view != nil {
		it := &q.items[i]
		c.alias, c.view = it.alias, it.db+"."+it.view.Name
	}
	return c
}

// unchanged refuses a subquery that reads what the statement changes, under a name that may be a view's: 1093 where both are named in the
// same way, 1443 where one is hidden by a view.
func (b *builder) unchanged(changes []changed, item *fromItem) error {
	if len(b.stack) < 2 {
		return nil
	}
	reads := func(c changed) bool {
		return slices.ContainsFunc(item.tables, func(t *Table) bool { return t.Desc.ID == c.table.ID })
	}
	i := slices.IndexFunc(changes, reads)
	if i < 0 {
		return nil
	}
	c, view, by := changes[i], "", changes[i].alias
	if item.view != nil {
		view, by = item.db+"."+item.view.Name, item.alias
	}
	if c.view == view {
		return mysqlerr.New(mysqlerr.UpdateTableUsed, c.alias)
	}
	return mysqlerr.New(mysqlerr.ViewPreventUpdate, by, b.verb, c.alias)
}
