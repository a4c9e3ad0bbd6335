package session

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloudsql/sql/tree"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// limitedEngine is an engine whose sessions may hold little.
func limitedEngine(t *testing.T, process, session, statement int64) *Engine {
	t.Helper()
	return newTestEngine(t, func(c *Config) {
		c.Memory, c.SessionMemory, c.StatementMemory = memory.NewProcess(process), session, statement
		c.Defaults = map[string]string{"max_connections": "77"}
	})
}

func wantError(t *testing.T, c *client, text string, code int) {
	t.Helper()
	if out := c.query(text); !strings.Contains(out, fmt.Sprintf("ERROR %d ", code)) {
		t.Errorf("%.60s: %.200s, want error %d", text, out, code)
	}
}

// User variables count against their session, and what they held is free again.
func TestUserVariablesAreCharged(t *testing.T) {
	e := limitedEngine(t, 0, 1<<20, 0)
	c := connect(t, e, "root", "localhost")
	for round := range 3 {
		for i := range 4 {
			c.must(fmt.Sprintf("set @v%d = repeat('x', 200000)", i))
		}
		wantError(t, c, "set @v5 = repeat('x', 300000)", mysqlerr.CapacityExceeded)
		wantError(t, c, "select @v6 := repeat('x', 300000)", mysqlerr.CapacityExceeded)
		wantError(t, c, "select repeat('x', 300000) into @v7", mysqlerr.CapacityExceeded)
		if got := c.value("select concat(length(@v3), ifnull(@v5, '-'), ifnull(@v6, '-'), ifnull(@v7, '-'))"); got != "200000---" {
			t.Errorf("round %d: %s", round, got)
		}
		if round == 1 {
			if err := c.s.Reset(context.Background()); err != nil {
				t.Fatal(err)
			}
		} else {
			for i := range 4 {
				c.must(fmt.Sprintf("set @v%d = null", i))
			}
		}
		if n := e.cfg.Memory.Totals().Kinds["variables"]; n > 8<<10 {
			t.Errorf("round %d: %d bytes of variables are left", round, n)
		}
	}
}

// Prepared statements count: by their number in all sessions, and by their memory in their own.
func TestPreparedStatementsAreCharged(t *testing.T) {
	e := limitedEngine(t, 0, 1<<20, 0)
	c, other := connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	c.must("set global max_prepared_stmt_count = 3")
	c.must("prepare a from 'select 1'")
	other.must("prepare a from 'select 1'")
	st, err := c.s.Prepare(context.Background(), "select ?")
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, other, "prepare b from 'select 2'", 1461)
	wantError(t, c, "prepare a from 'select from'", 1064) // the old one is gone
	c.must("prepare a from 'select 2'")
	st.Close()
	st.Close()
	other.must("prepare b from 'select 2'")
	wantError(t, other, "prepare c from 'select 2'", 1461)
	other.s.Close()
	c.must("prepare b from 'select 2'")
	c.must("deallocate prepare b")
	c.must("set global max_prepared_stmt_count = default")
	if n := e.prepared.Load(); n != 1 {
		t.Errorf("%d statements are counted, 1 is open", n)
	}
	long := "select 1" + strings.Repeat(" + 1", 200)
	var last string
	for i := range 100 {
		if last = c.query(fmt.Sprintf("prepare p%d from '%s'", i, long)); strings.Contains(last, "ERROR") {
			break
		}
	}
	if !strings.Contains(last, "ERROR 3170") {
		t.Error("the session keeps statements without end:", last)
	}
	if err := c.s.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n, k := e.prepared.Load(), e.cfg.Memory.Totals().Kinds["prepared"]; n != 0 || k != 0 {
		t.Errorf("%d statements, %d bytes are left", n, k)
	}
}

// A text is charged before it is parsed: a list of many constants ends with an error, not with the memory.
func TestLongStatementsAreCharged(t *testing.T) {
	e := limitedEngine(t, 0, 0, 8<<20)
	c := connect(t, e, "root", "localhost")
	list := func(n int) string { return "select 1 in (0" + strings.Repeat(",1", n) + ")" }
	c.must(list(10000))
	wantError(t, c, list(100000), 1038)
	wantError(t, c, "prepare a from '"+list(100000)+"'", 1038)
	c.must("select length('" + strings.Repeat("x,", 1<<20) + "')")
	if n := e.cfg.Memory.Totals().Kinds["tree"]; n != 0 {
		t.Errorf("%d bytes of trees are left", n)
	}
}

// The estimate covers what trees take, and is at most a fixed multiple of the text.
func TestTreeBytes(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("1+", 100), strings.Repeat("('a',\"b\"),", 100), strings.Repeat("((", 50), "'unclosed"} {
		if n := tree.Bytes(text); n < len(text) || n > 500*len(text) {
			t.Errorf("%.20s: %d bytes of %d", text, n, len(text))
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	e := limitedEngine(t, 0, 0, 0)
	c := connect(t, e, "root", "localhost")
	if got := c.value("select @@max_connections"); got != "77" || e.MaxConnections() != 77 {
		t.Errorf("max_connections %s, %d", got, e.MaxConnections())
	}
	c.must("set global max_connections = 5")
	c.must("set global max_allowed_packet = 2048000")
	c.must("set global max_user_connections = 2")
	if e.MaxConnections() != 5 {
		t.Errorf("max_connections %d", e.MaxConnections())
	}
	c.must("create user u")
	u := connect(t, e, "u", "10.0.0.1")
	if l := u.s.Limits(); l.Administrator || l.MaxAllowedPacket != 2048000 {
		t.Errorf("limits %+v", l)
	}
	if !c.s.Limits().Administrator {
		t.Error("root is no administrator")
	}
	v := connect(t, e, "u", "10.0.0.1")
	info := *v.s.conn
	info.ID = 0
	if _, err := e.Open(context.Background(), &info); mysqlerr.Code(err) != 1203 {
		t.Errorf("a third connection: %v", err)
	}
	v.s.Close()
	connect(t, e, "u", "10.0.0.1")
	connect(t, e, "root", "localhost")
	connect(t, e, "root", "localhost")
}

// An idle session holds no values of statements before.
func TestIdleSessionsAreSmall(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("select repeat('x', 1000000)")
	st, err := c.s.Prepare(context.Background(), "select length(?)")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.s.Execute(context.Background(), st, []types.Value{types.Bytes(make([]byte, 1<<20))}, &discard{}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []types.Batch{c.s.batch, c.s.page.Batch} {
		for _, v := range b.Vals[:cap(b.Vals)] {
			if len(v.Raw()) > 0 {
				t.Errorf("a value of %d bytes is kept", len(v.Raw()))
			}
		}
	}
	if c.s.env.Params != nil || c.s.statementMemory.Used() != 0 {
		t.Error("the statement's parameters or memory are kept")
	}
}

// CLUSTER_MEMORY shows who holds what, to administrators.
func TestMemoryView(t *testing.T) {
	e := limitedEngine(t, 64<<20, 8<<20, 4<<20)
	c := connect(t, e, "root", "localhost")
	c.must("set @v = repeat('x', 300000)")
	c.must("prepare p from 'select 1'")
	const from = " from information_schema.cluster_memory where session_id = connection_id() and "
	for name, query := range map[string]string{
		"session":  "select bytes > 300000 and peak_bytes >= bytes and limit_bytes = 8388608" + from + "level = 'session' and name = 'session'",
		"variable": "select bytes > 300000" + from + "name = 'for variables'",
		"prepared": "select bytes > 1000" + from + "name = 'for prepared'",
		"limit":    "select limit_bytes = 4194304" + from + "level = 'statement' and name = 'statement'",
		"process":  "select bytes > 300000 and limit_bytes = 67108864 from information_schema.cluster_memory where level = 'process' and name = 'process'",
		"store":    "select count(*) = 1 from information_schema.cluster_memory where level = 'store' and name = 'plan cache'",
	} {
		if got := c.value(query); got != "1" {
			t.Errorf("%s: %s", name, got)
		}
	}
	c.must("create user u")
	if got := connect(t, e, "u", "10.0.0.1").value("select count(*) from information_schema.cluster_memory"); got != "0" {
		t.Errorf("others see %s lines", got)
	}
}

// A statement that is shed gets the error of the process, and its session goes on.
func TestTheLargestStatementIsShed(t *testing.T) {
	e := limitedEngine(t, 0, 0, 0)
	c := connect(t, e, "root", "localhost")
	c.must("create database d")
	c.must("create table d.t (id int primary key, s varchar(2000))")
	c.must("insert into d.t values (1, repeat('x', 900)), (2, repeat('y', 900))")
	for i := range 10 {
		c.must(fmt.Sprintf("insert into d.t select id + %d, s from d.t", 2<<i))
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before := e.cfg.Memory.Used()
	go func() { // once it has its rows in memory: a process that is too large before has them sorted on disk
		for ctx.Err() == nil && e.cfg.Memory.Used() < before+3<<19 {
			time.Sleep(time.Millisecond)
		}
		e.cfg.Memory.Watch(ctx, func() int64 { return 2 }, 1) // as if the process were too large
	}()
	wantError(t, c, "select s, id, sleep(if(id = 2000, 100, 0)) z from d.t order by s desc, z", 1041)
	cancel()
	if got := c.value("select count(*) from d.t"); got != "2048" {
		t.Errorf("%s rows", got)
	}
	if n := e.cfg.Memory.Totals().Sheds; n != 1 {
		t.Errorf("%d statements were shed", n)
	}
}
