package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/explain"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// explain shows a statement's plan: a line an operator, with where it runs. DESCRIBE t is SHOW COLUMNS.
func (s commands) explain(ctx context.Context, n *ast.ExplainStmt, params []types.Value, w sql.ResultWriter) error {
	if sh, ok := n.Stmt.(*ast.ShowStmt); ok {
		return s.runShow(ctx, sh, w)
	}
	if n.Analyze {
		return mysqlerr.NotSupported("EXPLAIN ANALYZE")
	}
	if !planable(n.Stmt) {
		return mysqlerr.NotSupported("EXPLAIN of this statement")
	}
	p, err := execution(s).makePlan(n.Stmt, s.db, params)
	if missing(err) {
		if e := s.freshCatalog(ctx); e != nil {
			return e
		}
		p, err = execution(s).makePlan(n.Stmt, s.db, params)
	}
	if err != nil {
		return err
	}
	lines := p.plan.Explain()
	for i := range lines {
		lines[i].Where = s.nameNode(lines[i].Where, execution(s).readsPast(p))
	}
	res, ok, err := explain.Result(n.Format, lines)
	if err == nil && !ok {
		err = mysqlerr.New(mysqlerr.UnknownExplainFormat, n.Format)
	}
	if err != nil {
		return err
	}
	return s.writeResult(res, w)
}

// nameNode adds the node that serves a shard now to the place of a fragment: "shard 2" becomes "shard 2 @ node 1". Reads
// of the past are served by this node where it has a replica.
func (s commands) nameNode(where string, past bool) string {
	var id schema.ShardID
	if _, err := fmt.Sscanf(where, "shard %d", &id); err != nil {
		return where
	}
	node := s.eng.db.Leaseholder(id)
	name := fmt.Sprintf("shard %d", id)
	if past && node != s.eng.db.NodeID() && s.eng.db.HasReplica(id) {
		return name + fmt.Sprintf(" @ node %d, follower", s.eng.db.NodeID()) + strings.TrimPrefix(where, name)
	}
	if node == 0 {
		return where
	}
	return name + fmt.Sprintf(" @ node %d", node) + strings.TrimPrefix(where, name)
}
