// Package exec holds the operators that run at the gateway: they pull batches from read fragments, merge, join,
// aggregate, sort and limit them.
//
//	TableRead ──┐
//	            ├─ HashJoin ── HashAgg ── TopN ── Project ──► the session
//	TableRead ──┘
//	   │ fragments (filter, projection, partial aggregate, top-N, limit run inside the shards)
//	   ▼
//	distributed.DB / Txn
//
// A table's tablets are read at the same time, and a large tablet in sections, by processors that are idle (sections.go, decision 48).
//
// A plan is immutable and shared by executions; everything that an execution changes is in its Run and in the operators
// that the plan opens for it. Correlated subqueries get the outer row's values as further parameters behind the
// statement's own (Run.SetParam), so that they reach index ranges and fragments like any parameter.
//
// Memory: what an operator keeps of its input it charges to the statement's account (Runtime.Memory), and before that is more than
// its share it goes on in temporary files (planner/spill). Operators that go by keys (HashJoin, HashAgg, Distinct, SetOp) put rows
// into partitions, which are dealt with one after the other; where the order matters, rows carry their number, and a Sort puts them
// back. What has to be in memory at once, as one group's state, ends the statement with error
// 1038.
//
// Invariants: a batch's rows are valid until the next call of Next of the operator that filled it, and whoever keeps them
// longer copies them; Close may be called at any time after opening, once, and releases what the operators below hold;
// no operator starts a goroutine that outlives Close.
package exec
