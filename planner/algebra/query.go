package algebra

import (
	"strings"

	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// TableVersion names what a plan depends on.
type TableVersion struct {
	ID      schema.TableID
	Version uint64
}

// Query is a bound query: its tree, the subqueries that expressions in it call, and what its plan has to know beside them.
type Query struct {
	Root Node
	Subs []*Subquery

	Fields    []types.Field
	Tables    []TableVersion
	Params    int         // of the statement
	Slots     int         // parameters that the query adds behind them
	Reads     int         // accesses to tables
	Locks     bool        // rows get locked
	Cacheable bool        // another execution with parameters of the same types may use its plan
	AsOf      []expr.Expr // the times as of which tables are read
	NextID    int         // the first column number that is free
	Hints     Hints
}

// Text prints the query, and the subqueries that its expressions call below it.
func (q *Query) Text() string {
	var b strings.Builder
	Write(&b, q.Root, 0)
	for _, s := range q.Subs {
		b.WriteString("subquery " + s.What + "\n")
		Write(&b, s.Node, 1)
	}
	return b.String()
}

// Below is the query that a data change takes its rows from.
func (q *Query) Below() *Query {
	out := *q
	out.Root = q.Root.Inputs()[0]
	return &out
}
