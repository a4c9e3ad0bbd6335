// Package locks runs the dialogues in testdata: several connections whose statements wait for each other, over the MySQL
// wire. A dialogue's commands are
//
//	CONN              one statement on the connection of that name, which is made when it is first named
//	timeout CONN      until that connection's statement, which waits, has ended
//
// and their output is the statement's: rows, columns joined by |, "ok" with the affected rows, the error, or "waits"; then,
// connection by connection, what statements that waited gave when this one let them go on.
//
// -rewrite puts what the server answered into the files; LOCKS_DSN=root@tcp(127.0.0.1:23306)/ asks another server (MySQL,
// MariaDB): what differs there is what the dialogue's comments say.
package locks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// server is who is asked, and how to tell that statements wait for locks there.
type server struct {
	dsn     string
	waiting func(t *testing.T) int
}

func start(t *testing.T, args ...string) *server {
	if dsn := os.Getenv("LOCKS_DSN"); dsn != "" {
		pool := open(t, dsn)
		return &server{dsn, func(t *testing.T) (n int) {
			if err := pool.QueryRow("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'").Scan(&n); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond) // its table is a cache of that age
			return n + waitingSessions(t, pool)
		}}
	}
	node := harness.NewNode(t, args...).Start()
	pool := open(t, node.DSN("", ""))
	return &server{node.DSN("", ""), func(t *testing.T) int {
		text, err := node.Get("/metrics")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "cloudsql_lock_waiters "); ok {
				n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
				if err != nil {
					t.Fatal(err)
				}
				return int(n) + waitingSessions(t, pool)
			}
		}
		t.Fatal("no gauge of waiting requests")
		return 0
	}}
}

// waitingSessions counts the waits for tables and for user locks.
func waitingSessions(t *testing.T, pool *sql.DB) (n int) {
	const count = `SELECT COUNT(*) FROM information_schema.processlist
		WHERE state IN ('Waiting for table metadata lock', 'User lock', 'Waiting for backup lock')`
	if err := pool.QueryRow(count).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func open(t *testing.T, dsn string) *sql.DB {
	pool, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func TestLocks(t *testing.T) {
	for _, args := range [][]string{nil, {"--spread-tables"}} {
		t.Run(strings.Join(append(args, "node"), " "), func(t *testing.T) {
			s := start(t, args...)
			datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
				d := newDialogue(t, s, "locks_"+strings.ReplaceAll(filepath.Base(path), "-", "_"))
				datadriven.RunTest(t, path, d.run)
			})
		})
	}
}

// dialogue is one file's database and connections.
type dialogue struct {
	t     *testing.T
	s     *server
	db    string
	pool  *sql.DB
	conns map[string]*conn
}

type conn struct {
	*sql.Conn
	answer chan string // of the statement that is under way; nil: none is
}

func newDialogue(t *testing.T, s *server, db string) *dialogue {
	d := &dialogue{t: t, s: s, db: db, pool: open(t, s.dsn), conns: map[string]*conn{}}
	for _, stmt := range []string{"DROP DATABASE IF EXISTS " + db, "CREATE DATABASE " + db} {
		if _, err := d.pool.Exec(stmt); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, c := range d.conns {
			c.Close()
		}
	})
	return d
}

func (d *dialogue) run(t *testing.T, td *datadriven.TestData) string {
	d.t = t
	if td.Cmd == "timeout" {
		name := td.CmdArgs[0].Key
		out := <-d.conns[name].answer
		d.conns[name].answer = nil
		return out + strings.TrimPrefix(d.settle(""), "waits\n")
	}
	c := d.conn(td.Cmd)
	if c.answer != nil {
		t.Fatalf("%s: %s is waiting", td.Pos, td.Cmd)
	}
	answer := make(chan string, 1)
	c.answer = answer
	go func() { answer <- c.ask(td.Input) }()
	return d.settle(td.Cmd)
}

func (d *dialogue) conn(name string) *conn {
	if c := d.conns[name]; c != nil {
		return c
	}
	raw, err := d.pool.Conn(context.Background())
	if err == nil {
		_, err = raw.ExecContext(context.Background(), "USE "+d.db)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	c := &conn{Conn: raw}
	d.conns[name] = c
	return c
}

// settle collects answers until all statements that are under way wait for locks.
func (d *dialogue) settle(speaker string) string {
	answers := map[string]string{}
	for deadline := time.Now().Add(30 * time.Second); ; {
		pending := 0
		for name, c := range d.conns {
			select {
			case a := <-c.answer:
				answers[name], c.answer = a, nil
			default:
			}
			if c.answer != nil {
				pending++
			}
		}
		if pending == 0 || d.s.waiting(d.t) == pending && d.pending() == pending {
			break
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d statements are under way, and not all of them wait for locks", pending)
		}
		time.Sleep(time.Millisecond) // the condition, not the time, decides
	}
	out, ok := answers[speaker]
	if !ok {
		out = "waits\n"
	}
	delete(answers, speaker)
	for _, name := range sorted(answers) {
		out += name + ": " + answers[name]
	}
	return out
}

// pending counts the statements whose answers have not come.
func (d *dialogue) pending() (n int) {
	for _, c := range d.conns {
		if c.answer != nil && len(c.answer) == 0 {
			n++
		}
	}
	return n
}

func sorted(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// ask runs a statement and gives its answer as text.
func (c *conn) ask(text string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	verb := strings.ToLower(strings.Fields(strings.TrimLeft(text, "( "))[0])
	if verb != "select" && verb != "show" {
		res, err := c.ExecContext(ctx, text)
		if err != nil {
			return errorText(err)
		}
		n, _ := res.RowsAffected()
		return fmt.Sprintf("ok %d\n", n)
	}
	rows, err := c.QueryContext(ctx, text)
	if err != nil {
		return errorText(err)
	}
	defer rows.Close()
	names, _ := rows.Columns()
	vals, ptrs := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	var lines []string
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return errorText(err)
		}
		cells := make([]string, len(vals))
		for i, v := range vals {
			if cells[i] = v.String; !v.Valid {
				cells[i] = "NULL"
			}
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	if err := rows.Err(); err != nil {
		return errorText(err)
	}
	if len(lines) == 0 {
		return "no rows\n"
	}
	return strings.Join(lines, ", ") + "\n"
}

func errorText(err error) string {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return fmt.Sprintf("ERROR %d (%s): %s\n", e.Number, e.SQLState[:], e.Message)
	}
	return "ERROR " + err.Error() + "\n"
}
