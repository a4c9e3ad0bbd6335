package dialect

import "strings"

// Grants is a GRANT or REVOKE with clauses that the parser lacks; Text is the statement without them.
type Grants struct {
	Text          string
	Admin         bool // WITH ADMIN OPTION
	IfExists      bool // REVOKE IF EXISTS
	IgnoreUnknown bool // IGNORE UNKNOWN USER
}

// readGrant takes WITH ADMIN OPTION from behind a GRANT of roles.
func readGrant(st statement) (Statement, error) {
	w := st.words
	n := len(w)
	if n < 4 || w[n-3].lower != "with" || w[n-2].lower != "admin" || w[n-1].lower != "option" {
		return nil, nil
	}
	return Grants{Text: "GRANT" + st.rest[:w[n-3].at], Admin: true}, nil
}

// readRevoke takes IF EXISTS and IGNORE UNKNOWN USER from a REVOKE.
func readRevoke(st statement) (Statement, error) {
	w, text := st.words, st.rest
	g := Grants{}
	if n := len(w); n > 4 && w[n-3].lower == "ignore" && w[n-2].lower == "unknown" && w[n-1].lower == "user" {
		text, g.IgnoreUnknown = text[:w[n-3].at], true
	}
	if len(w) > 2 && w[0].lower == "if" && w[1].lower == "exists" {
		text, g.IfExists = strings.Repeat(" ", w[2].at)+text[w[2].at:], true
	}
	if !g.IfExists && !g.IgnoreUnknown {
		return nil, nil
	}
	g.Text = "REVOKE" + text
	return g, nil
}

// readAccount reads DEFAULT ROLE of ALTER USER, as a statement of its own: what follows it must be nothing of ALTER USER; and what the
// parser lacks of passwords.
func readAccount(st statement) (Statement, error) {
	w := st.words
	if !w.take("user") {
		return readRefused(st)
	}
	head := "ALTER USER "
	if w.take("if", "exists") {
		head += "IF EXISTS "
	}
	if len(w) == 0 {
		return nil, nil
	}
	for i := range w {
		if i > 0 && w[i].lower == "default" && i+2 < len(w) && w[i+1].lower == "role" {
			return Instead{"SET DEFAULT ROLE " + st.rest[w[i+2].at:] + " TO " + st.rest[w[0].at:w[i].at]}, nil
		}
	}
	return readPasswords(st, head, w[0].at, true)
}

// readNewAccount reads CREATE USER.
func readNewAccount(st statement) (Statement, error) {
	w := st.words
	if !w.take("user") || len(w) == 0 {
		return readRefused(st)
	}
	return readPasswords(st, "CREATE USER ", w[0].at, false)
}
