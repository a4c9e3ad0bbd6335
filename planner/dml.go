package planner

import (
	"context"
	"fmt"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
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

// changeEnv is the environment of computing values to store.
func changeEnv(rt *exec.Runtime, ignore bool) *expr.Env {
	env := *rt.Env
	env.InDML = true
	if ignore {
		env.Mode.Strict, env.Ignore = false, true
	}
	return &env
}

// openStrict opens the query of a data change: what a strict mode does not forgive in it ends the statement.
func openStrict(ctx context.Context, source Rows, rt *exec.Runtime, ignore bool) (exec.Operator, error) {
	env := changeEnv(rt, ignore)
	inner := *rt
	inner.Env = env
	if !env.Mode.Strict {
		return source.Open(ctx, &inner)
	}
	strict := &expr.StrictWarnings{Next: env.Warn}
	env.Warn = strict.Warn
	inner.Warn = func(w fragment.Warning) {
		if strict.Warn(w.Code, w.Message); strict.Err() == nil && rt.Warn != nil {
			rt.Warn(w)
		}
	}
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

// writer sends write fragments, at once or into the transaction, and adds up what they did.
type writer struct {
	rt        *exec.Runtime
	relations *relations // nil: foreign keys have nothing to do with the rows
	sum       fragment.WriteResult
	warnings  int
}

// write sends rows to their shards. Each row that a statement writes, by whatever plan, passes here once it is complete: from here the
// rows that it refers to, and those that refer to it, are visited (foreign_run.go).
func (w *writer) write(ctx context.Context, writes ...*fragment.Write) error {
	for _, f := range writes {
		w.rt.Used.AddTablet(w.rt.Catalog, f.Tablet)
	}
	if w.rt.Txn == nil {
		o := &distributed.TxnOptions{LockWait: w.rt.LockWait, Session: w.rt.Session, Committed: w.rt.Committed}
		results, err := w.rt.DB.Write(ctx, o, writes...)
		if err != nil {
			return err
		}
		for i := range results {
			if err := w.add(&results[i]); err != nil {
				return err
			}
		}
		return nil
	}
	for _, f := range writes {
		if w.relations != nil {
			if err := w.writeRelated(ctx, f); err != nil {
				return err
			}
		} else if err := w.buffered(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// buffered writes into the transaction.
func (w *writer) buffered(ctx context.Context, f *fragment.Write) error {
	r, err := w.rt.Txn.Write(ctx, f)
	if err != nil {
		return err
	}
	return w.add(r)
}

func (w *writer) add(r *fragment.WriteResult) error {
	if r.LastUpdated != 0 {
		w.sum.LastUpdated = r.LastUpdated
	}
	if r.Err != nil {
		return r.Err
	}
	w.rt.Used.AddRows(max(r.Matched, r.Changed))
	w.sum.Matched += r.Matched
	w.sum.Changed += r.Changed
	w.sum.Affected += r.Affected
	w.sum.Duplicates += r.Duplicates
	if w.sum.FirstAutoInc == 0 {
		w.sum.FirstAutoInc = r.FirstAutoInc
	}
	w.warnings += len(r.Warnings)
	if w.rt.Warn != nil {
		for _, c := range r.Warnings {
			w.rt.Warn(c)
		}
	}
	return nil
}

// countWarnings lets env's warnings be counted for the info text.
func (w *writer) countWarnings(env *expr.Env) {
	next := env.Warn
	env.Warn = func(code uint16, message string) {
		w.warnings++
		if next != nil {
			next(code, message)
		}
	}
}

// changeResult is what an UPDATE or DELETE answers.
func (w *writer) changeResult(kind fragment.Kind) *exec.ModifyResult {
	m := &exec.ModifyResult{Affected: w.sum.Changed}
	if kind == fragment.Update {
		m.Info = w.updateInfo()
		if w.rt.FoundRowsFlag {
			m.Affected = w.sum.Matched
		}
	}
	return m
}

// updateInfo is the OK packet's text after an UPDATE.
func (w *writer) updateInfo() string {
	b := append(make([]byte, 0, 64), "Rows matched: "...)
	b = append(strconv.AppendUint(b, w.sum.Matched, 10), "  Changed: "...)
	b = append(strconv.AppendUint(b, w.sum.Changed, 10), "  Warnings: "...)
	return string(strconv.AppendInt(b, int64(w.warnings), 10))
}

// insertInfo is the OK packet's text after an INSERT of several rows.
func (w *writer) insertInfo(records int) string {
	return fmt.Sprintf("Records: %d  Duplicates: %d  Warnings: %d", records, w.sum.Duplicates, w.warnings)
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
