package expr

import (
	"errors"
	"slices"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

var errNoPartial = errors.New("expr: this aggregate has no partial form")

// concatState is GROUP_CONCAT. Without ORDER BY it appends as rows come, up to its limit; with it, it keeps the texts
// and their sort keys until the end.
type concatState struct {
	agg   *Agg
	out   []byte
	any   bool
	full  bool // the limit was met
	rows  int  // rows taken, for the warning
	items []concatItem
	bytes int
	seen  map[string]struct{}
	colls []collation.ID
	order []collation.ID
}

type concatItem struct {
	text []byte
	keys []types.Value
}

func newConcatState(a *Agg) *concatState {
	s := &concatState{agg: a, colls: argCollations(a.Args)}
	for _, k := range a.OrderBy {
		s.order = append(s.order, originOf(k.Expr).coll)
	}
	if a.Distinct {
		s.seen = map[string]struct{}{}
	}
	return s
}

func (s *concatState) Add(env *Env, row []types.Value) error {
	if s.full && len(s.agg.OrderBy) == 0 {
		return nil
	}
	var text, key []byte
	for i, a := range s.agg.Args {
		v, err := eval(a, env, row)
		if err != nil || v.IsNull() {
			return err
		}
		text = v.AppendText(text, a.Type())
		if s.seen != nil {
			key = types.HashKey(key, v, s.colls[i])
		}
	}
	if s.seen != nil {
		if _, ok := s.seen[string(key)]; ok {
			return nil
		}
		s.seen[string(key)] = struct{}{}
		s.bytes += len(key) + seenBytes
	}
	if len(s.agg.OrderBy) == 0 {
		s.append(env, text)
		return nil
	}
	it := concatItem{text: text}
	for _, k := range s.agg.OrderBy {
		v, err := eval(k.Expr, env, row)
		if err != nil {
			return err
		}
		it.keys = append(it.keys, v.Clone())
		s.bytes += len(v.Raw()) + seenBytes
	}
	s.items = append(s.items, it)
	s.bytes += len(text) + seenBytes
	return nil
}

// append adds one text and cuts the result at the limit, between characters, with warning 1260.
func (s *concatState) append(env *Env, text []byte) {
	if s.full {
		return
	}
	if s.any {
		s.out = append(s.out, s.agg.Separator...)
	}
	s.any = true
	s.rows++
	s.out = append(s.out, text...)
	limit := s.agg.MaxLen
	if limit <= 0 {
		limit = defaultGroupConcatMaxLen
	}
	if len(s.out) <= limit {
		return
	}
	s.full = true
	cut := limit
	if s.agg.Typ.Collation != collation.Binary {
		for cut > 0 && !utf8.RuneStart(s.out[cut]) {
			cut--
		}
	}
	s.out = s.out[:cut]
	env.warn(mysqlerr.CutValueGroupConcat, s.rows)
}

func (s *concatState) Result(env *Env) (types.Value, error) {
	if len(s.agg.OrderBy) > 0 {
		slices.SortStableFunc(s.items, s.compare)
		s.out, s.any, s.full, s.rows = nil, false, false, 0
		for _, it := range s.items {
			s.append(env, it.text)
		}
	}
	if !s.any {
		return types.Null, nil
	}
	out := s.out
	if out == nil {
		out = []byte{}
	}
	if s.agg.Typ.Collation == collation.Binary {
		return types.Bytes(out), nil
	}
	return types.String(out), nil
}

func (s *concatState) compare(a, b concatItem) int {
	for i, k := range s.agg.OrderBy {
		c := types.CompareSame(a.keys[i], b.keys[i], s.order[i])
		if k.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func (s *concatState) AppendPartial(dst []types.Value) []types.Value { return dst }
func (s *concatState) Merge([]types.Value) error                     { return errNoPartial }
func (s *concatState) Bytes() int                                    { return stateBytes + len(s.out) + s.bytes }
