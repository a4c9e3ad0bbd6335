package status

import "sync/atomic"

// Stats are what the sessions of a node count.
type Stats struct {
	Connections atomic.Uint64 `counter:"sql_sessions_total" help:"sessions that were opened" status:"Connections"`
	Questions   atomic.Uint64 `counter:"sql_questions_total" help:"statements that clients sent" status:"Questions"`
	Errors      atomic.Uint64 `counter:"sql_failed_statements_total" help:"statements that ended with an error"`
	Statements  Counts        `counter:"sql_statements_total" help:"statements by their kind" label:"kind" status:"Com_*"`
}

// Counts are numbers of statements by their kinds.
type Counts [kinds]atomic.Uint64

// Add counts a statement.
func (c *Counts) Add(k Kind) { c[k].Add(1) }

// EachLabel implements metric.Labelled.
func (c *Counts) EachLabel(fn func(label string, value any)) {
	for k := Other + 1; k < kinds; k++ {
		fn(k.String(), c[k].Load())
	}
}
