package windowing

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/exec/window"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// window binds what a function goes over.
func (b *Binder) window(w *algebra.WindowItem, s spec) error {
	keys := b.Keys
	keys.Window = func(*bind.Scope, *ast.WindowFuncExpr) (expr.Expr, error) {
		return nil, mysqlerr.New(mysqlerr.WindowNestedWindowFuncUse, s.name)
	}
	if s.partition != nil {
		for _, item := range s.partition.Items {
			if _, ok := item.Expr.(*ast.PositionExpr); ok {
				return mysqlerr.New(mysqlerr.WindowIllegalOrderBy, s.name)
			}
			e, err := bind.Expr(keys, b.Scope, item.Expr)
			if err != nil {
				return err
			}
			w.Partition = append(w.Partition, b.fold(e))
		}
	}
	if s.order != nil {
		keys.Clause = "window order by"
		for _, item := range s.order.Items {
			if _, ok := item.Expr.(*ast.PositionExpr); ok {
				return mysqlerr.New(mysqlerr.WindowIllegalOrderBy, s.name)
			}
			e, err := bind.Expr(keys, b.Scope, item.Expr)
			if err != nil {
				return err
			}
			w.Order = append(w.Order, expr.SortKey{Expr: b.fold(e), Desc: item.Desc})
		}
	}
	return b.frame(w, s)
}

func (b *Binder) frame(w *algebra.WindowItem, s spec) error {
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
	if frame.Start, err = b.bound(&f.Extent.Start, w); err != nil {
		return err
	}
	if frame.End, err = b.bound(&f.Extent.End, w); err != nil {
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

func (b *Binder) bound(n *ast.FrameBound, w *algebra.WindowItem) (window.Bound, error) {
	var at window.Bound
	switch {
	case n.Type == ast.CurrentRow:
		at.Kind = window.CurrentRow
		return at, nil
	case n.UnBounded && n.Type == ast.Preceding:
		at.Kind = window.UnboundedPreceding
		return at, nil
	case n.UnBounded:
		at.Kind = window.UnboundedFollowing
		return at, nil
	}
	at.Kind = window.Following
	if n.Type == ast.Preceding {
		at.Kind = window.Preceding
	}
	frame := &w.Fn.Frame
	if n.Unit != ast.TimeUnitInvalid {
		at.Unit = strings.ToLower(n.Unit.String())
	}
	if frame.Rows && at.Unit != "" {
		return at, mysqlerr.New(mysqlerr.WindowRowsIntervalUse, frame.Window)
	}
	e, err := bind.Expr(b.Distances, b.Scope, n.Expr)
	if err != nil {
		return at, err
	}
	if at.N = b.fold(e); !scalar.Fixed(at.N) || expr.ClassOf(at.N) == expr.Volatile {
		return at, mysqlerr.New(mysqlerr.WindowRangeBoundNotConstant, frame.Window)
	}
	if k, ok := at.N.(*expr.Const); ok && badDistance(k, frame.Rows) {
		return at, mysqlerr.New(mysqlerr.WindowFrameIllegal, frame.Window)
	}
	if frame.Rows {
		return at, nil
	}
	return at, checkRange(w, at.Unit)
}

// badDistance tells whether a constant is no distance: NULL, negative, or of rows and not a whole number.
func badDistance(k *expr.Const, rows bool) bool {
	return k.Val.IsNull() || k.Val.ToFloat(nil) < 0 || rows && k.Typ.Class() != types.ClassInt
}

// checkRange tells whether the order's key is one that distances are measured by: of a number, or with a unit of a time.
func checkRange(w *algebra.WindowItem, unit string) error {
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
