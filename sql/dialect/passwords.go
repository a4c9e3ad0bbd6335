package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/auth"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// Passwords is a CREATE USER, ALTER USER or SET PASSWORD with clauses that the parser lacks; Text is the statement without them.
type Passwords struct {
	Text     string
	Accounts map[int]Credential // what is said of an account, by its place in the list
	Require  string             // PASSWORD REQUIRE CURRENT: "CURRENT", "OPTIONAL", "DEFAULT"; "" not said
	// DefaultRoles are those of CREATE USER … DEFAULT ROLE.
	DefaultRoles []*auth.RoleIdentity
}

// Credential is the clauses behind an account's password.
type Credential struct {
	Replaces bool   // REPLACE, with the
	Current  string // password
	Retain   bool   // RETAIN CURRENT PASSWORD
	Discard  bool   // DISCARD OLD PASSWORD
	Random   bool   // BY RANDOM PASSWORD, TO RANDOM
}

// Random tells whether a password is to be made up.
func (p *Passwords) Random() bool {
	for _, c := range p.Accounts {
		if c.Random {
			return true
		}
	}
	return false
}

// passwordReader takes the clauses out of a statement.
type passwordReader struct {
	st    statement
	words words
	alter bool // an account that there is
	at    int  // the account's place in the list
	done  int  // of the text
	text  strings.Builder
	read  Passwords
}

// readPasswords reads what follows the words verb, which are written anew; nil where the parser knows all of it.
func readPasswords(st statement, verb string, from int, alter bool) (Statement, error) {
	r := &passwordReader{st: st, words: tokens(st.rest, st.mode, len(st.rest)), alter: alter, done: from, read: Passwords{Accounts: map[int]Credential{}}}
	r.text.WriteString(verb)
	for r.words.before(from) {
		r.words = r.words[1:]
	}
	if len(r.words) > 2 && alter && r.words[0].lower == "user" && r.words[1].lower == "(" {
		r.replace(1, "CURRENT_USER") // of which the parser takes all clauses
	}
	found := r.done > from
	for len(r.words) > 0 {
		took, err := r.clause()
		if err != nil {
			return nil, err
		}
		if found = found || took; !took {
			if r.words[0].lower == "," {
				r.at++
			}
			r.words = r.words[1:]
		}
	}
	if !found {
		return nil, nil
	}
	r.text.WriteString(st.rest[r.done:])
	r.read.Text = r.text.String()
	return r.read, nil
}

func (w words) before(at int) bool { return len(w) > 0 && w[0].at < at }

// replace puts a text in the place of the next n words.
func (r *passwordReader) replace(n int, text string) {
	last := r.words[n-1]
	r.text.WriteString(r.st.rest[r.done:r.words[0].at])
	r.text.WriteString(text)
	r.done, r.words = last.at+len(last.raw), r.words[n:]
}

// begins tells whether the next words are these.
func (r *passwordReader) begins(list ...string) bool {
	w := r.words
	return w.take(list...)
}

// clause takes the clause that begins with the next word, if the parser lacks it.
func (r *passwordReader) clause() (took bool, err error) {
	c := r.read.Accounts[r.at]
	switch {
	case r.begins("by", "random", "password"):
		r.replace(3, "BY ''")
		c.Random = true
	case r.alter && r.begins("replace") && len(r.words) > 1 && strings.ContainsRune(`'"`, rune(r.words[1].raw[0])):
		if c.Current, err = literal(r.words[1].raw, r.st.mode); err != nil {
			return false, err
		}
		r.replace(2, "")
		c.Replaces = true
	case r.alter && r.begins("retain", "current", "password"):
		r.replace(3, "")
		c.Retain = true
	case r.alter && r.begins("discard", "old", "password"):
		r.replace(3, "")
		c.Discard = true
	case r.begins("password", "require", "current", "default"):
		r.replace(4, "")
		r.read.Require = "DEFAULT"
		return true, nil
	case r.begins("password", "require", "current", "optional"):
		r.replace(4, "")
		r.read.Require = "OPTIONAL"
		return true, nil
	case r.begins("password", "require", "current"):
		r.replace(3, "")
		r.read.Require = "CURRENT"
		return true, nil
	case !r.alter && r.begins("default", "role") && len(r.words) > 2:
		return true, r.defaultRoles()
	default:
		return false, nil
	}
	r.read.Accounts[r.at] = c
	return true, nil
}

// defaultRoles takes DEFAULT ROLE role, …
func (r *passwordReader) defaultRoles() error {
	w, n := r.words, 3
	for n < len(w) && (w[n].raw == "," || w[n-1].raw == "," || w[n].at == w[n-1].end()) { // a name, @ and a host have nothing between them
		n++
	}
	stmt, err := syntax.Parse("SET DEFAULT ROLE "+r.st.rest[w[2].at:w[n-1].end()]+" TO a", syntax.Options{Mode: r.st.mode})
	if err != nil {
		return err
	}
	set, ok := stmt.(*ast.SetDefaultRoleStmt)
	if !ok || set.SetRoleOpt != ast.SetRoleRegular || len(set.UserList) != 1 || r.read.DefaultRoles != nil {
		return mysqlerr.Syntax(r.st.rest[w[0].at:], 1)
	}
	r.read.DefaultRoles = set.RoleList
	r.replace(n, "")
	return nil
}

func (t token) end() int { return t.at + len(t.raw) }

// literal is the text of a string literal.
func literal(raw string, mode mysql.SQLMode) (string, error) {
	n, err := syntax.Parse("SET PASSWORD = "+raw, syntax.Options{Mode: mode})
	if err != nil {
		return "", err
	}
	set, ok := n.(*ast.SetPwdStmt)
	if !ok {
		return "", mysqlerr.Syntax(raw, 1)
	}
	return set.Password, nil
}

// readSetPassword reads SET PASSWORD with what the parser lacks of it.
func readSetPassword(st statement) (Statement, error) {
	w, from := st.words, 0
	for i := range w {
		if i+2 < len(w) && w[i].lower == "=" && w[i+1].lower == "password" && w[i+2].lower == "(" { // MySQL has no such function any more
			return nil, mysqlerr.Syntax(st.rest[w[i+1].at:], 1)
		}
		if i+1 < len(w) && w[i].lower == "to" && w[i+1].lower == "random" {
			text := st.rest[:w[i].at] + "= ''" + st.rest[w[i+1].at+len(w[i+1].raw):]
			read, err := readPasswords(statement{rest: text, mode: st.mode}, "SET", from, true)
			p, ok := read.(Passwords)
			if !ok {
				p = Passwords{Text: "SET" + text, Accounts: map[int]Credential{}}
			}
			c := p.Accounts[0]
			c.Random = true
			p.Accounts[0] = c
			return p, err
		}
	}
	return readPasswords(st, "SET", from, true)
}
