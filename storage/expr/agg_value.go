package expr

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// extremeState is MIN (want -1) and MAX (want 1) under the argument's collation.
type extremeState struct {
	agg  *Agg
	want int
	best types.Value
}

func (s *extremeState) Add(env *Env, row []types.Value) error {
	v, err := eval(s.agg.Args[0], env, row)
	if err != nil || v.IsNull() {
		return err
	}
	s.take(v)
	return nil
}

// take keeps v where it beats what is there. Rows are overwritten, so what is kept is copied.
func (s *extremeState) take(v types.Value) {
	if s.best.IsNull() || sign(s.compare(v, s.best)) == s.want {
		s.best = v.Clone()
	}
}

func (s *extremeState) compare(a, b types.Value) int {
	if k := a.Kind(); k == b.Kind() && (k == types.KindEnum || k == types.KindSet) {
		return s.agg.coll.CompareStrings(a.Raw(), b.Raw()) // MIN and MAX take them as strings
	}
	return types.CompareSame(a, b, s.agg.coll)
}

func (s *extremeState) AppendPartial(dst []types.Value) []types.Value { return append(dst, s.best) }

func (s *extremeState) Merge(p []types.Value) error {
	if !p[0].IsNull() {
		s.take(p[0])
	}
	return nil
}

func (s *extremeState) Result(*Env) (types.Value, error) { return s.best, nil }
func (s *extremeState) Bytes() int                       { return stateBytes + len(s.best.Raw()) }

// anyState is ANY_VALUE: the first row's value, NULL or not.
type anyState struct {
	agg  *Agg
	have bool
	v    types.Value
}

func (s *anyState) Add(env *Env, row []types.Value) error {
	if s.have {
		return nil
	}
	v, err := eval(s.agg.Args[0], env, row)
	if err != nil {
		return err
	}
	s.have, s.v = true, v.Clone()
	return nil
}

func (s *anyState) AppendPartial(dst []types.Value) []types.Value {
	return append(dst, types.Bool(s.have), s.v)
}

func (s *anyState) Merge(p []types.Value) error {
	if !s.have && p[0].Int() != 0 {
		s.have, s.v = true, p[1].Clone()
	}
	return nil
}

func (s *anyState) Result(*Env) (types.Value, error) { return s.v, nil }
func (s *anyState) Bytes() int                       { return stateBytes + len(s.v.Raw()) }

// distinctState lets each combination of argument values through to the inner state once. Combinations with a NULL are
// left out, as every aggregate does.
type distinctState struct {
	agg     *Agg
	inner   State
	colls   []collation.ID
	numbers bool // values differ as numbers do: SUM, AVG
	seen    map[string]struct{}
	key     []byte
	bytes   int
}

// seenBytes is what an entry of the set costs besides its key.
const seenBytes = 48

func newDistinctState(a *Agg, inner State) *distinctState {
	numbers := a.Name == "sum" || a.Name == "avg"
	return &distinctState{agg: a, inner: inner, colls: argCollations(a.Args), numbers: numbers, seen: map[string]struct{}{}}
}

func argCollations(args []Expr) []collation.ID {
	colls := make([]collation.ID, len(args))
	for i, e := range args {
		colls[i] = originOf(e).coll
	}
	return colls
}

func (s *distinctState) Add(env *Env, row []types.Value) error {
	s.key = s.key[:0]
	for i, a := range s.agg.Args {
		v, err := eval(a, env, row)
		if err != nil || v.IsNull() {
			return err
		}
		if s.numbers && !env.Mode.Legacy && !isNumberKind(v.Kind()) {
			v = types.Float(v.ToFloat(nil)) // '1' and '1.0' are one number
		}
		s.key = types.HashKey(s.key, v, s.colls[i])
	}
	if _, ok := s.seen[string(s.key)]; ok {
		return nil
	}
	s.seen[string(s.key)] = struct{}{}
	s.bytes += len(s.key) + seenBytes
	return s.inner.Add(env, row)
}

func (s *distinctState) AppendPartial(dst []types.Value) []types.Value { return dst }

func (s *distinctState) Merge([]types.Value) error {
	return errNoPartial
}

func (s *distinctState) Result(env *Env) (types.Value, error) { return s.inner.Result(env) }
func (s *distinctState) Bytes() int                           { return stateBytes + s.bytes + s.inner.Bytes() }
