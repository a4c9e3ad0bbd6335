package digest

import (
	"slices"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"

	"cloudsql/planner/lexer"
)

const (
	// MaxText is the longest digest text, max_digest_length.
	MaxText = 1024
	// maxRead is how much of a text is looked at: the rows of an INSERT look alike.
	maxRead = 64 << 10
)

// kind is what a piece of a digest stands for.
type kind uint8

const (
	fixed   kind = iota
	sign         // an operator
	value        // ?
	values       // ?, ...
	row          // (?)
	rows         // (?) /* , ... */
	rowOf        // (...)
	rowsOf       // (...) /* , ... */
	comma        // ,
	opening      // (
	operand      // a name, or ) of something else: what follows is an operator
)

var shown = [...]string{value: "?", values: "?, ...", row: "(?)", rows: "(?) /* , ... */", rowOf: "(...)", rowsOf: "(...) /* , ... */"}

type piece struct {
	kind kind
	text string // of fixed, sign, comma, opening, operand; of names, without quotes
	name bool
}

// Normalizer makes digest texts. It keeps its buffers: not safe for concurrent use.
type Normalizer struct {
	pieces []piece
	out    []byte
}

// Text gives the digest text of a statement; it is valid until the next call.
func (n *Normalizer) Text(text string) []byte {
	n.pieces, n.out = n.pieces[:0], n.out[:0]
	r := reader{n: n, lex: lexer.Lexer{Text: text[:min(len(text), maxRead)], Escapes: true, Inside: true}}
	r.run()
	for i := range n.pieces {
		p := &n.pieces[i]
		if len(n.out) > 0 {
			n.out = append(n.out, ' ')
		}
		switch {
		case p.name:
			n.out = append(append(append(n.out, '`'), p.text...), '`')
		case p.text != "":
			n.out = appendUpper(n.out, p.text)
		default:
			n.out = append(n.out, shown[p.kind]...)
		}
	}
	if len(n.out) > MaxText {
		n.out = append(n.out[:MaxText-3], "..."...)
	}
	clear(n.pieces[:cap(n.pieces)]) // they would keep the text, which may be large, as long as the session lives
	return n.out
}

func appendUpper(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// reader goes through a text.
type reader struct {
	n    *Normalizer
	lex  lexer.Lexer
	data bool // a SELECT, a change of rows: words that may be names are names
}

func (r *reader) run() {
	const maxPieces = MaxText // each takes a byte and a blank
	for len(r.n.pieces) <= maxPieces {
		t := r.lex.Next()
		word := r.lex.Text[t.From:t.To]
		switch t.Kind {
		case lexer.End:
			return
		case lexer.Word:
			r.word(word)
		case lexer.Name:
			r.push(piece{operand, strings.Trim(word, "`"), true})
		case lexer.String:
			r.value()
		case lexer.Sign:
			r.sign(word)
		default: // comments
		}
	}
}

func (r *reader) last() (k kind, p *piece) {
	if len(r.n.pieces) == 0 {
		return fixed, nil
	}
	p = &r.n.pieces[len(r.n.pieces)-1]
	return p.kind, p
}

func (r *reader) push(p piece) { r.n.pieces = append(r.n.pieces, p) }

func (r *reader) pop(n int) { r.n.pieces = r.n.pieces[:len(r.n.pieces)-n] }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (r *reader) word(w string) {
	_, before := r.last()
	after := r.lex.Text[r.lex.Pos:]
	switch {
	case before != nil && before.text == ".":
		r.push(piece{operand, w, true})
	case isDigit(w[0]):
		r.number()
	case len(w) == 1 && strings.ContainsAny(w, "xXbBnN") && strings.HasPrefix(after, "'"):
		r.lex.Next()
		r.value()
	case strings.EqualFold(w, "null") && (before == nil || !isWord(before, "NOT") && !isWord(before, "IS")):
		r.value()
	case before == nil:
		r.data = slices.ContainsFunc(dataWords, func(d string) bool { return strings.EqualFold(d, w) })
		r.push(piece{fixed, w, false})
	case r.isKeyword(w, after):
		r.push(piece{fixed, w, false})
	default:
		r.push(piece{operand, w, true})
	}
}

func isWord(p *piece, word string) bool { return !p.name && strings.EqualFold(p.text, word) }

// number takes the rest of a number: what stands behind its point and the sign of its exponent.
func (r *reader) number() {
	text := r.lex.Text
	for r.lex.Pos < len(text) {
		c, before := text[r.lex.Pos], text[r.lex.Pos-1]
		exponent := (c == '-' || c == '+') && (before == 'e' || before == 'E')
		if c != '.' && !exponent && !lexer.IsWord(c) {
			break
		}
		r.lex.Pos++
	}
	r.value()
}

// value takes a literal.
func (r *reader) value() {
	for {
		k, p := r.last()
		if k != sign || p.text != "-" && p.text != "+" {
			break
		}
		if len(r.n.pieces) > 1 {
			if before := r.n.pieces[len(r.n.pieces)-2]; before.kind == operand || before.kind >= value && before.kind <= rowsOf {
				break // it is a difference
			}
		}
		r.pop(1)
	}
	k, _ := r.last()
	if k == value || k == values {
		return // 'it''s', or two strings that are one
	}
	if k == comma && len(r.n.pieces) > 1 {
		if before := &r.n.pieces[len(r.n.pieces)-2]; before.kind == value || before.kind == values {
			before.kind = values
			r.pop(1)
			return
		}
	}
	r.push(piece{kind: value})
}

// signs are those of several characters.
var signs = []string{"->>", "<=>", "->", ":=", "<=", ">=", "<>", "!=", "<<", ">>", "||", "&&"}

func (r *reader) sign(s string) {
	from := r.lex.Pos - len(s)
	for _, long := range signs {
		if strings.HasPrefix(r.lex.Text[from:], long) {
			s, r.lex.Pos = r.lex.Text[from:from+len(long)], from+len(long)
			break
		}
	}
	switch s {
	case "?":
		r.value()
	case ",":
		r.push(piece{comma, s, false})
	case "(":
		r.push(piece{opening, s, false})
	case ")":
		r.close()
	case ";":
	case ".":
		if r.lex.Pos < len(r.lex.Text) && isDigit(r.lex.Text[r.lex.Pos]) {
			if k, _ := r.last(); k != operand {
				r.number()
				return
			}
		}
		r.push(piece{fixed, s, false})
	default:
		r.push(piece{sign, s, false})
	}
}

// close takes a closing parenthesis: values in a pair are a row, and rows one after the other are one.
func (r *reader) close() {
	k, _ := r.last()
	if k != value && k != values || len(r.n.pieces) < 2 || r.n.pieces[len(r.n.pieces)-2].kind != opening {
		r.push(piece{operand, ")", false})
		return
	}
	one, many := row, rows
	if k == values {
		one, many = rowOf, rowsOf
	}
	r.pop(2)
	if k, _ := r.last(); k == comma && len(r.n.pieces) > 1 {
		if before := &r.n.pieces[len(r.n.pieces)-2]; before.kind == one || before.kind == many {
			before.kind = many
			r.pop(1)
			return
		}
	}
	r.push(piece{kind: one})
}

// dataWords begin statements in which words that are not reserved are names, but for those in dataKeywords.
var dataWords = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "TABLE", "VALUES", "DO", "CALL"}

var dataKeywords = words("OFFSET", "DUPLICATE", "END", "NOWAIT", "SKIP", "LOCKED", "SHARE", "ROLLUP", "ANY", "SOME", "ESCAPE", "TRUNCATE", "ONLY", "UNKNOWN")

// callWords are functions that MySQL's lexer knows when a parenthesis follows at once.
var callWords = words("ADDDATE", "AVG", "BIT_AND", "BIT_OR", "BIT_XOR", "CAST", "COUNT", "CURDATE", "CURTIME", "DATE_ADD", "DATE_SUB", "EXTRACT",
	"GROUP_CONCAT", "JSON_ARRAYAGG", "JSON_OBJECTAGG", "MAX", "MID", "MIN", "NOW", "POSITION", "SESSION_USER", "STD", "STDDEV", "STDDEV_POP",
	"STDDEV_SAMP", "SUBDATE", "SUBSTR", "SUBSTRING", "SUM", "SYSDATE", "SYSTEM_USER", "TRIM", "VARIANCE", "VAR_POP", "VAR_SAMP")

func words(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, w := range list {
		m[w] = true
	}
	return m
}

// parserWords tells of the parser's keywords whether they are reserved.
var parserWords = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool, len(parser.Keywords))
	for _, k := range parser.Keywords {
		m[k.Word] = k.Reserved
	}
	return m
})

func (r *reader) isKeyword(w, after string) bool {
	var buf [32]byte
	if len(w) > len(buf) {
		return false
	}
	upper := appendUpper(buf[:0], w)
	if callWords[string(upper)] && strings.HasPrefix(after, "(") {
		return true
	}
	reserved, known := parserWords()[string(upper)]
	if !r.data || reserved {
		return known
	}
	return dataKeywords[string(upper)]
}
