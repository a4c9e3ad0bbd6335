package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/harness"

	"github.com/go-sql-driver/mysql"
)

// TestTwins: random queries, joined in every way and order, over tables that are partitioned, or cut, merged and moved in the middle of the answer, give what
// they give over the same rows in one tablet, and nobody is told of it. Then rows of both change, in every way. The tablets change between the first row of
// some answers and the next, so that a run goes by its SEED; STEPS says how often.
func TestTwins(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two processes")
	}
	steps, seed := harness.Number(t, "STEPS", 4), uint64(harness.Number(t, "SEED", 1)) //nolint:gosec // a seed
	nodes := harness.Cluster(t, 2)
	w := &twins{t: t, rng: rand.New(rand.NewPCG(seed, 44)), db: nodes[0].DB("", ""), answers: map[string][]string{}, plans: map[string]int{}, nextID: 10000}
	w.must("CREATE DATABASE one")
	w.must("CREATE DATABASE many")
	w.fill()
	w.one, w.many = nodes[0].DB("one", ""), []*sql.DB{nodes[0].DB("many", ""), nodes[1].DB("many", "")}
	harness.Eventually(t, time.Minute, "two shards for tables", func() error {
		if err := w.db.QueryRow("SELECT COUNT(DISTINCT shard_id) FROM information_schema.cluster_shards WHERE shard_id > 1").Scan(&w.shards); err != nil {
			return err
		}
		if w.shards < 2 {
			return fmt.Errorf("%d shards", w.shards)
		}
		return nil
	})
	for range steps {
		if w.step(); t.Failed() {
			break
		}
	}
	ways := ""
	if !t.Failed() {
		ways = w.allWays()
	}
	t.Logf("seed %d: %d answers compared, of them %d over a change; %d data changes; %d tablets cut, %d tables merged, %d tablets moved; plans: %s", seed, w.compared, w.across, w.writes,
		w.cut, w.merged, w.moved, ways)
}

// twins is a test's state.
type twins struct {
	t       *testing.T
	rng     *rand.Rand
	db, one *sql.DB
	many    []*sql.DB
	shards  int
	answers map[string][]string // by query, of the tables of one tablet

	plans  map[string]int // how often plans joined in a way
	nextID int            // the ids of rows that are made begin with

	compared, across, cut, merged, moved, writes int
}

func (w *twins) must(text string) {
	w.t.Helper()
	if _, err := w.db.Exec(text); err != nil {
		w.t.Fatalf("%.90s: %v", text, err)
	}
}

func (w *twins) pick(list ...string) string { return list[w.rng.IntN(len(list))] }

// fill makes the tables. Those of p's rows are wide, so that an answer of all of them fills what buffers lie between the node and its client.
func (w *twins) fill() {
	const rows, batch = 3000, 500
	for _, db := range []string{"one", "many"} {
		w.must("CREATE TABLE " + db + ".p (id INT PRIMARY KEY, a INT, b INT NOT NULL, s VARCHAR(10), ts TIMESTAMP NULL, pad VARCHAR(3000) NOT NULL, KEY (a), KEY ba (b, a), KEY (s), KEY (ts))")
		w.must("CREATE TABLE " + db + ".q (id INT, a INT, b INT NOT NULL, s VARCHAR(10), ts TIMESTAMP NULL, pad VARCHAR(30) NOT NULL, PRIMARY KEY (b, id), KEY (a), KEY sb (s DESC, b), UNIQUE KEY (id))")
		w.must("CREATE TABLE " + db + ".r (id INT PRIMARY KEY, a INT, b INT NOT NULL, s VARCHAR(10), ts TIMESTAMP NULL, pad VARCHAR(30) NOT NULL, KEY (a, b))")
	}
	w.must("ALTER TABLE many.r SET COLUMNAR REPLICA 1")
	parts := map[string][2]string{"one": {}, "many": {w.partitioning(true), w.partitioning(false)}}
	for _, db := range []string{"one", "many"} {
		by := parts[db]
		w.must("CREATE TABLE " + db + ".s (id INT PRIMARY KEY, a INT, b INT NOT NULL, s VARCHAR(10), ts TIMESTAMP NULL, pad VARCHAR(30) NOT NULL, KEY (a), KEY (b)" + w.keys() + ")" + by[0])
		w.must("CREATE TABLE " + db + ".u (id INT, a INT, b INT NOT NULL, s VARCHAR(10), ts TIMESTAMP NULL, pad VARCHAR(30) NOT NULL, PRIMARY KEY (b, id), KEY (a), KEY (id, s)" + w.keys() + ")" + by[1])
	}
	for _, table := range []string{"p", "q", "r", "s", "u"} {
		for first := 0; first < rows; first += batch {
			if first > 0 && (table == "s" || table == "u") {
				break
			}
			values := make([]string, batch)
			for i := range values {
				id, pad := first+i, "REPEAT('x', 10)"
				if table == "p" {
					pad = fmt.Sprintf("REPEAT('%c', 2500)", 'a'+id%26)
				}
				a, s := strconv.Itoa(w.rng.IntN(400)), "'"+w.pick("a", "B", "ab", "aB", "é", "c", "")+w.pick("", "x", "Y")+"'"
				if w.rng.IntN(10) == 0 {
					a, s = "NULL", "NULL"
				}
				values[i] = fmt.Sprintf("(%d,%s,%d,%s,FROM_UNIXTIME(%d),%s)", id, a, w.rng.IntN(40), s, 1700000000+w.rng.IntN(1000)*3600, pad)
			}
			for _, db := range []string{"one", "many"} {
				w.must("INSERT INTO " + db + "." + table + " VALUES " + strings.Join(values, ","))
			}
		}
	}
}

// query makes a query whose answer is certain but for the order of its rows; ordered: not even for that.
func (w *twins) query() (text string, ordered bool) {
	n := func(most int) int { return w.rng.IntN(most) }
	k := w.pick("a", "b", "id")
	other := w.pick("q", "r", "s", "u")
	hints, within := w.hints("x", "y"), w.hints("y", "y")
	on := fmt.Sprintf("y.%s = x.%s", w.pick("a", "b", "id", "id"), w.pick("a", "id", "id"))
	where := w.pick("", "", fmt.Sprintf(" WHERE x.a < %d", 50+n(350)), fmt.Sprintf(" WHERE x.id BETWEEN %d AND %d", n(500), 1000+n(2000)), fmt.Sprintf(" WHERE x.b > %d", n(20)))
	switch n(12) {
	case 0: // an index's order
		return fmt.Sprintf("SELECT x.id, x.a, x.pad FROM p x%s ORDER BY x.%s%s, x.id", where, w.pick("a", "s", "ts", "b"), w.pick("", "")), true
	case 1:
		return "SELECT x.id, x.pad FROM p x" + where + " ORDER BY x.id" + w.pick("", " DESC"), true
	case 2: // small answers, large work
		return fmt.Sprintf("SELECT %sx.%s, COUNT(*), SUM(y.b), MIN(y.ts) FROM p x %s JOIN %s y ON %s%s GROUP BY x.%s", hints, k, w.pick("LEFT", "INNER"), other, on, where, k), false
	case 3:
		return fmt.Sprintf("SELECT x.%s, COUNT(*), MAX(LENGTH(x.pad)), MIN(x.pad) FROM p x%s GROUP BY x.%s ORDER BY x.%s", k, where, k, k), true
	case 4:
		return fmt.Sprintf("SELECT %sx.id, x.pad, y.id, y.s FROM p x %s JOIN %s y ON %s%s LIMIT 100000", hints, w.pick("LEFT", "INNER"), other, "y.id = x.id", where), false
	case 5: // semi and anti joins
		return fmt.Sprintf("SELECT x.id, x.pad FROM p x WHERE %sEXISTS (SELECT %s1 FROM %s y WHERE %s AND y.b < %d)", w.pick("", "NOT "), within, other, on, n(30)), false
	case 6:
		return fmt.Sprintf("SELECT x.id, x.pad FROM p x WHERE x.a %sIN (SELECT %sy.a FROM %s y WHERE y.b = %d AND y.a IS NOT NULL)", w.pick("", "NOT "), within, other, n(40)), false
	case 7: // loops
		return fmt.Sprintf("SELECT %sx.id, x.pad, y.id FROM p x JOIN %s y ON y.id < x.a AND y.id > x.a - 3%s", hints, other, where), false
	case 8: // windows
		return fmt.Sprintf("SELECT x.id, x.pad, ROW_NUMBER() OVER (PARTITION BY x.%s ORDER BY x.id), SUM(x.b) OVER (PARTITION BY x.%s ORDER BY x.id) FROM p x%s", k, k, where), false
	case 9:
		return fmt.Sprintf("SELECT %sx.id, x.a, LENGTH(x.pad), y.s FROM p x %s JOIN %s y ON y.id = x.id%s ORDER BY x.%s%s, x.id LIMIT %d", hints, w.pick("LEFT", "INNER"), other, where, w.pick("a", "b", "s", "ts"),
			w.pick("", " DESC"), 1+n(300)), true
	case 10:
		return fmt.Sprintf("SELECT DISTINCT x.%s, x.pad FROM p x%s LIMIT 100000", k, where), false
	}
	return fmt.Sprintf("SELECT %sx.id, x.pad, y.n, y.m FROM p x RIGHT JOIN (SELECT %s AS k, COUNT(*) AS n, MAX(id) AS m FROM %s GROUP BY %s) y ON y.k = x.id%s", hints, k, other, k, where), false
}

// reply is the answer to a query that was begun.
type reply struct {
	text    string
	ordered bool
	rows    *sql.Rows
	got     []string
	whole   bool // all rows are in got
}

// more takes in up to most rows.
func (a *reply) more(most int) error {
	if a.whole {
		return nil
	}
	names, err := a.rows.Columns()
	if err != nil {
		return err
	}
	values, places := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		places[i] = &values[i]
	}
	for ; most > 0; most-- {
		if a.whole = !a.rows.Next(); a.whole {
			break
		}
		if err := a.rows.Scan(places...); err != nil {
			return err
		}
		row := make([]string, len(values))
		for i, v := range values {
			if row[i] = "NULL"; v.Valid {
				row[i] = v.String
			}
			if len(row[i]) > 20 {
				row[i] = fmt.Sprint(row[i][:1], len(row[i]))
			}
		}
		a.got = append(a.got, strings.Join(row, " "))
	}
	return a.rows.Err()
}

// step begins some answers, has the tables changed, and takes the rest of the answers.
func (w *twins) step() {
	w.t.Helper()
	var list []*reply
	for i := range 4 {
		a := &reply{}
		a.text, a.ordered = w.query()
		db := w.many[i%len(w.many)]
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		rows, err := db.QueryContext(ctx, a.text)
		if a.rows = rows; err == nil {
			defer rows.Close()
			err = a.more(w.rng.IntN(30))
		}
		if w.failed(a, err) {
			continue
		}
		list = append(list, a)
	}
	for range 1 + w.rng.IntN(2) {
		w.rearrange(w.pick("p", "p", "q", "r", "s", "u"))
	}
	for _, a := range list {
		if w.failed(a, a.more(1<<30)) {
			continue
		}
		w.across++ // though a short one was in the client's buffer before
		w.compare(a)
	}
	w.ask(w.query()) // by plans that know where the rows are
	w.askJoined()
	for range 5 {
		w.write()
	}
	w.ask(w.query())
}

// ask compares a query's answers.
func (w *twins) ask(text string, ordered bool) {
	w.t.Helper()
	a := &reply{text: text, ordered: ordered}
	var err error
	if a.rows, err = w.many[w.rng.IntN(len(w.many))].Query(a.text); err == nil {
		defer a.rows.Close()
		err = a.more(1 << 30)
	}
	if !w.failed(a, err) {
		w.compare(a)
	}
}

// failed tells whether a query was refused. Only conflicts are nobody's fault.
func (w *twins) failed(a *reply, err error) bool {
	w.t.Helper()
	var e *mysql.MySQLError
	if err != nil && !(errors.As(err, &e) && (e.Number == 1213 || e.Number == 1205)) {
		w.t.Errorf("%s\nafter %d rows: %v", a.text, len(a.got), err)
	}
	return err != nil
}

// compare holds an answer against that of the tables of one tablet.
func (w *twins) compare(a *reply) {
	w.t.Helper()
	want, ok := w.answers[a.text]
	if !ok {
		b := &reply{}
		var err error
		if b.rows, err = w.one.Query(a.text); err == nil {
			err = b.more(1 << 30)
			b.rows.Close()
		}
		if err != nil {
			w.t.Fatalf("one tablet: %s: %v", a.text, err)
		}
		if want = b.got; !a.ordered {
			slices.Sort(want)
		}
		w.answers[a.text] = want
	}
	if !a.ordered {
		slices.Sort(a.got)
	}
	w.compared++
	if !slices.Equal(a.got, want) {
		at := 0
		for at < len(want) && at < len(a.got) && want[at] == a.got[at] {
			at++
		}
		w.t.Errorf("%s\n%d rows, %d of one tablet; first difference at %d: %.200q, not %.200q", a.text, len(a.got), len(want), at, a.got[at:min(at+1, len(a.got))], want[at:min(at+1, len(want))])
	}
}

// rearrange cuts, merges or moves tablets of a table; neighbours of different partitions are no neighbours.
func (w *twins) rearrange(table string) {
	w.t.Helper()
	rows, err := w.db.Query("SELECT tablet_id, shard_id, IFNULL(partition_name, '') FROM information_schema.cluster_tablets WHERE table_schema = 'many' AND table_name = ? AND entries_of IS NULL ORDER BY tablet_ordinal", table)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var tablets, shards []int
	var parts []string
	leaves := map[string]bool{}
	for rows.Next() {
		var tablet, shard int
		var part string
		if err := rows.Scan(&tablet, &shard, &part); err != nil {
			w.t.Fatal(err)
		}
		tablets, shards, parts, leaves[part] = append(tablets, tablet), append(shards, shard), append(parts, part), true
	}
	i := w.rng.IntN(len(tablets))
	alter := "ALTER TABLE many." + table + " "
	switch n, more := w.rng.IntN(6), len(tablets)-len(leaves); {
	case more > 3 || more > 0 && n == 0:
		w.must(alter + "MERGE TABLETS ALL")
		w.merged++
	case more > 1 && n < 3:
		for i = min(i, len(tablets)-2); parts[i] != parts[i+1]; {
			i = (i + 1) % (len(tablets) - 1)
		}
		w.must(fmt.Sprintf("%sMERGE TABLETS %d, %d", alter, tablets[i], tablets[i+1]))
		w.merged++
	case n < 5:
		w.must(fmt.Sprintf("%sSPLIT TABLET %d INTO %d TABLETS%s", alter, tablets[i], 2+w.rng.IntN(2), w.pick("", " SPREAD")))
		w.cut++
	default:
		w.move(alter, tablets[i], shards[i])
	}
}

// move moves a tablet to another shard.
func (w *twins) move(alter string, tablet, from int) {
	w.t.Helper()
	var to int
	if err := w.db.QueryRow("SELECT MIN(shard_id) FROM information_schema.cluster_shards WHERE shard_id > 1 AND shard_id <> ?", from).Scan(&to); err != nil {
		w.t.Fatal(err)
	}
	w.must(fmt.Sprintf("%sMOVE TABLET %d TO SHARD %d", alter, tablet, to))
	w.moved++
}
