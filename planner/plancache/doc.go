// Package plancache keeps plans of text statements for all sessions of a node, so that the next of their like skips the parser and the
// planner: a statement's literals are pulled out of its text (sql/dialect), and what remains, with what else a plan depends on
// (planner.Settings), names the plan.
//
//	SELECT c FROM t WHERE id = 17          →  key  "…|SELECT c FROM t WHERE id = ?"  types i   params (17)
//
// Invariants: the cache is bounded in entries and in bytes; it does not know what its keys mean, and whoever gets a plan asks it
// whether it still serves. Getting one does not allocate.
package plancache
