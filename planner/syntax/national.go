package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// NCHAR, NVARCHAR, NATIONAL CHAR and their other spellings are types of utf8mb3. The parser forgets that, and has no CAST to them:
// they give way to CHAR and VARCHAR with the character set.

const nationalCharset = " CHARACTER SET utf8mb3"

// parseNational reads a text with national types; node is nil where it has none, or where it is to be read as it stands.
func parseNational(text string, o Options) (node, rest ast.StmtNode) {
	if !mentions(text, "nchar") && !mentions(text, "nvarchar") && !mentions(text, "national") {
		return nil, nil
	}
	s := newScanner(text, o.Mode)
	before := ""
	for i := s.space(0); i < len(text); {
		end := s.token(i)
		word := strings.ToLower(text[i:end])
		if by, to := s.national(i); by != "" && mayPrecedeType(before) {
			s.replace(i, to, by)
			if next := s.space(to); next < len(text) && text[next] == '(' {
				if to = s.parenthesis(next); to == 0 {
					return nil, nil
				}
			}
			s.replace(to, to, nationalCharset)
			word, end = ")", to
		}
		before, i = word, s.space(end)
	}
	if s.copied == 0 {
		return nil, nil
	}
	node, rest, err := parseInstead(s.changed(), text, o, nil)
	if err != nil {
		return nil, nil
	}
	return node, rest
}

// mayPrecedeType tells whether a column's type, or that of a CAST, may follow a token: names of columns follow the others.
func mayPrecedeType(token string) bool {
	switch token {
	case "", "(", ",", ".", "add", "column", "modify", "change", "select", "by":
		return false
	}
	return token[0] == '`' || token[0] == '"' || IsWord(token[0])
}

// national reads a national type at i: what it gives way to, "" for none, and where its words end.
func (s *scanner) national(i int) (by string, to int) {
	next := func() string {
		if i >= len(s.text) {
			return ""
		}
		to = s.token(i)
		word := strings.ToLower(s.text[i:to])
		i = s.space(to)
		return word
	}
	first := next()
	switch first {
	case "nvarchar":
		return "VARCHAR", to
	case "nchar":
	case "national":
		switch next() {
		case "char", "character":
		case "varchar", "varcharacter":
			return "VARCHAR", to
		default:
			return "", 0
		}
	default:
		return "", 0
	}
	end := to
	switch word := next(); {
	case word == "varying", first == "nchar" && (word == "varchar" || word == "varcharacter"):
		return "VARCHAR", to
	}
	return "CHAR", end
}

// parenthesis gives the position behind the parenthesis that belongs to that at i; 0 for none.
func (s *scanner) parenthesis(i int) int {
	for depth := 0; i < len(s.text); i = s.space(s.token(i)) {
		switch s.text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// deprecatedCharsets are those that MySQL 8.0 warns of.
var deprecatedCharsets = map[string]bool{"utf8mb3": true, "ucs2": true, "macroman": true, "macce": true, "dec8": true, "hp8": true}

// DeprecatedCharsets are the warnings about character sets that a text names and MySQL wants to be rid of, in the text's order.
func DeprecatedCharsets(text string, mode mysql.SQLMode) (list []*mysqlerr.Error) {
	text, err := plain(text, mode)
	if err != nil {
		return nil
	}
	s := newScanner(text, mode)
	before, wants := "", "" // the token before; what a name is that is to come
	for i := s.space(0); i < len(text); {
		end := s.token(i)
		word := strings.ToLower(text[i:end])
		named := strings.Trim(word, "`'\"")
		switch {
		case word == "charset", word == "set" && (before == "character" || before == "char"), word == "names":
			wants = "charset"
		case word == "collate":
			wants = "collation"
		case word == "=" && wants != "":
		case wants != "":
			if e := deprecatedName(named, wants == "collation"); e != nil {
				list = append(list, e)
			}
			wants = ""
		case word == "n" && end < len(text) && text[end] == '\'':
			list = append(list, mysqlerr.New(mysqlerr.DeprecatedNational))
		case word[0] == '_' && s.space(end) < len(text) && text[s.space(end)] == '\'':
			if e := deprecatedName(word[1:], false); e != nil {
				list = append(list, e)
			}
		default:
			if by, to := s.national(i); by != "" && mayPrecedeType(before) {
				list = append(list, mysqlerr.New(mysqlerr.DeprecatedNational))
				end = to
			}
		}
		before, i = word, s.space(end)
	}
	return list
}

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
