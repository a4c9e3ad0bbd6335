package access

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"cloudsql/storage/fragment"
)

// Sections have each key of the spans once and in their order, end where there is something on both sides, and are as many as allowed.
func TestSections(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	key := func(i int) []byte { return []byte(fmt.Sprintf("%03d", i)) }
	for range 3000 {
		var keys [][]byte
		for i := r.IntN(30); i < 200; i += 1 + r.IntN(30) {
			keys = append(keys, key(i))
		}
		var spans []fragment.Span
		for at := r.IntN(20); at < 200 && len(spans) < 5; at += 1 + r.IntN(50) {
			sp := fragment.Span{Start: key(at)}
			if at += 1 + r.IntN(120); at < 200 {
				sp.End = key(at)
			}
			spans = append(spans, sp)
		}
		if len(spans) > 0 && r.IntN(4) == 0 {
			spans[0].Start = nil
		}
		most := r.IntN(8)
		sections := Sections(spans, keys, most)
		if sections == nil {
			continue
		}
		if most > 0 && len(sections) > most {
			t.Fatalf("%d sections, not %d", len(sections), most)
		}
		if len(spans) == 0 {
			spans = []fragment.Span{{}}
		}
		at := 0 // the section that the last key was in
		for i := range 200 {
			in := holding(sections, key(i))
			if len(in) > 1 || (len(in) == 1) != (len(holding([][]fragment.Span{spans}, key(i))) == 1) {
				t.Fatalf("key %d of %q at %q is in sections %v of %q", i, spans, keys, in, sections)
			}
			if len(in) == 1 && in[0] != at {
				if at++; in[0] != at || !contains(keys, key(i)) && !starts(spans, key(i)) {
					t.Fatalf("section %d of %q at %q begins at %d: %q", in[0], spans, keys, i, sections)
				}
			}
		}
		if at != len(sections)-1 {
			t.Fatalf("%d sections of %d have keys", at+1, len(sections))
		}
	}
}

func holding(sections [][]fragment.Span, key []byte) (in []int) {
	for i, spans := range sections {
		for _, sp := range spans {
			if bytes.Compare(key, sp.Start) >= 0 && (sp.End == nil || bytes.Compare(key, sp.End) < 0) {
				in = append(in, i)
			}
		}
	}
	return in
}

func contains(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

func starts(spans []fragment.Span, key []byte) bool {
	for _, sp := range spans {
		if bytes.Equal(sp.Start, key) {
			return true
		}
	}
	return false
}

// A few keys, or many spans, are not worth cutting.
func TestSmallReadsStayWhole(t *testing.T) {
	keys := [][]byte{[]byte("b"), []byte("d"), []byte("f"), []byte("h")}
	for _, spans := range [][]fragment.Span{
		{{Start: []byte("a"), End: []byte("e")}},
		{{Start: []byte("b"), End: []byte("h")}},
		make([]fragment.Span, maxCutSpans+1),
	} {
		if Sections(spans, keys, 0) != nil {
			t.Errorf("%q was cut", spans)
		}
	}
	if n := len(Sections(nil, keys, 0)); n != len(keys)+1 {
		t.Errorf("%d sections", n)
	}
}
