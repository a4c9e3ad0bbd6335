package distributed

import (
	"context"
	"encoding/binary"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// LockInfo is a row lock, or a request that waits for one, as its leaseholder told of it.
type LockInfo struct {
	Shard  schema.ShardID
	Tablet schema.TabletID
	Index  schema.IndexID // 0: the tablet as a whole
	Key    []byte         // encoded; of a range, where it begins
	Range  bool           // all keys from Key up to End, which is exclusive; nil: open
	End    []byte
	Gap    bool // only against new rows: none is locked

	Mode      LockMode
	Waiting   bool
	BlockedBy []int // of a request that waits: positions, in the same list, of the locks and requests that are in its way

	Txn     fragment.TxnID
	Session uint64 // the client's connection; 0: not known
	// Interactive tells a transaction of several statements from an autocommit write.
	Interactive bool
	Held        int           // locks that the transaction holds in this shard
	Age         time.Duration // since it began to wait; 0 for locks
}

// LockMode is how strongly something is locked, whoever names it: requests of reads, lock tables, views. The numbers are part
// of the protocol between nodes.
type LockMode uint8

// The modes, weakest first. LockAuto is held by autocommit writes, which exclude everybody but each other. LockInsert is never held:
// it is asked for where a row is about to come, and becomes LockExclusive.
const (
	LockNone LockMode = iota
	LockAuto
	LockShared
	LockExclusive
	LockInsert
)

// TxnNumber is a transaction's id as one number, for people and views: the gateway's node above 48 bits, and which of
// that node's transactions since its start this is. It is 0 for no transaction.
func TxnNumber(id fragment.TxnID) uint64 {
	node, count := binary.BigEndian.Uint32(id[:4]), binary.BigEndian.Uint64(id[8:])&(1<<48-1)
	return uint64(node&(1<<15-1))<<48 | count
}

// Deadlock is one that was found and broken. Each member waits for the next one, the last for the first.
type Deadlock struct {
	At      time.Time
	Members []DeadlockMember
	Victim  int // position in Members
}

// DeadlockMember is a transaction in a cycle: what it waited for, and what it held that the member before it wanted.
type DeadlockMember struct {
	Txn     fragment.TxnID
	Session uint64
	Waits   LockInfo
	Holds   LockInfo
}

// LockViewer is what a DB may offer besides: who holds and waits for which row locks in the cluster, for
// performance_schema and the like.
type LockViewer interface {
	// Locks lists the locks of all nodes that answer, those that somebody waits for first; a node lists a few thousand
	// at most. BlockedBy points into the result.
	Locks(ctx context.Context) []LockInfo
	// OnDeadlock registers who is told, in a goroutine of its own, when a deadlock was broken by this node.
	OnDeadlock(fn func(*Deadlock))
	// LockStats sums what this node's replicas counted since they began.
	LockStats() LockStats
}

// LockStats counts waits for row locks.
type LockStats struct {
	Waits, Timeouts, Deadlocks uint64
	Waiting                    int           // requests at this moment
	Time, MaxTime              time.Duration // spent waiting, by requests that have ended
}

// LockStatus is LockStats as InnoDB tells of it: variables of SHOW STATUS, times in milliseconds. The series of /metrics are declared
// where a replica counts (distributed/lock).
type LockStatus struct {
	Waiting       int    `status:"Innodb_row_lock_current_waits"`
	Waits         uint64 `status:"Innodb_row_lock_waits"`
	TimeMillis    int64  `status:"Innodb_row_lock_time"`
	TimeAvgMillis int64  `status:"Innodb_row_lock_time_avg"`
	TimeMaxMillis int64  `status:"Innodb_row_lock_time_max"`
	Deadlocks     uint64 `status:"Innodb_deadlocks"`
}

// Status is what InnoDB would tell.
func (s LockStats) Status() LockStatus {
	mean := time.Duration(0)
	if s.Waits > 0 {
		mean = s.Time / time.Duration(s.Waits) //nolint:gosec // far below 2^63
	}
	return LockStatus{
		Waiting: s.Waiting, Waits: s.Waits, TimeMillis: s.Time.Milliseconds(), TimeAvgMillis: mean.Milliseconds(),
		TimeMaxMillis: s.MaxTime.Milliseconds(), Deadlocks: s.Deadlocks,
	}
}
