package sysvar

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// checkLocale takes MySQL's locales in any case; 1649 for others.
func checkLocale(text string) (string, error) {
	if l := expr.FindLocale(text); l != nil {
		return l.Name, nil
	}
	return "", mysqlerr.New(mysqlerr.UnknownLocale, text)
}
