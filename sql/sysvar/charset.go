package sysvar

import (
	"strconv"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// CharsetOf finds a character set by name, or by the number of one of its collations. 1115.
func CharsetOf(text string) (types.Collation, error) {
	if c, ok := types.DefaultCollation(text); ok {
		return c, nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && types.Collation(n).Valid() {
		return types.Collation(n), nil
	}
	return 0, mysqlerr.New(mysqlerr.UnknownCharacterSet, text)
}

func checkCharset(text string) (string, error) {
	c, err := CharsetOf(text)
	if err != nil {
		return "", err
	}
	return c.Charset(), nil
}

// CheckClientCharset refuses what no client may talk in: wide character sets.
func CheckClientCharset(text string) (string, error) {
	c, err := CharsetOf(text)
	if err != nil {
		return "", err
	}
	if IsWide(c) {
		return "", mysqlerr.New(mysqlerr.WrongValueForVar, "character_set_client", c.Charset())
	}
	return c.Charset(), nil
}

// IsWide tells the character sets whose ASCII is not one byte.
func IsWide(c types.Collation) bool {
	switch c.Charset() {
	case "ucs2", "utf16", "utf16le", "utf32":
		return true
	}
	return false
}

func checkResultsCharset(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	return checkCharset(text)
}

func checkCollation(text string) (string, error) {
	if c, ok := types.CollationByName(text); ok {
		return c.Name(), nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && types.Collation(n).Valid() {
		return types.Collation(n).Name(), nil
	}
	return "", mysqlerr.New(mysqlerr.UnknownCollation, text)
}

func (v *Values) applyConnectionCollation(text string) {
	if c, ok := types.CollationByName(text); ok {
		v.Collation = c
		v.texts["character_set_connection"] = c.Charset()
	}
}

func (v *Values) applyConnectionCharset(text string) {
	c, err := CharsetOf(text)
	if err == nil {
		v.Collation = c
		v.texts["collation_connection"] = c.Name()
	}
}

func (v *Values) applyClientCharset(text string) {
	if c, err := CharsetOf(text); err == nil {
		v.setClient(c)
	}
}

func (v *Values) setClient(c types.Collation) {
	v.ClientCharset, v.Client = c, 0
	if !c.KeepsUTF8() {
		v.Client = c
	}
}

// applyResultsCharset: NULL sends everything as it is stored.
func (v *Values) applyResultsCharset(text string) {
	v.ResultsCharset = types.CollationBinary
	if c, err := CharsetOf(text); err == nil {
		v.ResultsCharset = c
	}
}

func defaultCollation(charset string) string {
	c, err := CharsetOf(charset)
	if err != nil {
		return types.CollationDefault.Name()
	}
	return c.Name()
}

func charsetOfCollation(name string) string {
	c, ok := types.CollationByName(name)
	if !ok {
		return types.CollationDefault.Charset()
	}
	return c.Charset()
}

// SetNames is SET NAMES and the character set of a new connection.
func (v *Values) SetNames(c types.Collation) {
	name := c.Charset()
	v.texts["character_set_client"], v.texts["character_set_results"] = name, name
	v.texts["character_set_connection"], v.texts["collation_connection"] = name, c.Name()
	v.setClient(c)
	v.ResultsCharset, v.Collation = c, c
}

// SetConnection is the rest of SET CHARACTER SET: the connection's collation becomes that of the database.
func (v *Values) SetConnection(c types.Collation) {
	v.Collation = c
	v.texts["character_set_connection"], v.texts["collation_connection"] = c.Charset(), c.Name()
}
