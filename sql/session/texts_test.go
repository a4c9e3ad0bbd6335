package session

import (
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
