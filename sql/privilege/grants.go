package privilege

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// granted is what a GRANT or REVOKE is about: privileges at one level.
type granted struct {
	db, table string // *.* where both are empty, db.* where the table is
	mask      uint64
	columns   map[string]uint64 // further ones, on columns of the table
	dynamic   []string          // at *.* only
	withGrant bool              // GRANT OPTION for the dynamic ones; mask has its bit
}

// What may be granted on a table and on a column.
var (
	allTablePrivileges = maskOf([]mysql.PrivilegeType{
		mysql.SelectPriv, mysql.InsertPriv, mysql.UpdatePriv, mysql.DeletePriv, mysql.CreatePriv, mysql.DropPriv, mysql.ReferencesPriv,
		mysql.IndexPriv, mysql.AlterPriv, mysql.CreateViewPriv, mysql.ShowViewPriv, mysql.TriggerPriv,
	})
	columnPrivileges = maskOf([]mysql.PrivilegeType{mysql.SelectPriv, mysql.InsertPriv, mysql.UpdatePriv, mysql.ReferencesPriv})
)

func init() { show.Dynamic = DynamicPrivileges() }

const grantBit = uint64(mysql.GrantPriv)

// dynamicPrivileges are MySQL 8.0's privileges without a bit.
var dynamicPrivileges = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`APPLICATION_PASSWORD_ADMIN AUDIT_ABORT_EXEMPT AUDIT_ADMIN AUTHENTICATION_POLICY_ADMIN BACKUP_ADMIN
		BINLOG_ADMIN BINLOG_ENCRYPTION_ADMIN CLONE_ADMIN CONNECTION_ADMIN ENCRYPTION_KEY_ADMIN FIREWALL_ADMIN FIREWALL_EXEMPT FIREWALL_USER
		FLUSH_OPTIMIZER_COSTS FLUSH_STATUS FLUSH_TABLES FLUSH_USER_RESOURCES GROUP_REPLICATION_ADMIN GROUP_REPLICATION_STREAM
		INNODB_REDO_LOG_ARCHIVE INNODB_REDO_LOG_ENABLE PASSWORDLESS_USER_ADMIN PERSIST_RO_VARIABLES_ADMIN REPLICATION_APPLIER
		REPLICATION_SLAVE_ADMIN RESOURCE_GROUP_ADMIN RESOURCE_GROUP_USER ROLE_ADMIN SENSITIVE_VARIABLES_OBSERVER SERVICE_CONNECTION_ADMIN
		SESSION_VARIABLES_ADMIN SET_USER_ID SHOW_ROUTINE SKIP_QUERY_REWRITE SYSTEM_USER SYSTEM_VARIABLES_ADMIN TABLE_ENCRYPTION_ADMIN
		TELEMETRY_LOG_ADMIN TP_CONNECTION_ADMIN VERSION_TOKEN_ADMIN XA_RECOVER_ADMIN`) {
		m[n] = true
	}
	return m
}()

// DynamicPrivileges lists the privileges without a bit in order of name.
func DynamicPrivileges() []string { return slices.Sorted(maps.Keys(dynamicPrivileges)) }

// grantOf reads the level and the privileges of a GRANT or REVOKE. 1046, 1144, 1221, 3619, 3929.
func grantOf(l *ast.GrantLevel, kind ast.ObjectTypeType, privs []*ast.PrivElem, current string) (granted, error) {
	g := granted{}
	switch kind {
	case ast.ObjectTypeFunction, ast.ObjectTypeProcedure:
		return g, mysqlerr.NotSupported("privileges on stored programs")
	}
	switch l.Level {
	case ast.GrantLevelDB, ast.GrantLevelTable:
		if g.db = l.DBName; g.db == "" {
			g.db = current
		}
		if g.db == "" {
			return g, mysqlerr.New(mysqlerr.NoDB)
		}
		g.table = l.TableName
	}
	for _, p := range privs {
		if err := g.add(p); err != nil {
			return g, err
		}
	}
	return g, nil
}

// all is ALL PRIVILEGES of the level; GRANT OPTION stands apart.
func (g *granted) all() uint64 {
	switch {
	case g.db == "":
		return allPrivileges
	case g.table == "":
		return allDBPrivileges
	}
	return allTablePrivileges
}

// everything tells ALL PRIVILEGES ON *.*, which has those without a bit.
func (g *granted) everything() bool { return g.db == "" && g.mask&allPrivileges == allPrivileges }

func (g *granted) add(p *ast.PrivElem) error {
	illegal := mysqlerr.New(mysqlerr.IllegalGrantForTable)
	switch {
	case p.Priv == mysql.ExtendedPriv:
		name := strings.ToUpper(p.Name)
		if !dynamicPrivileges[name] {
			return mysqlerr.New(mysqlerr.DynamicPrivilegeNotRegistered, name)
		}
		if g.db != "" {
			return mysqlerr.New(mysqlerr.IllegalPrivilegeLevel, name)
		}
		g.dynamic = append(g.dynamic, name)
	case len(p.Cols) > 0:
		if g.table == "" || uint64(p.Priv)&columnPrivileges == 0 {
			return illegal
		}
		if g.columns == nil {
			g.columns = map[string]uint64{}
		}
		for _, c := range p.Cols {
			g.columns[c.Name.L] |= uint64(p.Priv)
		}
	case p.Priv == mysql.AllPriv:
		if g.mask |= g.all(); g.db == "" {
			g.dynamic = DynamicPrivileges()
		}
	case p.Priv == mysql.UsagePriv:
	case p.Priv == mysql.GrantPriv:
		g.mask |= grantBit
	case g.table != "" && uint64(p.Priv)&allTablePrivileges == 0:
		return illegal
	case g.db != "" && g.table == "" && uint64(p.Priv)&allDBPrivileges == 0:
		return mysqlerr.New(mysqlerr.WrongUsage, "DB GRANT", "GLOBAL PRIVILEGES")
	default:
		g.mask |= uint64(p.Priv)
	}
	return nil
}

// checkTable: privileges are granted on tables and columns that there are, but CREATE on others, too. 1146, 1054.
func (g *granted) checkTable(c *catalog.Snapshot) error {
	if g.table == "" {
		return nil
	}
	t, ok := c.Table(g.db, g.table)
	if v, view := c.View(g.db, g.table); view {
		return g.checkView(v)
	}
	if !ok {
		if g.mask&uint64(mysql.CreatePriv) != 0 && g.columns == nil {
			return nil
		}
		return mysqlerr.New(mysqlerr.NoSuchTable, g.db, g.table)
	}
	for name := range g.columns {
		if t.ColumnByName(name) < 0 {
			return mysqlerr.New(mysqlerr.BadField, name, g.table)
		}
	}
	return nil
}

// checkView is checkTable for a view.
func (g *granted) checkView(v *schema.View) error {
	for name := range g.columns {
		if !slices.ContainsFunc(v.Columns, func(c string) bool { return strings.EqualFold(c, name) }) {
			return mysqlerr.New(mysqlerr.BadField, name, g.table)
		}
	}
	return nil
}

// revokesAll tells REVOKE ALL PRIVILEGES, GRANT OPTION FROM account.
func revokesAll(n *ast.RevokeStmt) bool {
	return len(n.Privs) == 2 && n.Privs[0].Priv == mysql.AllPriv && n.Privs[1].Priv == mysql.GrantPriv &&
		n.Level.Level == ast.GrantLevelGlobal
}

// mayGrant: whoever grants or revokes must hold GRANT OPTION and the privileges themselves there.
func (a Account) mayGrant(g *granted) error {
	mine := effective(a.Global)
	if a.GrantOption {
		mine |= grantBit
	}
	if g.db != "" {
		mine = mine&^a.Restrictions[g.db] | a.on(g.db)
	}
	own := a.Tables[g.db][g.table]
	if g.table != "" {
		mine |= own.Mask
	}
	ok := mine&grantBit != 0 && mine&g.mask == g.mask
	for name, mask := range g.columns {
		ok = ok && (mine|own.Columns[name])&mask == mask
	}
	for _, name := range g.dynamic {
		with, has := a.Dynamic[name]
		if !(has && with) && !(a.HasDynamic(name) && a.GrantOption) {
			return mysqlerr.New(mysqlerr.SpecificAccessDenied, "GRANT OPTION")
		}
	}
	switch {
	case ok, g.mask == 0 && g.columns == nil && len(g.dynamic) > 0:
		return nil
	case g.table != "":
		user, host := a.who()
		missing := g.mask &^ mine
		if mine&grantBit == 0 {
			missing = grantBit
		}
		if missing == 0 {
			missing = columnPrivileges
		}
		names := privilegeNames(missing, 0, append([]mysql.PrivilegeType{mysql.GrantPriv}, shownPrivileges...))
		return mysqlerr.New(mysqlerr.TableaccessDenied, names, user, host, g.table)
	case g.db != "":
		return a.DeniedDB(g.db)
	}
	user, host := a.who()
	return mysqlerr.New(mysqlerr.AccessDenied, user, host, "YES")
}

func (s *Statements) grant(ctx context.Context, n *ast.GrantStmt) error {
	g, err := grantOf(n.Level, n.ObjectType, n.Privs, s.In)
	if err != nil {
		return err
	}
	if len(n.AuthTokenOrTLSOptions) > 0 { // MySQL 8.0 has it in CREATE USER and ALTER USER only
		return mysqlerr.Syntax("REQUIRE", 1)
	}
	if s.As != nil && g.db != "" {
		return mysqlerr.New(mysqlerr.UnsupportedUseOfGrantAs)
	}
	if g.withGrant = n.WithGrant; n.WithGrant {
		g.mask |= grantBit
	}
	return s.changeGrants(ctx, n.Users, func(tx *catalog.Tx, u *catalog.User) error {
		g := g
		if g.everything() && !tx.Snapshot.Allows(version.V2) {
			g.dynamic = nil // older programs know only those with a bit
		}
		if err := g.checkTable(tx.Snapshot); err != nil {
			return err
		}
		by, err := s.grantor(tx.Snapshot, g.mask)
		if err != nil {
			return err
		}
		g.grant(u, by)
		return nil
	}, mysqlerr.New(mysqlerr.CantCreateUserWithGrant))
}

// grant adds to an account.
func (g *granted) grant(u *catalog.User, by Account) {
	for _, name := range g.dynamic {
		if u.Dynamic == nil {
			u.Dynamic = map[string]bool{}
		}
		u.Dynamic[name] = u.Dynamic[name] || g.withGrant
	}
	switch {
	case g.db == "":
		if g.mask == grantBit && len(g.dynamic) > 0 {
			return // the option is that of the privileges without a bit
		}
		g.passOn(u, by)
		u.Global = effective(u.Global) | g.mask
		u.GrantOption = u.GrantOption || g.mask&grantBit != 0
	case g.table == "":
		mask, restricted := g.mask, u.Restrictions[g.db]
		if restrict(u, g.db, restricted&^mask); restricted != 0 {
			if mask &^= restricted; mask == 0 {
				return // all of it holds there again
			}
		}
		if u.DBs == nil {
			u.DBs = map[string]uint64{}
		}
		u.DBs[g.db] = effective(u.DBs[g.db]) | mask
	default:
		t := u.Tables[g.db][g.table]
		t.Mask |= g.mask
		for name, mask := range g.columns {
			if t.Columns == nil {
				t.Columns = map[string]uint64{}
			}
			t.Columns[name] |= mask
		}
		t.Grantor = by.Key()
		putTable(u, g.db, g.table, t)
	}
}

// putTable sets an account's privileges on a table.
func putTable(u *catalog.User, db, table string, t catalog.TableGrant) {
	if u.Tables == nil {
		u.Tables = map[string]map[string]catalog.TableGrant{}
	}
	if u.Tables[db] == nil {
		u.Tables[db] = map[string]catalog.TableGrant{}
	}
	if u.Tables[db][table] = t; t.Mask == 0 && len(t.Columns) == 0 {
		delete(u.Tables[db], table)
	}
	if len(u.Tables[db]) == 0 {
		delete(u.Tables, db)
	}
}

// RevokeOptions are clauses of REVOKE and what it is to do without.
type RevokeOptions struct {
	IfExists      bool // what is not granted is a warning
	IgnoreUnknown bool // and so are accounts that there are not
}

func (s *Statements) revoke(ctx context.Context, n *ast.RevokeStmt, o RevokeOptions) error {
	g, err := grantOf(n.Level, n.ObjectType, n.Privs, s.In)
	if err != nil {
		return err
	}
	everywhere := revokesAll(n)
	var left []*mysqlerr.Error // what is not done, for warnings
	var unknown *mysqlerr.Error
	if everywhere {
		unknown = mysqlerr.New(mysqlerr.RevokeGrants)
	}
	err = s.eachAccount(ctx, n.Users, func() { left = nil }, func(tx *catalog.Tx, user, host string) error {
		old, ok := tx.Snapshot.User(user, host)
		if !ok {
			if o.IgnoreUnknown {
				left = append(left, mysqlerr.New(mysqlerr.AuthIDNotExists, quoteAccount(user, host)))
				return nil
			}
			if unknown != nil {
				return unknown
			}
			return mysqlerr.New(mysqlerr.NonexistingGrant, user, host)
		}
		u := old.Clone()
		if everywhere {
			if e := s.Self.mayRevoke(u, ^uint64(0)); e != nil {
				return e
			}
			u.Global, u.DBs, u.GrantOption, u.Tables, u.Dynamic, u.Restrictions = 0, nil, false, nil, nil, nil
		} else if e := g.revoke(u, AccountOf(tx.Snapshot, s.Self.User)); e != nil {
			if !o.IfExists {
				return e
			}
			left = append(left, e)
			return nil
		}
		tx.PutUser(u)
		return nil
	})
	if err == nil {
		s.warn(left)
	}
	return err
}

// revoke takes from an account; what has none of it at its level is 1141, 1147.
func (g *granted) revoke(u *catalog.User, by Account) *mysqlerr.Error {
	for _, name := range g.dynamic {
		delete(u.Dynamic, name)
	}
	switch {
	case g.db == "":
		if e := by.mayRevoke(u, g.mask); e != nil {
			return e
		}
		u.Global = effective(u.Global) &^ g.mask
		u.GrantOption = u.GrantOption && g.mask&grantBit == 0
		for db, mask := range u.Restrictions {
			restrict(u, db, mask&^g.mask)
		}
	case g.table == "":
		return g.revokeOnDB(u, by.Partial)
	default:
		t, ok := u.Tables[g.db][g.table]
		if !ok {
			return mysqlerr.New(mysqlerr.NonexistingTableGrant, u.Name, u.Host, g.table)
		}
		t.Mask &^= g.mask
		for name := range t.Columns {
			if t.Columns[name] &^= g.columns[name] | g.mask; t.Columns[name] == 0 {
				delete(t.Columns, name)
			}
		}
		putTable(u, g.db, g.table, t)
	}
	return nil
}

// revokeOnDB is revoke on a database. With partial revokes, what the account has everywhere it has everywhere else from now on.
func (g *granted) revokeOnDB(u *catalog.User, partial bool) *mysqlerr.Error {
	own, ok := u.DBs[g.db]
	own = effective(own)
	restricted := uint64(0)
	if partial && own&g.mask != g.mask {
		restricted = globalMask(u) & g.mask &^ own
		restrict(u, g.db, u.Restrictions[g.db]|restricted)
	}
	switch own &^= g.mask; {
	case !ok && restricted == 0:
		return mysqlerr.New(mysqlerr.NonexistingGrant, u.Name, u.Host)
	case own == 0:
		delete(u.DBs, g.db)
	case ok:
		u.DBs[g.db] = own
	}
	return nil
}

// warn tells what was not done.
func (s *Statements) warn(left []*mysqlerr.Error) {
	for _, e := range left {
		s.Note("Warning", e.Code, e.Message)
	}
}

// eachAccount changes accounts, all or none; fresh begins another try.
func (s *Statements) eachAccount(ctx context.Context, users []*ast.UserSpec, fresh func(), fn func(tx *catalog.Tx, user, host string) error) error {
	return s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		fresh()
		for _, spec := range users {
			user, host := s.Self.identity(spec.User)
			if err := fn(tx, user, host); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeGrants changes the grants of accounts, all or none. unknown is the error for an account that does not exist.
func (s *Statements) changeGrants(ctx context.Context, users []*ast.UserSpec, fn func(tx *catalog.Tx, u *catalog.User) error, unknown error) error {
	return s.eachAccount(ctx, users, func() {}, func(tx *catalog.Tx, user, host string) error {
		old, ok := tx.Snapshot.User(user, host)
		if !ok {
			return unknown
		}
		u := old.Clone()
		if err := fn(tx, u); err != nil {
			return err
		}
		tx.PutUser(u)
		return nil
	})
}

// grantLines prints an account's grants as GRANT statements.
func grantLines(c *catalog.Snapshot, u *catalog.User) []string {
	to := " TO " + idOf(u.Name, u.Host)
	var lines []string
	add := func(what, on string, withGrant bool) {
		text := "GRANT " + what + " ON " + on + to
		if withGrant {
			text += " WITH GRANT OPTION"
		}
		lines = append(lines, text)
	}
	add(privilegeNames(effective(u.Global), 0, shownPrivileges), "*.*", u.GrantOption || u.Global&grantBit != 0)
	for _, with := range []bool{false, true} {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(u.Dynamic)) {
			if u.Dynamic[name] == with {
				names = append(names, name)
			}
		}
		if names != nil {
			add(strings.Join(names, ","), "*.*", with)
		}
	}
	for _, db := range slices.Sorted(maps.Keys(u.DBs)) {
		mask := effective(u.DBs[db])
		add(privilegeNames(mask, allDBPrivileges, shownPrivileges), mysqlerr.Quote(db)+".*", mask&grantBit != 0)
	}
	lines = append(lines, restrictionLines(u)...)
	for _, db := range slices.Sorted(maps.Keys(u.Tables)) {
		for _, table := range slices.Sorted(maps.Keys(u.Tables[db])) {
			t := u.Tables[db][table]
			desc, _ := c.Table(db, table)
			add(tablePrivilegeNames(t, desc), mysqlerr.Quote(db)+"."+mysqlerr.Quote(table), t.Mask&grantBit != 0)
		}
	}
	return append(lines, roleLines(u)...)
}

// tablePrivilegeNames prints the privileges on a table and its columns.
func tablePrivilegeNames(g catalog.TableGrant, t *schema.Table) string {
	if g.Mask&allTablePrivileges == allTablePrivileges {
		return "ALL PRIVILEGES"
	}
	var parts []string
	for _, p := range shownPrivileges {
		name := strings.ToUpper(mysql.Priv2Str[p])
		if g.Mask&uint64(p) != 0 {
			parts = append(parts, name)
		}
		var columns []string
		for _, c := range slices.Sorted(maps.Keys(g.Columns)) {
			if g.Columns[c]&uint64(p) != 0 {
				columns = append(columns, mysqlerr.Quote(columnName(t, c)))
			}
		}
		if columns != nil {
			parts = append(parts, name+" ("+strings.Join(columns, ", ")+")")
		}
	}
	if parts == nil {
		return "USAGE"
	}
	return strings.Join(parts, ", ")
}

// columnName gives a column's name as its table writes it.
func columnName(t *schema.Table, lower string) string {
	if t != nil {
		if pos := t.ColumnByName(lower); pos >= 0 {
			return t.Columns[pos].Name
		}
	}
	return lower
}

// idOf is an account as GRANT names it.
func idOf(name, host string) string { return mysqlerr.Quote(name) + "@" + mysqlerr.Quote(host) }
