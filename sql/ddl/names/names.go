package names

import (
	"fmt"
	"strings"
	"unicode/utf8"

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

// Column is nil for a name that a column may have: 1166, 1059 otherwise.
func Column(name string) error { return Check(name, mysqlerr.WrongColumnName) }

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
