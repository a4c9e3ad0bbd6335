package types

import (
	"bytes"
	"slices"
)

// normalJSON brings a text into the normal form as it reads it. It builds no nodes, which would take a hundred times the memory of a long
// array of short numbers.
func normalJSON(text []byte) (out []byte, err error) {
	p := jsonParser{s: text}
	out = make([]byte, 0, len(text)+len(text)/8)
	err = p.document(func() error {
		out, err = p.normal(out, 1)
		return err
	})
	return out, err
}

// normal appends the normal form of the value that is next.
func (p *jsonParser) normal(dst []byte, depth int) ([]byte, error) {
	b := p.peek()
	switch {
	case b != '{' && b != '[':
		node, err := p.value(depth)
		return node.append(dst), err
	case depth > maxJSONDepth:
		return dst, errJSONDepth
	case b == '{':
		return p.normalObject(dst, depth)
	}
	first := true
	dst = append(dst, '[')
	err := p.elements(func() (err error) {
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst, err = p.normal(dst, depth+1)
		return err
	})
	return append(dst, ']'), err
}

// jsonSpan is where a member's key and value stand.
type jsonSpan struct {
	key      []byte
	from, to int
}

func (p *jsonParser) normalObject(dst []byte, depth int) ([]byte, error) {
	var spans []jsonSpan
	dst = append(dst, '{')
	err := p.members(func(key []byte) (err error) {
		if len(spans) > 0 {
			dst = append(dst, ", "...)
		}
		span := jsonSpan{key: key, from: len(dst)}
		dst, err = p.normal(append(AppendJSONString(dst, key), ": "...), depth+1)
		span.to = len(dst)
		spans = append(spans, span)
		return err
	})
	if err != nil {
		return dst, err
	}
	return append(inOrder(dst, spans), '}'), nil
}

// inOrder brings the members at the end of dst into MySQL's order of keys and keeps the last of equal ones.
func inOrder(dst []byte, spans []jsonSpan) []byte {
	sorted := true
	for i := 1; i < len(spans) && sorted; i++ {
		sorted = compareJSONKeys(spans[i-1].key, spans[i].key) < 0
	}
	if sorted {
		return dst
	}
	start := spans[0].from
	was := bytes.Clone(dst[start:])
	slices.SortStableFunc(spans, func(a, b jsonSpan) int { return compareJSONKeys(a.key, b.key) })
	dst = dst[:start]
	for i, s := range spans {
		if i+1 < len(spans) && bytes.Equal(s.key, spans[i+1].key) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		dst = append(dst, was[s.from-start:s.to-start]...)
	}
	return dst
}
