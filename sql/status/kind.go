package status

import "github.com/pingcap/tidb/pkg/parser/ast"

// Kind is what SHOW STATUS tells statements apart by: each is counted as Com_NAME.
type Kind uint8

// The kinds. Other has no counter.
const (
	Other Kind = iota
	Select
	Insert
	Replace
	Update
	Delete
	Begin
	Commit
	Rollback
	Savepoint
	RollbackTo
	ReleaseSavepoint
	Set
	ChangeDB
	Show
	CreateDB
	DropDB
	AlterDB
	CreateTable
	DropTable
	AlterTable
	Truncate
	RenameTable
	CreateIndex
	DropIndex
	CreateUser
	AlterUser
	DropUser
	RenameUser
	Grant
	Revoke
	LockTables
	UnlockTables
	Analyze
	Optimize
	Check
	Flush
	Kill
	Explain
	Do
	Help
	PrepareSQL
	ExecuteSQL
	DeallocSQL
	StmtPrepare
	StmtExecute
	Load
	Signal
	GetDiagnostics
	Checksum
	kinds
)

var kindNames = [kinds]string{
	"", "select", "insert", "replace", "update", "delete", "begin", "commit", "rollback", "savepoint",
	"rollback_to_savepoint", "release_savepoint", "set_option", "change_db", "show_tables", "create_db", "drop_db",
	"alter_db", "create_table", "drop_table", "alter_table", "truncate", "rename_table", "create_index", "drop_index",
	"create_user", "alter_user", "drop_user", "rename_user", "grant", "revoke", "lock_tables", "unlock_tables", "analyze",
	"optimize", "check", "flush", "kill", "explain_other", "do", "help", "prepare_sql", "execute_sql", "dealloc_sql",
	"stmt_prepare", "stmt_execute", "load", "signal", "get_diagnostics", "checksum",
}

// String is the kind's name: "select" of Com_select, "" of Other.
func (k Kind) String() string { return kindNames[k] }

// Changes tells whether such statements count as changes where an account may make so many in an hour.
func (k Kind) Changes() bool {
	switch k {
	case Insert, Replace, Update, Delete, Load, CreateDB, DropDB, AlterDB, CreateTable, DropTable, AlterTable, Truncate, RenameTable, CreateIndex,
		DropIndex, CreateUser, AlterUser, DropUser, RenameUser, Grant, Revoke, Optimize:
		return true
	}
	return false
}

// Of is the kind of a statement.
func Of(n ast.StmtNode) Kind {
	switch n := n.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return Select
	case *ast.InsertStmt:
		if n.IsReplace {
			return Replace
		}
		return Insert
	case *ast.LoadDataStmt:
		return Load
	case *ast.UpdateStmt:
		return Update
	case *ast.DeleteStmt:
		return Delete
	case *ast.SetStmt, *ast.SetPwdStmt:
		return Set
	case *ast.UseStmt:
		return ChangeDB
	case *ast.ShowStmt:
		return Show
	case *ast.BeginStmt:
		return Begin
	case *ast.CommitStmt:
		return Commit
	case *ast.RollbackStmt:
		if n.SavepointName != "" {
			return RollbackTo
		}
		return Rollback
	}
	return ofRareNode(n)
}

func ofRareNode(n ast.StmtNode) Kind {
	switch n.(type) {
	case *ast.SavepointStmt:
		return Savepoint
	case *ast.ReleaseSavepointStmt:
		return ReleaseSavepoint
	case *ast.CreateDatabaseStmt:
		return CreateDB
	case *ast.DropDatabaseStmt:
		return DropDB
	case *ast.AlterDatabaseStmt:
		return AlterDB
	case *ast.CreateTableStmt:
		return CreateTable
	case *ast.DropTableStmt:
		return DropTable
	case *ast.AlterTableStmt:
		return AlterTable
	case *ast.TruncateTableStmt:
		return Truncate
	case *ast.RenameTableStmt:
		return RenameTable
	case *ast.CreateIndexStmt:
		return CreateIndex
	case *ast.DropIndexStmt:
		return DropIndex
	case *ast.CreateUserStmt:
		return CreateUser
	case *ast.AlterUserStmt:
		return AlterUser
	case *ast.DropUserStmt:
		return DropUser
	case *ast.RenameUserStmt:
		return RenameUser
	case *ast.GrantStmt:
		return Grant
	case *ast.RevokeStmt:
		return Revoke
	case *ast.LockTablesStmt:
		return LockTables
	case *ast.UnlockTablesStmt:
		return UnlockTables
	case *ast.AnalyzeTableStmt:
		return Analyze
	case *ast.OptimizeTableStmt:
		return Optimize
	case *ast.FlushStmt:
		return Flush
	case *ast.KillStmt:
		return Kill
	case *ast.ExplainStmt:
		return Explain
	case *ast.DoStmt:
		return Do
	case *ast.HelpStmt:
		return Help
	case *ast.PrepareStmt:
		return PrepareSQL
	case *ast.ExecuteStmt:
		return ExecuteSQL
	case *ast.DeallocateStmt:
		return DeallocSQL
	}
	return Other
}
