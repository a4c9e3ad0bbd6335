package logical

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/jsontable"
	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// fromJSONTable binds JSON_TABLE.
func (q fromClause) fromJSONTable(t *syntax.JSONTable, alias string) (Node, []bind.Column, error) {
	if alias == "" {
		return nil, nil, mysqlerr.New(mysqlerr.TFMustHaveAlias)
	}
	doc, err := bind.Expr(q.binder("a table function argument"), &bind.Scope{Outer: q.lateralScope(alias)}, t.Doc)
	if err != nil {
		return nil, nil, err
	}
	n := &algebra.JSONTable{Name: alias, Doc: q.b.fold(doc)}
	b := &jsontable.Binder{Alias: alias, Env: q.b.env, Typing: q.b.ctx.Env.Typing, ColumnType: q.b.ctx.ColumnType}
	if n.Table, err = b.Bind(t); err != nil {
		return nil, nil, err
	}
	for i := range b.Columns {
		b.Columns[i].ID = q.IDs.New(1)
		n.IDs = append(n.IDs, b.Columns[i].ID)
	}
	return n, b.Columns, nil
}
