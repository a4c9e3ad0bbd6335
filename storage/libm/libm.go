package libm

import "math"

// pair is hi + lo, of which hi is the sum rounded.
type pair struct{ hi, lo float64 }

func sum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

// quick is sum where a is the larger one.
func quick(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

func product(a, b float64) pair {
	p := float64(a * b)
	return pair{p, math.FMA(a, b, -p)}
}

func (a pair) add(b pair) pair {
	s, t := sum(a.hi, b.hi), sum(a.lo, b.lo)
	s = quick(s.hi, s.lo+t.hi)
	return quick(s.hi, s.lo+t.lo)
}

func (a pair) neg() pair { return pair{-a.hi, -a.lo} }

func (a pair) sub(b pair) pair { return a.add(b.neg()) }

func (a pair) mul(b pair) pair {
	p := product(a.hi, b.hi)
	return quick(p.hi, p.lo+float64(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

func (a pair) times(f float64) pair { return a.mul(pair{f, 0}) }

func (a pair) div(b pair) pair {
	q := a.hi / b.hi
	r := a.sub(b.times(q))
	q2 := r.hi / b.hi
	r = r.sub(b.times(q2))
	return quick(q, q2).add(pair{r.hi / b.hi, 0})
}

func (a pair) value() float64 { return a.hi + a.lo }

// root is the square root of what is positive.
func (a pair) root() pair {
	r := math.Sqrt(a.hi)
	rest := a.sub(product(r, r))
	return quick(r, rest.hi/(2*r))
}

// Constants, and what they are more than two doubles say.
var (
	ln2       = pair{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}
	ln2Rest   = 0x1.7b57a079a1934p-111
	halfPi    = pair{0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54}
	halfPiEnd = -0x1.f1976b7ed8fbcp-110
	perLn2    = pair{0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56}
)

// expPair is e to the power of a, which is not beyond what a double holds, as a number that is to be multiplied by 2 to the power of k.
func expPair(a pair) (p pair, k int) {
	n := math.RoundToEven(a.hi * perLn2.hi)
	r := a.sub(product(n, ln2.hi)).sub(product(n, ln2.lo)).sub(product(n, ln2Rest))
	const halvings = 6
	r = r.times(1.0 / (1 << halvings))
	p, term := pair{}, pair{1, 0} // e^r - 1, so that squaring loses nothing
	for i := 1; i <= 14; i++ {
		term = term.mul(r).div(pair{float64(i), 0})
		p = p.add(term)
	}
	for range halvings {
		p = p.times(2).add(p.mul(p))
	}
	return p.add(pair{1, 0}), int(n)
}

// logPair is the natural logarithm of a positive number.
func logPair(x float64) pair {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	y := math.Log(m)
	p, k := expPair(pair{-y, 0})
	c := p.times(math.Ldexp(m, k)).sub(pair{1, 0})
	log := pair{y, 0}.add(c).sub(c.mul(c).times(0.5))
	n := float64(e)
	return product(n, ln2.hi).add(product(n, ln2.lo)).add(pair{float64(n * ln2Rest), 0}).add(log)
}

// most is how large an angle may be that is reduced here.
const most = 1 << 20

// sinCos is both of an angle.
func sinCos(a pair) (sin, cos pair) {
	n := math.RoundToEven(a.hi / halfPi.hi)
	r := a.sub(product(n, halfPi.hi)).sub(product(n, halfPi.lo)).sub(product(n, halfPiEnd))
	square := r.mul(r).neg()
	s, c := r, pair{1, 0}
	ts, tc := r, pair{1, 0}
	for i := 1.0; i <= 14; i++ {
		tc = tc.mul(square).div(pair{(2*i - 1) * (2 * i), 0})
		ts = ts.mul(square).div(pair{2 * i * (2*i + 1), 0})
		s, c = s.add(ts), c.add(tc)
	}
	switch int64(n) & 3 {
	case 1:
		return c, s.neg()
	case 2:
		return s.neg(), c.neg()
	case 3:
		return c.neg(), s
	}
	return s, c
}

// plain tells of what is its own sine, tangent and so on, of what is too large to be reduced, and of what is no number.
func plain(x float64) bool { return !(math.Abs(x) > 1e-150 && math.Abs(x) < most) }

// Sin is the sine.
func Sin(x float64) float64 {
	if plain(x) {
		return math.Sin(x)
	}
	s, _ := sinCos(pair{x, 0})
	return s.value()
}

// Cos is the cosine.
func Cos(x float64) float64 {
	if plain(x) {
		return math.Cos(x)
	}
	_, c := sinCos(pair{x, 0})
	return c.value()
}

// Tan is the tangent.
func Tan(x float64) float64 {
	if plain(x) {
		return math.Tan(x)
	}
	s, c := sinCos(pair{x, 0})
	return s.div(c).value()
}

// asin is the arcus sine of at most about a half.
func asin(z pair) pair {
	y := math.Asin(z.hi)
	s, c := sinCos(pair{y, 0})
	return pair{y, 0}.add(z.sub(s).div(c))
}

// Asin is the arcus sine.
func Asin(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a > 1e-150 && a < 1):
		return math.Asin(x)
	case a <= 0.5:
		return asin(pair{x, 0}).value()
	}
	return math.Copysign(halfPi.sub(asin(sum(1, -a).times(0.5).root()).times(2)).value(), x)
}

// Acos is the arcus cosine.
func Acos(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a > 1e-150 && a < 1):
		return math.Acos(x)
	case a <= 0.5:
		return halfPi.sub(asin(pair{x, 0})).value()
	}
	y := asin(sum(1, -a).times(0.5).root()).times(2)
	if x < 0 {
		y = halfPi.times(2).sub(y)
	}
	return y.value()
}

// Atan is the arcus tangent.
func Atan(x float64) float64 { return Atan2(x, 1) }

// Atan2 is the angle of a point.
func Atan2(y, x float64) float64 {
	at := math.Atan2(y, x)
	for _, v := range []float64{x, y} {
		if a := math.Abs(v); !(a > 1e-140 && a < 1e140) {
			return at
		}
	}
	if math.Abs(at) < 1e-140 {
		return at
	}
	s, c := sinCos(pair{at, 0})
	off := c.times(y).sub(s.times(x)).div(c.times(x).add(s.times(y)))
	return pair{at, 0}.add(off).value()
}

// Exp is e to the power of x.
func Exp(x float64) float64 {
	if !(math.Abs(x) > 1e-150 && math.Abs(x) < 708) {
		return math.Exp(x)
	}
	p, k := expPair(pair{x, 0})
	return math.Ldexp(p.value(), k)
}

// regular tells of a positive number.
func regular(x float64) bool { return x > 0 && x <= math.MaxFloat64 }

// Log is the natural logarithm.
func Log(x float64) float64 {
	if !regular(x) || x == 1 {
		return math.Log(x)
	}
	return logPair(x).value()
}

// Log10 is the logarithm to the base of 10, in the steps of the C library, which are not so exact: 10^n has n all the same.
func Log10(x float64) float64 {
	if !regular(x) {
		return math.Log10(x)
	}
	const per, hi, lo = 4.34294481903251816668e-01, 3.01029995663611771306e-01, 3.69423907715893078616e-13
	m, e := math.Frexp(x)
	if e--; e < 0 {
		e++ // m is less than 1 then
	} else {
		m *= 2
	}
	y := float64(e)
	z := float64(y*lo) + float64(per*Log(m))
	return z + float64(y*hi)
}

// Log2 is the logarithm to the base of 2.
func Log2(x float64) float64 {
	if !regular(x) || x == 1 {
		return math.Log2(x)
	}
	return logPair(x).mul(perLn2).value()
}

// Pow is x to the power of y.
func Pow(x, y float64) float64 {
	a := math.Abs(x)
	if !regular(a) || a == 1 || !regular(math.Abs(y)) || x < 0 && y != math.Trunc(y) {
		return math.Pow(x, y)
	}
	e := logPair(a).times(y)
	if !(math.Abs(e.hi) < 708) {
		return math.Pow(x, y)
	}
	p, k := expPair(e)
	r := math.Ldexp(p.value(), k)
	if x < 0 && math.Mod(y, 2) != 0 {
		r = -r
	}
	return r
}
