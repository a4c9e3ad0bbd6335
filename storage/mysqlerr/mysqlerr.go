// Package mysqlerr is the one error type that reaches a client: a MySQL error code, its SQLSTATE and its message. The codes that
// the program has, their names and MySQL's texts stand in codes.go; nowhere else are numbers written (TestOneVocabulary).
//
// Invariants: a code is attached where the error is born, as a *Error, and is rendered once, at the protocol's edge;
// the layers between pass it along (wrapped with %w where context helps the log) and use Code to test for it. errors.Is goes
// by identity, as for any error: who asks for a sentinel must not be told of another error that has its code.
package mysqlerr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// Error is a MySQL error as the client will see it.
type Error struct {
	Code    uint16
	State   string // five characters, "HY000" where MySQL names none
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("ERROR %d (%s): %s", e.Code, e.State, e.Message) }

// New makes the error of MySQL's code with MySQL's message template filled with args: as many as the template of
// MySQL 8.0 has verbs. A code that has no template keeps its number and shows the arguments.
func New(code uint16, args ...any) *Error {
	tmpl, ok := templates[code]
	if !ok {
		m, found := mysql.MySQLErrName[code]
		if !found {
			return Newf(code, "%v", fmt.Sprint(args...))
		}
		tmpl = m.Raw
	}
	return Newf(code, tmpl, args...)
}

// Newf makes an error of a MySQL code with a message of the caller's own.
func Newf(code uint16, format string, args ...any) *Error {
	state, ok := states[code]
	if !ok {
		if state, ok = mysql.MySQLState[code]; !ok {
			state = mysql.DefaultMySQLState
		}
	}
	return &Error{Code: code, State: state, Message: fmt.Sprintf(format, args...)}
}

// NotSupported is 1235 (42000): "This version of cloudsql doesn't yet support '…'".
func NotSupported(what string) *Error {
	return Newf(NotSupportedYet, "This version of cloudsql doesn't yet support '%s'", what)
}

// From gives the *Error inside err, or makes an Internal one of a foreign error.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Internal("%v", err)
}

// Internal is 1105 (HY000): a fault of ours, a panic or what can't be. Nothing that a client, a network or a disk can do has
// this code; TestInternalErrors (tests) knows all places that make one.
func Internal(format string, args ...any) *Error {
	return &Error{Code: UnknownError, State: mysql.DefaultMySQLState, Message: fmt.Sprintf(format, args...)}
}

// Syntax is 1064 (42000) for a statement that stops making sense at near, which starts at a 1-based line.
func Syntax(near string, line int) *Error {
	const most = 80 // characters of the statement that MySQL quotes
	if r := []rune(near); len(r) > most {
		near = string(r[:most])
	}
	return Newf(Parse, "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server "+
		"version for the right syntax to use near '%s' at line %d", near, line)
}

// SyntaxAt is Syntax for a text that stops making sense at a byte.
func SyntaxAt(text string, at int) *Error { return Syntax(text[at:], 1+strings.Count(text[:at], "\n")) }

// Code gives the MySQL code inside err, 0 for nil, 1105 for a foreign error.
func Code(err error) uint16 {
	if err == nil {
		return 0
	}
	return From(err).Code
}
