package access

import (
	"bytes"
	"sort"

	"cloudsql/storage/fragment"
)

const (
	maxCutSpans = 16 // more spans are no scan
	minCuts     = 3  // fewer keys within them do not tell of many rows
)

// Sections cuts spans (none: the whole index) at keys that lie within them, both rising, into at most most sections of like size; most 0
// is as many as there are. nil: there is not enough to cut.
func Sections(spans []fragment.Span, keys [][]byte, most int) [][]fragment.Span {
	if len(spans) == 0 {
		spans = []fragment.Span{{}}
	}
	if len(spans) > maxCutSpans || len(keys) < minCuts {
		return nil
	}
	var cuts [][]byte
	for _, sp := range spans {
		cuts = append(cuts, within(keys, sp)...)
	}
	if len(cuts) < minCuts {
		return nil
	}
	return cutAt(spans, evenly(cuts, most-1))
}

// within are the keys that have something of the span on both sides.
func within(keys [][]byte, sp fragment.Span) [][]byte {
	from := sort.Search(len(keys), func(i int) bool { return bytes.Compare(keys[i], sp.Start) > 0 })
	if sp.End == nil {
		return keys[from:]
	}
	return keys[from : from+sort.Search(len(keys)-from, func(i int) bool { return bytes.Compare(keys[from+i], sp.End) >= 0 })]
}

// evenly picks n of the keys, all of them where n is negative or there are no more.
func evenly(keys [][]byte, n int) [][]byte {
	if n < 0 || n >= len(keys) {
		return keys
	}
	picked := make([][]byte, n)
	for i := range picked {
		picked[i] = keys[(i+1)*(len(keys)+1)/(n+1)-1]
	}
	return picked
}

// cutAt cuts spans at each of the keys, which lie within them.
func cutAt(spans []fragment.Span, cuts [][]byte) [][]fragment.Span {
	out := make([][]fragment.Span, 0, len(cuts)+1)
	rest := spans[0]
	var section []fragment.Span
	for _, key := range cuts {
		for rest.End != nil && bytes.Compare(rest.End, key) <= 0 {
			section, spans = append(section, rest), spans[1:]
			rest = spans[0]
		}
		out = append(out, append(section, fragment.Span{Start: rest.Start, End: key}))
		section, rest.Start = nil, key
	}
	section = append(section, rest)
	return append(out, append(section, spans[1:]...))
}

// Clip cuts spans to a tablet's range.
func Clip(spans []fragment.Span, start, end []byte) []fragment.Span {
	var out []fragment.Span
	for _, sp := range spans {
		if start != nil && bytes.Compare(sp.Start, start) < 0 {
			sp.Start = start
		}
		if end != nil && (sp.End == nil || bytes.Compare(sp.End, end) > 0) {
			sp.End = end
		}
		if sp.End == nil || bytes.Compare(sp.Start, sp.End) < 0 {
			out = append(out, sp)
		}
	}
	return out
}
