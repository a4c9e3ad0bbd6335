package access

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

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
		switch h.HintType {
		case ast.HintUse, ast.HintForce:
			out.Set = true
			out.Force = out.Force || h.HintType == ast.HintForce
			out.Only = append(out.Only, names...)
		case ast.HintIgnore:
			out.Ignore = append(out.Ignore, names...)
		}
	}
	return out, nil
}
