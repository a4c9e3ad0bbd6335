// Package admission bounds how many statements that look for rows a node runs at once, and lends processors that none of them uses to
// one that can use several.
//
// Invariants: who has taken a place gives it back once; nobody waits for a place while holding what those who have places may be waiting
// for (who calls sees to that). The queue is bounded in length and in time.
package admission
