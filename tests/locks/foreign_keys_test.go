package locks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// Random graphs of foreign keys with random actions, in two databases, and random changes of their rows.

// fkTables is how many tables a graph has; each is (id, a, b), with up to two keys to ids.
const fkTables = 4

// fkKey is a foreign key of column "a" (0) or "b" (1).
type fkKey struct {
	child, column, parent int
	onDelete, onUpdate    string
}

func (k *fkKey) name() string { return fmt.Sprintf("k%d%d", k.child, k.column) }

func fkName(dbs []string, table int) string { return fmt.Sprintf("%s.t%d", dbs[table%len(dbs)], table) }

func fkExec(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.Exec(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// fkGraph makes the tables of a random graph, and gives its keys in order of their names.
func fkGraph(t *testing.T, r *rand.Rand, db *sql.DB, dbs []string) []fkKey {
	t.Helper()
	actions := []string{"CASCADE", "CASCADE", "SET NULL", "RESTRICT", "NO ACTION"}
	var keys []fkKey
	for _, name := range dbs {
		fkExec(t, db, "CREATE DATABASE "+name)
	}
	for i := range fkTables {
		fkExec(t, db, "CREATE TABLE "+fkName(dbs, i)+" (id INT PRIMARY KEY, a INT, b INT)")
	}
	for i := range fkTables {
		for c := range 2 {
			if r.IntN(4) == 0 {
				continue
			}
			k := fkKey{child: i, column: c, parent: r.IntN(fkTables), onDelete: actions[r.IntN(len(actions))], onUpdate: actions[r.IntN(len(actions))]}
			fkExec(t, db, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%c) REFERENCES %s (id) ON DELETE %s ON UPDATE %s",
				fkName(dbs, i), k.name(), 'a'+rune(c), fkName(dbs, k.parent), k.onDelete, k.onUpdate))
			keys = append(keys, k)
		}
	}
	return keys
}

// fkChange is a statement on one row.
type fkChange struct {
	table int
	kind  string // insert, delete, move (another id), point (another reference)
	id    int
	to    int // of move; of point the value
	refs  [2]int
	col   int
}

const fkNull = -1

func fkRandom(r *rand.Rand) fkChange {
	ref := func() int {
		if r.IntN(3) == 0 {
			return fkNull
		}
		return r.IntN(6)
	}
	c := fkChange{table: r.IntN(fkTables), id: r.IntN(6), to: r.IntN(6), refs: [2]int{ref(), ref()}, col: r.IntN(2)}
	switch n := r.IntN(10); {
	case n < 5:
		c.kind = "insert"
	case n < 7:
		c.kind = "delete"
	case n < 8:
		c.kind = "move"
	default:
		c.kind, c.to = "point", ref()
	}
	return c
}

func (c *fkChange) sql(dbs []string) string {
	value := func(v int) string {
		if v == fkNull {
			return "NULL"
		}
		return fmt.Sprint(v)
	}
	name := fkName(dbs, c.table)
	switch c.kind {
	case "insert":
		return fmt.Sprintf("INSERT INTO %s VALUES (%d, %s, %s)", name, c.id, value(c.refs[0]), value(c.refs[1]))
	case "delete":
		return fmt.Sprintf("DELETE FROM %s WHERE id = %d", name, c.id)
	case "move":
		return fmt.Sprintf("UPDATE %s SET id = %d WHERE id = %d", name, c.to, c.id)
	}
	return fmt.Sprintf("UPDATE %s SET %c = %s WHERE id = %d", name, 'a'+rune(c.col), value(c.to), c.id)
}

// fkModel is what the tables should have: by id, the references.
type fkModel struct {
	keys []fkKey
	rows [fkTables]map[int][2]int
}

func (m *fkModel) clone() *fkModel {
	out := &fkModel{keys: m.keys}
	for i := range m.rows {
		out.rows[i] = maps.Clone(m.rows[i])
	}
	return out
}

// apply gives the state after a change, and its error; a failed change leaves the state.
func (m *fkModel) apply(c fkChange) (*fkModel, uint16) {
	out := m.clone()
	rows := out.rows[c.table]
	old, there := rows[c.id]
	code := uint16(0)
	switch {
	case c.kind == "insert" && there:
		code = 1062
	case c.kind == "insert":
		rows[c.id] = c.refs
		code = out.parents(c.table, c.id, nil)
	case !there:
	case c.kind == "delete":
		delete(rows, c.id)
		if code = out.itself(c.table, c.id, old, true); code == 0 {
			code = out.children(c.table, c.id, fkNull, true, nil, 0)
		}
	case c.kind == "move" && c.id == c.to:
	case c.kind == "move":
		if _, taken := rows[c.to]; taken {
			code = 1062
			break
		}
		delete(rows, c.id)
		rows[c.to] = old
		if code = out.itself(c.table, c.id, old, false); code == 0 {
			code = out.children(c.table, c.id, c.to, false, []int{c.table}, 0)
		}
	case old[c.col] != c.to:
		old[c.col] = c.to
		rows[c.id] = old
		code = out.parents(c.table, c.id, &c.col)
	}
	if code != 0 {
		return m, code
	}
	return out, 0
}

// parents is 1452 where a row lacks one.
func (m *fkModel) parents(table, id int, column *int) uint16 {
	for _, k := range m.keys {
		ref := m.rows[table][id][k.column]
		if k.child != table || column != nil && *column != k.column || ref == fkNull {
			continue
		}
		if _, ok := m.rows[k.parent][ref]; !ok {
			return 1452
		}
	}
	return 0
}

func refuses(action string) bool { return action == "RESTRICT" || action == "NO ACTION" }

// itself is 1451 for a row that refers to itself by a key that refuses: the statement's own first key decides, as all refuse alike.
func (m *fkModel) itself(table, id int, row [2]int, deletes bool) uint16 {
	for _, k := range m.keys {
		action := k.onUpdate
		if deletes {
			action = k.onDelete
		}
		if k.child == table && k.parent == table && row[k.column] == id && refuses(action) {
			return 1451
		}
	}
	return 0
}

// children does what keys say to those of a row that went or got another id. updating are the tables that are being updated.
func (m *fkModel) children(table, id, to int, deletes bool, updating []int, level int) uint16 {
	for _, k := range m.keys {
		if k.parent != table {
			continue
		}
		action := k.onUpdate
		if deletes {
			action = k.onDelete
		}
		var found []int
		for _, child := range slices.Sorted(maps.Keys(m.rows[k.child])) {
			if m.rows[k.child][child][k.column] == id {
				found = append(found, child)
			}
		}
		switch {
		case len(found) == 0:
		case refuses(action):
			return 1451
		case level+1 >= 15:
			return 3008
		case deletes && action == "CASCADE":
			before := map[int][2]int{}
			for _, child := range found {
				before[child] = m.rows[k.child][child]
				delete(m.rows[k.child], child)
			}
			if code := m.gone(k.child, found, before, updating, level+1); code != 0 {
				return code
			}
		case slices.Contains(updating, k.child):
			return 1451
		default:
			for _, child := range found {
				row := m.rows[k.child][child]
				if row[k.column] = fkNull; action == "CASCADE" {
					row[k.column] = to
				}
				m.rows[k.child][child] = row // nobody refers to a or b
			}
		}
	}
	return 0
}

// gone settles rows that went together: key by key, as the server does.
func (m *fkModel) gone(table int, ids []int, before map[int][2]int, updating []int, level int) uint16 {
	for _, k := range m.keys {
		if k.parent != table {
			continue
		}
		one := &fkModel{keys: []fkKey{k}, rows: m.rows}
		for _, id := range ids {
			if k.child == table && refuses(k.onDelete) && before[id][k.column] == id {
				return 1451
			}
		}
		if code := one.goneBy(m, k, ids, updating, level); code != 0 {
			return code
		}
	}
	return 0
}

// goneBy is what one key does to the children of rows that went together.
func (m *fkModel) goneBy(all *fkModel, k fkKey, ids []int, updating []int, level int) uint16 {
	var found []int
	for _, child := range slices.Sorted(maps.Keys(m.rows[k.child])) {
		if slices.Contains(ids, m.rows[k.child][child][k.column]) {
			found = append(found, child)
		}
	}
	switch {
	case len(found) == 0:
	case refuses(k.onDelete):
		return 1451
	case level+1 >= 15:
		return 3008
	case k.onDelete == "CASCADE":
		before := map[int][2]int{}
		for _, child := range found {
			before[child] = m.rows[k.child][child]
			delete(m.rows[k.child], child)
		}
		return all.gone(k.child, found, before, updating, level+1)
	case slices.Contains(updating, k.child):
		return 1451
	default:
		for _, child := range found {
			row := m.rows[k.child][child]
			row[k.column] = fkNull
			m.rows[k.child][child] = row
		}
	}
	return 0
}

func (m *fkModel) String() string {
	var b strings.Builder
	for i := range m.rows {
		fmt.Fprintf(&b, "t%d:", i)
		for _, id := range slices.Sorted(maps.Keys(m.rows[i])) {
			fmt.Fprintf(&b, " %d%v", id, m.rows[i][id])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func fkRead(t *testing.T, db *sql.DB, dbs []string) *fkModel {
	t.Helper()
	m := &fkModel{}
	for i := range m.rows {
		m.rows[i] = map[int][2]int{}
		rows, err := db.Query("SELECT id, IFNULL(a, -1), IFNULL(b, -1) FROM " + fkName(dbs, i))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, a, b int
			if err := rows.Scan(&id, &a, &b); err != nil {
				t.Fatal(err)
			}
			m.rows[i][id] = [2]int{a, b}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func fkCode(t *testing.T, err error) uint16 {
	t.Helper()
	var e *mysql.MySQLError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &e):
		t.Fatal(err)
	}
	return e.Number
}

// TestForeignKeysFollowAModel: what a statement answers and leaves is what a few lines make of the same graph.
func TestForeignKeysFollowAModel(t *testing.T) {
	db := harness.NewNode(t).Start().DB("", "")
	seen := map[uint16]int{}
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 9))
		dbs := []string{fmt.Sprintf("m%d_a", seed), fmt.Sprintf("m%d_b", seed)}
		m := &fkModel{keys: fkGraph(t, r, db, dbs)}
		for i := range m.rows {
			m.rows[i] = map[int][2]int{}
		}
		for range 60 {
			c := fkRandom(r)
			next, want := m.apply(c)
			seen[want]++
			_, err := db.Exec(c.sql(dbs))
			if got := fkCode(t, err); got != want {
				t.Fatalf("seed %d: %s: %v, expected %d\nkeys %+v\nin\n%s", seed, c.sql(dbs), err, want, m.keys, m)
			}
			if got := fkRead(t, db, dbs); got.String() != next.String() {
				t.Fatalf("seed %d: %s gives\n%sexpected\n%skeys %+v\nin\n%s", seed, c.sql(dbs), got, next, m.keys, m)
			}
			m = next
		}
	}
	for _, code := range []uint16{0, 1062, 1451, 1452} {
		if seen[code] == 0 {
			t.Errorf("no statement ended with %d: %v", code, seen)
		}
	}
}

// TestForeignKeysTogether: several sessions at different nodes change the rows of one graph at once, in transactions and without, and
// no row is ever without its parent.
func TestForeignKeysTogether(t *testing.T) {
	nodes := harness.Cluster(t, 3)
	first := nodes[0].DB("", "")
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 10))
		dbs := []string{fmt.Sprintf("c%d_a", seed), fmt.Sprintf("c%d_b", seed)}
		keys := fkGraph(t, r, first, dbs)
		var wg sync.WaitGroup
		for s := range 6 {
			db := nodes[s%len(nodes)].DB("", "")
			r := rand.New(rand.NewPCG(seed, 100+uint64(s)))
			wg.Go(func() { fkSession(t, r, db, dbs, s%2 == 0) })
		}
		wg.Wait()
		for _, k := range keys {
			var orphans int
			query := fmt.Sprintf("SELECT COUNT(*) FROM %s c LEFT JOIN %s p ON c.%[3]c = p.id WHERE c.%[3]c IS NOT NULL AND p.id IS NULL",
				fkName(dbs, k.child), fkName(dbs, k.parent), 'a'+rune(k.column))
			if err := first.QueryRow(query).Scan(&orphans); err != nil || orphans > 0 {
				t.Errorf("seed %d: %d rows without a parent by %+v (%v)", seed, orphans, k, err)
			}
		}
	}
}

// fkSession makes random changes on one connection. Errors that others' changes may bring about are part of it.
func fkSession(t *testing.T, r *rand.Rand, db *sql.DB, dbs []string, committed bool) {
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	exec := func(text string) bool {
		_, err := conn.ExecContext(context.Background(), text)
		var e *mysql.MySQLError
		if err != nil && (!errors.As(err, &e) || !slices.Contains([]uint16{1062, 1205, 1213, 1451, 1452, 3008}, e.Number)) {
			t.Errorf("%s: %v", text, err)
			return false
		}
		return err == nil || e.Number != 1213
	}
	if committed {
		exec("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
	}
	for range 40 {
		if r.IntN(2) == 0 {
			c := fkRandom(r)
			exec(c.sql(dbs))
			continue
		}
		exec("BEGIN")
		open := true
		for range 1 + r.IntN(3) {
			c := fkRandom(r)
			open = open && exec(c.sql(dbs))
		}
		if r.IntN(4) == 0 {
			exec("ROLLBACK")
		} else {
			exec("COMMIT")
		}
	}
}
