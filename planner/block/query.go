package block

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
)

// Query is a bound query block or several in one: a Select, a Set or a Recursive.
type Query interface {
	// Columns are the results' columns; their IDs are what an outer block refers to.
	Columns() []bind.Column
	// Node is the query's tree, whose columns are those of Columns, in order.
	Node() algebra.Node
	// Refs are the columns of outer blocks that the query depends on.
	Refs() []Outer
}

// Outer is a column of an outer block within a subquery, where it is a parameter.
type Outer struct {
	algebra.OuterRef
	Owner *Select // nil for one that a join sets, for what stands on its right
}

// Numbers are those of one statement's columns.
type Numbers struct {
	Next int // the first one that is free
}

// New draws n numbers and gives the first.
func (c *Numbers) New(n int) int {
	first := c.Next
	c.Next += n
	return first
}
