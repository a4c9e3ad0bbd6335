package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
)

// TestSplitTables runs the same random statements on tables of one tablet and on tables that are cut, merged and cut again meanwhile, as some are by
// partitions, too: all answers and all rows are the same, by each index.
func TestSplitTables(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			e := newTestEngine(t)
			s := &splitTest{t: t, rng: rand.New(rand.NewPCG(seed, 10)), one: connect(t, e, "root", "localhost"), many: connect(t, e, "root", "localhost")}
			s.one.must("create database one; use one")
			s.many.must("create database many; use many")
			refers := s.pick("on update cascade on delete cascade", "on update cascade on delete set null", "on update set null", "on delete cascade")
			for _, text := range []string{
				"create table p (id int primary key, k int, s varchar(20), g int as (k * 2) stored, key (k), key sk (s, k desc), check (k < 900))",
				"create table c (a int, b int, p int, n int not null default 0, primary key (a, b desc), key (p), foreign key (p) references p (id) " + refers + ")",
				"create table d (p int, m int, primary key (p, m), foreign key (p) references p (id) on update cascade on delete cascade)",
			} {
				s.one.must(text)
				s.many.must(text)
			}
			for text, parts := range s.parted() {
				s.one.must(text)
				s.many.must(text + parts)
			}
			for range 40 {
				s.both(s.insertion("p"))
			}
			for n := range 150 {
				if n%15 == 0 {
					s.recut()
				}
				s.step()
				s.compare()
				if t.Failed() {
					return
				}
			}
			if n := strings.Count(strings.Join(s.log, "\n"), " -- ok 0"); n < 3 {
				t.Errorf("only %d tables were cut or merged", n)
			}
		})
	}
}

// splitTest is a test's two databases, each with a client.
type splitTest struct {
	t         *testing.T
	rng       *rand.Rand
	one, many *client
	log       []string
}

// parted are tables with how they are partitioned in one of the databases, if they are.
func (s *splitTest) parted() map[string]string {
	return map[string]string{
		"create table h (x int, y varchar(20), key (x))":               s.pick("", " partition by hash (x) partitions 3", " partition by key (y) partitions 1"),
		"create table w (w varchar(20) primary key, n int, key (n))":   s.pick("", " partition by key (w) partitions 2", " partition by range columns (w) (partition a values less than ('d'), partition z values less than (maxvalue))"),
		"create table i (id bigint auto_increment primary key, n int)": s.pick("", " partition by hash (id) partitions 2"),
		"create table q (a int, b int, s varchar(20), n int not null default 0, primary key (a, b), key (s), key bn (b, n))": s.pick(
			" partition by hash (b) partitions 3", " partition by linear key (a, b) partitions 3", " partition by hash (a + b) partitions 2",
			" partition by range (a) (partition p0 values less than (40), partition p1 values less than (80), partition p2 values less than maxvalue)",
			" partition by range columns (b, a) (partition p0 values less than (1, 50), partition p1 values less than (3, maxvalue), partition p2 values less than (maxvalue, maxvalue))",
			" partition by list (b mod 3) (partition p0 values in (0), partition p1 values in (1, -1), partition p2 values in (2, -2))",
			" partition by range (a) subpartition by hash (b) subpartitions 2 (partition p0 values less than (60), partition p1 values less than maxvalue)",
		),
	}
}

func (s *splitTest) pick(list ...string) string { return list[s.rng.IntN(len(list))] }
func (s *splitTest) id() int                    { return 1 + s.rng.IntN(120) }
func (s *splitTest) word() string {
	return s.pick("a", "B", "ab", "aB", "c", "zz", "m") + s.pick("", "x", "Y", "é", fmt.Sprint(s.rng.IntN(9)))
}

// both runs a statement in both databases. Of errors the numbers are compared, for their texts name rows and databases.
func (s *splitTest) both(text string) {
	s.t.Helper()
	s.log = append(s.log, text)
	want, got := s.one.query(text), s.many.query(text)
	if strings.HasPrefix(want, "ERROR") && len(want) > 10 && len(got) > 10 {
		want, got = want[:10], got[:10]
	}
	if want != got {
		s.t.Errorf("%s\none tablet: %s\nseveral: %s\nafter\n%s", text, want, got, strings.Join(s.log, "\n"))
	}
}

// recut cuts, or merges, some tablets.
func (s *splitTest) recut() {
	table := s.pick("p", "p", "c", "d", "h", "w", "i", "q", "q", "q")
	at := fmt.Sprintf("(%d)", s.id())
	switch table {
	case "c", "q":
		at = s.pick(at, fmt.Sprintf("(%d, %d)", s.id(), s.rng.IntN(4)))
	case "w":
		at = "('" + s.word() + "')"
	}
	split := "split "
	if s.many.value("select count(partition_name) from information_schema.cluster_tablets where table_schema = 'many' and table_name = '"+table+"'") != "0" {
		from := " from information_schema.cluster_tablets where table_schema = 'many' and table_name = '" + table + "'"
		n, _ := strconv.Atoi(s.many.value("select count(*)" + from))
		split += "tablet " + s.many.value(fmt.Sprintf("select tablet_id%s order by tablet_ordinal limit 1 offset %d", from, s.rng.IntN(n))) + " "
	}
	text := s.pick(split+"at "+at, split+"at "+at, split+"into 3 tablets", split+"at "+at+" spread", "merge tablets all")
	if table == "q" {
		text = s.pick(text, text, text, "rebuild partition all", "add index more (n)", "drop index more")
	}
	out := s.many.query("alter table " + table + " " + text)
	s.log = append(s.log, "alter table "+table+" "+text+" -- "+out)
	if strings.HasPrefix(out, "ERROR") && !slices.Contains([]string{"1525", "1296", "1061", "1091"}, out[6:10]) {
		s.t.Errorf("%s %s: %s", table, text, out)
	}
}

// step runs a statement, or a transaction of some.
func (s *splitTest) step() {
	if s.rng.IntN(5) > 0 {
		s.both(s.statement())
		return
	}
	s.both("begin")
	for range 1 + s.rng.IntN(4) {
		s.both(s.statement())
		if s.rng.IntN(4) == 0 {
			s.both(s.pick("savepoint a", "rollback to a", s.query()))
		}
	}
	s.both(s.pick("commit", "commit", "rollback"))
}

func (s *splitTest) statement() string {
	if s.rng.IntN(3) == 0 {
		return s.query()
	}
	table := s.pick("p", "p", "c", "c", "d", "h", "w", "i", "q", "q", "q")
	switch s.rng.IntN(6) {
	case 0, 1:
		return s.insertion(table)
	case 2:
		return "delete from " + table + " where " + s.condition(table)
	}
	return s.update(table)
}

func (s *splitTest) insertion(table string) string {
	verb, end := s.pick("insert", "insert", "insert ignore", "replace"), ""
	var row func() string
	switch table {
	case "p":
		row = func() string { return fmt.Sprintf("(%d, %d, '%s')", s.id(), s.rng.IntN(30), s.word()) }
		end = s.pick("", "", " on duplicate key update k = k + 1", " on duplicate key update id = p.id + 60, s = 'moved'")
		table = "p (id, k, s)"
	case "c":
		row = func() string {
			return fmt.Sprintf("(%d, %d, %s, %d)", s.id(), s.rng.IntN(4), s.pick("null", fmt.Sprint(s.id())), s.rng.IntN(5))
		}
		end = s.pick("", "", " on duplicate key update n = c.n + values(n)", " on duplicate key update a = c.a + 31, b = 9")
	case "d":
		row = func() string { return fmt.Sprintf("(%d, %d)", s.id(), s.rng.IntN(4)) }
	case "h":
		verb, row = "insert", func() string { return fmt.Sprintf("(%d, '%s')", s.rng.IntN(20), s.word()) }
	case "w":
		row = func() string { return fmt.Sprintf("('%s', %d)", s.word(), s.rng.IntN(9)) }
	case "q":
		row = func() string {
			return fmt.Sprintf("(%d, %d, '%s', %d)", s.id(), s.rng.IntN(5), s.word(), s.rng.IntN(9))
		}
		end = s.pick("", "", " on duplicate key update n = q.n + values(n)", " on duplicate key update a = q.a + 31, b = q.b + 1", " on duplicate key update b = 7, s = values(s)")
	case "i":
		verb, row = "insert", func() string { return fmt.Sprintf("(null, %d)", s.rng.IntN(9)) }
	}
	if verb == "replace" || verb == "insert ignore" {
		end = ""
	}
	rows := []string{row()}
	for range s.rng.IntN(4) {
		rows = append(rows, row())
	}
	return verb + " into " + table + " values " + strings.Join(rows, ", ") + end
}

// condition is one about a table's rows.
func (s *splitTest) condition(table string) string {
	a := s.id()
	key := map[string]string{"p": "id", "c": "a", "d": "p", "h": "x", "i": "id", "q": "a"}[table]
	if table == "w" {
		return s.pick(fmt.Sprintf("w = '%s'", s.word()), fmt.Sprintf("w between '%s' and 'm'", s.word()), fmt.Sprintf("n = %d", s.rng.IntN(9)))
	}
	list := []string{
		fmt.Sprintf("%s = %d", key, a), fmt.Sprintf("%s in (%d, %d, %d)", key, a, s.id(), s.id()),
		fmt.Sprintf("%s between %d and %d", key, a, a+s.rng.IntN(25)), fmt.Sprintf("%s > %d", key, 100+s.rng.IntN(40)),
	}
	switch table {
	case "p":
		list = append(list, fmt.Sprintf("k = %d", s.rng.IntN(30)), fmt.Sprintf("s like '%s%%'", s.pick("a", "b", "z")), fmt.Sprintf("g = %d", 2*s.rng.IntN(30)))
	case "q":
		list = append(list, fmt.Sprintf("b = %d", s.rng.IntN(5)), fmt.Sprintf("a = %d and b = %d", a, s.rng.IntN(5)), fmt.Sprintf("a > %d and b in (1, 3)", a), fmt.Sprintf("s = '%s'", s.word()),
			fmt.Sprintf("(a, b) in ((%d, 1), (%d, 2), (%d, %d))", s.id(), a, a, s.rng.IntN(5)))
	case "c":
		list = append(list, fmt.Sprintf("p = %d", a), fmt.Sprintf("a = %d and b = %d", a, s.rng.IntN(4)), "p is null and n < 3")
	}
	return s.pick(list...)
}

// update changes rows, in the order of their keys where it changes those.
func (s *splitTest) update(table string) string {
	verb := s.pick("update ", "update ", "update ignore ")
	by := 1 + s.rng.IntN(40)
	where := " where " + s.condition(table)
	switch table {
	case "p":
		return s.pick(
			verb+"p set k = k + 1"+where, verb+"p set s = concat(s, 'q'), k = 3"+where+" order by id limit 5",
			fmt.Sprintf("%sp set id = id + %d%s order by id desc", verb, by, where), fmt.Sprintf("%sp set id = id - %d%s order by id", verb, by, where),
			fmt.Sprintf("%sp set id = %d where id = %d", verb, s.id(), s.id()), fmt.Sprintf("update p set k = %d%s", 890+s.rng.IntN(20), where),
			fmt.Sprintf("update p join c on c.p = p.id set c.n = c.n + 1, p.k = 5 where p.id < %d", by),
			fmt.Sprintf("update p join c on c.a = p.id set p.id = p.id + 200 where p.id = %d", s.id()),
		)
	case "c":
		return s.pick(
			verb+"c set n = n + 1"+where, fmt.Sprintf("%sc set a = a + %d%s order by a desc, b", verb, by, where),
			fmt.Sprintf("%sc set b = b + 1, a = 60%s order by a, b", verb, where), fmt.Sprintf("%sc set p = %d%s order by a, b", verb, s.id(), where),
			fmt.Sprintf("update c set a = %d, p = null where a = %d order by b limit 1", s.id(), s.id()),
		)
	case "d":
		return s.pick(fmt.Sprintf("%sd set p = %d%s order by p, m", verb, s.id(), where), fmt.Sprintf("%sd set m = m + 1%s order by p, m desc", verb, where))
	case "q":
		return s.pick(
			verb+"q set n = n + 1, s = concat(s, 'q')"+where, fmt.Sprintf("%sq set a = a + %d%s order by a desc, b", verb, by, where), fmt.Sprintf("%sq set b = b + 1%s order by b desc, a", verb, where),
			fmt.Sprintf("%sq set a = %d, b = %d where a = %d order by b limit 1", verb, s.id(), s.rng.IntN(5), s.id()),
			fmt.Sprintf("update q join p on p.id = q.a set q.n = q.n + p.k, q.b = q.b + 1 where p.id = %d and q.b = %d", s.id(), s.rng.IntN(5)),
			fmt.Sprintf("delete q from q join c on c.a = q.a and c.b = q.b where q.n < %d", by),
		)
	case "h":
		return s.pick("update h set y = concat(y, 'q')"+where, "update h set x = x + 1"+where)
	case "w":
		return s.pick(verb+"w set n = n + 1"+where, verb+"w set w = concat('"+s.pick("a", "m", "z")+"', w)"+where+" order by w desc")
	}
	return "update i set n = n + 1" + where
}

// query asks for rows in a certain order.
func (s *splitTest) query() string {
	lock := s.pick("", "", " for update", " for share")
	desc := s.pick("", " desc")
	return s.pick(
		fmt.Sprintf("select * from p where %s order by id%s limit %d%s", s.condition("p"), desc, 1+s.rng.IntN(9), lock),
		"select * from p where "+s.condition("p")+" order by k, id"+lock,
		"select id, s from p order by s"+desc+", k, id limit 7"+lock,
		"select count(*), sum(k), min(id), max(id), group_concat(id order by id) from p where "+s.condition("p"),
		"select k, count(*), max(upper(s)) from p group by k order by k"+desc,
		"select distinct upper(s) u from p order by u limit 5",
		fmt.Sprintf("select a, b from c where %s order by a%s, b limit 6%s", s.condition("c"), desc, lock),
		"select a, b, n from c order by a desc, b limit 5",
		"select p.id, c.a, c.b from p join c on c.p = p.id order by p.id, c.a, c.b",
		"select p.id, c.a, c.b from p left join c on c.a = p.id and c.b = 1 where "+s.condition("p")+" order by p.id, c.a, c.b",
		"select id from p where id not in (select p from c where p is not null) order by id limit 8",
		"select p.id, d.m from p join d on d.p = p.id where "+s.condition("p")+" order by p.id, d.m",
		"select x, count(*) from h where "+s.condition("h")+" group by x order by x",
		"select * from w where "+s.condition("w")+" order by w"+desc,
		"select max(id), count(*) from i where "+s.condition("i"),
		"select w from w order by w limit 3",
		fmt.Sprintf("select * from q where %s order by a%s, b%s limit %d%s", s.condition("q"), desc, desc, 1+s.rng.IntN(20), lock),
		"select a, b, n from q where "+s.condition("q")+" order by b"+desc+", n"+desc+", a, s limit 9"+lock,
		"select b, count(*), sum(n), min(a) from q where "+s.condition("q")+" group by b order by b", "select a, max(b), count(distinct s) from q group by a order by a"+desc+" limit 9",
		"select q.a, q.b, p.k from q join p on p.id = q.a where "+s.condition("q")+" order by q.a, q.b", "select c.a, c.b, q.n from c left join q on q.a = c.a and q.b = c.b order by c.a, c.b",
		"select distinct upper(s) u from q where "+s.condition("q")+" order by u", "select max(a), min(b), count(*) from q",
	)
}

// compare compares all rows, by all indexes.
func (s *splitTest) compare() {
	s.t.Helper()
	for _, text := range []string{
		"select * from p order by id", "select id, k from p force index (k) where k is null or k >= 0 order by id",
		"select id, s from p force index (sk) where s >= '' order by id", "select * from c order by a, b",
		"select a, b, p from c force index (p) where p is null or p > 0 order by a, b", "select * from d order by p, m", "select * from h order by x, y",
		"select x, y from h force index (x) where x >= 0 order by x, y", "select * from w order by w", "select w, n from w force index (n) where n >= 0 order by w",
		"select * from i order by id", "select count(*) from p", "select * from q order by a, b", "select a, s from q force index (s) where s >= '' order by s, a, b",
		"select a, b, n from q force index (bn) where b >= 0 order by b, n, a",
	} {
		s.both(text)
	}
	s.log = s.log[:len(s.log)-15]
	if out := s.many.query("check table q"); !strings.Contains(out, "OK") {
		s.t.Errorf("check table q: %s\nafter\n%s", out, strings.Join(s.log, "\n"))
	}
}

// A partition that is dropped, emptied, or exchanged while a tablet of it is being cut goes when that is done; nothing of it stays.
func TestPartitionGoesWhileItIsCut(t *testing.T) {
	t.Parallel()                                                       // it waits more than it computes
	e := newTestEngine(t, func(c *Config) { c.History = time.Second }) // a cut is over when the tablet before has no readers left
	c := []*client{connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")}
	c[0].must("create database d")
	for _, one := range c {
		one.must("use d")
	}
	c[0].must("create table other (id int primary key, n int)")
	c[0].must("insert into other values (3, 3), (7, 7)")
	for _, how := range []string{"drop partition p0", "truncate partition p0", "exchange partition p0 with table other", "reorganize partition p0 into (partition a values less than (20))"} {
		c[0].must("drop table if exists t")
		c[0].must("create table t (id int primary key, n int) partition by range (id) (partition p0 values less than (20), partition p1 values less than maxvalue)")
		c[0].must("insert into t values (1, 1), (5, 5), (11, 11), (30, 30)")
		tablet := c[0].value("select tablet_id from information_schema.cluster_tablets where table_schema = 'd' and partition_name = 'p0'")
		c[0].must("begin")
		c[0].must("update t set n = 2 where id = 1")
		other := c[0].value("select tablet_id from information_schema.cluster_tablets where table_schema = 'd' and partition_name = 'p1'")
		if out := c[1].query("alter table t merge tablets " + tablet + ", " + other); !strings.Contains(out, "1525") {
			t.Errorf("tablets of two partitions are merged: %s", out)
		}
		cut := c[1].ask("alter table t split tablet " + tablet + " at (5), (10)")
		eventually(t, "a move", func() bool { return len(catalog.Moves(e.db.Catalog())) == 1 })
		goes := c[2].ask("alter table t " + how)
		time.Sleep(50 * time.Millisecond)
		c[0].must("commit")
		if out := <-cut; strings.Contains(out, "ERROR") {
			t.Errorf("%s: the cut: %s", how, out)
		}
		if out := <-goes; strings.Contains(out, "ERROR") {
			t.Errorf("%s: %s", how, out)
		}
		want := map[string]string{"drop": "30", "trun": "30", "exch": "3,7,30", "reor": "1,5,11,30"}[how[:4]]
		if got := c[0].value("select group_concat(id order by id) from t"); got != want {
			t.Errorf("%s: %s are left, not %s", how, got, want)
		}
		if n := c[0].value("select count(*) from information_schema.cluster_tablets where table_schema = 'd' and table_name = 't'"); n != map[string]string{"drop": "1", "trun": "2", "exch": "4", "reor": "2"}[how[:4]] {
			t.Errorf("%s: %s tablets", how, n)
		}
		eventually(t, "no move", func() bool { return len(catalog.Moves(e.db.Catalog())) == 0 })
	}
	if got := c[0].value("select group_concat(id order by id) from other"); got != "1,5,11" {
		t.Errorf("the other table has %s", got)
	}
}
