// Package dialogue runs scripts of statements over the MySQL wire: what tests/sqllogic and tests/locks have their files in.
//
// A file is one behaviour: its first line says what it shows. It is a conversation of connections with a server, in a database
// of its own, which answers name "test" whatever it is called. Commands:
//
//	exec                     a statement; its answer is the affected rows, the insert id where there is one, or the error
//	query [sort] [types]     the heading and the rows, columns joined by |; sort orders them, types shows the columns' types
//	… conn=NAME              the same on another connection, made when it is first named
//	NAME                     a statement that may have to wait, on the connection of that name; the answer is short: rows in a
//	                         line, "ok" with the affected rows, the error, or "waits"; then what statements that waited gave
//	                         when this one let them go on
//	timeout NAME             until that connection's statement, which waits, has ended
//
// -rewrite puts what the server answered into the files.
package dialogue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/go-sql-driver/mysql"
)

// Server is who is asked.
type Server struct {
	// DSNs are its nodes. A dialogue begins at one of them, and each further connection is made to the next.
	DSNs []string
	// Prepared sends exec and query in the prepared statement protocol, as far as MySQL has them there.
	Prepared bool
	// Parallel lets files run beside each other: none may depend on what is not in its database.
	Parallel bool
	// Skip names files, as their subtests, that the server is known to answer otherwise, and why.
	Skip map[string]string
	// Waiting counts the statements that wait for locks, on all connections; for files in which any may have to.
	Waiting func(t *testing.T) int
}

// Walk runs the files below dir, each as a subtest that is named as it is.
func Walk(t *testing.T, dir string, s *Server) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		rel, _ := filepath.Rel(dir, path)
		name := strings.TrimSuffix(filepath.ToSlash(rel), filepath.Ext(rel))
		if why := s.Skip[name]; why != "" {
			t.Skip(why)
		}
		if s.Parallel {
			t.Parallel()
		}
		d := start(t, s, name)
		datadriven.RunTest(t, path, d.run)
	})
}

// dialogue is one file's database and connections.
type dialogue struct {
	t     *testing.T
	s     *Server
	db    string
	pools []*sql.DB // of the nodes, its own first
	conns map[string]*conn
}

// conn is a connection.
type conn struct {
	*sql.Conn
	prepared bool
	answer   chan string // of the statement that is under way; nil: none is
}

const patience = 30 * time.Second

func start(t *testing.T, s *Server, name string) *dialogue {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	d := &dialogue{t: t, s: s, db: fmt.Sprintf("t%016x", hash.Sum64()), conns: map[string]*conn{}}
	first := int(hash.Sum64() % uint64(len(s.DSNs)))
	for i := range s.DSNs {
		pool, err := sql.Open("mysql", s.DSNs[(first+i)%len(s.DSNs)])
		if err != nil {
			t.Fatal(err)
		}
		pool.SetMaxIdleConns(0) // a connection that a failed dialogue leaves in a transaction ends with it
		d.pools = append(d.pools, pool)
	}
	t.Cleanup(d.end)
	for _, stmt := range []string{"DROP DATABASE IF EXISTS " + d.db, "CREATE DATABASE " + d.db} {
		if _, err := d.pools[0].Exec(stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
	return d
}

func (d *dialogue) end() {
	for _, c := range d.conns {
		_ = c.Close()
	}
	_, _ = d.pools[0].Exec("DROP DATABASE " + d.db) // the server may be gone
	for _, p := range d.pools {
		p.Close()
	}
}

func (d *dialogue) run(t *testing.T, td *datadriven.TestData) string {
	d.t = t
	return strings.ReplaceAll(d.command(td), d.db, "test")
}

func (d *dialogue) command(td *datadriven.TestData) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name := "main"
	td.MaybeScanArgs(d.t, "conn", &name)
	switch td.Cmd {
	case "exec":
		return d.conn(ctx, name).exec(ctx, td.Input)
	case "query":
		return d.conn(ctx, name).query(ctx, td.Input, td.HasArg("sort"), td.HasArg("types"))
	case "timeout":
		c := d.conns[td.CmdArgs[0].Key]
		out := <-c.answer
		c.answer = nil
		return out + strings.TrimPrefix(d.collect(""), "waits\n")
	}
	if d.s.Waiting == nil {
		d.t.Fatalf("%s: unknown command %q", td.Pos, td.Cmd)
	}
	c := d.conn(ctx, td.Cmd)
	if c.answer != nil {
		d.t.Fatalf("%s: %s is waiting", td.Pos, td.Cmd)
	}
	answer := make(chan string, 1)
	c.answer = answer
	go func() { answer <- c.short(td.Input) }()
	return d.collect(td.Cmd)
}

func (d *dialogue) conn(ctx context.Context, name string) *conn {
	if c := d.conns[name]; c != nil {
		return c
	}
	raw, err := d.pools[len(d.conns)%len(d.pools)].Conn(ctx)
	for deadline := time.Now().Add(patience); err == nil; {
		if _, err = raw.ExecContext(ctx, "USE "+d.db); err == nil || len(d.pools) == 1 || time.Now().After(deadline) {
			break
		}
		time.Sleep(time.Millisecond) // another node has yet to hear of the database: the condition, not the time, decides
		err = nil
	}
	if err != nil {
		d.t.Fatal(err)
	}
	c := &conn{Conn: raw, prepared: d.s.Prepared}
	d.conns[name] = c
	return c
}

// collect gathers answers until all statements that are under way wait for locks.
func (d *dialogue) collect(speaker string) string {
	answers := map[string]string{}
	for deadline := time.Now().Add(patience); ; {
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
		if pending == 0 || d.s.Waiting(d.t) == pending && d.pending() == pending {
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
	for _, name := range slices.Sorted(maps.Keys(answers)) {
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

// prepare gives the statement in the prepared protocol; nil where it is to be sent as text. GET DIAGNOSTICS would find the error of its
// own preparation.
func (c *conn) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if !c.prepared || strings.HasPrefix(text, "GET ") {
		return nil, nil
	}
	stmt, err := c.PrepareContext(ctx, text)
	var e *mysql.MySQLError
	if errors.As(err, &e) && e.Number == 1295 { // "not supported in the prepared statement protocol yet"
		return nil, nil
	}
	return stmt, err
}

func (c *conn) exec(ctx context.Context, text string) string {
	stmt, err := c.prepare(ctx, text)
	if err != nil {
		return errorText(err)
	}
	var res sql.Result
	if stmt != nil {
		defer func() { _ = stmt.Close() }()
		res, err = stmt.ExecContext(ctx)
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

func (c *conn) query(ctx context.Context, text string, sorted, typed bool) string {
	stmt, err := c.prepare(ctx, text)
	if err != nil {
		return errorText(err)
	}
	var rows *sql.Rows
	if stmt != nil {
		defer func() { _ = stmt.Close() }()
		rows, err = stmt.QueryContext(ctx)
	} else {
		rows, err = c.QueryContext(ctx, text)
	}
	if err != nil {
		return errorText(err)
	}
	defer func() { _ = rows.Close() }()
	head, lines, err := read(rows, typed)
	if err != nil {
		return errorText(err)
	}
	if sorted {
		slices.Sort(lines)
	}
	return strings.Join(append(head, lines...), "\n") + "\n"
}

// short runs a statement that may have to wait, and gives its answer in a line.
func (c *conn) short(text string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
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
	defer func() { _ = rows.Close() }()
	_, lines, err := read(rows, false)
	if err != nil {
		return errorText(err)
	}
	if len(lines) == 0 {
		return "no rows\n"
	}
	return strings.Join(lines, ", ") + "\n"
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
	vals, ptrs, cells := make([]sql.RawBytes, len(names)), make([]any, len(names)), make([]string, len(names))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return nil, nil, err
		}
		for i, v := range vals {
			if cells[i] = string(v); v == nil {
				cells[i] = "NULL"
			}
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return head, lines, rows.Err()
}

func errorText(err error) string {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return fmt.Sprintf("ERROR %d (%s): %s\n", e.Number, e.SQLState[:], e.Message)
	}
	return "ERROR " + err.Error() + "\n"
}
