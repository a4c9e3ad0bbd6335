package syntax

import (
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
)

// Types of strings in words that the parser forgets or lacks. NCHAR, NVARCHAR, NATIONAL CHAR and their other spellings are in utf8mb3;
// ASCII, UNICODE and BYTE behind a type are the character sets latin1, ucs2 and binary. They give way to CHAR, VARCHAR and CHARACTER SET.
// BINARY in a CAST, of which the parser makes bytes, is the binary collation of the type's character set: a function around the CAST says so.

// charType is a type of strings in a text.
type charType struct {
	by       string // of a national type: how the parser spells it
	to       int    // behind the words of its name
	end      int    // behind its length, or its elements
	charset  string // ASCII's, UNICODE's or BYTE's
	named    string // CHARACTER SET's
	binary   bool
	from, at int // where these attributes stand
}

// charTypeWords are the words of types that need no second one.
var charTypeWords = map[string]bool{
	"varchar": true, "varcharacter": true, "tinytext": true, "text": true, "mediumtext": true, "longtext": true, "enum": true, "set": true,
}

// attributeCharsets are the words that stand for a character set.
var attributeCharsets = map[string]string{"ascii": "latin1", "unicode": "ucs2", "byte": "binary"}

// word is the word at i in lower case, and the places behind it and of the next token; "" at the text's end.
func (s *scanner) word(i int) (word string, to, next int) {
	if i >= len(s.text) {
		return "", i, i
	}
	to = s.token(i)
	return strings.ToLower(s.text[i:to]), to, s.space(to)
}

// charType reads a type of strings at i with its attributes.
func (s *scanner) charType(i int) (t charType, ok bool) {
	word, to, next := s.word(i)
	switch second, end, _ := s.word(next); {
	case word == "nchar" || word == "nvarchar" || word == "national":
		if t.by, t.to = s.national(i); t.by == "" {
			return t, false
		}
	case (word == "char" || word == "character") && second == "varying", word == "long" && (second == "varchar" || second == "varcharacter"):
		t.to = end
	case word == "char" || word == "character" || word == "long" || charTypeWords[word]:
		t.to = to
	default:
		return t, false
	}
	t.end = t.to
	if next = s.space(t.to); next < len(s.text) && s.text[next] == '(' {
		t.end = s.shortList(next)
	} else if word == "enum" || word == "set" {
		return t, false
	}
	if t.end > 0 {
		s.attributes(&t)
	}
	return t, t.end > 0
}

// shortList gives the place behind the parentheses that open at i and have no others in them; 0 where there are others.
func (s *scanner) shortList(i int) int {
	for i = s.space(i + 1); i < len(s.text); i = s.space(s.token(i)) {
		switch s.text[i] {
		case '(':
			return 0
		case ')':
			return i + 1
		}
	}
	return 0
}

// attributes reads what stands behind a type about its character set.
func (s *scanner) attributes(t *charType) {
	t.from = s.space(t.end)
	t.at = t.end
	for i := t.from; ; {
		word, to, next := s.word(i)
		set := attributeCharsets[word]
		switch {
		case set != "" && t.charset == "" && t.named == "" && (set != "binary" || !t.binary):
			t.charset = set
		case word == "binary" && !t.binary && t.charset != "binary":
			t.binary = true
		case t.charset == "" && t.named == "":
			if t.named, to, next = s.namedCharset(i); t.named == "" {
				return
			}
		default:
			if word == "binary" && t.charset == "binary" {
				t.charset = "" // BYTE BINARY is none
			}
			return
		}
		t.at, i = to, next
	}
}

// namedCharset reads CHARACTER SET name at i.
func (s *scanner) namedCharset(i int) (name string, to, next int) {
	word, _, next := s.word(i)
	if word == "char" || word == "character" {
		if word, _, next = s.word(next); word != "set" {
			return "", i, i
		}
	} else if word != "charset" {
		return "", i, i
	}
	if next >= len(s.text) {
		return "", i, i
	}
	to = s.token(next)
	return s.text[next:to], to, s.space(to)
}

// mayPrecedeType tells whether a column's type, or that of a CAST, may follow a token: names of columns follow the others.
func mayPrecedeType(token string) bool {
	switch token {
	case "", "(", ",", ".", "add", "column", "modify", "change", "select", "by":
		return false
	}
	return token[0] == '`' || token[0] == '"' || lexer.IsWord(token[0])
}

// national reads a national type at i: what it gives way to, "" for none, and where its words end.
func (s *scanner) national(i int) (by string, to int) {
	first, to, next := s.word(i)
	if first == "nvarchar" {
		return "VARCHAR", to
	}
	if first == "national" {
		switch first, to, next = s.word(next); first {
		case "char", "character":
		case "varchar", "varcharacter":
			return "VARCHAR", to
		default:
			return "", 0
		}
	}
	if word, end, _ := s.word(next); word == "varying" || first == "nchar" && (word == "varchar" || word == "varcharacter") {
		return "VARCHAR", end
	}
	return "CHAR", to
}

// What was respelled says in a comment what stood there, so that names of columns are as they were written.
const (
	respelled    = "/*written "
	respelledEnd = "/*.*/"
	// A CAST with BINARY is between these.
	binaryCast    = "`" + binaryCastCall + "`("
	binaryCastEnd = "/*;*/)"

	binaryCastCall = "binary cast #"
)

var respelledPattern = regexp.MustCompile(`(?s)/\*written ([0-9a-f]*)\*/.*?/\*\.\*/`)

// writtenTypes is a part of a text as it was before respellTypes.
func writtenTypes(text string) string {
	if !strings.Contains(text, respelledEnd) {
		return text
	}
	text = strings.NewReplacer(binaryCast, "", binaryCastEnd, "").Replace(text)
	return respelledPattern.ReplaceAllStringFunc(text, func(m string) string {
		source, _ := hex.DecodeString(respelledPattern.FindStringSubmatch(m)[1])
		return string(source)
	})
}

// respellTypes gives the text with types of strings in the parser's words; ok tells whether there were others.
func respellTypes(text string, mode mysql.SQLMode) (other string, ok bool) {
	if !namesOthers(text) {
		return text, false
	}
	f := typeFinder{scanner: newScanner(text, mode)}
	f.run()
	if len(f.edits) == 0 {
		return text, false
	}
	sortEdits(f.edits)
	for _, e := range f.edits {
		f.replace(e.from, e.to, e.by)
	}
	return f.changed(), true
}

// namesOthers tells whether a text has words of such types somewhere.
func namesOthers(text string) bool {
	binary, cast := false, false
	for i := range len(text) {
		switch text[i] | 0x20 {
		case 'n':
			if mentionsAt(text, i, "nchar") || mentionsAt(text, i, "nvarchar") || mentionsAt(text, i, "national") {
				return true
			}
		case 'a':
			if mentionsAt(text, i, "ascii") {
				return true
			}
		case 'u':
			if mentionsAt(text, i, "unicode") {
				return true
			}
		case 'b':
			if mentionsAt(text, i, "byte") {
				return true
			}
			binary = binary || mentionsAt(text, i, "binary")
		case 'c':
			cast = cast || mentionsAt(text, i, "cast") || mentionsAt(text, i, "convert")
		}
	}
	return binary && cast
}

// typeFinder respells the types of a text.
type typeFinder struct {
	scanner
	edits []edit
	open  []opened
}

// opened is an open parenthesis: the word before it, and where that stands.
type opened struct {
	word string
	from int
}

func (f *typeFinder) run() {
	before, from := "", 0
	for i := f.space(0); i < len(f.text); {
		word, _, next := f.word(i)
		switch {
		case word == "(":
			f.open = append(f.open, opened{before, from})
		case word == ")" && len(f.open) > 0:
			f.open = f.open[:len(f.open)-1]
		case mayPrecedeType(before) || before == "," && f.within() == "convert":
			if t, ok := f.charType(i); ok && f.respell(i, &t) {
				word, next = ")", f.space(max(t.at, t.end))
			}
		}
		before, from, i = word, i, next
	}
}

// within is the word before the innermost parenthesis.
func (f *typeFinder) within() string {
	if len(f.open) == 0 {
		return ""
	}
	return f.open[len(f.open)-1].word
}

// respell notes what is put for a type at i, if it has to be.
func (f *typeFinder) respell(i int, t *charType) bool {
	cast := f.within() == "cast" || f.within() == "convert"
	charset := t.charset
	if charset == "" {
		charset = t.named
	}
	switch {
	case t.by != "":
		f.put(i, t.to, t.by)
		f.put(t.end, t.end, " CHARACTER SET utf8mb3")
		t.at = t.end // BINARY is the parser's business
	case t.binary && cast && f.closes(t.at):
		if charset != "" {
			charset = " CHARACTER SET " + charset
		}
		f.put(t.from, t.at, charset)
		call := f.open[len(f.open)-1]
		f.edits = append(f.edits, edit{call.from, call.from, binaryCast}, edit{f.space(t.at) + 1, f.space(t.at) + 1, binaryCastEnd})
	case t.charset != "" && t.binary:
		f.put(t.from, t.at, " CHARACTER SET "+charset+" BINARY")
	case t.charset != "":
		f.put(t.from, t.at, " CHARACTER SET "+charset)
	default:
		return false
	}
	return true
}

// closes tells whether nothing but the end of a CAST stands behind i.
func (f *typeFinder) closes(i int) bool {
	i = f.space(i)
	return i < len(f.text) && f.text[i] == ')'
}

func (f *typeFinder) put(from, to int, by string) {
	f.edits = append(f.edits, edit{from, to, respelled + hex.EncodeToString([]byte(f.text[from:to])) + "*/" + by + respelledEnd})
}

// binaryCasts takes the functions around CASTs away, and marks these.
type binaryCasts struct{}

func (binaryCasts) Enter(n ast.Node) (ast.Node, bool) { return n, false }

func (binaryCasts) Leave(n ast.Node) (ast.Node, bool) {
	if call, ok := n.(*ast.FuncCallExpr); ok && call.FnName.O == binaryCastCall && len(call.Args) == 1 {
		if cast, ok := call.Args[0].(*ast.FuncCastExpr); ok {
			cast.Tp.AddFlag(mysql.BinaryFlag)
			return cast, true
		}
	}
	return n, true
}
