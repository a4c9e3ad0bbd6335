package shard

import (
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"

	"github.com/cespare/xxhash/v2"
)

// recentRows remembers the newest versions of rows that Apply has written lately: who is updated often is found without
// a seek through memtables that are full of its older versions. Only the applying goroutine uses it, and only what the
// engine has been given is in it, so it always tells what the engine would.
//
// It is a table without chains: a row displaces the one that had its slot.
type recentRows struct {
	slots []recentRow // nil: nothing was written yet
}

type recentRow struct {
	key, value []byte // value begins with the flag; key is nil in an empty slot
	ts         mvcc.Timestamp
}

const (
	recentSlots = 4096
	// maxRecentBytes bounds a row (key and value) that is kept; the table holds 4 MB at most.
	maxRecentBytes = 1 << 10
)

func (r *recentRows) slot(key []byte) *recentRow {
	return &r.slots[xxhash.Sum64(key)%recentSlots]
}

// get gives a row's newest version, valid until the next put.
func (r *recentRows) get(key []byte) (v mvcc.Version, ok bool, err error) {
	if r.slots == nil || indexOf(key) != schema.PrimaryIndex {
		return v, false, nil
	}
	s := r.slot(key)
	if string(s.key) != string(key) {
		return v, false, nil
	}
	v, err = mvcc.ParseVersion(s.ts, s.value)
	return v, true, err
}

// put takes in a version that the engine has been given.
func (r *recentRows) put(c *change) {
	if indexOf(c.key) != schema.PrimaryIndex {
		return
	}
	if r.slots == nil {
		r.slots = make([]recentRow, recentSlots)
	}
	s := r.slot(c.key)
	if len(c.key)+len(c.value) > maxRecentBytes {
		if string(s.key) == string(c.key) {
			s.key = s.key[:0]
		}
		return
	}
	s.key, s.value, s.ts = append(s.key[:0], c.key...), append(s.value[:0], c.value...), c.ts
}

// take takes in what the engine has been given. If tablets have changed, rows may also have gone with them, and
// everything is forgotten.
func (r *recentRows) take(changes []change, altered bool) {
	if altered {
		clear(r.slots)
		return
	}
	for i := range changes {
		if c := &changes[i]; !c.dead && !c.below {
			r.put(c)
		}
	}
}
