package condition

import (
	"strings"
	"unicode/utf8"

	"cloudsql/sql/dialect"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Lengths of items, in characters.
const (
	maxMessage = 128
	maxItem    = 64
)

// signalled makes the condition of SIGNAL: a warning for SQLSTATEs of class 01, an error for others. vals are what the items are set to. An
// item that is too long is an error under a strict sql_mode, and otherwise cut with a warning.
func signalled(n *dialect.Signal, vals []types.Value, strict bool, warn func(*mysqlerr.Error)) (virtual.Condition, error) {
	c := virtual.Condition{Level: "Error", Code: mysqlerr.SignalException, State: n.State, Items: map[string]string{}}
	switch n.State[:2] {
	case "01":
		c.Level, c.Code = "Warning", mysqlerr.SignalWarn
	case "02":
		c.Code = mysqlerr.SignalNotFound
	}
	c.Message = mysqlerr.New(c.Code).Message
	for i, item := range n.Items {
		v := vals[i]
		wrong := mysqlerr.New(mysqlerr.WrongValueForVar, item, strings.ToValidUTF8(v.Text(), "?"))
		if v.IsNull() {
			return c, mysqlerr.New(mysqlerr.WrongValueForVar, item, "NULL")
		}
		if item == "MYSQL_ERRNO" {
			code, over := v.ToUint(nil)
			if over || code == 0 || code > 1<<16-1 {
				return c, wrong
			}
			c.Code = uint16(code)
			continue
		}
		most := maxItem
		if item == "MESSAGE_TEXT" {
			most = maxMessage
		}
		text, err := cut(v.Text(), most, item, strict, warn)
		if err != nil {
			return c, err
		}
		if item == "MESSAGE_TEXT" {
			c.Message = text
		} else {
			c.Items[item] = text
		}
	}
	return c, nil
}

// cut bounds an item's text.
func cut(text string, most int, item string, strict bool, warn func(*mysqlerr.Error)) (string, error) {
	if utf8.RuneCountInString(text) <= most {
		return text, nil
	}
	if strict {
		return "", mysqlerr.New(mysqlerr.CondItemTooLong, item)
	}
	warn(mysqlerr.New(mysqlerr.CondItemTruncated, item))
	return string([]rune(text)[:most]), nil
}
