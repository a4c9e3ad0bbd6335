package expr

import (
	"math"

	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/types"
)

// stateBytes is the rough size of a state without what it refers to.
const stateBytes = 64

// countState is COUNT(*), COUNT(a) and, below a distinctState, COUNT(DISTINCT a, b).
type countState struct {
	args []Expr
	n    int64
}

func (s *countState) Add(env *Env, row []types.Value) error {
	for _, a := range s.args {
		v, err := eval(a, env, row)
		if err != nil {
			return err
		}
		if v.IsNull() {
			return nil
		}
	}
	s.n++
	return nil
}

func (s *countState) AppendPartial(dst []types.Value) []types.Value {
	return append(dst, types.Int(s.n))
}
func (s *countState) Merge(p []types.Value) error      { s.n += p[0].Int(); return nil }
func (s *countState) Result(*Env) (types.Value, error) { return types.Int(s.n), nil }
func (s *countState) Bytes() int                       { return stateBytes }

// sumState is SUM and AVG. Exact numbers add up in an int64 of the argument's scale as long as they fit, and in a
// decimal from then on.
type sumState struct {
	arg   Expr
	avg   bool
	inc   int        // of avg: digits more than the argument has
	typ   types.Type // of the result
	exact bool
	scale int

	n     int64
	small int64 // unscaled, 10^-scale
	big   decimal.Decimal
	isBig bool
	f     float64
}

func newSumState(a *Agg) *sumState {
	t := a.Args[0].Type()
	return &sumState{arg: a.Args[0], avg: a.Name == "avg", inc: a.increment(), typ: a.Typ, exact: numericClass(t) != types.ClassFloat, scale: scaleOf(t)}
}

func (s *sumState) Add(env *Env, row []types.Value) error {
	if s.exact && !s.isBig && s.addSmall(row) {
		return nil
	}
	v, err := eval(s.arg, env, row)
	if err != nil || v.IsNull() {
		return err
	}
	s.n++
	if !s.exact {
		s.f += v.ToFloat(env.Warn)
		return nil
	}
	if v.Kind() == types.KindInt && s.scale == 0 && !s.isBig {
		i := v.Int()
		if t := s.small + i; (t > s.small) == (i > 0) {
			s.small = t
			return nil
		}
	}
	s.addExact(v, env)
	return nil
}

// addSmall adds an exact number of few digits; false: it is none, and nothing was added.
func (s *sumState) addSmall(row []types.Value) bool {
	var u int64
	var scale int
	switch e := s.arg.(type) {
	case *Column:
		var ok bool
		if u, scale, ok = row[e.Index].Small(); !ok {
			return false
		}
	case *Call:
		if e.exact == nil {
			return false
		}
		var o outcome
		if u, o = e.exact.eval(row); o != computed {
			return o == isNull
		}
		scale = e.exact.scale
	default:
		return false
	}
	if scale != s.scale {
		var ok bool
		if u, ok = scaleUp(u, s.scale-scale); !ok || scale > s.scale {
			return false
		}
	}
	t := s.small + u
	if (t > s.small) != (u > 0) {
		return false
	}
	s.small = t
	s.n++
	return true
}

func (s *sumState) addExact(v types.Value, env *Env) {
	if u, scale, ok := smallDecimal(v); ok && !s.isBig && scale <= s.scale {
		if u, ok = scaleUp(u, s.scale-scale); ok {
			if t := s.small + u; (t > s.small) == (u > 0) {
				s.small = t
				return
			}
		}
	}
	s.spill()
	s.big = s.big.Add(v.ToDecimal(env.Warn))
}

// spill goes over to decimals of any size.
func (s *sumState) spill() {
	if !s.isBig {
		s.big, s.isBig = decimal.New(s.small, int32(-s.scale)), true
	}
}

func (s *sumState) sum() types.Value {
	switch {
	case !s.exact:
		return types.Float(s.f)
	case s.isBig:
		return types.Dec(s.big)
	}
	return types.DecSmall(s.small, s.scale)
}

func (s *sumState) AppendPartial(dst []types.Value) []types.Value {
	return append(dst, types.Int(s.n), s.sum())
}

func (s *sumState) Merge(p []types.Value) error {
	s.n += p[0].Int()
	if !s.exact {
		s.f += p[1].ToFloat(nil)
		return nil
	}
	s.addExact(p[1], &Env{})
	return nil
}

func (s *sumState) Result(*Env) (types.Value, error) {
	switch {
	case s.n == 0:
		return types.Null, nil
	case !s.avg:
		return s.sum(), nil
	case !s.exact:
		return types.Float(s.f / float64(s.n)), nil
	}
	if !s.isBig {
		if q, ok := smallQuotient(s.small, s.scale, s.n, 0, s.inc); ok {
			return types.RoundDecimal(q, s.typ.Decimals), nil
		}
	}
	s.spill()
	q := quotient(s.big, decimal.NewFromInt(s.n), s.inc)
	return types.RoundDecimal(types.Dec(q), s.typ.Decimals), nil
}

func (s *sumState) Bytes() int { return stateBytes + 64 }

// bitState is BIT_AND, BIT_OR and BIT_XOR; over no rows the neutral element.
type bitState struct {
	arg Expr
	op  int
	n   uint64
}

func newBitState(a *Agg, op int) State {
	if a.overBytes() {
		return &bitBytesState{arg: a.Args[0], op: op, size: a.Typ.Length}
	}
	s := &bitState{arg: a.Args[0], op: op}
	if op == opBitAnd {
		s.n = math.MaxUint64
	}
	return s
}

func (s *bitState) Add(env *Env, row []types.Value) error {
	v, err := eval(s.arg, env, row)
	if err != nil || v.IsNull() {
		return err
	}
	s.combine(toBits(env, v))
	return nil
}

func (s *bitState) combine(u uint64) {
	switch s.op {
	case opBitAnd:
		s.n &= u
	case opBitOr:
		s.n |= u
	default:
		s.n ^= u
	}
}

func (s *bitState) AppendPartial(dst []types.Value) []types.Value {
	return append(dst, types.Uint(s.n))
}
func (s *bitState) Merge(p []types.Value) error      { s.combine(p[0].Uint()); return nil }
func (s *bitState) Result(*Env) (types.Value, error) { return types.Uint(s.n), nil }
func (s *bitState) Bytes() int                       { return stateBytes }

// varianceState keeps count, mean and sum of squared distances (Welford), which merge without loss of digits.
type varianceState struct {
	arg          Expr
	sample, root bool
	n            int64
	mean, m2     float64
}

func (s *varianceState) Add(env *Env, row []types.Value) error {
	v, err := eval(s.arg, env, row)
	if err != nil || v.IsNull() {
		return err
	}
	f := v.ToFloat(env.Warn)
	s.n++
	d := f - s.mean
	s.mean += d / float64(s.n)
	s.m2 += d * (f - s.mean)
	return nil
}

func (s *varianceState) AppendPartial(dst []types.Value) []types.Value {
	return append(dst, types.Int(s.n), types.Float(s.mean), types.Float(s.m2))
}

func (s *varianceState) Merge(p []types.Value) error {
	n, mean, m2 := p[0].Int(), p[1].Float(), p[2].Float()
	if n == 0 {
		return nil
	}
	if s.n == 0 { // to the last bit
		s.n, s.mean, s.m2 = n, mean, m2
		return nil
	}
	total := float64(s.n + n)
	d := mean - s.mean
	s.m2 += m2 + d*d*float64(s.n)*float64(n)/total
	s.mean += d * float64(n) / total
	s.n += n
	return nil
}

func (s *varianceState) Result(*Env) (types.Value, error) {
	n := s.n
	if s.sample {
		n--
	}
	if n <= 0 {
		return types.Null, nil
	}
	v := s.m2 / float64(n)
	if s.root {
		v = math.Sqrt(v)
	}
	return types.Float(v), nil
}

func (s *varianceState) Bytes() int { return stateBytes }
