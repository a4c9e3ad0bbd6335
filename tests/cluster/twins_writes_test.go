package cluster

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// twinTables are the tables, and whether their key is the id alone.
var twinTables = map[string]bool{"p": true, "q": false, "r": true, "s": true, "u": false}

// partitioning is one for a table by its key: the id, or b and the id.
func (w *twins) partitioning(byID bool) string {
	if byID {
		return w.pick(" PARTITION BY HASH (id) PARTITIONS 3", " PARTITION BY KEY (id) PARTITIONS 4",
			" PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (200), PARTITION p1 VALUES LESS THAN (500), PARTITION p2 VALUES LESS THAN MAXVALUE)",
			" PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (400), PARTITION p1 VALUES LESS THAN MAXVALUE)")
	}
	odd, even := []string{}, []string{}
	for b := 0; b < 40; b += 2 {
		even, odd = append(even, fmt.Sprint(b)), append(odd, fmt.Sprint(b+1))
	}
	return w.pick(" PARTITION BY HASH (b) PARTITIONS 3", " PARTITION BY KEY (b, id) PARTITIONS 2",
		" PARTITION BY RANGE COLUMNS (b) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (25), PARTITION p2 VALUES LESS THAN (MAXVALUE))",
		fmt.Sprintf(" PARTITION BY LIST (b) (PARTITION even VALUES IN (%s), PARTITION odd VALUES IN (%s))", strings.Join(even, ","), strings.Join(odd, ",")))
}

// keys are some that a table has besides; its twin has others.
func (w *twins) keys() string {
	list := ""
	for range w.rng.IntN(3) {
		list += w.pick(", KEY (s, a)", ", KEY (ts DESC, b)", ", KEY (b, a DESC)", ", KEY (s(3))", ", KEY ((a + b))", ", KEY (a, b, id)")
	}
	return list
}

// write changes rows of both copies by a statement that leaves nothing open, and compares what it did.
func (w *twins) write() {
	w.t.Helper()
	text, changed := w.change()
	want := w.affected(w.one, text)
	got := w.affected(w.many[w.rng.IntN(len(w.many))], text)
	w.writes++
	if got != want {
		w.t.Errorf("%s\n%d rows, %d of one tablet", text, got, want)
	}
	w.answers = map[string][]string{}
	for _, table := range changed {
		w.ask(fmt.Sprintf("SELECT COUNT(*), SUM(id), BIT_XOR(CRC32(CONCAT_WS(':', id, a, b, s, ts, LENGTH(pad)))) FROM %s", table), true)
	}
}

// affected runs a statement. A conflict with a tablet that is being moved is nobody's fault.
func (w *twins) affected(db *sql.DB, text string) int64 {
	w.t.Helper()
	for {
		res, err := db.Exec(text)
		var e *mysql.MySQLError
		if errors.As(err, &e) && (e.Number == 1213 || e.Number == 1205) {
			continue
		}
		if err != nil {
			w.t.Fatalf("%s: %v", text, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			w.t.Fatal(err)
		}
		return n
	}
}

// change makes a data change, and names the tables that it is about. b stays below 40, and an id is one row's alone.
func (w *twins) change() (text string, tables []string) {
	n := func(most int) int { return w.rng.IntN(most) }
	x := w.pick("p", "q", "r", "s", "u")
	y := w.pick("q", "r", "s", "u")
	for y == x {
		y = w.pick("q", "r", "s", "u")
	}
	hint := w.hints("x", "y")
	some := w.pick(fmt.Sprintf("id %% %d = %d", 10+n(10), n(10)), fmt.Sprintf("a BETWEEN %d AND %[1]d + 15", n(380)), fmt.Sprintf("b = %d AND a > %d", n(40), n(300)))
	switch n(9) {
	case 0:
		return fmt.Sprintf("UPDATE %s SET a = a + %d, s = %s WHERE %s", x, n(9)-4, w.pick("s", "'zz'", "NULL", "UPPER(s)"), some), []string{x}
	case 1: // rows of q and u go to other keys, and partitions
		return fmt.Sprintf("UPDATE %s SET b = (b + %d) %% 40, ts = ts + INTERVAL 1 HOUR WHERE %s ORDER BY id LIMIT %d", x, 1+n(39), some, 20+n(100)), []string{x}
	case 2:
		return fmt.Sprintf("DELETE FROM %s WHERE %s ORDER BY id DESC LIMIT %d", x, some, 1+n(40)), []string{x}
	case 3:
		w.nextID += 10000
		return fmt.Sprintf("INSERT INTO %s (id, a, b, s, ts, pad) SELECT %d + ROW_NUMBER() OVER (ORDER BY id), a, b, s, ts, LEFT(pad, 20) FROM %s WHERE %s", x, w.nextID, y, some), []string{x}
	case 4:
		for !twinTables[x] {
			x = w.pick("p", "r", "s")
		}
		return fmt.Sprintf("INSERT INTO %s (id, a, b, s, ts, pad) SELECT id, b, b, s, ts, LEFT(pad, 20) FROM %s WHERE %s ON DUPLICATE KEY UPDATE a = VALUES(a) + 1, s = VALUES(s)", x, w.other(x), some), []string{x}
	case 5:
		return fmt.Sprintf("UPDATE %s%s x JOIN %s y ON y.id = x.id SET x.a = y.b + %d, x.s = y.s WHERE y.b < %d", hint, x, y, n(300), n(20)), []string{x}
	case 6:
		return fmt.Sprintf("UPDATE %s%s x JOIN %s y ON y.id = x.id SET x.a = %d, y.a = x.b WHERE x.b = %d", hint, x, y, n(400), n(40)), []string{x, y}
	case 7:
		return fmt.Sprintf("DELETE %s%s FROM %s x JOIN %s y ON y.id = x.id WHERE y.b = %d AND x.a < %d", hint, w.pick("x", "y", "x, y"), x, y, n(40), n(300)), []string{x, y}
	}
	return fmt.Sprintf("UPDATE %s x SET x.a = %d WHERE x.id %sIN (SELECT %sy.id FROM %s y WHERE y.b < %d) AND x.b = %d", x, n(400), w.pick("", "NOT "), w.hints("y", "y"), y, n(20), n(40)), []string{x}
}

// other is a table that is not x.
func (w *twins) other(x string) string {
	for {
		if y := w.pick("p", "q", "r", "s", "u"); y != x {
			return y
		}
	}
}

// hints say in which order two tables are joined, and by which indexes; at times nothing. No loops over all rows come of them.
func (w *twins) hints(x, y string) string {
	list := []string{
		w.pick("", "JOIN_FIXED_ORDER()", fmt.Sprintf("JOIN_ORDER(%s, %s)", x, y), fmt.Sprintf("JOIN_ORDER(%s, %s)", y, x), "JOIN_PREFIX("+y+")", "JOIN_SUFFIX("+y+")"),
		w.pick("", "", "NO_JOIN_INDEX("+y+")", "JOIN_INDEX("+y+")", "NO_INDEX("+x+")", "NO_ORDER_INDEX("+x+")", "NO_RANGE_OPTIMIZATION("+x+")"),
		w.pick("", "", "NO_SEMIJOIN()", "SEMIJOIN(FIRSTMATCH)", "SEMIJOIN(MATERIALIZATION)", "SEMIJOIN(LOOSESCAN)", "NO_DERIVED_CONDITION_PUSHDOWN()"),
	}
	if text := strings.Join(strings.Fields(strings.Join(list, " ")), " "); text != "" {
		return "/*+ " + text + " */ "
	}
	return ""
}

// twinMethods are the ways to join, in EXPLAIN's words, twinHints the hints that leave no other, twinKinds what is joined by each.
var (
	twinMethods = []string{"NestedLoop", "IndexJoin", "HashJoin", "ShardJoin", "BroadcastJoin"}
	twinHints   = map[string]string{
		"NestedLoop": "NO_BNL({x}) NO_BNL({y}) NO_JOIN_INDEX({x}) NO_JOIN_INDEX({y})",
		"IndexJoin":  "NO_BNL({x}) NO_BNL({y}) JOIN_INDEX({y})",
		"HashJoin":   "BNL({x}) BNL({y}) NO_JOIN_INDEX({x}) NO_JOIN_INDEX({y})",
		// In the shards: those that the gateway would go by an index, where the tables are in one shard, as one's are, and by hash.
		"ShardJoin":     "NO_BNL({x}) NO_BNL({y}) JOIN_INDEX({y})",
		"BroadcastJoin": "BNL({x}) BNL({y}) NO_JOIN_INDEX({x}) NO_JOIN_INDEX({y})",
	}
	twinsInShards = map[string]bool{"ShardJoin": true, "BroadcastJoin": true}
	twinKinds     = []string{"inner", "left", "semi", "anti"}
)

// aggregates are all that there are, of the rows of two tables; those of floats are rounded, for they depend on who adds up first.
var aggregates = []string{
	"COUNT(*)", "COUNT({y}.a)", "COUNT(DISTINCT {x}.a, {x}.b)", "SUM({y}.b)", "SUM(DISTINCT {x}.b)", "AVG({x}.a)", "AVG(DISTINCT {y}.a)", "MIN({y}.a)", "MAX({y}.ts)",
	"UPPER(MIN({x}.s))", "UPPER(MAX({y}.s))", "BIT_AND({x}.b)", "BIT_OR({y}.b)", "BIT_XOR({x}.a)", "ROUND(STD({x}.b), 7)", "ROUND(STDDEV_SAMP({y}.b), 7)",
	"ROUND(VAR_POP({x}.b), 7)", "ROUND(VAR_SAMP({y}.b), 7)", "CRC32(GROUP_CONCAT(DISTINCT {y}.b ORDER BY {y}.b DESC SEPARATOR '+'))",
	"CRC32(GROUP_CONCAT({x}.id ORDER BY {x}.id))", "JSON_LENGTH(JSON_ARRAYAGG({y}.b))", "CRC32(JSON_OBJECTAGG({x}.id, {x}.b))", "ANY_VALUE({x}.b) IS NOT NULL",
}

// joined makes a query that joins in one way, of few rows of one table. The answer is certain.
func (w *twins) joined(method, kind string) string {
	n := func(most int) int { return w.rng.IntN(most) }
	from := n(2000)
	x, y := w.pick("q", "r", "s", "u"), w.pick("p", "q", "r", "s", "u")
	named := func(text, x, y string) string { return strings.NewReplacer("{x}", x, "{y}", y).Replace(text) }
	joining := fmt.Sprintf("SET_VAR(cloudsql_shard_joins = '%s')", map[bool]string{true: "ON", false: "OFF"}[twinsInShards[method]])
	hints, on := joining+" "+named(twinHints[method], "x", "y"), fmt.Sprintf("y.%s = x.%s", w.pick("a", "id"), w.pick("a", "b", "id"))
	where := fmt.Sprintf("x.id BETWEEN %d AND %d", from, from+50+n(250))
	if x == "s" || x == "u" { // those have few
		where = fmt.Sprintf("x.b < %d AND x.id < 3000", 3+n(20))
	}
	var list []string
	for range 2 + n(4) {
		list = append(list, w.pick(aggregates...))
	}
	aggs := strings.Join(list, ", ")
	switch kind {
	case "inner", "left":
		switch {
		case kind == "inner" && (method == "IndexJoin" || method == "ShardJoin"):
			hints += " JOIN_ORDER(x, y)"
		case kind == "inner":
			hints += " " + w.pick("", "JOIN_ORDER(y, x)", "JOIN_PREFIX(y)", "JOIN_FIXED_ORDER()")
		}
		k := w.pick("a", "b", "s", "ts")
		if k == "s" {
			k = "s COLLATE utf8mb4_bin"
		}
		aggs = named(aggs, "x", "y")
		third := ""
		if kind == "inner" && n(3) == 0 {
			hints += " " + w.pick("", "JOIN_PREFIX(x, z)", "JOIN_SUFFIX(z)", "JOIN_ORDER(z, y)")
			third = fmt.Sprintf(" JOIN %s z ON z.id = x.id", w.pick("q", "r", "s", "u"))
		}
		text := fmt.Sprintf("SELECT /*+ %s */ x.%s, %s FROM %s x %s JOIN %s y ON %s AND y.b < %d%s WHERE %s GROUP BY x.%[2]s", hints, k, aggs, x, kind, y, on, 5+n(30), third, where)
		if n(3) == 0 {
			text += fmt.Sprintf(" HAVING COUNT(*) > %d", n(3))
		}
		return text
	}
	not := map[string]string{"anti": "NOT "}[kind]
	strategy := map[string]string{"HashJoin": "SEMIJOIN(MATERIALIZATION)", "BroadcastJoin": "SEMIJOIN(MATERIALIZATION)"}[method]
	if strategy == "" {
		strategy = "SEMIJOIN(FIRSTMATCH)"
	}
	inner := fmt.Sprintf("SELECT /*+ %s %s */ ", named(twinHints[method], "y", "y"), strategy)
	cond := fmt.Sprintf("%sEXISTS (%s1 FROM %s y WHERE %s AND y.b < %d)", not, inner, y, on, 5+n(30))
	if kind == "semi" && n(2) == 0 {
		cond = fmt.Sprintf("x.%s IN (%sy.a FROM %s y WHERE y.b < %d)", w.pick("a", "b", "id"), inner, y, 5+n(30))
	}
	if n(2) == 0 || twinsInShards[method] {
		return fmt.Sprintf("SELECT /*+ %s NO_JOIN_INDEX(x) */ %s FROM %s x WHERE %s AND %s", joining, named(aggs, "x", "x"), x, where, cond)
	}
	return fmt.Sprintf("SELECT /*+ NO_JOIN_INDEX(x) */ x.id, x.a, x.s FROM %s x WHERE %s AND %s", x, where, cond)
}

// askJoined compares a query for each way to join, and counts the ways that its plan goes.
func (w *twins) askJoined() {
	w.t.Helper()
	for _, method := range twinMethods {
		for _, kind := range twinKinds {
			text := w.joined(method, kind)
			if w.explain(w.many[0], text); method == "ShardJoin" {
				w.explain(w.one, text)
			}
			w.ask(text, false)
		}
	}
}

// explain counts the joins of a query's plan.
func (w *twins) explain(db *sql.DB, text string) {
	w.t.Helper()
	rows, err := db.Query("EXPLAIN FORMAT=BRIEF " + text)
	if err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	var line [5]sql.NullString
	for rows.Next() {
		if err := rows.Scan(&line[0], &line[1], &line[2], &line[3], &line[4]); err != nil {
			w.t.Fatal(err)
		}
		method := strings.TrimLeft(line[0].String, " └")
		if slices.Contains(twinMethods, method) {
			kind, _, _ := strings.Cut(line[4].String, ",")
			w.plans[method+" "+kind]++
		}
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
}

// allWays tells how often each way to join was gone, and fails where one never was.
func (w *twins) allWays() string {
	var list []string
	for _, method := range twinMethods {
		for _, kind := range twinKinds {
			way := method + " " + kind
			list = append(list, fmt.Sprint(way, " ", w.plans[way]))
			if w.plans[way] == 0 {
				w.t.Errorf("no plan had a %s", way)
			}
		}
	}
	return strings.Join(list, ", ")
}
