// Package plancache lets text statements skip the parser and the planner: a statement's literals are pulled out of its
// text, and what remains, with the circumstances that a plan depends on, names the plan.
//
//	SELECT c FROM t WHERE id = 17          →  key  "…|SELECT c FROM t WHERE id = ?"  types i   params (17)
//
// Invariants: two texts with the same key mean the same statement up to the values of their parameters: literals whose
// place matters to meaning or to column names (the select list, ORDER BY and GROUP BY ordinals) stay in the text; a
// text that the extractor is not sure of (comments, hints, hex, introducers, several statements, subqueries, unusual
// sql_modes) is left alone. An entry is valid for one catalog version.
package plancache
