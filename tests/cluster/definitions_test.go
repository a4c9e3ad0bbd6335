package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// redefinitions changes what tables promise about their rows, and the rows, at once: foreign keys, checks, generated columns and
// indexes of every kind come and go, columns change their types, tables their names, and are emptied. Whatever the
// definition says at a moment, the rows of that moment keep to it; no change of a row is lost in a copy of its table.
type redefinitions struct {
	counters []*counter
}

// counter is what one client knows of its row of def_n.
type counter struct {
	id             int
	acked, unknown atomic.Int64
}

const (
	definitionTables  = "'def_p', 'def_c', 'def_n'"
	definitionParents = 8
	definitionRows    = 30
)

func (d *redefinitions) setup(r *run, db *sql.DB) {
	mustExec(r, db, "CREATE TABLE def_p (id INT PRIMARY KEY, v INT NOT NULL)")
	mustExec(r, db, "CREATE TABLE def_c (id INT PRIMARY KEY, pid INT, n INT NOT NULL, s VARCHAR(20))")
	mustExec(r, db, "CREATE TABLE def_n (id INT PRIMARY KEY, n INT NOT NULL)")
}

func (d *redefinitions) start(r *run) {
	for i := range 3 {
		k := &counter{id: i}
		d.counters = append(d.counters, k)
		r.client("", func(c *client) error { return d.change(c, k) })
	}
	for range 2 {
		r.client("lock_wait_timeout=3", d.alter)
	}
	r.client("", d.audit)
}

// definitionChanges are changes of definitions; most can be made in some states only.
var definitionChanges = []string{
	"ALTER TABLE def_c ADD CONSTRAINT def_fk FOREIGN KEY (pid) REFERENCES def_p (id) ON DELETE CASCADE ON UPDATE CASCADE",
	"ALTER TABLE def_c ADD CONSTRAINT def_fk FOREIGN KEY (pid) REFERENCES def_p (id) ON DELETE SET NULL ON UPDATE SET NULL",
	"ALTER TABLE def_c ADD CONSTRAINT def_fk FOREIGN KEY (pid) REFERENCES def_p (id)",
	"ALTER TABLE def_c DROP FOREIGN KEY def_fk", "ALTER TABLE def_c DROP FOREIGN KEY def_fk, DROP INDEX def_fk",
	"DELETE FROM def_c WHERE pid NOT IN (SELECT id FROM def_p)", // so that foreign keys can be added
	"ALTER TABLE def_c ADD CONSTRAINT def_ck CHECK (n >= 0)", "ALTER TABLE def_c DROP CHECK def_ck", "UPDATE def_c SET n = -n WHERE n < 0",
	"ALTER TABLE def_c ALTER CHECK def_ck NOT ENFORCED", "ALTER TABLE def_c ALTER CHECK def_ck ENFORCED",
	"ALTER TABLE def_p ADD CONSTRAINT def_cp CHECK (v < 50 OR id > 2)", "ALTER TABLE def_p DROP CHECK def_cp",
	"ALTER TABLE def_c ADD COLUMN g INT AS (n + 1) STORED", "ALTER TABLE def_c ADD COLUMN g INT AS (n + 1) VIRTUAL, ADD INDEX def_g (g)", "ALTER TABLE def_c DROP COLUMN g",
	"ALTER TABLE def_c ADD COLUMN h BIGINT AS (pid * 10 + n) VIRTUAL, ADD UNIQUE INDEX def_h (h, id)", "ALTER TABLE def_c DROP COLUMN h, ADD INDEX def_n (n)",
	"CREATE INDEX def_n ON def_c (n)", "ALTER TABLE def_c DROP INDEX def_n", "CREATE UNIQUE INDEX def_s ON def_c (s, id)", "DROP INDEX def_s ON def_c",
	"CREATE INDEX def_f ON def_c ((n % 7), s)", "ALTER TABLE def_c DROP INDEX def_f", "ALTER TABLE def_c ADD INDEX def_d (pid DESC, n), ADD INDEX def_f ((n + pid))", "DROP INDEX def_d ON def_c",
	"ALTER TABLE def_c MODIFY n BIGINT NOT NULL", "ALTER TABLE def_c MODIFY n INT NOT NULL", "ALTER TABLE def_c MODIFY s VARCHAR(300)", "ALTER TABLE def_c MODIFY s VARCHAR(20) COLLATE utf8mb4_bin",
	"ALTER TABLE def_c MODIFY pid BIGINT", "ALTER TABLE def_c MODIFY pid INT", "ALTER TABLE def_c RENAME INDEX def_n TO def_m", "ALTER TABLE def_c RENAME INDEX def_m TO def_n",
	"ALTER TABLE def_c RENAME COLUMN s TO t", "ALTER TABLE def_c RENAME COLUMN t TO s", "RENAME TABLE def_c TO def_x, def_x TO def_c", "RENAME TABLE def_p TO def_x, def_x TO def_p",
	"ALTER TABLE def_c DROP PRIMARY KEY, ADD PRIMARY KEY (id)", "TRUNCATE TABLE def_p", "TRUNCATE TABLE def_c",
	"ALTER TABLE def_p MODIFY id BIGINT", "ALTER TABLE def_p MODIFY id INT", "ALTER TABLE def_p ADD UNIQUE INDEX def_v (v, id)", "ALTER TABLE def_p DROP INDEX def_v",
	"ALTER TABLE def_n MODIFY n BIGINT NOT NULL", "ALTER TABLE def_n MODIFY n INT NOT NULL", "ALTER TABLE def_n ADD COLUMN d INT AS (n * 2) STORED", "ALTER TABLE def_n DROP COLUMN d",
	"ALTER TABLE def_n ADD INDEX def_nn (n)", "ALTER TABLE def_n DROP INDEX def_nn", "ALTER TABLE def_n ADD CONSTRAINT def_nc CHECK (n >= 0)", "ALTER TABLE def_n DROP CHECK def_nc",
	"ALTER TABLE def_n ADD INDEX def_nf ((n DIV 2))", "ALTER TABLE def_n DROP INDEX def_nf", "ALTER TABLE def_n DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
}

// ours tells whether an error is the server's answer to what was asked, and the connection of use on.
func ours(err error) bool {
	var from *mysql.MySQLError
	return errors.As(err, &from) && from.Number != errShutdown
}

func (d *redefinitions) alter(c *client) error {
	_, err := c.exec(definitionChanges[c.rnd.IntN(len(definitionChanges))])
	if ours(err) {
		c.tally("definitions alter").note(refused, err)
		return nil
	}
	c.tally("definitions alter").note(judgeError(err), err)
	return err
}

// statement is a random change of rows; half of them break a rule that there may be.
func (d *redefinitions) statement(c *client) string {
	id, parent, n := c.rnd.IntN(definitionRows), c.rnd.IntN(definitionParents), c.rnd.IntN(60)-3
	switch c.rnd.IntN(12) {
	case 0, 1, 2:
		return fmt.Sprintf("REPLACE INTO def_c (id, pid, n) VALUES (%d, %d, %d), (%d, NULL, %d)", id, parent, n, definitionRows, n)
	case 3:
		return fmt.Sprintf("INSERT INTO def_c (id, pid, n, s) VALUES (%d, %d, %d, 's%d') ON DUPLICATE KEY UPDATE n = n + 1, s = VALUES(s)", id, parent, n, n)
	case 4:
		return fmt.Sprintf("UPDATE def_c SET n = n - 1, pid = %d WHERE id = %d", parent, id)
	case 5:
		return fmt.Sprintf("UPDATE def_c SET n = n + %d WHERE id BETWEEN %d AND %d", n, id, id+4)
	case 6:
		return fmt.Sprintf("DELETE FROM def_c WHERE n %% 7 = %d AND id < %d", id%7, id)
	case 7, 8, 9:
		return fmt.Sprintf("INSERT INTO def_p VALUES (%d, %d) ON DUPLICATE KEY UPDATE v = v + 1", parent, n)
	case 10:
		return fmt.Sprintf("DELETE FROM def_p WHERE id = %d", parent)
	}
	return fmt.Sprintf("UPDATE IGNORE def_p SET id = %d WHERE id = %d", (parent+1)%definitionParents, parent)
}

func (d *redefinitions) change(c *client, k *counter) error {
	switch c.rnd.IntN(3) {
	case 0:
		return d.count(c, k)
	case 1:
		_, o, err := c.change(d.statement(c))
		if ours(err) {
			c.tally("definitions statement").note(refused, err)
			return nil
		}
		c.tally("definitions statement").note(o, err)
		return err
	}
	level := []string{"REPEATABLE READ", "READ COMMITTED"}[c.rnd.IntN(2)]
	o, err := c.transaction(level, "BEGIN", func() error {
		for range 1 + c.rnd.IntN(3) {
			if _, err := c.exec(d.statement(c)); err != nil && !ours(err) {
				return err
			}
		}
		return nil
	})
	c.tally("definitions transaction").note(o, err)
	return err
}

// count adds one to the client's row.
func (d *redefinitions) count(c *client, k *counter) error {
	_, o, err := c.change(fmt.Sprintf("INSERT INTO def_n (id, n) VALUES (%d, 1) ON DUPLICATE KEY UPDATE n = n + 1", k.id))
	c.tally("definitions count").note(o, err)
	switch o {
	case done:
		k.acked.Add(1)
	case doubtful:
		k.unknown.Add(1)
	}
	if ours(err) {
		return nil
	}
	return err
}

// audit holds the rows of one snapshot against the definitions that its locks on the tables keep as they are.
func (d *redefinitions) audit(c *client) error {
	var broken []string
	o, err := c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY", func() (err error) {
		broken, err = brokenRules(func(query string) ([][]string, error) { return texts(c.conn, query) })
		return err
	})
	c.tally("definitions audit").note(o, err)
	for _, b := range broken {
		c.anomaly("%s: %s", c.name("definitions audit"), b)
	}
	return err
}

func (d *redefinitions) judge(r *run, _ *sql.DB) {
	for _, n := range r.nodes {
		db := n.DB(checkDB, "readTimeout=60s")
		db.SetMaxOpenConns(1)
		broken, err := brokenRules(func(query string) ([][]string, error) { return texts(db, query) })
		if err != nil {
			r.anomaly("in the end the definitions can't be looked at through %s: %v", n.SQL, err)
		}
		for _, b := range broken {
			r.anomaly("in the end, through %s: %s", n.SQL, b)
		}
		for _, k := range d.counters {
			var got int64
			err := db.QueryRow(fmt.Sprintf("SELECT COALESCE(SUM(n), 0) FROM def_n WHERE id = %d", k.id)).Scan(&got)
			if least, most := k.acked.Load(), k.acked.Load()+k.unknown.Load(); err != nil || got < least || got > most {
				r.anomaly("in the end counter %d is %d through %s; %d increments were acknowledged, and %d may have been made (%v)", k.id, got, n.SQL, least, most-least, err)
			}
		}
		db.Close()
	}
}

// brokenRules tells which promises of the tables' definitions their rows do not keep. The first statement locks the
// definitions of all three, if they are asked for within a transaction, and makes its snapshot.
func brokenRules(ask func(query string) ([][]string, error)) (broken []string, err error) {
	if _, err := ask("SELECT (SELECT COUNT(*) FROM def_p), (SELECT COUNT(*) FROM def_c), (SELECT COUNT(*) FROM def_n)"); err != nil {
		return nil, err
	}
	var rules [][2]string // what is wrong, and the query that counts its rows
	for _, kind := range []struct{ list, wrong, count string }{
		{
			"SELECT table_name, column_name, referenced_table_name, referenced_column_name FROM information_schema.key_column_usage WHERE table_schema = '" + checkDB + "' AND table_name IN (" + definitionTables +
				") AND referenced_table_name IS NOT NULL",
			"rows of %[1]s are without a parent", "SELECT COUNT(*) FROM %[1]s c LEFT JOIN %[3]s p ON p.%[4]s = c.%[2]s WHERE c.%[2]s IS NOT NULL AND p.%[4]s IS NULL",
		},
		{
			"SELECT table_name, check_clause FROM information_schema.table_constraints JOIN information_schema.check_constraints USING (constraint_schema, constraint_name) WHERE constraint_schema = '" + checkDB +
				"' AND enforced = 'YES' AND table_name IN (" + definitionTables + ")",
			"rows of %[1]s are against %[2]s", "SELECT COUNT(*) FROM %[1]s WHERE NOT (%[2]s)",
		},
		{
			"SELECT table_name, column_name, generation_expression FROM information_schema.columns WHERE table_schema = '" + checkDB + "' AND generation_expression <> '' AND table_name IN (" + definitionTables + ")",
			"rows of %[1]s have another %[2]s than %[3]s", "SELECT COUNT(*) FROM %[1]s WHERE NOT (%[2]s <=> %[3]s)",
		},
	} {
		list, err := ask(kind.list)
		if err != nil {
			return nil, err
		}
		for _, found := range list {
			args := make([]any, len(found))
			for i, f := range found {
				args[i] = f
			}
			rules = append(rules, [2]string{fmt.Sprintf(kind.wrong, args...), fmt.Sprintf(kind.count, args...)})
		}
	}
	for _, rule := range rules {
		count, err := ask(rule[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rule[1], err)
		}
		if count[0][0] != "0" {
			broken = append(broken, fmt.Sprintf("%s %s (%s)", count[0][0], rule[0], rule[1]))
		}
	}
	more, err := brokenIndexes(ask)
	return append(broken, more...), err
}

// brokenIndexes tells which indexes have other entries than their tables' rows ask for.
func brokenIndexes(ask func(query string) ([][]string, error)) (broken []string, err error) {
	list, err := ask("SELECT table_name, index_name, GROUP_CONCAT(COALESCE(column_name, expression) ORDER BY seq_in_index SEPARATOR '; ') FROM information_schema.statistics WHERE table_schema = '" + checkDB +
		"' AND table_name IN (" + definitionTables + ") AND index_name <> 'PRIMARY' GROUP BY 1, 2")
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		parts := strings.Split(x[2], "; ")
		least := "-1000000000"
		if parts[0] == "s" || parts[0] == "t" {
			least = "''"
		}
		query := func(hint string) string {
			return fmt.Sprintf("SELECT COUNT(*), COALESCE(BIT_XOR(CRC32(CONCAT_WS(':', id, %s))), 0) FROM %s %s WHERE %s >= %s OR %[4]s IS NULL", strings.Join(parts, ", "), x[0], hint, parts[0], least)
		}
		byIndex, err := ask(query("FORCE INDEX (" + x[1] + ")"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", query(x[1]), err)
		}
		byRow, err := ask(query("USE INDEX ()"))
		if err != nil {
			return nil, err
		}
		if fmt.Sprint(byIndex) != fmt.Sprint(byRow) {
			broken = append(broken, fmt.Sprintf("by index %s (%s), %s has (rows, hash) %v, by its rows %v", x[1], x[2], x[0], byIndex, byRow))
		}
	}
	return broken, nil
}

// TestBrokenRules: rows that got past a foreign key are found, and nothing where all keep to their definitions.
func TestBrokenRules(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process")
	}
	db := harness.NewNode(t).Start().DB("", "multiStatements=true")
	db.SetMaxOpenConns(1)
	mustDo(t, db, "CREATE DATABASE "+checkDB+"; USE "+checkDB)
	mustDo(t, db, "CREATE TABLE def_p (id INT PRIMARY KEY, v INT NOT NULL); CREATE TABLE def_n (id INT PRIMARY KEY, n INT NOT NULL, CHECK (n > 0))")
	mustDo(t, db, "CREATE TABLE def_c (id INT PRIMARY KEY, pid INT, n INT NOT NULL, s VARCHAR(20), g INT AS (n + 1) STORED, KEY def_f ((n % 7), s), KEY def_g (g DESC), KEY def_s (s),"+
		" FOREIGN KEY (pid) REFERENCES def_p (id))")
	mustDo(t, db, "INSERT INTO def_p VALUES (1, 1); INSERT INTO def_n VALUES (1, 1); INSERT INTO def_c (id, pid, n, s) VALUES (1, 1, 10, 'a'), (2, NULL, 2, NULL)")
	look := func() []string {
		broken, err := brokenRules(func(query string) ([][]string, error) { return texts(db, query) })
		if err != nil {
			t.Fatal(err)
		}
		return broken
	}
	if broken := look(); len(broken) > 0 {
		t.Errorf("of sound tables: %v", broken)
	}
	mustDo(t, db, "SET foreign_key_checks = 0; UPDATE def_c SET pid = 7 WHERE id = 1")
	if broken := look(); len(broken) != 1 || !strings.HasPrefix(broken[0], "1 rows of def_c are without a parent") {
		t.Errorf("of an orphan: %v", broken)
	}
}

// texts reads all rows of an answer as strings; NULL is none.
func texts(db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, query string) (list [][]string, err error) {
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = v.String
		}
		list = append(list, line)
	}
	return list, rows.Err()
}
