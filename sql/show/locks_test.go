package show

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"cloudsql/distributed"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// fakeLocks is what the nodes of a test tell of locks, and what the latest deadlock was.
type fakeLocks struct {
	locks    []distributed.LockInfo
	deadlock *virtual.DeadlockReport
}

var (
	_ distributed.LockViewer = cluster{}
	_ virtual.Deadlocks      = (*server)(nil)
)

func (c cluster) Locks(context.Context) []distributed.LockInfo { return c.s.fake.locks }
func (c cluster) OnDeadlock(func(*distributed.Deadlock))       {}
func (c cluster) LockStats() distributed.LockStats             { return distributed.LockStats{} }

func (s *server) LatestDeadlock(context.Context) *virtual.DeadlockReport { return s.fake.deadlock }

// readLocks reads the locks of a script, one a line:
//
//	txn session mode index table: a,b [.. c | gap | all] [waits for n,n since 3s]
//
// The values are those of the columns of the index, and of a secondary one the primary key's; n are earlier lines.
func (s *server) readLocks(d *datadriven.TestData) error {
	s.fake.locks = nil
	for line := range strings.Lines(d.Input) {
		l, err := s.readLock(strings.TrimSpace(line))
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		s.fake.locks = append(s.fake.locks, l)
	}
	return nil
}

func (s *server) readLock(line string) (l distributed.LockInfo, err error) {
	head, rest, _ := strings.Cut(line, ":")
	words := strings.Fields(head)
	var n byte
	if _, err := fmt.Sscan(words[0], &n); err != nil {
		return l, err
	}
	l.Txn = fragment.TxnID{3: 1, 15: n}
	if _, err := fmt.Sscan(words[1], &l.Session); err != nil {
		return l, err
	}
	l.Interactive, l.Held, l.Shard = true, 2, 1
	l.Mode = map[string]distributed.LockMode{"S": distributed.LockShared, "X": distributed.LockExclusive, "A": distributed.LockAuto,
		"I": distributed.LockInsert}[words[2]]
	t, ok := s.snapshot.Table(s.db, words[4])
	if !ok { // of a table that is gone
		l.Tablet, l.Index, l.Key = 9999, 1, []byte{1, 2}
		return l, nil
	}
	l.Tablet = t.Tablets[0].ID
	ix := t.IndexByName(words[3])
	for f := strings.Fields(rest); len(f) > 0; f = f[1:] {
		switch {
		case f[0] == "all":
			return l, nil
		case f[0] == "gap":
			l.Gap = true
		case f[0] == "..":
			l.Range = true
			if len(f) > 1 {
				l.End, f = lockKey(t, ix, f[1]), f[1:]
			}
		case f[0] == "waits":
			l.Waiting = true
			for _, b := range strings.Split(f[2], ",") {
				l.BlockedBy = append(l.BlockedBy, int(b[0]-'1'))
			}
			l.Age, err = time.ParseDuration(f[4])
			return l, err
		default:
			l.Index, l.Key = ix.ID, lockKey(t, ix, f[0])
		}
	}
	return l, nil
}

// lockKey encodes values of an index's columns followed by the primary key's.
func lockKey(t *schema.Table, ix *schema.Index, text string) (key []byte) {
	columns := ix.Columns
	if ix != t.Primary() {
		columns = append(columns[:len(columns):len(columns)], t.Primary().Columns...)
	}
	for i, part := range strings.Split(text, ",") {
		typ := &t.Columns[columns[i].Column].Type
		v := types.Str(part)
		if typ.Class() == types.ClassInt {
			var n int64
			_, _ = fmt.Sscan(part, &n)
			v = types.Int(n)
		}
		if day, err := time.Parse(time.DateOnly, part); err == nil {
			v = types.Date(temporal.PackTime(day))
		}
		if part == "NULL" {
			v = types.Null
		}
		key = keys.AppendValue(key, v, typ, columns[i].Prefix, columns[i].Desc)
	}
	return key
}

// makeDeadlock takes two lines of the locks for the waits of the members of a deadlock, and what is in their way.
func (s *server) makeDeadlock() {
	d := &virtual.DeadlockReport{Sessions: []virtual.Process{
		{ID: 9, User: "app", Host: "10.0.0.7:40001", Info: "UPDATE a", Node: 1, Txn: &virtual.Transaction{Started: clock.Add(-time.Minute)}}, {},
	}}
	d.At, d.Victim = clock.Add(-time.Second), 1
	for i := range s.fake.locks {
		l := s.fake.locks[i]
		if l.Waiting {
			d.Members = append(d.Members, distributed.DeadlockMember{Txn: l.Txn, Session: l.Session, Waits: l})
		}
	}
	for i := range d.Members {
		before := &d.Members[(i+1)%len(d.Members)]
		d.Members[i].Holds = s.fake.locks[before.Waits.BlockedBy[0]]
	}
	s.fake.deadlock = d
}
