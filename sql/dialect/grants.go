package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/auth"

	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// Grants is a GRANT or REVOKE with clauses that the parser lacks; Text is the statement without them.
type Grants struct {
	Text          string
	Admin         bool // WITH ADMIN OPTION
	IfExists      bool // REVOKE IF EXISTS
	IgnoreUnknown bool // IGNORE UNKNOWN USER
	As            *GrantAs
}

// GrantAs is AS user [WITH ROLE …] of a GRANT: with whose restrictions privileges are granted.
type GrantAs struct {
	User  *auth.UserIdentity
	Roles *ast.SetRoleStmt // nil: no roles
}

// readGrant takes WITH ADMIN OPTION from behind a GRANT of roles, and AS from behind one of privileges.
func readGrant(st statement) (Statement, error) {
	w := st.words
	for i := range w {
		if w[i].lower == "as" {
			as, err := readGrantAs(st, w[i+1:])
			return Grants{Text: "GRANT" + st.rest[:w[i].at], As: as}, err
		}
	}
	n := len(w)
	if n < 4 || w[n-3].lower != "with" || w[n-2].lower != "admin" || w[n-1].lower != "option" {
		return nil, nil
	}
	return Grants{Text: "GRANT" + st.rest[:w[n-3].at], Admin: true}, nil
}

// readGrantAs reads what follows AS.
func readGrantAs(st statement, w words) (*GrantAs, error) {
	user, with := w, words(nil)
	for i := range w {
		if rest := w[i:]; rest.take("with", "role") {
			user, with = w[:i], w[i:]
			break
		}
	}
	var as GrantAs
	named, err := st.parse("SHOW GRANTS FOR ", user)
	if err != nil {
		return nil, err
	}
	show, ok := named.(*ast.ShowStmt)
	if !ok || show.User == nil || len(show.Roles) > 0 {
		return nil, mysqlerr.Syntax("AS", 1)
	}
	if as.User = show.User; with == nil {
		return &as, nil
	}
	roles, err := st.parse("SET ROLE ", with[2:])
	if err != nil {
		return nil, err
	}
	if as.Roles, ok = roles.(*ast.SetRoleStmt); !ok {
		return nil, mysqlerr.Syntax("WITH ROLE", 1)
	}
	return &as, nil
}

// parse parses words of a statement as the end of another one.
func (st statement) parse(verb string, w words) (ast.StmtNode, error) {
	if len(w) == 0 {
		return nil, mysqlerr.Syntax("", 1)
	}
	return syntax.Parse(verb+st.rest[w[0].at:w[len(w)-1].end()], syntax.Options{Mode: st.mode})
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
