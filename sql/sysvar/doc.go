// Package sysvar has the system variables: what there are, how a value of each is checked and shown, and the values of a session in the
// form in which statements use them.
//
//	table.go      every variable
//	variable.go   a variable: scope, kind, bounds; values of SET → the text that is kept → SELECT @@v
//	values.go     a session's values: seeded from the global ones, which are settings of the catalog
//	sqlmode.go, zone.go, charset.go   the ones that are more than a number
//
// SET GLOBAL and SET PERSIST are one: the value is a setting of the catalog, holds on every node at once for sessions to come, and
// survives restarts. What plans depend on is part of planner.Settings, which Values embed.
//
// Invariants: a value is kept as the text that SHOW VARIABLES prints, and as what it means where statements use it; a value that the
// server can't honour is refused with 1235; nothing here knows a session but by its Values.
package sysvar
