package dialect

import (
	"strings"
	"testing"

	"cloudsql/planner/lexer"
)

// What looks at a text takes time in proportion to its length, whatever is repeated in it. Nothing is measured: with a scan from
// each of a million places to the end of the text, this test would run for hours.
func TestTextsAreReadOnce(t *testing.T) {
	const size = 4 << 20
	for _, piece := range []string{
		"/*", "*/", "/*!", "/*!99999", "/*! ", "/*+", "/*M!", "/*T!", "/**/", "/*!*/", "#", "#\n", "--", "-- ", "-- \n", "--\n", "'", "''", "\"", "`", "``",
		"\\", "\\'", "'\\", "(", ")", "()", ";", ";;'", "@", "@@", "@a,", "@`", "into @a ", "into @'", "into @a, ", "into @a into", ".", "1.", "1e", "x'",
		"a", "a.", "9", "?", ",", "*", "/", "-", "\x00", "\xff", " ", "\n", "default (", "from (", "extended ", "set @a=1,", "t write,",
	} {
		for _, head := range []string{"", "select ", "lock tables "} {
			text := head + strings.Repeat(piece, size/len(piece)/16)
			for rest, n := text, 0; rest != "" && n < 3; n++ {
				_, rest = Split(rest, 0)
			}
			_, _ = Recognise(text, 0)
			_, _ = ReadShow(text)
			IntoVars(text, 0)
		}
		l := lexer.Lexer{Text: strings.Repeat(piece, size/len(piece)), Escapes: true, Inside: true}
		for n := 0; l.Next().Kind != lexer.End; n++ {
			if n > size {
				t.Fatalf("%q: no end", piece)
			}
		}
	}
}
