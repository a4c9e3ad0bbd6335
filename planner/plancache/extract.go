package plancache

import (
	"strconv"
	"unicode/utf8"

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
	s := scanner{x: x, text: text}
	return s.run()
}

// mode tells whether literals may be taken out at this place.
type mode uint8

const (
	modeStart   mode = iota
	modeKeep         // select list, GROUP BY, ORDER BY
	modeExtract      // everywhere else
)

type scanner struct {
	x       *Extractor
	text    string
	pos     int
	mode    mode
	selects int
	depth   int // of parentheses
	// prevWord is the last token if it was a word, so that DATE '…' is seen; prevLiteral tells that it was a literal.
	prevWord    string
	prevLiteral bool
}

func (s *scanner) run() bool {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			s.space()
			continue
		case isWordStart(c):
			if !s.word() {
				return false
			}
		case c >= '0' && c <= '9' || c == '.' && s.pos+1 < len(s.text) && isDigit(s.text[s.pos+1]) && !s.afterName():
			if !s.number() {
				return false
			}
		case c == '\'' || c == '"':
			if !s.str(c) {
				return false
			}
		case c == '`':
			if !s.quotedName() {
				return false
			}
		default:
			if !s.punctuation(c) {
				return false
			}
		}
	}
	return s.mode != modeStart && s.selects <= 1
}

func (s *scanner) emit(from int) { s.x.Key = append(s.x.Key, s.text[from:s.pos]...) }

func (s *scanner) space() {
	for s.pos < len(s.text) && (s.text[s.pos] == ' ' || s.text[s.pos] == '\t' || s.text[s.pos] == '\n' || s.text[s.pos] == '\r') {
		s.pos++
	}
	if len(s.x.Key) > 0 && s.pos < len(s.text) {
		s.x.Key = append(s.x.Key, ' ')
	}
}

// afterName tells that a name or literal directly precedes, so that a point belongs to it (t.1col).
func (s *scanner) afterName() bool {
	if len(s.x.Key) == 0 {
		return false
	}
	c := s.x.Key[len(s.x.Key)-1]
	return isWordPart(c) || c == '`'
}

func (s *scanner) token(word string) {
	s.prevWord, s.prevLiteral = word, false
}

func (s *scanner) word() bool {
	from := s.pos
	for s.pos < len(s.text) && isWordPart(s.text[s.pos]) {
		s.pos++
	}
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
func (s *scanner) begin(w string) bool {
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
func (s *scanner) keyword(w string) bool {
	if w[0] == '_' && s.pos < len(s.text) && (s.text[s.pos] == '\'' || s.text[s.pos] == ' ') {
		return false // maybe a character set introducer
	}
	switch len(w) {
	case 4:
		if fold(w, "FROM") && s.selects > 0 && s.depth == 0 { // not EXTRACT(YEAR FROM d)
			s.mode = modeExtract
		} else if fold(w, "WITH") || fold(w, "INTO") && s.selects > 0 {
			return false
		}
	case 5:
		if fold(w, "GROUP") || fold(w, "ORDER") {
			s.mode = modeKeep
		} else if fold(w, "LIMIT") || fold(w, "WHERE") {
			s.mode = modeExtract
		} else if fold(w, "UNION") || fold(w, "TABLE") {
			return false
		}
	case 6:
		if fold(w, "SELECT") || fold(w, "EXCEPT") {
			return false // a subquery: its select list must stay as it is
		} else if fold(w, "HAVING") {
			s.mode = modeExtract
		}
	case 9:
		if fold(w, "INTERSECT") || fold(w, "PROCEDURE") || fold(w, "PARTITION") {
			return false
		}
	}
	return true
}

func (s *scanner) number() bool {
	from := s.pos
	if s.text[s.pos] == '0' && s.pos+1 < len(s.text) && (s.text[s.pos+1]|0x20 == 'x' || s.text[s.pos+1]|0x20 == 'b') {
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
	if s.pos < len(s.text) && isWordPart(s.text[s.pos]) {
		return false // 12abc: a name that begins with digits
	}
	if s.mode != modeExtract {
		s.emit(from)
		s.token("")
		return true
	}
	v, kind, ok := numberValue(s.text[from:s.pos], kind)
	if !ok {
		return false
	}
	s.take(v, kind)
	return true
}

func (s *scanner) digits() {
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
func (s *scanner) str(quote byte) bool {
	if s.prevLiteral || fold(s.prevWord, "DATE") || fold(s.prevWord, "TIME") || fold(s.prevWord, "TIMESTAMP") ||
		fold(s.prevWord, "N") || fold(s.prevWord, "X") || fold(s.prevWord, "B") || fold(s.prevWord, "AS") ||
		fold(s.prevWord, "SEPARATOR") || fold(s.prevWord, "ESCAPE") {
		return false // typed literals, 'a' 'b', aliases: the parser's business
	}
	from := s.pos
	s.pos++
	begin := s.pos
	for s.pos < len(s.text) && s.text[s.pos] != quote && s.text[s.pos] != '\\' {
		s.pos++
	}
	if s.pos == len(s.text) {
		return false
	}
	var value []byte
	if s.text[s.pos] == quote && (s.pos+1 == len(s.text) || s.text[s.pos+1] != quote) {
		value = []byte(s.text[begin:s.pos])
		s.pos++
	} else {
		s.pos = begin
		var ok bool
		if value, ok = s.unescape(quote); !ok {
			return false
		}
	}
	if !utf8.Valid(value) {
		return false // bytes for a binary column: types.String is text always
	}
	if s.mode != modeExtract {
		s.emit(from)
		s.token("")
		s.prevLiteral = true
		return true
	}
	s.take(types.String(value), 's')
	return true
}

func (s *scanner) unescape(quote byte) ([]byte, bool) {
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

func (s *scanner) take(v types.Value, kind byte) {
	s.x.Key = append(s.x.Key, '?')
	s.x.Kinds = append(s.x.Kinds, kind)
	s.x.Params = append(s.x.Params, v)
	s.token("")
	s.prevLiteral = true
}

func (s *scanner) quotedName() bool {
	from := s.pos
	for s.pos++; s.pos < len(s.text) && s.text[s.pos] != '`'; s.pos++ {
	}
	if s.pos == len(s.text) {
		return false
	}
	s.pos++
	s.emit(from)
	s.token("")
	return true
}

func (s *scanner) punctuation(c byte) bool {
	next := byte(0)
	if s.pos+1 < len(s.text) {
		next = s.text[s.pos+1]
	}
	switch c {
	case '#', '?', '@':
		return false // comments; markers; variables change from statement to statement
	case '(':
		s.depth++
	case ')':
		s.depth--
	case '-':
		if next == '-' || next == '>' {
			return false
		}
	case '/':
		if next == '*' {
			return false
		}
	case ';':
		for i := s.pos + 1; i < len(s.text); i++ {
			if s.text[i] != ' ' && s.text[i] != '\n' && s.text[i] != '\r' && s.text[i] != '\t' {
				return false
			}
		}
		s.pos = len(s.text)
		return true
	}
	if c < ' ' || c == '\\' {
		return false
	}
	from := s.pos
	s.pos++
	s.emit(from)
	s.token("")
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWordStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' || c >= 0x80
}
func isWordPart(c byte) bool { return isWordStart(c) || isDigit(c) }

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
