package cluster

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/tests/harness"
)

// table is one table of sysbench's shape, with ROWS rows, under transactions like those of oltp_read_write whose outcome is known: a row that is
// deleted is inserted again by the same transaction, what one row's k gains another's loses, and each text begins with its row's id. So every
// snapshot, and every locking read, has ROWS rows with the sum that k had at first, whatever the tablets are that they lie in. Rows beyond
// those are only inserted, and get their numbers from the table.
type table struct {
	rows, sum int64

	mu    sync.Mutex
	acked map[int64]bool // the numbers of rows whose insertion was acknowledged
	tried atomic.Int64
}

// tableWorkload takes long to set up, and is part of a run only where it is named.
const tableWorkload = "table"

const (
	tableSpan  = 100  // rows that a range reads, as sysbench's
	tableLocks = 1000 // that a locking read reads
	tableK     = 1_000_003
)

func (w *table) setup(r *run, db *sql.DB) {
	n, err := strconv.ParseInt(harness.Setting("ROWS", "20000"), 10, 64)
	if err != nil || n < 2*tableLocks {
		r.t.Fatalf("ROWS=%d: %v", n, err)
	}
	w.rows, w.acked = n, map[int64]bool{}
	mustExec(r, db, `CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL, KEY k (k))`)
	w.fill(r)
	for id := int64(1); id <= n; id++ {
		w.sum += firstK(id)
	}
}

func firstK(id int64) int64 { return id * 7919 % tableK }

func textOf(id int64, salt int) string {
	return fmt.Sprintf("%d-%s", id, strings.Repeat(strconv.Itoa(salt%10), 100))
}

// fill inserts the rows, many in a statement, through all nodes at once.
func (w *table) fill(r *run) {
	const chunk = 1000
	next := atomic.Int64{}
	var all sync.WaitGroup
	for i := range 2 * len(r.nodes) {
		all.Go(func() {
			db := r.nodes[i%len(r.nodes)].DB(checkDB, "")
			defer db.Close()
			for {
				first := next.Add(chunk) - chunk + 1
				if first > w.rows {
					return
				}
				var text strings.Builder
				text.WriteString("INSERT INTO big VALUES ")
				for id := first; id < min(first+chunk, w.rows+1); id++ {
					if id > first {
						text.WriteByte(',')
					}
					fmt.Fprintf(&text, "(%d,%d,'%s','%s')", id, firstK(id), textOf(id, 0), strings.Repeat("p", 59))
				}
				if _, err := db.Exec(text.String()); err != nil {
					r.t.Errorf("rows from %d on: %v", first, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (w *table) start(r *run) {
	for range 4 {
		r.client("", w.readWrite)
	}
	r.client("", w.insert)
	r.client("", w.lock)
	r.client("readTimeout=60s", w.audit) // it looks at millions of rows, beside all others
}

// some is the first of n neighbouring rows.
func (w *table) some(c *client, n int64) int64 { return 1 + c.rnd.Int64N(w.rows-n+1) }

// readWrite is a transaction of sysbench's oltp_read_write.
func (w *table) readWrite(c *client) error {
	o, err := c.transaction("REPEATABLE READ", "BEGIN", func() error {
		for range 10 {
			if err := w.point(c); err != nil {
				return err
			}
		}
		for _, query := range []string{
			"SELECT id FROM big WHERE id BETWEEN ? AND ?", "SELECT id FROM big WHERE id BETWEEN ? AND ? ORDER BY c",
			"SELECT id FROM big WHERE id BETWEEN ? AND ? ORDER BY id DESC", "SELECT DISTINCT c FROM big WHERE id BETWEEN ? AND ? ORDER BY c",
		} {
			if err := w.span(c, query, tableSpan); err != nil {
				return err
			}
		}
		if err := w.pass(c); err != nil {
			return err
		}
		id := w.some(c, 1)
		if err := w.one(c, "UPDATE big SET c = ? WHERE id = ?", textOf(id, c.rnd.IntN(10)), id); err != nil {
			return err
		}
		return w.replace(c)
	})
	c.tally("table").note(o, err)
	return err
}

// point reads a row.
func (w *table) point(c *client) error {
	id, n := w.some(c, 1), 0
	err := c.query(func(rows *sql.Rows) error {
		var text string
		err := rows.Scan(&text)
		if n++; err == nil && !strings.HasPrefix(text, fmt.Sprintf("%d-", id)) {
			c.anomaly("%s: row %d has the text %.20s", c.name("point"), id, text)
		}
		return err
	}, "SELECT c FROM big WHERE id = ?", id)
	if err == nil && n != 1 {
		c.anomaly("%s: %d rows have the number %d", c.name("point"), n, id)
	}
	return err
}

// span reads n neighbouring rows, each of which there must be once.
func (w *table) span(c *client, query string, n int64) error {
	first := w.some(c, n)
	var seen []string
	err := c.query(func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		seen = append(seen, id)
		return err
	}, query, first, first+n-1)
	if err != nil {
		return err
	}
	slices.Sort(seen)
	if there := len(slices.Compact(slices.Clone(seen))); len(seen) != int(n) || there != int(n) {
		c.anomaly("%s: %s gives %d rows from %d on, %d of them different", c.name("range"), query, len(seen), first, there)
	}
	return nil
}

// one is a change of one row.
func (w *table) one(c *client, query string, args ...any) error {
	res, err := c.exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 1 || n == 0 && !strings.HasPrefix(query, "UPDATE") { // the text may be the same
		c.anomaly("%s: %s changes %d rows: %v", c.name("change"), query, n, err)
	}
	return nil
}

// pass gives of a row's k to another row.
func (w *table) pass(c *client) error {
	amount := 1 + c.rnd.IntN(1000)
	if err := w.one(c, "UPDATE big SET k = k + ? WHERE id = ?", amount, w.some(c, 1)); err != nil {
		return err
	}
	return w.one(c, "UPDATE big SET k = k - ? WHERE id = ?", amount, w.some(c, 1))
}

// replace deletes a row and inserts it again.
func (w *table) replace(c *client) error {
	id := w.some(c, 1)
	k, ok, err := c.number("SELECT k FROM big WHERE id = ? FOR UPDATE", id)
	if err != nil {
		return err
	}
	if !ok {
		c.anomaly("%s: row %d is not there", c.name("replace"), id)
	}
	if err := w.one(c, "DELETE FROM big WHERE id = ?", id); err != nil {
		return err
	}
	return w.one(c, "INSERT INTO big (id, k, c, pad) VALUES (?, ?, ?, 'p')", id, k, textOf(id, c.rnd.IntN(10)))
}

// insert adds rows that the table numbers.
func (w *table) insert(c *client) error {
	pause(c.ctx, time.Duration(c.rnd.IntN(50))*time.Millisecond)
	w.tried.Add(3)
	res, o, err := c.change("INSERT INTO big (k, c, pad) VALUES (0, 'x', ''), (0, 'x', ''), (0, 'x', '')")
	c.tally("table insert").note(o, err)
	if o != done {
		return err
	}
	first, err := res.LastInsertId()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := first; id < first+3; id++ {
		if w.acked[id] || id <= w.rows {
			c.anomaly("%s: number %d was given before", c.name("insert"), id)
		}
		w.acked[id] = true
	}
	return nil
}

// lock reads rows of several tablets under locks, as they come.
func (w *table) lock(c *client) error {
	pause(c.ctx, time.Duration(c.rnd.IntN(100))*time.Millisecond)
	mode := [...]string{"FOR SHARE", "FOR UPDATE"}[c.rnd.IntN(2)]
	o, err := c.transaction("REPEATABLE READ", "BEGIN", func() error {
		return w.span(c, "SELECT id FROM big WHERE id BETWEEN ? AND ? "+mode, tableLocks)
	})
	c.tally("table locks").note(o, err)
	return err
}

// audit looks at all rows, by the primary key or by k.
func (w *table) audit(c *client) error {
	pause(c.ctx, time.Duration(c.rnd.Int64N(w.rows/20))*time.Millisecond)
	index := [...]string{"PRIMARY", "k"}[c.rnd.IntN(2)]
	var count, sum int64
	err := c.query(func(rows *sql.Rows) error { return rows.Scan(&count, &sum) },
		"SELECT COUNT(*), SUM(k) FROM big FORCE INDEX ("+index+") WHERE id <= ?", w.rows)
	o := done
	if err != nil {
		o = refused
	} else if count != w.rows || sum != w.sum {
		c.anomaly("%s: by %s there are %d rows with the sum %d, not %d with %d", c.name("audit"), index, count, sum, w.rows, w.sum)
	}
	c.tally("table audit").note(o, err)
	return err
}

func (w *table) judge(r *run, _ *sql.DB) {
	sums := map[string]bool{}
	for _, n := range r.nodes {
		db := n.DB(checkDB, "readTimeout=120s")
		for _, index := range []string{"PRIMARY", "k"} {
			var count, sum int64
			var all string
			err := db.QueryRow("SELECT COUNT(*), SUM(k), BIT_XOR(CRC32(CONCAT(id, ':', k))) FROM big FORCE INDEX ("+index+") WHERE id <= ?", w.rows).Scan(&count, &sum, &all)
			if err != nil || count != w.rows || sum != w.sum {
				r.anomaly("in the end there are %d rows by %s with the sum %d, not %d with %d, through %s: %v", count, index, sum, w.rows, w.sum, n.SQL, err)
			}
			sums[all] = true
		}
		var wrong int
		if err := db.QueryRow("SELECT COUNT(*) FROM big WHERE id <= ? AND c NOT LIKE CONCAT(id, '-%')", w.rows).Scan(&wrong); err != nil || wrong > 0 {
			r.anomaly("in the end %d rows have others' texts, through %s: %v", wrong, n.SQL, err)
		}
		w.judgeInserted(r, db)
		db.Close()
	}
	if len(sums) != 1 {
		r.anomaly("in the end the checksums by index and node are %v", sums)
	}
	r.t.Logf("table: %d rows, %d inserted; checksum %v", w.rows, len(w.acked), sums)
}

func (w *table) judgeInserted(r *run, db *sql.DB) {
	rows, err := db.Query("SELECT id FROM big WHERE id > ?", w.rows)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	there := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil || there[id] {
			r.anomaly("row %d is there twice: %v", id, err)
		}
		there[id] = true
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	for id := range w.acked {
		if !there[id] {
			r.anomaly("row %d was acknowledged and is not there", id)
		}
	}
	if n := w.tried.Load(); int64(len(there)) > n {
		r.anomaly("%d rows were inserted, and %d are there", n, len(there))
	}
}

// frozenFor finds how long tablets were frozen, and parts of that time, in what the node that handed them over has logged.
var frozenFor = regexp.MustCompile(`msg="a tablet has moved".*?(?: busy=(\d+) slow=(\d+))? frozen=(\S+)(?: waited=(\S+) froze=(\S+) opened=(\S+))?`)

// thawedAfter finds how long those were frozen that served again instead.
var thawedAfter = regexp.MustCompile(`msg="a tablet serves again that was about to move".*? frozen=(\S+)`)

// logFreezes tells how long tablets were frozen.
func (r *run) logFreezes() {
	const all, waited, froze, opened, flipped, thawed = 0, 1, 2, 3, 4, 5
	names := [...]string{all: "freezes", waited: "for those in it", froze: "its freeze", opened: "the copies", flipped: "the flip", thawed: "given up"}
	var lists [len(names)][]time.Duration
	busy, slow := 0, 0
	for _, n := range r.nodes {
		for _, m := range frozenFor.FindAllStringSubmatch(n.Log(), -1) {
			var at [4]time.Duration
			for i := range at {
				at[i], _ = time.ParseDuration(m[3+i])
			}
			for i, d := range [...]time.Duration{all: at[0], waited: at[1], froze: at[2] - at[1], opened: at[3] - at[2], flipped: at[0] - at[3]} {
				lists[i] = append(lists[i], d)
			}
			b, _ := strconv.Atoi(m[1])
			s, _ := strconv.Atoi(m[2])
			busy, slow = busy+b, slow+s
		}
		for _, m := range thawedAfter.FindAllStringSubmatch(n.Log(), -1) {
			took, _ := time.ParseDuration(m[1])
			lists[thawed] = append(lists[thawed], took)
		}
	}
	if len(lists[all]) == 0 {
		return
	}
	r.t.Logf("%d freezes, %d more were given up since somebody was in a tablet, %d since they took too long", len(lists[all]), busy, slow)
	for i, list := range lists {
		if len(list) == 0 {
			continue
		}
		slices.Sort(list)
		at := func(hundredth int) time.Duration {
			return list[(len(list)-1)*hundredth/100].Round(100 * time.Microsecond)
		}
		r.t.Logf("%s: median %v, 95 %% %v, 99 %% %v, longest %v", names[i], at(50), at(95), at(99), at(100))
	}
}
