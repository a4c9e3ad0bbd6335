package session

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
)

// conditions are the warnings, notes and errors of a statement: what SHOW WARNINGS lists and warning_count counts.
type conditions struct {
	list   []virtual.Condition
	total  int // also those beyond max_error_count
	errors int

	// of the statement before, for @@warning_count and @@error_count
	prevTotal, prevErrors int
}

// begin starts a statement's list.
func (c *conditions) begin() {
	if c.total == 0 && c.prevTotal == 0 {
		return
	}
	c.prevTotal, c.prevErrors = c.total, c.errors
	c.list, c.total, c.errors = c.list[:0], 0, 0
}

func (c *conditions) previousCount() int  { return c.prevTotal }
func (c *conditions) previousErrors() int { return c.prevErrors }

func (c *conditions) add(limit int, level string, code uint16, message string) {
	c.total++
	if level == "Error" {
		c.errors++
	}
	if len(c.list) < limit {
		c.list = append(c.list, virtual.Condition{Level: level, Code: code, Message: message})
	}
}

// note adds a condition to the statement's. Notes are dropped where the session asked for that (sql_notes = 0).
func (s *Session) note(level string, code uint16, message string) {
	if level == "Note" && !s.vars.Notes {
		return
	}
	s.conds.add(s.vars.MaxConditions, level, code, message)
}

func (s *Session) warn(err *mysqlerr.Error) { s.note("Warning", err.Code, err.Message) }

// warnValue is the Warner of the session's Env.
func (s *Session) warnValue(code uint16, message string) { s.note("Warning", code, message) }

// warnShard takes what a fragment met in a shard.
func (s *Session) warnShard(w fragment.Warning) { s.note(w.Level, w.Code, w.Message) }

// restart forgets what a statement met that is run again.
func (c *conditions) restart() { c.list, c.total, c.errors = c.list[:0], 0, 0 }
