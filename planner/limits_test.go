package planner

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"cloudsql/distributed"
	"cloudsql/planner/exec"
	"cloudsql/planner/spill"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// bigTable has 2000 rows in three tablets.
func bigTable(t *testing.T, d *testDB) {
	d.mustExec("create table big (id int primary key, k int not null, s varchar(60), key (k)) comment 'split 700 1400'")
	rng := rand.New(rand.NewSource(1))
	for i := 0; i < 2000; i += 500 {
		var rows []string
		for id := i; id < i+500; id++ {
			rows = append(rows, fmt.Sprintf("(%d, %d, '%050d')", id, rng.Intn(40), rng.Intn(1000)))
		}
		d.mustExec("insert into big values " + strings.Join(rows, ","))
	}
}

// TestSortSpills: above the memory limit a sort goes on in temporary files and gives the same rows.
func TestSortSpills(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	for _, sql := range []string{
		"select s, id from big order by s desc, id",
		"select id from big order by k * 2.5, id desc",
		"select k, id from big order by k, id limit 100000 offset 1990",
		"select id, row_number() over (order by s, id) from big order by id",
	} {
		d.memory = 0
		_, want, err := d.query(sql)
		if err != nil {
			t.Fatal(err)
		}
		served := !strings.Contains(d.showPlan(sql), "Sort") // by an index
		for _, limit := range []int{40 << 10, 200 << 10} {
			d.memory = limit
			d.space = mustSpace(t)
			_, got, err := d.query(sql)
			if err != nil {
				t.Fatalf("%s with %d bytes: %v", sql, limit, err)
			}
			if showRows(got) != showRows(want) {
				t.Errorf("%s with %d bytes differs", sql, limit)
			}
			if s := d.space; (s.Files(memory.Sort) == 0) != served || s.Used() != 0 {
				t.Errorf("%s with %d bytes: %d files for sorts, %d bytes are left", sql, limit, s.Files(memory.Sort), s.Used())
			}
		}
	}
}

func mustSpace(t *testing.T) *spill.Space {
	t.Helper()
	s, err := spill.NewSpace(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDistinctOfOneGroupSpills: the different values of a group that is too large by itself go on in files.
func TestDistinctOfOneGroupSpills(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	for _, sql := range []string{
		"select count(distinct s, id) from big",
		"select k % 2, count(distinct s, id) from big group by k % 2 order by 1",
	} {
		d.memory = 64 << 20
		_, want, err := d.query(sql)
		if err != nil {
			t.Fatal(err)
		}
		d.memory = 100 << 10
		_, got, err := d.query(sql)
		if err != nil || showRows(got) != showRows(want) {
			t.Errorf("%s: %v, %s instead of %s", sql, err, showRows(got), showRows(want))
		}
		if n := d.account.Used(); n != 0 {
			t.Errorf("%s: %d bytes are still accounted for", sql, n)
		}
	}
}

// TestMemoryLimit: what cannot spill ends the statement, and gives back what it held: a group that is too large by itself.
func TestMemoryLimit(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	for _, sql := range []string{
		"select json_arrayagg(concat(s, s, s, s, s, s, s, s, s, s)) from big group by k > 1000",
	} {
		d.memory = 100 << 10
		if _, _, err := d.query(sql); mysqlerr.Code(err) != 1038 {
			t.Errorf("%s: %v", sql, err)
		}
		if n := d.account.Used(); n != 0 {
			t.Errorf("%s: %d bytes are still accounted for", sql, n)
		}
		d.memory = 64 << 20
		if _, _, err := d.query(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestOperatorsSpill: what ended statements with 1038 before goes on in temporary files.
func TestOperatorsSpill(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	for _, c := range []struct {
		sql  string
		kind memory.Kind
	}{
		{"select a.id from big a join big b on a.s = b.s order by a.id limit 5", memory.Join},
		{"select s, count(*) from (select s from big limit 5000) x group by s", memory.Group},
		{"select distinct s, id from (select s, id from big limit 5000) x", memory.Distinct},
		{"select id from big where s in (select s from big where k < 30) or k = 1", memory.Sort},
		{"select id, sum(k) over (order by s, id) from big", memory.Window},
		{"select s, id from big except select s, id + 1000 from big", memory.Distinct},
		{"select count(distinct s, id) from big", memory.Distinct}, // one large group
		{"select k % 2, count(distinct s, id) from big group by k % 2", memory.Distinct},
		{"with recursive c (n, t) as (select 1, cast('' as char(80)) union all select n + 1, repeat('x', 60) from c where n < 900) select * from c", memory.Rows},
	} {
		d.memory, d.space = 0, mustSpace(t)
		_, want, err := d.query(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		d.memory = 128 << 10
		_, got, err := d.query(c.sql)
		sortRows(got)
		sortRows(want)
		if err != nil || showRows(got) != showRows(want) {
			t.Errorf("%s: %v, %d rows instead of %d", c.sql, err, len(got), len(want))
		}
		if d.space.Files(c.kind) == 0 || d.space.Used() != 0 || d.account.Used() != 0 {
			t.Errorf("%s: %d files, %d bytes of them and %d bytes of memory are left", c.sql, d.space.Files(c.kind), d.space.Used(), d.account.Used())
		}
	}
}

// TestCloseEarly: an operator may be closed at any time, also while tablets are read in parallel.
func TestCloseEarly(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	for _, sql := range []string{
		"select * from big", "select * from big order by k", "select a.id from big a join big b on a.k = b.id",
		"select * from big where k in (1, 2, 3)", "select s, count(*) from big group by s",
		"select * from big union all select * from big", "select id from big intersect select k from big",
	} {
		for stop := range 3 {
			p, env, err := d.plan(sql)
			if err != nil {
				t.Fatal(err)
			}
			op, err := p.(Rows).Open(context.Background(), &exec.Runtime{DB: d, Env: env})
			if err != nil {
				t.Fatal(err)
			}
			var b types.Batch
			for range stop {
				if _, err := op.Next(context.Background(), &b); err != nil {
					t.Fatal(err)
				}
			}
			op.Close()
		}
	}
}

// TestCancel: a statement whose context ends stops with the context's cause.
func TestCancel(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	p, env, err := d.plan("select count(*) from big a, big b, big c where a.k + b.k + c.k = 1")
	if err != nil {
		t.Fatal(err)
	}
	killed := mysqlerr.New(1317)
	ctx, cancel := context.WithCancelCause(context.Background())
	op, err := p.(Rows).Open(ctx, &exec.Runtime{DB: d, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	cancel(killed)
	var b types.Batch
	if _, err := op.Next(ctx, &b); mysqlerr.Code(err) != 1317 {
		t.Errorf("%v", err)
	}
}

// TestSnapshots: a plan with one fragment needs no snapshot, one with several reads all of them at one.
func TestSnapshots(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	d.mustExec("create table one (id int primary key, k int)", "insert into one values (1, 1)")
	count := &countingDB{testDB: d}
	for _, c := range []struct {
		sql       string
		snapshots int
	}{
		{"select * from one where k = 1", 0},
		{"select sum(k) from one", 0},
		{"select * from big where id between 10 and 20", 0},
		{"select * from big where id between 10 and 900", 1},
		{"select * from one a join one b on a.id = b.k", 1},
		{"select * from one where k = (select max(k) from one)", 1},
		{"select * from one union all select * from one", 1},
	} {
		count.snapshots = 0
		p, env, err := d.plan(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		op, err := p.(Rows).Open(context.Background(), &exec.Runtime{DB: count, Env: env})
		if err != nil {
			t.Fatal(err)
		}
		if err := spill.NewRowBuffer(mustRun(t, count).Room(), memory.Rows).Fill(context.Background(), op); err != nil {
			t.Fatal(err)
		}
		if count.snapshots != c.snapshots {
			t.Errorf("%s took %d snapshots", c.sql, count.snapshots)
		}
	}
}

// TestLocking: FOR UPDATE and FOR SHARE read with locks inside a transaction, of the tables that OF names only.
func TestLocking(t *testing.T) {
	d := newTestDB(t)
	d.mustExec("create table a (id int primary key, k int)", "create table b (id int primary key, aid int, key (aid))",
		"insert into a values (1, 1), (2, 2)", "insert into b values (1, 1), (2, 2)")
	for _, c := range []struct {
		sql  string
		want string
	}{
		{"select * from a where k > 0", "[0]"},
		{"select * from a where k > 0 for update", "[2]"},
		{"select * from a where id = 1 and k = 1 for share", "[1]"},
		{"select * from a join b on a.id = b.aid where a.k < 9 for update", "[2 2]"},
		{"select * from a x join b on x.id = b.aid where x.k < 9 for update of x", "[2 0]"},
		{"select * from a where k in (select aid from b) for update", "[2 0]"},
	} {
		p, env, err := d.plan(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		x := &testTxn{d: d}
		rt := &exec.Runtime{DB: d, Txn: x, Env: env, Catalog: d.cat}
		op, err := p.(Rows).Open(context.Background(), rt)
		if err != nil {
			t.Fatal(err)
		}
		if err := spill.NewRowBuffer(mustRun(t, d).Room(), memory.Rows).Fill(context.Background(), op); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(x.modes); got != c.want {
			t.Errorf("%s: modes %s, want %s", c.sql, got, c.want)
		}
	}
	if _, _, err := d.plan("select * from a for update of nope"); mysqlerr.Code(err) != 3568 {
		t.Errorf("%v", err)
	}
}

func mustRun(t *testing.T, d distributed.DB) *exec.Run {
	t.Helper()
	r, err := exec.NewRun(context.Background(), &exec.Runtime{DB: d, Env: (&testDB{session: &testSession{}}).env()}, 0, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWarningsOfTablets: what shards warn of while they are read in parallel is reported by the statement's goroutine.
func TestWarningsOfTablets(t *testing.T) {
	d := newTestDB(t)
	bigTable(t, d)
	p, env, err := d.plan("select count(*) from big where s + 0 >= 0 and concat(s, 'x') + 1 > 0")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	env.Warn = func(code uint16, _ string) { n++ }
	if _, err := d.run(p.(Rows), env); err != nil {
		t.Fatal(err)
	}
	if n != 2000 {
		t.Errorf("%d warnings", n)
	}
}
