package types

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"cloudsql/storage/numeral"
)

// jsonParser reads RFC 8259 JSON and says what is wrong, and where, in the words that MySQL uses.
type jsonParser struct {
	s   []byte
	pos int
}

func (p *jsonParser) fail(reason string) error { return &JSONError{reason, p.pos} }

func (p *jsonParser) space() {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (p *jsonParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func parseJSON(text []byte) (node jsonNode, err error) {
	p := jsonParser{s: text}
	err = p.document(func() error {
		node, err = p.value(1)
		return err
	})
	return node, err
}

// document reads a whole text; root reads its value.
func (p *jsonParser) document(root func() error) error {
	p.space()
	if p.pos == len(p.s) {
		return p.fail("The document is empty.")
	}
	if err := root(); err != nil {
		return err
	}
	if p.space(); p.pos < len(p.s) {
		return p.fail("The document root must not be followed by other values.")
	}
	return nil
}

func (p *jsonParser) value(depth int) (node jsonNode, err error) {
	switch b := p.peek(); {
	case b == '{' || b == '[':
		if depth > maxJSONDepth {
			return node, errJSONDepth
		}
		if b == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case b == '"':
		text, err := p.str()
		return jsonNode{kind: jsonString, text: text}, err
	case b == '-' || numeral.IsDigit(b):
		return p.number()
	case p.literal("null"):
		return jsonNode{}, nil
	case p.literal("true"):
		return jsonNode{kind: jsonBool, truth: true}, nil
	case p.literal("false"):
		return jsonNode{kind: jsonBool}, nil
	}
	return node, p.fail("Invalid value.")
}

func (p *jsonParser) literal(word string) bool {
	if !bytes.HasPrefix(p.s[p.pos:], []byte(word)) {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *jsonParser) array(depth int) (jsonNode, error) {
	node := jsonNode{kind: jsonArray}
	err := p.elements(func() error {
		item, err := p.value(depth + 1)
		node.items = append(node.items, item)
		return err
	})
	return node, err
}

// elements reads an array, its bracket being next; each reads an element.
func (p *jsonParser) elements(each func() error) error {
	p.pos++
	p.space()
	if p.peek() == ']' {
		p.pos++
		return nil
	}
	for {
		p.space()
		if err := each(); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return nil
		default:
			return p.fail("Missing a comma or ] after an array element.")
		}
	}
}

func (p *jsonParser) object(depth int) (jsonNode, error) {
	node := jsonNode{kind: jsonObject}
	err := p.members(func(key []byte) error {
		value, err := p.value(depth + 1)
		node.members = append(node.members, jsonMember{key, value})
		return err
	})
	node.sortMembers()
	return node, err
}

// members reads an object, its brace being next; each reads the value of a key.
func (p *jsonParser) members(each func(key []byte) error) error {
	p.pos++
	p.space()
	if p.peek() == '}' {
		p.pos++
		return nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return p.fail("Missing a name for object member.")
		}
		key, err := p.str()
		if err != nil {
			return err
		}
		p.space()
		if p.peek() != ':' {
			return p.fail("Missing a colon after a name of object member.")
		}
		p.pos++
		p.space()
		if err := each(key); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return nil
		default:
			return p.fail("Missing a comma or } after an object member.")
		}
	}
}

func compareJSONKeys(a, b []byte) int {
	if d := cmp.Compare(len(a), len(b)); d != 0 {
		return d
	}
	return bytes.Compare(a, b)
}

// sortMembers brings the keys into MySQL's order and keeps the last of equal ones.
func (n *jsonNode) sortMembers() {
	slices.SortStableFunc(n.members, func(a, b jsonMember) int { return compareJSONKeys(a.key, b.key) })
	kept := n.members[:0]
	for _, m := range n.members {
		if last := len(kept) - 1; last >= 0 && bytes.Equal(kept[last].key, m.key) {
			kept[last] = m
		} else {
			kept = append(kept, m)
		}
	}
	n.members = kept
}

// str reads a string, its quotation mark being next.
func (p *jsonParser) str() ([]byte, error) {
	start := p.pos
	p.pos++
	first := p.pos
	for p.pos < len(p.s) && p.s[p.pos] != '"' && p.s[p.pos] != '\\' && p.s[p.pos] >= ' ' {
		p.pos++
	}
	out := p.s[first:p.pos:p.pos] // shares the text until an escape makes it grow
	for p.pos < len(p.s) {
		switch b := p.s[p.pos]; {
		case b == '"':
			p.pos++
			if !utf8.Valid(out) {
				p.pos = start
				return nil, p.fail("Invalid encoding in string.")
			}
			return out, nil
		case b == '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return nil, err
			}
		case b < ' ':
			return nil, p.fail("Invalid encoding in string.")
		default:
			out = append(out, b)
			p.pos++
		}
	}
	p.pos = start
	return nil, p.fail("Missing a closing quotation mark in string.")
}

func (p *jsonParser) escape(out []byte) ([]byte, error) {
	at := p.pos
	p.pos++
	b := p.peek()
	p.pos++
	switch b {
	case '"', '\\', '/':
		return append(out, b), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, err := p.hex4()
		if err != nil {
			return nil, err
		}
		if utf16.IsSurrogate(r) {
			if p.literal(`\u`) {
				low, err := p.hex4()
				if err != nil {
					return nil, err
				}
				r = utf16.DecodeRune(r, low)
			} else {
				r = utf8.RuneError
			}
			if r == utf8.RuneError {
				p.pos = at
				return nil, p.fail("The surrogate pair in string is invalid.")
			}
		}
		return utf8.AppendRune(out, r), nil
	}
	p.pos = at
	return nil, p.fail("Invalid escape character in string.")
}

func (p *jsonParser) hex4() (rune, error) {
	if p.pos+4 <= len(p.s) {
		if u, err := strconv.ParseUint(string(p.s[p.pos:p.pos+4]), 16, 16); err == nil {
			p.pos += 4
			return rune(u), nil
		}
	}
	return 0, p.fail("Incorrect hex digit after \\u escape in string.")
}

func (p *jsonParser) number() (jsonNode, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if !numeral.IsDigit(p.peek()) {
		return jsonNode{}, p.fail("Invalid value.")
	}
	if p.peek() == '0' {
		p.pos++
	} else {
		p.digits()
	}
	isInteger := true
	if p.peek() == '.' {
		isInteger = false
		p.pos++
		if !p.digits() {
			return jsonNode{}, p.fail("Miss fraction part in number.")
		}
	}
	if p.peek()|0x20 == 'e' {
		isInteger = false
		p.pos++
		if p.peek() == '+' || p.peek() == '-' {
			p.pos++
		}
		if !p.digits() {
			return jsonNode{}, p.fail("Miss exponent in number.")
		}
	}
	text := string(p.s[start:p.pos])
	if isInteger {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return jsonNode{kind: jsonNum, number: Int(i)}, nil
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return jsonNode{kind: jsonNum, number: Uint(u)}, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.pos = start
		return jsonNode{}, p.fail("Number too big to be stored in double.")
	}
	return jsonNode{kind: jsonNum, number: Float(f)}, nil
}

func (p *jsonParser) digits() bool {
	start := p.pos
	for numeral.IsDigit(p.peek()) {
		p.pos++
	}
	return p.pos > start
}
