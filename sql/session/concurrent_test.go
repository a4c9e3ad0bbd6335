package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// An index that is built while rows come, change and go has exactly the entries that the rows ask for.
func TestIndexBuildUnderWrites(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, k int not null, v int)")
	for i := 0; i < 3000; i += 100 {
		rows := make([]string, 100)
		for j := range rows {
			rows[j] = fmt.Sprintf("(%d, %d, 0)", i+j, (i+j)%50)
		}
		c.must("insert into t values " + strings.Join(rows, ","))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		cl := connect(t, e, "root", "localhost")
		cl.must("use d")
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := (i*7 + w*1000) % 3000
				cl.query(fmt.Sprintf("update t set k = k + 1, v = v + 1 where id = %d", id))
				cl.query(fmt.Sprintf("insert into t values (%d, %d, 1)", 10000+w*100000+i, i%50))
				cl.query(fmt.Sprintf("delete from t where id = %d", (id+13)%3000))
			}
		}()
	}
	for range 3 {
		c.must("create index ik on t (k, v)")
		c.must("drop index ik on t")
	}
	c.must("create index ik on t (k, v)")
	close(stop)
	wg.Wait()
	byRow := c.value("select concat(count(*), ' ', sum(k), ' ', sum(v)) from t ignore index (ik)")
	byIndex := c.value("select concat(count(*), ' ', sum(k), ' ', sum(v)) from t force index (ik) where k >= 0")
	if byRow != byIndex {
		t.Errorf("rows say %s, the index %s", byRow, byIndex)
	}
}

// A unique index that the rows do not allow is taken back, and its name is free again.
func TestUniqueIndexRefusedByRows(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, k int); insert into t values (1, 5), (2, 5), (3, null)")
	if out := c.query("create unique index u on t (k)"); !strings.Contains(out, "ERROR 1062 (23000): Duplicate entry '5' for key 't.u'") {
		t.Error(out)
	}
	tb, _ := e.db.Catalog().Table("d", "t")
	if len(tb.Indexes) != 1 {
		t.Errorf("%d indexes are left", len(tb.Indexes))
	}
	c.must("insert into t values (4, 5)")
	c.must("update t set k = id")
	c.must("create unique index u on t (k)")
	if out := c.query("insert into t values (5, 4)"); !strings.Contains(out, "1062") {
		t.Error(out)
	}
	if out := c.query("alter table t modify k int not null, add column w int default 7, add index (w)"); strings.Contains(out, "ERROR") {
		t.Error(out)
	}
	c.must("alter table t modify k int")
	c.must("update t set k = null where id = 4")
	if out := c.query("alter table t modify k int not null"); !strings.Contains(out, "ERROR 1138") {
		t.Error(out)
	}
	if got := c.value("select w from t where id = 4 and k is null"); got != "7" {
		t.Error(got)
	}
}

// What a gateway left when it died does not stand in the way: the index is removed, and the change goes on.
func TestAbandonedChange(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, k int); insert into t values (1, 5)")
	tb, _ := e.db.Catalog().Table("d", "t")
	half := tb.Clone()
	half.Version++
	half.Indexes = append(half.Indexes, schema.Index{
		ID: half.NextIndexID, Name: "ik", Columns: []schema.IndexColumn{{Column: 1}}, State: schema.WriteOnly,
	})
	half.NextIndexID++
	ctx := context.Background()
	if err := e.db.InstallTable(ctx, half); err != nil {
		t.Fatal(err)
	}
	err := e.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		tx.PutTable(half)
		tx.PutRecord("ddl", fmt.Sprint(tb.ID), map[string]string{"owner": "1/12345"})
		tx.PutRecord("tablelock", fmt.Sprint(tb.ID), json.RawMessage(`{"write":true,"holders":[{"engine":"1/12345","session":9}]}`))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.must("insert into t values (2, 6)") // waits until the lock of the dead is removed
	c.must("create index ik on t (k)")
	tb, _ = e.db.Catalog().Table("d", "t")
	if len(tb.Indexes) != 2 || tb.Indexes[1].State != schema.Public || tb.Indexes[1].ID == half.Indexes[1].ID {
		t.Errorf("%+v", tb.Indexes)
	}
	if got := c.value("select count(*) from t force index (ik) where k > 0"); got != "2" {
		t.Error(got)
	}
	if keys := e.db.Catalog().Records("ddl"); len(keys) != 0 {
		t.Errorf("job records are left: %v", keys)
	}
}

func TestKillAndTimeLimit(t *testing.T) {
	e := newTestEngine(t)
	c, k := connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	start := time.Now()
	result := make(chan string)
	go func() { result <- c.query("select count(*) from information_schema.tables where sleep(30) = 1") }()
	for c.s.run.Active() == false {
		time.Sleep(time.Millisecond)
	}
	k.must(fmt.Sprintf("kill query %d", c.s.ConnectionID()))
	if out := <-result; !strings.Contains(out, "ERROR 1317 (70100)") {
		t.Error(out)
	}
	c.must("do 1") // the next statement is not hit
	c.must("set max_execution_time = 50")
	if out := c.query("select count(*) from information_schema.tables where sleep(30) = 1"); !strings.Contains(out, "ERROR 3024") {
		t.Error(out)
	}
	c.must("set max_execution_time = 0")
	if out := c.query("select /*+ MAX_EXECUTION_TIME(50) */ count(*) from information_schema.tables where sleep(30) = 1"); !strings.Contains(out, "ERROR 3024") {
		t.Error(out)
	}
	if time.Since(start) > 20*time.Second {
		t.Error("nothing was cut short")
	}
	if k.must(fmt.Sprintf("kill %d", c.s.ConnectionID())); !c.killed.Load() {
		t.Error("the connection lives")
	}
	if out := k.query("kill 4000000000"); !strings.Contains(out, "ERROR 1094") {
		t.Error(out)
	}
	for _, itself := range []string{"kill query connection_id()", "kill connection_id()"} {
		if out := k.query(itself); !strings.Contains(out, "ERROR 1317") {
			t.Error(itself, out)
		}
	}
	if !k.killed.Load() {
		t.Error("the connection that ended itself lives")
	}
}

// Many sessions make, change and drop tables at once; nothing is left and nothing breaks.
func TestConcurrentDefinitions(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "localhost")
	root.must("create database d; use d; create table shared (id int primary key auto_increment, a int)")
	var wg sync.WaitGroup
	for w := range 4 {
		c := connect(t, e, "root", "localhost")
		c.must("use d")
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 5 {
				name := fmt.Sprintf("t%d", i%3)
				for _, text := range []string{
					"create table if not exists " + name + " (id int primary key)",
					"insert into " + name + fmt.Sprintf(" values (%d)", w*100+i),
					"alter table " + name + fmt.Sprintf(" add column c%d_%d int", w, i),
					"insert into shared (a) values (1)",
					fmt.Sprintf("alter table shared add column s%d_%d int default 5", w, i),
					"select count(*) from shared",
					"drop table if exists " + name,
				} {
					out := c.query(text)
					if strings.Contains(out, "ERROR ") && !strings.Contains(out, "1146") && !strings.Contains(out, "1050") &&
						!strings.Contains(out, "1136") && !strings.Contains(out, "1051") {
						t.Errorf("%s: %s", text, out)
					}
				}
			}
		}()
	}
	wg.Wait()
	if got := root.value("select count(*) from shared where s3_4 = 5 and s0_0 = 5"); got != "20" {
		t.Errorf("%s rows", got)
	}
	if got := root.value("select count(*) from information_schema.columns where table_schema = 'd'"); got != "22" {
		t.Errorf("%s columns", got)
	}
}

// A transaction that loses a deadlock is over for the session, which then goes on.
func TestDeadlockLeavesTransaction(t *testing.T) {
	e := newTestEngine(t)
	a, b := connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	a.must("create database d; use d; create table t (id int primary key, v int); insert into t values (1, 0), (2, 0)")
	b.must("use d")
	a.must("begin; update t set v = 1 where id = 1")
	b.must("begin; update t set v = 2 where id = 2")
	done := make(chan string)
	go func() { done <- a.query("update t set v = 1 where id = 2") }()
	out := b.query("update t set v = 2 where id = 1")
	out2 := ""
	loser := b
	if !strings.Contains(out, "1213") {
		out2, loser = <-done, a
		if !strings.Contains(out2, "1213") {
			t.Fatalf("nobody lost: %s %s", out, out2)
		}
	}
	if flags, _ := loser.s.Status(); flags&1 != 0 {
		t.Error("the loser is still in its transaction")
	}
	if loser == b {
		<-done
	}
	a.query("rollback")
	b.query("rollback")
	a.must("update t set v = 9 where id = 1")
}

// An index build waits for the transactions that hold rows of the table, as long as lock_wait_timeout says, and for no
// others; a transaction that began before the build commits into the index.
func TestIndexBuildAndOpenTransactions(t *testing.T) {
	t.Parallel() // it waits more than it computes
	e := newTestEngine(t)
	a, b := connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	a.must("create database d; use d; create table t (id int primary key, v int); create table other (id int primary key)")
	a.must("insert into t values (1, 0), (2, 0)")
	b.must("use d; set lock_wait_timeout = 1")
	a.must("begin; insert into other values (1)")
	b.must("create index iv on t (v)")
	a.must("insert into t values (3, 1); commit")
	if got := b.value("select count(*) from t force index (iv) where v = 1"); got != "1" {
		t.Errorf("%s rows in the index", got)
	}
	a.must("begin; select v from t where id = 1")
	if out := b.query("drop index iv on t"); !strings.Contains(out, "ERROR 1205") { // a reader is waited for as well
		t.Error(out)
	}
	a.must("commit")
	b.must("drop index iv on t")
	a.must("begin; select count(*) from t where v = 1; update t set v = 1 where id = 1")
	if out := b.query("create index iv on t (v)"); !strings.Contains(out, "ERROR 1205") {
		t.Error(out)
	}
	a.must("commit")
	b.must("create unique index uv on t (id, v); create index iv on t (v)")
	a.must("begin; update t set v = 3 where id = 1")
	if out := b.query("alter table t add unique (v)"); !strings.Contains(out, "ERROR 1205") {
		t.Error(out)
	}
	a.must("rollback")
	if got := b.value("select group_concat(id order by id) from t force index (iv) where v >= 1"); got != "1,3" {
		t.Errorf("rows %s in the index", got)
	}
}
