package show

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/exec"
	"cloudsql/storage/mysqlerr"
)

// Run answers a SHOW statement (DESCRIBE t is one too, of type ShowColumns). The session answers SHOW GRANTS, SHOW
// CREATE USER, SHOW WARNINGS and SHOW ERRORS itself.
func Run(_ context.Context, _ Context, stmt *ast.ShowStmt) (*Result, error) {
	_ = stmt
	return nil, mysqlerr.NotSupported("SHOW")
}

// Virtual finds the tables that the gateway makes up, for planner.Context.Virtual.
func Virtual(_ Context) func(db, table string) (exec.VirtualTable, bool) {
	return func(string, string) (exec.VirtualTable, bool) { return nil, false }
}

// IsVirtual tells whether a database is made up by the gateway; its name compares in any case.
func IsVirtual(db string) bool {
	switch strings.ToLower(db) {
	case "information_schema", "performance_schema", "mysql", "sys":
		return true
	}
	return false
}
