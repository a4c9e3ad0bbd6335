package generate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// table is what the generator believes of a table.
type table struct {
	name    string // as it is written in FROM
	columns []string
	view    bool
}

// source is a table within a query.
type source struct {
	alias   string
	columns []string
}

// everyday are tables of every type of column, made anew now and then: with what random definitions leave, statements
// would fail more and more.
var everyday = []string{
	"CREATE TABLE t0 (id int PRIMARY KEY AUTO_INCREMENT, a int, b bigint unsigned, s varchar(50), d decimal(20,4), KEY (a), KEY (s, a), UNIQUE KEY (b))",
	"CREATE TABLE t1 (id bigint PRIMARY KEY, a int NOT NULL, s varchar(20) COLLATE utf8mb4_bin, f double, dt datetime(3), KEY (a), KEY (dt))",
	"CREATE TABLE t2 (a varchar(10), b int, j json, x text, y blob, e enum('a','b','c'), st set('x','y','z'), PRIMARY KEY (a, b), KEY (e), KEY (x(5)))",
	"CREATE TABLE t3 (a tinyint, d date, t time(2), ts timestamp(6) NULL, yr year, bi bit(10), bn binary(4), vb varbinary(10), c char(3), KEY (d), KEY (c, a), KEY (vb))",
	"CREATE TABLE t4 (id int unsigned, f float, u mediumint unsigned zerofill, dd decimal(65,30), s longtext, ts timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP," +
		" n int NOT NULL DEFAULT 5, PRIMARY KEY (id), UNIQUE KEY (n, f))",
	"CREATE TABLE t5 (id int PRIMARY KEY, v varchar(100) CHARACTER SET latin1, w varchar(100) COLLATE utf8mb4_general_ci, g json DEFAULT (json_array()), i int DEFAULT (abs(-2)), KEY (w(3)))",
	"CREATE TABLE t6 (id int PRIMARY KEY, a int CHECK (a < 1000000), b varchar(30), v int AS (a + 1), w varchar(60) AS (concat_ws('-', b, v)) STORED, h int DEFAULT 4," +
		" KEY (v), KEY (w, a), KEY ((lower(b)), (a % 7) DESC), CONSTRAINT of_both CHECK (b <> 'never' OR a IS NULL))",
	"CREATE TABLE t7 (id int PRIMARY KEY, p int, a int DEFAULT 3, b varchar(20), FOREIGN KEY (p) REFERENCES t0 (id) ON DELETE SET NULL ON UPDATE CASCADE," +
		" CONSTRAINT up FOREIGN KEY (a) REFERENCES t7 (id) ON DELETE CASCADE)",
}

var everydayColumns = [][]string{
	{"id", "a", "b", "s", "d"}, {"id", "a", "s", "f", "dt"}, {"a", "b", "j", "x", "y", "e", "st"},
	{"a", "d", "t", "ts", "yr", "bi", "bn", "vb", "c"}, {"id", "f", "u", "dd", "s", "ts", "n"}, {"id", "v", "w", "g", "i"},
	{"id", "a", "b", "v", "h"}, {"id", "p", "a", "b"},
}

var rows = []string{
	"INSERT INTO t0 (a, b, s, d) VALUES (1, 10, 'a', 1.5), (2, 20, 'B', -2.25), (NULL, NULL, NULL, NULL), (4, 40, '', 0), (1, 50, 'abc', 99999)",
	"INSERT INTO t1 VALUES (1, 1, 'a', 1.5, '2020-01-01'), (2, 1, 'A', -1e10, '2021-06-15 12:30:45.123'), (3, 2, NULL, NULL, NULL), (-5, 9, 'z', 0, '1970-01-01')",
	"INSERT INTO t2 VALUES ('a', 1, '{\"a\": [1, 2]}', 'text', x'00ff', 'a', 'x,y'), ('b', 2, '[1, \"x\", null]', '', '', 'c', ''), ('', 3, 'null', NULL, NULL, NULL, NULL)",
	"INSERT INTO t3 VALUES (1, '2020-02-29', '12:34:56.78', '2020-01-01 00:00:00.5', 2020, b'101', 'ab', x'ff00', 'x'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)," +
		" (-128, '1000-01-01', '-838:59:59', '2038-01-19 03:14:07', 1901, b'0', '', '', '')",
	"INSERT INTO t4 (id, f, u, dd, s, n) VALUES (1, 1.5, 7, 1.000000000000000000000000000001, 'long', 1), (2, -3e38, 0, -99999999999999999999999999999999999, '', 2)",
	"INSERT INTO t5 (id, v, w) VALUES (1, 'abc', 'ÄÖ'), (2, NULL, 'abc'), (3, '', 'aBc')",
	"INSERT INTO t6 (id, a, b) VALUES (1, 1, 'One'), (2, -5, 'TWO'), (3, NULL, NULL), (4, 999, 'x')",
	"INSERT INTO t7 VALUES (3, 1, NULL, 'top'), (4, 1, 3, 'a'), (5, NULL, 4, 'b'), (6, 2, 3, 'a')",
}

// patient are settings of every session: nobody waits for long.
const patient = "max_execution_time = 2000, innodb_lock_wait_timeout = 1, lock_wait_timeout = 1"

// reset makes the database anew.
func (g *Generator) reset() Statement {
	g.since, g.tables, g.inTxn, g.locked, g.backup = 0, []*table{}, false, false, false
	g.pending = []string{
		"UNLOCK TABLES", "UNLOCK INSTANCE",
		"CREATE DATABASE IF NOT EXISTS " + g.Database, "USE " + g.Database,
		"SET sql_mode = " + g.pick("DEFAULT", "''", "'STRICT_TRANS_TABLES'", "'ANSI'", "'TRADITIONAL'", "DEFAULT", "''"),
		"SET SESSION TRANSACTION READ WRITE", "SET autocommit = 1, " + patient,
	}
	for i := range everyday {
		if g.chance(0.9) {
			g.pending = append(g.pending, everyday[i], rows[i])
			g.tables = append(g.tables, &table{name: fmt.Sprint("t", i), columns: slices.Clone(everydayColumns[i])})
		}
	}
	for i := range everydayViews {
		if g.chance(0.8) {
			g.pending = append(g.pending, everydayViews[i])
			g.tables = append(g.tables, &table{name: fmt.Sprint("v", i), columns: slices.Clone(everydayViewColumns[i]), view: true})
		}
	}
	for i := len(g.pending) - 1; i > 6; i-- {
		if g.chance(0.02) {
			g.pending = slices.Delete(g.pending, i, i+1)
		}
	}
	first := "ROLLBACK"
	if g.chance(0.8) {
		first = "DROP DATABASE IF EXISTS " + g.Database
	}
	return Statement{SQL: first}
}

// Learn has the generator believe in other tables than before; with none it makes the usual ones anew.
func (g *Generator) Learn(tables []*table) {
	if g.tables = tables; len(tables) == 0 {
		g.tables = nil
	}
}

// quoteName writes a name of the catalog as statements do.
func quoteName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_0-9]*$`)

func (g *Generator) table() *table {
	if len(g.tables) == 0 || g.chance(0.01) {
		return &table{name: g.oneOf(oddNames), columns: []string{"a"}}
	}
	return g.tables[g.n(len(g.tables))]
}

// ddl makes a definition.
func (g *Generator) ddl() Statement {
	switch n := g.n(100); {
	case n < 25:
		return g.create()
	case n < 60:
		return g.alter()
	case n < 70:
		return Statement{SQL: g.expand("{CREATE {UNIQUE?} INDEX {key} ON {tablename} ({keyparts}) {indexoption?}|DROP INDEX {key} ON {tablename}}")}
	case n < 78:
		t := g.table()
		if t.view && g.chance(0.8) {
			return Statement{SQL: g.expand("DROP VIEW {IF EXISTS|} ") + t.name, Done: func() { g.forget(t) }}
		}
		return Statement{SQL: g.expand("DROP TABLE {IF EXISTS|IF EXISTS|} ") + t.name, Done: func() { g.forget(t) }}
	case n < 84:
		return Statement{SQL: g.expand("TRUNCATE {TABLE|} {tablename}")}
	case n < 90:
		t, to := g.table(), g.name("n", 4)
		return Statement{SQL: "RENAME TABLE " + t.name + " TO " + to, Done: func() { t.name = to }}
	case n < 93:
		return Statement{SQL: g.expand("RENAME TABLE {tablename} TO x0, {tablename} TO {tablename}, x0 TO {tablename}")}
	}
	return Statement{SQL: g.expand("{ddlrare}")}
}

func (g *Generator) forget(t *table) {
	g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o == t })
}

func (g *Generator) create() Statement {
	t := &table{name: g.name("n", 4)}
	done := func() {
		g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o.name == t.name })
		g.tables = append(g.tables, t)
	}
	if g.chance(0.15) {
		from := g.table()
		t.columns = slices.Clone(from.columns)
		return Statement{SQL: "CREATE " + g.pick("TABLE ", "TABLE ", "TEMPORARY TABLE ") + t.name + " LIKE " + from.name, Done: done}
	}
	if g.chance(0.2) {
		t.columns = []string{"c0", "c1"}
		more := g.expand("{|||(c0 {type})|(c1 {type} {columnoptions}, KEY (c1))|(PRIMARY KEY (c0)) {IGNORE|REPLACE}}")
		return Statement{SQL: "CREATE " + g.pick("TABLE ", "TABLE ", "TEMPORARY TABLE ") + t.name + more + g.expand(" {AS|} ") + g.namedQuery(2), Done: done}
	}
	var parts []string
	for i := range 1 + g.n(6) {
		c := fmt.Sprint("c", i)
		if g.chance(0.02) {
			c = g.oneOf(oddNames)
		}
		t.columns = append(t.columns, c)
		parts = append(parts, c+" "+g.expand("{type} {columnoptions}"))
	}
	g.scopes = [][]source{{{t.name, t.columns}}}
	for range g.n(4) {
		parts = append(parts, g.expand("{tablekey}"))
	}
	if g.chance(0.005) {
		for i := range 4200 {
			parts = append(parts, fmt.Sprintf("m%d int", i))
		}
	}
	return Statement{
		SQL:  "CREATE " + g.pick("TABLE ", "TABLE ", "TABLE ", "TABLE ", "TEMPORARY TABLE ") + g.expand("{IF NOT EXISTS|||}") + t.name + " (" + strings.Join(parts, ", ") + ")" + g.expand(" {tableoption?} {tableoption?}"),
		Done: done,
	}
}

func (g *Generator) alter() Statement {
	t := g.table()
	g.scopes = [][]source{{{t.name, t.columns}}}
	var clauses []string
	var done []func()
	for range 1 + g.n(3)*g.n(2) {
		c := g.column(t)
		switch g.n(10) {
		case 0, 1:
			add := g.name("z", 6)
			clauses = append(clauses, "ADD COLUMN "+add+g.expand(" {type} {columnoptions} ")+g.pick("", "", "FIRST", "AFTER "+c))
			done = append(done, func() { t.columns = append(t.columns, add) })
		case 2:
			clauses = append(clauses, "DROP COLUMN "+c)
			done = append(done, func() { t.columns = slices.DeleteFunc(t.columns, func(o string) bool { return o == c }) })
		case 3:
			to := g.name("y", 6)
			clauses = append(clauses, "RENAME COLUMN "+c+" TO "+to)
			done = append(done, func() { t.rename(c, to) })
		case 4:
			to := g.pick(c, g.name("y", 6))
			clauses = append(clauses, "CHANGE COLUMN "+c+" "+to+g.expand(" {type} {columnoptions}"))
			done = append(done, func() { t.rename(c, to) })
		case 5:
			clauses = append(clauses, "MODIFY COLUMN "+c+g.expand(" {type} {columnoptions}"))
		case 6:
			clauses = append(clauses, "ALTER COLUMN "+c+g.expand(" {SET DEFAULT {literal}|DROP DEFAULT|SET DEFAULT ({expr})|SET INVISIBLE}"))
		default:
			clauses = append(clauses, g.expand("{alterclause}"))
		}
	}
	return Statement{SQL: "ALTER TABLE " + t.name + " " + strings.Join(clauses, ", "), Done: func() {
		for _, f := range done {
			f()
		}
	}}
}

func (t *table) rename(from, to string) {
	if i := slices.Index(t.columns, from); i >= 0 {
		t.columns[i] = to
	}
}

func (g *Generator) column(t *table) string {
	if len(t.columns) == 0 || g.chance(0.01) {
		return g.oneOf(oddNames)
	}
	return g.oneOf(t.columns)
}

func (g *Generator) transaction() Statement {
	switch g.n(10) {
	case 0, 1:
		return Statement{SQL: g.pick("BEGIN", "START TRANSACTION", "START TRANSACTION READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "BEGIN WORK",
			"START TRANSACTION READ ONLY AS OF TIMESTAMP NOW()"), Done: func() { g.inTxn = true }}
	case 2:
		return Statement{SQL: g.pick("COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND NO CHAIN NO RELEASE"), Done: func() { g.inTxn = false }}
	case 3:
		return Statement{SQL: "SAVEPOINT " + g.name("s", 3)}
	case 4:
		return Statement{SQL: g.pick("ROLLBACK TO ", "ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT ") + g.name("s", 3)}
	case 5:
		return Statement{SQL: g.expand("SET {SESSION||} TRANSACTION {ISOLATION LEVEL {level}|READ ONLY|READ WRITE|ISOLATION LEVEL {level}, READ WRITE}")}
	case 6:
		return Statement{SQL: g.pick("SET autocommit = 0", "SET autocommit = 1")}
	case 7:
		if g.chance(0.03) { // all other clients wait for it
			return Statement{SQL: g.pick("FLUSH TABLES WITH READ LOCK", "FLUSH TABLES "+g.table().name+" WITH READ LOCK"), Done: func() { g.locked = true }}
		}
		return Statement{SQL: g.expand("LOCK TABLES {tablename} {READ|WRITE|READ LOCAL}{|, {tablename} AS x READ}"), Done: func() { g.locked = true }}
	case 8:
		if g.chance(0.1) {
			return Statement{SQL: "LOCK INSTANCE FOR BACKUP", Done: func() { g.backup = true }}
		}
	}
	return Statement{SQL: "UNLOCK TABLES", Done: func() { g.locked = false }}
}
