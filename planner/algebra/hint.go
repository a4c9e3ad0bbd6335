package algebra

import "cloudsql/planner/scalar"

// Hints are what optimizer hints say of a query's joins. A table is meant by the numbers of its columns, so that a hint holds wherever
// the rewriting takes the table.
type Hints struct {
	Orders []OrderHint
	NoHash scalar.ColSet   // tables that are not joined by hash
	NoPush []scalar.ColSet // derived tables that take no conditions in
}

// OrderKind is where among a join's inputs the tables of an OrderHint are.
type OrderKind uint8

// The kinds.
const (
	Anywhere OrderKind = iota
	First
	Last
)

// OrderHint is tables in the order in which they are to be joined.
type OrderHint struct {
	Kind   OrderKind
	Tables []scalar.ColSet
}

// SemiWays are ways to do a semi or anti join; none stands for all.
type SemiWays uint8

// The ways, in MySQL's words.
const (
	FirstMatch      SemiWays = 1 << iota // rows of the right side are looked for, for each row of the left one
	Materialization                      // the right side's rows are kept
	LooseScan                            // the right side's different values come first
	AllWays         = FirstMatch | Materialization | LooseScan
)

// Allow tells whether one of some ways may be taken.
func (w SemiWays) Allow(some SemiWays) bool { return w == 0 || w&some != 0 }

// Joining says who joins where shards can.
type Joining uint8

// The ways.
const (
	CheapestJoins Joining = iota // whoever can do it at less cost
	GatewayJoins                 // the gateway
	ShardJoins                   // the shards
)
