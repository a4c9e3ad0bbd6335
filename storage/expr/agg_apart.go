package expr

import "cloudsql/storage/types"

// Apart is a State with DISTINCT whose values somebody else keeps, since they find no room in memory: he is given the keys that
// there are, asks for the values of each row that follows, and adds those that were not there before. The State gives the result.
type Apart struct {
	state *distinctState
	keys  map[string]struct{} // that were let through before
}

// Apart takes the values of s, a state of a, out of it; nil where s keeps none, or keeps them in an order.
func (a *Agg) Apart(s State) (*Apart, error) {
	d, ok := s.(*distinctState)
	if !ok {
		return nil, nil
	}
	own := *a
	own.Distinct, own.Args = false, make([]Expr, len(a.Args))
	for i, arg := range a.Args {
		own.Args[i] = &Column{Index: i, Typ: *arg.Type()}
	}
	inner := own.NewState() // of the values as a row
	if err := inner.Merge(d.inner.AppendPartial(nil)); err != nil {
		return nil, err
	}
	p := &Apart{state: d, keys: d.seen}
	d.inner, d.seen, d.bytes = inner, nil, 0
	return p, nil
}

// Keys gives those of the values that the state has met, and forgets them.
func (p *Apart) Keys(each func(key []byte) error) error {
	for key := range p.keys {
		if err := each([]byte(key)); err != nil {
			return err
		}
	}
	p.keys = nil
	return nil
}

// Values appends the values of a row to dst and gives their key, valid until the next call; nil where the row does not count.
func (p *Apart) Values(env *Env, row, dst []types.Value) (vals []types.Value, key []byte, err error) {
	s := p.state
	s.key = s.key[:0]
	for i, a := range s.agg.Args {
		v, err := eval(a, env, row)
		if err != nil || v.IsNull() {
			return dst, nil, err
		}
		s.key = types.HashKey(s.key, v, s.colls[i])
		dst = append(dst, v)
	}
	return dst, s.key, nil
}

// Add takes values that were not there before.
func (p *Apart) Add(env *Env, vals []types.Value) error { return p.state.inner.Add(env, vals) }
