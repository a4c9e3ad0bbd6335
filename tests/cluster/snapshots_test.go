package cluster

import (
	"database/sql"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// snapshots keeps read-only transactions open for seconds and reads the same rows again: nothing may appear at or below
// a timestamp that has been read. Writes are rare, so that a late one finds no younger ones in its way, and a snapshot
// shows all that were acknowledged before it was taken.
type snapshots struct {
	acked, sent, taken atomic.Int64
}

const (
	snapshotTables = 3
	snapshotRows   = 4
)

func (s *snapshots) setup(r *run, db *sql.DB) {
	for i := range snapshotTables {
		mustExec(r, db, fmt.Sprintf("CREATE TABLE snap%d (id INT PRIMARY KEY, n BIGINT NOT NULL)", i))
		for id := range snapshotRows {
			mustExec(r, db, fmt.Sprintf("INSERT INTO snap%d VALUES (%d, 0)", i, id))
		}
	}
}

func (s *snapshots) start(r *run) {
	for i := range snapshotTables {
		r.client("", func(c *client) error { return s.write(c, i) })
	}
	for range 2 {
		r.client("", s.read)
	}
}

func (s *snapshots) write(c *client, table int) error {
	pause(c.ctx, time.Duration(20+c.rnd.IntN(600))*time.Millisecond)
	s.sent.Add(1)
	_, o, err := c.change(fmt.Sprintf("UPDATE snap%d SET n = n + 1 WHERE id = ?", table), c.rnd.IntN(snapshotRows))
	c.tally("snapshots write").note(o, err)
	switch o {
	case done:
		s.acked.Add(1)
	case refused:
		s.sent.Add(-1)
	}
	return err
}

func (s *snapshots) read(c *client) error {
	acked := s.acked.Load()
	o, err := c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY", func() error {
		began := c.now()
		first, err := s.all(c)
		if err != nil {
			return err
		}
		s.judgeSum(c, first, acked)
		for range 1 + c.rnd.IntN(4) {
			pause(c.ctx, time.Duration(c.rnd.IntN(1500))*time.Millisecond)
			again, err := s.all(c)
			if err != nil {
				return err
			}
			if !slices.Equal(first, again) {
				c.anomaly("%s: a snapshot taken at %v showed %v, and at %v %v", c.name("RO"), began, first, c.now(), again)
				return nil
			}
		}
		return nil
	})
	c.tally("snapshots read").note(o, err)
	s.taken.Add(1)
	return err
}

// all reads every row, in some order.
func (s *snapshots) all(c *client) ([]int64, error) {
	values := make([]int64, snapshotTables*snapshotRows)
	for _, i := range c.rnd.Perm(snapshotTables) {
		err := c.query(func(rows *sql.Rows) error {
			var id, n int64
			err := rows.Scan(&id, &n)
			values[i*snapshotRows+int(id)] = n
			return err
		}, fmt.Sprintf("SELECT id, n FROM snap%d", i))
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (s *snapshots) judgeSum(c *client, values []int64, acked int64) {
	var sum int64
	for _, n := range values {
		sum += n
	}
	if sent := s.sent.Load(); sum < acked || sum > sent {
		c.anomaly("%s: a snapshot shows %d writes; %d had been acknowledged before, %d sent", c.name("RO"), sum, acked, sent)
	}
}

func (s *snapshots) judge(r *run, _ *sql.DB) {
	r.t.Logf("snapshots: %d taken, %d writes", s.taken.Load(), s.acked.Load())
}
