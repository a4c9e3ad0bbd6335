package cluster

import (
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// past reads states of the past at whatever node the client is connected to, by cloudsql_read_staleness_ms and by AS OF
// TIMESTAMP, while money moves between shards and one client writes a number first in one shard and, when that was
// acknowledged, in another. Every state must have all the money, and no effect without its cause; a state with a bound
// lacks nothing that was acknowledged before the bound; a session never sees time go back; a state that is named by its
// time looks the same at every node for ever.
type past struct {
	reads atomic.Int64

	mu    sync.Mutex
	acked []ackedAt // of the cause, ascending
	sent  int64
}

// ackedAt is a number and when its client was told that it is written.
type ackedAt struct {
	n  int64
	at time.Duration
}

const (
	pastTables = 3
	pastTotal  = pastTables * 2 * bankStart
)

func (p *past) setup(r *run, db *sql.DB) {
	for i := range pastTables {
		mustExec(r, db, fmt.Sprintf("CREATE TABLE past%d (id INT PRIMARY KEY, balance BIGINT NOT NULL)", i))
		mustExec(r, db, fmt.Sprintf("INSERT INTO past%d VALUES (0, %d), (1, %d)", i, bankStart, bankStart))
	}
	for _, name := range []string{"cause", "effect"} {
		mustExec(r, db, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, n BIGINT NOT NULL)", name))
		mustExec(r, db, fmt.Sprintf("INSERT INTO %s VALUES (0, 0)", name))
	}
}

func (p *past) start(r *run) {
	r.client("", p.write)
	r.client("", p.transfer)
	for range 2 {
		r.client("", p.read)
	}
}

// write is the one client that counts: cause, and when that is certain, effect.
func (p *past) write(c *client) error {
	pause(c.ctx, time.Duration(c.rnd.IntN(60))*time.Millisecond)
	p.mu.Lock()
	p.sent++
	n := p.sent
	p.mu.Unlock()
	for _, table := range []string{"cause", "effect"} {
		_, o, err := c.change(fmt.Sprintf("UPDATE %s SET n = ? WHERE id = 0 AND n < ?", table), n, n)
		c.tally("past write").note(o, err)
		if o != done {
			return err
		}
		if table == "cause" {
			p.mu.Lock()
			p.acked = append(p.acked, ackedAt{n, c.now()})
			p.mu.Unlock()
		}
	}
	return nil
}

func (p *past) transfer(c *client) error {
	pause(c.ctx, time.Duration(c.rnd.IntN(30))*time.Millisecond)
	from, to := c.rnd.IntN(pastTables), c.rnd.IntN(pastTables)
	amount := c.rnd.IntN(20)
	o, err := c.transaction("REPEATABLE READ", "BEGIN", func() error {
		for _, part := range []struct{ table, amount int }{{from, -amount}, {to, amount}} {
			id := c.rnd.IntN(2)
			if _, err := c.exec(fmt.Sprintf("UPDATE past%d SET balance = balance + ? WHERE id = ?", part.table), part.amount, id); err != nil {
				return err
			}
		}
		return nil
	})
	c.tally("past transfer").note(o, err)
	return err
}

// pastState is what one read shows.
type pastState struct{ cause, effect, total int64 }

// ackedBefore is the newest number that was acknowledged before a time.
func (p *past) ackedBefore(at time.Duration) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, _ := slices.BinarySearchFunc(p.acked, at, func(a ackedAt, at time.Duration) int { return int(a.at - at) })
	if i == 0 {
		return 0
	}
	return p.acked[i-1].n
}

func (p *past) judgeState(c *client, how string, s pastState, least int64) {
	p.reads.Add(1)
	p.mu.Lock()
	sent := p.sent
	p.mu.Unlock()
	if s.total != pastTotal || s.cause < s.effect || s.cause < least || s.cause > sent {
		c.anomaly("%s: cause %d, effect %d, total %d; the total is %d, cause is at least %d by what was acknowledged, at most %d", c.name(how),
			s.cause, s.effect, s.total, pastTotal, least, sent)
	}
}

func (p *past) read(c *client) error {
	var err error
	how := []string{"bound", "bound, READ ONLY", "AS OF", "READ ONLY AS OF"}[c.rnd.IntN(4)]
	switch how {
	case "bound":
		err = p.bounded(c, how, false)
	case "bound, READ ONLY":
		err = p.bounded(c, how, true)
	default:
		err = p.asOf(c, how)
	}
	o := done
	if err != nil {
		o = refused
	}
	c.tally("past "+how).note(o, err)
	return err
}

// bounded reads several times in one session with a bound.
func (p *past) bounded(c *client, how string, transaction bool) error {
	bound := []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second}[c.rnd.IntN(3)]
	if _, err := c.exec(fmt.Sprintf("SET SESSION cloudsql_read_staleness_ms = %d", bound.Milliseconds())); err != nil {
		return err
	}
	defer c.drop() // nobody else wants such a session
	seen := int64(0)
	for range 1 + c.rnd.IntN(8) {
		least := max(seen, p.ackedBefore(c.now()-bound))
		var s pastState
		var err error
		if transaction {
			_, err = c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY", func() (err error) { s, err = p.apart(c); return err })
		} else {
			s, err = p.together(c, "")
		}
		if err != nil {
			return err
		}
		p.judgeState(c, fmt.Sprintf("%s of %v", how, bound), s, least)
		seen = s.cause
		pause(c.ctx, time.Duration(c.rnd.IntN(50))*time.Millisecond)
	}
	return nil
}

// asOf reads a state by its time, here and at another node.
func (p *past) asOf(c *client, how string) error {
	var at string
	ago := c.rnd.IntN(4_000_000)
	err := c.query(func(rows *sql.Rows) error { return rows.Scan(&at) }, fmt.Sprintf("SELECT NOW(6) - INTERVAL %d MICROSECOND", ago))
	if err != nil {
		return err
	}
	clause := fmt.Sprintf(" AS OF TIMESTAMP '%s'", at)
	var first pastState
	for n := range 3 {
		var s pastState
		if how == "AS OF" {
			s, err = p.together(c, clause)
		} else {
			_, err = c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY"+clause, func() (err error) { s, err = p.apart(c); return err })
		}
		if err != nil {
			return err
		}
		p.judgeState(c, "READ ONLY"+clause, s, math.MinInt64)
		if n == 0 {
			first = s
		} else if s != first {
			c.anomaly("%s: %s showed %+v at first and %+v later", c.name(how), at, first, s)
		}
		pause(c.ctx, time.Duration(c.rnd.IntN(400))*time.Millisecond)
		c.move()
	}
	return nil
}

// together reads all in one statement.
func (p *past) together(c *client, clause string) (s pastState, err error) {
	parts := []string{"SELECT 'cause', n FROM cause" + clause, "SELECT 'effect', n FROM effect" + clause}
	for i := range pastTables {
		parts = append(parts, fmt.Sprintf("SELECT 'money', balance FROM past%d%s", i, clause))
	}
	c.rnd.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	err = c.query(s.scan, strings.Join(parts, " UNION ALL "))
	return s, err
}

// apart reads all in statements of one transaction.
func (p *past) apart(c *client) (s pastState, err error) {
	parts := []string{"SELECT 'effect', n FROM effect", "SELECT 'cause', n FROM cause"}
	for i := range pastTables {
		parts = append(parts, fmt.Sprintf("SELECT 'money', SUM(balance) FROM past%d", i))
	}
	for _, i := range c.rnd.Perm(len(parts)) {
		if err := c.query(s.scan, parts[i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *pastState) scan(rows *sql.Rows) error {
	var what string
	var n int64
	if err := rows.Scan(&what, &n); err != nil {
		return err
	}
	switch what {
	case "cause":
		s.cause = n
	case "effect":
		s.effect = n
	case "money":
		s.total += n
	}
	return nil
}

func (p *past) judge(r *run, _ *sql.DB) {
	var here float64
	for _, n := range r.nodes {
		here += metric(r.t, n, "cloudsql_replica_follower_reads_total")
	}
	r.t.Logf("past: %d states read; parts that followers served since their last restart: %.0f", p.reads.Load(), here)
}
