package planner

import (
	"context"
	"math"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// windowItem is a window function of a block and the number of its result.
type windowItem struct {
	id        int
	name      string
	fn        exec.WindowFunc
	partition []expr.Expr
	order     []expr.SortKey
}

// maxWindowRefs bounds how deeply named windows refer to each other.
const maxWindowRefs = 16

// window binds a window function: the expression becomes a reference to its result.
func (q *selectQuery) window(_ *bind.Scope, n *ast.WindowFuncExpr) (expr.Expr, error) {
	name := lower(n.Name)
	if n.IgnoreNull || n.FromLast {
		return nil, mysqlerr.NotSupported("IGNORE NULLS and FROM LAST")
	}
	w := &windowItem{name: name}
	spec, err := q.windowSpec(&n.Spec, 0)
	if err != nil {
		return nil, err
	}
	if err := q.bindWindowSpec(w, spec); err != nil {
		return nil, err
	}
	b := q.aggBinder(bind.FieldList, false)
	var args []expr.Expr
	for _, a := range n.Args {
		e, err := bind.Expr(b, q.scope, a)
		if err != nil {
			return nil, err
		}
		args = append(args, q.b.fold(e))
	}
	if i := countArg(name); i < len(args) && !isCount(args[i]) {
		return nil, mysqlerr.New(mysql.ErrWrongArguments, name)
	}
	typ, err := w.setFunction(name, args, n, q.b.ctx.Env.Typing)
	if err != nil {
		return nil, err
	}
	w.id = q.b.newIDs(1)
	q.windows = append(q.windows, w)
	return &expr.Column{Index: w.id, Typ: typ, Name: name + "() over"}, nil
}

// countArg is which argument of a window function counts rows. It is evaluated once, without a row.
func countArg(name string) int {
	switch name {
	case "ntile":
		return 0
	case "lag", "lead", "nth_value":
		return 1
	}
	return math.MaxInt
}

// isCount tells whether e may count rows: a constant, a parameter or a user variable.
func isCount(e expr.Expr) bool {
	switch e.(type) {
	case *expr.Const, *expr.Param:
		return true
	}
	return scalar.AsCall(e, "@") != nil
}

func (w *windowItem) setFunction(name string, args []expr.Expr, n *ast.WindowFuncExpr, typing *expr.Typing) (types.Type, error) {
	count := types.TypeUint
	count.Length = 21
	switch name {
	case "row_number", "rank", "dense_rank", "ntile":
		w.fn.Name, w.fn.Args = name, args
		return count, nil
	case "percent_rank", "cume_dist":
		w.fn.Name = name
		return types.TypeDouble, nil
	case "lag", "lead", "first_value", "last_value", "nth_value":
		w.fn.Name, w.fn.Args = name, args
		typ := *args[0].Type()
		if len(args) > 2 {
			t, err := unify(typ, args[2])
			if err != nil {
				return typ, err
			}
			typ = t
			w.fn.Args[0], w.fn.Args[2] = convertTo(args[0], typ), convertTo(args[2], typ)
		}
		return typ, nil
	}
	if n.Distinct {
		return types.Type{}, mysqlerr.NotSupported(strings.ToUpper(name) + "(DISTINCT …) OVER")
	}
	if _, literal := n.Args[0].(ast.ValueExpr); literal && name == "count" && len(args) == 1 && scalar.IsTrue(args[0]) {
		args = nil
	}
	if name == "group_concat" {
		return types.Type{}, mysqlerr.NotSupported("GROUP_CONCAT … OVER")
	}
	agg, err := expr.NewAgg(name, false, args)
	if err == nil {
		err = typing.Agg(agg)
	}
	if err != nil {
		return types.Type{}, err
	}
	w.fn.Agg = agg
	return agg.Typ, nil
}

// windowSpec resolves OVER w and OVER (w …) to a whole specification.
func (q *selectQuery) windowSpec(s *ast.WindowSpec, depth int) (*ast.WindowSpec, error) {
	ref := s.Ref
	if s.OnlyAlias {
		ref = s.Name
	}
	if ref.O == "" {
		return s, nil
	}
	if depth > maxWindowRefs {
		return nil, mysqlerr.New(mysql.ErrWindowCircularityInWindowGraph)
	}
	for i := range q.stmt.WindowSpecs {
		named := &q.stmt.WindowSpecs[i]
		if named.Name.L != ref.L {
			continue
		}
		base, err := q.windowSpec(named, depth+1)
		if err != nil || s.OnlyAlias {
			return base, err
		}
		if s.PartitionBy != nil {
			return nil, mysqlerr.New(mysql.ErrWindowNoChildPartitioning)
		}
		if s.OrderBy != nil && base.OrderBy != nil {
			return nil, mysqlerr.New(mysql.ErrWindowNoRedefineOrderBy, "<unnamed window>", ref.O)
		}
		merged := *base
		if s.OrderBy != nil {
			merged.OrderBy = s.OrderBy
		}
		if s.Frame != nil {
			merged.Frame = s.Frame
		}
		return &merged, nil
	}
	return nil, mysqlerr.New(mysql.ErrWindowNoSuchWindow, ref.O)
}

func (q *selectQuery) bindWindowSpec(w *windowItem, s *ast.WindowSpec) error {
	b := q.aggBinder("window partition by", false)
	if s.PartitionBy != nil {
		for _, item := range s.PartitionBy.Items {
			e, err := bind.Expr(b, q.scope, item.Expr)
			if err != nil {
				return err
			}
			w.partition = append(w.partition, q.b.fold(e))
		}
	}
	if s.OrderBy != nil {
		b.Clause = "window order by"
		for _, item := range s.OrderBy.Items {
			if _, ok := item.Expr.(*ast.PositionExpr); ok {
				continue // a number is a constant here
			}
			e, err := bind.Expr(b, q.scope, item.Expr)
			if err != nil {
				return err
			}
			w.order = append(w.order, expr.SortKey{Expr: q.b.fold(e), Desc: item.Desc})
		}
	}
	return q.bindFrame(w, s.Frame)
}

func (q *selectQuery) bindFrame(w *windowItem, f *ast.FrameClause) error {
	frame := &w.fn.Frame
	if f == nil {
		frame.Start.Kind, frame.End.Kind = exec.UnboundedPreceding, exec.UnboundedFollowing
		if len(w.order) > 0 {
			frame.End.Kind = exec.CurrentRow
		}
		return nil
	}
	if f.Type == ast.Groups {
		return mysqlerr.NotSupported("GROUPS frames")
	}
	frame.Rows = f.Type == ast.Rows
	var err error
	if frame.Start, err = q.bindBound(&f.Extent.Start, frame.Rows); err != nil {
		return err
	}
	if frame.End, err = q.bindBound(&f.Extent.End, frame.Rows); err != nil {
		return err
	}
	switch {
	case frame.Start.Kind == exec.UnboundedFollowing:
		return mysqlerr.New(mysql.ErrWindowFrameStartIllegal, "<unnamed window>")
	case frame.End.Kind == exec.UnboundedPreceding:
		return mysqlerr.New(mysql.ErrWindowFrameEndIllegal, "<unnamed window>")
	case frame.Start.Kind > frame.End.Kind:
		return mysqlerr.New(mysql.ErrWindowFrameIllegal, "<unnamed window>")
	}
	return nil
}

func (q *selectQuery) bindBound(n *ast.FrameBound, rows bool) (exec.Bound, error) {
	var b exec.Bound
	switch {
	case n.Type == ast.CurrentRow:
		b.Kind = exec.CurrentRow
	case n.UnBounded && n.Type == ast.Preceding:
		b.Kind = exec.UnboundedPreceding
	case n.UnBounded:
		b.Kind = exec.UnboundedFollowing
	case !rows:
		return b, mysqlerr.NotSupported("RANGE frames with an offset")
	default:
		b.Kind = exec.Following
		if n.Type == ast.Preceding {
			b.Kind = exec.Preceding
		}
		e, err := bind.Expr(q.binder(bind.FieldList), &bind.Scope{}, n.Expr)
		if err != nil {
			return b, err
		}
		b.N = e
	}
	return b, nil
}

// settleWindows lets window functions of a grouped block read groups.
func (s *settler) settleWindows() error {
	settle := func(list []expr.Expr) error {
		for i, e := range list {
			r, err := s.settle(e, i+1, "SELECT list")
			if err != nil {
				return err
			}
			list[i] = r
		}
		return nil
	}
	for _, w := range s.q.windows {
		if err := settle(w.partition); err != nil {
			return err
		}
		// What counts rows is no term of GROUP BY, also where it looks like one.
		count := min(countArg(w.name), len(w.fn.Args))
		if err := settle(w.fn.Args[:count]); err != nil {
			return err
		}
		if err := settle(w.fn.Args[min(count+1, len(w.fn.Args)):]); err != nil {
			return err
		}
		if w.fn.Agg != nil {
			if err := settle(w.fn.Agg.Args); err != nil {
				return err
			}
		}
		for i := range w.order {
			e, err := s.settle(w.order[i].Expr, i+1, "ORDER BY")
			if err != nil {
				return err
			}
			w.order[i].Expr = e
		}
	}
	return nil
}

// planWindows sorts once for each different window and computes its functions.
func (q *selectQuery) planWindows(n node) (node, error) {
	done := make([]bool, len(q.windows))
	for i, w := range q.windows {
		if done[i] {
			continue
		}
		group := []*windowItem{w}
		for k := i + 1; k < len(q.windows); k++ {
			if !done[k] && sameWindow(w, q.windows[k]) {
				group = append(group, q.windows[k])
				done[k] = true
			}
		}
		var err error
		if n, err = newWindow(n, group); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func sameWindow(a, b *windowItem) bool {
	if len(a.partition) != len(b.partition) || len(a.order) != len(b.order) {
		return false
	}
	for i := range a.partition {
		if !scalar.Same(a.partition[i], b.partition[i]) {
			return false
		}
	}
	for i := range a.order {
		if a.order[i].Desc != b.order[i].Desc || !scalar.Same(a.order[i].Expr, b.order[i].Expr) {
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
	order     *exec.Order
	keys      []expr.SortKey
	funcs     []exec.WindowFunc
	names     []string
}

func newWindow(in node, group []*windowItem) (node, error) {
	var keys []expr.SortKey
	for _, p := range group[0].partition {
		keys = append(keys, expr.SortKey{Expr: p})
	}
	keys = append(keys, group[0].order...)
	var err error
	if len(keys) > 0 {
		if in, err = newSort(in, keys, nil); err != nil {
			return nil, err
		}
	}
	w := &windowNode{in: in}
	w.base = base{cols: append([]int(nil), in.ids()...), est: in.rows(), price: in.cost() + in.rows()*costHashAdd}
	if w.partition, err = scalar.ResolveAll(group[0].partition, in.ids()); err != nil {
		return nil, err
	}
	for _, k := range group[0].order {
		e, err := scalar.Resolve(k.Expr, in.ids())
		if err != nil {
			return nil, err
		}
		w.keys = append(w.keys, expr.SortKey{Expr: e, Desc: k.Desc})
	}
	w.order = exec.NewOrder(w.keys)
	for _, item := range group {
		f := item.fn
		if f.Args, err = scalar.ResolveAll(f.Args, in.ids()); err != nil {
			return nil, err
		}
		if f.Agg != nil {
			if f.Agg, err = scalar.ResolveAgg(f.Agg, in.ids()); err != nil {
				return nil, err
			}
		}
		w.funcs = append(w.funcs, f)
		w.names = append(w.names, item.name)
		w.cols = append(w.cols, item.id)
	}
	return w, nil
}

func (w *windowNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := w.in.open(ctx, run)
	if err != nil {
		return nil, err
	}
	return exec.NewWindow(run, in, w.partition, w.order, w.funcs), nil
}

func (w *windowNode) explain(x *explainer, depth int) {
	info := strings.Join(w.names, ", ")
	if len(w.partition) > 0 {
		info += " partition by " + scalar.Texts(w.partition)
	}
	if len(w.keys) > 0 {
		info += " order by " + scalar.SortTexts(w.keys)
	}
	x.add(depth, "Window", w.est, "", info)
	w.in.explain(x, depth+1)
}
