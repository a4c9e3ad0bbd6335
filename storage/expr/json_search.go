package expr

import (
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// jsonSearch is JSON_SEARCH(doc, 'one'|'all', pattern [, escape [, path …]]): the paths of matching strings.
func jsonSearch(c *Call, env *Env, a []types.Value) (types.Value, error) {
	for i, v := range a {
		if v.IsNull() && i != 3 {
			return types.Null, nil
		}
	}
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	all, err := oneOrAll(c, a[1])
	if err != nil {
		return types.Null, err
	}
	s := &jsonSearcher{meter: env.meter(), pattern: c.text(2, a[2]), escape: '\\', all: all, seen: map[string]bool{}}
	if len(a) > 3 && !a[3].IsNull() {
		esc := c.text(3, a[3])
		if utf8.RuneCount(esc) > 1 {
			return types.Null, mysqlerr.New(mysqlerr.WrongArguments, "ESCAPE")
		}
		if len(esc) > 0 {
			s.escape, _ = utf8.DecodeRune(esc)
		}
	}
	if len(a) <= 4 {
		s.walk(t, []byte("$"))
	}
	for i := 4; i < len(a); i++ {
		p, err := c.path(i, a[i])
		if err != nil {
			return types.Null, err
		}
		s.been = newPlaces(p.legs)
		s.within(t, p.legs, []byte("$"))
	}
	if s.err != nil {
		return types.Null, s.err
	}
	switch len(s.found) {
	case 0:
		return types.Null, nil
	case 1:
		return jsonString(s.found[0]).value(), nil
	}
	out := &jsonTree{kind: '['}
	for _, f := range s.found {
		out.items = append(out.items, jsonString(f))
	}
	return out.value(), nil
}

type jsonSearcher struct {
	meter   *meter
	err     error
	been    jsonPlaces
	pattern []byte
	escape  rune
	all     bool
	found   [][]byte
	seen    map[string]bool
}

// walk looks at t, which lies at path at, and all below it.
func (s *jsonSearcher) walk(t *jsonTree, at []byte) {
	if !s.all && len(s.found) > 0 || !s.goesOn(jsonSteps+len(at)) {
		return
	}
	if t.kind == '"' && s.matches(t) && !s.seen[string(at)] {
		s.seen[string(at)] = true
		s.found = append(s.found, append([]byte(nil), at...))
	}
	for i, it := range t.items {
		s.walk(it, s.childPath(t, at, i))
	}
}

// goesOn counts n steps, unless an error has ended the search.
func (s *jsonSearcher) goesOn(n int) bool {
	if s.err == nil {
		s.err = s.meter.spend(n)
	}
	return s.err == nil
}

func (s *jsonSearcher) matches(t *jsonTree) (found bool) {
	found, s.err = collation.UTF8MB4Bin.LikeWithin(unquoteJSON(t.text), s.pattern, s.escape, s.meter.collate)
	return found
}

func (s *jsonSearcher) childPath(t *jsonTree, at []byte, i int) []byte {
	at = at[:len(at):len(at)]
	if t.kind == '{' {
		return appendMemberLeg(at, t.keys[i])
	}
	return append(at, "["+itoa(i)+"]"...)
}

// within walks from every value that the legs lead to, keeping track of where it is.
func (s *jsonSearcher) within(t *jsonTree, legs []jsonLeg, at []byte) {
	if len(legs) == 0 {
		s.walk(t, at)
		return
	}
	if !s.goesOn(jsonSteps) {
		return
	}
	leg, rest := legs[0], legs[1:]
	if leg.kind == legEllipsis {
		if s.been.again(t, len(legs)) {
			return
		}
		s.within(t, rest, at)
		for i, it := range t.items {
			s.within(it, legs, s.childPath(t, at, i))
		}
		return
	}
	if t.asCell(leg) {
		s.within(t, rest, at)
		return
	}
	from, to := t.children(leg)
	for i := from; i <= to; i++ {
		s.within(t.items[i], rest, s.childPath(t, at, i))
	}
}
