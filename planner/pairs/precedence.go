package pairs

import "slices"

// Precedence says which inputs of a join come before others, from left to right: for each input, the set of those before it. nil is no
// order at all.
type Precedence []uint64

// With is p, and order besides: inputs that come one behind the other, before all others (first) or behind them (last). What contradicts p
// is left out as a whole, as MySQL does with a hint that can't be followed.
func (p Precedence) With(n int, order []int, first, last bool) Precedence {
	next := make(Precedence, n)
	copy(next, p)
	var named uint64
	for _, at := range order {
		next[at] |= named &^ (1 << at)
		named |= 1 << at
	}
	for i := range next {
		switch has := named&(1<<i) != 0; {
		case first && !has:
			next[i] |= named
		case last && has:
			next[i] |= (1<<n - 1) &^ named
		}
	}
	some := slices.ContainsFunc(next, func(before uint64) bool { return before != 0 })
	if !some || !next.close() {
		return p
	}
	return next
}

// close adds what comes before what comes before; it fails where an input would come before itself.
func (p Precedence) close() bool {
	for k := range p {
		for i := range p {
			if p[i]&(1<<k) != 0 {
				p[i] |= p[k]
			}
		}
	}
	for i := range p {
		if p[i]&(1<<i) != 0 {
			return false
		}
	}
	return true
}

// Allows tells whether the inputs of a may stand on the left of those of b.
func (p Precedence) Allows(a, b uint64) bool {
	for i, before := range p {
		if a&(1<<i) != 0 && before&b != 0 {
			return false
		}
	}
	return true
}

// Ready tells whether all inputs that come before one have been joined.
func (p Precedence) Ready(i int, done []bool) bool {
	for k := range p {
		if p[i]&(1<<k) != 0 && !done[k] {
			return false
		}
	}
	return true
}
