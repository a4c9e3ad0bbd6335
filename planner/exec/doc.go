// Package exec holds the operators that run at the gateway: they pull batches from read fragments, merge, join,
// aggregate, sort and limit them.
package exec
