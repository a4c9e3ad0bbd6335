// Package sqllogic runs the scripts in testdata against a real node over the MySQL wire, as text statements and as
// prepared ones. A script is a dialogue:
//
//	exec                       a statement; its output is the affected rows, the insert id where there is one, or the error
//	query [sort] [types]       rows, columns joined by |; sort orders them, types shows the columns' types first
//	… conn=name                the same on another connection, made when it is first named
//
// -rewrite puts what the server answered into the files; SQLLOGIC_DSN=root@tcp(127.0.0.1:23306)/ asks another server.
package sqllogic

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

func TestSQL(t *testing.T) {
	dsn := os.Getenv("SQLLOGIC_DSN")
	if dsn == "" {
		dsn = harness.NewNode(t).Start().DSN("", "")
	}
	for _, prepared := range []bool{false, true} {
		mode := "text"
		if prepared {
			mode = "prepared"
		}
		t.Run(mode, func(t *testing.T) {
			datadriven.Walk(t, "testdata", func(t *testing.T, path string) { runFile(t, dsn, path, prepared) })
		})
	}
}

func runFile(t *testing.T, dsn, path string, prepared bool) {
	s := newSession(t, dsn, path, prepared)
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		name := "main"
		d.MaybeScanArgs(t, "conn", &name)
		c := s.conn(ctx, name)
		switch d.Cmd {
		case "exec":
			return s.exec(ctx, c, d.Input)
		case "query":
			return s.query(ctx, c, d.Input, d.HasArg("sort"), d.HasArg("types"))
		}
		t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
		return ""
	})
}

// session is one script's database and connections.
type session struct {
	t        *testing.T
	pool     *sql.DB
	db       string
	prepared bool
	conns    map[string]*sql.Conn
}

func newSession(t *testing.T, dsn, path string, prepared bool) *session {
	pool, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, pool: pool, prepared: prepared, conns: map[string]*sql.Conn{}}
	s.db = "logic_" + strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	for _, stmt := range []string{"DROP DATABASE IF EXISTS " + s.db, "CREATE DATABASE " + s.db} {
		if _, err := pool.Exec(stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
	t.Cleanup(func() {
		for _, c := range s.conns {
			c.Close()
		}
		pool.Exec("DROP DATABASE " + s.db)
		pool.Close()
	})
	return s
}

func (s *session) conn(ctx context.Context, name string) *sql.Conn {
	if c := s.conns[name]; c != nil {
		return c
	}
	c, err := s.pool.Conn(ctx)
	if err == nil {
		_, err = c.ExecContext(ctx, "USE "+s.db)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.conns[name] = c
	return c
}

func (s *session) exec(ctx context.Context, c *sql.Conn, text string) string {
	var res sql.Result
	var err error
	if s.prepared {
		var stmt *sql.Stmt
		if stmt, err = c.PrepareContext(ctx, text); err == nil {
			defer stmt.Close()
			res, err = stmt.ExecContext(ctx)
		} else if unpreparable(err) {
			res, err = c.ExecContext(ctx, text)
		}
	} else {
		res, err = c.ExecContext(ctx, text)
	}
	if err != nil {
		return errorText(err)
	}
	n, _ := res.RowsAffected()
	out := fmt.Sprintf("ok %d", n)
	if id, _ := res.LastInsertId(); id != 0 {
		out += fmt.Sprintf(" id=%d", id)
	}
	return out + "\n"
}

func (s *session) query(ctx context.Context, c *sql.Conn, text string, sorted, typed bool) string {
	var rows *sql.Rows
	var err error
	if s.prepared {
		var stmt *sql.Stmt
		if stmt, err = c.PrepareContext(ctx, text); err == nil {
			defer stmt.Close()
			rows, err = stmt.QueryContext(ctx)
		} else if unpreparable(err) {
			rows, err = c.QueryContext(ctx, text)
		}
	} else {
		rows, err = c.QueryContext(ctx, text)
	}
	if err != nil {
		return errorText(err)
	}
	defer rows.Close()
	head, lines, err := read(rows, typed)
	if err != nil {
		return errorText(err)
	}
	if sorted {
		slices.Sort(lines)
	}
	return strings.Join(append(head, lines...), "\n") + "\n"
}

// read gives the heading and the rows as lines.
func read(rows *sql.Rows, typed bool) (head, lines []string, err error) {
	names, err := rows.Columns()
	if err != nil {
		return nil, nil, err
	}
	head = []string{strings.Join(names, "|")}
	if typed {
		cols, err := rows.ColumnTypes()
		if err != nil {
			return nil, nil, err
		}
		var types []string
		for _, c := range cols {
			types = append(types, c.DatabaseTypeName())
		}
		head = append(head, strings.Join(types, "|"))
	}
	vals := make([]sql.RawBytes, len(names))
	ptrs := make([]any, len(names))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return nil, nil, err
		}
		var b strings.Builder
		for i, v := range vals {
			if i > 0 {
				b.WriteByte('|')
			}
			if v == nil {
				b.WriteString("NULL")
			} else {
				b.Write(v)
			}
		}
		lines = append(lines, b.String())
	}
	return head, lines, rows.Err()
}

// unpreparable tells MySQL's "not supported in the prepared statement protocol yet".
func unpreparable(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number == 1295
}

func errorText(err error) string {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return fmt.Sprintf("ERROR %d (%s): %s\n", e.Number, e.SQLState[:], e.Message)
	}
	return "ERROR " + err.Error() + "\n"
}
