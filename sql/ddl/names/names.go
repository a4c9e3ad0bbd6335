package names

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// MaxChars is how long a name may be.
const MaxChars = 64

// Check applies the rules that hold for every identifier; wrong is the error for a name that can't be one.
func Check(name string, wrong uint16) error {
	switch {
	case utf8.RuneCountInString(name) > MaxChars:
		return mysqlerr.New(mysqlerr.TooLongIdent, name)
	case name == "" || strings.HasSuffix(name, " ") || strings.ContainsRune(name, 0):
		return mysqlerr.New(wrong, name)
	}
	return nil
}

// Database is nil for a name that a database may have: 1102, 1059 otherwise.
func Database(name string) error { return Check(name, mysqlerr.WrongDBName) }

// Table is nil for a name that a table may have: 1103, 1059 otherwise.
func Table(name string) error { return Check(name, mysqlerr.WrongTableName) }

// OfTable is nil for a column that a definition names without its table, or by the right one: 1102, 1103.
func OfTable(c *ast.ColumnName, db, table string) error {
	switch {
	case c.Schema.O != "" && c.Schema.O != db:
		return mysqlerr.New(mysqlerr.WrongDBName, c.Schema.O)
	case c.Table.O != "" && c.Table.O != table:
		return mysqlerr.New(mysqlerr.WrongTableName, c.Table.O)
	}
	return nil
}

// Column is nil for a name that a column may have: 1166, 1059 otherwise. InnoDB has three of its own.
func Column(name string) error {
	switch strings.ToUpper(name) {
	case "DB_ROW_ID", "DB_TRX_ID", "DB_ROLL_PTR":
		return mysqlerr.New(mysqlerr.WrongColumnName, name)
	}
	return Check(name, mysqlerr.WrongColumnName)
}

// Index is nil for a name that an index beside the primary key may have: 1280, 1059 otherwise.
func Index(name string) error {
	if strings.EqualFold(name, "PRIMARY") {
		return mysqlerr.New(mysqlerr.WrongNameForIndex, name)
	}
	return Check(name, mysqlerr.WrongNameForIndex)
}

// copyPrefix begins the names of the second tables that an ALTER TABLE fills; no statement can make such a name without quoting it.
const copyPrefix = "#alter-"

// IsCopy tells whether a table is one that an ALTER TABLE fills: it is not for users to see.
func IsCopy(name string) bool { return strings.HasPrefix(name, copyPrefix) }

// Copy is the name of the table that takes the rows of another.
func Copy(id schema.TableID) string { return fmt.Sprintf("%s%d", copyPrefix, id) }

// Element is the text of an element of ENUM or SET. One that was written as bytes (0x9353) has the column's character set. What the parser
// takes for spaces at its end may be half of a character where these have two bytes or four.
func Element(c collation.ID, e string, bytes bool) (string, error) {
	if bytes && !c.KeepsUTF8() {
		if len(e)%c.MinBytes() != 0 {
			return "", mysqlerr.NotSupported("elements of " + c.Charset() + " as numbers of half characters")
		}
		text, bad := c.DecodeStrict([]byte(e))
		if bad >= 0 {
			return "", mysqlerr.New(mysqlerr.InvalidCharacterString, c.Charset(), collation.HexPrefix([]byte(e)[bad:]))
		}
		e = string(text)
	}
	if !utf8.ValidString(e) {
		if c == collation.Binary {
			return "", mysqlerr.NotSupported("elements of ENUM and SET that are no UTF-8")
		}
		return "", mysqlerr.New(mysqlerr.InvalidCharacterString, c.Charset(), collation.HexPrefix([]byte(e)))
	}
	return strings.TrimRight(e, " "), nil
}
