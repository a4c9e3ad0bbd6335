package ddl

import (
	"unicode/utf8"

	"cloudsql/storage/mysqlerr"
)

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
