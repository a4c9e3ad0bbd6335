package logical

import "cloudsql/planner/algebra"

// The nodes that queries are made of, by the names that they have here.
type (
	Node       = algebra.Node
	Table      = algebra.Table
	Lock       = algebra.Lock
	Virtual    = algebra.Virtual
	Values     = algebra.Values
	Working    = algebra.Working
	Recursion  = algebra.Recursion
	Filter     = algebra.Filter
	Project    = algebra.Project
	Join       = algebra.Join
	Apply      = algebra.Apply
	Group      = algebra.Group
	AggItem    = algebra.AggItem
	Window     = algebra.Window
	WindowItem = algebra.WindowItem
	Distinct   = algebra.Distinct
	Sort       = algebra.Sort
	Limit      = algebra.Limit
	SetOp      = algebra.SetOp
	Recursive  = algebra.Recursive
	Subquery   = algebra.Subquery
	OuterRef   = algebra.OuterRef
)
