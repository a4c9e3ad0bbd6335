package ddl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// checkName applies the rules that hold for every identifier; wrong is the error for a name that can't be one.
func checkName(name string, wrong uint16) error {
	switch {
	case utf8.RuneCountInString(name) > maxNameChars:
		return mysqlerr.New(mysqlerr.TooLongIdent, name)
	case name == "" || strings.HasSuffix(name, " ") || strings.ContainsRune(name, 0):
		return mysqlerr.New(wrong, name)
	}
	return nil
}

// CheckDatabaseName is nil for a name that a database may have: 1102, 1059 otherwise.
func CheckDatabaseName(name string) error { return checkName(name, mysqlerr.WrongDBName) }

// CheckTableName is nil for a name that a table may have: 1103, 1059 otherwise.
func CheckTableName(name string) error { return checkName(name, mysqlerr.WrongTableName) }

func checkColumnName(name string) error { return checkName(name, mysqlerr.WrongColumnName) }

func checkIndexName(name string) error {
	if strings.EqualFold(name, "PRIMARY") {
		return mysqlerr.New(mysqlerr.WrongNameForIndex, name)
	}
	return checkName(name, mysqlerr.WrongNameForIndex)
}

// comment is one of at most limit characters. A longer one is refused in a strict mode and cut in others: code is MySQL's for what it is of.
func comment(env *Env, text string, limit int, code uint16, of string) (string, error) {
	if utf8.RuneCountInString(text) <= limit {
		return text, nil
	}
	err := mysqlerr.New(code, of, limit)
	if env.strict() {
		return "", err
	}
	env.warn(err)
	return string([]rune(text)[:limit]), nil
}

// copyPrefix begins the names of the second tables that an ALTER TABLE fills; no statement can make such a name without quoting it.
const copyPrefix = "#alter-"

// IsCopy tells whether a table is one that an ALTER TABLE fills: it is not for users to see.
func IsCopy(name string) bool { return strings.HasPrefix(name, copyPrefix) }

// CopyName is the name of the table that takes the rows of another.
func CopyName(id schema.TableID) string { return fmt.Sprintf("%s%d", copyPrefix, id) }
