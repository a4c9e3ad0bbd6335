package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cloudsql/planner/spill"
)

// A temporary table and an ordinary one of the same shape, under the same random statements: the same answers and the same
// rows, whatever transactions, savepoints and errors come between.
func TestTemporaryTableLikeAnyOther(t *testing.T) {
	t.Parallel() // it waits more than it computes
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &twinTables{t: t, c: connect(t, newTestEngine(t), "root", "localhost"), r: rand.New(rand.NewPCG(seed, 35))} //nolint:gosec // repeatable
			g.c.query("CREATE DATABASE d")
			g.c.query("USE d")
			if g.numbered = seed%2 == 0; !g.numbered {
				g.both("CREATE TEMPORARY TABLE $ (id INT PRIMARY KEY, u INT UNIQUE, k INT NOT NULL DEFAULT 7, s VARCHAR(20), KEY (k), KEY (s(3)))")
			}
			g.both("CREATE TEMPORARY TABLE IF NOT EXISTS $ (id INT PRIMARY KEY AUTO_INCREMENT, u INT UNIQUE, k INT NOT NULL DEFAULT 7, s VARCHAR(20), KEY (k), KEY (s(3)))")
			g.run(100)
		})
	}
}

type twinTables struct {
	t    *testing.T
	c    *client
	r    *rand.Rand
	done []string
	in   bool
	save int
	// numbered: AUTO_INCREMENT gives ids, and no UPDATE does (whether one that is rolled back counts differs)
	numbered bool
}

// both runs a statement on the ordinary table and on the temporary one.
func (g *twinTables) both(text string) {
	g.t.Helper()
	ordinary := strings.ReplaceAll(strings.Replace(text, "TEMPORARY ", "", 1), "$", "o")
	g.done = append(g.done, text)
	want := g.c.query(ordinary)
	got := g.c.query(strings.ReplaceAll(text, "$", "p"))
	want, got = strings.ReplaceAll(want, "'o.", "'$."), strings.ReplaceAll(got, "'p.", "'$.")
	if got != want {
		g.t.Fatalf("%s\n-- the ordinary table:\n%s-- the temporary one:\n%s-- after\n%s", text, want, got, strings.Join(g.done, ";\n"))
	}
}

func (g *twinTables) once(text string) {
	g.done = append(g.done, text)
	g.c.query(text)
}

func (g *twinTables) run(n int) {
	for range n {
		switch g.r.IntN(12) {
		case 0:
			g.transaction()
		case 1:
			if !g.in {
				g.both(g.definition())
			}
		default:
			g.both(g.change())
		}
		g.both("SELECT * FROM $ ORDER BY id")
		g.both("SELECT id FROM $ FORCE INDEX (k) WHERE k BETWEEN 2 AND 6 ORDER BY k, id")
		g.both("SELECT COUNT(*), SUM(u) FROM $")
	}
}

func (g *twinTables) transaction() {
	switch {
	case !g.in:
		g.once("BEGIN")
		g.in, g.save = true, 0
	case g.r.IntN(3) == 0:
		g.once([]string{"COMMIT", "ROLLBACK"}[g.r.IntN(2)])
		g.in = false
	case g.save == 0 || g.r.IntN(2) == 0:
		g.save++
		g.once(fmt.Sprintf("SAVEPOINT s%d", g.save))
	default:
		g.save = 1 + g.r.IntN(g.save)
		g.once(fmt.Sprintf("ROLLBACK TO s%d", g.save))
	}
}

func (g *twinTables) definition() string {
	return []string{
		"ALTER TABLE $ ADD COLUMN IF_NOT_THERE INT", "ALTER TABLE $ MODIFY s VARCHAR(30)", "CREATE UNIQUE INDEX us ON $ (s, u)",
		"DROP INDEX us ON $", "ALTER TABLE $ ADD COLUMN more INT DEFAULT 3", "ALTER TABLE $ DROP COLUMN more",
		"ALTER TABLE $ ALTER k SET DEFAULT 5", "ALTER TABLE $ DROP COLUMN IF_NOT_THERE", "ALTER TABLE $ FORCE",
	}[g.r.IntN(9)]
}

func (g *twinTables) change() string {
	n := func(most int) int { return 1 + g.r.IntN(most) }
	value := func() string { return fmt.Sprintf("(%d, %d, %d, 's%d')", n(30), n(40), n(9), n(5)) }
	switch g.r.IntN(12) {
	case 0:
		return "INSERT INTO $ (id, u, k, s) VALUES " + value() + ", " + value()
	case 1:
		return "INSERT IGNORE INTO $ (id, u, k, s) VALUES " + value() + ", " + value() + ", " + value()
	case 2:
		return "REPLACE INTO $ (id, u, k, s) VALUES " + value() + ", " + value()
	case 3:
		return "INSERT INTO $ (id, u, k, s) VALUES " + value() + " ON DUPLICATE KEY UPDATE u = u + 1, s = CONCAT(s, '+')"
	case 4:
		return fmt.Sprintf("INSERT INTO $ (u) VALUES (%d)", n(40))
	case 5:
		return fmt.Sprintf("UPDATE $ SET u = u + 1 WHERE k = %d ORDER BY id", n(9))
	case 6:
		return fmt.Sprintf("UPDATE $ SET k = k + 1, s = REPEAT(s, 2) WHERE id > %d", n(30))
	case 7:
		if g.numbered {
			return "SELECT MAX(id) FROM $"
		}
		return fmt.Sprintf("UPDATE $ SET id = id + 20 WHERE u < %d ORDER BY id DESC LIMIT 3", n(40))
	case 8:
		return fmt.Sprintf("DELETE FROM $ WHERE id = %d OR u = %d", n(30), n(40))
	case 9:
		return fmt.Sprintf("DELETE FROM $ WHERE k > %d ORDER BY k LIMIT 4", n(9))
	case 10:
		return fmt.Sprintf("UPDATE $ JOIN (SELECT %d AS x UNION SELECT %d) n ON $.k = n.x SET $.u = $.u + 100", n(9), n(9))
	}
	return fmt.Sprintf("UPDATE $ SET u = %d WHERE id = %d", n(40), n(30))
}

// What temporary tables take of the disk counts as temporary files do, and comes back with the session.
func TestTemporaryTablesFill(t *testing.T) {
	space, err := spill.NewSpace(t.TempDir()+"/temporary", 24<<20)
	if err != nil {
		t.Fatal(err)
	}
	e := newTestEngine(t, func(c *Config) { c.Space = space })
	t.Cleanup(func() { _ = e.temporary.Close() })
	c := connect(t, e, "root", "localhost")
	c.query("CREATE DATABASE d")
	c.query("USE d")
	fill := func(c *client) string {
		c.query("CREATE TEMPORARY TABLE d.x (a INT PRIMARY KEY AUTO_INCREMENT, s LONGTEXT)")
		for range 100 {
			if out := c.query("INSERT INTO d.x (s) SELECT HEX(RANDOM_BYTES(1024)) FROM (WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i FROM n) n"); !strings.HasPrefix(out, "ok 300") {
				return out
			}
		}
		return "all"
	}
	if out := fill(c); !strings.HasPrefix(out, "ERROR 1114") {
		t.Fatalf("60 MB went into 24: %s", out)
	}
	if got := c.query("SELECT COUNT(*) % 300, COUNT(*) > 300 FROM d.x"); !strings.HasSuffix(got, "\n0|1\n") {
		t.Errorf("a statement was half done: %s", got)
	}
	if err := c.s.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := connect(t, e, "root", "localhost")
	if out := other.query("CREATE TEMPORARY TABLE d.x (a INT)") + other.query("INSERT INTO d.x VALUES (1)"); out != "ok 0\nok 1\n" {
		t.Errorf("after the session that had filled it: %s", out)
	}
}
