package planner

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloudsql/planner/exec"
	"cloudsql/planner/spill"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// spilling makes queries whose operators keep rows: those of the generator, and such as have set operations, windows, recursion,
// and aggregates that grow. Results do not depend on the order of rows that have none.
func (g *generator) spilling() (sql string, ordered bool) {
	switch g.rng.Intn(10) {
	case 0:
		op := g.pick("union", "union all", "intersect", "intersect all", "except", "except all")
		cols := g.pick("a, b, s", "id, a", "b, d, n", "s, id")
		return fmt.Sprintf("select %s from %s %s select %s from %s", cols, g.pick("p", "q", "r"), op, cols, g.pick("p", "q", "r")), false
	case 1:
		return fmt.Sprintf("select id, %s over (%s order by %s%s) from %s order by id", g.pick("row_number()", "sum(b)", "lag(s, 3)",
			"lead(id, 40)", "ntile(7)", "first_value(d)", "max(n)", "cume_dist()"), g.pick("", "partition by b", "partition by a"),
			g.pick("", "a, ", "s desc, "), "id", g.pick("p", "r")), true
	case 2:
		from := g.from()
		return fmt.Sprintf("select %s.a, group_concat(distinct x.id order by x.id desc separator '-'), json_length(json_arrayagg(x.s)), "+
			"count(distinct x.id, x.s), min(x.n) from %s group by 1 order by 1", g.alias(), from), true
	case 3:
		return fmt.Sprintf("select a, %s, count(*), sum(id) from %s group by a, %s with rollup", "b", g.pick("p", "q", "r"), "b"), true
	case 4:
		return fmt.Sprintf("with recursive c (n, t) as (select 1, cast('' as char(400)) %s select n %% %d + 1, repeat(concat('row ', n), 40) from c where n < %d) "+
			"select n, t, (select count(*) from c) from c where n %% 3 <> 1 order by n, t", g.pick("union", "union"), 200+g.rng.Intn(100), 500), true
	case 5:
		t := g.pick("p", "q", "r")
		return fmt.Sprintf("select id, s from %s where (%s) %s in (select %s from %s) or b = 1", t, g.pick("a, s", "id, a", "b, s"),
			g.pick("", "not"), g.pick("a, s", "id, a"), g.pick("p", "q", "r")), false
	case 6:
		return fmt.Sprintf("select id from %s where s %s (select concat(s, id %% 50) from %s) or a is null", g.pick("p", "q"),
			g.pick("= any", "<> all", "in", "not in"), g.pick("q", "r")), false
	}
	return g.query()
}

// failingSpace is temporary files that fail from some call on; 0: never.
type failingSpace struct {
	spill.Space
	open, calls, fail int
}

var errDisk = errors.New("the disk is gone")

func (s *failingSpace) call() error {
	s.calls++
	if s.fail > 0 && s.calls >= s.fail {
		return errDisk
	}
	return nil
}

type failingFile struct {
	*os.File
	space *failingSpace
}

func (f *failingFile) Write(b []byte) (int, error) {
	if err := f.space.call(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f *failingFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.space.call(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f *failingFile) Close() error {
	f.space.open--
	return f.File.Close()
}

func newFailingSpace(t *testing.T) *failingSpace {
	s := &failingSpace{}
	dir := t.TempDir()
	s.Open = func() (spill.TempFile, error) {
		if err := s.call(); err != nil {
			return nil, err
		}
		f, err := os.CreateTemp(dir, "x")
		if err != nil {
			return nil, err
		}
		s.open++
		return &failingFile{f, s}, os.Remove(f.Name())
	}
	return s
}

// TestRandomQueriesSpill: with little memory random queries give the same as with all that they want. Nothing is left of their
// temporary files nor of what they were charged with, also when the client goes away in the middle and when the files fail.
func TestRandomQueriesSpill(t *testing.T) {
	seeds := int64(2)
	if n, err := strconv.ParseInt(os.Getenv("PLANNER_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	files := map[memory.Kind]uint64{}
	tried, refused := 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &generator{rng: rand.New(rand.NewSource(seed)), rows: 400}
			d := newTestDB(t)
			d.pageMax = 256
			d.mustExec(g.schema()...)
			space := newFailingSpace(t)
			d.space = &space.Space
			for range 60 {
				sql, ordered := g.spilling()
				if strings.Count(sql, " join ") > 1 {
					continue // hundreds of thousands of rows
				}
				d.memory = 0
				_, want, err := d.query(sql)
				if err != nil {
					continue // 1242, most likely
				}
				d.memory = []int{96 << 10, 128 << 10, 192 << 10}[g.rng.Intn(3)]
				space.calls, space.fail = 0, 0
				_, got, err := d.query(sql)
				tried++
				if mysqlerr.Code(err) == 1038 {
					d.nothingLeft(t, sql, space)
					refused++ // pages, buffers and single groups do not fit in so little
					continue
				}
				if err != nil {
					t.Fatalf("%s with %d bytes: %v\n%s", sql, d.memory, err, d.showPlan(sql))
				}
				if !ordered {
					sortRows(got)
					sortRows(want)
				}
				if showRows(got) != showRows(want) {
					t.Fatalf("%s with %d bytes\nspilled:\n%sin memory:\n%splan:\n%s", sql, d.memory, showRows(got), showRows(want), d.showPlan(sql))
				}
				d.nothingLeft(t, sql, space)
				if space.calls == 0 {
					continue
				}
				d.goAway(t, sql, g.rng.Intn(3))
				d.nothingLeft(t, sql+", whose client went away", space)
				space.calls, space.fail = 0, 1+g.rng.Intn(space.calls)
				if _, _, err := d.query(sql); space.calls >= space.fail && !slices.Contains([]uint16{1004, 1024, 1026, 1038}, mysqlerr.Code(err)) {
					t.Fatalf("%s with call %d failing: %v", sql, space.fail, err)
				}
				d.nothingLeft(t, sql+", whose files failed", space)
			}
			for k := range memory.Kinds {
				files[k] += space.Files(k)
			}
		})
	}
	for _, k := range []memory.Kind{memory.Sort, memory.Join, memory.Group, memory.Distinct, memory.Window, memory.Rows} {
		if files[k] == 0 && (k != memory.Window || seeds >= 5) { // few windows are large enough; package exec has some that are
			t.Errorf("nothing of the kind %v was spilled", k)
		}
	}
	if refused > tried/4 {
		t.Errorf("%d of %d queries were refused", refused, tried)
	}
	t.Log(tried, refused, files)
}

// nothingLeft checks that the last query has given everything back.
func (d *testDB) nothingLeft(t *testing.T, what string, space *failingSpace) {
	t.Helper()
	if n := d.account.Used(); n != 0 {
		t.Fatalf("%s: %d bytes are still accounted for", what, n)
	}
	if space.open != 0 || space.Used() != 0 {
		t.Fatalf("%s: %d files with %d bytes are left", what, space.open, space.Used())
	}
}

// goAway reads some batches of a query and closes it.
func (d *testDB) goAway(t *testing.T, sql string, batches int) {
	t.Helper()
	p, env, err := d.plan(sql)
	if err != nil {
		t.Fatal(err)
	}
	d.account = statementAccount(d.memory)
	op, err := p.(Rows).Open(context.Background(), &exec.Runtime{DB: d, Env: env, Room: spill.Room{Memory: d.account, Space: d.space}})
	if mysqlerr.Code(err) == 1038 { // how many pages of tablets are there at the same time is not certain
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var b types.Batch
	for range batches {
		if ok, err := op.Next(context.Background(), &b); err != nil || !ok {
			break
		}
	}
	op.Close()
}
