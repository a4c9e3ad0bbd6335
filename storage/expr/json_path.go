package expr

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// jsonPath is a parsed path such as $.a[last-1].**.b.
type jsonPath struct {
	legs []jsonLeg
	wild bool // may match several values
}

type legKind uint8

const (
	legMember legKind = iota
	legAnyMember
	legCell
	legRange
	legAnyCell
	legEllipsis
)

type jsonLeg struct {
	kind     legKind
	key      []byte
	from, to jsonCell
}

// jsonCell is an array position, counted from the end where last is set.
type jsonCell struct {
	n    int
	last bool
}

func (c jsonCell) index(length int) int {
	if c.last {
		return length - 1 - c.n
	}
	return c.n
}

type pathParser struct {
	s   []byte
	pos int
}

func (p *pathParser) skip() {
	for p.pos < len(p.s) && isSpaceByte(p.s[p.pos]) {
		p.pos++
	}
}

func (p *pathParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func badPath(pos int) error {
	return mysqlerr.New(mysqlerr.InvalidJSONPath, pos)
}

// parsePath reads a path; 3143 where it is none.
func parsePath(s []byte) (*jsonPath, error) {
	p := &pathParser{s: s}
	p.skip()
	if p.peek() != '$' {
		return nil, badPath(1)
	}
	p.pos++
	path := &jsonPath{}
	for p.skip(); p.pos < len(s); p.skip() {
		leg, ok := p.leg()
		if !ok {
			return nil, badPath(p.pos)
		}
		if leg.kind != legMember && leg.kind != legCell {
			path.wild = true
		}
		path.legs = append(path.legs, leg)
	}
	if n := len(path.legs); n > 0 && path.legs[n-1].kind == legEllipsis {
		return nil, badPath(len(s))
	}
	return path, nil
}

func (p *pathParser) leg() (jsonLeg, bool) {
	switch p.peek() {
	case '.':
		p.pos++
		p.skip()
		return p.member()
	case '[':
		p.pos++
		p.skip()
		leg, ok := p.cells()
		p.skip()
		if !ok || p.peek() != ']' {
			return leg, false
		}
		p.pos++
		return leg, true
	case '*':
		if bytes.HasPrefix(p.s[p.pos:], []byte("**")) {
			p.pos += 2
			return jsonLeg{kind: legEllipsis}, p.peek() != '*'
		}
	}
	return jsonLeg{}, false
}

func (p *pathParser) member() (jsonLeg, bool) {
	switch p.peek() {
	case '*':
		p.pos++
		return jsonLeg{kind: legAnyMember}, true
	case '"':
		n := stringEnd(p.s[p.pos:])
		q := p.s[p.pos : p.pos+n]
		if _, err := types.ParseJSON(q); err != nil {
			return jsonLeg{}, false
		}
		p.pos += n
		return jsonLeg{kind: legMember, key: unquoteJSON(q)}, true
	}
	start := p.pos
	for p.pos < len(p.s) {
		r, n := utf8.DecodeRune(p.s[p.pos:])
		letter := unicode.IsLetter(r) || r == '_' || r == '$'
		if !letter && (p.pos == start || !unicode.IsDigit(r) && !unicode.IsMark(r)) {
			break
		}
		p.pos += n
	}
	return jsonLeg{kind: legMember, key: p.s[start:p.pos]}, p.pos > start
}

func (p *pathParser) cells() (jsonLeg, bool) {
	if p.peek() == '*' {
		p.pos++
		return jsonLeg{kind: legAnyCell}, true
	}
	from, ok := p.cell()
	if !ok {
		return jsonLeg{}, false
	}
	p.skip()
	if !bytes.HasPrefix(p.s[p.pos:], []byte("to")) {
		return jsonLeg{kind: legCell, from: from}, true
	}
	p.pos += 2
	if !isSpaceByte(p.peek()) {
		return jsonLeg{}, false
	}
	p.skip()
	to, ok := p.cell()
	if from.last == to.last && (!from.last && from.n > to.n || from.last && from.n < to.n) {
		return jsonLeg{}, false
	}
	return jsonLeg{kind: legRange, from: from, to: to}, ok
}

func (p *pathParser) cell() (c jsonCell, ok bool) {
	if bytes.HasPrefix(p.s[p.pos:], []byte("last")) {
		p.pos += 4
		c.last = true
		p.skip()
		if p.peek() != '-' {
			return c, true
		}
		p.pos++
		p.skip()
	}
	start := p.pos
	for p.pos < len(p.s) && p.s[p.pos] >= '0' && p.s[p.pos] <= '9' {
		p.pos++
	}
	n, err := strconv.ParseUint(string(p.s[start:p.pos]), 10, 31)
	c.n = int(n)
	return c, err == nil
}

// pathWalk visits every value that legs lead to from a value; fn returns false to stop.
type pathWalk struct {
	fn    func(*jsonTree) bool
	meter *meter
	err   error // that ended it
	// been is where it was, behind which ** of several: there are as many ways to a value as there are ways to share out
	// the levels above it.
	been jsonPlaces
}

// jsonPlaces are values and how many legs of a path were left there.
type jsonPlaces map[jsonPlace]struct{}

type jsonPlace struct {
	at   *jsonTree
	legs int
}

// again tells whether it was there, from the second ** of a path on.
func (p jsonPlaces) again(t *jsonTree, legs int) bool {
	if p == nil {
		return false
	}
	_, was := p[jsonPlace{t, legs}]
	p[jsonPlace{t, legs}] = struct{}{}
	return was
}

// newPlaces is nil for paths of at most one **, which lead nowhere twice.
func newPlaces(legs []jsonLeg) jsonPlaces {
	n := 0
	for i := range legs {
		if legs[i].kind == legEllipsis {
			n++
		}
	}
	if n < 2 {
		return nil
	}
	return jsonPlaces{}
}

func (w *pathWalk) match(t *jsonTree, legs []jsonLeg) bool {
	if len(legs) == 0 {
		return w.fn(t)
	}
	if w.err = w.meter.spend(jsonSteps); w.err != nil {
		return false
	}
	leg, rest := legs[0], legs[1:]
	if leg.kind != legEllipsis {
		return t.step(leg, func(v *jsonTree) bool { return w.match(v, rest) })
	}
	if w.been.again(t, len(legs)) {
		return true
	}
	if !w.match(t, rest) {
		return false
	}
	for _, it := range t.items {
		if !w.match(it, legs) {
			return false
		}
	}
	return true
}

// children are the positions of t's members or cells that one leg leads to.
func (t *jsonTree) children(leg jsonLeg) (from, to int) {
	last := len(t.items) - 1
	switch {
	case leg.kind == legMember && t.kind == '{':
		if i, ok := t.find(leg.key); ok {
			return i, i
		}
	case leg.kind == legAnyMember && t.kind == '{', leg.kind == legAnyCell && t.kind == '[':
		return 0, last
	case leg.kind == legCell && t.kind == '[':
		if i := leg.from.index(last + 1); i >= 0 && i <= last {
			return i, i
		}
	case leg.kind == legRange && t.kind == '[':
		return max(leg.from.index(last+1), 0), min(leg.to.index(last+1), last)
	}
	return 0, -1
}

// step visits what one leg leads to. What is no array is taken as one of itself.
func (t *jsonTree) step(leg jsonLeg, fn func(*jsonTree) bool) bool {
	if t.asCell(leg) {
		return fn(t)
	}
	from, to := t.children(leg)
	for i := from; i <= to; i++ {
		if !fn(t.items[i]) {
			return false
		}
	}
	return true
}

// asCell tells whether a leg of cells leads from what is no array to itself.
func (t *jsonTree) asCell(leg jsonLeg) bool {
	switch {
	case t.kind == '[':
	case leg.kind == legCell:
		return leg.from.index(1) == 0
	case leg.kind == legRange:
		return leg.from.index(1) <= 0 && leg.to.index(1) >= 0
	}
	return false
}

// one finds the single value of a path without wildcards, nil where there is none.
func (p *jsonPath) one(t *jsonTree) *jsonTree {
	found, _ := p.any(nil, t)
	return found
}

// any finds the first value of a path, nil where there is none.
func (p *jsonPath) any(m *meter, t *jsonTree) (found *jsonTree, err error) {
	w := pathWalk{meter: m, been: newPlaces(p.legs), fn: func(v *jsonTree) bool {
		found = v
		return false
	}}
	w.match(t, p.legs)
	return found, w.err
}

// matchDistinct visits each matched value once, whatever number of ways ** finds to it.
func (p *jsonPath) matchDistinct(m *meter, t *jsonTree, fn func(*jsonTree) bool) error {
	seen := map[*jsonTree]bool{}
	w := pathWalk{meter: m, been: newPlaces(p.legs), fn: func(v *jsonTree) bool {
		if seen[v] {
			return true
		}
		seen[v] = true
		return fn(v)
	}}
	w.match(t, p.legs)
	return w.err
}

// appendMemberLeg writes a path's next leg, as JSON_SEARCH shows it.
func appendMemberLeg(dst, key []byte) []byte {
	dst = append(dst, '.')
	if isIdentifier(key) {
		return append(dst, key...)
	}
	return types.AppendJSONString(dst, key)
}

func isIdentifier(key []byte) bool {
	for i, r := range string(key) {
		if !unicode.IsLetter(r) && r != '_' && r != '$' && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return len(key) > 0
}
