// Package condition is the warnings, notes and errors of a session's statements: how they are kept, what SIGNAL makes of them
// and what SHOW WARNINGS and GET DIAGNOSTICS tell of them.
package condition

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// List is the warnings, notes and errors of a statement: what SHOW WARNINGS lists and warning_count counts.
type List struct {
	vars   *sysvar.Values
	All    []virtual.Condition
	Total  int // also those beyond max_error_count
	Errors int
	last   uint16 // the code of the latest
	// settled is how many of them, and of All, were there when the statement began to run.
	settled, settledAll int

	// of the statement before, for @@warning_count and @@error_count
	prevTotal, prevErrors int
}

// Begin starts a statement's list.
func (c *List) Begin() {
	c.settled, c.settledAll = 0, 0
	if c.Total == 0 && c.prevTotal == 0 {
		return
	}
	c.prevTotal, c.prevErrors = c.Total, c.Errors
	c.Restart()
}

// PreviousCount and PreviousErrors are those of the statement before.
func (c *List) PreviousCount() int  { return c.prevTotal }
func (c *List) PreviousErrors() int { return c.prevErrors }

// Add adds one; the list keeps as many as limit, and counts all.
func (c *List) Add(limit int, added virtual.Condition) {
	c.Total++
	if added.Level == "Error" {
		c.Errors++
	}
	c.last = added.Code
	if len(c.All) < limit {
		c.All = append(c.All, added)
	}
}

// Ends tells whether the latest condition has the code.
func (c *List) Ends(code uint16) bool { return c.Total > 0 && c.last == code }

// Settle says that what is there is about the statement's text, and not what it meets.
func (c *List) Settle() { c.settled, c.settledAll = c.Total, len(c.All) }

// Restart forgets what a statement met that is run again.
func (c *List) Restart() { c.All, c.Total, c.Errors = c.All[:c.settledAll], c.settled, 0 }

// Show is SHOW WARNINGS and SHOW ERRORS, and their COUNT(*) form.
func (c *List) Show(n *ast.ShowStmt) *show.Result {
	onlyErrors := n.Tp == ast.ShowErrors
	if n.CountWarningsOrErrors {
		name, count := "@@session.warning_count", c.Total
		if onlyErrors {
			name, count = "@@session.error_count", c.Errors
		}
		return &show.Result{
			Fields: []types.Field{{Name: name, Type: types.TypeUint}},
			Rows:   [][]types.Value{{types.Uint(uint64(count))}}, //nolint:gosec // a count
		}
	}
	return Result(c.All, onlyErrors, 0, -1)
}

// Result is what SHOW WARNINGS and SHOW ERRORS answer, from an offset on and at most limit of them (-1: all).
func Result(list []virtual.Condition, onlyErrors bool, offset, limit int) *show.Result {
	res := &show.Result{Fields: []types.Field{
		show.TextField("Level", 7), {Name: "Code", Type: codeType, Flags: uint16(mysql.NotNullFlag | mysql.UnsignedFlag)},
		show.TextField("Message", 512),
	}}
	for _, c := range list {
		if onlyErrors && c.Level != "Error" {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if limit == 0 {
			break
		}
		limit--
		res.Rows = append(res.Rows, []types.Value{types.Str(c.Level), types.Uint(uint64(c.Code)), types.Str(c.Message)})
	}
	return res
}

var codeType = types.Type{ID: mysql.TypeLong, Unsigned: true, Length: 4, Collation: collation.Binary}
