package logical

import (
	"math"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// maxWindowRefs bounds how deeply named windows refer to each other.
const maxWindowRefs = 16

// windowing binds window functions.
type windowing struct{ *selectQuery }

// window binds a window function: the expression becomes a reference to its result.
func (q windowing) window(_ *bind.Scope, n *ast.WindowFuncExpr) (expr.Expr, error) {
	name := strings.ToLower(n.Name)
	if n.IgnoreNull || n.FromLast {
		return nil, mysqlerr.NotSupported("IGNORE NULLS and FROM LAST")
	}
	w := &WindowItem{Name: name}
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
		return nil, mysqlerr.New(mysqlerr.WrongArguments, name)
	}
	typ, err := w.setFunction(name, args, n, q.b.ctx.Env.Typing)
	if err != nil {
		return nil, err
	}
	w.ID = q.b.newIDs(1)
	q.windows = append(q.windows, w)
	return &expr.Column{Index: w.ID, Typ: typ, Name: name + "() over"}, nil
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

func (w *WindowItem) setFunction(name string, args []expr.Expr, n *ast.WindowFuncExpr, typing *expr.Typing) (types.Type, error) {
	count := types.TypeUint
	count.Length = 21
	switch name {
	case "row_number", "rank", "dense_rank", "ntile":
		w.Fn.Name, w.Fn.Args = name, args
		return count, nil
	case "percent_rank", "cume_dist":
		w.Fn.Name = name
		return types.TypeDouble, nil
	case "lag", "lead", "first_value", "last_value", "nth_value":
		w.Fn.Name, w.Fn.Args = name, args
		typ := *args[0].Type()
		if len(args) > 2 {
			t, err := scalar.Unify(typ, args[2])
			if err != nil {
				return typ, err
			}
			typ = t
			w.Fn.Args[0], w.Fn.Args[2] = scalar.Convert(args[0], typ), scalar.Convert(args[2], typ)
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
	w.Fn.Agg = agg
	return agg.Typ, nil
}

// windowSpec is what a window is of.
type windowSpec struct {
	partition *ast.PartitionByClause
	order     *ast.OrderByClause
	frame     *ast.FrameClause
}

// windowSpec resolves OVER w and OVER (w …) to a whole specification.
func (q windowing) windowSpec(s *ast.WindowSpec, depth int) (windowSpec, error) {
	spec := windowSpec{s.PartitionBy, s.OrderBy, s.Frame}
	ref := s.Ref
	if s.OnlyAlias {
		ref = s.Name
	}
	if ref.O == "" {
		return spec, nil
	}
	if depth > maxWindowRefs {
		return spec, mysqlerr.New(mysqlerr.WindowCircularity)
	}
	for i := range q.windowSpecs {
		named := &q.windowSpecs[i]
		if named.Name.L != ref.L {
			continue
		}
		base, err := q.windowSpec(named, depth+1)
		if err != nil || s.OnlyAlias {
			return base, err
		}
		if s.PartitionBy != nil {
			return spec, mysqlerr.New(mysqlerr.WindowNoChildPartitioning)
		}
		if s.OrderBy != nil && base.order != nil {
			return spec, mysqlerr.New(mysqlerr.WindowNoRedefineOrderBy, "<unnamed window>", ref.O)
		}
		if s.OrderBy != nil {
			base.order = s.OrderBy
		}
		if s.Frame != nil {
			base.frame = s.Frame
		}
		return base, nil
	}
	return spec, mysqlerr.New(mysqlerr.WindowNoSuchWindow, ref.O)
}

func (q windowing) bindWindowSpec(w *WindowItem, s windowSpec) error {
	b := q.aggBinder("window partition by", false)
	if s.partition != nil {
		for _, item := range s.partition.Items {
			e, err := bind.Expr(b, q.scope, item.Expr)
			if err != nil {
				return err
			}
			w.Partition = append(w.Partition, q.b.fold(e))
		}
	}
	if s.order != nil {
		b.Clause = "window order by"
		for _, item := range s.order.Items {
			if _, ok := item.Expr.(*ast.PositionExpr); ok {
				continue // a number is a constant here
			}
			e, err := bind.Expr(b, q.scope, item.Expr)
			if err != nil {
				return err
			}
			w.Order = append(w.Order, expr.SortKey{Expr: q.b.fold(e), Desc: item.Desc})
		}
	}
	return q.bindFrame(w, s.frame)
}

func (q windowing) bindFrame(w *WindowItem, f *ast.FrameClause) error {
	frame := &w.Fn.Frame
	if f == nil {
		frame.Start.Kind, frame.End.Kind = exec.UnboundedPreceding, exec.UnboundedFollowing
		if len(w.Order) > 0 {
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
		return mysqlerr.New(mysqlerr.WindowFrameStartIllegal, "<unnamed window>")
	case frame.End.Kind == exec.UnboundedPreceding:
		return mysqlerr.New(mysqlerr.WindowFrameEndIllegal, "<unnamed window>")
	case frame.Start.Kind > frame.End.Kind:
		return mysqlerr.New(mysqlerr.WindowFrameIllegal, "<unnamed window>")
	}
	return nil
}

func (q windowing) bindBound(n *ast.FrameBound, rows bool) (exec.Bound, error) {
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
		if err := settle(w.Partition); err != nil {
			return err
		}
		// What counts rows is no term of GROUP BY, also where it looks like one.
		count := min(countArg(w.Name), len(w.Fn.Args))
		if err := settle(w.Fn.Args[:count]); err != nil {
			return err
		}
		if err := settle(w.Fn.Args[min(count+1, len(w.Fn.Args)):]); err != nil {
			return err
		}
		if w.Fn.Agg != nil {
			if err := settle(w.Fn.Agg.Args); err != nil {
				return err
			}
		}
		for i := range w.Order {
			e, err := s.settle(w.Order[i].Expr, i+1, "ORDER BY")
			if err != nil {
				return err
			}
			w.Order[i].Expr = e
		}
	}
	return nil
}
