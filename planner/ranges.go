package planner

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

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
	rangeEq rangeOp = iota
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

// rangeCond is a condition on one column. Its values have no columns, or only those of rows that are known before.
type rangeCond struct {
	op     rangeOp
	values []expr.Expr
	subs   []*rangeCond
	exact  bool
}

// points is how many single values the condition allows at most, 0 for ranges.
func (r *rangeCond) points() int {
	switch r.op {
	case rangeEq, rangeNullEq, rangeNull:
		return 1
	case rangeIn:
		return len(r.values)
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
func (r *rangeCond) mayBeNull() bool {
	if r.op == rangeNull || r.op == rangeNullEq {
		return true
	}
	for _, s := range r.subs {
		if s.mayBeNull() {
			return true
		}
	}
	return false
}

// matchRange recognises a condition on one column of a table. known tells which other expressions have a value when the
// table is read. col is -1 where the condition is of no use to an index.
func matchRange(e expr.Expr, columns func(c *expr.Column) int, known func(expr.Expr) bool) (col int, r *rangeCond) {
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
			return col, &rangeCond{op: rangeNull, exact: !zeroDateIsNull(c.Args()[0].Type())}
		}
	case "is not null":
		if col = columnIn(c.Args()[0], columns); col >= 0 {
			return col, &rangeCond{op: rangeNotNull, exact: true}
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
	"=": rangeEq, "<=>": rangeNullEq, "<": rangeLess, "<=": rangeLessEq, ">": rangeGreater, ">=": rangeGreaterEq,
}

var mirrored = map[rangeOp]rangeOp{
	rangeEq: rangeEq, rangeNullEq: rangeNullEq, rangeLess: rangeGreater, rangeLessEq: rangeGreaterEq,
	rangeGreater: rangeLess, rangeGreaterEq: rangeLessEq,
}

func matchCompare(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *rangeCond) {
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
	return col, &rangeCond{op: op, values: []expr.Expr{b}, exact: exact}
}

func matchList(op rangeOp, col int, c *expr.Call, values []expr.Expr, known func(expr.Expr) bool) (int, *rangeCond) {
	r := &rangeCond{op: op, values: values, exact: true}
	each := op
	if op == rangeIn {
		each = rangeEq
	}
	for _, v := range values {
		if asCall(v, "row") != nil || !known(v) {
			return -1, nil
		}
		usable, exact := comparable(c.Args()[0].Type(), v, c.Collation(), each)
		if !usable {
			return -1, nil
		}
		r.exact = r.exact && exact
	}
	return col, r
}

func matchLike(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *rangeCond) {
	col := columnIn(c.Args()[0], columns)
	if col < 0 || len(c.Args()) > 2 || !known(c.Args()[1]) {
		return -1, nil
	}
	t := c.Args()[0].Type()
	if t.Class() != types.ClassString || c.Collation() != t.Collation || !prefixOrdered(t.Collation) {
		return -1, nil
	}
	return col, &rangeCond{op: rangeLike, values: c.Args()[1:2]}
}

// prefixOrdered tells whether strings that begin alike have sort keys that begin alike.
func prefixOrdered(c types.Collation) bool {
	if c == types.CollationBinary {
		return true
	}
	n := c.Name()
	return strings.HasSuffix(n, "_bin") || strings.HasSuffix(n, "_general_ci") || n == "utf8mb4_0900_ai_ci"
}

// maxOrTerms bounds the terms of an OR that becomes ranges.
const maxOrTerms = 1000

// matchAnd takes conditions that are all on one column.
func matchAnd(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *rangeCond) {
	r := &rangeCond{op: rangeAnd, exact: true}
	col := -1
	for _, a := range c.Args() {
		k, s := matchRange(a, columns, known)
		if s == nil || col >= 0 && k != col {
			return -1, nil
		}
		col = k
		r.subs = append(r.subs, s)
		r.exact = r.exact && s.exact
	}
	return col, r
}

// matchOr takes branches that all say something of one column; what they say beside it makes the ranges inexact:
// a > 5 OR (a = 5 AND id > 7) is within a > 5 OR a = 5.
func matchOr(c *expr.Call, columns func(*expr.Column) int, known func(expr.Expr) bool) (int, *rangeCond) {
	if len(c.Args()) > maxOrTerms {
		return -1, nil
	}
	type branch struct {
		byColumn map[int][]*rangeCond
		terms    int
	}
	branches := make([]branch, len(c.Args()))
	var order []int // columns of the first branch
	for i, a := range c.Args() {
		b := branch{byColumn: map[int][]*rangeCond{}}
		for _, t := range splitAnd(nil, a) {
			b.terms++
			if col, s := matchRange(t, columns, known); s != nil {
				if i == 0 && len(b.byColumn[col]) == 0 {
					order = append(order, col)
				}
				b.byColumn[col] = append(b.byColumn[col], s)
			}
		}
		branches[i] = b
	}
	for _, col := range order {
		r := &rangeCond{op: rangeOr, exact: true}
		for _, b := range branches {
			list := b.byColumn[col]
			if len(list) == 0 {
				r = nil
				break
			}
			sub := list[0]
			if len(list) > 1 {
				sub = &rangeCond{op: rangeAnd, subs: list, exact: true}
				for _, s := range list {
					sub.exact = sub.exact && s.exact
				}
			}
			r.subs = append(r.subs, sub)
			r.exact = r.exact && sub.exact && b.terms == len(list)
		}
		if r != nil {
			return col, r
		}
	}
	return -1, nil
}

// comparable tells whether comparing a column with v orders as the column's key does, and whether the intervals are
// exact for every value that v can have. coll is what strings are compared under.
func comparable(col *types.Type, v expr.Expr, coll types.Collation, op rangeOp) (usable, exact bool) {
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
			return true, f == types.ClassInt || !param && asCall(v, "custom") == nil
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
		return f == types.ClassTime || f == types.ClassString, false
	case types.ClassEnum:
		eq := op == rangeEq || op == rangeNullEq
		return eq && f == types.ClassString && coll == col.Collation, false
	case types.ClassBit:
		return f == types.ClassInt, false
	}
	return false, false
}

// interval is a range of one column's key encoding; hi is exclusive, nil is unbounded.
type interval struct{ lo, hi []byte }

// keyColumn is how an index encodes a column.
type keyColumn struct {
	typ    *types.Type
	prefix int
	desc   bool
}

func (k *keyColumn) encode(v types.Value) []byte {
	return keys.AppendValue(nil, v, k.typ, k.prefix, k.desc)
}

// nonNull is the range of all values but NULL, whose tag is the lowest, or the highest when descending.
func (k *keyColumn) nonNull() interval {
	if k.desc {
		return interval{nil, []byte{0xff}}
	}
	return interval{[]byte{0x01}, nil}
}

func (k *keyColumn) null() interval {
	if k.desc {
		return interval{[]byte{0xff}, nil}
	}
	return interval{[]byte{0x00}, []byte{0x01}}
}

// between is the range from a to b, both included; a NULL is unbounded on its side, without NULLs.
func (k *keyColumn) between(a, b types.Value, openA, openB bool) interval {
	r := k.nonNull()
	if k.desc {
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
func (r *rangeCond) intervals(env *expr.Env, row []types.Value, k *keyColumn) ([]interval, error) {
	switch r.op {
	case rangeNull:
		return []interval{k.null()}, nil
	case rangeNotNull:
		return []interval{k.nonNull()}, nil
	case rangeOr, rangeAnd:
		return r.combine(env, row, k)
	}
	vals := make([]types.Value, len(r.values))
	for i, e := range r.values {
		v, err := e.Eval(env, row)
		if err != nil {
			return nil, err
		}
		vals[i] = v
	}
	switch r.op {
	case rangeIn:
		var all []interval
		for _, v := range vals {
			all = append(all, k.compare(rangeEq, v, env)...)
		}
		return normalize(all), nil
	case rangeBetween:
		return intersect(k.compare(rangeGreaterEq, vals[0], env), k.compare(rangeLessEq, vals[1], env)), nil
	case rangeLike:
		return k.like(vals[0]), nil
	}
	return k.compare(r.op, vals[0], env), nil
}

func (r *rangeCond) combine(env *expr.Env, row []types.Value, k *keyColumn) ([]interval, error) {
	var all []interval
	for i, s := range r.subs {
		list, err := s.intervals(env, row, k)
		if err != nil {
			return nil, err
		}
		switch {
		case r.op == rangeOr:
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
func (k *keyColumn) compare(op rangeOp, v types.Value, env *expr.Env) []interval {
	if v.IsNull() {
		if op == rangeNullEq {
			return []interval{k.null()}
		}
		return nil
	}
	lo, hi, state := bracket(v, k.typ, &env.Mode)
	if state == unknown {
		return everything
	}
	open := state == exactly && k.prefix == 0
	switch op {
	case rangeEq, rangeNullEq:
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
func (k *keyColumn) like(v types.Value) []interval {
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
	if len(prefix) == 0 || k.typ.Collation != types.CollationBinary && !asciiText(prefix) {
		return []interval{k.nonNull()}
	}
	val := types.String(prefix)
	if k.typ.Collation == types.CollationBinary {
		val = types.Bytes(prefix)
	}
	enc := keys.AppendValue(nil, val, k.typ, k.prefix, false)
	enc = enc[:len(enc)-2] // without the terminator: longer strings go on from here
	if len(enc) == 1 {
		return []interval{k.nonNull()} // nothing but spaces, which do not count
	}
	if k.desc {
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
