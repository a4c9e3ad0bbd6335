// Package ddl turns data definition statements into descriptors. CreateTable, PlanAlter and their kin take a parsed
// statement, the descriptors it starts from and an Env, and give new descriptors or MySQL's error; package online carries
// them out.
//
//	CREATE TABLE ──► table.go (options, columns, keys, checks) ─┬─► column.go, defaults.go, types.go
//	ALTER TABLE ──► alter.go (one clause after the other) ──────┴─► index.go; what rows survive: row.Widens
//
// Invariants: nothing here reads the clock, the catalog or a table; descriptors are never changed in place; column and
// index ids only rise (Table.NextColumnID, NextIndexID).
package ddl
