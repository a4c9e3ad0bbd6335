package planner

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/change"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// buildModify plans a data change with so many parameters.
func buildModify(ctx *Context, stmt ast.StmtNode, params int) (Modify, error) {
	switch s := stmt.(type) {
	case *ast.InsertStmt:
		return buildInsert(ctx, s, params)
	case *ast.UpdateStmt:
		return buildUpdate(ctx, s, params)
	case *ast.DeleteStmt:
		return buildDelete(ctx, s, params)
	case *ast.LoadDataStmt:
		return buildLoad(ctx, s)
	}
	return nil, mysqlerr.NotSupported("this statement")
}

// openStrict opens the query of a data change: what a strict mode does not forgive in it ends the statement.
func openStrict(ctx context.Context, source Rows, rt *exec.Runtime, ignore bool) (exec.Operator, error) {
	env := change.Env(rt, ignore)
	inner := *rt
	inner.Env = env
	if !env.Mode.Strict {
		return source.Open(ctx, &inner)
	}
	strict := &expr.StrictWarnings{Next: env.Warn}
	env.Warn = strict.Warn
	inner.Warn = func(w fragment.Warning) { w.Tell(strict.Warn) }
	op, err := source.Open(ctx, &inner)
	if err != nil {
		return nil, err
	}
	return &strictRows{op, strict}, nil
}

// strictRows are rows that end with the first condition that a strict mode makes an error of.
type strictRows struct {
	exec.Operator
	strict *expr.StrictWarnings
}

// Next is the next batch.
func (s *strictRows) Next(ctx context.Context, b *types.Batch) (bool, error) {
	ok, err := s.Operator.Next(ctx, b)
	if e := s.strict.Err(); err == nil && e != nil {
		return false, e
	}
	return ok, err
}

// kindNames are the operators' names in EXPLAIN.
var kindNames = map[fragment.Kind]string{
	fragment.Insert: "Insert", fragment.InsertIgnore: "InsertIgnore", fragment.Replace: "Replace", fragment.InsertOrUpdate: "InsertOrUpdate",
	fragment.Update: "Update", fragment.Delete: "Delete",
}

// below appends the lines of a source, one step deeper.
func below(lines, source []ExplainLine) []ExplainLine {
	for _, l := range source {
		l.Depth++
		lines = append(lines, l)
	}
	return lines
}
