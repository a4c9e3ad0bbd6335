//go:build !mutant

package mutant

// The switches; see the package comment.
const (
	SkipExpect   = false
	SkipEpoch    = false
	SkipInflight = false
	SkipPrepared = false

	SkipForgotten = false
	SkipClosed    = false
	SkipFirst     = false
	SkipMajority  = false
	SkipDamage    = false
	SkipFloor     = false
	SkipMarks     = false
	SkipSynced    = false
	SkipReserve   = false
	SkipPace      = false
	SkipAgreement = false
	SkipSteady    = false
	SkipBudget    = false
)

// Poison tells that apply cannot execute an entry.
func Poison([]byte) bool { return false }

// LoseLock tells that a lock is to be granted whoever holds it.
func LoseLock() bool { return false }

// Pause rests now and then.
func Pause() {}

// Linger rests before a request is made again that may have been executed.
func Linger() {}

// Gap rests now and then, for less long.
func Gap() {}

// OutcomeCount is how many outcomes a shard remembers that otherwise remembers n.
func OutcomeCount(n uint64) uint64 { return n }
