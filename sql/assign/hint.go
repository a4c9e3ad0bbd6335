package assign

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/sysvar"
	"cloudsql/storage/mysqlerr"
)

// HintsOf finds the SET_VAR hints of a statement, nil for most.
func HintsOf(n ast.StmtNode) (list []ast.HintSetVar) {
	var hints []*ast.TableOptimizerHint
	switch n := n.(type) {
	case *ast.SelectStmt:
		hints = n.TableHints
	case *ast.InsertStmt:
		hints = n.TableHints
	case *ast.UpdateStmt:
		hints = n.TableHints
	case *ast.DeleteStmt:
		hints = n.TableHints
	}
	for _, h := range hints {
		if v, ok := h.HintData.(ast.HintSetVar); ok {
			list = append(list, v)
		}
	}
	return list
}

// Hint gives variables their values for one statement; end gives them back those from before. A hint that can't be followed is a warning:
// 3128 for a name that there is not, 3637 for a variable that no hint sets, 3126 for the second of one name, or what is wrong with the value.
func (s *Statement) Hint(hints []ast.HintSetVar) (end func()) {
	type before struct {
		v    *sysvar.Variable
		text string
	}
	var set []before
	for _, h := range hints {
		v, text, err := s.hinted(h)
		for i := range set {
			if err == nil && set[i].v == v {
				err = mysqlerr.New(mysqlerr.ConflictingHint, "SET_VAR("+h.VarName+"="+h.Value+")")
			}
		}
		if err != nil {
			s.Host.Warn(mysqlerr.From(err))
			continue
		}
		set = append(set, before{v, s.Vars.Of(v)})
		s.Host.SetVar(v, text)
	}
	return func() {
		for _, b := range set {
			s.Host.SetVar(b.v, b.text)
		}
	}
}

func (s *Statement) hinted(h ast.HintSetVar) (v *sysvar.Variable, text string, err error) {
	if v, err = sysvar.Lookup(s.DB.Catalog(), h.VarName); err != nil {
		return nil, "", mysqlerr.New(mysqlerr.UnresolvedHintName, "'"+h.VarName+"'", "SET_VAR")
	}
	text, err = v.Hint(h.Value, s.Host.Warn)
	return v, text, err
}
