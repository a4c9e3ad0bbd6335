package session

import (
	"context"

	"cloudsql/sql"
	"cloudsql/sql/privilege"
	"cloudsql/sql/running"
	"cloudsql/sql/show"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
)

// FieldList serves COM_FIELD_LIST: the columns of a table whose names are LIKE a pattern, with their defaults.
func (s *Session) FieldList(parent context.Context, table, pattern string) (cols []sql.Column, defaults [][]byte, err error) {
	text := "FIELD LIST " + table
	ctx := s.beginStatement(parent, &running.Query, &text)
	defer s.endStatement()
	if err := s.mustRenew(nil); err != nil {
		return nil, nil, err
	}
	if s.db == "" {
		return nil, nil, mysqlerr.New(mysqlerr.NoDB)
	}
	// SELECT * has the columns as a result set shows them, virtual tables included.
	sel := tree.All("", table)
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
	cols, defaults = show.FieldList(p.Header.Columns, t, pattern, privilege.LikeEscaped, s.vars.Mode.Loc)
	return cols, defaults, nil
}
