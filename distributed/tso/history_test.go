package tso

import (
	"testing"
	"time"

	"cloudsql/storage/mvcc"
)

func TestHistoryGoesByTimeThatPasses(t *testing.T) {
	var h History
	ts := mvcc.Timestamp(0)
	for s := range 5000 {
		ts++
		if s == 4995 {
			ts += mvcc.At(time.UnixMilli(0).Add(365 * 24 * time.Hour))
		}
		h.Note(time.Duration(s)*time.Second, ts)
	}
	if got := h.Before(4990 * time.Second); got != 4991 {
		t.Errorf("ten seconds old: %v", got)
	}
	if got := h.Before(4994 * time.Second); got != 4995 {
		t.Errorf("just before the jump: %v", got)
	}
	if got := h.Before(1400 * time.Second); got == 0 || got > 1401 || len(h.moments) > maxMoments {
		t.Errorf("an hour old: %v of %d", got, len(h.moments))
	}
	if got := h.Before(-time.Second); got != 0 {
		t.Errorf("before all: %v", got)
	}
}
