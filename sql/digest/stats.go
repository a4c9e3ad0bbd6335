package digest

import (
	"sync/atomic"

	"cloudsql/sql/status"
	"cloudsql/storage/metric"
)

// Stats count the statements of a node.
type Stats struct {
	Slow  atomic.Uint64 `counter:"sql_slow_statements_total" help:"statements that took longer than long_query_time" status:"Slow_queries"`
	Times KindTimes     `histogram:"sql_statement_seconds" help:"statements, until their result was with the client, by kind" label:"kind"`
}

// Kind is what statements are told apart by in metrics.
type Kind uint8

// The kinds.
const (
	Select Kind = iota
	Insert
	Update
	Delete
	Replace
	Begin
	Commit
	Rollback
	Other
	kinds
)

var kindNames = [kinds]string{"select", "insert", "update", "delete", "replace", "begin", "commit", "rollback", "other"}

// KindOf is the kind of statements here: those that are many and short are told apart.
func KindOf(k status.Kind) Kind {
	switch k {
	case status.Select:
		return Select
	case status.Insert:
		return Insert
	case status.Update:
		return Update
	case status.Delete:
		return Delete
	case status.Replace:
		return Replace
	case status.Begin:
		return Begin
	case status.Commit:
		return Commit
	case status.Rollback:
		return Rollback
	}
	return Other
}

// ShowsLiterals tells whether the text of a statement may be shown to others: one that is not about rows may hold passwords.
func (k Kind) ShowsLiterals() bool { return k <= Replace }

// KindTimes are the times of statements by kind.
type KindTimes [kinds]metric.Histogram

// EachLabel implements metric.Labelled.
func (t *KindTimes) EachLabel(fn func(label string, value any)) {
	for k := range t {
		fn(kindNames[k], &t[k])
	}
}
