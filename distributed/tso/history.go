package tso

import (
	"slices"
	"time"

	"cloudsql/storage/mvcc"
)

// History tells how old timestamps are: what the newest one applied was, at moments of the monotonic clock. So the age of
// a version is the time that has passed since it was applied, whatever timestamps and wall clocks have done since.
type History struct {
	moments []moment // rising in both
}

type moment struct {
	at time.Duration
	ts mvcc.Timestamp
}

// maxMoments bounds a history; beyond it every other one of the older half goes.
const maxMoments = 512

// Note takes in that ts is the newest timestamp at a moment.
func (h *History) Note(at time.Duration, ts mvcc.Timestamp) {
	if n := len(h.moments); n > 0 && h.moments[n-1].ts >= ts {
		return
	}
	if len(h.moments) == maxMoments {
		half := maxMoments / 2
		kept := h.moments[:0]
		for i, m := range h.moments {
			if i >= half || i%2 == 0 {
				kept = append(kept, m)
			}
		}
		h.moments = kept
	}
	h.moments = append(h.moments, moment{at, ts})
}

// Before is the newest timestamp that was applied at a moment, as far as is known; 0: it is not.
func (h *History) Before(at time.Duration) mvcc.Timestamp {
	for _, m := range slices.Backward(h.moments) {
		if m.at <= at {
			return m.ts
		}
	}
	return 0
}
