package expr

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Agg is one aggregate of a GROUP BY: COUNT(*) has no Args.
type Agg struct {
	// Name is "count", "sum", "avg", "min", "max", "group_concat", "bit_and", "bit_or", "bit_xor", "stddev_pop",
	// "stddev_samp", "var_pop", "var_samp", "any_value", "json_arrayagg" or "json_objectagg"; NewAgg maps "std",
	// "stddev" and "variance" to these.
	Name      string
	Distinct  bool
	Args      []Expr
	OrderBy   []SortKey // GROUP_CONCAT
	Separator string    // GROUP_CONCAT
	MaxLen    int       // group_concat_max_len, bytes
	Typ       types.Type

	coll collation.ID // of MIN, MAX and DISTINCT strings

	// Of AVG, where the session has a div_precision_increment of its own: such a call is not for fragments.
	ownIncrement bool
	divIncrement int
}

// Grows tells that what a State of it holds grows with the rows that it is given; others stay as large as one value.
func (a *Agg) Grows() bool {
	return a.Distinct || a.Name == "group_concat" || a.Name == "json_arrayagg" || a.Name == "json_objectagg"
}

// SortKey is one term of an ORDER BY.
type SortKey struct {
	Expr Expr
	Desc bool
}

// State accumulates one group.
type State interface {
	// Add takes one row.
	Add(env *Env, row []types.Value) error
	// AppendPartial appends the state as len(PartialTypes) values; Merge takes such values of another state.
	AppendPartial(dst []types.Value) []types.Value
	Merge(partial []types.Value) error
	// Result is the final value (e.g. Int(0) for an empty COUNT, NULL for an empty SUM).
	Result(env *Env) (types.Value, error)
	// Bytes is the approximate memory that the state holds.
	Bytes() int
}

// defaultGroupConcatMaxLen is group_concat_max_len's default, in bytes.
const defaultGroupConcatMaxLen = 1024

// aggDef is what the registry of aggregates knows of one.
type aggDef struct {
	min, max int             // arguments; max -1 is any
	since    version.Version // 0: V1
	typ      func(a *Agg) error
	state    func(a *Agg) State
	partial  func(a *Agg) []types.Type // nil: the state cannot travel
}

var aggDefs map[string]*aggDef

var aggAliases = map[string]string{"std": "stddev_pop", "stddev": "stddev_pop", "variance": "var_pop"}

func init() {
	float := types.TypeDouble
	variance := func(sample, root bool) *aggDef {
		return &aggDef{min: 1, max: 1, typ: func(a *Agg) error { a.Typ = float; return nil },
			state:   func(a *Agg) State { return &varianceState{arg: a.Args[0], sample: sample, root: root} },
			partial: func(*Agg) []types.Type { return []types.Type{types.TypeInt, float, float} }}
	}
	bits := func(op int) *aggDef {
		return &aggDef{min: 1, max: 1, typ: typeBitAgg,
			state:   func(a *Agg) State { return newBitState(a, op) },
			partial: func(*Agg) []types.Type { return []types.Type{types.TypeUint} }}
	}
	self := func(a *Agg) []types.Type { return []types.Type{a.Typ} }
	aggDefs = map[string]*aggDef{
		"count": {min: 0, max: -1, typ: func(a *Agg) error { a.Typ = intType(21, false); return nil },
			state:   func(a *Agg) State { return &countState{args: a.Args} },
			partial: func(*Agg) []types.Type { return []types.Type{types.TypeInt} }},
		"sum": {min: 1, max: 1, typ: typeSum, state: func(a *Agg) State { return newSumState(a) },
			partial: func(a *Agg) []types.Type { return []types.Type{types.TypeInt, sumType(a.Args[0].Type())} }},
		"avg": {min: 1, max: 1, typ: typeAvg, state: func(a *Agg) State { return newSumState(a) },
			partial: func(a *Agg) []types.Type { return []types.Type{types.TypeInt, sumType(a.Args[0].Type())} }},
		"min":         {min: 1, max: 1, typ: typeExtremeAgg, state: func(a *Agg) State { return &extremeState{agg: a, want: -1} }, partial: self},
		"max":         {min: 1, max: 1, typ: typeExtremeAgg, state: func(a *Agg) State { return &extremeState{agg: a, want: 1} }, partial: self},
		"any_value":   {min: 1, max: 1, typ: typeExtremeAgg, state: func(a *Agg) State { return &anyState{agg: a} }, partial: anyPartial},
		"bit_and":     bits(opBitAnd),
		"bit_or":      bits(opBitOr),
		"bit_xor":     bits(opBitXor),
		"stddev_pop":  variance(false, true),
		"stddev_samp": variance(true, true),
		"var_pop":     variance(false, false),
		"var_samp":    variance(true, false),
		"group_concat": {min: 1, max: -1, typ: typeGroupConcat, state: func(a *Agg) State { return newConcatState(a) },
			partial: nil},
		"json_arrayagg":  {min: 1, max: 1, typ: typeJSONAgg, state: func(a *Agg) State { return &jsonArrayState{agg: a} }, partial: jsonPartial},
		"json_objectagg": {min: 2, max: 2, typ: typeJSONAgg, state: func(a *Agg) State { return newJSONObjectState(a) }, partial: jsonPartial},
	}
}

// Since gives the cluster version that all readers of a must know.
func (a *Agg) Since() version.Version {
	since := aggDefs[a.Name].since.Or1()
	if a.ownIncrement {
		return version.Never // it stays at the gateway
	}
	for _, e := range a.Args {
		since = max(since, Since(e))
	}
	for _, k := range a.OrderBy {
		since = max(since, Since(k.Expr))
	}
	return since
}

// IsAggregate tells whether NewAgg takes name.
func IsAggregate(name string) bool {
	n := strings.ToLower(name)
	return aggDefs[n] != nil || aggAliases[n] != ""
}

// NewAgg types an aggregate call; errors as New. GROUP_CONCAT's OrderBy, Separator (default ",") and MaxLen (default
// 1024) are set by the caller afterwards.
func NewAgg(name string, distinct bool, args []Expr) (*Agg, error) {
	n := strings.ToLower(name)
	if main, ok := aggAliases[n]; ok {
		n = main
	}
	d := aggDefs[n]
	if d == nil {
		return nil, unknownFunction(name)
	}
	if len(args) < d.min || d.max >= 0 && len(args) > d.max || len(args) > 1 && n == "count" && !distinct {
		return nil, mysqlerr.New(mysqlerr.WrongParamcountToNativeFct, n)
	}
	for _, a := range args {
		if isRow(a) {
			return nil, mysqlerr.New(mysqlerr.OperandColumns, 1)
		}
	}
	switch {
	case numberAggs[n]:
		args = numbers(args, allArgs)
	case strings.HasPrefix(n, "json_"):
		args = choicesAsNumbers(args)
	}
	a := &Agg{Name: n, Distinct: distinct, Args: args, coll: collation.Binary}
	switch n {
	case "min", "max", "any_value", "bit_and", "bit_or", "bit_xor":
		a.Distinct = false // it makes no difference
	case "group_concat":
		a.Separator, a.MaxLen = ",", defaultGroupConcatMaxLen
	}
	if distinct && strings.HasPrefix(n, "json_") {
		return nil, mysqlerr.NotSupported(n + "(DISTINCT …)")
	}
	if len(args) > 0 {
		if t := args[0].Type(); isStringy(t) {
			a.coll = originOf(args[0]).coll
		}
	}
	return a, d.typ(a)
}

// String renders the call.
func (a *Agg) String() string {
	var b strings.Builder
	b.WriteString(a.Name + "(")
	if a.Distinct {
		b.WriteString("distinct ")
	}
	if len(a.Args) == 0 {
		b.WriteByte('*')
	}
	writeArgs(&b, a.Args)
	if len(a.OrderBy) > 0 {
		b.WriteString(" order by ")
		for i, k := range a.OrderBy {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(k.Expr.String())
			if k.Desc {
				b.WriteString(" desc")
			}
		}
	}
	if a.Name == "group_concat" && a.Separator != "," {
		b.WriteString(" separator " + string(appendQuoted(nil, []byte(a.Separator))))
	}
	b.WriteByte(')')
	return b.String()
}

// Partial tells whether the aggregate can be computed in parts that merge: not with DISTINCT, whose parts overlap, and
// not GROUP_CONCAT, whose order and cut need all rows, nor BIT_AND and its kin over binary strings, which nodes of version 1 take for numbers.
func (a *Agg) Partial() bool {
	d := aggDefs[a.Name]
	return !a.Distinct && d != nil && d.partial != nil && !a.overBytes()
}

// NewState starts an empty group.
func (a *Agg) NewState() State {
	s := aggDefs[a.Name].state(a)
	if a.Distinct && a.Name != "group_concat" {
		return newDistinctState(a, s)
	}
	return s
}

// PartialTypes gives the types of the partial values, nil where there are none (see Partial).
func (a *Agg) PartialTypes() []types.Type {
	if d := aggDefs[a.Name]; a.Partial() {
		return d.partial(a)
	}
	return nil
}

// sumType is what SUM adds up in: DECIMAL for exact numbers, DOUBLE for the rest.
func sumType(t *types.Type) types.Type {
	if numericClass(t) == types.ClassFloat {
		return doubleType(decimalsOf(t))
	}
	scale := scaleOf(t)
	return decimalType(intDigits(t)+scale+22, scale)
}

func typeSum(a *Agg) error {
	a.Typ = sumType(a.Args[0].Type())
	return nil
}

// typeAvg adds div_precision_increment digits.
func typeAvg(a *Agg) error {
	t := a.Args[0].Type()
	if numericClass(t) == types.ClassFloat {
		a.Typ = doubleType(decimalsOf(t) + a.increment())
		return nil
	}
	a.Typ = decimalType(intDigits(t)+scaleOf(t)+a.increment(), scaleOf(t)+a.increment())
	return nil
}

func typeExtremeAgg(a *Agg) error {
	a.Typ = *a.Args[0].Type()
	a.Typ.Zerofill = false
	return nil
}

func anyPartial(a *Agg) []types.Type { return []types.Type{types.TypeInt, a.Typ} }

func jsonPartial(*Agg) []types.Type { return []types.Type{types.TypeJSON} }

func typeJSONAgg(a *Agg) error {
	a.Typ = types.TypeJSON
	return nil
}

func typeGroupConcat(a *Agg) error {
	o, err := mergeAll("group_concat", false, a.Args)
	if err != nil {
		return err
	}
	coll := o.coll
	if o.deriv == derivNumeric || o.deriv == derivIgnorable {
		coll = collation.Default
	}
	a.Typ = types.Type{ID: mysql.TypeBlob, Length: a.MaxLen, Decimals: notFixed, Collation: coll}
	return nil
}
