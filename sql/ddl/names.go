package ddl

import (
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// checkName applies the rules that hold for every identifier; wrong is the error for a name that can't be one.
func checkName(name string, wrong uint16) error {
	switch {
	case utf8.RuneCountInString(name) > maxNameChars:
		return mysqlerr.New(mysql.ErrTooLongIdent, name)
	case name == "" || strings.HasSuffix(name, " ") || strings.ContainsRune(name, 0):
		return mysqlerr.New(wrong, name)
	}
	return nil
}

// CheckDatabaseName is nil for a name that a database may have: 1102, 1059 otherwise.
func CheckDatabaseName(name string) error { return checkName(name, mysql.ErrWrongDBName) }

// CheckTableName is nil for a name that a table may have: 1103, 1059 otherwise.
func CheckTableName(name string) error { return checkName(name, mysql.ErrWrongTableName) }

func checkColumnName(name string) error { return checkName(name, mysql.ErrWrongColumnName) }

func checkIndexName(name string) error {
	if strings.EqualFold(name, "PRIMARY") {
		return mysqlerr.New(mysql.ErrWrongNameForIndex, name)
	}
	return checkName(name, mysql.ErrWrongNameForIndex)
}

// checkComment refuses a comment of more characters than limit, with MySQL's error for its kind.
func checkComment(comment string, limit int, code uint16, format string, args ...any) error {
	if utf8.RuneCountInString(comment) <= limit {
		return nil
	}
	return mysqlerr.Newf(code, format, append(args, limit)...)
}
