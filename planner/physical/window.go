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
			if !done[k] && sameWindow(w, l.Items[k]) {
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

func sameWindow(a, b *algebra.WindowItem) bool {
	if len(a.Partition) != len(b.Partition) || len(a.Order) != len(b.Order) {
		return false
	}
	for i := range a.Partition {
		if !scalar.Same(a.Partition[i], b.Partition[i]) {
			return false
		}
	}
	for i := range a.Order {
		if a.Order[i].Desc != b.Order[i].Desc || !scalar.Same(a.Order[i].Expr, b.Order[i].Expr) {
			return false
		}
	}
	return true
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
	for _, k := range group[0].Order {
		e, err := scalar.Resolve(k.Expr, in.ids())
		if err != nil {
			return nil, err
		}
		w.keys = append(w.keys, expr.SortKey{Expr: e, Desc: k.Desc})
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
