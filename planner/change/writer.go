package change

import (
	"context"
	"fmt"
	"strconv"

	"cloudsql/distributed"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/types"
)

// Env is the environment of computing values to store.
func Env(rt *exec.Runtime, ignore bool) *expr.Env {
	env := *rt.Env
	env.InDML = true
	if ignore {
		env.Mode.Strict, env.Ignore = false, true
	}
	return &env
}

// Chunk is how many found rows go into one fragment.
const Chunk = 1000

// Writer sends write fragments, at once or into the transaction, and adds up what they did.
type Writer struct {
	rt        *exec.Runtime
	relations *relations              // nil: neither foreign keys nor unique keys over tablets have to do with the rows
	inTheWay  []byte                  // the encoded primary key of the row that has a unique key that the row written last was to have; nil: none
	LeftOut   func(row []types.Value) // is told of new rows that IGNORE leaves out here; may be nil
	// Numbered is told what shards warn of new rows, by the rows' numbers in the statement (fragment.Write.Numbers), instead of the client.
	Numbered  func(row int, w fragment.Warning)
	Upserting bool // who inserts looks again where another row has a key, also under IGNORE
	Sum       fragment.WriteResult
	Warnings  int
}

// Write sends rows to their shards. Each row that a statement writes, by whatever plan, passes here once it is complete: from here the
// rows that it refers to, and those that refer to it, are visited (related.go).
func (w *Writer) Write(ctx context.Context, writes ...*fragment.Write) error {
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
			if err := w.add(writes[i], &results[i]); err != nil {
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
func (w *Writer) buffered(ctx context.Context, f *fragment.Write) error {
	r, err := w.rt.Txn.Write(ctx, f)
	if err != nil {
		return err
	}
	return w.add(f, r)
}

// add counts what became of f.
func (w *Writer) add(f *fragment.Write, r *fragment.WriteResult) error {
	if r.LastUpdated != 0 {
		w.Sum.LastUpdated = r.LastUpdated
	}
	if r.Err != nil {
		return r.Err
	}
	w.rt.Used.AddRows(max(r.Matched, r.Changed))
	w.Sum.Matched += r.Matched
	w.Sum.Changed += r.Changed
	w.Sum.Affected += r.Affected
	w.Sum.Duplicates += r.Duplicates
	if w.Sum.FirstAutoInc == 0 {
		w.Sum.FirstAutoInc = r.FirstAutoInc
	}
	w.warn(f, r.Warnings)
	return nil
}

func (w *Writer) warn(f *fragment.Write, list []fragment.Warning) {
	for _, c := range list {
		if c.Row > 0 && c.Row <= len(f.Numbers) && w.Numbered != nil {
			w.Numbered(f.Numbers[c.Row-1], c)
			continue
		}
		if w.Warnings++; w.rt.Warn != nil {
			w.rt.Warn(c)
		}
	}
}

// CountWarnings lets env's warnings be counted for the info text.
func (w *Writer) CountWarnings(env *expr.Env) {
	next := env.Warn
	env.Warn = func(code uint16, message string) {
		w.Warnings++
		if next != nil {
			next(code, message)
		}
	}
}

// Result is what an UPDATE or DELETE answers.
func (w *Writer) Result(kind fragment.Kind) *exec.ModifyResult {
	m := &exec.ModifyResult{Affected: w.Sum.Changed}
	if kind == fragment.Update {
		m.Info = w.updateInfo()
		if w.rt.FoundRowsFlag {
			m.Affected = w.Sum.Matched
		}
	}
	return m
}

// updateInfo is the OK packet's text after an UPDATE.
func (w *Writer) updateInfo() string {
	b := append(make([]byte, 0, 64), "Rows matched: "...)
	b = append(strconv.AppendUint(b, w.Sum.Matched, 10), "  Changed: "...)
	b = append(strconv.AppendUint(b, w.Sum.Changed, 10), "  Warnings: "...)
	return string(strconv.AppendInt(b, int64(w.Warnings), 10))
}

// InsertInfo is the OK packet's text after an INSERT of several rows.
func (w *Writer) InsertInfo(records int) string {
	return fmt.Sprintf("Records: %d  Duplicates: %d  Warnings: %d", records, w.Sum.Duplicates, w.Warnings)
}

// AsParam is a stored value as a parameter that a column is compared with.
func AsParam(v types.Value, m *types.Mode) types.Value {
	switch v.Kind() {
	case types.KindTimestamp:
		return types.ToLocal(v, m.Loc)
	case types.KindEnum, types.KindSet:
		return types.String(v.Raw())
	case types.KindBit:
		return types.Uint(v.Uint())
	}
	return v
}
