package cluster

import (
	"database/sql"
	"fmt"
	"time"
)

// large writes transactions that take several log entries in each shard (more than 2 MiB there): all rows of three tables
// get the same number, or those of a fourth. Every snapshot shows one number in the three, and one in the fourth.
type large struct{}

const (
	largeTables = 4
	largeRows   = 40
	largePad    = 60_000 // bytes
)

func (l *large) setup(r *run, db *sql.DB) {
	for i := range largeTables {
		mustExec(r, db, fmt.Sprintf("CREATE TABLE large%d (id INT PRIMARY KEY, n INT NOT NULL, pad MEDIUMTEXT)", i))
		for id := range largeRows {
			mustExec(r, db, fmt.Sprintf("INSERT INTO large%d VALUES (%d, 0, '')", i, id))
		}
	}
}

func (l *large) start(r *run) {
	n := 0
	r.client("", func(c *client) error { n++; return l.write(c, n) })
	r.client("", l.read)
}

func (l *large) write(c *client, n int) error {
	pause(c.ctx, time.Duration(500+c.rnd.IntN(3000))*time.Millisecond)
	tables := []int{0, 1, 2}
	if c.rnd.IntN(3) == 0 {
		tables = []int{3}
	}
	o, err := c.transaction("REPEATABLE READ", "BEGIN", func() error {
		for _, i := range tables {
			if _, err := c.exec(fmt.Sprintf("UPDATE large%d SET n = ?, pad = REPEAT('x', ?)", i), n, largePad); err != nil {
				return err
			}
		}
		if c.rnd.IntN(5) == 0 {
			_, err := c.exec("ROLLBACK")
			return err
		}
		return nil
	})
	c.tally("large write").note(o, err)
	return err
}

func (l *large) read(c *client) error {
	pause(c.ctx, time.Duration(c.rnd.IntN(300))*time.Millisecond)
	var seen [largeTables]map[int]int
	o, err := c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY", func() error {
		for _, i := range c.rnd.Perm(largeTables) {
			seen[i] = map[int]int{}
			err := c.query(func(rows *sql.Rows) error {
				var n int
				err := rows.Scan(&n)
				seen[i][n]++
				return err
			}, fmt.Sprintf("SELECT n FROM large%d", i))
			if err != nil {
				return err
			}
		}
		return nil
	})
	c.tally("large read").note(o, err)
	if o == done {
		l.judgeState(c.run, c.name("snapshot"), seen)
	}
	return err
}

func (l *large) judgeState(r *run, who string, seen [largeTables]map[int]int) {
	for n, count := range seen[0] {
		if count != largeRows || seen[1][n] != largeRows || seen[2][n] != largeRows {
			r.anomaly("%s: part of a large transaction: rows by number are %v", who, seen[:3])
			return
		}
	}
	if len(seen[3]) != 1 {
		r.anomaly("%s: part of a large transaction in one shard: rows by number are %v", who, seen[3])
	}
}

func (l *large) judge(r *run, db *sql.DB) {
	var seen [largeTables]map[int]int
	for i := range seen {
		seen[i] = map[int]int{}
		rows, err := db.Query(fmt.Sprintf("SELECT n FROM large%d", i))
		if err != nil {
			r.t.Fatal(err)
		}
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				r.t.Fatal(err)
			}
			seen[i][n]++
		}
		if err := rows.Err(); err != nil {
			r.t.Fatal(err)
		}
	}
	l.judgeState(r, "the end", seen)
}
