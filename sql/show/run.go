package show

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/sql/dialect"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// answer makes the result of one kind of SHOW.
type answer func(ctx context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error)

// answers are the statements that the server serves, by kind.
var answers map[ast.ShowStmtType]answer

func init() {
	answers = map[ast.ShowStmtType]answer{
		ast.ShowDatabases:        showDatabases,
		ast.ShowTables:           showTables,
		ast.ShowTableStatus:      showTableStatus,
		ast.ShowOpenTables:       showOpenTables,
		ast.ShowColumns:          showColumns,
		ast.ShowIndex:            showIndex,
		ast.ShowCreateTable:      showCreateTable,
		ast.ShowCreateView:       showCreateView,
		ast.ShowCreateDatabase:   showCreateDatabase,
		ast.ShowCreateProcedure:  showCreateProcedure,
		ast.ShowVariables:        showVariables,
		ast.ShowStatus:           showStatus,
		ast.ShowProcessList:      showProcesses,
		ast.ShowEngines:          showEngines,
		ast.ShowCharset:          showCharsets,
		ast.ShowCollation:        showCollations,
		ast.ShowPrivileges:       showPrivileges,
		ast.ShowPlugins:          showPlugins,
		ast.ShowEvents:           showEvents,
		ast.ShowTriggers:         showTriggers,
		ast.ShowProcedureStatus:  showRoutines,
		ast.ShowFunctionStatus:   showRoutines,
		ast.ShowMasterStatus:     empty(masterStatusColumns),
		ast.ShowBinlogStatus:     empty(masterStatusColumns),
		ast.ShowReplicaStatus:    empty(replicaStatusColumns),
		dialect.ShowBinlogEvents: empty("Log_name varchar(20) !\nPos bigint !\nEvent_type varchar(20) !\nServer_id int unsigned !\nEnd_log_pos bigint !\nInfo varchar(20) !"),
		dialect.ShowReplicas:     empty("Server_Id int unsigned !\nHost varchar(20) !\nPort int unsigned !\nSource_Id int unsigned !\nReplica_UUID varchar(36) !"),
		ast.ShowProfiles:         empty("Query_ID int unsigned !\nDuration double !\nQuery varchar(300) !"),
		dialect.EngineStatus:     innodbStatus,
		dialect.ShowShards:       showShards,
		dialect.ShowTablets:      showTablets,
		ast.ShowProfile:          empty("Status varchar(30) !\nDuration decimal(9,6) !"),
	}
}

// Run answers a SHOW statement (DESCRIBE t is one too, of type ShowColumns). The session answers SHOW GRANTS, SHOW
// CREATE USER, SHOW WARNINGS and SHOW ERRORS itself; forms that the parser does not know are dialect.ReadShow's. Errors:
// MySQL's, 1235 for statements that are not MySQL's or have no answer yet.
func Run(ctx context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	fn := answers[stmt.Tp]
	if fn == nil {
		return nil, mysqlerr.NotSupported("this SHOW statement")
	}
	r, err := fn(ctx, c, stmt)
	if err != nil {
		return nil, err
	}
	return r, filter(c, stmt, r)
}

// Result is a whole result set.
type Result struct {
	Fields []types.Field
	Rows   [][]types.Value
}

// newResult makes a result without rows; its columns are in the form of the lists of tables.
func newResult(columns string) *Result {
	cols, err := virtual.ReadColumns(columns)
	if err != nil {
		panic("show: " + err.Error()) // columns are constants
	}
	r := &Result{}
	for i := range cols {
		flags := bind.TypeFlags(&cols[i].Type)
		if cols[i].NotNull {
			flags |= uint16(mysql.NotNullFlag)
		}
		r.Fields = append(r.Fields, types.Field{Name: cols[i].Name, Type: cols[i].Type, Flags: flags})
	}
	return r
}

// add appends a row.
func (r *Result) add(vals ...types.Value) {
	for i := range vals {
		vals[i] = virtual.Fit(vals[i], &r.Fields[i].Type)
	}
	r.Rows = append(r.Rows, vals)
}

// empty answers with columns and no rows.
func empty(columns string) answer {
	return func(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) { return newResult(columns), nil }
}

// filter applies LIKE, which is about the first column, and WHERE, which may name any.
func filter(c virtual.Context, stmt *ast.ShowStmt, r *Result) error {
	switch {
	case stmt.Pattern != nil:
		return filterLike(c, stmt.Pattern, r)
	case stmt.Where != nil:
		return filterWhere(c, stmt.Where, r)
	}
	return nil
}

func filterLike(c virtual.Context, like *ast.PatternLikeOrIlikeExpr, r *Result) error {
	pattern, ok, err := patternOf(c, like)
	if err != nil {
		return err
	}
	collation := r.Fields[0].Type.Collation
	return r.keep(func(row []types.Value) (bool, error) {
		return ok && collation.Like(row[0].Raw(), pattern, '\\'), nil
	})
}

func filterWhere(c virtual.Context, where ast.ExprNode, r *Result) error {
	scope := &bind.Scope{Cols: make([]bind.Column, len(r.Fields))}
	for i := range r.Fields {
		scope.Cols[i] = bind.Column{ID: i, Field: r.Fields[i]}
	}
	e, err := bind.Expr(&bind.Binder{Env: c.Env(), Clause: bind.Where}, scope, where)
	if err != nil {
		return err
	}
	e = expr.Condition(e)
	return r.keep(func(row []types.Value) (bool, error) { return expr.Truth(e, c.Env(), row) })
}

// keep drops the rows that fn does not want.
func (r *Result) keep(fn func(row []types.Value) (bool, error)) error {
	kept := r.Rows[:0]
	for _, row := range r.Rows {
		ok, err := fn(row)
		if err != nil {
			return err
		}
		if ok {
			kept = append(kept, row)
		}
	}
	r.Rows = kept
	return nil
}

// Help answers HELP: there is none.
func Help() *Result {
	return &Result{Fields: []types.Field{TextField("name", 64), TextField("is_it_category", 1)}}
}
