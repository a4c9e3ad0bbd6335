package physical

import (
	"context"
	"strings"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/exec/window"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// planWindows sorts once for each different window and computes its functions.
func (p *planner) planWindows(l *algebra.Window) (node, error) {
	n, err := p.plan(l.In, required{})
	if err != nil {
		return nil, err
	}
	done := make([]bool, len(l.Items))
	for i, w := range l.Items {
		if done[i] {
			continue
		}
		group := []*algebra.WindowItem{w}
		for k := i + 1; k < len(l.Items); k++ {
			if !done[k] && w.IsOver(l.Items[k]) {
				group = append(group, l.Items[k])
				done[k] = true
			}
		}
		if n, err = newWindow(n, group); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// partitionTopNode leaves out what is of no rank that is wanted.
type partitionTopNode struct {
	base
	in        node
	partition []expr.Expr
	keys      []expr.SortKey
	order     *spill.Order
	most      expr.Expr
}

func newPartitionTop(in node, t *algebra.PartitionTop) (_ node, err error) {
	n := &partitionTopNode{in: in, most: t.Most}
	n.base = base{cols: in.ids(), est: in.rows(), price: in.cost() + in.rows()*costHashAdd, order: in.sorted()}
	if n.partition, err = scalar.ResolveAll(t.Partition, in.ids()); err != nil {
		return nil, err
	}
	if n.keys, err = resolveKeys(t.Order, in.ids()); err != nil {
		return nil, err
	}
	n.order = spill.NewOrder(n.keys)
	return n, nil
}

func resolveKeys(keys []expr.SortKey, ids []int) (out []expr.SortKey, err error) {
	for _, k := range keys {
		if k.Expr, err = scalar.Resolve(k.Expr, ids); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (n *partitionTopNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, n.in)
	if err != nil {
		return nil, err
	}
	most, err := n.most.Eval(run.Env, nil)
	if err != nil {
		in.Close()
		return nil, err
	}
	if most.Kind() != types.KindInt && most.Kind() != types.KindUint || most.Int() < 1 || most.Int() > window.MostOfTop {
		return in, nil
	}
	return window.NewTop(run, in, n.partition, n.order, int(most.Int())), nil
}

func (n *partitionTopNode) explain(x *explainer, depth int) {
	info := n.most.String() + " row(s)"
	if len(n.partition) > 0 {
		info += " of each " + scalar.Texts(n.partition)
	}
	x.add(depth, "PartitionTop", &n.base, "", info+" order by "+scalar.SortTexts(n.keys))
	n.in.explain(x, depth+1)
}

// windowNode computes window functions over sorted rows.
type windowNode struct {
	base
	in        node
	partition []expr.Expr
	order     *spill.Order
	keys      []expr.SortKey
	funcs     []window.Func
	names     []string
}

func newWindow(in node, group []*algebra.WindowItem) (node, error) {
	var keys []expr.SortKey
	for _, p := range group[0].Partition {
		keys = append(keys, expr.SortKey{Expr: p})
	}
	keys = append(keys, group[0].Order...)
	var err error
	if len(keys) > 0 {
		if in, err = newSort(in, keys, nil); err != nil {
			return nil, err
		}
	}
	w := &windowNode{in: in}
	w.base = base{cols: append([]int(nil), in.ids()...), est: in.rows(), price: in.cost() + in.rows()*costHashAdd}
	if w.partition, err = scalar.ResolveAll(group[0].Partition, in.ids()); err != nil {
		return nil, err
	}
	if w.keys, err = resolveKeys(group[0].Order, in.ids()); err != nil {
		return nil, err
	}
	w.order = spill.NewOrder(w.keys)
	for _, item := range group {
		f := item.Fn
		if f.Args, err = scalar.ResolveAll(f.Args, in.ids()); err != nil {
			return nil, err
		}
		if f.Agg != nil {
			if f.Agg, err = scalar.ResolveAgg(f.Agg, in.ids()); err != nil {
				return nil, err
			}
		}
		if f.Frame, err = algebra.RangeFrame(f.Frame, w.keys); err != nil {
			return nil, err
		}
		w.funcs = append(w.funcs, f)
		w.names = append(w.names, item.Name)
		w.cols = append(w.cols, item.ID)
	}
	return w, nil
}

func (w *windowNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, w.in)
	if err != nil {
		return nil, err
	}
	return window.New(run, in, w.partition, w.order, w.funcs), nil
}

func (w *windowNode) explain(x *explainer, depth int) {
	info := strings.Join(w.names, ", ")
	if len(w.partition) > 0 {
		info += " partition by " + scalar.Texts(w.partition)
	}
	if len(w.keys) > 0 {
		info += " order by " + scalar.SortTexts(w.keys)
	}
	x.add(depth, "Window", &w.base, "", info)
	w.in.explain(x, depth+1)
}
