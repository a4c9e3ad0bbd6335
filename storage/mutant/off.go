//go:build !mutant

package mutant

// The switches; see the package comment.
const (
	SkipExpect   = false
	SkipEpoch    = false
	SkipInflight = false
	SkipPrepared = false
)

// LoseLock tells that a lock is to be granted whoever holds it.
func LoseLock() bool { return false }

// Pause rests now and then.
func Pause() {}
