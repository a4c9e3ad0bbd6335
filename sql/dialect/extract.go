package dialect

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloudsql/planner/lexer"
	"cloudsql/storage/types"
)

// MaxText is the length up to which a statement's text is looked at; longer ones (bulk inserts) are parsed anyway and
// would only fill the cache.
const MaxText = 4096

// Extractor pulls the literals out of statement texts. It keeps its buffers: one per session, not safe for concurrent
// use. Params alias its own buffer and the text until the next call.
type Extractor struct {
	Key    []byte        // text with ? for each literal taken out
	Kinds  []byte        // one letter a parameter: i, u, d, f, s
	Params []types.Value // the literals
	unesc  []byte
}

// Extract looks at a text read with MySQL's default quoting (no ANSI_QUOTES, no NO_BACKSLASH_ESCAPES). It reports
// whether Key, Kinds and Params describe the statement.
func (x *Extractor) Extract(text string) bool {
	x.Key, x.Kinds, x.Params, x.unesc = x.Key[:0], x.Kinds[:0], x.Params[:0], x.unesc[:0]
	if len(text) > MaxText {
		return false
	}
	s := extraction{x: x, text: text, lex: lexer.Lexer{Text: text, Escapes: true}}
	return s.run()
}

// mode tells whether literals may be taken out at this place.
type mode uint8

const (
	modeStart   mode = iota
	modeKeep         // select list, GROUP BY, ORDER BY
	modeExtract      // everywhere else
)

type extraction struct {
	x       *Extractor
	lex     lexer.Lexer
	text    string
	pos     int // where the present token ends
	mode    mode
	selects int
	depth   int // of parentheses
	// prevWord is the last token if it was a word, so that DATE '…' is seen; prevLiteral tells that it was a literal.
	prevWord    string
	prevLiteral bool
	limit       bool // LIMIT has been seen: what follows are whole numbers, or the parser's errors
}

func (s *extraction) run() bool {
	for {
		t := s.lex.Next()
		if !s.space(s.pos, t.From) {
			return false
		}
		s.pos = t.To
		var ok bool
		switch t.Kind {
		case lexer.End:
			return s.mode != modeStart && s.selects <= 1
		case lexer.Word:
			if isDigit(s.text[t.From]) {
				ok = s.number(t.From)
			} else {
				ok = s.word(t.From)
			}
		case lexer.String:
			ok = s.str(t)
		case lexer.Name:
			if ok = t.Closed; ok {
				s.keep(t.From)
			}
		case lexer.Sign:
			if c := s.text[t.From]; c == '.' && t.To < len(s.text) && isDigit(s.text[t.To]) && !s.afterName() {
				ok = s.number(t.From)
			} else {
				ok = s.sign(c, t.From)
			}
		default:
			return false // comments
		}
		if !ok {
			return false
		}
		s.lex.Pos = s.pos
	}
}

func (s *extraction) emit(from int) { s.x.Key = append(s.x.Key, s.text[from:s.pos]...) }

// keep leaves a token in the text.
func (s *extraction) keep(from int) {
	s.emit(from)
	s.token("")
}

// space is what stands between two tokens: one blank in the key.
func (s *extraction) space(from, to int) bool {
	for _, c := range []byte(s.text[from:to]) {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	if from < to && len(s.x.Key) > 0 && to < len(s.text) {
		s.x.Key = append(s.x.Key, ' ')
	}
	return true
}

// afterName tells that a name or literal directly precedes, so that a point belongs to it (t.1col).
func (s *extraction) afterName() bool {
	if len(s.x.Key) == 0 {
		return false
	}
	c := s.x.Key[len(s.x.Key)-1]
	return lexer.IsWord(c) || c == '`'
}

func (s *extraction) token(word string) {
	s.prevWord, s.prevLiteral = word, false
}

func (s *extraction) word(from int) bool {
	w := s.text[from:s.pos]
	if s.mode == modeStart {
		if !s.begin(w) {
			return false
		}
	} else if !s.keyword(w) {
		return false
	}
	s.emit(from)
	s.token(w)
	return true
}

// begin accepts the statements that are worth caching.
func (s *extraction) begin(w string) bool {
	switch {
	case fold(w, "SELECT"):
		s.mode, s.selects = modeKeep, 1
	case fold(w, "INSERT"), fold(w, "REPLACE"), fold(w, "UPDATE"), fold(w, "DELETE"):
		s.mode = modeExtract
	default:
		return false
	}
	return true
}

// keyword follows the clauses; false leaves the statement alone.
func (s *extraction) keyword(w string) bool {
	if w[0] == '_' && s.pos < len(s.text) && (s.text[s.pos] == '\'' || s.text[s.pos] <= ' ') {
		return false // maybe a character set introducer
	}
	switch len(w) {
	case 4:
		if fold(w, "CAST") && s.afterMinus() {
			return false
		}
		if fold(w, "FROM") && s.selects > 0 && s.depth == 0 { // not EXTRACT(YEAR FROM d)
			s.mode = modeExtract
		} else if fold(w, "WITH") || fold(w, "INTO") && s.selects > 0 {
			return false
		}
	case 5:
		if fold(w, "GROUP") || fold(w, "ORDER") {
			s.mode = modeKeep
		} else if fold(w, "LIMIT") || fold(w, "WHERE") {
			s.mode, s.limit = modeExtract, w[0]|0x20 == 'l'
		} else if fold(w, "UNION") || fold(w, "TABLE") {
			return false
		}
	case 6:
		if fold(w, "SELECT") || fold(w, "EXCEPT") {
			return false // a subquery: its select list must stay as it is
		} else if fold(w, "HAVING") {
			s.mode = modeExtract
		}
	case 11:
		if fold(w, "STR_TO_DATE") {
			return false // its type is its format's matter
		}
	case 9:
		if fold(w, "INTERSECT") || fold(w, "PROCEDURE") || fold(w, "PARTITION") {
			return false
		}
	}
	return true
}

func (s *extraction) number(from int) bool {
	if s.pos = from; s.text[from] == '0' && from+1 < len(s.text) && (s.text[from+1]|0x20 == 'x' || s.text[from+1]|0x20 == 'b') {
		return false
	}
	kind := byte('i')
	s.digits()
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		kind = 'd'
		s.pos++
		s.digits()
	}
	if s.pos < len(s.text) && s.text[s.pos]|0x20 == 'e' {
		kind = 'f'
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '-' || s.text[s.pos] == '+') {
			s.pos++
		}
		if s.pos == len(s.text) || !isDigit(s.text[s.pos]) {
			return false
		}
		s.digits()
	}
	if s.pos < len(s.text) && lexer.IsWord(s.text[s.pos]) {
		return false // 12abc: a name that begins with digits
	}
	if s.mode != modeExtract {
		s.keep(from)
		return true
	}
	v, kind, ok := numberValue(s.text[from:s.pos], kind)
	if !ok || kind == 'u' && bytes.IndexByte(s.x.Key, '-') >= 0 {
		return false
	}
	return s.take(v, kind)
}

// afterMinus tells that a minus stands before what follows: the negative of a constant beyond BIGINT is a DECIMAL, which the plan must see.
func (s *extraction) afterMinus() bool {
	return bytes.HasSuffix(bytes.TrimRight(s.x.Key, " ("), []byte("-"))
}

func (s *extraction) digits() {
	for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
		s.pos++
	}
}

func numberValue(text string, kind byte) (types.Value, byte, bool) {
	switch kind {
	case 'f':
		f, err := strconv.ParseFloat(text, 64)
		return types.Float(f), 'f', err == nil
	case 'i':
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			if int64(u) >= 0 {
				return types.Int(int64(u)), 'i', true
			}
			return types.Uint(u), 'u', true
		}
	}
	v, n, ok := types.ParseDecimal([]byte(text))
	return v, 'd', ok && n == len(text)
}

// str takes a string literal; the text has no backslashes or doubled quotes in the common case.
func (s *extraction) str(t lexer.Token) bool {
	if s.prevLiteral || fold(s.prevWord, "DATE") || fold(s.prevWord, "TIME") || fold(s.prevWord, "TIMESTAMP") ||
		fold(s.prevWord, "N") || fold(s.prevWord, "X") || fold(s.prevWord, "B") || fold(s.prevWord, "AS") ||
		fold(s.prevWord, "SEPARATOR") || fold(s.prevWord, "ESCAPE") {
		return false // typed literals, 'a' 'b', aliases: the parser's business
	}
	if !t.Closed {
		return false
	}
	from, quote := t.From, s.text[t.From]
	var value []byte
	if !t.Escaped && (t.To == len(s.text) || s.text[t.To] != quote) {
		value = []byte(s.text[from+1 : t.To-1])
	} else {
		s.pos = from + 1
		var ok bool
		if value, ok = s.unescape(quote); !ok {
			return false
		}
	}
	if !utf8.Valid(value) {
		return false // bytes for a binary column: types.String is text always
	}
	if s.mode != modeExtract {
		s.keep(from)
		s.prevLiteral = true
		return true
	}
	return s.take(types.String(value), 's')
}

func (s *extraction) unescape(quote byte) ([]byte, bool) {
	from := len(s.x.unesc)
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == quote && s.pos < len(s.text) && s.text[s.pos] == quote:
			s.pos++
		case c == quote:
			out := s.x.unesc[from:len(s.x.unesc):len(s.x.unesc)]
			return append([]byte(nil), out...), true
		case c == '\\':
			if s.pos == len(s.text) {
				return nil, false
			}
			c = s.text[s.pos]
			s.pos++
			if c == '%' || c == '_' {
				s.x.unesc = append(s.x.unesc, '\\')
			} else {
				c = escaped(c)
			}
		}
		s.x.unesc = append(s.x.unesc, c)
	}
	return nil, false
}

func escaped(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 26
	}
	return c
}

func (s *extraction) take(v types.Value, kind byte) bool {
	if s.limit && kind != 'i' && kind != 'u' {
		return false
	}
	s.x.Key = append(s.x.Key, '?')
	s.x.Kinds = append(s.x.Kinds, kind)
	s.x.Params = append(s.x.Params, v)
	s.token("")
	s.prevLiteral = true
	return true
}

// sign takes any other byte.
func (s *extraction) sign(c byte, from int) bool {
	switch c {
	case '?', '@', '{':
		return false // markers; variables change from statement to statement; ODBC's literals have the type that a word says
	case '(':
		s.depth++
	case ')':
		s.depth--
	case '-':
		if next := s.text[s.pos:]; next != "" && (next[0] == '-' || next[0] == '>') {
			return false
		}
	case '~':
		if s.afterMinus() {
			return false
		}
	case ';':
		s.pos = len(s.text)
		return strings.Trim(s.text[from+1:], " \n\r\t") == ""
	}
	if c < ' ' || c == '\\' {
		return false
	}
	s.keep(from)
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// fold compares an ASCII word with an upper-case one.
func fold(w, upper string) bool {
	if len(w) != len(upper) {
		return false
	}
	for i := 0; i < len(w); i++ {
		c := w[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}
