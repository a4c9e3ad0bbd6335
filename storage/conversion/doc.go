// Package conversion makes values of one type values of another: for a column that stores them (Assign), and for CAST (Cast).
// Conversions within expressions, which know no target but a kind of number or of date, are methods of types.Value.
//
//	INSERT literal ── Assign(v, type, mode) ──▶ storage form ── row codec ──▶ disk, raft log, wire
//	expression ────── Cast(v, type, mode) ────▶ a value of the type, TIMESTAMPs still local
//
// Assign is the only way into a column. What is wrong with a value is an error of the statement in strict mode and a warning with
// the nearest value otherwise, both naming column and row; Cast never fails.
//
// # Invariants
//
//   - No conversion is lossy without an error, a warning or a note.
//   - Storing what was read back from a column changes nothing: Assign is idempotent.
//   - What Assign returns can be logged: types.DecodeValue takes what types.AppendValue makes of it.
//   - The result depends on the value, the type and the mode alone; Mode.Legacy keeps what the programs of the first format made of them.
package conversion
