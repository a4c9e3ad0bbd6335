package syntax

import (
	"strings"
	"testing"
)

// Reading a text takes time in proportion to its length, whatever is repeated in it. Nothing is measured: with a scan from each of a
// million places to the end of the text, this test would run for hours.
func TestTextsAreReadOnce(t *testing.T) {
	const size = 4 << 20
	for _, piece := range []string{
		"/*", "*/", "/*!", "/*!*/", "/*!99999", "/*!99999*/", "/*+", "/*+*/", "/*T!", "/*T![", "/*T![a]", "/**/", "#", "#\n", "-- ", "-- \n", "--", "'", "''",
		"'' ", "\"", "`", "`` ", "\\", "'\\", "(", ")", "()", "(select", "from (", "from (select 1) a (a, ", "from (select 1) ", "default ",
		"default (", "default (1", "default ()", "a default (1),", "create table (", "json_table ", "a(99999999999999999999", "9", "1.", "1e", "x'", "0x",
		"a.", "@", "@'", "@a:=", "?", ",", ";", "\x00", "\xff", "as ", "to timestamp", "member of", "optionally", "union ", "not ", "\n",
		"a set (", "a enum ('a', ", "cast(a as char binary", "convert(a, char(1) ascii)", "a national ", "a char character set binary ", "from ({oj ",
	} {
		for _, head := range []string{"", "select ", "create table t (a int ", "/* c */ create table t (a int default (1), ", "select /*! "} {
			text := head + strings.Repeat(piece, size/len(piece)/8)
			text, err := plain(text, 0)
			if err != nil {
				continue
			}
			if text, err = measure(text, 0); err != nil {
				text = head + strings.Repeat(piece, size/len(piece)/8) // refused; the scans are to bear it all the same
			}
			without, _, _ := takeDefaults(text, 0)
			d := derivedFinder{scanner: newScanner(without, 0)}
			d.run()
			_ = longNumber(without)
			_, _ = respellTypes(without, 0)
			_ = DeprecatedCharsets(text, 0)
			_ = checkBraces(text, 0)
			_ = checkParts(text, 0)
		}
	}
}
