package suites

import "testing"

// What a statement is blamed for: its own text, its answers, or what an earlier statement left different.
func TestClassify(t *testing.T) {
	const refused, missing = 1064, 1146
	differs := func(st string, want, got uint16) Result {
		return Result{File: "f", Statement: st, Reason: "error", Codes: [2]uint16{want, got}}
	}
	refuses := func(st, column string) Result {
		return Result{Statement: st, Reason: "error", Codes: [2]uint16{0, 1264}, Messages: [2]string{"", "Out of range value for column '" + column + "' at row 1"}}
	}
	agrees := func(st string) Result { return Result{File: "f", Statement: st} }
	for _, c := range []struct {
		results []Result
		want    []Class
	}{
		{[]Result{differs("SET STATEMENT max_statement_time=1 FOR SELECT 1", 0, refused)}, []Class{MariaDB}},
		{[]Result{differs("SELECT 'SET STATEMENT'", 0, refused)}, []Class{Ours}},
		{[]Result{differs("SELECT SUM(a) OVER (PARTITION BY b) FROM t", 0, refused)}, []Class{Ours}},
		{[]Result{differs("CREATE TABLE t (a GEOMETRY)", 0, 1235), differs("SELECT * FROM t", 0, missing),
			differs("SELECT * FROM u", 0, missing)}, []Class{Later, Later, Ours}},
		{[]Result{differs("CREATE SEQUENCE s", 0, 1235), differs("INSERT INTO `t` VALUES (1)", 0, 1), differs("select * from T", 0, missing)},
			[]Class{MariaDB, Ours, Ours}},
		{[]Result{differs("CREATE TABLE t (a UUID)", 0, refused), differs("DROP TABLE t", 0, 1051), agrees("CREATE TABLE t (a INT)"),
			differs("SELECT a FROM t", 0, missing)}, []Class{MariaDB, MariaDB, "", Ours}},
		{[]Result{differs("CREATE TABLE t (a INT DEFAULT uuid_short())", 0, refused)}, []Class{MariaDB}},
		{[]Result{differs("CREATE TABLE t (a TIMESTAMP DEFAULT now(), b INT DEFAULT 1)", 0, refused)}, []Class{Ours}},
		{[]Result{differs("SET sql_mode=ORACLE", 0, 1231), differs("SELECT 1", 0, 1), agrees("SET sql_mode=''"), differs("SELECT 1", 0, 1)},
			[]Class{MariaDB, MariaDB, "", Ours}},
		{[]Result{differs("PREPARE s FROM 'CREATE OR REPLACE TABLE t (a INT)'", 0, refused), differs("EXECUTE s", 0, 1243)}, []Class{MariaDB, MariaDB}},
		{[]Result{differs("SELECT 1", 4078, 1241)}, []Class{MariaDB}},
		{[]Result{agrees("PREPARE s FROM 'CREATE TABLE t (a UUID)'"), differs("EXECUTE s", 0, refused), differs("SELECT * FROM t", 0, missing)},
			[]Class{"", MariaDB, MariaDB}},
		{[]Result{differs("CREATE TABLE t (a UUID)", 0, refused), agrees("CREATE VIEW v AS SELECT 1 FROM t"), differs("SELECT * FROM v", 0, missing)},
			[]Class{MariaDB, "", MariaDB}},
		{[]Result{agrees("CREATE TABLE t (a INT, b TINYINT AS (a * 1000) VIRTUAL)"), refuses("INSERT INTO t (a) VALUES (1)", "b")}, []Class{"", MariaDB}},
		{[]Result{agrees("CREATE TABLE t (a INT, b TINYINT AS (a * 1000) VIRTUAL)"), refuses("INSERT INTO t (a) VALUES (1)", "a")}, []Class{"", Ours}},
		{[]Result{{Statement: "SELECT TIME_FORMAT(a, '%d') FROM t", Reason: "value a"}, {Statement: "SELECT TIME_FORMAT(a, '%d') FROM t", Reason: "error 1054"}}, []Class{MariaDB, Ours}},
		{[]Result{{Statement: "SHOW CREATE TABLE t", Reason: "value", Alike: true}}, []Class{MariaDB}},
	} {
		for i, b := range Classify(c.results) {
			if b.Class != c.want[i] {
				t.Errorf("%s: %v, want %s", c.results[i].Statement, b, c.want[i])
			}
		}
	}
}

func TestLooks(t *testing.T) {
	row := func(v string) outcome { return outcome{columns: []string{"a"}, rows: [][]string{{v}}} }
	for _, c := range []struct {
		want, got string
		alike     bool
	}{
		{"int(10) unsigned", "int unsigned", true},
		{"varchar(10)", "varchar(11)", false},
		{"CREATE TABLE `t` (\n  `a` int(11) DEFAULT NULL\n) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4", "CREATE TABLE `t` (\n  `a` int DEFAULT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", true},
		{"CREATE TABLE `t` (\n  `a` int(11) DEFAULT 1\n)", "CREATE TABLE `t` (\n  `a` int DEFAULT '1'\n)", true},
		{"CREATE TABLE `t` (\n  `a` int(11) DEFAULT 1\n)", "CREATE TABLE `t` (\n  `a` int DEFAULT '2'\n)", false},
		{`{"x": 1, "b": 2}`, `{"b": 2, "x": 1}`, true},
		{`["x","b"]`, `["x", "b"]`, true},
		{"10:00:00.500", "10:00:00.500000", true},
		{"10:00:00.5", "10:00:00.6", false},
	} {
		if got := looks(row(c.want), row(c.got)); got != c.alike {
			t.Errorf("%s and %s: %v", c.want, c.got, got)
		}
	}
}
