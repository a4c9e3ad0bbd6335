package show

import (
	"context"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

// privilegeScope is where a privilege can be granted.
type privilegeScope uint8

const (
	globalScope privilegeScope = iota
	databaseScope
)

// privileges are MySQL's static ones in the order in which it prints them.
var privileges = []struct {
	priv    mysql.PrivilegeType
	name    string
	lowest  privilegeScope
	context string
	comment string
}{
	{mysql.SelectPriv, "Select", databaseScope, "Tables", "To retrieve rows from table"},
	{mysql.InsertPriv, "Insert", databaseScope, "Tables", "To insert data into tables"},
	{mysql.UpdatePriv, "Update", databaseScope, "Tables", "To update existing rows"},
	{mysql.DeletePriv, "Delete", databaseScope, "Tables", "To delete existing rows"},
	{mysql.CreatePriv, "Create", databaseScope, "Databases,Tables,Indexes", "To create new databases and tables"},
	{mysql.DropPriv, "Drop", databaseScope, "Databases,Tables", "To drop databases, tables, and views"},
	{mysql.ReloadPriv, "Reload", globalScope, "Server Admin", "To reload or refresh tables, logs and privileges"},
	{mysql.ShutdownPriv, "Shutdown", globalScope, "Server Admin", "To shut down the server"},
	{mysql.ProcessPriv, "Process", globalScope, "Server Admin", "To view the plain text of currently executing queries"},
	{mysql.FilePriv, "File", globalScope, "File access on server", "To read and write files on the server"},
	{mysql.ReferencesPriv, "References", databaseScope, "Databases,Tables", "To have references on tables"},
	{mysql.IndexPriv, "Index", databaseScope, "Tables", "To create or drop indexes"},
	{mysql.AlterPriv, "Alter", databaseScope, "Tables", "To alter the table"},
	{mysql.ShowDBPriv, "Show databases", globalScope, "Server Admin", "To see all databases with SHOW DATABASES"},
	{mysql.SuperPriv, "Super", globalScope, "Server Admin", "To use KILL thread, SET GLOBAL, CHANGE MASTER, etc."},
	{mysql.CreateTMPTablePriv, "Create temporary tables", databaseScope, "Databases", "To use CREATE TEMPORARY TABLE"},
	{mysql.LockTablesPriv, "Lock tables", databaseScope, "Databases",
		"To use LOCK TABLES (together with SELECT privilege)"},
	{mysql.ExecutePriv, "Execute", databaseScope, "Functions,Procedures", "To execute stored routines"},
	{mysql.ReplicationSlavePriv, "Replication slave", globalScope, "Server Admin",
		"To read binary log events from the source"},
	{mysql.ReplicationClientPriv, "Replication client", globalScope, "Server Admin",
		"To ask where the replica or source servers are"},
	{mysql.CreateViewPriv, "Create view", databaseScope, "Tables", "To create new views"},
	{mysql.ShowViewPriv, "Show view", databaseScope, "Tables", "To see views with SHOW CREATE VIEW"},
	{mysql.CreateRoutinePriv, "Create routine", databaseScope, "Databases", "To use CREATE FUNCTION/PROCEDURE"},
	{mysql.AlterRoutinePriv, "Alter routine", databaseScope, "Functions,Procedures",
		"To alter or drop stored functions/procedures"},
	{mysql.CreateUserPriv, "Create user", globalScope, "Server Admin", "To create new users"},
	{mysql.EventPriv, "Event", databaseScope, "Server Admin", "To create, alter, drop and execute events"},
	{mysql.TriggerPriv, "Trigger", databaseScope, "Tables", "To use triggers"},
	{mysql.CreateTablespacePriv, "Create tablespace", globalScope, "Server Admin", "To create/alter/drop tablespaces"},
	{mysql.CreateRolePriv, "Create role", globalScope, "Server Admin", "To create new roles"},
	{mysql.DropRolePriv, "Drop role", globalScope, "Server Admin", "To drop roles"},
}

// holds tells whether a mask has a privilege; ALL PRIVILEGES is all but GRANT OPTION.
func holds(mask uint64, priv mysql.PrivilegeType) bool {
	if mask&uint64(mysql.AllPriv) != 0 && priv != mysql.GrantPriv {
		return true
	}
	return priv != 0 && mask&uint64(priv) != 0
}

// eachPrivilege calls fn with the names, in upper case, of what a mask grants; USAGE where that is nothing.
func eachPrivilege(mask uint64, scope privilegeScope, fn func(name string) error) error {
	none := true
	for _, p := range privileges {
		if p.lowest < scope || !holds(mask, p.priv) {
			continue
		}
		none = false
		if err := fn(strings.ToUpper(p.name)); err != nil {
			return err
		}
	}
	if none {
		return fn("USAGE")
	}
	return nil
}

// Dynamic lists the privileges without a bit; package privilege, which is above, fills it in.
var Dynamic []string

// showPrivileges lists the static privileges in order of name, but for USAGE, and then those without a bit.
func showPrivileges(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) {
	r := newResult("Privilege varchar(25) !\nContext varchar(50) !\nComment varchar(80) !")
	for _, p := range privileges {
		r.add(types.Str(p.name), types.Str(p.context), types.Str(p.comment))
	}
	r.add(types.Str("Grant option"), types.Str("Databases,Tables,Functions,Procedures"),
		types.Str("To give to other users those privileges you possess"))
	r.add(types.Str("Proxy"), types.Str("Server Admin"), types.Str("To make proxy user possible"))
	slices.SortFunc(r.Rows, func(a, b []types.Value) int { return strings.Compare(a[0].Text(), b[0].Text()) })
	r.add(types.Str("Usage"), types.Str("Server Admin"), types.Str("No privileges - allow connect only"))
	for _, name := range Dynamic {
		r.add(types.Str(name), types.Str("Server Admin"), types.Str(""))
	}
	return r, nil
}
