package session

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
)

// note adds a condition to the statement's. Notes are dropped where the session asked for that (sql_notes = 0).
func (s *Session) note(level string, code uint16, message string) {
	if level == "Note" && !s.vars.Notes {
		return
	}
	s.conds.Add(s.vars.MaxConditions, virtual.Condition{Level: level, Code: code, Message: message})
}

func (s *Session) warn(err *mysqlerr.Error) { s.note("Warning", err.Code, err.Message) }

func warnAll(s *Session, list []*mysqlerr.Error) {
	for _, err := range list {
		s.warn(err)
	}
}

// warnValue is the Warner of the session's Env.
func (s *Session) warnValue(code uint16, message string) {
	s.warnShard(fragment.Condition(code, message))
}

// warnShard takes what a fragment met in a shard.
func (s *Session) warnShard(w fragment.Warning) { s.note(w.Level, w.Code, w.Message) }
