package access

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/scalar"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/types"
)

// Index ranges. A condition on one column becomes, when the plan runs, a set of intervals of the column's key encoding;
// the columns of an index multiply their intervals into spans:
//
//	a IN (1, 2) AND b > 5   →   a: [enc(1)] [enc(2)]   b: (enc(5), ∞)   →   [1·(5,  1·∞)  [2·(5,  2·∞)
//
// A condition's intervals may cover more than what meets it (a constant between two values of the column, LIKE, a prefix
// index), but never less. Conditions whose intervals are exact for sure are not evaluated again.

// rangeOp is what a condition does with its column.
type rangeOp uint8

const (
	RangeEq rangeOp = iota
	rangeIn
	rangeNullEq
	rangeLess
	rangeLessEq
	rangeGreater
	rangeGreaterEq
	rangeBetween
	rangeNull
	rangeNotNull
	rangeLike
	rangeOr // any of subs
	rangeAnd
)

// Cond is a condition on one column. Its values have no columns, or only those of rows that are known before.
type Cond struct {
	Op     rangeOp
	Values []expr.Expr
	subs   []*Cond
	Exact  bool
}

// points is how many single values the condition allows at most, 0 for ranges.
func (r *Cond) points() int {
	switch r.Op {
	case RangeEq, rangeNullEq, rangeNull:
		return 1
	case rangeIn:
		return len(r.Values)
	case rangeOr:
		n := 0
		for _, s := range r.subs {
			p := s.points()
			if p == 0 {
				return 0
			}
			n += p
		}
		return n
	case rangeAnd:
		for _, s := range r.subs {
			if p := s.points(); p > 0 {
				return p
			}
		}
	}
	return 0
}

// mayBeNull tells whether the condition lets NULL through, which no key of a unique index identifies.
func (r *Cond) mayBeNull() bool {
	if r.Op == rangeNull || r.Op == rangeNullEq {
		return true
	}
	for _, s := range r.subs {
		if s.mayBeNull() {
			return true
		}
	}
	return false
}

// Match recognises a condition on one column of a table. known tells which other expressions have a value when the
// table is read. col is -1 where the condition is of no use to an index.
func Match(e expr.Expr, columns func(c *expr.Column) int, known func(expr.Expr) bool) (col int, r *Cond) {
	c, ok := e.(*expr.Call)
	if !ok {
		return -1, nil
	}
	switch c.Name() {
	case "=", "<=>", "<", "<=", ">", ">=":
		return matchCompare(c, columns, known)
	case "in":
		col = columnIn(c.Args()[0], columns)
		if col < 0 {
			return -1, nil
		}
		return matchList(rangeIn, col, c, c.Args()[1:], known)
	case "between":
		if col = columnIn(c.Args()[0], columns); col >= 0 {
			return matchList(rangeBetween, col, c, c.Args()[1:], known)
		}
	case "is null":
		if col = columnIn(c.Args()[0], columns); col >= 0 {
			return col, &Cond{Op: rangeNull, Exact: !zeroDateIsNull(c.Args()[0].Type())}
		}
	case "is not null":
		if col = columnIn(c.Args()[0], columns); col >= 0 {
			return col, &Cond{Op: rangeNotNull, Exact: true}
		}
	case "like":
		return matchLike(c, columns, known)
	case "or":
		return matchOr(c, columns, known)
	case "and":
		return matchAnd(c, columns, known)
	}
	return -1, nil
}

// zeroDateIsNull is MySQL's rule that '0000-00-00' IS NULL for NOT NULL dates; the condition is then evaluated as well.
func zeroDateIsNull(t *types.Type) bool {
	return t.Class() == types.ClassDate || t.Class() == types.ClassDatetime
}

func columnIn(e expr.Expr, columns func(c *expr.Column) int) int {
	if c, ok := e.(*expr.Column); ok {
		return columns(c)
	}
	return -1
}

var compareOps = map[string]rangeOp{
	"=": RangeEq, "<=>": rangeNullEq, "<": rangeLess, "<=": rangeLessEq, ">": rangeGreater, ">=": rangeGreaterEq,
}

var mirrored = map[rangeOp]rangeOp{
	RangeEq: RangeEq, rangeNullEq: rangeNullEq, rangeLess: rangeGreater, rangeLessEq: rangeGreaterEq,
	rangeGreater: rangeLess, rangeGreaterEq: rangeLessEq,
}

func matchCompare(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *Cond) {
	op, a, b := compareOps[c.Name()], c.Args()[0], c.Args()[1]
	col := columnIn(a, columns)
	if col < 0 || !known(b) {
		a, b, op = b, a, mirrored[op]
		if col = columnIn(a, columns); col < 0 || !known(b) {
			return -1, nil
		}
	}
	usable, exact := comparable(a.Type(), b, c.Collation(), op)
	if !usable {
		return -1, nil
	}
	return col, &Cond{Op: op, Values: []expr.Expr{b}, Exact: exact}
}

func matchList(op rangeOp, col int, c *expr.Call, values []expr.Expr, known func(expr.Expr) bool) (int, *Cond) {
	r := &Cond{Op: op, Values: values, Exact: true}
	each := op
	if op == rangeIn {
		each = RangeEq
	}
	for _, v := range values {
		if scalar.AsCall(v, "row") != nil || !known(v) {
			return -1, nil
		}
		usable, exact := comparable(c.Args()[0].Type(), v, c.Collation(), each)
		if !usable {
			return -1, nil
		}
		r.Exact = r.Exact && exact
	}
	return col, r
}

func matchLike(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *Cond) {
	col := columnIn(c.Args()[0], columns)
	if col < 0 || len(c.Args()) > 2 || !known(c.Args()[1]) {
		return -1, nil
	}
	t := c.Args()[0].Type()
	if t.Class() != types.ClassString || c.Collation() != t.Collation || !prefixOrdered(t.Collation) {
		return -1, nil
	}
	return col, &Cond{Op: rangeLike, Values: c.Args()[1:2]}
}

// prefixOrdered tells whether strings that begin alike have sort keys that begin alike.
func prefixOrdered(c collation.ID) bool {
	if c == collation.Binary {
		return true
	}
	n := c.Name()
	return strings.HasSuffix(n, "_bin") || strings.HasSuffix(n, "_general_ci") || n == "utf8mb4_0900_ai_ci"
}

// maxOrTerms bounds the terms of an OR that becomes ranges.
const maxOrTerms = 1000

// matchAnd takes conditions that are all on one column.
func matchAnd(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *Cond) {
	r := &Cond{Op: rangeAnd, Exact: true}
	col := -1
	for _, a := range c.Args() {
		k, s := Match(a, columns, known)
		if s == nil || col >= 0 && k != col {
			return -1, nil
		}
		col = k
		r.subs = append(r.subs, s)
		r.Exact = r.Exact && s.Exact
	}
	return col, r
}

// matchOr takes branches that all say something of one column; what they say beside it makes the ranges inexact:
// a > 5 OR (a = 5 AND id > 7) is within a > 5 OR a = 5.
func matchOr(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *Cond) {
	if len(c.Args()) > maxOrTerms {
		return -1, nil
	}
	type branch struct {
		byColumn map[int][]*Cond
		terms    int
	}
	branches := make([]branch, len(c.Args()))
	var order []int // columns of the first branch
	for i, a := range c.Args() {
		b := branch{byColumn: map[int][]*Cond{}}
		for _, t := range scalar.Split(nil, a) {
			b.terms++
			if col, s := Match(t, columns, known); s != nil {
				if i == 0 && len(b.byColumn[col]) == 0 {
					order = append(order, col)
				}
				b.byColumn[col] = append(b.byColumn[col], s)
			}
		}
		branches[i] = b
	}
	for _, col := range order {
		r := &Cond{Op: rangeOr, Exact: true}
		for _, b := range branches {
			list := b.byColumn[col]
			if len(list) == 0 {
				r = nil
				break
			}
			sub := list[0]
			if len(list) > 1 {
				sub = &Cond{Op: rangeAnd, subs: list, Exact: true}
				for _, s := range list {
					sub.Exact = sub.Exact && s.Exact
				}
			}
			r.subs = append(r.subs, sub)
			r.Exact = r.Exact && sub.Exact && b.terms == len(list)
		}
		if r != nil {
			return col, r
		}
	}
	return -1, nil
}

// comparable tells whether comparing a column with v orders as the column's key does, and whether the intervals are
// exact for every value that v can have. coll is what strings are compared under.
func comparable(col *types.Type, v expr.Expr, coll collation.ID, op rangeOp) (usable, exact bool) {
	t := v.Type()
	f := t.Class()
	if f == types.ClassNull {
		return true, true
	}
	switch col.Class() {
	case types.ClassInt:
		return f == types.ClassInt || f == types.ClassDecimal || f == types.ClassFloat || f == types.ClassString, f == types.ClassInt
	case types.ClassDecimal:
		if f == types.ClassInt || f == types.ClassDecimal && t.Decimals >= 0 && t.Decimals <= max(col.Decimals, 0) {
			_, param := v.(*expr.Param) // the scale of a parameter's value may differ each time, of a subquery's too
			return true, f == types.ClassInt || !param && scalar.AsCall(v, "custom") == nil
		}
		return f == types.ClassDecimal || f == types.ClassFloat || f == types.ClassString, false
	case types.ClassFloat:
		numeric := f == types.ClassInt || f == types.ClassDecimal || f == types.ClassFloat
		return numeric || f == types.ClassString, f == types.ClassFloat && col.ID == mysql.TypeDouble
	case types.ClassString:
		ok := f == types.ClassString && coll == col.Collation
		return ok, ok
	case types.ClassDate, types.ClassDatetime:
		return f == types.ClassDate || f == types.ClassDatetime || f == types.ClassString, false
	case types.ClassTime:
		_, written := v.(*expr.Const) // other text is compared as text
		return f == types.ClassTime || f == types.ClassString && written, false
	case types.ClassEnum:
		eq := op == RangeEq || op == rangeNullEq
		return eq && f == types.ClassString && coll == col.Collation, false
	case types.ClassBit:
		return f == types.ClassInt, false
	}
	return false, false
}

// interval is a range of one column's key encoding; hi is exclusive, nil is unbounded.
type interval struct{ lo, hi []byte }

// Column is how an index encodes a column.
type Column struct {
	Type   *types.Type
	prefix int
	Desc   bool
}

func (k *Column) encode(v types.Value) []byte {
	return keys.AppendValue(nil, v, k.Type, k.prefix, k.Desc)
}

// nonNull is the range of all values but NULL, whose tag is the lowest, or the highest when descending.
func (k *Column) nonNull() interval {
	if k.Desc {
		return interval{nil, []byte{0xff}}
	}
	return interval{[]byte{0x01}, nil}
}

func (k *Column) null() interval {
	if k.Desc {
		return interval{[]byte{0xff}, nil}
	}
	return interval{[]byte{0x00}, []byte{0x01}}
}

// between is the range from a to b, both included; a NULL is unbounded on its side, without NULLs.
func (k *Column) between(a, b types.Value, openA, openB bool) interval {
	r := k.nonNull()
	if k.Desc {
		a, b, openA, openB = b, a, openB, openA
	}
	if !a.IsNull() {
		r.lo = k.encode(a)
		if openA {
			r.lo = keys.SpanSuccessor(r.lo)
		}
	}
	if !b.IsNull() {
		hi := k.encode(b)
		if !openB {
			hi = keys.SpanSuccessor(hi)
		}
		r.hi = hi
	}
	return r
}

// everything is where nothing is known of a value: the condition itself decides.
var everything = []interval{{}}

// intervals computes the condition's intervals, sorted and disjoint.
func (r *Cond) intervals(env *expr.Env, row []types.Value, k *Column) ([]interval, error) {
	switch r.Op {
	case rangeNull:
		return []interval{k.null()}, nil
	case rangeNotNull:
		return []interval{k.nonNull()}, nil
	case rangeOr, rangeAnd:
		return r.combine(env, row, k)
	}
	vals := make([]types.Value, len(r.Values))
	for i, e := range r.Values {
		v, err := e.Eval(env, row)
		if err != nil {
			return nil, err
		}
		vals[i] = v
	}
	switch r.Op {
	case rangeIn:
		var all []interval
		for _, v := range vals {
			all = append(all, k.compare(RangeEq, v, env)...)
		}
		return normalize(all), nil
	case rangeBetween:
		return intersect(k.compare(rangeGreaterEq, vals[0], env), k.compare(rangeLessEq, vals[1], env)), nil
	case rangeLike:
		return k.like(vals[0]), nil
	}
	return k.compare(r.Op, vals[0], env), nil
}

func (r *Cond) combine(env *expr.Env, row []types.Value, k *Column) ([]interval, error) {
	var all []interval
	for i, s := range r.subs {
		list, err := s.intervals(env, row, k)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Op == rangeOr:
			all = append(all, list...)
		case i == 0:
			all = list
		default:
			all = intersect(all, list)
		}
	}
	return normalize(all), nil
}

// compare gives the intervals of column op v.
func (k *Column) compare(op rangeOp, v types.Value, env *expr.Env) []interval {
	if v.IsNull() {
		if op == rangeNullEq {
			return []interval{k.null()}
		}
		return nil
	}
	lo, hi, state := Bounds(v, k.Type, &env.Mode)
	if state == Unknown {
		return everything
	}
	open := state == Exactly && k.prefix == 0
	switch op {
	case RangeEq, rangeNullEq:
		return []interval{k.between(lo, hi, false, false)}
	case rangeLess:
		return []interval{k.between(types.Null, hi, false, open)}
	case rangeLessEq:
		return []interval{k.between(types.Null, hi, false, false)}
	case rangeGreater:
		return []interval{k.between(lo, types.Null, open, false)}
	}
	return []interval{k.between(lo, types.Null, false, false)}
}

// like gives the interval of the strings that begin as the pattern does before its first wildcard.
func (k *Column) like(v types.Value) []interval {
	if v.IsNull() {
		return nil
	}
	if v.Kind() != types.KindString && v.Kind() != types.KindBytes {
		return everything
	}
	prefix := make([]byte, 0, len(v.Raw()))
	for i, p := 0, v.Raw(); i < len(p) && p[i] != '%' && p[i] != '_'; i++ {
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		prefix = append(prefix, p[i])
	}
	if len(prefix) == 0 || k.Type.Collation != collation.Binary && !asciiText(prefix) {
		return []interval{k.nonNull()}
	}
	enc := keys.AppendBeginning(nil, types.Bytes(prefix), k.Type, k.prefix)
	if len(enc) == 1 {
		return []interval{k.nonNull()} // nothing but spaces, which do not count
	}
	if k.Desc {
		for i := range enc {
			enc[i] = ^enc[i]
		}
	}
	return []interval{{enc, keys.SpanSuccessor(enc)}}
}

func asciiText(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c >= 0x80 {
			return false
		}
	}
	return true
}

// normalize sorts intervals and joins those that overlap.
func normalize(list []interval) []interval {
	if len(list) < 2 {
		return list
	}
	slices.SortFunc(list, func(a, b interval) int { return bytes.Compare(a.lo, b.lo) })
	out := list[:1]
	for _, r := range list[1:] {
		last := &out[len(out)-1]
		if last.hi != nil && bytes.Compare(r.lo, last.hi) >= 0 {
			out = append(out, r)
			continue
		}
		if last.hi != nil && (r.hi == nil || bytes.Compare(r.hi, last.hi) > 0) {
			last.hi = r.hi
		}
	}
	return out
}

// intersect gives what is in both lists, which are sorted and disjoint.
func intersect(a, b []interval) []interval {
	var out []interval
	for i, j := 0, 0; i < len(a) && j < len(b); {
		r := interval{a[i].lo, a[i].hi}
		if bytes.Compare(b[j].lo, r.lo) > 0 {
			r.lo = b[j].lo
		}
		if r.hi == nil || b[j].hi != nil && bytes.Compare(b[j].hi, r.hi) < 0 {
			r.hi = b[j].hi
		}
		if r.hi == nil || bytes.Compare(r.lo, r.hi) < 0 {
			out = append(out, r)
		}
		if a[i].hi != nil && (b[j].hi == nil || bytes.Compare(a[i].hi, b[j].hi) <= 0) {
			i++
		} else {
			j++
		}
	}
	return out
}

var rangeSigns = map[rangeOp]string{
	RangeEq: "=", rangeNullEq: "<=>", rangeLess: "<", rangeLessEq: "<=", rangeGreater: ">", rangeGreaterEq: ">=", rangeLike: "like",
}

// Text shows a condition on a column.
func (r *Cond) Text(col string) string {
	switch r.Op {
	case rangeIn:
		return fmt.Sprintf("%s in (%s)", col, scalar.Texts(r.Values))
	case rangeBetween:
		return fmt.Sprintf("%s between %s and %s", col, r.Values[0], r.Values[1])
	case rangeNull:
		return col + " is null"
	case rangeNotNull:
		return col + " is not null"
	case rangeOr, rangeAnd:
		var list []string
		for _, s := range r.subs {
			list = append(list, s.Text(col))
		}
		word := " or "
		if r.Op == rangeAnd {
			word = " and "
		}
		return "(" + strings.Join(list, word) + ")"
	}
	return col + " " + rangeSigns[r.Op] + " " + r.Values[0].String()
}
