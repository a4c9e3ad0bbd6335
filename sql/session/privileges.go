package session

import (
	"context"
	"errors"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/assign"
	"cloudsql/sql/definition"
	"cloudsql/sql/privilege"
	"cloudsql/sql/show"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Lookup finds the account for a user at a host.
func (e *Engine) Lookup(user, host string) (sql.Account, bool) {
	u := privilege.Lookup(e.db.Catalog(), user, host)
	if u == nil {
		return sql.Account{}, false
	}
	return privilege.LoginOf(u, e.cfg.Now(), privilege.RulesOf(e.vars.Global)), true
}

// Admit counts the log-ins that fail, of accounts that these lock.
func (e *Engine) Admit(a *sql.Account, proved bool) error {
	if u, ok := e.db.Catalog().User(a.User, a.Host); ok {
		return e.logins.Judge(u, proved, e.cfg.Now())
	}
	return nil
}

// mustRenew refuses what a session may not do whose password has expired. 1820.
func (s *Session) mustRenew(node ast.StmtNode) error {
	if !s.expired {
		return nil
	}
	return s.account().MustRenew(node)
}

// scope is what names mean in a statement of the session.
func (s *Session) scope(db string) *privilege.Scope {
	return &privilege.Scope{Account: s.account(), DB: db, Catalog: s.snapshot, SetsGlobal: assign.SetsGlobal}
}

// allow refuses a statement for which the account lacks a privilege, before it does anything.
func (s *Session) allow(node ast.StmtNode, db string) (needs []privilege.Need, err error) {
	needs, err = privilege.Of(node, s.scope(db))
	if errors.Is(err, privilege.ErrUnlisted) {
		return nil, definition.Refusal(node)
	}
	if err == nil {
		err = s.account().Grants(needs)
	}
	return needs, err
}

// planAccess notes the tables that a plan uses, for table locks. What it uses and was not found among the statement's
// names is asked for here: no mistake there may open a table.
func (s execution) planAccess(priv uint64, db, table string) error {
	p := mysql.PrivilegeType(priv)
	s.making.Use(s.snapshot, p, db, table)
	if s.own.Named(db, table) {
		return nil // it is the session's own
	}
	if privilege.Cover(s.making.Needs, p, db, table) {
		return nil
	}
	return s.account().Access(p, db, table)
}

// viewAccess checks what a view's query names: by the privileges of its definer, or of the session's account. 1449.
func (s execution) viewAccess(v *schema.View) (func(priv uint64, db, table string) error, error) {
	account := s.account()
	if !v.Invoker {
		u := privilege.DefinerOf(s.snapshot, v)
		if u == nil {
			return nil, mysqlerr.New(mysqlerr.NoSuchUser, v.DefinerUser, v.DefinerHost)
		}
		s.making.Definers = append(s.making.Definers, u)
		account = privilege.AccountOf(s.snapshot, u)
	}
	return func(priv uint64, db, table string) error {
		p := mysql.PrivilegeType(priv)
		s.making.Use(s.snapshot, p, db, table)
		return account.Access(p, db, table)
	}, nil
}

// userCommand runs a statement about accounts, after committing the open transaction. One that makes passwords up has a result.
func (s commands) userCommand(ctx context.Context, node ast.StmtNode, st *parsed) (*show.Result, error) {
	if err := s.tx.CommitBefore(ctx); err != nil {
		return nil, err
	}
	run := privilege.Statements{
		DB: s.eng.db, Self: s.account(), In: s.db, Note: s.conds.Note, Mandatory: privilege.MandatoryRoles(s.eng.vars.Global("mandatory_roles")),
		Admin: st.grants.Admin, As: st.grants.As, Revoke: privilege.RevokeOptions{IfExists: st.grants.IfExists, IgnoreUnknown: st.grants.IgnoreUnknown},
		Passwords: st.passwords, Rules: privilege.RulesOf(s.eng.vars.Global), Now: s.eng.cfg.Now(),
		RandomLength: sysvar.Int(s.vars.Text("generated_random_password_length")),
	}
	err := run.Run(ctx, node)
	s.expired = s.expired && (err != nil || !run.Renewed)
	return run.Result(), err
}

// dbOf gives the database of a name: its own or the current one. 1046.
func (s *Session) dbOf(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	if s.db == "" {
		return "", mysqlerr.New(mysqlerr.NoDB)
	}
	return s.db, nil
}
