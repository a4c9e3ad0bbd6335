package session

import (
	"context"
	"encoding/binary"
	"hash/maphash"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner"
	"cloudsql/planner/plancache"
	"cloudsql/sql"
	"cloudsql/sql/tree"
	"cloudsql/storage/memory"
)

// planCache keeps the plans of text statements for all sessions of the node, by the text without its literals and what
// else a plan depends on but the catalog.
type planCache struct {
	*plancache.Cache[*planned]
	seed maphash.Seed
}

// planCacheShare is the part of the process's memory that plans may take.
const planCacheShare = 16

func (c *planCache) init(entries int, process *memory.Account) {
	account := process.NewStore("plan cache", process.Limit()/planCacheShare)
	c.seed = maphash.MakeSeed()
	c.Cache = plancache.New[*planned](entries, account)
	process.OnPressure(c.Clear)
}

const refusalBytes = 64 // of an entry that says that a text is not for caching

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
		if p.refuse {
			return false, nil
		}
		if now := execution(s).circumstances(s.db); !p.holds(&now, s.snapshot, s.text.Params) {
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
	s.measured.count(p.kind)
	s.measured.digest = p.digest
	first := p
	plan := func() (*planned, error) {
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
	return true, execution(s).runLimited(ctx, p.rows != nil, 0, plan, s.text.Params, w)
}

// planLike plans the text with parameters in place of its literals; nil where that does not serve, for whatever reason:
// the text itself will tell.
func (s texts) planLike() *planned {
	st, err := s.parse(string(s.text.Key))
	if err != nil || st.run != nil || st.params != len(s.text.Params) {
		return nil
	}
	switch st.node.(type) {
	case *ast.SelectStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
	default:
		return nil
	}
	if tree.CalcFoundRows(st.node) != nil {
		s.eng.plans.Put(s.textKey, &planned{refuse: true}, refusalBytes)
		return nil
	}
	p, err := execution(s).makePlan(st.node, s.db, s.text.Params)
	if err != nil {
		return nil
	}
	if p.kind = st.kind; !p.cacheable {
		s.eng.plans.Put(s.textKey, &planned{refuse: true}, refusalBytes)
		return nil
	}
	p.digest = s.measured.finder.Find(s.eng.Digests.Table, s.db, string(s.text.Key))
	s.eng.plans.Put(s.textKey, p, tree.PreparedBytes+tree.Bytes(string(s.text.Key)))
	return p
}

// settingsHash is the hash of settings, which mostly are those of the statement before.
type settingsHash struct {
	of  planner.Settings
	sum uint64
}

// get gives the hash of settings. Two that share one only push each other's plans out: a plan knows its circumstances.
func (h *settingsHash) get(seed maphash.Seed, s planner.Settings) uint64 {
	if h.sum == 0 || h.of != s {
		h.of, h.sum = s, maphash.Comparable(seed, s)
	}
	return h.sum
}

// appendTextKey makes the key of the extracted text.
func (s texts) appendTextKey() {
	k := binary.LittleEndian.AppendUint64(s.textKey[:0], s.settingsHash.get(s.eng.plans.seed, s.vars.Settings))
	k = append(append(k, s.conn.Account.User...), '@')
	k = append(append(k, s.conn.Account.Host...), 0)
	k = append(append(k, s.db...), 0)
	k = append(append(k, s.text.Kinds...), 0)
	s.textKey = append(k, s.text.Key...)
}
