package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/privilege"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// FieldList serves COM_FIELD_LIST: the columns of a table whose names are LIKE a pattern, with their defaults.
func (s *Session) FieldList(parent context.Context, table, pattern string) (cols []sql.Column, defaults [][]byte, err error) {
	text := "FIELD LIST " + table
	ctx := s.beginStatement(parent, &commandQuery, &text)
	defer s.endStatement()
	if err := s.mustRenew(nil); err != nil {
		return nil, nil, err
	}
	if s.db == "" {
		return nil, nil, mysqlerr.New(mysqlerr.NoDB)
	}
	// SELECT * has the columns as a result set shows them, virtual tables included.
	sel := &ast.SelectStmt{
		SelectStmtOpts: &ast.SelectStmtOpts{SQLCache: true},
		Fields:         &ast.FieldList{Fields: []*ast.SelectField{{WildCard: &ast.WildCardField{}}}},
		From: &ast.TableRefsClause{TableRefs: &ast.Join{Left: &ast.TableSource{Source: &ast.TableName{
			Name: ast.NewCIStr(table),
		}}}},
	}
	p, err := execution{s}.makePlan(sel, s.db, nil)
	if missing(err) {
		if e := s.freshCatalog(ctx); e != nil {
			return nil, nil, s.mapError(ctx, e)
		}
		p, err = execution{s}.makePlan(sel, s.db, nil)
	}
	if err != nil {
		return nil, nil, s.mapError(ctx, err)
	}
	t, _ := s.snapshot.Table(s.db, table)
	for _, c := range p.header.Columns {
		if pattern != "" && !types.CollationDefault.EqualStrings([]byte(c.Name), []byte(pattern)) && !privilege.LikeEscaped(pattern, c.Name) {
			continue
		}
		var def []byte
		if t != nil {
			if i := t.ColumnByName(c.OrgName); i >= 0 && t.Columns[i].Default != nil {
				if v, _, err := types.DecodeValue(t.Columns[i].Default); err == nil {
					v = types.ToLocal(v, s.vars.Mode.Loc)
					def = v.AppendText([]byte{}, &t.Columns[i].Type)
				}
			}
		}
		cols, defaults = append(cols, c), append(defaults, def)
	}
	return cols, defaults, nil
}
