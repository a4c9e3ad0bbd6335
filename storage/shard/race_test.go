package shard

import "testing"

// rounds is how many rounds a test of many makes: few of them under the race detector.
func rounds(all uint64) uint64 {
	if underRace {
		return max(all/8, 1)
	}
	return all
}

// alone keeps a test without a second goroutine out of the race detector's run.
func alone(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("all of it happens in one goroutine")
	}
}
