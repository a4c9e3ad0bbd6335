//go:build mutant

package mutant

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

var on = "," + os.Getenv("CLOUDSQL_MUTANT") + ","

func has(what string) bool { return strings.Contains(on, ","+what+",") }

// The switches; see the package comment.
var (
	SkipExpect   = has("expect")
	SkipEpoch    = has("epoch")
	SkipInflight = has("inflight")
	SkipPrepared = has("prepared")

	SkipForgotten = has("forgotten")
	SkipClosed    = has("closed")
	SkipFirst     = has("first")
	SkipMajority  = has("majority")
	SkipDamage    = has("damage")
	SkipFloor     = has("floor")
	SkipMarks     = has("marks")
	SkipSynced    = has("synced")
	SkipReserve   = has("reserve")
	SkipPace      = has("pace")
	SkipAgreement = has("agreement")
	SkipSteady    = has("steady")
	SkipBudget    = has("budget")

	locks, pauses, gaps, forgetful, poison = has("locks"), has("pauses"), has("gaps"), has("forgetful"), has("poison")
)

// Poison tells that apply cannot execute an entry.
func Poison(cmd []byte) bool { return poison && bytes.Contains(cmd, []byte("POISON")) }

// LoseLock tells that a lock is to be granted whoever holds it.
func LoseLock() bool { return locks && rand.IntN(10) == 0 }

// Pause rests now and then.
func Pause() {
	const most = 5 * time.Second
	if pauses && rand.IntN(4) == 0 {
		time.Sleep(rand.N(most))
	}
}

// Linger rests before a request is made again that may have been executed: until others have made the shard forget.
func Linger() {
	const most = 2 * time.Second
	if forgetful {
		time.Sleep(rand.N(most))
	}
}

// Gap rests now and then, for less long.
func Gap() {
	const most = 20 * time.Millisecond
	if gaps && rand.IntN(4) == 0 {
		time.Sleep(rand.N(most))
	}
}

// OutcomeCount is how many outcomes a shard remembers that otherwise remembers n.
func OutcomeCount(n uint64) uint64 {
	const few = 4
	if forgetful {
		return few
	}
	return n
}
