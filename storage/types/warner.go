package types

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

// Warner receives the conditions that a conversion met without failing (a *mysqlerr.Error each); nil drops them.
type Warner func(code uint16, message string)

// Note marks the code of a condition that a Warner is told of: SHOW WARNINGS calls it a Note, and no mode makes an error of it.
const Note uint16 = 1 << 15

// Warn tells w of a condition by the code and the arguments of its message.
func (w Warner) Warn(code uint16, args ...any) {
	if w != nil {
		w(code, mysqlerr.New(code, args...).Message)
	}
}

// Truncated is 1292: Truncated incorrect INTEGER value: '12abc'.
func (w Warner) Truncated(what string, text []byte) {
	if w != nil {
		w.Warn(mysqlerr.TruncatedWrongValue, what, collation.Printable(text, 128))
	}
}

func (w Warner) truncatedValue(what string, v Value) {
	if w != nil {
		w.Truncated(what, v.AppendText(nil, nil))
	}
}

// Incorrect is 1292 for a value of which nothing can be made: Incorrect datetime value: 'abc'.
func (w Warner) Incorrect(what string, v Value) {
	if w == nil {
		return
	}
	text := collation.Printable(v.AppendText(nil, nil), 128)
	w(mysqlerr.TruncatedWrongValue, mysqlerr.Newf(mysqlerr.TruncatedWrongValue, "Incorrect %s value: '%s'", what, text).Message)
}
