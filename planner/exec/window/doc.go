// Package window computes window functions: over one partition after the other, as they come sorted, row by row.
//
//	… ── Sort by partition and order ── Operator ──► the rows, with the functions' results behind them
//	                                       │ one partition at a time, on disk where it is large (spill.RowBuffer)
//
// Top is below that Sort, where a condition on the rows' ranks lets only the first of each partition through.
//
// Each function reads the rows of its frame, which from one row to the next only moves on; an aggregate whose frame only grows is
// added to. What package exec says of operators holds.
package window
