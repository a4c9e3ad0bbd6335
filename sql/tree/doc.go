// Package tree is what a session learns of a statement by looking at its text or its syntax tree, without a catalog: the tables that it
// names, its hints, its parameters, whether it counts found rows or writes a file, what it takes to keep.
package tree
