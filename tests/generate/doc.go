// Package generate makes random statements of every kind that the server knows and runs them over MySQL's protocol
// against real nodes. It asks for little of each answer, and for all of that always:
//
//   - no error 1105, nor the words of an internal error under another code;
//   - no lost connection, no process that ends, no panic in a log;
//   - an answer within a minute;
//   - equal hashes of all replicas in the end.
//
// A Generator is a grammar (rules.go), the literals that hurt (literals.go), and a model of the tables that its statements
// have made (schema.go), so that most statements mean something. It goes by its seed and by which statements succeeded;
// with one client a run can be repeated. What fails is reduced to the tokens that matter (reduce.go) and told once a kind.
package generate
