package dialect

import (
	"slices"
	"strings"

	"cloudsql/storage/mysqlerr"
)

// The statements about conditions.
type (
	// Signal is SIGNAL, or RESIGNAL with or without a condition.
	Signal struct {
		Resignal bool
		State    string   // SQLSTATE; "" where there is none
		Items    []string // that SET names, in upper case
		Values   []string // theirs: the texts of literals, variables and names
	}
	// GetDiagnostics is GET [CURRENT | STACKED] DIAGNOSTICS.
	GetDiagnostics struct {
		Stacked   bool
		Condition string   // the text of its number; "": about the statement
		Items     []string // in upper case
		Vars      []string // that get them: user variables
	}
)

// The items of conditions: those that SIGNAL sets, and what GET DIAGNOSTICS tells besides.
var (
	SignalItems = []string{
		"CLASS_ORIGIN", "SUBCLASS_ORIGIN", "CONSTRAINT_CATALOG", "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME", "CATALOG_NAME", "SCHEMA_NAME",
		"TABLE_NAME", "COLUMN_NAME", "CURSOR_NAME", "MESSAGE_TEXT", "MYSQL_ERRNO",
	}
	conditionItems = append(slices.Clone(SignalItems), "RETURNED_SQLSTATE")
	statementItems = []string{"NUMBER", "ROW_COUNT"}
)

// readSignal reads SIGNAL and RESIGNAL. 1407 for what is no SQLSTATE, 1319 for conditions by name, which stored programs declare, and
// 1641 for an item that is set twice.
func readSignal(resignal bool) reader {
	return func(st statement) (Statement, error) {
		s := Signal{Resignal: resignal}
		switch {
		case st.take("sqlstate"):
			st.take("value")
			state, ok := st.quoted()
			if !ok {
				return nil, st.syntaxError()
			}
			if !validState(state) {
				return nil, mysqlerr.New(mysqlerr.SPBadSQLState, state)
			}
			s.State = state
		case resignal && (len(st.words) == 0 || st.words[0].lower == "set"):
		default:
			name, ok := st.ident()
			if !ok {
				return nil, st.syntaxError()
			}
			return nil, mysqlerr.New(mysqlerr.SPCondMismatch, name)
		}
		if len(st.words) == 0 {
			return s, nil
		}
		if !st.take("set") {
			return nil, st.syntaxError()
		}
		return st.signalItems(s)
	}
}

// signalItems reads item = value, …
func (st statement) signalItems(s Signal) (Statement, error) {
	for {
		name, ok := st.oneOf(SignalItems)
		if !ok || !st.take("=") {
			return nil, st.syntaxError()
		}
		value, ok := st.simpleValue()
		if !ok {
			return nil, st.syntaxError()
		}
		if slices.Contains(s.Items, name) {
			return nil, mysqlerr.New(mysqlerr.DupSignalSet, name)
		}
		s.Items, s.Values = append(s.Items, name), append(s.Values, value)
		if len(st.words) == 0 {
			return s, nil
		}
		if !st.take(",") {
			return nil, st.syntaxError()
		}
	}
}

// validState tells whether a SQLSTATE may be signalled: of five digits and capitals, and not of success.
func validState(state string) bool {
	return len(state) == 5 && !strings.HasPrefix(state, "00") && strings.Trim(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// readGet reads GET DIAGNOSTICS. 1327 for variables without an @, which stored programs declare.
func readGet(st statement) (Statement, error) {
	g := GetDiagnostics{Stacked: st.take("stacked")}
	if !g.Stacked {
		st.take("current")
	}
	if !st.take("diagnostics") {
		return nil, st.syntaxError()
	}
	items := statementItems
	if st.take("condition") {
		var ok bool
		if g.Condition, ok = st.simpleValue(); !ok {
			return nil, st.syntaxError()
		}
		items = conditionItems
	}
	for {
		name, err := st.target()
		if err != nil {
			return nil, err
		}
		if !st.take("=") {
			return nil, st.syntaxError()
		}
		item, ok := st.oneOf(items)
		if !ok {
			return nil, st.syntaxError()
		}
		g.Items, g.Vars = append(g.Items, item), append(g.Vars, name)
		if len(st.words) == 0 {
			return g, nil
		}
		if !st.take(",") {
			return nil, st.syntaxError()
		}
	}
}

// target takes a user variable.
func (st *statement) target() (name string, err error) {
	if len(st.words) == 0 {
		return "", st.syntaxError()
	}
	raw := st.words[0].raw
	switch {
	case strings.HasPrefix(raw, "@@"):
		st.words[0].at++ // MySQL reads the first one and wonders about the second
		return "", st.syntaxError()
	case raw == "@" && len(st.words) > 1:
		st.words = st.words[1:]
		if quoted, ok := st.quoted(); ok {
			return quoted, nil
		}
	case raw[0] == '@' && len(raw) > 1:
		st.words = st.words[1:]
		return raw[1:], nil
	}
	if name, ok := st.ident(); ok {
		return "", mysqlerr.New(mysqlerr.SPUndeclaredVar, name)
	}
	return "", st.syntaxError()
}

// simpleValue takes a literal without a sign, a variable or a name, and gives its text.
func (st *statement) simpleValue() (text string, ok bool) {
	rest := st.words
	w := &st.words
	switch {
	case len(rest) == 0:
		return "", false
	case rest[0].raw[0] == '@':
		*w = rest[1:]
		if rest[0].raw == "@" {
			_, ok = w.quoted()
			break
		}
		for ok = true; w.take("."); *w = (*w)[min(1, len(*w)):] {
		}
	case rest[0].isString():
		for ok = true; len(*w) > 0 && (*w)[0].isString(); *w = (*w)[1:] {
		}
	default:
		if _, ok = w.ident(); !ok {
			return "", false
		}
		for w.take(".") {
			*w = (*w)[min(1, len(*w)):]
		}
		for len(*w) > 0 && (*w)[0].isString() { // DATE '…', _latin1'…', x'…'
			*w = (*w)[1:]
		}
	}
	end := len(st.rest)
	if len(*w) > 0 {
		end = (*w)[0].at
	}
	return st.rest[rest[0].at:end], ok
}

// oneOf takes one of the names, which are in upper case.
func (w *words) oneOf(names []string) (string, bool) {
	if len(*w) == 0 || !slices.Contains(names, strings.ToUpper((*w)[0].lower)) {
		return "", false
	}
	name := strings.ToUpper((*w)[0].lower)
	*w = (*w)[1:]
	return name, true
}

// quoted takes something in quotes of any kind.
func (w *words) quoted() (string, bool) {
	if len(*w) == 0 || !(*w)[0].isString() && (*w)[0].raw[0] != '`' || len((*w)[0].raw) < 2 {
		return "", false
	}
	raw := (*w)[0].raw
	*w = (*w)[1:]
	return strings.ReplaceAll(raw[1:len(raw)-1], raw[:1]+raw[:1], raw[:1]), true
}

func (t token) isString() bool { return t.raw[0] == '\'' || t.raw[0] == '"' }

// syntaxError is 1064 at the next word.
func (st statement) syntaxError() error {
	at := len(st.text)
	if len(st.words) > 0 {
		at -= len(st.rest) - st.words[0].at
	}
	return mysqlerr.SyntaxAt(st.text, at)
}
