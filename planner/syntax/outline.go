package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

const (
	short       = 8 << 10 // bytes of a text that can't be deep enough to matter
	maxNesting  = 3000    // open parentheses; the parser's own stack has an entry or two for each
	maxChain    = 200_000 // words and operators that may hang below each other: the readers' stacks stay below 256 MB
	maxAdjacent = 10_000  // strings in a row, which the parser joins one by one
	maxComments = 1000    // comments in a row
)

// outline is a quick look over the tokens of a plain text, without a grammar.
type outline struct {
	text     string
	escapes  bool  // a backslash quotes the next character of a string
	levels   []int // words and operators since the last comma, for each parenthesis that is open
	chain    int   // their sum
	strings  int   // in a row
	comments int   // in a row
	worst    int   // the longest run of comments
	line     int
}

// measure refuses texts whose trees would be too deep: 1064 in MySQL's words for a parser's stack that is used up, 1436
// where evaluating would use up a thread's. It gives the text to parse, in which long runs of comments are blank.
func measure(text string, mode mysql.SQLMode) (string, error) {
	if len(text) < short {
		return text, nil
	}
	o := outline{text: text, escapes: mode&mysql.ModeNoBackslashEscapes == 0, levels: make([]int, 1, 64), line: 1}
	for i := 0; i < len(text); {
		next, err := o.token(i)
		if err != nil {
			return "", err
		}
		o.line += strings.Count(text[i:next], "\n")
		i = next
	}
	if o.worst > maxComments {
		text, _ = blankComments(text, o.escapes)
	}
	return text, nil
}

// token takes the token, comment or white space at i and gives where it ends.
func (o *outline) token(i int) (next int, err error) {
	c := o.text[i]
	if c <= ' ' {
		return i + 1, nil
	}
	if n := lexer.CommentLength(o.text[i:]); n > 0 {
		o.comments++
		o.worst = max(o.worst, o.comments)
		return i + n, nil
	}
	o.comments = 0
	if c == '\'' || c == '"' {
		if o.strings++; o.strings > maxAdjacent {
			return 0, o.exhausted(i)
		}
		return skipQuoted(o.text, i, o.escapes), nil
	}
	o.strings = 0
	switch {
	case c == '`':
		return skipQuoted(o.text, i, false), nil
	case c == '(':
		if len(o.levels) > maxNesting {
			return 0, o.exhausted(i)
		}
		o.levels = append(o.levels, 0)
	case c == ')':
		if last := len(o.levels) - 1; last > 0 {
			o.chain -= o.levels[last]
			o.levels = o.levels[:last]
		}
	case c == ',' || c == ';':
		o.chain -= o.levels[len(o.levels)-1]
		o.levels[len(o.levels)-1] = 0
	default:
		return o.word(i)
	}
	return i + 1, nil
}

// word takes an operator or a word, which the tree may have a level for.
func (o *outline) word(i int) (next int, err error) {
	o.levels[len(o.levels)-1]++
	if o.chain++; o.chain > maxChain {
		return 0, mysqlerr.Newf(mysqlerr.StackOverrunNeedMore,
			"Thread stack overrun:  an expression may have %d operators and words that depend on each other", maxChain)
	}
	start := i
	for i < len(o.text) && lexer.IsWord(o.text[i]) {
		i++
	}
	return max(i, start+1), nil
}

// exhausted is what MySQL says when its parser's stack is full.
func (o *outline) exhausted(at int) error {
	return mysqlerr.Newf(mysqlerr.Parse, "memory exhausted near '%-.80s' at line %d", strings.ToValidUTF8(o.text[at:], "?"), o.line)
}

// plain gives a text without what the parser reads otherwise than MySQL: comments for a version, and those that it takes for its
// own (/*T!). What bounds a text (outline) would be deceived by them, as by anything that two lexers tell apart differently.
// 1064 where a comment for a version has no end.
func plain(text string, mode mysql.SQLMode) (string, error) {
	i := strings.Index(text, "/*")
	if i < 0 || !strings.Contains(text[i:], "/*!") && !strings.Contains(text[i:], "/*T!") {
		return text, nil
	}
	blank, open := blankComments(text, mode&mysql.ModeNoBackslashEscapes == 0)
	if open {
		return "", mysqlerr.SyntaxAt(text, len(text))
	}
	return blank, nil
}

// blankComments puts spaces in place of comments, and of the brackets of those whose text is read, so that everything
// else keeps its place and its line. Left are hints behind a word, which the parser may know, and a comment without an end, which
// it knows for an error. open tells that the end of one for a version is missing.
func blankComments(text string, escapes bool) (blank string, open bool) {
	b, word := []byte(text), false
	l := lexer.Lexer{Text: text, Escapes: escapes, Inside: true}
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		piece := b[t.From:t.To]
		switch {
		case t.Kind == lexer.Hint && word:
			word = false
			continue
		case t.Kind == lexer.Comment || t.Kind == lexer.Hint:
			if piece[0] == '/' && (len(piece) < len("/**/") || string(piece[len(piece)-2:]) != "*/") {
				open = open || strings.HasPrefix(text[t.From:], "/*!")
				continue
			}
		case t.Kind != lexer.Code && t.Kind != lexer.CodeEnd:
			word = t.Kind == lexer.Word
			continue
		}
		for i, c := range piece {
			if c != '\n' {
				piece[i] = ' '
			}
		}
	}
	return string(b), open || l.InCode()
}

// skipQuoted gives the position after the string or name that begins at i.
func skipQuoted(text string, i int, escapes bool) int {
	end, _, _ := lexer.Quoted(text, i, escapes)
	return end
}
