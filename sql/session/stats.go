package session

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
)

// stats are the counters of SHOW STATUS.
type stats struct {
	questions   atomic.Uint64
	connections atomic.Uint64
	errors      atomic.Uint64
	coms        [comEnd]atomic.Uint64
}

// com is a counter of SHOW STATUS LIKE 'Com_%'.
type com uint8

// The counters. comNames gives their names.
const (
	comOther com = iota
	comSelect
	comInsert
	comReplace
	comUpdate
	comDelete
	comBegin
	comCommit
	comRollback
	comSavepoint
	comRollbackTo
	comReleaseSavepoint
	comSet
	comChangeDB
	comShow
	comCreateDB
	comDropDB
	comAlterDB
	comCreateTable
	comDropTable
	comAlterTable
	comTruncate
	comRenameTable
	comCreateIndex
	comDropIndex
	comCreateUser
	comAlterUser
	comDropUser
	comRenameUser
	comGrant
	comRevoke
	comLockTables
	comUnlockTables
	comAnalyze
	comOptimize
	comCheck
	comFlush
	comKill
	comExplain
	comDo
	comHelp
	comPrepareSQL
	comExecuteSQL
	comDeallocSQL
	comStmtPrepare
	comStmtExecute
	comEnd
)

var comNames = [comEnd]string{
	"", "select", "insert", "replace", "update", "delete", "begin", "commit", "rollback", "savepoint",
	"rollback_to_savepoint", "release_savepoint", "set_option", "change_db", "show_tables", "create_db", "drop_db",
	"alter_db", "create_table", "drop_table", "alter_table", "truncate", "rename_table", "create_index", "drop_index",
	"create_user", "alter_user", "drop_user", "rename_user", "grant", "revoke", "lock_tables", "unlock_tables", "analyze",
	"optimize", "check", "flush", "kill", "explain_other", "do", "help", "prepare_sql", "execute_sql", "dealloc_sql",
	"stmt_prepare", "stmt_execute",
}

func (s *stats) command(c com) { s.coms[c].Add(1) }

// comOfNode tells which counter a statement belongs to.
func comOfNode(n ast.StmtNode) com {
	switch n := n.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return comSelect
	case *ast.InsertStmt:
		if n.IsReplace {
			return comReplace
		}
		return comInsert
	case *ast.UpdateStmt:
		return comUpdate
	case *ast.DeleteStmt:
		return comDelete
	case *ast.SetStmt, *ast.SetPwdStmt:
		return comSet
	case *ast.UseStmt:
		return comChangeDB
	case *ast.ShowStmt:
		return comShow
	case *ast.BeginStmt:
		return comBegin
	case *ast.CommitStmt:
		return comCommit
	case *ast.RollbackStmt:
		if n.SavepointName != "" {
			return comRollbackTo
		}
		return comRollback
	}
	return comOfRareNode(n)
}

func comOfRareNode(n ast.StmtNode) com {
	switch n.(type) {
	case *ast.SavepointStmt:
		return comSavepoint
	case *ast.ReleaseSavepointStmt:
		return comReleaseSavepoint
	case *ast.CreateDatabaseStmt:
		return comCreateDB
	case *ast.DropDatabaseStmt:
		return comDropDB
	case *ast.AlterDatabaseStmt:
		return comAlterDB
	case *ast.CreateTableStmt:
		return comCreateTable
	case *ast.DropTableStmt:
		return comDropTable
	case *ast.AlterTableStmt:
		return comAlterTable
	case *ast.TruncateTableStmt:
		return comTruncate
	case *ast.RenameTableStmt:
		return comRenameTable
	case *ast.CreateIndexStmt:
		return comCreateIndex
	case *ast.DropIndexStmt:
		return comDropIndex
	case *ast.CreateUserStmt:
		return comCreateUser
	case *ast.AlterUserStmt:
		return comAlterUser
	case *ast.DropUserStmt:
		return comDropUser
	case *ast.RenameUserStmt:
		return comRenameUser
	case *ast.GrantStmt:
		return comGrant
	case *ast.RevokeStmt:
		return comRevoke
	case *ast.LockTablesStmt:
		return comLockTables
	case *ast.UnlockTablesStmt:
		return comUnlockTables
	case *ast.AnalyzeTableStmt:
		return comAnalyze
	case *ast.OptimizeTableStmt:
		return comOptimize
	case *ast.FlushStmt:
		return comFlush
	case *ast.KillStmt:
		return comKill
	case *ast.ExplainStmt:
		return comExplain
	case *ast.DoStmt:
		return comDo
	case *ast.HelpStmt:
		return comHelp
	case *ast.PrepareStmt:
		return comPrepareSQL
	case *ast.ExecuteStmt:
		return comExecuteSQL
	case *ast.DeallocateStmt:
		return comDeallocSQL
	}
	return comOther
}

// statusVars lists the status counters by name.
func (e *Engine) statusVars() map[string]string {
	u := func(n uint64) string { return strconv.FormatUint(n, 10) }
	e.mu.RLock()
	threads := uint64(len(e.sessions))
	runningThreads := uint64(0)
	for _, s := range e.sessions {
		if s.run.active.Load() {
			runningThreads++
		}
	}
	e.mu.RUnlock()
	questions := e.stats.questions.Load()
	vars := map[string]string{
		"Aborted_clients": "0", "Aborted_connects": "0", "Bytes_received": "0", "Bytes_sent": "0",
		"Connections": u(e.stats.connections.Load()), "Threads_connected": u(threads), "Threads_running": u(runningThreads),
		"Threads_created": u(e.stats.connections.Load()), "Threads_cached": "0",
		"Questions": u(questions), "Queries": u(questions), "Slow_queries": "0",
		"Uptime":                    u(uint64(e.cfg.Now().Sub(e.started).Seconds())),
		"Uptime_since_flush_status": u(uint64(e.cfg.Now().Sub(e.started).Seconds())),
		"Plan_cache_hits":           u(e.plans.Hits.Load()), "Plan_cache_misses": u(e.plans.Miss.Load()),
		"Ssl_cipher": "", "Ssl_version": "", "Innodb_page_size": "16384",
	}
	e.lockStatus(vars)
	for c := comSelect; c < comEnd; c++ {
		vars["Com_"+comNames[c]] = u(e.stats.coms[c].Load())
	}
	vars["Cloudsql_statements_refused"] = u(e.admission.refused.Load())
	if e.cfg.Counters != nil {
		for name, n := range e.cfg.Counters() {
			vars[name] = strconv.FormatFloat(n, 'f', -1, 64)
		}
	}
	return vars
}

// lockStatus adds InnoDB's counters of waits for row locks, of this node's leaseholders.
func (e *Engine) lockStatus(vars map[string]string) {
	v, ok := e.db.(distributed.LockViewer)
	if !ok {
		return
	}
	s := v.LockStats()
	average := time.Duration(0)
	if s.Waits > 0 {
		average = s.Time / time.Duration(s.Waits) //nolint:gosec // far below 2^63
	}
	millis := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	vars["Innodb_row_lock_current_waits"] = strconv.Itoa(s.Waiting)
	vars["Innodb_row_lock_waits"] = strconv.FormatUint(s.Waits, 10)
	vars["Innodb_row_lock_time"], vars["Innodb_row_lock_time_avg"], vars["Innodb_row_lock_time_max"] = millis(s.Time), millis(average), millis(s.MaxTime)
	vars["Innodb_deadlocks"] = strconv.FormatUint(s.Deadlocks, 10)
}
