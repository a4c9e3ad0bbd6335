package access

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Hint says which indexes of a table may be used: by USE, FORCE and IGNORE INDEX, or by optimizer hints (planner/hint).
type Hint struct {
	Join    Scope    // to find rows, of joins too
	Order   Scope    // to have them in order
	Group   Scope    // to find those that are grouped
	NoRange []string // those that serve single values only
}

// Scope is which indexes may be used for one purpose.
type Scope struct {
	Only   []string // where Set
	Ignore []string
	Set    bool
	Force  bool // the whole table is read only where none of these serves
}

// Allows tells whether an index may be used.
func (s *Scope) Allows(name string) bool {
	return !named(s.Ignore, name) && (!s.Set || named(s.Only, name))
}

// Given tells whether anything was said.
func (s *Scope) Given() bool { return s.Set || len(s.Ignore) > 0 }

// Within is s with what another one says besides, or instead.
func (s Scope) Within(o Scope) Scope {
	o.Ignore = slices.Concat(s.Ignore, o.Ignore)
	if !o.Set {
		o.Only, o.Set, o.Force = s.Only, s.Set, s.Force
	}
	return o
}

func named(list []string, name string) bool {
	return slices.ContainsFunc(list, func(n string) bool { return strings.EqualFold(n, name) })
}

// bounds tells whether conditions that allow so many values of a column, or a range (0), may bound an index.
func (h *Hint) bounds(name string, points int) bool {
	return h.Join.Allows(name) && (points == 1 || !named(h.NoRange, name))
}

// Hints are USE, FORCE and IGNORE INDEX of a table. 1176 for an index that it has not.
func Hints(t *schema.Table, list []*ast.IndexHint) (out Hint, err error) {
	for _, h := range list {
		var names []string
		for _, n := range h.IndexNames {
			ix := t.IndexByName(n.O)
			if ix == nil {
				return out, mysqlerr.New(mysqlerr.KeyDoesNotExist, n.O, t.Name)
			}
			names = append(names, ix.Name)
		}
		for _, s := range out.scopes(h.HintScope) {
			switch h.HintType {
			case ast.HintUse, ast.HintForce:
				s.Set = true
				s.Force = s.Force || h.HintType == ast.HintForce
				s.Only = append(s.Only, names...)
			case ast.HintIgnore:
				s.Ignore = append(s.Ignore, names...)
			}
		}
	}
	return out, nil
}

// Take adds what an optimizer hint says, by its name, of some indexes.
func (h *Hint) Take(name string, indexes []string) {
	if len(indexes) == 0 {
		return
	}
	if name == "no_range_optimization" {
		h.NoRange = append(h.NoRange, indexes...)
		return
	}
	use, never := strings.CutPrefix(name, "no_")
	scope := map[string]ast.IndexHintScope{"join_index": ast.HintForJoin, "order_index": ast.HintForOrderBy, "group_index": ast.HintForGroupBy}[use]
	for _, s := range h.scopes(scope) {
		if never {
			s.Ignore = append(s.Ignore, indexes...)
			continue
		}
		s.Set, s.Force = true, true
		s.Only = append(s.Only, indexes...)
	}
}

// scopes are the purposes that FOR JOIN, FOR ORDER BY or FOR GROUP BY stands for; without one, all.
func (h *Hint) scopes(s ast.IndexHintScope) []*Scope {
	switch s {
	case ast.HintForJoin:
		return []*Scope{&h.Join}
	case ast.HintForOrderBy:
		return []*Scope{&h.Order}
	case ast.HintForGroupBy:
		return []*Scope{&h.Group}
	}
	return []*Scope{&h.Join, &h.Order, &h.Group}
}
