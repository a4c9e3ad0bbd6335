package algebra

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/exec/window"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// CountArg is which argument of the function counts rows. It is evaluated once, without a row.
func (w *WindowItem) CountArg() int {
	switch w.Name {
	case "ntile":
		return 0
	case "lag", "lead", "nth_value":
		return 1
	}
	return math.MaxInt
}

// RangeFrame is a frame that goes by the distance between keys, over rows whose key is known; other frames stay as they are.
func RangeFrame(f window.Frame, order []expr.SortKey) (window.Frame, error) {
	if f.Rows || f.Start.N == nil && f.End.N == nil {
		return f, nil
	}
	f.Key, f.Desc = order[0].Expr, order[0].Desc
	err := reachTo(&f.Start, order[0])
	if err == nil {
		err = reachTo(&f.End, order[0])
	}
	return f, err
}

func reachTo(b *window.Bound, key expr.SortKey) error {
	if b.N == nil {
		return nil
	}
	less := (b.Kind == window.Preceding) != key.Desc
	op, args := "+", []expr.Expr{key.Expr, b.N}
	switch class := key.Expr.Type().Class(); {
	case b.Unit != "":
		op, args = "date_add", append(args, expr.NewStr(b.Unit))
		if less {
			op = "date_sub"
		}
	case class == types.ClassInt || class == types.ClassBit: // beyond the ends of its type
		wide := types.Type{ID: mysql.TypeNewDecimal, Length: maxRangeDigits, Collation: collation.Binary}
		args[0] = expr.NewCast(key.Expr, wide)
	}
	if less && op == "+" {
		op = "-"
	}
	var err error
	if b.To, err = expr.New(op, args...); err != nil {
		return err
	}
	own := &expr.Column{Index: 0, Typ: *key.Expr.Type(), Name: key.Expr.String()}
	to := &expr.Column{Index: 1, Typ: *b.To.Type(), Name: b.To.String()}
	before, after := "<", ">"
	if key.Desc {
		before, after = after, before
	}
	if b.Before, err = expr.New(before, own, to); err == nil {
		b.After, err = expr.New(after, own, to)
	}
	return err
}

// maxRangeDigits are those of the integers that keys are.
const maxRangeDigits = 20
