// Package names says which names databases, tables, columns, indexes, constraints, and the elements of ENUM and SET may have, and names the tables
// that an ALTER TABLE fills.
//
// Invariant: such a table's name (Copy) is none that a statement makes without quoting it, and IsCopy tells it from all others.
package names
