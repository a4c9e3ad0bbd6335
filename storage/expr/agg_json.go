package expr

import (
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// jsonArrayState is JSON_ARRAYAGG: the array's text as it grows, without its closing bracket; empty before the first
// row.
type jsonArrayState struct {
	agg *Agg
	out []byte
}

func (s *jsonArrayState) Add(env *Env, row []types.Value) error {
	v, err := eval(s.agg.Args[0], env, row)
	if err != nil {
		return err
	}
	s.separate()
	if s.out, err = appendJSON(s.out, env, s.agg.Args[0], v); err == nil {
		err = s.agg.fits(env, len(s.out))
	}
	return err
}

// fits refuses a document that has grown beyond max_allowed_packet: no value can be larger, and a group's state is not to
// take the node's memory.
func (a *Agg) fits(env *Env, n int) error {
	if limit := env.maxPacket(); n > limit {
		return mysqlerr.Newf(mysqlerr.CapacityExceeded, "Memory capacity of %d bytes for '%s' exceeded. The result is larger than max_allowed_packet.", limit, a.Name)
	}
	return nil
}

func (s *jsonArrayState) separate() {
	if s.out == nil {
		s.out = append(s.out, '[')
	} else {
		s.out = append(s.out, ", "...)
	}
}

// appendJSON writes a value as JSON, NULL as null.
func appendJSON(dst []byte, env *Env, e Expr, v types.Value) ([]byte, error) {
	if v.IsNull() {
		return append(dst, "null"...), nil
	}
	j, err := v.ToJSON(e.Type(), env.Warn)
	return append(dst, j.Raw()...), err
}

func (s *jsonArrayState) AppendPartial(dst []types.Value) []types.Value {
	v, _ := s.Result(nil)
	return append(dst, v)
}

func (s *jsonArrayState) Merge(p []types.Value) error {
	if b := p[0].Raw(); !p[0].IsNull() && len(b) > 2 {
		s.separate()
		s.out = append(s.out, b[1:len(b)-1]...)
	}
	return nil
}

func (s *jsonArrayState) Result(*Env) (types.Value, error) {
	if s.out == nil {
		return types.Null, nil
	}
	return types.JSON(append(s.out[:len(s.out):len(s.out)], ']')), nil
}

func (s *jsonArrayState) Bytes() int { return stateBytes + len(s.out) }

// jsonObjectState is JSON_OBJECTAGG: of equal keys the last one stays.
type jsonObjectState struct {
	agg   *Agg
	any   bool
	vals  map[string]*jsonTree
	bytes int
}

func newJSONObjectState(a *Agg) *jsonObjectState {
	return &jsonObjectState{agg: a, vals: map[string]*jsonTree{}}
}

func (s *jsonObjectState) Add(env *Env, row []types.Value) error {
	k, err := eval(s.agg.Args[0], env, row)
	if err != nil {
		return err
	}
	if k.IsNull() {
		return mysqlerr.New(mysqlerr.JSONDocumentNullKey)
	}
	name, err := memberName(env, textOf(k, s.agg.Args[0].Type()))
	if err != nil {
		return err
	}
	key := string(name)
	v, err := eval(s.agg.Args[1], env, row)
	if err != nil {
		return err
	}
	text, err := appendJSON(nil, env, s.agg.Args[1], v)
	if err != nil {
		return err
	}
	s.any = true
	s.vals[key] = parseTree(text)
	s.bytes += len(key) + len(text) + seenBytes
	return s.agg.fits(env, s.bytes)
}

func (s *jsonObjectState) AppendPartial(dst []types.Value) []types.Value {
	v, _ := s.Result(nil)
	return append(dst, v)
}

func (s *jsonObjectState) Merge(p []types.Value) error {
	if p[0].IsNull() {
		return nil
	}
	s.any = true
	t := parseTree(p[0].Clone().Raw())
	for i, k := range t.keys {
		s.vals[string(k)] = t.items[i]
	}
	s.bytes += len(p[0].Raw())
	return nil
}

func (s *jsonObjectState) Result(*Env) (types.Value, error) {
	if !s.any {
		return types.Null, nil
	}
	t := &jsonTree{kind: '{'}
	for k, v := range s.vals {
		t.keys = append(t.keys, []byte(k))
		t.items = append(t.items, v)
	}
	sortMembers(t)
	return t.value(), nil
}

func (s *jsonObjectState) Bytes() int { return stateBytes + s.bytes }
