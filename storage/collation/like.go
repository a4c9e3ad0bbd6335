package collation

import (
	"unicode/utf8"
)

// Like matches s against a LIKE pattern under c: % any run, _ one character, escape makes the next character plain
// (0 for none, as ESCAPE ” asks). Characters compare one by one, so 'ß' does not match 'ss', and trailing spaces count.
func (c ID) Like(s, pattern []byte, escape rune) bool {
	m := likeMatcher{ci: c.info(), escape: escape}
	found, _ := m.match(s, pattern)
	return found
}

// LikeWithin is Like that may take long: it tells spend of the characters that it has compared, whose error ends it.
func (c ID) LikeWithin(s, pattern []byte, escape rune, spend func(n int) error) (bool, error) {
	m := likeMatcher{ci: c.info(), escape: escape, spend: spend}
	return m.match(s, pattern)
}

type likeMatcher struct {
	ci     *collationInfo
	escape rune
	spend  func(n int) error // nil: nobody counts
}

// match is the usual backtracking walk: only the last % needs to be remembered, so it takes len(s)·len(p) steps at most.
func (m *likeMatcher) match(s, p []byte) (bool, error) {
	var retryS, retryP []byte // where to resume, once the last % takes one character more
	for n := 1; ; n++ {
		if len(p) > 0 {
			pr, pn := m.next(p)
			if pr == '%' {
				p = p[pn:]
				if len(p) == 0 {
					return true, nil
				}
				retryS, retryP = s, p
				continue
			}
			if len(s) > 0 {
				sr, sn := m.next(s)
				if pr == '_' && pr != m.escape {
					s, p = s[sn:], p[pn:]
					continue
				}
				if pr == m.escape && pr != 0 && len(p) > pn {
					p = p[pn:]
					pr, pn = m.next(p)
				}
				if m.same(sr, pr) {
					s, p = s[sn:], p[pn:]
					continue
				}
			}
		} else if len(s) == 0 {
			return true, nil
		}
		if len(retryS) == 0 {
			return false, nil
		}
		if m.spend != nil {
			if err := m.spend(n); err != nil {
				return false, err
			}
		}
		_, size := m.next(retryS)
		retryS = retryS[size:]
		if m.spend == nil {
			retryS = m.candidate(retryS, retryP)
		}
		s, p, n = retryS, retryP, 0
	}
}

// candidate passes over ASCII characters of s that are not what the pattern begins with, where that is one, too.
func (m *likeMatcher) candidate(s, p []byte) []byte {
	first := p[0]
	if first >= utf8.RuneSelf || first == '%' || first == '_' || rune(first) == m.escape || m.ci.id != Default {
		return s
	}
	for weight := uca900ASCII[first]; len(s) > 0 && s[0] < utf8.RuneSelf && s[0] != first && uca900ASCII[s[0]] != weight; {
		s = s[1:]
	}
	return s
}

// next gives the first character of s; every byte is one under binary.
func (m *likeMatcher) next(s []byte) (rune, int) {
	if s[0] < utf8.RuneSelf || m.ci.id == Binary {
		return rune(s[0]), 1
	}
	return utf8.DecodeRune(s)
}

// same tells whether two characters are equal under the collation.
func (m *likeMatcher) same(a, b rune) bool {
	if a == b {
		return true
	}
	switch m.ci.order {
	case orderBytes, orderUTF8:
		return false
	case orderUCA900:
		if m.ci.id == Default && a < utf8.RuneSelf && b < utf8.RuneSelf {
			return uca900ASCII[a] == uca900ASCII[b]
		}
	case orderGeneral:
		if a < utf8.RuneSelf && b < utf8.RuneSelf {
			return generalASCII[a] == generalASCII[b]
		}
	}
	var bufA, bufB [utf8.UTFMax]byte
	return m.ci.id.CompareStrings(bufA[:utf8.EncodeRune(bufA[:], a)], bufB[:utf8.EncodeRune(bufB[:], b)]) == 0
}
