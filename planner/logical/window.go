package logical

import (
	"math"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec/window"
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
	switch {
	case n.IgnoreNull:
		return nil, mysqlerr.NotSupported("IGNORE NULLS")
	case n.FromLast:
		return nil, mysqlerr.NotSupported("FROM LAST")
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
	typ, err := setFunction(w, name, args, n, q.b.ctx.Env.Typing)
	if err != nil {
		return nil, err
	}
	w.ID = q.b.newIDs(1)
	q.windows = append(q.windows, w)
	return &expr.Column{Index: w.ID, Typ: typ, Name: name + "() over"}, nil
}

// outsideWindows is alias for HAVING, which comes before windows: 3594.
func (q windowing) outsideWindows(name *ast.ColumnName) (expr.Expr, error) {
	e, err := q.alias(name, bind.Having)
	if e == nil || err != nil {
		return e, err
	}
	for _, w := range q.windows {
		if scalar.SetOf(w.ID).Touches(e) {
			return nil, mysqlerr.New(mysqlerr.WindowInvalidWindowFuncAliasUse, name.Name.O)
		}
	}
	return e, nil
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

func setFunction(w *WindowItem, name string, args []expr.Expr, n *ast.WindowFuncExpr, typing *expr.Typing) (types.Type, error) {
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
		return types.Type{}, mysqlerr.NotSupported("<window function>(DISTINCT ..)")
	}
	if _, literal := n.Args[0].(ast.ValueExpr); literal && name == "count" && len(args) == 1 && scalar.IsTrue(args[0]) {
		args = nil
	}
	if name == "group_concat" {
		return types.Type{}, mysqlerr.NotSupported("group_concat as window function")
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
	name      string
	partition *ast.PartitionByClause
	order     *ast.OrderByClause
	frame     *ast.FrameClause
}

// unnamedWindow is what errors call a window without a name.
const unnamedWindow = "<unnamed window>"

// nameWindows refuses two windows of one name.
func (q windowing) nameWindows() error {
	for i := range q.windowSpecs {
		for k := range i {
			if q.windowSpecs[k].Name.L == q.windowSpecs[i].Name.L {
				return mysqlerr.New(mysqlerr.WindowDuplicateName, q.windowSpecs[i].Name.O)
			}
		}
	}
	return nil
}

// windowSpec resolves OVER w and OVER (w …) to a whole specification.
func (q windowing) windowSpec(s *ast.WindowSpec, depth int) (windowSpec, error) {
	spec := windowSpec{s.Name.O, s.PartitionBy, s.OrderBy, s.Frame}
	ref := s.Ref
	if s.OnlyAlias {
		ref = s.Name
	}
	if spec.name == "" {
		spec.name = unnamedWindow
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
		return spec.inherit(base)
	}
	return spec, mysqlerr.New(mysqlerr.WindowNoSuchWindow, ref.O)
}

// inherit is the specification with what another one, which it names, has.
func (s windowSpec) inherit(base windowSpec) (windowSpec, error) {
	switch {
	case s.partition != nil:
		return s, mysqlerr.New(mysqlerr.WindowNoChildPartitioning)
	case s.order != nil && base.order != nil:
		return s, mysqlerr.New(mysqlerr.WindowNoRedefineOrderBy, s.name, base.name)
	case base.frame != nil:
		return s, mysqlerr.New(mysqlerr.WindowNoInheritFrame, base.name)
	}
	s.partition = base.partition
	if s.order == nil {
		s.order = base.order
	}
	return s, nil
}

func (q windowing) bindWindowSpec(w *WindowItem, s windowSpec) error {
	b := q.aggBinder("window partition by", false)
	b.Window = func(*bind.Scope, *ast.WindowFuncExpr) (expr.Expr, error) {
		return nil, mysqlerr.New(mysqlerr.WindowNestedWindowFuncUse, s.name)
	}
	if s.partition != nil {
		for _, item := range s.partition.Items {
			if _, ok := item.Expr.(*ast.PositionExpr); ok {
				return mysqlerr.New(mysqlerr.WindowIllegalOrderBy, s.name)
			}
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
				return mysqlerr.New(mysqlerr.WindowIllegalOrderBy, s.name)
			}
			e, err := bind.Expr(b, q.scope, item.Expr)
			if err != nil {
				return err
			}
			w.Order = append(w.Order, expr.SortKey{Expr: q.b.fold(e), Desc: item.Desc})
		}
	}
	return q.bindFrame(w, s)
}

func (q windowing) bindFrame(w *WindowItem, s windowSpec) error {
	frame, f := &w.Fn.Frame, s.frame
	frame.Window = s.name
	if f == nil {
		frame.Start.Kind, frame.End.Kind = window.UnboundedPreceding, window.UnboundedFollowing
		if len(w.Order) > 0 {
			frame.End.Kind = window.CurrentRow
		}
		return nil
	}
	if f.Type == ast.Groups {
		return mysqlerr.NotSupported("GROUPS")
	}
	frame.Rows = f.Type == ast.Rows
	var err error
	if frame.Start, err = q.bindBound(&f.Extent.Start, w); err != nil {
		return err
	}
	if frame.End, err = q.bindBound(&f.Extent.End, w); err != nil {
		return err
	}
	switch {
	case frame.Start.Kind == window.UnboundedFollowing:
		return mysqlerr.New(mysqlerr.WindowFrameStartIllegal, s.name)
	case frame.End.Kind == window.UnboundedPreceding:
		return mysqlerr.New(mysqlerr.WindowFrameEndIllegal, s.name)
	case frame.Start.Kind > frame.End.Kind:
		return mysqlerr.New(mysqlerr.WindowFrameIllegal, s.name)
	}
	return nil
}

func (q windowing) bindBound(n *ast.FrameBound, w *WindowItem) (window.Bound, error) {
	var b window.Bound
	switch {
	case n.Type == ast.CurrentRow:
		b.Kind = window.CurrentRow
		return b, nil
	case n.UnBounded && n.Type == ast.Preceding:
		b.Kind = window.UnboundedPreceding
		return b, nil
	case n.UnBounded:
		b.Kind = window.UnboundedFollowing
		return b, nil
	}
	b.Kind = window.Following
	if n.Type == ast.Preceding {
		b.Kind = window.Preceding
	}
	frame := &w.Fn.Frame
	if n.Unit != ast.TimeUnitInvalid {
		b.Unit = strings.ToLower(n.Unit.String())
	}
	if frame.Rows && b.Unit != "" {
		return b, mysqlerr.New(mysqlerr.WindowRowsIntervalUse, frame.Window)
	}
	e, err := bind.Expr(q.binder(bind.FieldList), q.scope, n.Expr)
	if err != nil {
		return b, err
	}
	if b.N = q.b.fold(e); !scalar.Fixed(b.N) || expr.ClassOf(b.N) == expr.Volatile {
		return b, mysqlerr.New(mysqlerr.WindowRangeBoundNotConstant, frame.Window)
	}
	if k, ok := b.N.(*expr.Const); ok && badDistance(k, frame.Rows) {
		return b, mysqlerr.New(mysqlerr.WindowFrameIllegal, frame.Window)
	}
	if frame.Rows {
		return b, nil
	}
	return b, checkRange(w, b.Unit)
}

// badDistance tells whether a constant is no distance: NULL, negative, or of rows and not a whole number.
func badDistance(k *expr.Const, rows bool) bool {
	return k.Val.IsNull() || k.Val.ToFloat(nil) < 0 || rows && k.Typ.Class() != types.ClassInt
}

// checkRange tells whether the order's key is one that distances are measured by: of a number, or with a unit of a time.
func checkRange(w *WindowItem, unit string) error {
	window := w.Fn.Frame.Window
	if len(w.Order) != 1 {
		return mysqlerr.New(mysqlerr.WindowRangeFrameOrderType, window)
	}
	switch w.Order[0].Expr.Type().Class() {
	case types.ClassInt, types.ClassFloat, types.ClassDecimal, types.ClassBit:
		if unit != "" {
			return mysqlerr.New(mysqlerr.WindowRangeFrameNumericType, window)
		}
	case types.ClassDate, types.ClassDatetime, types.ClassTime:
		if unit == "" {
			return mysqlerr.New(mysqlerr.WindowRangeFrameTemporalType, window)
		}
	default:
		return mysqlerr.New(mysqlerr.WindowRangeFrameOrderType, window)
	}
	return nil
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
