package access

import (
	"bytes"

	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// What conditions leave of a column's values, for those to whom key ranges are of no use: partitioning functions.

// Points lists the values, in storage form, that a column of type t may have under conditions; ok is false where they are not a list.
func Points(conds []*Cond, t *types.Type, env *expr.Env) (list []types.Value, ok bool) {
	for _, c := range conds {
		if some, listed := c.values(t, env); listed && (!ok || len(some) < len(list)) {
			list, ok = some, true
		}
	}
	return list, ok
}

func (r *Cond) values(t *types.Type, env *expr.Env) (list []types.Value, ok bool) {
	switch r.Op {
	case RangeEq, rangeIn, rangeNullEq:
		for _, e := range r.Values {
			v, err := e.Eval(env, nil)
			if err != nil || !Keyable(t, e.Type()) {
				return nil, false
			}
			if v.IsNull() && r.Op == rangeNullEq {
				list = append(list, v)
			}
			v, matches, err := Key(v, t, &env.Mode)
			if err != nil {
				return nil, false
			}
			if matches {
				list = append(list, v)
			}
		}
		return list, true
	case rangeNull:
		return []types.Value{types.Null}, r.Exact
	case rangeOr:
		for _, s := range r.subs {
			some, ok := s.values(t, env)
			if !ok {
				return nil, false
			}
			list = append(list, some...)
		}
		return list, true
	case rangeAnd:
		return Points(r.subs, t, env)
	}
	return nil, false
}

// Range gives the lowest and the highest value that a column of type t may have under conditions; NULL where there is no bound.
// ok is false where the column may also be NULL, or nothing is known.
func Range(conds []*Cond, t *types.Type, env *expr.Env) (lo, hi types.Value, ok bool) {
	lo, hi = types.Null, types.Null
	for _, c := range conds {
		l, h, known := c.ends(t, env)
		if !known {
			continue
		}
		ok = true
		if !l.IsNull() && (lo.IsNull() || order(l, lo, t) > 0) {
			lo = l
		}
		if !h.IsNull() && (hi.IsNull() || order(h, hi, t) < 0) {
			hi = h
		}
	}
	return lo, hi, ok
}

func order(a, b types.Value, t *types.Type) int {
	return bytes.Compare(keys.AppendValue(nil, a, t, 0, false), keys.AppendValue(nil, b, t, 0, false))
}

func (r *Cond) ends(t *types.Type, env *expr.Env) (lo, hi types.Value, ok bool) {
	none := types.Null
	if r.Op == rangeAnd {
		return Range(r.subs, t, env)
	}
	var vals []types.Value
	for _, e := range r.Values {
		v, err := e.Eval(env, nil)
		if err != nil || v.IsNull() {
			return none, none, false
		}
		vals = append(vals, v)
	}
	bounds := func(i int) (lo, hi types.Value, ok bool) {
		lo, hi, fit := Bounds(vals[i], t, &env.Mode)
		return lo, hi, fit != Unknown
	}
	switch r.Op {
	case RangeEq:
		return bounds(0)
	case rangeLess, rangeLessEq:
		_, hi, ok = bounds(0)
		return none, hi, ok
	case rangeGreater, rangeGreaterEq:
		lo, _, ok = bounds(0)
		return lo, none, ok
	case rangeBetween:
		l, _, okL := bounds(0)
		_, h, okH := bounds(1)
		return l, h, okL && okH
	case rangeNotNull:
		return none, none, true
	}
	return none, none, false
}

// PathOver is a path that bounds columns by their conditions as if there were an index over them, in their order.
func PathOver(columns []int, conds map[int][]*Cond) *Path {
	p := &Path{Index: &schema.Index{}}
	for _, pos := range columns {
		p.Index.Columns = append(p.Index.Columns, schema.IndexColumn{Column: pos})
		if len(p.Access) == len(p.Index.Columns)-1 && len(conds[pos]) > 0 {
			p.Access = append(p.Access, conds[pos])
		}
	}
	return p
}
