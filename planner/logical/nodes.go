package logical

import "cloudsql/planner/algebra"

// What queries are made of, by the names that they have here.
type (
	Node       = algebra.Node
	Table      = algebra.Table
	Lock       = algebra.Lock
	Virtual    = algebra.Virtual
	Values     = algebra.Values
	Working    = algebra.Working
	Filter     = algebra.Filter
	Project    = algebra.Project
	Join       = algebra.Join
	Apply      = algebra.Apply
	WindowItem = algebra.WindowItem
	Subquery   = algebra.Subquery
	OuterRef   = algebra.OuterRef

	Query        = algebra.Query
	TableVersion = algebra.TableVersion
)
