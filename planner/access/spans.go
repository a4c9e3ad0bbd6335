package access

import (
	"bytes"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
)

func (p *Path) keyColumn(t *schema.Table, i int) Column {
	c := &p.Index.Columns[i]
	return Column{Type: &t.Columns[c.Column].Type, prefix: c.Prefix, Desc: c.Desc}
}

// Spans computes the index ranges of an execution, in key order; none means that nothing matches. points tells that each
// is one value of all columns.
func (p *Path) Spans(t *schema.Table, env *expr.Env) (spans []fragment.Span, points bool, err error) {
	if len(p.Access) == 0 {
		return []fragment.Span{{}}, false, nil
	}
	prefixes := [][]byte{nil}
	for i, conds := range p.Access {
		k := p.keyColumn(t, i)
		list, err := k.all(env, conds)
		if err != nil || len(list) == 0 {
			return nil, false, err
		}
		if last := i == len(p.Access)-1; last || !allPoints(list) {
			return expand(prefixes, list), last && allPoints(list), nil
		}
		next := make([][]byte, 0, len(prefixes)*len(list))
		for _, head := range prefixes {
			for _, r := range list {
				next = append(next, append(append([]byte(nil), head...), r.lo...))
			}
		}
		prefixes = next
	}
	return nil, false, nil
}

// all intersects the conditions of one column.
func (k *Column) all(env *expr.Env, conds []*Cond) ([]interval, error) {
	list := everything
	for i, c := range conds {
		l, err := c.intervals(env, nil, k)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			list = l
		} else {
			list = intersect(list, l)
		}
	}
	return list, nil
}

// allPoints tells whether each interval is one value, which its lower bound then encodes.
func allPoints(list []interval) bool {
	for _, r := range list {
		if len(r.lo) == 0 || !bytes.Equal(keys.SpanSuccessor(r.lo), r.hi) {
			return false
		}
	}
	return true
}

// expand puts each interval behind each prefix.
func expand(prefixes [][]byte, list []interval) []fragment.Span {
	spans := make([]fragment.Span, 0, len(prefixes)*len(list))
	for _, p := range prefixes {
		for _, r := range list {
			var sp fragment.Span
			if len(p)+len(r.lo) > 0 {
				sp.Start = append(append([]byte{}, p...), r.lo...)
			}
			switch {
			case r.hi != nil:
				sp.End = append(append([]byte{}, p...), r.hi...)
			case len(p) > 0:
				sp.End = keys.SpanSuccessor(p)
			}
			spans = append(spans, sp)
		}
	}
	return spans
}
