package spill

import (
	"cloudsql/planner/usage"
	"cloudsql/storage/memory"
)

// Room is what a statement's rows may take.
type Room struct {
	// Memory is the statement's account: what is held is charged to it. nil: no limit.
	Memory *memory.Account
	Space  *Space       // for what does not fit; nil: the system's
	Used   *usage.Total // nil: nobody asks
}
