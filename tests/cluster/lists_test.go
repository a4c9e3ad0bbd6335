package cluster

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"cloudsql/tests/history"
)

// lists is the list-append workload: transactions of reads and appends over lists in tables of different shards, at
// all isolation levels at once, judged by package history. Which transactions owe an order to all others and which are
// weak is told there; a list is a string of numbers with commas.
//
// With rows, a list is the set of rows with its number under a secondary index, and an append counts them first: then
// its place is right only if nobody else's row appears in the range that was counted. A phantom makes two rows of one
// place. Only transactions that may count on their ranges append.
type lists struct {
	rows bool

	base  atomic.Int64 // first key of the window that is in use
	used  atomic.Int64 // operations since the window moved
	value atomic.Int64 // last number given out

	mu   sync.Mutex
	txns []history.Txn
}

const (
	listTables = 3
	listWindow = 4   // keys in use at once, in each table
	listUses   = 120 // operations until the window moves by a key
)

func (l *lists) setup(r *run, db *sql.DB) {
	for i := range listTables {
		if l.rows {
			mustExec(r, db, fmt.Sprintf("CREATE TABLE rows%d (v BIGINT PRIMARY KEY, k BIGINT NOT NULL, place INT NOT NULL, KEY (k))", i))
			continue
		}
		mustExec(r, db, fmt.Sprintf("CREATE TABLE list%d (k BIGINT PRIMARY KEY, v TEXT NOT NULL)", i))
		for k := range listWindow {
			mustExec(r, db, fmt.Sprintf("INSERT INTO list%d VALUES (%d, '')", i, k))
		}
	}
}

func (l *lists) start(r *run) {
	clients := 4
	if l.rows {
		clients = 2
	}
	for range clients {
		r.client("", l.step)
	}
}

// kinds of transactions, with what they do.
var listKinds = []struct {
	name, level, begin string
	suffix             []string // of reads
	weak, unsteady     bool
	readOnly, single   bool
}{
	{name: "RR locking", level: "REPEATABLE READ", begin: "BEGIN", suffix: []string{" FOR UPDATE", " FOR SHARE"}},
	{name: "RR read only", level: "REPEATABLE READ", begin: "START TRANSACTION READ ONLY", suffix: []string{""}, readOnly: true},
	{name: "RR", level: "REPEATABLE READ", begin: "BEGIN", suffix: []string{""}, weak: true},
	{name: "RC", level: "READ COMMITTED", begin: "BEGIN", suffix: []string{""}, weak: true, unsteady: true},
	{name: "SERIALIZABLE", level: "SERIALIZABLE", begin: "BEGIN", suffix: []string{""}},
	{name: "autocommit", single: true, suffix: []string{""}},
}

// step is one transaction.
func (l *lists) step(c *client) error {
	if err := l.turn(c); err != nil {
		return err
	}
	kind := &listKinds[c.rnd.IntN(len(listKinds))]
	for l.rows && (kind.weak || kind.single) {
		kind = &listKinds[c.rnd.IntN(len(listKinds))]
	}
	t := history.Txn{Name: c.name(kind.name), Weak: kind.weak, Unsteady: kind.unsteady, Begin: int64(c.now())}
	count := 1 + c.rnd.IntN(4)
	if kind.single {
		count = 1
	}
	var o outcome
	var err error
	body := func() error {
		for range count {
			if err := l.operation(c, &t, kind.readOnly, kind.suffix[c.rnd.IntN(len(kind.suffix))]); err != nil {
				return err
			}
		}
		return nil
	}
	if kind.single {
		err = body()
		o = judgeError(err)
	} else {
		o, err = c.transaction(kind.level, kind.begin, body)
	}
	t.End = int64(c.now())
	t.Newest = kind.single && len(t.Ops) == 1 && !t.Ops[0].Append
	t.Outcome = map[outcome]history.Outcome{done: history.Committed, refused: history.Aborted, doubtful: history.Unknown}[o]
	c.tally(l.name()+" "+kind.name).note(o, err)
	l.mu.Lock()
	l.txns = append(l.txns, t)
	l.mu.Unlock()
	return err
}

// operation is one read or append; what was seen or sent is noted.
func (l *lists) operation(c *client, t *history.Txn, readOnly bool, suffix string) error {
	l.used.Add(1)
	table, k := c.rnd.IntN(listTables), l.base.Load()+c.rnd.Int64N(listWindow)
	key := fmt.Sprintf("%d/%d", table, k)
	if l.rows {
		return l.rowOperation(c, t, readOnly, suffix, table, k)
	}
	if readOnly || c.rnd.IntN(2) == 0 {
		var text string
		err := c.query(func(rows *sql.Rows) error { return rows.Scan(&text) },
			fmt.Sprintf("SELECT v FROM list%d WHERE k = ?%s", table, suffix), k)
		if err == nil {
			t.Ops = append(t.Ops, history.Op{Key: key, List: parseList(text)})
		}
		return err
	}
	v := int(l.value.Add(1))
	t.Ops = append(t.Ops, history.Op{Append: true, Key: key, Value: v})
	res, err := c.exec(fmt.Sprintf("UPDATE list%d SET v = CONCAT(v, ?) WHERE k = ?", table), fmt.Sprintf("%d,", v), k)
	if err == nil {
		if n, _ := res.RowsAffected(); n != 1 {
			c.anomaly("%s: an append to %s changed %d rows", t.Name, key, n)
		}
	}
	return err
}

// rowOperation is operation where lists are rows.
func (l *lists) rowOperation(c *client, t *history.Txn, readOnly bool, suffix string, table int, k int64) error {
	key := fmt.Sprintf("%d/%d", table, k)
	if readOnly || c.rnd.IntN(2) == 0 {
		op := history.Op{Key: key}
		err := c.query(func(rows *sql.Rows) error {
			var v int
			err := rows.Scan(&v)
			op.List = append(op.List, v)
			return err
		}, fmt.Sprintf("SELECT v FROM rows%d WHERE k = ? ORDER BY place, v%s", table, suffix), k)
		if err == nil {
			t.Ops = append(t.Ops, op)
		}
		return err
	}
	place, _, err := c.number(fmt.Sprintf("SELECT COUNT(*) FROM rows%d WHERE k = ? FOR UPDATE", table), k)
	if err != nil {
		return err
	}
	v := int(l.value.Add(1))
	t.Ops = append(t.Ops, history.Op{Append: true, Key: key, Value: v})
	_, err = c.exec(fmt.Sprintf("INSERT INTO rows%d VALUES (?, ?, ?)", table), v, k, place)
	return err
}

func (l *lists) name() string {
	if l.rows {
		return "rows"
	}
	return "lists"
}

// turn moves the window when its lists have become long.
func (l *lists) turn(c *client) error {
	if n := l.used.Load(); n < listUses*listTables || !l.used.CompareAndSwap(n, 0) {
		return nil
	}
	k := l.base.Load() + listWindow
	if l.rows {
		l.base.CompareAndSwap(k-listWindow, k-listWindow+1)
		return nil
	}
	for i := range listTables {
		// Failing is no harm: the window stays.
		if _, err := c.exec(fmt.Sprintf("INSERT IGNORE INTO list%d VALUES (?, '')", i), k); err != nil {
			return err
		}
	}
	l.base.CompareAndSwap(k-listWindow, k-listWindow+1)
	return nil
}

func parseList(text string) (list []int) {
	for _, word := range strings.Split(strings.TrimSuffix(text, ","), ",") {
		if word == "" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil {
			n = -1 // nobody appended that
		}
		list = append(list, n)
	}
	return list
}

func (l *lists) judge(r *run, db *sql.DB) {
	final := map[string][]int{}
	for i := range listTables {
		if l.rows {
			l.finalRows(r, db, i, final)
			continue
		}
		rows, err := db.Query(fmt.Sprintf("SELECT k, v FROM list%d", i))
		if err != nil {
			r.t.Fatal(err)
		}
		for rows.Next() {
			var k int64
			var v string
			if err := rows.Scan(&k, &v); err != nil {
				r.t.Fatal(err)
			}
			final[fmt.Sprintf("%d/%d", i, k)] = parseList(v)
		}
		if err := rows.Err(); err != nil {
			r.t.Fatal(err)
		}
	}
	r.t.Logf("%s: %d transactions on %d lists", l.name(), len(l.txns), len(final))
	for _, a := range history.Lists(l.txns, final) {
		r.anomaly("%v", a)
	}
}

// finalRows reads a table of rows; each has its place for itself.
func (l *lists) finalRows(r *run, db *sql.DB, table int, final map[string][]int) {
	rows, err := db.Query(fmt.Sprintf("SELECT k, v, place FROM rows%d ORDER BY k, place, v", table))
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var k, v, place int
		if err := rows.Scan(&k, &v, &place); err != nil {
			r.t.Fatal(err)
		}
		key := fmt.Sprintf("%d/%d", table, k)
		if place != len(final[key]) {
			r.anomaly("phantom: %d is at place %d of rows %s, after %v", v, place, key, final[key])
		}
		final[key] = append(final[key], v)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
}
