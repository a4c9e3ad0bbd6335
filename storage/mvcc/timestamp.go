package mvcc

import (
	"fmt"
	"time"
)

// Timestamp orders versions: physical milliseconds since the Unix epoch shifted left by LogicalBits, plus a counter.
// Zero means "none"; as a read timestamp it stands for "the newest applied state".
type Timestamp uint64

// LogicalBits is the width of the counter part.
const LogicalBits = 18

// MaxTimestamp is above every real one.
const MaxTimestamp = Timestamp(1<<64 - 1)

// At is the first timestamp of a wall-clock time.
func At(t time.Time) Timestamp { return Timestamp(t.UnixMilli()) << LogicalBits }

// Time is the wall-clock part.
func (t Timestamp) Time() time.Time { return time.UnixMilli(int64(t >> LogicalBits)) }

func (t Timestamp) String() string {
	return fmt.Sprintf("%d.%d", uint64(t)>>LogicalBits, uint64(t)&(1<<LogicalBits-1))
}
