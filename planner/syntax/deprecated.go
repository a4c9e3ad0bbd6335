package syntax

import (
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// deprecatedCharsets are those that MySQL 8.0 warns of.
var deprecatedCharsets = map[string]bool{"utf8mb3": true, "ucs2": true, "macroman": true, "macce": true, "dec8": true, "hp8": true}

// DeprecatedCharsets are the warnings about character sets that a text names and MySQL wants to be rid of, and about its own words for
// some, in the text's order.
func DeprecatedCharsets(text string, mode mysql.SQLMode) []*mysqlerr.Error {
	return deprecatedIn(text, mode, false)
}

// DeprecatedInRows is DeprecatedCharsets of a query or a change of rows, where names may be those of columns.
func DeprecatedInRows(text string, mode mysql.SQLMode) []*mysqlerr.Error {
	if !mayNameDeprecated(text) {
		return nil
	}
	return deprecatedIn(text, mode, true)
}

// deprecatedWords are what such names begin with.
var deprecatedWords = [...]string{"utf8", "ucs2", "mac", "dec8", "hp8", "nchar", "nvarchar", "national", "n'", "ascii", "unicode", "binary"}

func mayNameDeprecated(text string) bool {
	for i := range len(text) {
		switch text[i] | 0x20 {
		case 'u', 'm', 'd', 'h', 'n', 'a', 'b':
			for _, w := range deprecatedWords {
				if text[i]|0x20 == w[0] && mentionsAt(text, i, w) {
					return true
				}
			}
		}
	}
	return false
}

func deprecatedIn(text string, mode mysql.SQLMode, rows bool) []*mysqlerr.Error {
	text, err := plain(text, mode)
	if err != nil {
		return nil
	}
	d := deprecations{scanner: newScanner(text, mode), rows: rows}
	before := ""
	for i := d.space(0); i < len(text); {
		word, to, next := d.word(i)
		if t, ok := d.typeAt(i, before); ok {
			d.ofType(&t)
			word, next = ")", d.space(max(t.at, t.end))
		} else {
			d.other(word, before, text[to:], text[next:])
		}
		before, i = word, next
	}
	return d.list
}

// deprecations collects the warnings of a text.
type deprecations struct {
	scanner
	list  []*mysqlerr.Error
	wants string // what a name is that is to come
	rows  bool   // the text is about rows: CHARSET and NAMES may be columns
}

func (d *deprecations) warn(e *mysqlerr.Error) {
	if e != nil {
		d.list = append(d.list, e)
	}
}

// typeAt reads a type of strings that says something of its character set.
func (d *deprecations) typeAt(i int, before string) (t charType, ok bool) {
	if d.wants != "" || !mayPrecedeType(before) || d.rows && before != "as" {
		return t, false
	}
	t, ok = d.charType(i)
	return t, ok && (t.by != "" || t.at > t.end)
}

// ofType warns of a type's words, in the order in which MySQL's grammar comes to know them.
func (d *deprecations) ofType(t *charType) {
	if t.named != "" {
		d.warn(deprecatedName(strings.Trim(strings.ToLower(t.named), "`'\""), false))
	}
	first, _, _ := d.word(t.from)
	if t.binary && (first == "binary" || t.charset == "") {
		d.warn(mysqlerr.New(mysqlerr.WarnDeprecatedSyntax, binaryAttribute, "a CHARACTER SET clause with _bin collation"))
	}
	switch {
	case t.by != "":
		d.warn(mysqlerr.New(mysqlerr.DeprecatedNational))
	case t.charset == "latin1":
		d.warn(mysqlerr.New(mysqlerr.WarnDeprecatedSyntax, "ASCII", "CHARACTER SET charset_name"))
	case t.charset == "ucs2":
		d.warn(mysqlerr.New(mysqlerr.WarnDeprecatedSyntax, "UNICODE", "CHARACTER SET charset_name"))
	}
	if t.binary && first != "binary" && t.charset != "" {
		d.warn(mysqlerr.New(mysqlerr.WarnDeprecatedSyntax, binaryAttribute, "a CHARACTER SET clause with _bin collation"))
	}
}

const binaryAttribute = "BINARY as attribute of a type"

// other looks at any other token; rest is what stands behind it, next the same without white space.
func (d *deprecations) other(word, before, rest, next string) {
	switch {
	case word == "charset" && !(d.rows && strings.HasPrefix(next, "=")), word == "set" && (before == "character" || before == "char"),
		word == "names" && !d.rows, word == "using":
		d.wants = "charset"
	case word == "collate":
		d.wants = "collation"
	case word == "=" && d.wants != "":
	case d.wants != "":
		d.warn(deprecatedName(strings.Trim(word, "`'\""), d.wants == "collation"))
		d.wants = ""
	case word == "n" && strings.HasPrefix(rest, "'"):
		d.warn(mysqlerr.New(mysqlerr.DeprecatedNational))
	case word[0] == '_' && beginsLiteral.MatchString(next):
		d.warn(deprecatedName(word[1:], false))
	}
}

// beginsLiteral is a literal behind the name of a character set.
var beginsLiteral = regexp.MustCompile(`^(['"]|0x|[xXbB]')`)

func deprecatedName(name string, collation bool) *mysqlerr.Error {
	if collation {
		if rest, ok := strings.CutPrefix(strings.Replace(name, "utf8_", "utf8mb3_", 1), "utf8mb3_"); ok {
			return mysqlerr.New(mysqlerr.DeprecatedUTF8MB3Collation, "utf8mb3_"+rest)
		}
		return nil
	}
	switch {
	case name == "utf8":
		return mysqlerr.New(mysqlerr.DeprecatedUTF8Alias)
	case deprecatedCharsets[name]:
		return mysqlerr.New(mysqlerr.WarnDeprecatedSyntax, name, "utf8mb4")
	}
	return nil
}
