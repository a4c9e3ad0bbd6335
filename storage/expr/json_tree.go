package expr

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"cloudsql/storage/types"
)

// jsonTree is a JSON document taken apart so that paths can walk and change it. Scalars stay text: what types.ParseJSON
// made of them. Documents are in types' normal form, so reading them needs no checks beyond not to run off the end.
type jsonTree struct {
	kind  byte     // '{', '[', '"' or 's' for the other scalars
	text  []byte   // of a scalar, quoted and escaped
	keys  [][]byte // of an object: unescaped, in normal order
	items []*jsonTree
}

// parseTree reads a document in normal form.
func parseTree(b []byte) *jsonTree {
	t, _ := readTree(b)
	return t
}

func skipSep(b []byte) []byte { return bytes.TrimLeft(b, " ,:\t\r\n") }

func readTree(b []byte) (*jsonTree, []byte) {
	b = skipSep(b)
	if len(b) == 0 {
		return jsonLiteral("null"), nil
	}
	switch b[0] {
	case '{', '[':
		t := &jsonTree{kind: b[0]}
		b = skipSep(b[1:])
		for len(b) > 0 && b[0] != '}' && b[0] != ']' {
			if t.kind == '{' {
				n := stringEnd(b)
				t.keys = append(t.keys, unquoteJSON(b[:n]))
				b = b[n:]
			}
			var item *jsonTree
			item, b = readTree(b)
			t.items = append(t.items, item)
			b = skipSep(b)
		}
		if len(b) > 0 {
			b = b[1:]
		}
		return t, b
	case '"':
		n := stringEnd(b)
		return &jsonTree{kind: '"', text: b[:n]}, b[n:]
	}
	n := bytes.IndexAny(b, ",]} ")
	if n < 0 {
		n = len(b)
	}
	n = max(n, 1)
	return &jsonTree{kind: 's', text: b[:n]}, b[n:]
}

// stringEnd is the length of the quoted string that b starts with.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// unquoteJSON undoes a quoted string.
func unquoteJSON(q []byte) []byte {
	if len(q) < 2 || q[0] != '"' {
		return q
	}
	q = q[1 : len(q)-1]
	if bytes.IndexByte(q, '\\') < 0 {
		return q
	}
	out := make([]byte, 0, len(q))
	for i := 0; i < len(q); i++ {
		if q[i] != '\\' || i+1 == len(q) {
			out = append(out, q[i])
			continue
		}
		i++
		switch q[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n := unescapeRune(q[i+1:])
			out = utf8.AppendRune(out, r)
			i += n
		default:
			out = append(out, q[i])
		}
	}
	return out
}

// unescapeRune reads four hexadecimal digits, or two groups of them that make a surrogate pair.
func unescapeRune(b []byte) (r rune, n int) {
	hi, ok := hex4(b)
	if !ok {
		return utf8.RuneError, 0
	}
	if hi >= 0xd800 && hi < 0xdc00 && len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if lo, ok := hex4(b[6:]); ok && lo >= 0xdc00 && lo < 0xe000 {
			return (hi-0xd800)<<10 | (lo - 0xdc00) + 0x10000, 10
		}
	}
	return hi, 4
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	u, err := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(u), err == nil
}

func jsonLiteral(s string) *jsonTree { return &jsonTree{kind: 's', text: []byte(s)} }

func jsonString(s []byte) *jsonTree {
	return &jsonTree{kind: '"', text: types.AppendJSONString(nil, s)}
}

func (t *jsonTree) isNull() bool { return t.kind == 's' && string(t.text) == "null" }

// append writes the normal form.
func (t *jsonTree) append(dst []byte) []byte {
	switch t.kind {
	case '[':
		dst = append(dst, '[')
		for i, it := range t.items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = it.append(dst)
		}
		return append(dst, ']')
	case '{':
		dst = append(dst, '{')
		for i, it := range t.items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(types.AppendJSONString(dst, t.keys[i]), ": "...)
			dst = it.append(dst)
		}
		return append(dst, '}')
	}
	return append(dst, t.text...)
}

func (t *jsonTree) value() types.Value { return types.JSON(t.append(nil)) }

// pretty writes one member a line.
func (t *jsonTree) pretty(dst []byte, depth int) []byte {
	if t.kind != '[' && t.kind != '{' || len(t.items) == 0 {
		return t.append(dst)
	}
	dst = append(dst, t.kind)
	for i, it := range t.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = newLine(dst, depth+1)
		if t.kind == '{' {
			dst = append(types.AppendJSONString(dst, t.keys[i]), ": "...)
		}
		dst = it.pretty(dst, depth+1)
	}
	return append(newLine(dst, depth), t.kind+2) // ] and } follow their opening by two
}

func newLine(dst []byte, depth int) []byte {
	dst = append(dst, '\n')
	return append(dst, bytes.Repeat([]byte("  "), depth)...)
}

// keyOrder is the order of an object's members: shorter keys first.
func keyOrder(a, b []byte) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare(a, b)
}

func (t *jsonTree) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(t.keys, key, keyOrder)
}

func (t *jsonTree) get(key []byte) *jsonTree {
	if t.kind != '{' {
		return nil
	}
	if i, ok := t.find(key); ok {
		return t.items[i]
	}
	return nil
}

func (t *jsonTree) set(key []byte, v *jsonTree) {
	i, ok := t.find(key)
	if ok {
		t.items[i] = v
		return
	}
	t.keys = slices.Insert(t.keys, i, key)
	t.items = slices.Insert(t.items, i, v)
}

func (t *jsonTree) removeAt(i int) {
	if t.kind == '{' {
		t.keys = slices.Delete(t.keys, i, i+1)
	}
	t.items = slices.Delete(t.items, i, i+1)
}

func (t *jsonTree) depth() int {
	d := 0
	for _, it := range t.items {
		d = max(d, it.depth())
	}
	return d + 1
}

// unquoted is the text of a string, or the JSON text of anything else.
func (t *jsonTree) unquoted() []byte {
	if t.kind == '"' {
		return unquoteJSON(t.text)
	}
	return t.append(nil)
}

// typeName is JSON_TYPE's answer.
func (t *jsonTree) typeName() string {
	switch t.kind {
	case '{':
		return "OBJECT"
	case '[':
		return "ARRAY"
	case '"':
		return "STRING"
	}
	switch s := string(t.text); s {
	case "null":
		return "NULL"
	case "true", "false":
		return "BOOLEAN"
	default:
		if bytes.ContainsAny(t.text, ".eE") {
			return "DOUBLE"
		}
		if _, err := strconv.ParseInt(s, 10, 64); err == nil {
			return "INTEGER"
		}
		if _, err := strconv.ParseUint(s, 10, 64); err == nil {
			return "UNSIGNED INTEGER"
		}
		return "DOUBLE"
	}
}

// sortMembers brings an object's members into normal order.
func sortMembers(t *jsonTree) {
	order := make([]int, len(t.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return keyOrder(t.keys[a], t.keys[b]) })
	keys, items := make([][]byte, len(order)), make([]*jsonTree, len(order))
	for i, j := range order {
		keys[i], items[i] = t.keys[j], t.items[j]
	}
	t.keys, t.items = keys, items
}
