package sysvar

import (
	"strconv"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

// CharsetOf finds a character set by name, or by the number of one of its collations. 1115.
func CharsetOf(text string) (collation.ID, error) {
	if c, ok := collation.DefaultOf(text); ok {
		return c, nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && collation.ID(n).Valid() {
		return collation.ID(n), nil
	}
	return 0, mysqlerr.New(mysqlerr.UnknownCharacterSet, text)
}

// ServerCollation is collation_server: what databases get that name none.
func (v *Values) ServerCollation() collation.ID {
	if c, ok := collation.ByName(v.Text("collation_server")); ok {
		return c
	}
	return collation.Default
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
func IsWide(c collation.ID) bool {
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
	if c, ok := collation.ByName(text); ok {
		return c.Name(), nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && collation.ID(n).Valid() {
		return collation.ID(n).Name(), nil
	}
	return "", mysqlerr.New(mysqlerr.UnknownCollation, text)
}

func (v *Values) applyConnectionCollation(text string) {
	if c, ok := collation.ByName(text); ok {
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

func (v *Values) setClient(c collation.ID) {
	v.ClientCharset, v.Client = c, 0
	if !c.KeepsUTF8() {
		v.Client = c
	}
}

// applyResultsCharset: NULL sends everything as it is stored.
func (v *Values) applyResultsCharset(text string) {
	v.ResultsCharset = 0
	if c, err := CharsetOf(text); err == nil {
		v.ResultsCharset = c
	}
}

func defaultCollation(charset string) string {
	c, err := CharsetOf(charset)
	if err != nil {
		return collation.Default.Name()
	}
	return c.Name()
}

func charsetOfCollation(name string) string {
	c, ok := collation.ByName(name)
	if !ok {
		return collation.Default.Charset()
	}
	return c.Charset()
}

// SetNames is SET NAMES and the character set of a new connection.
func (v *Values) SetNames(c collation.ID) {
	name := c.Charset()
	v.texts["character_set_client"], v.texts["character_set_results"] = name, name
	v.texts["character_set_connection"], v.texts["collation_connection"] = name, c.Name()
	v.setClient(c)
	v.ResultsCharset, v.Collation = c, c
}

// SetConnection is the rest of SET CHARACTER SET: the connection's collation becomes that of the database.
func (v *Values) SetConnection(c collation.ID) {
	v.Collation = c
	v.texts["character_set_connection"], v.texts["collation_connection"] = c.Charset(), c.Name()
}
