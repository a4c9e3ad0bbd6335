package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestSplitTables runs the same random statements on tables of one tablet and on tables that are cut, merged and cut again meanwhile: all answers and
// all rows are the same, by each index.
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
				"create table h (x int, y varchar(20), key (x))",
				"create table w (w varchar(20) primary key, n int, key (n))",
				"create table i (id bigint auto_increment primary key, n int)",
			} {
				s.one.must(text)
				s.many.must(text)
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
	table := s.pick("p", "p", "c", "d", "h", "w", "i")
	at := fmt.Sprintf("(%d)", s.id())
	switch table {
	case "c":
		at = s.pick(at, fmt.Sprintf("(%d, %d)", s.id(), s.rng.IntN(4)))
	case "w":
		at = "('" + s.word() + "')"
	}
	text := s.pick("split at "+at, "split at "+at, "split into 3 tablets", "split at "+at+" spread", "merge tablets all")
	out := s.many.query("alter table " + table + " " + text)
	s.log = append(s.log, "alter table "+table+" "+text+" -- "+out)
	if strings.HasPrefix(out, "ERROR") && !strings.HasPrefix(out, "ERROR 1525") && !strings.HasPrefix(out, "ERROR 1296") {
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
	table := s.pick("p", "p", "c", "c", "d", "h", "w", "i")
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
	key := map[string]string{"p": "id", "c": "a", "d": "p", "h": "x", "i": "id"}[table]
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
		"select k, count(*), max(s) from p group by k order by k"+desc,
		"select distinct s from p order by s limit 5",
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
		"select * from i order by id", "select count(*) from p",
	} {
		s.both(text)
	}
	s.log = s.log[:len(s.log)-12]
}
