package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/sysvar"
	"cloudsql/sql/transaction"
)

// An effectProbe shows that a variable does something: what is asked has another answer once it is set.
type effectProbe struct {
	first string               // said in both cases
	set   string               // the variable's value
	ask   string               // a text whose results differ
	look  func(s *Session) any // or what the session gives to those who follow the variable
	test  func(t *testing.T)   // or a test of its own
	other string               // or one that is elsewhere: directory, name
}

var effectProbes = map[string]effectProbe{
	"autocommit":               {set: "0", ask: "update t set v = 11 where id = 1; rollback; select v from t where id = 1; update t set v = 10 where id = 1; commit"},
	"sql_mode":                 {set: "'PIPES_AS_CONCAT'", ask: "select 'a' || 'b'"},
	"time_zone":                {set: "'+05:00'", ask: "select from_unixtime(0)"},
	"transaction_isolation":    {set: "'READ-COMMITTED'", look: beginsWith},
	"transaction_read_only":    {set: "1", ask: "update t set v = v"},
	"completion_type":          {set: "'CHAIN'", ask: "begin; commit; set transaction isolation level read committed"},
	"character_set_client":     {set: "latin1", look: func(s *Session) any { c, _ := s.Charsets(); return c }},
	"character_set_results":    {set: "latin1", look: func(s *Session) any { _, c := s.Charsets(); return c }},
	"character_set_connection": {set: "latin1", ask: "select collation('a')"},
	"collation_connection":     {set: "utf8mb4_bin", ask: "select 'a' = 'A'"},
	"character_set_server":     {set: "latin1", ask: "create database other; show create database other; drop database other"},
	"collation_server":         {set: "utf8mb4_bin", ask: "create database other; show create database other; drop database other"},
	"optimizer_switch":         {set: "'block_nested_loop=off'", ask: "explain format=brief select 1 from t a join t b on a.v + 0 = b.v + 0"},
	"sql_select_limit":         {set: "1", ask: "select id from t"},
	"max_execution_time":       {other: "sql/session TestKillAndTimeLimit"},
	"innodb_lock_wait_timeout": {set: "7", look: func(s *Session) any { return s.rt.LockWait }},
	"lock_wait_timeout":        {set: "7", look: func(s *Session) any { return (*lockClient)(s).LockWait() }},
	"group_concat_max_len":     {set: "4", ask: "select group_concat(v) from t"},
	"default_storage_engine":   {set: "MyISAM", ask: "create table dse (a int); show warnings; drop table dse"},
	"foreign_key_checks": {first: "drop table if exists fkc, fkp; create table fkp (id int primary key); create table fkc (id int, foreign key (id) references fkp (id))",
		set: "0", ask: "insert into fkc values (1)"},
	"local_infile":                     {other: "tests/sqllogic TestLocalInfile"},
	"activate_all_roles_on_login":      {other: "sql/session TestScripts"},
	"mandatory_roles":                  {other: "sql/session TestScripts"},
	"partial_revokes":                  {other: "sql/session TestScripts"},
	"default_password_lifetime":        {other: "sql/session TestPasswordRules"},
	"password_history":                 {other: "sql/session TestPasswordRules"},
	"password_reuse_interval":          {other: "sql/session TestPasswordRules"},
	"password_require_current":         {other: "sql/session TestPasswordRules"},
	"generated_random_password_length": {other: "sql/session TestRandomPasswords"},
	"sql_safe_updates":                 {set: "1", ask: "update t set v = v"},
	"sql_auto_is_null":                 {set: "1", ask: "truncate table ai; insert into ai (v) values (3); select count(*) from ai where id is null"},
	"sql_warnings":                     {first: "set sql_mode = ''", set: "1", ask: "replace into t (id, v) values (90, 'x'); delete from t where id = 90"},
	"sql_notes":                        {set: "0", ask: "drop table if exists nothing; show warnings"},
	"max_error_count":                  {set: "0", ask: "drop table if exists nothing; show warnings"},
	"sql_quote_show_create":            {set: "0", ask: "show create table t"},
	"show_create_table_verbosity":      {set: "1", ask: "show create table t"},
	"wait_timeout":                     {set: "7", look: func(s *Session) any { return s.WaitTimeout() }},
	"net_read_timeout":                 {set: "7", look: func(s *Session) any { r, _ := s.NetTimeouts(); return r }},
	"net_write_timeout":                {set: "7", look: func(s *Session) any { _, w := s.NetTimeouts(); return w }},
	"sql_require_primary_key":          {set: "1", ask: "create table nokey (a int); drop table nokey"},
	"timestamp":                        {set: "1", ask: "select now() < '2000-01-01'"},
	"last_insert_id":                   {set: "7", ask: "select last_insert_id()"},
	"insert_id":                        {set: "70", ask: "truncate table ai; insert into ai (v) values (1), (2); insert into ai (v) values (3); select group_concat(id), last_insert_id() from ai"},
	"identity":                         {set: "7", ask: "select last_insert_id()"},
	"auto_increment_increment":         {set: "10", ask: "truncate table ai; insert into ai (v) values (1), (2); select group_concat(id), last_insert_id() from ai"},
	"auto_increment_offset": {first: "set auto_increment_increment = 10", set: "5",
		ask: "truncate table ai; insert into ai (v) values (1), (2); select group_concat(id), last_insert_id() from ai"},
	"div_precision_increment":              {set: "10", ask: "select 1 / 7, avg(v / 3), avg(v) from t"},
	"default_week_format":                  {set: "3", ask: "select week('2023-01-01'), week('2008-02-20')"},
	"lc_time_names":                        {set: "'de_DE'", ask: "select monthname('2024-03-01'), dayname('2024-03-01'), date_format('2024-03-01', '%W %a %M %b')"},
	"block_encryption_mode":                {set: "'aes-256-cbc'", ask: "select hex(aes_encrypt('text', 'key', '0123456789abcdef'))"},
	"cte_max_recursion_depth":              {set: "3", ask: "with recursive c as (select 1 n union all select n + 1 from c where n < 10) select max(n) from c"},
	"max_join_size":                        {set: "1", ask: "select count(*) from t a, t b where a.v < b.v"},
	"sql_big_selects":                      {first: "set max_join_size = 1", set: "1", ask: "select count(*) from t a, t b where a.v < b.v"},
	"parser_max_mem_size":                  {set: "10000000", ask: "select 1" + strings.Repeat("+1", 30000)},
	"cloudsql_read_staleness_ms":           {set: "500", look: func(s *Session) any { return s.tx.Past().Bound() }},
	"interactive_timeout":                  {test: testInteractiveTimeout},
	"max_allowed_packet":                   {other: "sql/session TestConnectionLimits"},
	"require_secure_transport":             {other: "protocol TestRequireSecureTransport"},
	"max_connections":                      {other: "sql/session TestConnectionLimits"},
	"max_user_connections":                 {other: "sql/session TestConnectionLimits"},
	"max_prepared_stmt_count":              {other: "sql/session TestPreparedStatementsAreCharged"},
	"connect_timeout":                      {test: testConnectTimeout},
	"innodb_rollback_on_timeout":           {test: testRollbackOnTimeout},
	"read_only":                            {test: testReadOnly},
	"super_read_only":                      {test: testReadOnly},
	"validate_password.length":             {other: "sql/session TestValidatePassword"},
	"validate_password.number_count":       {other: "sql/session TestValidatePassword"},
	"validate_password.mixed_case_count":   {other: "sql/session TestValidatePassword"},
	"validate_password.special_char_count": {other: "sql/session TestValidatePassword"},
	"validate_password.policy":             {other: "sql/session TestValidatePassword"},
	"validate_password.check_user_name":    {other: "sql/session TestValidatePassword"},
	"slow_query_log":                       {other: "sql/session TestSlowLog"},
	"log_output":                           {other: "sql/session TestSlowLog"},
	"long_query_time":                      {other: "sql/session TestSlowLog"},
	"min_examined_row_limit":               {other: "sql/session TestSlowLog"},
	"cloudsql_columnar":                    {set: "'OFF'", look: func(s *Session) any { return s.vars.RowsOnly }},
	"cloudsql_shard_joins":                 {set: "'ON'", look: func(s *Session) any { return s.vars.Joining }},

	// Settings that the node reads.
	"cloudsql_spread_tables":        {other: "distributed/node TestSpreadSetting"},
	"innodb_stats_auto_recalc":      {other: "sql/session TestStatisticsFollowTheRows"},
	"cloudsql_balance":              {other: "distributed/placement TestBalanceSettings"},
	"cloudsql_balance_part_load":    {other: "distributed/placement TestHeavyDatabase"},
	"cloudsql_balance_part_mb":      {other: "distributed/placement TestHeavyDatabase"},
	"cloudsql_replication_factor":   {other: "distributed/placement TestReplicationFactor"},
	"cloudsql_read_replicas":        {other: "distributed/placement TestReadReplicas"},
	"cloudsql_cluster_version_hold": {other: "distributed/node TestVersionIsRaised"},
}

// Each variable that says that it works does, and each that works is in the table of those that do.
func TestVariablesHaveTheirEffects(t *testing.T) {
	e := newTestEngine(t)
	connect(t, e, "root", "localhost").must("create database d; use d; create table t (id int primary key, v int); " +
		"insert into t values (1, 10), (2, 20), (3, 30); create table ai (id int auto_increment primary key, v int)")
	for _, v := range sysvar.All(nil) {
		p, shown := effectProbes[v.Name]
		switch {
		case v.Why == "":
			t.Errorf("%s does not say what it does", v.Name)
		case (v.Effect == sysvar.Works) != shown:
			t.Errorf("%s says %q, and a test shows that it works: %t", v.Name, v.Why, shown)
		case v.Effect != sysvar.Tells && v.ReadOnly, v.Effect == sysvar.Tells && !v.ReadOnly && !sessionTells[v.Name]:
			t.Errorf("%s can be set and says %q", v.Name, v.Why)
		case shown:
			t.Run(v.Name, func(t *testing.T) { p.run(t, e, v.Name) })
		}
	}
}

// sessionTells are variables that MySQL lets a session set and that are no setting.
var sessionTells = map[string]bool{"pseudo_thread_id": true, "character_set_database": true, "collation_database": true}

func (p *effectProbe) run(t *testing.T, e *Engine, name string) {
	switch {
	case p.test != nil:
		p.test(t)
		return
	case p.other != "":
		dir, test, _ := strings.Cut(p.other, " ")
		if !hasTest(t, dir, test) {
			t.Errorf("there is no %s in %s", test, dir)
		}
		return
	}
	answer := func(set string) string {
		c := connect(t, e, "root", "localhost")
		defer c.s.Close()
		c.must("use d")
		if p.first != "" {
			c.must(p.first)
		}
		if set != "" {
			c.must(set)
		}
		if p.look != nil {
			c.must("select 1 from t where id = 1")
			return fmt.Sprint(p.look(c.s))
		}
		return c.query(p.ask)
	}
	before, after := answer(""), answer("set "+name+" = "+p.set)
	if again := answer(""); again != before {
		t.Errorf("the probe itself gives %q and then %q", before, again)
	}
	if before == after {
		t.Errorf("set to %s or not: %q", p.set, before)
	}
}

// hasTest looks for a test function in a directory of the tree.
func hasTest(t *testing.T, dir, name string) bool {
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+name+"(") {
			return true
		}
	}
	return false
}

// beginsWith is the isolation of the transactions that a session begins.
func beginsWith(s *Session) any {
	_ = s.tx.Begin(context.Background(), transaction.Characteristics{}, false)
	defer func() { _ = s.tx.Rollback(context.Background()) }()
	return s.tx.Shown().Isolation
}

func testInteractiveTimeout(t *testing.T) {
	e := newTestEngine(t)
	connect(t, e, "root", "localhost").must("set global interactive_timeout = 77")
	info := *connect(t, e, "root", "localhost").s.conn
	info.ID, info.Capabilities = 0, info.Capabilities|mysql.ClientInteractive
	s, err := e.Open(context.Background(), &info)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.(*Session).WaitTimeout().Seconds(); got != 77 {
		t.Errorf("%v s", got)
	}
}

func testConnectTimeout(t *testing.T) {
	e := newTestEngine(t)
	before := e.ConnectTimeout()
	connect(t, e, "root", "localhost").must("set global connect_timeout = 77")
	if got := e.ConnectTimeout(); before.Seconds() != 10 || got.Seconds() != 77 {
		t.Errorf("%v, then %v", before, got)
	}
}

func testRollbackOnTimeout(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 2)
	c[0].must("create table t (id int primary key, v int); insert into t values (1, 1); begin; update t set v = 2 where id = 1")
	for set, rows := range map[string]string{"off": "1", "on": "0"} {
		c[1].must("set global innodb_rollback_on_timeout = " + set + "; set innodb_lock_wait_timeout = 1; begin; insert into t values (5, 5)")
		if out := c[1].query("update t set v = 3 where id = 1"); !strings.Contains(out, "ERROR 1205") {
			t.Error(out)
		}
		if got := c[1].value("select count(*) from t where id = 5"); got != rows {
			t.Errorf("%s: %s rows", set, got)
		}
		c[1].must("rollback")
	}
}

// read_only refuses the changes of all who may not administer connections, also at the COMMIT of what they had begun; super_read_only those of all.
func testReadOnly(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "localhost")
	root.must("create database d; use d; create table t (id int primary key, v int); create user u; grant all on d.* to u")
	u := connect(t, e, "u", "%")
	u.must("use d; begin; insert into t values (1, 1)")
	root.must("set global read_only = on; insert into d.t values (2, 2)")
	for _, text := range []string{"commit", "insert into t values (3, 3)", "create table other (a int)", "update t set v = 0"} {
		if out := u.query(text); !strings.Contains(out, "ERROR 1290 (HY000): The MySQL server is running with the --read-only option so it cannot execute this statement") {
			t.Errorf("%s: %s", text, out)
		}
	}
	u.must("create temporary table own (a int); insert into own values (1); begin; insert into own values (2); commit")
	if got := u.value("select group_concat(id) from t"); got != "2" {
		t.Error(got)
	}
	for _, text := range []string{"select * from t for update", "select * from t where id = 2 for update", "lock tables t write"} {
		if out := u.query(text); !strings.Contains(out, "ERROR 1290") {
			t.Errorf("%s: %s", text, out)
		}
	}
	u.must("select * from t for share; lock tables t read; unlock tables; select * from own for update")
	for _, text := range []string{"begin", "lock tables d.t read"} { // 1192 for who would wait for himself, in MySQL
		root.must(text)
		if out := root.query("set global super_read_only = on"); !strings.Contains(out, "ERROR 1192") {
			t.Errorf("%s: %s", text, out)
		}
		root.must("rollback; unlock tables")
	}
	root.must("set global super_read_only = on")
	if out := root.query("delete from d.t"); !strings.Contains(out, "--super-read-only") {
		t.Error(out)
	}
	root.must("set global read_only = off")
	if got := root.value("select @@global.super_read_only"); got != "0" {
		t.Error(got)
	}
	u.must("insert into t values (3, 3)")
}

// What other values than MySQL's defaults make of expressions is right, also where it is stored, and with what a shard would
// otherwise compute.
func TestTypingOfASession(t *testing.T) {
	c := connect(t, newTestEngine(t), "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, v int, q decimal(30, 12), m varchar(30))")
	c.must("insert into t values (1, 1, null, null), (2, 2, null, null)")
	c.must("set div_precision_increment = 10, lc_time_names = 'de_DE', default_week_format = 3")
	c.must("update t set q = v / 7, m = monthname('2024-03-01') where id = 1")
	c.must("update t set q = v / 7, m = date_format(date_add('2024-03-01', interval v month), '%M') where id = 2")
	c.must("insert into t values (3, 3, 1 / 7, dayname('2024-03-02'))")
	for ask, want := range map[string]string{
		"select q from t where id = 1":                                      "0.142857142857",
		"select q from t where id = 2":                                      "0.285714285714",
		"select q from t where id = 3":                                      "0.142857142857",
		"select group_concat(m order by id) from t":                         "März,Mai,Samstag",
		"select avg(v) from t":                                              "2.0000000000",
		"select avg(v) / 7 from t":                                          "0.28571428571428571429",
		"select avg(v) over () from t limit 1":                              "2.0000000000",
		"select count(*) from t where monthname('2024-03-01') = m":          "1",
		"select count(*) from t where v / 7 = 0.1428571429 or v / 7 > 0.42": "1",
		"select week('2023-01-01')":                                         "52",
		"select date_format('2024-10-05', '%a %b %d')":                      "Sa Okt 05",
		"select concat(1 / 3)":                                              "0.3333333333",
	} {
		if got := c.value(ask); got != want {
			t.Errorf("%s: %s, want %s", ask, got, want)
		}
	}
	c.must("set div_precision_increment = default, lc_time_names = default, default_week_format = default")
	if got := c.value("select concat(1 / 3, monthname('2024-03-01'), week('2023-01-01'))"); got != "0.3333March1" {
		t.Error(got)
	}
	if out := c.query("set lc_time_names = 'xx_XX'"); !strings.Contains(out, "ERROR 1649") {
		t.Error(out)
	}
}

// The values of AUTO_INCREMENT are members of the session's series, whatever other sessions and explicit values do.
func TestAutoIncrementSeries(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 2)
	c[0].must("create table a (id int auto_increment primary key, v int)")
	c[0].must("set auto_increment_increment = 10, auto_increment_offset = 3")
	c[0].must("insert into a (v) values (1), (2)")
	c[1].must("insert into a (v) values (3)")
	c[0].must("insert into a (v) values (4); insert into a values (100, 5); insert into a (v) values (6)")
	if got := c[0].value("select last_insert_id()"); got != "103" {
		t.Error(got)
	}
	c[0].must("set auto_increment_increment = 5, auto_increment_offset = 9; insert into a (v) select 7 from a where id < 14")
	rows := c[0].must("select id, v from a order by id")
	want := "id|v\n3|1\n13|2\n"
	if !strings.HasPrefix(rows, want) || !strings.Contains(rows, "\n103|6\n") || !strings.Contains(rows, "|4\n") {
		t.Error(rows)
	}
	for _, ask := range []string{"select count(*) from a where v in (1, 2, 4, 6) and id % 10 != 3", "select count(*) from a where v = 7 and id % 5 != 0"} {
		if got := c[0].value(ask); got != "0" {
			t.Errorf("%s: %s\n%s", ask, got, rows)
		}
	}
}
