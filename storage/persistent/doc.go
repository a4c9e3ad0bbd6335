// Package persistent has ordered maps whose states of before stay as they were: a change costs the way to a key, not the map.
//
//	m ──┬─ node ─┬─ leaf          n := m.Clone()   shares all nodes
//	    │        └─ leaf'         n.Set(k, v)      copies root, node, leaf'; m still has its own
//	n ──┴─ node' ── leaf''
//
// The tree is github.com/tidwall/btree's, whose nodes say which copy may change them. This package adds what its copies lack
// between goroutines: Clone may be called by many at once, and while others read.
//
// Invariants: whoever has published a Map does not change it any more, but a Clone; a nil *Map is an empty one to readers. No value
// may have a method Copy or IsoCopy, which the tree would call.
package persistent
