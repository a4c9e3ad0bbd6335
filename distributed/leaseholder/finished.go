package leaseholder

import (
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
)

// Finished remembers the newest commits, so that a repeated COMMIT finds its answer without asking the log.
type Finished struct {
	at   map[fragment.TxnID]mvcc.Timestamp
	ring []fragment.TxnID
	next int
}

const finishedMax = 4096

// At is when a transaction has committed.
func (f *Finished) At(id fragment.TxnID) (ts mvcc.Timestamp, ok bool) {
	ts, ok = f.at[id]
	return ts, ok
}

// Add takes note of a commit.
func (f *Finished) Add(id fragment.TxnID, ts mvcc.Timestamp) {
	if f.at == nil {
		f.at = make(map[fragment.TxnID]mvcc.Timestamp)
	}
	if len(f.ring) < finishedMax {
		f.ring = append(f.ring, id)
	} else {
		delete(f.at, f.ring[f.next])
		f.ring[f.next] = id
		f.next = (f.next + 1) % finishedMax
	}
	f.at[id] = ts
}
