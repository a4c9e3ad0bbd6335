package expr

import (
	"slices"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// The comparison operators, in def.op.
const (
	opEq = iota
	opNe
	opLt
	opLe
	opGt
	opGe
	opNullEq
)

var compareDefs = []def{
	{name: "=", min: 2, max: 2, op: opEq, infix: "=", rewrite: rewriteRowCompare("="), typ: typeCompare, prep: prepCompare},
	{name: "<>", alias: []string{"!="}, min: 2, max: 2, op: opNe, infix: "<>", rewrite: rewriteRowCompare("<>"),
		typ: typeCompare, prep: prepCompare},
	{name: "<", min: 2, max: 2, op: opLt, infix: "<", rewrite: rewriteRowCompare("<"), typ: typeCompare, prep: prepCompare},
	{name: "<=", min: 2, max: 2, op: opLe, infix: "<=", rewrite: rewriteRowCompare("<="), typ: typeCompare, prep: prepCompare},
	{name: ">", min: 2, max: 2, op: opGt, infix: ">", rewrite: rewriteRowCompare(">"), typ: typeCompare, prep: prepCompare},
	{name: ">=", min: 2, max: 2, op: opGe, infix: ">=", rewrite: rewriteRowCompare(">="), typ: typeCompare, prep: prepCompare},
	{name: "<=>", min: 2, max: 2, op: opNullEq, infix: "<=>", rewrite: rewriteRowCompare("<=>"), typ: typeCompare,
		prep: prepCompare},
	{name: "strcmp", min: 2, max: 2, typ: typeStrcmp, f2: func(c *Call, _ *Env, a, b types.Value) (types.Value, error) {
		return types.Int(int64(sign(c.coll.CompareStrings(c.text(0, a), c.text(1, b))))), nil
	}},
	{name: "between", min: 3, max: 3, typ: typeCompare, ev: evalBetween, prep: prepConstants, render: renderBetween},
	{name: "not between", min: 3, max: 3, rewrite: negated("between")},
	{name: "row", min: 2, max: -1, ev: func(*Call, *Env, []types.Value) (types.Value, error) {
		return types.Null, mysqlerr.New(mysqlerr.OperandColumns, 1)
	}, render: renderRow},
}

// negated builds NOT name(args).
func negated(name string) func([]Expr) (Expr, error) {
	return func(args []Expr) (Expr, error) {
		e, err := New(name, args...)
		if err != nil {
			return nil, err
		}
		return New("not", e)
	}
}

// typeCompare finds the collation and brings constants to the type that they are compared with.
func typeCompare(c *Call) error {
	c.typ = types.TypeBool
	c.args = booleansAsJSON(numbersBesideNumbers(c.args))
	if c.name == "between" && isText(c.args[0]) {
		c.args = textAsNumber(c.args) // all three are compared alike: text between a number and text as numbers
	}
	if c.name != "between" {
		var err error
		if c.args, err = yearsAsDates(c.args); err != nil {
			return err
		}
		c.args = datesAsNumbers(c.args)
	}
	return compareCollation(c)
}

// booleansAsJSON is args where booleans beside JSON are JSON's true and false, as which they compare. A boolean is the
// literals TRUE and FALSE and what a predicate gives; in a column it has become a number.
func booleansAsJSON(args []Expr) []Expr {
	if !slices.ContainsFunc(args, func(e Expr) bool { return e.Type().Class() == types.ClassJSON }) {
		return args
	}
	out := slices.Clone(args)
	for i, a := range args {
		if isBoolean(a) {
			out[i] = NewCast(a, types.TypeJSON)
		}
	}
	return out
}

// yearsAsDates is args where a YEAR beside a date is the number of the date YYYY-00-00; 0000 is the year 2000 there.
func yearsAsDates(args []Expr) ([]Expr, error) {
	for i, a := range args {
		other := args[1-i].Type().Class()
		if a.Type().ID != mysql.TypeYear || !isDateClass(other) {
			continue
		}
		factor := NewInt(1_00_00)
		if other == types.ClassDatetime {
			factor = NewInt(1_00_00_00_00_00)
		}
		zero, err := New("=", a, NewInt(0))
		if err == nil {
			a, err = New("if", zero, NewInt(2000), a)
		}
		if err == nil {
			a, err = New("*", a, factor)
		}
		if err != nil {
			return nil, err
		}
		args = slices.Clone(args)
		args[i] = a
	}
	return args, nil
}

// datesAsNumbers is args where a date beside a number is one, too: only a constant beside a column is a date there, be it of two digits for
// the year.
func datesAsNumbers(args []Expr) []Expr {
	for i, a := range args {
		other := args[1-i]
		if isDateClass(a.Type().Class()) && isNumberClass(other.Type().Class()) && !(isColumn(a) && !varies(other)) {
			args = slices.Clone(args)
			args[i] = NewCast(a, types.TypeDouble)
		}
	}
	return args
}

func compareCollation(c *Call) error {
	var strs []Expr
	for _, a := range c.args {
		t := a.Type()
		if t.Class() != types.ClassJSON && isStringy(t) {
			strs = append(strs, a)
		}
	}
	if len(strs) == 0 {
		return nil
	}
	if len(strs) < len(c.args) {
		// A string beside a number or a date is not compared as a string: no mix to complain of.
		for _, a := range c.args {
			if cl := a.Type().Class(); cl != types.ClassNull && !isStringy(a.Type()) {
				c.coll = originOf(strs[0]).coll
				return nil
			}
		}
	}
	o, err := mergeAll(c.name, true, strs)
	if c.coll = o.coll; err != nil {
		return err
	}
	return reconcile(c, strs, c.coll)
}

func typeStrcmp(c *Call) error {
	c.typ = intType(2, false)
	o, err := mergeAll(c.name, true, c.args)
	c.coll = o.coll
	if o.deriv == derivNumeric {
		c.coll = collation.Default
	}
	if err != nil {
		return err
	}
	return reconcile(c, c.args, c.coll)
}

// comparable converts the constant k as MySQL does once per statement: a string or number beside a temporal column
// becomes a temporal value, an exact integer's text beside an integer becomes the integer. legacy is how version 1 does it.
func comparable(k *Const, other Expr, legacy bool) *Const {
	if k.Val.IsNull() {
		return k
	}
	cl := other.Type().Class()
	switch {
	case isTemporalClass(cl) && isStringy(&k.Typ) && k.Typ.Class() != types.ClassJSON:
		if v := constantBeside(k.Val, other, legacy); !v.IsNull() {
			return &Const{Val: v, Typ: temporalType(v), deriv: k.deriv}
		}
	case isDateClass(cl) && isNumberClass(k.Typ.Class()):
		if v := k.Val.ToDatetime(&types.Mode{}, nil); !v.IsNull() && k.Val.ToFloat(nil) != 0 {
			return &Const{Val: v, Typ: temporalType(v)}
		}
	case cl == types.ClassInt && k.Val.Kind() == types.KindString:
		if i, err := strconv.ParseInt(string(k.Val.Raw()), 10, 64); err == nil {
			return &Const{Val: types.Int(i), Typ: intLiteralType(i)}
		}
	}
	return k
}

// comparables is the constant k beside other, now and as version 1 has it: they differ beside dates and times only.
func comparables(k *Const, other Expr) (now, legacy *Const) {
	now = comparable(k, other, false)
	if !isTemporalClass(other.Type().Class()) {
		return now, now
	}
	return now, comparable(k, other, true)
}

// ComparesAsIs tells that a column's values are compared with a constant without a warning or an error, whatever they are: as numbers, texts, dates
// or times, also where the constant is a text that is a date.
func ComparesAsIs(col *Column, k *Const) bool {
	kind := k.Val.Kind()
	switch cl := col.Typ.Class(); {
	case k.Val.IsNull():
		return true
	case isDateClass(cl):
		return isDateKind(kind) || isStringKind(kind) && !temporalLike(k.Val, cl).IsNull()
	case cl == types.ClassTime:
		return kind == types.KindTime
	case cl == types.ClassString:
		return isStringKind(kind)
	default:
		return isNumberClass(cl) && isNumberKind(kind)
	}
}

// constantBeside is the date or time that a constant text is beside other, NULL where it stays text: beside a TIME that is no column.
func constantBeside(v types.Value, other Expr, legacy bool) types.Value {
	cl := other.Type().Class()
	switch {
	case legacy && cl == types.ClassTime:
		return v.ToTime(&types.Mode{}, nil)
	case legacy:
		return v.ToDatetime(&types.Mode{}, nil)
	case cl == types.ClassTime && !isColumn(other):
		return types.Null
	}
	return temporalLike(v, cl)
}

// strictDates is a mode in which a text is a date or none, whatever the session says.
var strictDates = types.Mode{NoZeroDate: true, NoZeroInDate: true}

// temporalLike reads a string for a comparison with a value of class cl: as a TIME beside a TIME, else as a DATETIME. NULL is what gives
// reason to warn, or depends on sql_mode.
func temporalLike(v types.Value, cl types.Class) types.Value {
	warned := false
	warn := func(uint16, string) { warned = true }
	read := types.Value.ToDatetime
	if cl == types.ClassTime {
		read = types.Value.ToTime
	}
	if v = read(v, &strictDates, warn); warned {
		return types.Null
	}
	return v
}

func temporalType(v types.Value) types.Type {
	switch v.Kind() {
	case types.KindDate:
		return types.TypeDate
	case types.KindTime:
		return timeType(v.Fsp())
	}
	return datetimeType(v.Fsp())
}

func prepCompare(c *Call) {
	prepConstants(c)
	o := c.operands(false)
	a, b := o[0], o[1]
	c.ev, c.cond = evalCond, testCompare
	if c.op == opNullEq {
		c.cond = testNullEq
		return
	}
	col, isCol := a.(*Column)
	if isCol && isColumn(b) {
		c.cond, c.col = testColumns, col.Index
		return
	}
	k, isK := b.(*Const)
	if isCol && isK {
		c.cond, c.col, c.k = testColumnConst, col.Index, likeColumn(k.Val, &col.Typ)
		if !sameConst(c.operands(true)[1], k) {
			c.cond = testColumnConstNow
		}
	}
}

// sameConst tells whether version 1 compares with the same constant.
func sameConst(legacy Expr, k *Const) bool {
	l, ok := legacy.(*Const)
	return ok && types.Identical(l.Val, k.Val)
}

// likeColumn is an exact number with as many decimals as a DECIMAL column beside it has, if it has no more: so both compare at once.
func likeColumn(k types.Value, t *types.Type) types.Value {
	u, scale, ok := k.Small()
	if t.Class() != types.ClassDecimal || !ok || scale > scaleOf(t) {
		return k
	}
	if u, ok = scaleUp(u, scaleOf(t)-scale); !ok {
		return k
	}
	return types.DecSmall(u, scaleOf(t))
}

// prepConstants puts the converted constants beside the arguments, which stay as they were written.
func prepConstants(c *Call) {
	var out *converted
	for i, a := range c.args {
		k, ok := a.(*Const)
		if !ok {
			continue
		}
		other := c.args[0]
		if i == 0 {
			other = c.args[1]
		}
		now, legacy := comparables(k, other)
		if now == k && legacy == k {
			continue
		}
		if out == nil {
			out = &converted{slices.Clone(c.args), slices.Clone(c.args)}
			c.aux = out
		}
		out.args[i], out.legacy[i] = now, legacy
	}
}

// converted are the arguments of a comparison with converted constants; legacy is for what is of version 1.
type converted struct{ args, legacy []Expr }

// operands are the arguments with converted constants.
func (c *Call) operands(legacy bool) []Expr {
	out := c.args
	if k, ok := c.aux.(*converted); ok {
		if out = k.args; legacy {
			out = k.legacy
		}
	}
	return out
}

func (c *Call) comparands(env *Env) (a, b Expr) {
	o := c.operands(env.Mode.Legacy)
	return o[0], o[1]
}

// testColumnConst compares a column with a constant.
func testColumnConst(c *Call, env *Env, row []types.Value) (tri, error) {
	if order, ok := types.CompareQuick(&row[c.col], &c.k); ok {
		return triOf(holds(c.op, order)), nil
	}
	return testCompare(c, env, row)
}

// testColumns compares a column with another one.
func testColumns(c *Call, env *Env, row []types.Value) (tri, error) {
	if order, ok := types.CompareQuick(&row[c.col], &row[c.args[1].(*Column).Index]); ok {
		return triOf(holds(c.op, order)), nil
	}
	return testCompare(c, env, row)
}

// testColumnConstNow is testColumnConst where version 1 compares with another constant.
func testColumnConstNow(c *Call, env *Env, row []types.Value) (tri, error) {
	if env.Mode.Legacy {
		return testCompare(c, env, row)
	}
	return testColumnConst(c, env, row)
}

func testCompare(c *Call, env *Env, row []types.Value) (tri, error) {
	x, y := c.comparands(env)
	a, err := eval(x, env, row)
	if err != nil || a.IsNull() {
		return triNull, err
	}
	b, err := eval(y, env, row)
	if err != nil || b.IsNull() {
		return triNull, err
	}
	if order, ok := types.CompareQuick(&a, &b); ok {
		return triOf(holds(c.op, order)), nil
	}
	if c.op <= opNe && isStringKind(a.Kind()) && isStringKind(b.Kind()) {
		return triOf(c.coll.EqualStrings(a.Raw(), b.Raw()) == (c.op == opEq)), nil
	}
	order, err := comparePair(env, x, y, a, b, c.coll)
	if err != nil {
		return triNull, err
	}
	return triOf(holds(c.op, order)), nil
}

func testNullEq(c *Call, env *Env, row []types.Value) (tri, error) {
	x, y := c.comparands(env)
	a, err := eval(x, env, row)
	if err != nil {
		return triNull, err
	}
	b, err := eval(y, env, row)
	if err != nil {
		return triNull, err
	}
	if a.IsNull() || b.IsNull() {
		return triOf(a.IsNull() && b.IsNull()), nil
	}
	order, err := comparePair(env, x, y, a, b, c.coll)
	return triOf(order == 0), err
}

// comparePair is compareValues for a and b as the values of x and y, the two sides of a comparison.
func comparePair(env *Env, x, y Expr, a, b types.Value, coll collation.ID) (int, error) {
	var err error
	switch {
	case env.Mode.Legacy:
	case isStringKind(a.Kind()) && isTemporalKind(b.Kind()):
		a, err = written(env, x, a, y, b.Kind())
	case isTemporalKind(a.Kind()) && isStringKind(b.Kind()):
		b, err = written(env, y, b, x, a.Kind())
	}
	if err != nil {
		return 0, err
	}
	return compareValues(env, a, b, coll)
}

// written is the text v of e, beside a date or time of other, for a comparison. A constant beside a date must be one: error 1525. The value of a
// user variable or of a subquery is a constant to who evaluates it only.
func written(env *Env, e Expr, v types.Value, other Expr, like types.Kind) (types.Value, error) {
	if k, ok := e.(*Const); ok && k.deriv == derivImplicit+1 {
		return v, nil
	}
	if like != types.KindTime && isWritten(e) && v.ToDatetime(&env.Mode, nil).IsNull() {
		return v, notTemporal(v, like)
	}
	return besideTime(e, v, other, like), nil
}

// isWritten tells of what stands in a statement as it is, be it that a plan has a parameter for it.
func isWritten(e Expr) bool {
	switch e.(type) {
	case *Const, *Param:
		return true
	}
	return false
}

// besideTime is the value v of e beside one of other, of a kind: text that was written beside a column's time is one if it can be. Beside
// any other time it is text, and the time is.
func besideTime(e Expr, v types.Value, other Expr, kind types.Kind) types.Value {
	if kind == types.KindTime && isStringKind(v.Kind()) && isWritten(e) && isColumn(other) {
		if t := temporalLike(v, types.ClassTime); !t.IsNull() {
			return t
		}
	}
	return v
}

func isColumn(e Expr) bool {
	_, ok := e.(*Column)
	return ok
}

// Filter is a condition of WHERE, ON or HAVING. Where one compares a date with text, and neither is constant, the text is cast to the
// date's type, as MySQL does: what is no date is NULL there.
func Filter(e Expr) Expr {
	return Rewrite(e, func(e Expr) Expr {
		c, ok := e.(*Call)
		if !ok || len(c.args) != 2 || !comparisons[c.name] || !varies(c.args[0]) || !varies(c.args[1]) {
			return e
		}
		a, b := c.args[0], c.args[1]
		switch {
		case isDateClass(a.Type().Class()) && isText(b):
			return c.withArgs([]Expr{a, NewCast(b, dateLike(a.Type()))})
		case isText(a) && isDateClass(b.Type().Class()):
			return c.withArgs([]Expr{NewCast(a, dateLike(b.Type())), b})
		}
		return e
	})
}

var comparisons = map[string]bool{"=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true, "<=>": true}

func dateLike(t *types.Type) types.Type {
	if t.Class() == types.ClassDate {
		return types.TypeDate
	}
	return datetimeType(6)
}

// varies tells whether e is a column, a subquery, or computed of such.
func varies(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		c, call := e.(*Call)
		_, column := e.(*Column)
		found = found || column || call && c.Custom()
		return !found
	})
	return found
}

func notTemporal(v types.Value, like types.Kind) error {
	name := "DATETIME"
	switch like {
	case types.KindTime:
		name = "TIME"
	case types.KindDate:
		name = "DATE"
	}
	return mysqlerr.New(mysqlerr.WrongValue, name, string(v.Raw()))
}

// holds tells whether an operator is true of operands that compare as order.
func holds(op, order int) bool {
	switch op {
	case opEq, opNullEq:
		return order == 0
	case opNe:
		return order != 0
	case opLt:
		return order < 0
	case opLe:
		return order <= 0
	case opGt:
		return order > 0
	}
	return order >= 0
}

// compareValues orders two non-null values of any kinds.
func compareValues(env *Env, a, b types.Value, coll collation.ID) (int, error) {
	if order, ok := types.CompareQuick(&a, &b); ok {
		return order, nil
	}
	ka, kb := a.Kind(), b.Kind()
	switch {
	case isStringKind(ka) && isStringKind(kb):
		return coll.CompareStrings(a.Raw(), b.Raw()), nil
	case isTemporalKind(ka) && isStringKind(kb):
		return compareTemporal(env, a, b, coll)
	case isStringKind(ka) && isTemporalKind(kb):
		c, err := compareTemporal(env, b, a, coll)
		return -c, err
	case ka == types.KindInt && isStringKind(kb):
		if i, err := strconv.ParseInt(string(b.Raw()), 10, 64); err == nil {
			return types.Compare(a, types.Int(i), coll), nil
		}
		b = types.Float(b.ToFloat(env.Warn))
	case isStringKind(ka) && isNumberKind(kb):
		c, err := compareValues(env, b, a, coll)
		return -c, err
	case isNumberKind(ka) && isStringKind(kb):
		b = types.Float(b.ToFloat(env.Warn))
	case isDateKind(ka) && kb == types.KindTime:
		b = timeAsDatetime(env, b)
	case ka == types.KindTime && isDateKind(kb):
		a = timeAsDatetime(env, a)
	}
	return types.Compare(a, b, coll), nil
}

// compareTemporal orders a date or time and text. Text that is no date is the date 0, with a warning; times are text beside text.
func compareTemporal(env *Env, t, text types.Value, coll collation.ID) (int, error) {
	if env.Mode.Legacy {
		return compareTemporalLegacy(env, t, text, coll)
	}
	if t.Kind() == types.KindTime {
		return coll.CompareStrings(t.AppendText(nil, nil), text.Raw()), nil
	}
	v := text.ToDatetime(&env.Mode, env.Warn)
	if v.IsNull() {
		v = types.Datetime(0, 0)
	}
	return types.Compare(t, v, coll), nil
}

// compareTemporalLegacy is compareTemporal as version 1 has it.
func compareTemporalLegacy(env *Env, t, text types.Value, coll collation.ID) (int, error) {
	var v types.Value
	if t.Kind() == types.KindTime {
		v = text.ToTime(&env.Mode, nil)
	} else {
		v = text.ToDatetime(&env.Mode, nil)
	}
	if v.IsNull() {
		return 0, notTemporal(text, t.Kind())
	}
	return types.Compare(t, v, coll), nil
}

func isStringKind(k types.Kind) bool {
	return k == types.KindString || k == types.KindBytes
}

func isNumberKind(k types.Kind) bool {
	switch k {
	case types.KindInt, types.KindUint, types.KindFloat, types.KindDecimal, types.KindBit:
		return true
	}
	return false
}

func isTemporalKind(k types.Kind) bool {
	return k == types.KindDate || k == types.KindDatetime || k == types.KindTime
}

func isDateKind(k types.Kind) bool { return k == types.KindDate || k == types.KindDatetime }

func evalBetween(c *Call, env *Env, row []types.Value) (types.Value, error) {
	o := c.operands(env.Mode.Legacy)
	if in, ok := columnBetween(o, row); ok {
		return types.Bool(in), nil
	}
	a, err := eval(o[0], env, row)
	if err != nil || a.IsNull() {
		return types.Null, err
	}
	lo, err := eval(o[1], env, row)
	if err != nil {
		return types.Null, err
	}
	hi, err := eval(o[2], env, row)
	if err != nil {
		return types.Null, err
	}
	lo, hi = besideTime(o[1], lo, o[0], a.Kind()), besideTime(o[2], hi, o[0], a.Kind())
	// a >= lo AND a <= hi: one false side decides, whatever the other.
	if !lo.IsNull() {
		cmp, err := compareValues(env, a, lo, c.coll)
		if err != nil || cmp < 0 {
			return types.Int(0), err
		}
	}
	if !hi.IsNull() {
		cmp, err := compareValues(env, a, hi, c.coll)
		if err != nil || cmp > 0 {
			return types.Int(0), err
		}
	}
	if lo.IsNull() || hi.IsNull() {
		return types.Null, nil
	}
	return types.Int(1), nil
}

// columnBetween decides quickly about a column between constants, where their kinds allow.
func columnBetween(o []Expr, row []types.Value) (in, ok bool) {
	c, isCol := o[0].(*Column)
	lo, isLo := o[1].(*Const)
	hi, isHi := o[2].(*Const)
	if !isCol || !isLo || !isHi {
		return false, false
	}
	low, ok := types.CompareQuick(&row[c.Index], &lo.Val)
	high, also := types.CompareQuick(&row[c.Index], &hi.Val)
	return low >= 0 && high <= 0, ok && also
}

func renderBetween(c *Call) string {
	return "(" + c.args[0].String() + " between " + c.args[1].String() + " and " + c.args[2].String() + ")"
}
