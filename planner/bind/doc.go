// Package bind resolves names and turns the parser's expressions into storage/expr ones.
package bind
