package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/storage/mysqlerr"
)

// noteTime notes whether a table is read AS OF a time. A statement reads one state, so that its tables agree: either
// all of them are read as of times, which whoever runs the plan computes and compares (Past), or none.
func (b *builder) noteTime(n *ast.TableName) error {
	if n.AsOf == nil && b.view != nil && b.view.asOf != nil {
		n = b.view.asOf
	}
	if n.AsOf == nil {
		b.present = true
	} else {
		if b.o.Changes {
			return mysqlerr.NotSupported("AS OF TIMESTAMP in a statement that changes rows")
		}
		e, err := bind.Expr(&bind.Binder{Env: b.ctx.Env, Clause: bind.FieldList}, &bind.Scope{}, n.AsOf.TsExpr)
		if err != nil {
			return err
		}
		b.asOf = append(b.asOf, e)
	}
	if b.present && len(b.asOf) > 0 {
		return mysqlerr.NotSupported("a statement with AS OF TIMESTAMP for some of its tables only")
	}
	return nil
}
