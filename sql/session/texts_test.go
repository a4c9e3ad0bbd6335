package session

import (
	"runtime"
	"strings"
	"testing"

	"cloudsql/storage/mysqlerr"
)

// Texts that are read again once a clause: by forms that stand for another text (sql/dialect), in which the same may stand again.
// Each is one statement's error at once; with a reading for each of them this test would not end.
func TestClausesAreReadOnce(t *testing.T) {
	c := connect(t, newTestEngine(t), "root", "localhost")
	many := func(s string) string { return strings.Repeat(s, 1<<19/len(s)) }
	wantError(t, c, "select 1 "+many("into @a "), mysqlerr.Parse)
	wantError(t, c, "explain "+many("extended "), mysqlerr.Parse)
	wantError(t, c, "explain "+many("format=tree "), mysqlerr.Parse)
	wantError(t, c, "select "+many("/*!")+"1"+many("*/"), mysqlerr.Parse)
	wantError(t, c, "select 1 into @'", mysqlerr.Parse)
	if got := c.value("select " + many("/*!") + "1 */"); got != "1" {
		t.Error(got)
	}
	c.must("select 7 into @a")
	c.must("explain format=tree select 1")
}

// Eight times as many members of a UNION take eight times as much, not sixty-four times.
func TestUnionsGrowLinearly(t *testing.T) {
	c := connect(t, newTestEngine(t), "root", "localhost")
	allocated := func(n int) uint64 {
		var before, after runtime.MemStats
		text := "select 1" + strings.Repeat(" union select 1", n)
		runtime.ReadMemStats(&before)
		c.must(text)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(1000)
	if few, many := allocated(1000), allocated(8000); many > 16*few {
		t.Errorf("%d bytes for 1000 members, %d for 8000", few, many)
	}
}
