package inshard

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// ErrElsewhere is an execution's whose joins the gateway has to do.
var ErrElsewhere = errors.New("inshard: the gateway has to join")

// Bounds of the rows that go along with a read.
const (
	maxRows  = 1 << 14
	maxBytes = 1 << 20
)

// Join is a join in the shards. Its expressions are over the row so far, with the right side's columns behind it.
type Join struct {
	Kind  exec.JoinKind
	Keys  []fragment.KeyPart
	On    []expr.Expr // beyond the keys
	Where []expr.Expr // of the rows that the join gives

	Est, Price float64 // rows that it gives, and what it costs to have them

	// The right side: a table's rows,
	Table   *schema.Table
	Index   *schema.Index
	Columns []int // positions of the columns that are read
	Filter  func(run *exec.Run) (expr.Expr, error)
	Tablets []schema.TabletID // for each tablet of the scan
	// or those that Open gives, which go along.
	Open    func(ctx context.Context, run *exec.Run) (exec.Operator, error)
	RowKeys []fragment.KeyPart
	Width   int // of them
}

// Ship is the join in a fragment of an execution. That of a table's rows is yet to be told the tablet (Fragments).
func (j *Join) Ship(ctx context.Context, run *exec.Run, env *expr.Env) (_ *fragment.Join, err error) {
	out := &fragment.Join{Kind: j.Kind}
	if j.Table != nil {
		err = j.shipTable(run, env, out)
	} else {
		err = j.shipRows(ctx, run, out)
	}
	if err != nil {
		return nil, err
	}
	if out.On, err = shipAll(run, j.On); err != nil {
		return nil, err
	}
	out.Where, err = shipAll(run, j.Where)
	return out, err
}

func shipAll(run *exec.Run, conds []expr.Expr) (expr.Expr, error) {
	if len(conds) == 0 {
		return nil, nil
	}
	e, err := scalar.And(conds)
	if err != nil {
		return nil, err
	}
	return run.Ship(e)
}

// shipTable names the table's rows. Constants among the keys become such of the index.
func (j *Join) shipTable(run *exec.Run, env *expr.Env, out *fragment.Join) (err error) {
	out.Read = &fragment.Read{SchemaVersion: j.Table.Version, Index: j.Index.ID, Env: env}
	for _, pos := range j.Columns {
		out.Read.Columns = append(out.Read.Columns, j.Table.Columns[pos].ID)
	}
	if out.Read.Filter, err = j.Filter(run); err != nil {
		return err
	}
	for i := range j.Keys {
		key := j.Keys[i]
		if !scalar.HasColumns(key.Expr) {
			typ := &j.Table.Columns[j.Index.Columns[i].Column].Type
			v, err := key.Expr.Eval(run.Env, nil)
			if err != nil {
				return err
			}
			state := access.Exactly
			if !v.IsNull() {
				v, _, state = access.Bounds(v, typ, &run.Env.Mode)
			}
			if state != access.Exactly {
				return ErrElsewhere
			}
			key.Expr = &expr.Const{Typ: *typ, Val: v}
		}
		out.Keys = append(out.Keys, key)
	}
	return nil
}

// shipRows reads the rows that go along.
func (j *Join) shipRows(ctx context.Context, run *exec.Run, out *fragment.Join) (err error) {
	if out.Keys, err = shipKeys(run, j.Keys); err != nil {
		return err
	}
	if out.RowKeys, err = shipKeys(run, j.RowKeys); err != nil {
		return err
	}
	op, err := j.Open(ctx, run)
	if err != nil {
		return err
	}
	defer op.Close()
	hold := run.RT.Memory.Hold(memory.Join)
	run.OnClose(hold.Close)
	out.Rows = &types.Batch{}
	out.Rows.Reset(j.Width)
	var own types.Arena
	var b types.Batch
	for bytes := 0; ; {
		ok, err := op.Next(ctx, &b)
		if err != nil || !ok {
			return err
		}
		bytes += spill.BatchBytes(&b)
		if out.Rows.Len()+b.Len() > maxRows || bytes > maxBytes || hold.Crowded(bytes) {
			return ErrElsewhere
		}
		if err := hold.Set(bytes); err != nil {
			return err
		}
		at := len(out.Rows.Vals)
		out.Rows.Vals = append(out.Rows.Vals, b.Vals...)
		for i := at; i < len(out.Rows.Vals); i++ {
			own.Own(&out.Rows.Vals[i])
		}
	}
}

func shipKeys(run *exec.Run, list []fragment.KeyPart) ([]fragment.KeyPart, error) {
	out := make([]fragment.KeyPart, len(list))
	for i, k := range list {
		var err error
		if k.Expr, err = run.Ship(k.Expr); err != nil {
			return nil, err
		}
		out[i] = k
	}
	return out, nil
}

// Fragments has each fragment of a scan of t join with the tablets that belong to its own.
func Fragments(list []*fragment.Read, joins []*Join, t *schema.Table) []*fragment.Read {
	if len(joins) == 0 {
		return list
	}
	for _, f := range list {
		i := slices.IndexFunc(t.Tablets, func(tb schema.Tablet) bool { return tb.ID == f.Tablet })
		f.Joins = at(joins, f.Joins, i)
	}
	return list
}

// at are joins as they are made in the i-th tablet of the scan.
func at(list []*Join, shipped []*fragment.Join, i int) []*fragment.Join {
	out := make([]*fragment.Join, len(shipped))
	for k, f := range shipped {
		if f.Read == nil {
			out[k] = f // all of them share the table of its rows
			continue
		}
		read := *f.Read
		read.Tablet = list[k].Tablets[i]
		out[k] = &fragment.Join{Kind: f.Kind, Read: &read, Keys: f.Keys, On: f.On, Where: f.Where}
	}
	return out
}

// Narrow adds to a scan's filter what joins with rows that go along will ask of its columns: rows without a partner are decoded no further,
// and not looked up for joins before. columns is how many the scan has, most up to how many keys of one are worth a look.
func Narrow(filter expr.Expr, shipped []*fragment.Join, columns int, most func(column int) float64) (expr.Expr, error) {
	var conds []expr.Expr
	for _, f := range shipped {
		if f.Rows == nil || f.Kind != exec.Inner && f.Kind != exec.Semi {
			continue
		}
		for k := range f.Keys {
			if c, ok := f.Keys[k].Expr.(*expr.Column); !ok || c.Index >= columns || float64(f.Rows.Len()) > most(c.Index) {
				continue
			}
			if set := keySet(f, k); set != nil {
				conds = append(conds, set)
			}
		}
	}
	if len(conds) == 0 {
		return filter, nil
	}
	if filter != nil {
		conds = append([]expr.Expr{filter}, conds...) // what it warns of, or fails with, does not depend on joins
	}
	return scalar.And(conds)
}

// keySet is the condition that the i-th key is among those of the rows; nil where that is not one of plain columns.
func keySet(f *fragment.Join, i int) expr.Expr {
	key := &f.Keys[i]
	l, ok := key.Expr.(*expr.Column)
	r, plain := f.RowKeys[i].Expr.(*expr.Column)
	if !ok || !plain || key.AsFloat || key.NullSafe || !SameText(&l.Typ, key) || !SameText(&r.Typ, key) {
		return nil
	}
	set := expr.NewKeySet(f.Rows.Len(), key.Collation)
	if set == nil {
		return nil
	}
	for k := range f.Rows.Len() {
		if v := f.Rows.Row(k)[r.Index]; !v.IsNull() {
			set.Add(v)
		}
	}
	return set.Holds(l)
}

// SameText tells that a column's texts are equal to the join where they are to themselves: to a GROUP BY between them, too.
func SameText(t *types.Type, key *fragment.KeyPart) bool {
	return t.Class() != types.ClassString || t.Collation == key.Collation
}

// Nothing tells that no row has a partner, because there is none.
func Nothing(shipped []*fragment.Join) bool {
	for _, f := range shipped {
		if f.Rows != nil && f.Rows.Len() == 0 && (f.Kind == exec.Inner || f.Kind == exec.Semi) {
			return true
		}
	}
	return false
}

// Info is what EXPLAIN tells of the join.
func (j *Join) Info() string {
	parts := []string{j.Kind.String()}
	for i := range j.Keys {
		right := ""
		if j.Table != nil {
			right = j.Table.Columns[j.Index.Columns[i].Column].Shown()
		} else {
			right = j.RowKeys[i].Expr.String()
		}
		parts = append(parts, right+" = "+j.Keys[i].Expr.String())
	}
	if conds := append(append([]expr.Expr(nil), j.On...), j.Where...); len(conds) > 0 {
		parts = append(parts, "conditions: "+scalar.Texts(conds))
	}
	return strings.Join(parts, ", ")
}
