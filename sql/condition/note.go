package condition

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
)

// Open begins the list of a session with these variables.
func (c *List) Open(vars *sysvar.Values) { *c = List{vars: vars} }

// Note adds a condition to the statement's. Notes are dropped where the session asked for that (sql_notes = 0).
func (c *List) Note(level string, code uint16, message string) {
	if level == "Note" && !c.vars.Notes {
		return
	}
	c.Add(c.vars.MaxConditions, virtual.Condition{Level: level, Code: code, Message: message})
}

// Warn adds warnings.
func (c *List) Warn(list ...*mysqlerr.Error) {
	for _, err := range list {
		c.Note("Warning", err.Code, err.Message)
	}
}

// WarnValue is the Warner of the session's Env.
func (c *List) WarnValue(code uint16, message string) { c.WarnShard(fragment.Condition(code, message)) }

// WarnShard takes what a fragment met in a shard.
func (c *List) WarnShard(w fragment.Warning) { c.Note(w.Level, w.Code, w.Message) }
