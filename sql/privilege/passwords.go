package privilege

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/auth"
	"cloudsql/sql/dialect"
	"cloudsql/sql/show"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// PasswordRules are what the server's variables ask of the passwords of accounts that have no rules of their own.
type PasswordRules struct {
	Lifetime       int  // default_password_lifetime: days; 0: for ever
	History        int  // password_history
	Reuse          int  // password_reuse_interval: days
	RequireCurrent bool // password_require_current

	global func(variable string) string
}

// RulesOf reads the variables.
func RulesOf(global func(variable string) string) PasswordRules {
	return PasswordRules{
		Lifetime: sysvar.Int(global("default_password_lifetime")), History: sysvar.Int(global("password_history")),
		Reuse: sysvar.Int(global("password_reuse_interval")), RequireCurrent: global("password_require_current") == "ON",
		global: global,
	}
}

// Result shows the passwords that were made up; nil where none was.
func (s *Statements) Result() *show.Result {
	if s.made == nil {
		return nil
	}
	return &show.Result{Rows: s.made, Fields: []types.Field{
		show.TextField("user", maxUserName), show.TextField("host", maxHostName), show.TextField("generated password", maxHostName),
		{Name: "auth_factor", Type: types.TypeUint},
	}}
}

const day = 24 * 60 * 60 // seconds

// Expired tells whether an account's password has expired.
func Expired(u *catalog.User, now time.Time, rules PasswordRules) bool {
	days := ownOr(u.Lifetime, rules.Lifetime)
	return u.Expired || days > 0 && u.Changed > 0 && now.Unix()-u.Changed >= int64(days)*day
}

func ownOr(own *uint16, otherwise int) int {
	if own != nil {
		return int(*own)
	}
	return otherwise
}

// change is a change of one account's password.
type change struct {
	*Statements
	to     *catalog.User // the account as it will be
	from   catalog.User  // and as it was
	auth   *ast.AuthOption
	clause dialect.Credential
	isNew  bool
}

// password gives an account the password of IDENTIFIED …, if there is one, and what is said of the second one.
func (s *Statements) password(u *catalog.User, o *ast.AuthOption, at int, isNew bool) error {
	c := change{s, u, *u, o, s.Passwords.Accounts[at], isNew}
	if c.clause.Random && o != nil {
		random, err := randomPassword(s.RandomLength)
		if err != nil {
			return err
		}
		again := *o
		again.AuthString, c.auth = random, &again
		s.made = append(s.made, []types.Value{types.Str(u.Name), types.Str(u.Host), types.Str(random), types.Uint(1)})
	}
	if err := c.allowed(); err != nil {
		return err
	}
	if c.clause.Discard {
		u.Retained = nil
	}
	if err := c.strong(); err != nil {
		return err
	}
	if o == nil && !isNew {
		return nil
	}
	if err := credentials(u, c.auth); err != nil {
		return err
	}
	if err := c.remember(); err != nil {
		return err
	}
	u.Changed, u.Expired = s.Now.Unix(), !isNew && !o.ByAuthString && !o.ByHashString // WITH plugin alone: a new one has to be chosen
	if !isNew && s.Self.isSelf(u.Name, u.Host) && !u.Expired {
		s.Renewed = true
	}
	return c.retain()
}

// allowed asks for the privileges that the clauses need, and for the present password.
func (c *change) allowed() error {
	self, administrator := c.Self.isSelf(c.to.Name, c.to.Host), c.Self.Has(mysql.CreateUserPriv)
	if (c.clause.Retain || c.clause.Discard) && !administrator && !c.Self.HasDynamic("APPLICATION_PASSWORD_ADMIN") {
		return mysqlerr.New(mysqlerr.SpecificAccessDenied, "CREATE USER or APPLICATION_PASSWORD_ADMIN")
	}
	required := c.Rules.RequireCurrent
	if own := c.from.RequireCurrent; own != nil {
		required = *own
	}
	switch {
	case c.isNew:
	case c.clause.Replaces && !self:
		return mysqlerr.New(mysqlerr.CurrentPasswordNotRequired)
	case c.clause.Replaces && !auth.CheckPassword(c.from.Plugin, c.from.Secret, c.clause.Current):
		return mysqlerr.New(mysqlerr.IncorrectCurrentPassword)
	case required && c.auth != nil && !c.clause.Replaces && !administrator && !c.Self.HasOn(mysql.UpdatePriv, "mysql"):
		return mysqlerr.New(mysqlerr.MissingCurrentPassword)
	}
	return nil
}

// strong refuses a password that validate_password does not take, where that is installed; a hash can't be looked at. 1819.
func (c *change) strong() error {
	if !sysvar.Installed(c.DB.Catalog(), sysvar.ValidatePassword) || c.clause.Random || c.auth != nil && c.auth.ByHashString ||
		c.auth == nil && (!c.isNew || c.to.Locked) { // the latter are roles
		return nil
	}
	number := func(name string) int { return sysvar.Int(c.Rules.global("validate_password." + name)) }
	p := expr.PasswordPolicy{Length: number("length"), Numbers: number("number_count"), MixedCase: number("mixed_case_count"), Special: number("special_char_count")}
	if c.Rules.global("validate_password.check_user_name") == "ON" && c.Self.User != nil {
		p.Names = []string{c.Self.User.Name}
	}
	text, wanted := "", 100
	if c.auth != nil {
		text = c.auth.AuthString
	}
	if c.Rules.global("validate_password.policy") == "LOW" {
		wanted = 50
	}
	if p.Strength(text) < wanted {
		return mysqlerr.New(mysqlerr.NotValidPassword)
	}
	return nil
}

// maxPast bounds how many passwords are remembered of an account.
const maxPast = 1000

// remember refuses a password that the account had too recently, and notes it for those to come.
func (c *change) remember() error {
	u, now := c.to, c.Now.Unix()
	most, since := ownOr(u.History, c.Rules.History), now-int64(ownOr(u.Reuse, c.Rules.Reuse))*day
	var past []catalog.PastSecret
	for i, p := range u.Past {
		if i >= most && p.At <= since || len(past) == maxPast {
			break
		}
		if c.repeats(&p) {
			return mysqlerr.New(mysqlerr.CredentialsContradictHistory, u.Name, u.Host)
		}
		past = append(past, p)
	}
	if (most > 0 || since < now) && len(u.Secret) > 0 {
		past = append([]catalog.PastSecret{{Plugin: u.Plugin, Secret: u.Secret, At: now}}, past...)
	}
	u.Past = past
	return nil
}

// repeats tells whether the new password is an earlier one.
func (c *change) repeats(p *catalog.PastSecret) bool {
	switch {
	case len(c.to.Secret) == 0:
		return false
	case c.auth.ByAuthString:
		return auth.CheckPassword(p.Plugin, p.Secret, c.auth.AuthString)
	}
	return p.Plugin == c.to.Plugin && bytes.Equal(p.Secret, c.to.Secret)
}

// retain keeps the password of before beside the new one.
func (c *change) retain() error {
	u := c.to
	switch {
	case !c.clause.Retain:
		if u.Plugin != c.from.Plugin || len(u.Secret) == 0 {
			u.Retained = nil
		}
		return nil
	case u.Plugin != c.from.Plugin:
		return mysqlerr.New(mysqlerr.NotRetainedOnPluginChange, u.Name, u.Host)
	case len(c.from.Secret) == 0:
		return mysqlerr.New(mysqlerr.SecondPasswordEmpty, u.Name, u.Host)
	case len(u.Secret) == 0:
		return mysqlerr.New(mysqlerr.PasswordNotRetained, u.Name, u.Host)
	}
	u.Retained = c.from.Secret
	return nil
}

// randomPassword makes a password up.
func randomPassword(length int) (string, error) {
	const signs = "1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.-;:_+*!%&/(){}[]<>@"
	b := make([]byte, length)
	for i := range b {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(signs))))
		if err != nil {
			return "", err
		}
		b[i] = signs[n.Int64()]
	}
	return string(b), nil
}

// passwordOptions takes what CREATE USER and ALTER USER say of an account's lock and of the rules for its passwords.
func (s *Statements) passwordOptions(u *catalog.User, options []*ast.PasswordOrLockOption) error {
	for _, o := range options {
		if err := passwordOption(u, o); err != nil {
			return err
		}
	}
	switch s.Passwords.Require {
	case "DEFAULT":
		u.RequireCurrent = nil
	case "CURRENT", "OPTIONAL":
		required := s.Passwords.Require == "CURRENT"
		u.RequireCurrent = &required
	}
	return nil
}

func passwordOption(u *catalog.User, o *ast.PasswordOrLockOption) (err error) {
	switch o.Type {
	case ast.Lock:
		u.Locked = true
	case ast.Unlock:
		u.Locked = false
		u.Unlocked++
	case ast.PasswordExpire:
		if u.Name == "" {
			return mysqlerr.New(mysqlerr.PasswordExpireAnonymousUser)
		}
		u.Expired = true
	case ast.PasswordExpireDefault:
		u.Lifetime = nil
	case ast.PasswordExpireNever:
		u.Lifetime = new(uint16)
	case ast.PasswordExpireInterval:
		u.Lifetime, err = within("DAY", o.Count, 1)
	case ast.PasswordHistoryDefault:
		u.History = nil
	case ast.PasswordHistory:
		if u.History, err = within("HISTORY", o.Count, 0); o.Count > maxPast && err == nil {
			err = mysqlerr.NotSupported("PASSWORD HISTORY of more than " + strconv.Itoa(maxPast))
		}
	case ast.PasswordReuseDefault:
		u.Reuse = nil
	case ast.PasswordReuseInterval:
		u.Reuse, err = within("DAY", o.Count, 0)
	case ast.PasswordRequireCurrentDefault:
		u.RequireCurrent = nil
	default:
		return loginOption(u, o)
	}
	return err
}

// loginOption takes what is said of failed log-ins, which forgets those of before.
func loginOption(u *catalog.User, o *ast.PasswordOrLockOption) error {
	const most = 32767
	if o.Count < 0 || o.Count > most {
		name := "FAILED_LOGIN_ATTEMPTS"
		if o.Type == ast.PasswordLockTime {
			name = "PASSWORD_LOCK_TIME"
		}
		return mysqlerr.New(mysqlerr.WrongValue, name, strconv.FormatInt(o.Count, 10))
	}
	switch o.Type {
	case ast.FailedLoginAttempts:
		u.FailedLogins = uint16(o.Count)
	case ast.PasswordLockTime:
		u.LockDays = int16(o.Count)
	case ast.PasswordLockTimeUnbounded:
		u.LockDays = catalog.Unbounded
	default:
		return mysqlerr.NotSupported("this password option")
	}
	u.Unlocked++
	return nil
}

// within is a number that an account keeps, of least to 65535. 1525.
func within(name string, n, least int64) (*uint16, error) {
	if n < least || n > 65535 {
		return nil, mysqlerr.New(mysqlerr.WrongValue, name, strconv.FormatInt(n, 10))
	}
	own := uint16(n)
	return &own, nil
}

// passwordClauses prints the rules for an account's passwords, as SHOW CREATE USER has them.
func passwordClauses(u *catalog.User) string {
	lock, expire, require := "UNLOCK", " DEFAULT", " DEFAULT"
	if u.Locked {
		lock = "LOCK"
	}
	switch {
	case u.Expired:
		expire = ""
	case u.Lifetime != nil && *u.Lifetime == 0:
		expire = " NEVER"
	case u.Lifetime != nil:
		expire = " INTERVAL " + strconv.Itoa(int(*u.Lifetime)) + " DAY"
	}
	if own := u.RequireCurrent; own != nil {
		require = map[bool]string{true: "", false: " OPTIONAL"}[*own]
	}
	text := "PASSWORD EXPIRE" + expire + " ACCOUNT " + lock + " PASSWORD HISTORY " + defaultOr(u.History, "") +
		" PASSWORD REUSE INTERVAL " + defaultOr(u.Reuse, " DAY") + " PASSWORD REQUIRE CURRENT" + require
	if u.FailedLogins > 0 {
		text += " FAILED_LOGIN_ATTEMPTS " + strconv.Itoa(int(u.FailedLogins))
	}
	switch {
	case u.LockDays == catalog.Unbounded:
		text += " PASSWORD_LOCK_TIME UNBOUNDED"
	case u.LockDays > 0:
		text += " PASSWORD_LOCK_TIME " + strconv.Itoa(int(u.LockDays))
	}
	return text
}

func defaultOr(own *uint16, unit string) string {
	if own == nil {
		return "DEFAULT"
	}
	return strconv.Itoa(int(*own)) + unit
}

// MustRenew refuses what an account may not do whose password has expired: all but giving itself a new one, and SET. 1820.
func (a Account) MustRenew(node ast.StmtNode) error {
	switch n := node.(type) {
	case *ast.SetStmt:
		return nil
	case *ast.SetPwdStmt:
		if a.isSelf(a.identity(n.User)) {
			return nil
		}
	case *ast.AlterUserStmt:
		if n.CurrentAuth != nil || slices.ContainsFunc(n.Specs, func(s *ast.UserSpec) bool { return s.AuthOpt != nil && a.isSelf(a.identity(s.User)) }) {
			return nil
		}
	}
	return mysqlerr.New(mysqlerr.MustChangePassword)
}
