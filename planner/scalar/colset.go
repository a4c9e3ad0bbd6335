package scalar

import (
	"math/bits"

	"cloudsql/storage/expr"
)

// ColSet is a set of column numbers: a bit for each. The zero value is empty.
type ColSet []uint64

// SetOf is the set of some numbers.
func SetOf(ids ...int) ColSet {
	var s ColSet
	s.PutAll(ids)
	return s
}

// Put adds a number.
func (s *ColSet) Put(id int) {
	at := id / 64
	if at >= len(*s) {
		*s = append(*s, make(ColSet, at+1-len(*s))...)
	}
	(*s)[at] |= 1 << (id % 64)
}

// PutAll adds numbers.
func (s *ColSet) PutAll(ids []int) {
	for _, id := range ids {
		s.Put(id)
	}
}

// PutRange adds n numbers from first on.
func (s *ColSet) PutRange(first, n int) {
	if n > 0 {
		s.Put(first + n - 1) // makes room for all
	}
	for id := first; id < first+n; id++ {
		s.Put(id)
	}
}

// Add adds what is in t.
func (s *ColSet) Add(t ColSet) {
	if len(t) > len(*s) {
		*s = append(*s, make(ColSet, len(t)-len(*s))...)
	}
	for i, b := range t {
		(*s)[i] |= b
	}
}

// AddColumnsOf adds the columns of e.
func (s *ColSet) AddColumnsOf(e expr.Expr) {
	expr.Walk(e, func(x expr.Expr) bool {
		if c, is := x.(*expr.Column); is {
			s.Put(c.Index)
		}
		return true
	})
}

// Has tells whether a number is in s.
func (s ColSet) Has(id int) bool {
	at := id / 64
	return at < len(s) && s[at]&(1<<(id%64)) != 0
}

// Meets tells whether a number is in both.
func (s ColSet) Meets(t ColSet) bool {
	for i := range min(len(s), len(t)) {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// Equal tells whether t has the same numbers.
func (s ColSet) Equal(t ColSet) bool {
	for i := range max(len(s), len(t)) {
		var a, b uint64
		if i < len(s) {
			a = s[i]
		}
		if i < len(t) {
			b = t[i]
		}
		if a != b {
			return false
		}
	}
	return true
}

// Len is how many there are.
func (s ColSet) Len() int {
	n := 0
	for _, b := range s {
		n += bits.OnesCount64(b)
	}
	return n
}

// IDs lists the numbers, the smallest first.
func (s ColSet) IDs() []int {
	list := make([]int, 0, s.Len())
	for i, b := range s {
		for ; b != 0; b &= b - 1 {
			list = append(list, i*64+bits.TrailingZeros64(b))
		}
	}
	return list
}

// Covers tells whether all columns of e are in s.
func (s ColSet) Covers(e expr.Expr) bool {
	ok := true
	expr.Walk(e, func(x expr.Expr) bool {
		if c, is := x.(*expr.Column); is && !s.Has(c.Index) {
			ok = false
		}
		return ok
	})
	return ok
}

// Touches tells whether e has a column of s.
func (s ColSet) Touches(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if c, is := x.(*expr.Column); is && s.Has(c.Index) {
			found = true
		}
		return !found
	})
	return found
}
