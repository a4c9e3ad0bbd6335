package expr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// BesideColumn is a comparison's operands, where one is a YEAR column: constants among them are the years that the column would keep of
// them, those of two digits the ones of the century around 2000. What the column would not keep is compared as the number that it is.
func BesideColumn(args ...Expr) []Expr {
	if slices.ContainsFunc(args, isYearColumn) {
		return asYears(args)
	}
	return args
}

// BesideFirst is the operands of BETWEEN and IN, where the first one decides alone.
func BesideFirst(args ...Expr) []Expr {
	if isYearColumn(args[0]) {
		return asYears(args)
	}
	return args
}

func isYearColumn(e Expr) bool {
	col, ok := e.(*Column)
	return ok && col.Typ.ID == mysql.TypeYear
}

func asYears(args []Expr) []Expr {
	list := make([]Expr, len(args))
	for i, e := range args {
		list[i] = asYear(e)
	}
	return list
}

// asYear is a constant as a year; what is none, and everything else, is as it was.
func asYear(e Expr) Expr {
	switch x := e.(type) {
	case *Const:
		if y, ok := yearOf(x.Val); ok {
			return NewInt(y)
		}
	case *Param:
		if cl := x.Typ.Class(); x.deriv == derivUnset && (cl == types.ClassInt || cl == types.ClassString) { // others are columns of a query around
			return callAsYear(e)
		}
	case *Call:
		if cl := x.typ.Class(); (x.name == "@" || x.name == "@@") && (cl == types.ClassInt || cl == types.ClassString) {
			return callAsYear(e)
		}
	}
	return e
}

func callAsYear(e Expr) Expr {
	call, err := New("as year", e)
	if err != nil {
		return e
	}
	return call
}

// yearOf is the year that a whole number, or the text of one, is to a YEAR column. false: it stays what it is.
func yearOf(v types.Value) (year int64, ok bool) {
	var short bool
	switch v.Kind() {
	case types.KindInt, types.KindUint:
		if year = v.Int(); year < 0 {
			return 0, false // as an unsigned one it is beyond all years
		}
		short = year != 0
	case types.KindString:
		text := strings.TrimSpace(string(v.Raw()))
		var err error
		if year, err = strconv.ParseInt(text, 10, 32); err != nil {
			return 0, false
		}
		short = year != 0 || len(text) != 4
	default:
		return 0, false
	}
	switch {
	case !short || year < 0 || year > 99:
	case year < 70:
		year += 2000
	default:
		year += 1900
	}
	return year, true
}

var yearDefs = []def{
	{name: "as year", min: 1, max: 1, since: version.V2, typ: typeAsYear, render: func(c *Call) string { return c.args[0].String() },
		f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
			y, ok := yearOf(a)
			switch {
			case c.typ.Class() == types.ClassFloat && ok:
				return types.Float(float64(y)), nil
			case c.typ.Class() == types.ClassFloat:
				return types.Float(a.ToFloat(env.Warn)), nil
			case ok:
				return types.Int(y), nil
			}
			n, _ := a.ToInt(env.Warn)
			return types.Int(n), nil
		}},
}

// typeAsYear: text that is no year is compared as the number that it is, with its fraction.
func typeAsYear(c *Call) error {
	if c.args[0].Type().Class() == types.ClassString {
		c.typ = types.TypeDouble
		return nil
	}
	return typeIntLen(20)(c)
}
