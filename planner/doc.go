// Package planner turns SQL into fragments: AST → bound logical plan → physical plan cut into what shards do and what
// the gateway merges. It is the only place that does.
package planner
