// Package view makes views of CREATE VIEW, and writes their queries down as MySQL shows them.
//
//	CREATE VIEW v AS SELECT … ─ Make: bound once, names completed, * expanded (qualify.go) ─ Print (print.go) → schema.View.Query
//	SHOW CREATE VIEW ─ Show: the same text, without the database where all is in the one that is shown
//
// The planner reads Query anew for each statement that names the view (planner/logical, view.go).
//
// Invariants: what Make gives has been read back and bound again, to the same columns; what is printed needs neither a current database
// nor an sql_mode to be read.
package view
