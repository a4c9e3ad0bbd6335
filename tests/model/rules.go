package model

import (
	"errors"
	"fmt"
)

// rule is what must never happen.
type rule uint8

// The rules that a step can break; the others are looked for in the states.
const (
	ruleOverwritten rule = iota + 1
	ruleOrder
	ruleClosed
	ruleStale
	ruleTwice
)

var errBroken = map[rule]error{
	ruleOverwritten: errors.New("a row changed between a transaction's lock and its commit (lost update)"),
	ruleOrder:       errors.New("a version is older than the one it replaces"),
	ruleClosed:      errors.New("a version appeared at or below the closed timestamp"),
	ruleTwice:       errors.New("a transaction took effect twice"),
	ruleStale:       errors.New("a read did not see a commit that was acknowledged before it began"),
}

// The rules that a state can break.
var (
	errAtomic     = errors.New("a transaction is committed in one shard and aborted in another")
	errTimes      = errors.New("a transaction has different commit timestamps")
	errLied       = errors.New("the client was told otherwise than what happened")
	errLost       = errors.New("an acknowledged commit is lost")
	errRepeatable = errors.New("something appeared at or below a snapshot that was read before")
	errStuck      = errors.New("nothing can happen any more, and something is unfinished")
)

// Check looks for broken rules.
func (c *Config) Check(s *state) error {
	if s.broken != 0 {
		return errBroken[s.broken]
	}
	for t := range c.Txns {
		if err := c.checkTxn(s, t); err != nil {
			return fmt.Errorf("T%d: %w", t+1, err)
		}
	}
	if r := &s.reader; r.at != 0 {
		for i := range int(r.place) {
			if s.shards[i].asOf(r.at).txn != r.got[i] {
				return errRepeatable
			}
		}
	}
	return nil
}

func (c *Config) checkTxn(s *state, t int) error {
	x := &s.txns[t]
	switch {
	case x.committedIn != 0 && x.droppedIn != 0:
		return errAtomic
	case x.phase == toldAborted && x.committedIn != 0, x.phase == toldCommitted && x.droppedIn != 0:
		return errLied
	}
	var at stamp
	for i := range c.Shards {
		h := &s.shards[i]
		if x.phase == toldCommitted && c.in(t, i) && h.legs[t].prepared == 0 && x.committedIn>>i&1 == 0 {
			return errLost
		}
		for _, v := range h.rows[:h.count] {
			if v.txn != uint8(t+1) {
				continue
			}
			if at != 0 && v.at != at || x.phase == toldCommitted && v.at != x.ackedAt {
				return errTimes
			}
			at = v.at
		}
	}
	return nil
}

// End looks for what is unfinished where nothing can happen any more.
func (c *Config) End(s *state) error {
	for t := range c.Txns {
		if p := s.txns[t].phase; p == running || p == committing {
			return fmt.Errorf("%w: the client of T%d waits", errStuck, t+1)
		}
		for i := range c.Shards {
			if l := &s.shards[i].legs[t]; l.prepared != 0 || l.mem != legGone || l.kept != 0 {
				return fmt.Errorf("%w: T%d in shard %c", errStuck, t+1, 'A'+i)
			}
		}
	}
	for i := range c.Shards {
		if s.shards[i].lock != 0 {
			return fmt.Errorf("%w: the lock in shard %c", errStuck, 'A'+i)
		}
	}
	if c.Reader != NoReader && int(s.reader.place) < c.Shards {
		return fmt.Errorf("%w: the reader waits", errStuck)
	}
	return nil
}

// Start is the state in which nothing has happened.
func (c *Config) Start() (s state) {
	for i := range c.Shards {
		s.shards[i].epoch = 1
	}
	s.left = budget{
		failovers: uint8(c.Failovers), handOvers: uint8(c.HandOvers), reproposals: uint8(c.Reproposals),
		closes: uint8(c.Closes), ages: uint8(c.Ages),
	}
	return s
}
