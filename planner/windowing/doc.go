// Package windowing binds window functions: a call and its OVER become an algebra.WindowItem.
//
//	SUM(x) OVER (w ORDER BY y ROWS …)   WINDOW w AS (…) ─→ spec, the whole window (spec.go)
//	                                    PARTITION BY, ORDER BY, the frame's bounds ─→ window (frame.go)
//	                                    function and arguments ─→ exec/window.Func (function.go)
//
// # Invariants
//
//   - It knows no query block: names are looked up by the binders and the scope that it is given.
//   - What counts rows (LAG's distance, NTILE's number) is the same for all rows; a frame's bounds are constants.
package windowing
