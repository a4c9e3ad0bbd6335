package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/planned"
	"cloudsql/sql/tree"
)

// oddModes are sql_modes under which a text reads otherwise than the extractor takes it.
const oddModes = mysql.ModeANSIQuotes | mysql.ModeNoBackslashEscapes | mysql.ModeHighNotPrecedence | mysql.ModeIgnoreSpace |
	mysql.ModePipesAsConcat

// queryCached runs a text by the plan of its like, or makes the plan that its like will use. handled is false for a
// text that has to go the long way, as all of a session with temporary tables, where names mean something else.
func (s texts) queryCached(ctx context.Context, text string, w sql.ResultWriter) (handled bool, err error) {
	if !s.own.Empty() || s.vars.SQLMode&oddModes != 0 || !s.text.Extract(text) {
		return false, nil
	}
	s.appendTextKey()
	p, ok := s.eng.plans.Get(s.textKey)
	if ok {
		if p.Refused {
			return false, nil
		}
		if now := execution(s).circumstances(s.db); !p.Holds(&now, s.snapshot, s.text.Params) {
			s.eng.plans.Delete(s.textKey)
			ok = false
		}
	}
	if !ok {
		if p = s.planLike(); p == nil {
			return false, nil
		}
	}
	s.conds.Begin()
	s.measured.count(p.Kind)
	s.measured.digest = p.Digest
	first := p
	plan := func() (*planned.Plan, error) {
		if first != nil {
			p, first = first, nil
			return p, nil
		}
		st, err := s.parse(text)
		if err != nil {
			return nil, err
		}
		p, err := execution(s).makePlan(st.node, s.db, nil)
		if err == nil {
			s.text.Params = nil
		}
		return p, err
	}
	return true, execution(s).runLimited(ctx, p.Rows != nil, 0, plan, s.text.Params, w)
}

// planLike plans the text with parameters in place of its literals; nil where that does not serve, for whatever reason:
// the text itself will tell.
func (s texts) planLike() *planned.Plan {
	st, err := s.parse(string(s.text.Key))
	if err != nil || st.run != nil || st.params != len(s.text.Params) {
		return nil
	}
	switch st.node.(type) {
	case *ast.SelectStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
	default:
		return nil
	}
	if _, counted := tree.CalcFoundRows(st.node); counted != nil || st.deprecated != nil {
		s.eng.plans.Refuse(s.textKey)
		return nil
	}
	p, err := execution(s).makePlan(st.node, s.db, s.text.Params)
	if err != nil {
		return nil
	}
	if p.Kind = st.kind; !p.Cacheable {
		s.eng.plans.Refuse(s.textKey)
		return nil
	}
	p.Digest = s.measured.finder.Find(s.eng.Digests.Table, s.db, string(s.text.Key))
	s.eng.plans.Put(s.textKey, p, tree.PreparedBytes+tree.Bytes(string(s.text.Key)))
	return p
}

// appendTextKey makes the key of the extracted text.
func (s texts) appendTextKey() {
	plans := &s.eng.plans
	s.textKey = planned.AppendKey(s.textKey[:0], s.settings.Hash(plans, s.vars.Settings), &s.conn.Account, s.db, s.text.Kinds, s.text.Key)
}
