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

// match visits every value that the legs lead to from t; fn returns false to stop.
func (t *jsonTree) match(legs []jsonLeg, fn func(*jsonTree) bool) bool {
	if len(legs) == 0 {
		return fn(t)
	}
	leg, rest := legs[0], legs[1:]
	switch leg.kind {
	case legMember:
		if v := t.get(leg.key); v != nil {
			return v.match(rest, fn)
		}
	case legAnyMember:
		if t.kind == '{' {
			for _, it := range t.items {
				if !it.match(rest, fn) {
					return false
				}
			}
		}
	case legCell, legRange, legAnyCell:
		return t.matchCells(leg, rest, fn)
	case legEllipsis:
		if !t.match(rest, fn) {
			return false
		}
		for _, it := range t.items {
			if !it.match(legs, fn) {
				return false
			}
		}
	}
	return true
}

// matchCells takes a value that is no array as an array of one.
func (t *jsonTree) matchCells(leg jsonLeg, rest []jsonLeg, fn func(*jsonTree) bool) bool {
	items := t.items
	if t.kind != '[' {
		if leg.kind == legAnyCell {
			return true
		}
		items = []*jsonTree{t}
	}
	from, to := 0, len(items)-1
	switch leg.kind {
	case legCell:
		from = leg.from.index(len(items))
		to = from
	case legRange:
		from, to = max(leg.from.index(len(items)), 0), min(leg.to.index(len(items)), len(items)-1)
	}
	for i := from; i <= to; i++ {
		if i >= 0 && i < len(items) && !items[i].match(rest, fn) {
			return false
		}
	}
	return true
}

// one finds the single value of a path without wildcards, nil where there is none.
func (p *jsonPath) one(t *jsonTree) *jsonTree {
	var found *jsonTree
	t.match(p.legs, func(v *jsonTree) bool {
		found = v
		return false
	})
	return found
}

// matchDistinct visits each matched value once, whatever number of ways ** finds to it.
func (p *jsonPath) matchDistinct(t *jsonTree, fn func(*jsonTree) bool) {
	seen := map[*jsonTree]bool{}
	t.match(p.legs, func(v *jsonTree) bool {
		if seen[v] {
			return true
		}
		seen[v] = true
		return fn(v)
	})
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
