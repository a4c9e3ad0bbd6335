package lock

import (
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// Mode is how strongly something is locked.
type Mode = distributed.LockMode

// The modes; doc.go has the table of which go together.
const (
	None      = distributed.LockNone
	Auto      = distributed.LockAuto
	Shared    = distributed.LockShared
	Exclusive = distributed.LockExclusive
	Insert    = distributed.LockInsert
)

// compatible tells whether two owners may hold a key at once. Autocommit writes may: the log orders them.
func compatible(a, b Mode) bool { return a == b && a < Exclusive }

// held is what a request is granted: what has been inserted is a row as any other.
func held(asked Mode) Mode { return min(asked, Exclusive) }

// ModeOf is what a transaction's write asks for of the keys that it names.
func ModeOf(k fragment.Kind) Mode {
	switch k {
	case fragment.Insert, fragment.InsertIgnore, fragment.Replace, fragment.InsertOrUpdate:
		return Insert
	}
	return Exclusive
}

// TabletWide is the index id under which a write registers that cannot name all the rows it may change.
const TabletWide schema.IndexID = 0

// Key is what is locked: a key of an index.
type Key struct {
	Tablet schema.TabletID
	Index  schema.IndexID
	Bytes  []byte
}

// Owner is who locks: an interactive transaction or one autocommit write. It is a part of that, and must not move.
type Owner struct {
	ID          fragment.TxnID
	Interactive bool

	// TS is the commit timestamp once it has been fetched; 0 before.
	TS    atomic.Uint64
	floor mvcc.Timestamp // TS will be above it; set when the write is launched
	// Session is the client's connection, for views of locks.
	Session atomic.Uint64

	// Guarded by Table.mu.
	held     []*entry
	heldBuf  [2]*entry
	ranges   []*Range
	bulk     map[space]*Range // of the ranges, those that stand for locks on keys
	waiting  *waiter
	flight   int // 1 + position in Flights.list; 0: not in flight
	prepared bool
	landed   chan struct{}
	failed   error // why its present and later requests fail
	visit    uint64

	escalateAt  int    // the number of locks on keys at which escalation is tried next
	escalations uint64 // how often locks were escalated
}

// Keys is the number of keys that o has locked one by one. For who acquires and releases for it.
func (o *Owner) Keys() int { return len(o.held) }

// IsBig tells whether releasing o takes a while. For owners that acquire nothing any more.
func (o *Owner) IsBig() bool { return len(o.held) > 4096 }

// Reset makes o, which has been released, ready for another write.
func (o *Owner) Reset() {
	o.TS.Store(0)
	o.Session.Store(0)
	o.failed, o.landed = nil, nil
}

// isBare tells that o has locked nothing, so that nobody waits for it.
func (o *Owner) isBare() bool { return len(o.held) == 0 && len(o.ranges) == 0 }

// weight is what is lost when o is the victim of a deadlock.
func (o *Owner) weight() int {
	n := len(o.held) + len(o.ranges)
	for _, g := range o.bulk {
		n += g.absorbed
	}
	return n
}

// Policy says what to do when a lock is not free.
type Policy struct {
	NoWait, Skip bool
	Absent       bool // the key has no row: it is only to be kept from being inserted
	Wait         time.Duration
}

// refuse is the answer to a request that can't be granted at once and is not to wait; nil: it waits.
func (p *Policy) refuse(stats *Stats) error {
	switch {
	case p.Skip:
		return errSkipLocked
	case p.NoWait:
		return errNoWait()
	case p.Wait <= 0:
		stats.Timeouts.Add(1)
		return errLockTimeout()
	}
	return nil
}
