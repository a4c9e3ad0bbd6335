package cluster

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// strict: reads of several rows of one shard, each with one plain SELECT, are strictly serializable among each other and with
// all that changes the rows. Each writer counts up a row of its own, alone or together with a row of another shard. What somebody
// has been told (by an acknowledgement, or a read in either shard) before a change or a read begins, comes before that; so
//
//   - a read shows no row older than what was known when it began;
//   - who sees a change sees all that was known when that change began;
//   - of two reads, one shows no row older than the other does: they stand in one order. Snapshots stand in it too.
type strict struct {
	mu    sync.Mutex
	known numbers                       // the highest of each row that somebody was told
	began [strictRows]map[int64]numbers // what was known when the change to a number began
	seen  map[numbers]string            // by whom, first
	reads atomic.Int64
}

const strictRows = 4

// numbers are those of all rows.
type numbers [strictRows]int64

func (s *strict) setup(r *run, db *sql.DB) {
	s.seen = map[numbers]string{}
	for _, table := range []string{"strict", "strict2"} {
		mustExec(r, db, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, n BIGINT NOT NULL, KEY (n))", table))
		for i := range strictRows {
			mustExec(r, db, fmt.Sprintf("INSERT INTO %s VALUES (%d, 0)", table, i))
		}
	}
}

func (s *strict) start(r *run) {
	for i := range strictRows {
		s.began[i] = map[int64]numbers{}
		next := int64(0)
		r.client("", func(c *client) error { next++; return s.write(c, i, next) })
	}
	for range 3 {
		r.client("", s.read)
	}
}

func (s *strict) write(c *client, i int, n int64) error {
	s.mu.Lock()
	s.began[i][n] = s.known
	s.mu.Unlock()
	const update = "UPDATE %s SET n = ? WHERE id = ? AND n < ?" // one that comes late changes nothing
	var o outcome
	var err error
	if c.rnd.IntN(2) == 0 {
		_, o, err = c.change(fmt.Sprintf(update, "strict"), n, i, n)
	} else {
		o, err = c.transaction("REPEATABLE READ", "BEGIN", func() (err error) {
			for _, k := range c.rnd.Perm(2) {
				if _, err = c.exec(fmt.Sprintf(update, []string{"strict", "strict2"}[k]), n, i, n); err != nil {
					break
				}
			}
			return err
		})
	}
	c.tally("strict write").note(o, err)
	if o == done {
		s.learn(func(known *numbers) { known[i] = max(known[i], n) })
	}
	return err
}

func (s *strict) learn(fn func(known *numbers)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(&s.known)
}

var strictReads = []struct{ begin, read string }{
	{"", "SELECT id, n FROM strict"},
	{"", "SELECT id, n FROM strict WHERE id IN (0, 1, 2, 3)"},
	{"", "SELECT id, n FROM strict FORCE INDEX (n) WHERE n >= 0"},
	{"", "SELECT id, MAX(n) FROM strict GROUP BY id"},
	{"START TRANSACTION READ ONLY", "SELECT id, n FROM strict"},
}

// read looks at the rows, or at those of the other shard: then the writers are told what it has seen.
func (s *strict) read(c *client) error {
	how := strictReads[c.rnd.IntN(len(strictReads))]
	other := c.rnd.IntN(4) == 0
	if other {
		how.begin, how.read = "", "SELECT id, n FROM strict2"
	}
	s.mu.Lock()
	before := s.known
	s.mu.Unlock()
	got, rows := numbers{}, 0
	read := func() error {
		return c.query(func(r *sql.Rows) error {
			var id, n int64
			err := r.Scan(&id, &n)
			got[id] = n
			rows++
			return err
		}, how.read)
	}
	var o outcome
	var err error
	if how.begin == "" {
		err = read()
		o = judgeError(err)
	} else {
		o, err = c.transaction("REPEATABLE READ", how.begin, read)
	}
	c.tally("strict read").note(o, err)
	if err != nil {
		return err
	}
	s.reads.Add(1)
	if !other {
		s.check(c, c.name(how.begin+" "+how.read), before, got, rows)
	}
	s.learn(func(known *numbers) {
		for i := range known {
			known[i] = max(known[i], got[i])
		}
	})
	return nil
}

func (s *strict) check(c *client, who string, before, got numbers, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rows != strictRows || !got.covers(before) {
		c.anomaly("%s saw %v in %d rows; known before: %v", who, got, rows, before)
	}
	for i, n := range got {
		if began, ok := s.began[i][n]; n != 0 && (!ok || !got.covers(began)) {
			c.anomaly("%s saw %v; when row %d became %d, %v were known", who, got, i, n, began)
		}
	}
	if s.seen[got] == "" {
		s.seen[got] = who
	}
}

// covers tells whether no row is older than in b.
func (a numbers) covers(b numbers) bool {
	for i := range a {
		if a[i] < b[i] {
			return false
		}
	}
	return true
}

func (a numbers) sum() (n int64) {
	for _, x := range a {
		n += x
	}
	return n
}

func (s *strict) judge(r *run, _ *sql.DB) {
	var all []numbers
	for got := range s.seen {
		all = append(all, got)
	}
	slices.SortFunc(all, func(a, b numbers) int { return cmp.Compare(a.sum(), b.sum()) })
	for i := 1; i < len(all); i++ {
		if !all[i].covers(all[i-1]) {
			r.anomaly("%s saw %v, and %s saw %v: neither comes before the other", s.seen[all[i-1]], all[i-1], s.seen[all[i]], all[i])
		}
	}
	r.t.Logf("strict: %d reads, %d states seen", s.reads.Load(), len(all))
}
