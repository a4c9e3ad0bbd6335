package privilege

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	pauth "github.com/pingcap/tidb/pkg/parser/auth"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/auth"
	"cloudsql/sql/dialect"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Statements carries out the statements about accounts of a session.
type Statements struct {
	DB   distributed.DB
	Self Account
	In   string // the current database
	Note func(level string, code uint16, message string)
	// Mandatory are the roles of mandatory_roles; Admin and As say WITH ADMIN OPTION and AS of a GRANT, Revoke the options of a REVOKE.
	Mandatory []string
	Admin     bool
	As        *dialect.GrantAs
	Revoke    RevokeOptions
	// Passwords are further clauses of CREATE USER, ALTER USER and SET PASSWORD; Rules what the server asks of passwords.
	Passwords    dialect.Passwords
	Rules        PasswordRules
	RandomLength int // of passwords that are made up
	Now          time.Time

	Renewed bool            // the account's own password is a new one
	made    [][]types.Value // the passwords that were made up
}

// Knows tells the statements that Run carries out. They commit the open transaction.
func Knows(node ast.StmtNode) bool {
	switch node.(type) {
	case *ast.CreateUserStmt, *ast.AlterUserStmt, *ast.DropUserStmt, *ast.RenameUserStmt, *ast.SetPwdStmt, *ast.GrantStmt, *ast.RevokeStmt,
		*ast.GrantRoleStmt, *ast.RevokeRoleStmt, *ast.SetDefaultRoleStmt:
		return true
	}
	return false
}

// Run carries out a statement that it knows.
func (s *Statements) Run(ctx context.Context, node ast.StmtNode) error {
	switch n := node.(type) {
	case *ast.CreateUserStmt:
		return s.createUsers(ctx, n)
	case *ast.AlterUserStmt:
		return s.alterUsers(ctx, n)
	case *ast.DropUserStmt:
		return s.dropUsers(ctx, n)
	case *ast.RenameUserStmt:
		return s.renameUsers(ctx, n)
	case *ast.SetPwdStmt:
		return s.setPassword(ctx, n)
	case *ast.GrantStmt:
		return s.grant(ctx, n)
	case *ast.RevokeStmt:
		return s.revoke(ctx, n, s.Revoke)
	case *ast.GrantRoleStmt:
		if s.As != nil {
			return mysqlerr.Syntax("AS", 1)
		}
		return s.grantRoles(ctx, n, s.Admin)
	case *ast.RevokeRoleStmt:
		return s.revokeRoles(ctx, n, s.Revoke)
	case *ast.SetDefaultRoleStmt:
		return s.setDefaultRole(ctx, n)
	}
	return ErrUnlisted
}

// identity gives an account's name and host; CURRENT_USER() and USER() are the session's own.
func (a Account) identity(u *pauth.UserIdentity) (user, host string) {
	if u == nil || u.CurrentUser {
		return a.Name, a.Host
	}
	return u.Username, strings.ToLower(u.Hostname)
}

func (a Account) isSelf(user, host string) bool {
	return user == a.Name && host == a.Host
}

// Lengths of MySQL's columns for names, in characters.
const (
	maxUserName = 32
	maxHostName = 255
)

func checkAccountName(user, host string) error {
	if len([]rune(user)) > maxUserName {
		return mysqlerr.New(mysqlerr.WrongStringLength, user, "user name", maxUserName)
	}
	if len(host) > maxHostName {
		return mysqlerr.New(mysqlerr.WrongStringLength, host, "host name", maxHostName)
	}
	return nil
}

// credentials sets what IDENTIFIED … says. With no clause the account has no password.
func credentials(u *catalog.User, o *ast.AuthOption) error {
	if u.Plugin == "" {
		u.Plugin = auth.Default
	}
	if o == nil {
		return nil
	}
	if o.AuthPlugin != "" {
		u.Plugin = strings.ToLower(o.AuthPlugin)
	}
	if !auth.Supported(u.Plugin) {
		return mysqlerr.New(mysqlerr.PluginIsNotLoaded, u.Plugin)
	}
	var err error
	switch {
	case o.ByAuthString:
		u.Secret, err = auth.Hash(u.Plugin, o.AuthString)
	case o.ByHashString:
		u.Secret, err = auth.ParseAuthString(u.Plugin, o.HashString)
	default:
		u.Secret = nil
	}
	u.LoopbackOnly = u.LoopbackOnly && len(u.Secret) == 0 // a password opens the initial root to other machines
	return err
}

// failedUsers is 1396 with the accounts that a statement could not work on.
func failedUsers(operation string, names []string) error {
	return mysqlerr.New(mysqlerr.CannotUser, operation, strings.Join(names, ","))
}

func (s *Statements) createUsers(ctx context.Context, n *ast.CreateUserStmt) error {
	what := "CREATE USER"
	if n.IsCreateRole {
		what = "CREATE ROLE"
	}
	made := make([]*catalog.User, len(n.Specs))
	for i, spec := range n.Specs {
		u := &catalog.User{Locked: n.IsCreateRole}
		u.Name, u.Host = s.Self.identity(spec.User)
		if err := checkAccountName(u.Name, u.Host); err != nil {
			return err
		}
		if err := s.passwordOptions(u, n.PasswordOrLockOptions); err != nil { // first: a history begins with the first password
			return err
		}
		limit(u, n.ResourceOptions)
		expired := u.Expired
		if err := s.password(u, spec.AuthOpt, i, true); err != nil {
			return err
		}
		u.Expired = expired
		if err := describe(u, n.AuthTokenOrTLSOptions, n.CommentOrAttributeOption); err != nil {
			return err
		}
		made[i] = u
	}
	var there []string
	err := s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		there = nil
		for _, u := range made {
			if _, ok := tx.Snapshot.User(u.Name, u.Host); ok {
				there = append(there, quoteAccount(u.Name, u.Host))
				continue
			}
			if err := s.takeDefaultRoles(tx.Snapshot, u); err != nil {
				return err
			}
			tx.PutUser(u)
		}
		if len(there) > 0 && !n.IfNotExists {
			return failedUsers(what, there)
		}
		return nil
	})
	for _, name := range there {
		if err == nil {
			s.note(mysqlerr.New(mysqlerr.AuthIDExists, name))
		}
	}
	return err
}

// note tells of what a statement leaves out.
func (s *Statements) note(e *mysqlerr.Error) { s.Note("Note", e.Code, e.Message) }

func (s *Statements) alterUsers(ctx context.Context, n *ast.AlterUserStmt) error {
	specs := n.Specs
	if n.CurrentAuth != nil {
		specs = []*ast.UserSpec{{User: &pauth.UserIdentity{CurrentUser: true}, AuthOpt: n.CurrentAuth}}
	}
	if s.Passwords.Require != "" && !s.Self.Has(mysql.CreateUserPriv) {
		return mysqlerr.New(mysqlerr.SpecificAccessDenied, "CREATE USER")
	}
	var missing []string
	err := s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		missing, s.made, s.Renewed = nil, nil, false
		for i, spec := range specs {
			user, host := s.Self.identity(spec.User)
			old, ok := tx.Snapshot.User(user, host)
			if !ok {
				missing = append(missing, quoteAccount(user, host))
				continue
			}
			u := *old
			limit(&u, n.ResourceOptions)
			if err := s.password(&u, spec.AuthOpt, i, false); err != nil {
				return err
			}
			if err := s.passwordOptions(&u, n.PasswordOrLockOptions); err != nil {
				return err
			}
			if err := describe(&u, n.AuthTokenOrTLSOptions, n.CommentOrAttributeOption); err != nil {
				return err
			}
			tx.PutUser(&u)
		}
		if len(missing) > 0 && !n.IfExists {
			return failedUsers("ALTER USER", missing)
		}
		return nil
	})
	s.noteMissing(err, missing)
	return err
}

func (s *Statements) noteMissing(err error, names []string) {
	for _, name := range names {
		if err == nil {
			s.note(mysqlerr.New(mysqlerr.AuthIDNotExists, name))
		}
	}
}

func (s *Statements) dropUsers(ctx context.Context, n *ast.DropUserStmt) error {
	what := "DROP USER"
	if n.IsDropRole {
		what = "DROP ROLE"
	}
	var missing []string
	err := s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		missing = nil
		for _, id := range n.UserList {
			user, host := s.Self.identity(id)
			if _, ok := tx.Snapshot.User(user, host); !ok {
				missing = append(missing, quoteAccount(user, host))
				continue
			}
			if key := catalog.AccountKey(user, host); slices.Contains(s.Mandatory, key) {
				return mysqlerr.New(mysqlerr.MandatoryRole, idOf(user, host))
			}
			tx.DeleteUser(user, host)
			renameRole(tx, catalog.AccountKey(user, host), "")
		}
		if len(missing) > 0 && !n.IfExists {
			return failedUsers(what, missing)
		}
		return nil
	})
	s.noteMissing(err, missing)
	return err
}

func (s *Statements) renameUsers(ctx context.Context, n *ast.RenameUserStmt) error {
	return s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, p := range n.UserToUsers {
			user, host := s.Self.identity(p.OldUser)
			newUser, newHost := s.Self.identity(p.NewUser)
			old, ok := tx.Snapshot.User(user, host)
			_, taken := tx.Snapshot.User(newUser, newHost)
			if !ok || taken {
				return failedUsers("RENAME USER", []string{quoteAccount(user, host)})
			}
			if err := checkAccountName(newUser, newHost); err != nil {
				return err
			}
			u := *old
			u.Name, u.Host = newUser, newHost
			tx.DeleteUser(user, host)
			tx.PutUser(&u)
			renameRole(tx, old.Key(), u.Key())
		}
		return nil
	})
}

// setPassword is SET PASSWORD [FOR account] = 'text'.
func (s *Statements) setPassword(ctx context.Context, n *ast.SetPwdStmt) error {
	user, host := s.Self.identity(n.User)
	return s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		old, ok := tx.Snapshot.User(user, host)
		if !ok {
			return mysqlerr.New(mysqlerr.PasswordNoMatch)
		}
		u := *old
		s.made, s.Renewed = nil, false
		if err := s.password(&u, &ast.AuthOption{ByAuthString: true, AuthString: n.Password}, 0, false); err != nil {
			return err
		}
		tx.PutUser(&u)
		return nil
	})
}

// mayShow: SHOW GRANTS and SHOW CREATE USER are for one's own account, and with a right to read users for any.
func (a Account) mayShow(id *pauth.UserIdentity) error {
	user, host := a.identity(id)
	if !a.isSelf(user, host) && !a.HasOn(mysql.SelectPriv, "mysql") && !a.Has(mysql.CreateUserPriv) {
		return a.DeniedDB("mysql")
	}
	return nil
}

// shown finds the account of SHOW GRANTS and SHOW CREATE USER.
func (a Account) shown(c *catalog.Snapshot, id *pauth.UserIdentity) (*catalog.User, error) {
	user, host := a.identity(id)
	u, ok := c.User(user, host)
	if !ok {
		return nil, mysqlerr.New(mysqlerr.NonexistingGrant, user, host)
	}
	return u, nil
}

// shownPrivileges is the order in which MySQL prints privileges.
var shownPrivileges = []mysql.PrivilegeType{
	mysql.SelectPriv, mysql.InsertPriv, mysql.UpdatePriv, mysql.DeletePriv, mysql.CreatePriv, mysql.DropPriv,
	mysql.ReloadPriv, mysql.ShutdownPriv, mysql.ProcessPriv, mysql.FilePriv, mysql.ReferencesPriv, mysql.IndexPriv,
	mysql.AlterPriv, mysql.ShowDBPriv, mysql.SuperPriv, mysql.CreateTMPTablePriv, mysql.LockTablesPriv, mysql.ExecutePriv,
	mysql.ReplicationSlavePriv, mysql.ReplicationClientPriv, mysql.CreateViewPriv, mysql.ShowViewPriv,
	mysql.CreateRoutinePriv, mysql.AlterRoutinePriv, mysql.CreateUserPriv, mysql.EventPriv, mysql.TriggerPriv,
	mysql.CreateTablespacePriv, mysql.CreateRolePriv, mysql.DropRolePriv,
}

// privilegeNames prints a mask; one that holds all is ALL PRIVILEGES (MySQL 8.0 lists the global ones one by one).
func privilegeNames(mask, all uint64, order []mysql.PrivilegeType) string {
	if all != 0 && mask&all == all {
		return "ALL PRIVILEGES"
	}
	var names []string
	for _, p := range order {
		if mask&uint64(p) != 0 {
			names = append(names, strings.ToUpper(mysql.Priv2Str[p]))
		}
	}
	if len(names) == 0 {
		return "USAGE"
	}
	return strings.Join(names, ", ")
}

// ShowCreateUser prints the statement that makes an account.
func (a Account) ShowCreateUser(c *catalog.Snapshot, n *ast.ShowStmt) (*show.Result, error) {
	u, err := a.shown(c, n.User)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("CREATE USER `%s`@`%s` IDENTIFIED WITH '%s'", u.Name, u.Host, u.Plugin)
	if len(u.Secret) > 0 {
		text += " AS " + quoteText(auth.FormatAuthString(u.Plugin, u.Secret))
	}
	text += defaultRoleClause(u) + requireClause(u.Require) + limitClauses(&u.Limits) + " " + passwordClauses(u)
	if u.Attributes != "" {
		text += " ATTRIBUTE " + quoteText(u.Attributes)
	}
	return &show.Result{
		Fields: []types.Field{show.TextField(fmt.Sprintf("CREATE USER for %s@%s", u.Name, u.Host), 4096)},
		Rows:   [][]types.Value{{types.Str(text)}},
	}, nil
}
