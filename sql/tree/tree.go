package tree

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/driver"
	"cloudsql/planner/lexer"
	"cloudsql/planner/scalar"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// CalcFoundRows gives SELECT SQL_CALC_FOUND_ROWS … LIMIT, whose rows beyond the limit are to be counted, without its LIMIT, and that. A set
// operation's first query speaks for all. nil: n is none.
func CalcFoundRows(n ast.StmtNode) (whole ast.StmtNode, limit *ast.Limit) {
	switch n := n.(type) {
	case *ast.SelectStmt:
		if n.Limit != nil && counts(n) {
			without := *n
			without.Limit = nil
			return &without, n.Limit
		}
	case *ast.SetOprStmt:
		if n.Limit != nil && counts(n.SelectList) {
			without := *n
			without.Limit = nil
			return &without, n.Limit
		}
	}
	return nil, nil
}

// counts tells whether the first query of n says SQL_CALC_FOUND_ROWS.
func counts(n ast.Node) bool {
	for list, ok := n.(*ast.SetOprSelectList); ok && len(list.Selects) > 0; list, ok = n.(*ast.SetOprSelectList) {
		n = list.Selects[0]
	}
	sel, ok := n.(*ast.SelectStmt)
	return ok && sel.SelectStmtOpts != nil && sel.CalcFoundRows
}

func LimitValue(n ast.ExprNode, params []types.Value, unset uint64) (uint64, bool) {
	switch v := n.(type) {
	case nil:
		return unset, true
	case *driver.ParamMarkerExpr:
		if v.Order >= len(params) || !scalar.IsLimit(params[v.Order].Kind()) {
			return 0, false
		}
		u, over := params[v.Order].ToUint(nil)
		return u, !over
	case *driver.ValueExpr:
		switch v.Kind() {
		case driver.KindInt64:
			return uint64(v.Int64()), v.Int64() >= 0
		case driver.KindUint64:
			return v.Uint64(), true
		}
	}
	return 0, false
}

// Literals is the short way for what SET mostly has.
func Literals(exprs []ast.ExprNode) (vals []types.Value, typs []types.Type, ok bool) {
	for _, e := range exprs {
		if _, ok := e.(*driver.ValueExpr); !ok {
			return nil, nil, false
		}
		c, err := bind.Expr(&bind.Binder{}, &bind.Scope{}, e)
		if err != nil {
			return nil, nil, false
		}
		v, err := c.Eval(nil, nil)
		if err != nil {
			return nil, nil, false
		}
		vals, typs = append(vals, v.Clone()), append(typs, *c.Type())
	}
	return vals, typs, true
}

// What statements take, measured: the tree of "1+1+1…" 530 bytes a number, an IN list's 520 with its plan, a row of an INSERT 1400
// for three values. A name or a literal stands for a node of the tree and what planning makes of it.
const (
	PreparedBytes = 2 << 10 // of a prepared statement, besides its tree and plan
	textCopies    = 3       // of a literal: in the tree, in the plan, as a value
	wordBytes     = 400     // for a name, a number or a string
	signBytes     = 96      // for any other character but space
	ShortBytes    = 4 << 10 // texts that are not worth counting: they can't take much
)

// Bytes estimates what a statement's syntax tree takes, and a plan of it again: at most a fixed multiple of its length.
func Bytes(text string) int {
	n, l := textCopies*len(text), lexer.Lexer{Text: text, Escapes: true, Inside: true}
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		switch t.Kind {
		case lexer.Word, lexer.Name, lexer.String:
			n += wordBytes
		case lexer.Sign:
			n += signBytes
		}
	}
	return n
}

// RenameCharacteristics gives what the parser makes of SET SESSION TRANSACTION its name in MySQL 8.0. It uses the names
// of MySQL 5.7, by which no user may set them any more.
func RenameCharacteristics(n *ast.SetStmt, text string) {
	if strings.Contains(strings.ToLower(text), "tx_") {
		return
	}
	for _, v := range n.Variables {
		switch v.Name {
		case "tx_isolation":
			v.Name = "transaction_isolation"
		case "tx_read_only":
			v.Name = "transaction_read_only"
		}
	}
}

// NumberParams gives each ? of a statement its place in the order of the text, and counts them.
func NumberParams(n ast.StmtNode) int {
	if strings.IndexByte(n.Text(), '?') < 0 {
		return 0
	}
	return bind.NumberParams(n)
}

// Explained is the statement that an EXPLAIN is about, or the statement itself.
func Explained(n ast.StmtNode) ast.StmtNode {
	if e, ok := n.(*ast.ExplainStmt); ok {
		return e.Stmt
	}
	return n
}

// ExecutionHint finds MAX_EXECUTION_TIME(n) among a query's hints.
func ExecutionHint(n ast.StmtNode) int64 {
	sel, ok := n.(*ast.SelectStmt)
	if !ok {
		return 0
	}
	for _, h := range sel.TableHints {
		if h.HintName.L == "max_execution_time" {
			if ms, ok := h.HintData.(uint64); ok {
				return int64(ms) //nolint:gosec // milliseconds
			}
		}
	}
	return 0
}

// ReadsInto tells a statement in which the parser has read an INTO OUTFILE.
func ReadsInto(n ast.StmtNode, text string) bool {
	const word = "outfile"
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0] && strings.EqualFold(text[i:i+len(word)], word) {
			f := &intoFinder{}
			n.Accept(f)
			return f.found
		}
	}
	return false
}

type intoFinder struct{ found bool }

func (f *intoFinder) Enter(n ast.Node) (ast.Node, bool) {
	if sel, ok := n.(*ast.SelectStmt); ok && sel.SelectIntoOpt != nil {
		f.found = true
	}
	return n, f.found
}

func (f *intoFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// CountsConditions tells whether a statement asks for the numbers of conditions of the one before.
func CountsConditions(n ast.StmtNode) bool {
	sel, ok := n.(*ast.SelectStmt)
	return ok && sel.Fields != nil && slices.ContainsFunc(sel.Fields.Fields, func(f *ast.SelectField) bool {
		v, ok := f.Expr.(*ast.VariableExpr)
		return ok && v.IsSystem && (v.Name == "warning_count" || v.Name == "error_count")
	})
}

// Preparable tells whether MySQL takes the statement in the prepared statement protocol.
func Preparable(n ast.StmtNode) bool {
	switch n.(type) {
	case *ast.PrepareStmt, *ast.ExecuteStmt, *ast.DeallocateStmt, *ast.LockTablesStmt, *ast.UnlockTablesStmt,
		*ast.LoadDataStmt, *ast.UseStmt, *ast.HelpStmt, *ast.ExplainForStmt:
		return false
	}
	return true
}

// Planable tells whether a statement has a plan.
func Planable(n ast.StmtNode) bool {
	switch n.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		return true
	}
	return false
}

// IsQuery tells a query.
func IsQuery(n ast.StmtNode) bool {
	switch n.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return true
	}
	return false
}

// All is the query for all rows and visible columns of a table.
func All(db, table string) *ast.SelectStmt {
	from := &ast.TableName{Schema: ast.NewCIStr(db), Name: ast.NewCIStr(table)}
	return &ast.SelectStmt{
		SelectStmtOpts: &ast.SelectStmtOpts{SQLCache: true},
		Fields:         &ast.FieldList{Fields: []*ast.SelectField{{WildCard: &ast.WildCardField{}}}},
		From:           &ast.TableRefsClause{TableRefs: &ast.Join{Left: &ast.TableSource{Source: from}}},
	}
}

// OfNames tells of errors that a statement has whatever its parameters are: what it names can't be changed, or not so.
func OfNames(err error) bool {
	switch mysqlerr.Code(err) {
	case mysqlerr.NonUpdatableTable, mysqlerr.NonInsertableTable, mysqlerr.NonupdatableColumn, mysqlerr.ViewMultiupdate, mysqlerr.ViewNoInsertFieldList,
		mysqlerr.UpdateTableUsed, mysqlerr.ViewPreventUpdate, mysqlerr.NonuniqTable, mysqlerr.NonUniq, mysqlerr.FieldSpecifiedTwice, mysqlerr.WrongValueCountOnRow,
		mysqlerr.WrongNumberOfColumnsInSelect:
		return true
	}
	return false
}
