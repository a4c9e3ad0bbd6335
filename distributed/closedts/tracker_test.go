package closedts

import (
	"math/rand/v2"
	"testing"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/mvcc"
)

func promise(ts mvcc.Timestamp, index uint64) leaseholder.Promise {
	return leaseholder.Promise{TS: ts, Index: index}
}

// A promise counts when what it is about has been applied, and not before.
func TestPromiseCountsOnceReached(t *testing.T) {
	var f Tracker
	f.Learn(promise(100, 7), 6)
	if f.Served() != 0 {
		t.Errorf("%v is served ahead of its index", f.Served())
	}
	f.Advance(7)
	if f.Served() != 100 {
		t.Errorf("%v is served", f.Served())
	}
	f.Learn(promise(90, 3), 7) // one that was made earlier comes late
	if f.Served() != 100 {
		t.Errorf("what is closed fell to %v", f.Served())
	}
	f.Learn(promise(120, 7), 7)
	if f.Served() != 120 {
		t.Errorf("a promise that is reached already is not served: %v", f.Served())
	}
}

// As long as a replica is at most maxPromises behind, what it serves is the largest of the promises that it has reached, whatever order
// they come in; beyond that it serves less until it has caught up, and never more.
func TestServedIsTheLargestPromiseReached(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var f Tracker
		var learned []leaseholder.Promise
		index, behind := uint64(0), uint64(1+rng.IntN(2*maxPromises))
		for range 100 {
			if rng.IntN(3) > 0 {
				p := promise(mvcc.Timestamp(1+rng.IntN(50)), index+rng.Uint64N(behind))
				learned = append(learned, p)
				f.Learn(p, index)
			} else {
				index += rng.Uint64N(behind)
				f.Advance(index)
			}
			most := mvcc.Timestamp(0)
			for _, p := range learned {
				if p.Index <= index {
					most = max(most, p.TS)
				}
			}
			if have := f.Served(); have > most || have < most && behind <= maxPromises {
				t.Fatalf("round %d: %v is served at index %d, and %v is promised", round, have, index, most)
			}
		}
		newest := promise(1000, index+1)
		f.Learn(newest, index)
		f.Advance(newest.Index)
		if f.Served() != newest.TS {
			t.Fatalf("round %d: the newest promise is lost", round)
		}
		if len(f.promises) > maxPromises {
			t.Fatalf("%d promises are kept", len(f.promises))
		}
	}
}

// Who waits is woken by whatever is applied next, also where no promise is ahead.
func TestWaitersAreWoken(t *testing.T) {
	var f Tracker
	done := f.Wait()
	moved := f.Moved()
	select {
	case <-moved:
		t.Fatal("woken by nothing")
	default:
	}
	f.Advance(1)
	<-moved
	moved = f.Moved()
	f.Learn(promise(5, 9), 1)
	<-moved
	done()
}
