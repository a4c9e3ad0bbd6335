package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"cloudsql/tests/harness"

	"github.com/go-sql-driver/mysql"
)

// TestUniqueAsUncut: a client changes a table that is cut and one that is not, with the same keys and rows: both say the same of each
// statement (rows, error, warnings), and have the same rows after it. STEPS says how many statements there are, SEED which.
func TestUniqueAsUncut(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process")
	}
	steps, seed := harness.Number(t, "STEPS", 400), uint64(harness.Number(t, "SEED", 1)) //nolint:gosec // a seed
	n := harness.NewNode(t)
	n.Start()
	var sides [2]*side
	for i, name := range []string{"uncut", "cut"} {
		c, err := n.DB("", "").Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		sides[i] = &side{t, c}
		sides[i].must("CREATE DATABASE " + name)
		sides[i].must("USE " + name)
		sides[i].must(`CREATE TABLE t (id INT PRIMARY KEY, u INT, s VARCHAR(10), p VARCHAR(10), d TIMESTAMP NULL, v INT NOT NULL DEFAULT 0,
			UNIQUE KEY (u), UNIQUE KEY (s, u), UNIQUE KEY (p(2)), UNIQUE KEY (d), CHECK (v < 60))`)
		sides[i].must("CREATE TABLE source (n INT PRIMARY KEY, id INT, u INT, s VARCHAR(10))")
		sides[i].must("INSERT INTO source VALUES (1, 5, 5, 'a'), (2, 25, 6, 'b'), (3, 45, 5, 'c'), (4, 7, 25, 'a'), (5, 5, 9, 'a'), (6, 26, 7, NULL)")
	}
	sides[1].must("ALTER TABLE t SPLIT AT (20), (40)")
	g := &keyStatements{rng: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // a choice of statements
	for i := range steps {
		text := g.next()
		was, is := sides[0].say(text), sides[1].say(text)
		if was != is {
			t.Fatalf("%d: %s\nuncut: %s\ncut:   %s\nfrom %s", i, text, was, is, g.before)
		}
		if strings.HasPrefix(is, "Error") {
			g.refused++
		}
		const all = "SELECT * FROM t ORDER BY id"
		if was, is = sides[0].rows(all), sides[1].rows(all); was != is {
			t.Fatalf("%d: %s\nuncut: %s\ncut:   %s\nfrom %s", i, text, was, is, g.before)
		}
		for range 2 {
			query := g.read()
			if was, is := sides[0].rows(query), sides[1].rows(query); was != is {
				t.Fatalf("%d: %s\nuncut: %s\ncut:   %s\nfrom %s", i, query, was, is, g.before)
			}
		}
		if !g.open { // which CHECK TABLE would commit
			if said := sides[1].rows("CHECK TABLE t"); !strings.Contains(said, "OK") {
				t.Fatalf("%d: %s\n%s\nfrom %s", i, text, said, g.before)
			}
		}
		g.before = was
	}
	t.Logf("%d statements, %d were refused", steps, g.refused)
}

// side is a session of the two that are compared.
type side struct {
	t *testing.T
	*sql.Conn
}

func (s *side) must(text string) {
	s.t.Helper()
	if _, err := s.ExecContext(context.Background(), text); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
}

// say makes a statement and tells what came of it.
func (s *side) say(text string) string {
	res, err := s.ExecContext(context.Background(), text)
	if err != nil {
		if e := (*mysql.MySQLError)(nil); !errors.As(err, &e) {
			s.t.Fatalf("%s: %v", text, err)
		}
		return err.Error()
	}
	n, _ := res.RowsAffected()
	return fmt.Sprintf("%d rows; %s", n, s.rows("SHOW WARNINGS"))
}

func (s *side) rows(text string) string {
	rows, err := s.QueryContext(context.Background(), text)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	defer func() { _ = rows.Close() }()
	names, _ := rows.Columns()
	values := make([]sql.NullString, len(names))
	places := make([]any, len(names))
	for i := range values {
		places[i] = &values[i]
	}
	var out strings.Builder
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			s.t.Fatal(err)
		}
		for i, v := range values {
			if i > 0 {
				out.WriteByte('|')
			}
			if v.Valid {
				out.WriteString(v.String)
			} else {
				out.WriteString("-")
			}
		}
		out.WriteString("; ")
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}

// keyStatements makes statements whose keys meet.
type keyStatements struct {
	rng     *rand.Rand
	before  string // the rows
	open    bool   // a transaction is
	refused int
}

func (g *keyStatements) n(most int) int { return 1 + g.rng.IntN(most) }

func (g *keyStatements) or(null int, text string) string {
	if g.rng.IntN(null) == 0 {
		return "NULL"
	}
	return text
}

func (g *keyStatements) row() string {
	return fmt.Sprintf("(%d, %s, %s, %s, %s, %d)", g.n(60), g.or(8, strconv.Itoa(g.n(40))), g.or(3, fmt.Sprintf("'%s%d'", []string{"k", "K"}[g.rng.IntN(2)], g.n(20))),
		g.or(3, fmt.Sprintf("'%c%c%d'", 'a'+g.rng.IntN(5), 'A'+g.rng.IntN(5), g.n(9))), g.or(3, fmt.Sprintf("'2026-01-01 00:00:%02d'", g.n(40))), g.n(59))
}

func (g *keyStatements) values() string {
	rows := make([]string, g.n(4))
	for i := range rows {
		rows[i] = g.row()
	}
	return "(id, u, s, p, d, v) VALUES " + strings.Join(rows, ", ")
}

func (g *keyStatements) set() string {
	return []string{
		"u = u + 1", "u = u - 1", "u = " + strconv.Itoa(g.n(40)), "s = 'k5'", "id = id + " + strconv.Itoa(g.n(20)), "p = CONCAT('a', p)", "d = d + INTERVAL 1 SECOND",
		"u = 41 - u", "v = v + 1", "u = NULL", "s = UPPER(s), u = u + 2", "id = 61 - id", "v = v + 30, u = u + 1",
	}[g.rng.IntN(13)]
}

func (g *keyStatements) where() string {
	from := g.n(60)
	return []string{
		fmt.Sprintf("id BETWEEN %d AND %d", from, from+g.n(30)), fmt.Sprintf("u BETWEEN %d AND %d", from, from+g.n(10)), fmt.Sprintf("u = %d", g.n(40)), fmt.Sprintf("id = %d", g.n(60)),
		fmt.Sprintf("u IN (%d, %d)", g.n(40), g.n(40)), fmt.Sprintf("s = 'k%d'", g.n(20)), fmt.Sprintf("id %% 5 = %d", g.rng.IntN(5)), fmt.Sprintf("p LIKE 'a%%' AND id > %d", from),
	}[g.rng.IntN(8)]
}

// whole is a condition on whole unique keys.
func (g *keyStatements) whole() string {
	s, p := fmt.Sprintf("'%s%d'", []string{"k", "K"}[g.rng.IntN(2)], g.n(20)), fmt.Sprintf("'%c%c%d'", 'a'+g.rng.IntN(5), 'A'+g.rng.IntN(5), g.n(9))
	return []string{
		fmt.Sprintf("t.u = %d", g.n(40)), fmt.Sprintf("t.u IN (%d, %d, %d, NULL)", g.n(40), g.n(40), g.n(40)), fmt.Sprintf("t.u = %d AND t.v < %d", g.n(40), g.n(59)), fmt.Sprintf("t.u <=> %s", g.or(2, "7")),
		fmt.Sprintf("t.s = %s AND t.u = %d", s, g.n(40)), fmt.Sprintf("t.s = %s AND t.u IN (%d, %d, %d, %d)", s, g.n(40), g.n(40), g.n(40), g.n(40)), fmt.Sprintf("t.p = %s", p), fmt.Sprintf("t.p IN (%s, 'aA1', 'bB')", p),
		fmt.Sprintf("t.d = '2026-01-01 00:00:%02d'", g.n(40)), fmt.Sprintf("t.u IN (%d, %d) OR t.u = %d", g.n(40), g.n(40), g.n(40)), fmt.Sprintf("t.u = %d AND t.id > %d", g.n(40), g.n(40)),
	}[g.rng.IntN(11)]
}

// read asks for rows by whole keys.
func (g *keyStatements) read() string {
	lock := []string{"", "", " FOR UPDATE", " FOR SHARE"}[g.rng.IntN(4)]
	switch g.rng.IntN(6) {
	case 0:
		return "SELECT COUNT(*), MAX(id), SUM(v) FROM t WHERE " + g.whole()
	case 1:
		return "SELECT n, t.* FROM source LEFT JOIN t FORCE INDEX (u) ON t.u = source.u ORDER BY n" + lock
	case 2:
		return "SELECT n, (SELECT t.id FROM t WHERE t.u = source.u) FROM source ORDER BY n"
	case 3:
		return "SELECT u, id FROM t FORCE INDEX (u) WHERE " + g.whole() + " ORDER BY u DESC, id DESC" + []string{"", " LIMIT 1"}[g.rng.IntN(2)] + lock
	}
	return "SELECT * FROM t WHERE " + g.whole() + " ORDER BY id" + lock
}

func (g *keyStatements) next() string {
	ignore := []string{"", "", "IGNORE "}[g.rng.IntN(3)]
	switch g.rng.IntN(19) {
	case 0, 1, 2:
		return "INSERT " + ignore + "INTO t " + g.values()
	case 3, 4:
		return "REPLACE INTO t " + g.values()
	case 5, 6:
		set := []string{"v = v + 1", "u = VALUES(u)", "u = t.u + 1, v = VALUES(v)", "id = VALUES(id)", "s = CONCAT('k', VALUES(u))", "p = VALUES(p), d = NULL"}[g.rng.IntN(6)]
		return "INSERT " + ignore + "INTO t " + g.values() + " ON DUPLICATE KEY UPDATE " + set
	case 7:
		return "INSERT " + ignore + "INTO t (id, u, s) SELECT id, u, s FROM source WHERE n > " + strconv.Itoa(g.n(6)-1) + " ORDER BY n"
	case 8, 9, 10:
		return "UPDATE " + ignore + "t FORCE INDEX (PRIMARY) SET " + g.set() + " WHERE " + g.where()
	case 11:
		return "UPDATE " + ignore + "t SET " + g.set() + " WHERE " + g.where() + " ORDER BY " + []string{"id", "id DESC", "u, id", "u DESC, id"}[g.rng.IntN(4)] + []string{"", " LIMIT 3"}[g.rng.IntN(2)]
	case 12:
		return "UPDATE " + ignore + "t JOIN source ON t.id = source.id SET t." + []string{"v = source.n", "s = source.s"}[g.rng.IntN(2)] // in whatever order
	case 13:
		return "DELETE FROM t WHERE " + g.where()
	case 15, 16:
		return "UPDATE " + ignore + "t SET " + g.set() + " WHERE " + g.whole() + " ORDER BY id"
	case 17:
		return "DELETE FROM t WHERE " + g.whole()
	case 14:
		return "REPLACE INTO t (id, u, s) SELECT id, u, s FROM source WHERE n > " + strconv.Itoa(g.n(6)-1) + " ORDER BY n"
	}
	if g.open = !g.open; g.open {
		return "BEGIN"
	}
	return []string{"COMMIT", "ROLLBACK"}[g.rng.IntN(2)]
}
