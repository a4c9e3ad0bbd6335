package session

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what the process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const benchColumns = "(id int auto_increment primary key, a int not null, b varchar(40), c datetime, d decimal(10,2), e text, key (a), key (b, c))"

// fill makes the tables of a database as many as n: many clients make some each.
func (c *client) fill(b *testing.B, n int) {
	var wg sync.WaitGroup
	const clients = 32
	for g := range clients {
		wg.Go(func() {
			one := connect(b, c.s.eng, "root", "localhost")
			one.must("use d")
			for i := g; i < n; i += clients {
				if out := one.query(fmt.Sprintf("create table if not exists t%d %s", i, benchColumns)); out == "" {
					b.Error("no answer")
				}
			}
		})
	}
	wg.Wait()
}

func benchHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// benchDefinitions are statements that make a table, change it and drop it; %d is its number.
var benchDefinitions = []struct{ name, text string }{
	{"create", "create table x%d " + benchColumns},
	{"alter", "alter table x%d add column more int"},
	{"index", "alter table x%d add key (d)"},
	{"rename", "rename table x%[1]d to y%[1]d"},
	{"drop", "drop table y%d"},
	{"ruled", "create table x%d (id int primary key, a int, check (a > 1), foreign key (a) references t1 (id))"},
	{"unruled", "drop table x%d"},
}

// BenchmarkTables is what statements about tables cost on a node of one, by how many tables there are already: time of processors
// (what runs beside them counts), and the memory that a table takes.
func BenchmarkTables(b *testing.B) {
	c := connect(b, newTestEngine(b), "root", "localhost")
	c.must("create database d")
	c.must("use d")
	was, held, number := 0, benchHeap(), 0
	for _, n := range []int{100, 1000, 10_000} {
		c.fill(b, n)
		now := benchHeap()
		b.Logf("%d tables: %.1f kB of memory each", n, float64(now-held)/float64(n-was)/1e3)
		was, held = n, now
		b.Run(fmt.Sprint("definitions/", n), func(b *testing.B) {
			spent := make([]time.Duration, len(benchDefinitions))
			for b.Loop() {
				number++
				for i, d := range benchDefinitions {
					before := cpuTime(b)
					c.must(fmt.Sprintf(d.text, number))
					spent[i] += cpuTime(b) - before
				}
			}
			for i, d := range benchDefinitions {
				b.ReportMetric(float64(spent[i].Microseconds())/float64(b.N), d.name+"-cpu-µs")
			}
		})
		for name, text := range map[string]string{
			"show": "show tables", "count": "select count(*) from information_schema.tables where table_schema = 'd'",
			"status": "show table status",
		} {
			b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) {
				for b.Loop() {
					c.must(text)
				}
			})
		}
	}
}
