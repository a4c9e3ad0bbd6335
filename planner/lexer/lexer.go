package lexer

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// Kind is what a token is.
type Kind uint8

// The kinds of tokens. White space is none.
const (
	End     Kind = iota
	Word         // a name without quotes, a keyword, a number as far as its point
	Name         // in backquotes
	String       // in quotes; the next one may be its other half ('it''s')
	Sign         // any other byte
	Comment      // white space to the parser
	Hint         // a comment of optimizer hints
	Code         // a comment whose text is read; where Lexer.Inside is set, only how it opens
	CodeEnd      // and how it closes
)

// Token is a piece of a text.
type Token struct {
	Kind     Kind
	From, To int  // in the text
	Closed   bool // of a Name or a String: its end was found
	Escaped  bool // it has a backslash
}

// Lexer goes through the tokens of a text, as MySQL tells them apart, for all that looks at a text without parsing it: what cuts several
// statements (sql/dialect), reads those that the parser lacks, and takes literals, defaults and derived tables out. Each byte is
// looked at a bounded number of times: what a client sends may be megabytes of anything.
type Lexer struct {
	Text    string
	Pos     int  // where the next token is looked for
	Escapes bool // a backslash in a string is one: no NO_BACKSLASH_ESCAPES
	// Inside goes into comments whose text this server reads: /*! … */, or with the number of a version that is not a later one.
	Inside bool

	open bool // such a comment; they don't nest: the first end ends it
}

// New reads a text under a sql_mode.
func New(text string, mode mysql.SQLMode) Lexer {
	return Lexer{Text: text, Escapes: mode&mysql.ModeNoBackslashEscapes == 0}
}

// Next gives the next token; at the end one of kind End.
func (l *Lexer) Next() Token {
	for l.Pos < len(l.Text) && l.Text[l.Pos] <= ' ' {
		l.Pos++
	}
	t := Token{From: l.Pos, To: l.Pos}
	if l.Pos >= len(l.Text) {
		return t
	}
	switch c := l.Text[l.Pos]; {
	case IsWord(c):
		t.Kind = Word
		for t.To < len(l.Text) && IsWord(l.Text[t.To]) {
			t.To++
		}
	case c == '\'' || c == '"':
		t.Kind = String
		t.To, t.Closed, t.Escaped = Quoted(l.Text, l.Pos, l.Escapes)
	case c == '`':
		t.Kind = Name
		t.To, t.Closed, t.Escaped = Quoted(l.Text, l.Pos, false)
	default:
		l.other(c, &t)
	}
	l.Pos = t.To
	return t
}

// other takes a sign or a comment.
func (l *Lexer) other(c byte, t *Token) {
	t.Kind, t.To = Sign, l.Pos+1
	rest := l.Text[l.Pos:]
	switch {
	case c == '*' && l.open && strings.HasPrefix(rest, "*/"):
		l.open = false
		t.Kind, t.To = CodeEnd, l.Pos+2
	case c != '#' && c != '-' && c != '/':
	case l.Inside && strings.HasPrefix(rest, "/*!"):
		n, ours := conditionalLength(rest)
		if t.Kind, t.To = Comment, l.Pos+n; ours {
			t.Kind, l.open = Code, true
		}
	default:
		n := CommentLength(rest)
		if n == 0 {
			return
		}
		t.To = l.Pos + n
		switch t.Kind = Comment; {
		case strings.HasPrefix(rest, "/*+"):
			t.Kind = Hint
		case strings.HasPrefix(rest, "/*!") && !l.Inside, strings.HasPrefix(rest, "/*M!"):
			t.Kind = Code
		}
	}
}

// conditionalLength is the length of what opens a comment whose text this server reads: "/*!", or with the number of a version
// that is not a later one. That of a later version is a comment as a whole, in which others may stand.
func conditionalLength(text string) (n int, ours bool) {
	for n = len("/*!"); n < min(len("/*!050003"), len(text)) && isDigit(text[n]); n++ {
	}
	switch digits := n - len("/*!"); {
	case digits < 5:
		return len("/*!"), true
	case digits == 5 && text[3:n] > "80036", digits == 6 && text[3:n] > "080036":
		return skippedLength(text), false
	}
	return n, true
}

// skippedLength is the length of a comment that others may stand in, one level deep.
func skippedLength(text string) int {
	for i := 2; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "*/":
			return i + 2
		case "/*":
			i += CommentLength(text[i:]) - 1
		}
	}
	return len(text)
}

// Quoted gives the position after the string or name that begins at i, whether it ends there, and whether it has a backslash.
func Quoted(text string, i int, escapes bool) (end int, closed, escaped bool) {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if escapes {
				i++
				escaped = true
			}
		case quote:
			return i + 1, true, escaped // a doubled quote goes on as a string of its own, which is as good
		}
	}
	return len(text), false, escaped
}

// CommentLength is the length of the comment that text begins with, 0 for none.
func CommentLength(text string) int {
	var end string
	switch {
	case text[0] == '#':
		end = "\n"
	case strings.HasPrefix(text, "--") && (len(text) == 2 || text[2] <= ' '):
		end = "\n"
	case strings.HasPrefix(text, "/*"):
		end = "*/"
	default:
		return 0
	}
	if i := strings.Index(text[min(2, len(text)):], end); i >= 0 && end == "*/" {
		return i + 4
	}
	if i := strings.Index(text, end); i >= 0 && end == "\n" {
		return i + 1
	}
	return len(text)
}

// WithoutComments is a part of a statement without the comments in it, as MySQL names columns.
func WithoutComments(text string) string {
	if !strings.ContainsAny(text, "#-/") {
		return text
	}
	var b strings.Builder
	from, l := 0, Lexer{Text: text, Escapes: true}
	for t := l.Next(); t.Kind != End; t = l.Next() {
		if t.Kind == Comment {
			b.WriteString(text[from:t.From])
			from = t.To
		}
	}
	if from == 0 {
		return text
	}
	return b.String() + text[from:]
}

// IsWord tells whether c may stand in a name without quotes.
func IsWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// InCode tells whether the lexer is in a comment whose text is read.
func (l *Lexer) InCode() bool { return l.open }
