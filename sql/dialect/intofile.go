package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
)

// IntoFile is the clause INTO OUTFILE or INTO DUMPFILE of a SELECT.
type IntoFile struct {
	Dump    bool
	Charset string // of CHARACTER SET; "" where there is none
	Clause  string // INTO OUTFILE 'name' and FIELDS and LINES, as the parser reads them behind a SELECT
	Rest    string // the SELECT without it
}

// TakeIntoFile takes INTO OUTFILE | DUMPFILE out of a SELECT, wherever it stands outside of parentheses; nil where there is none. The
// parser knows it at one place, and neither its character set nor INTO DUMPFILE.
func TakeIntoFile(text string, mode mysql.SQLMode) (f *IntoFile) {
	eachInto(text, mode, func(t lexer.Token, l lexer.Lexer) bool {
		r := clauseReader{text: text, l: l}
		if f = r.intoFile(); f == nil {
			return false
		}
		f.Rest = text[:t.From] + " " + text[r.end:]
		return true
	})
	return f
}

// eachInto gives fn each INTO outside of parentheses, with the lexer behind it, until fn has found its clause there.
func eachInto(text string, mode mysql.SQLMode, fn func(t lexer.Token, l lexer.Lexer) bool) {
	depth, l := 0, lexer.New(text, mode)
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		switch word := text[t.From:t.To]; {
		case t.Kind == lexer.Sign && word == "(":
			depth++
		case t.Kind == lexer.Sign && word == ")":
			depth--
		case t.Kind == lexer.Word && depth == 0 && strings.EqualFold(word, "into"):
			if fn(t, l) {
				return
			}
		}
	}
}

// clauseReader reads what follows INTO, token by token.
type clauseReader struct {
	text string
	l    lexer.Lexer
	end  int // of what was taken
}

// take takes the next words, if they are these.
func (r *clauseReader) take(words ...string) bool {
	l, end := r.l, r.end
	for _, w := range words {
		t := nextCode(&l)
		if t.Kind != lexer.Word || !strings.EqualFold(r.text[t.From:t.To], w) {
			return false
		}
		end = t.To
	}
	r.l, r.end = l, end
	return true
}

// literal takes a string, or a number in hexadecimal or bits, as it is written.
func (r *clauseReader) literal() (text string, ok bool) {
	l := r.l
	t := nextCode(&l)
	from, end := t.From, t.To
	switch {
	case t.Kind == lexer.String && t.Closed:
		for end < len(r.text) && r.text[end] == r.text[from] { // a doubled quote
			if t = l.Next(); t.Kind != lexer.String || !t.Closed {
				return "", false
			}
			end = t.To
		}
	case t.Kind == lexer.Word && (r.text[from] == '0' || end < len(r.text) && r.text[end] == '\''):
		if r.text[from] != '0' { // x'…'
			if t = l.Next(); t.Kind != lexer.String || !t.Closed {
				return "", false
			}
			end = t.To
		}
	default:
		return "", false
	}
	r.l, r.end = l, end
	return r.text[from:end], true
}

// by takes BY and its literal, for items that begin with words.
func (r *clauseReader) by(list *[]string, words ...string) bool {
	before := *r
	if r.take(words...) && r.take("by") {
		if text, ok := r.literal(); ok {
			*list = append(*list, strings.Join(words, " ")+" by "+text)
			return true
		}
	}
	*r = before
	return false
}

func (r *clauseReader) intoFile() *IntoFile {
	f := &IntoFile{}
	switch {
	case r.take("outfile"):
	case r.take("dumpfile"):
		f.Dump = true
	default:
		return nil
	}
	name, ok := r.literal()
	if !ok {
		return nil
	}
	f.Clause = "INTO OUTFILE " + name
	if f.Dump {
		return f
	}
	if r.take("character", "set") || r.take("charset") {
		t := nextCode(&r.l)
		f.Charset, r.end = strings.Trim(r.text[t.From:t.To], "'\"`"), t.To
	}
	var fields, lines, start, term []string
	before := *r
	if r.take("fields") || r.take("columns") {
		for r.by(&fields, "terminated") || r.by(&fields, "optionally", "enclosed") || r.by(&fields, "enclosed") || r.by(&fields, "escaped") {
		}
		if fields == nil {
			*r = before
		}
	}
	before = *r
	if r.take("lines") {
		for r.by(&start, "starting") || r.by(&term, "terminated") {
		}
		if lines = append(last(start), last(term)...); lines == nil {
			*r = before
		}
	}
	if fields != nil {
		f.Clause += " FIELDS " + strings.Join(fields, " ")
	}
	if lines != nil {
		f.Clause += " LINES " + strings.Join(lines, " ")
	}
	return f
}

// last is the last of a list: it is what holds.
func last(list []string) []string { return list[max(len(list)-1, 0):] }
