package session

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/node"
	"cloudsql/sql"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// newTestEngine starts a node of one in a directory of the test's own, and the SQL layer over it.
func newTestEngine(t testing.TB, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := Config{Hostname: "test", Port: 3306, DataDir: "/data"}
	for _, fn := range change {
		fn(&cfg)
	}
	n, err := node.Open(context.Background(), node.Config{Dir: t.TempDir(), NodeAddr: "127.0.0.1:0", History: cfg.History})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return NewEngine(n, cfg)
}

// client is a connection with what its statements gave.
type client struct {
	t      testing.TB
	s      *Session
	killed atomic.Bool
}

func connect(t testing.TB, e *Engine, user, host string) *client {
	t.Helper()
	a, ok := e.Lookup(user, host)
	if !ok {
		t.Fatalf("no account for %s at %s", user, host)
	}
	c := &client{t: t}
	info := &sql.ConnInfo{
		Account: a, ClientUser: user, RemoteAddr: "127.0.0.1:5000",
		Capabilities: mysql.ClientMultiStatements | mysql.ClientLocalFiles, Collation: collation.Default, Kill: func() { c.killed.Store(true) },
	}
	s, err := e.Open(context.Background(), info)
	if err != nil {
		t.Fatal(err)
	}
	c.s = s.(*Session)
	t.Cleanup(s.Close)
	return c
}

// recorder keeps results as text.
type recorder struct {
	out    strings.Builder
	header *sql.Header
	rows   [][]string
	last   sql.Outcome
	files  string // where the client has its own files
}

// LocalFile implements sql.LocalFiles.
func (r *recorder) LocalFile(name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(r.files, name))
	if err != nil {
		return nil, mysqlerr.From(err)
	}
	return f, nil
}

func (r *recorder) Header(h *sql.Header) error {
	r.header = h
	names := make([]string, len(h.Columns))
	for i := range h.Columns {
		names[i] = h.Columns[i].Name
	}
	r.out.WriteString(strings.Join(names, "|") + "\n")
	return nil
}

func (r *recorder) Row(vals []types.Value) error {
	row := make([]string, len(vals))
	for i, v := range vals {
		row[i] = "NULL"
		if !v.IsNull() {
			row[i] = string(v.AppendText(nil, &r.header.Columns[i].Type))
		}
	}
	r.rows = append(r.rows, row)
	r.out.WriteString(strings.Join(row, "|") + "\n")
	return nil
}

func (r *recorder) Done(o *sql.Outcome) error {
	r.last = *o
	if r.header == nil {
		fmt.Fprintf(&r.out, "ok %d", o.AffectedRows)
		if o.LastInsertID != 0 {
			fmt.Fprintf(&r.out, " id %d", o.LastInsertID)
		}
		if o.Info != "" {
			r.out.WriteString(" (" + o.Info + ")")
		}
		r.out.WriteString("\n")
	}
	if o.Warnings > 0 {
		fmt.Fprintf(&r.out, "warnings %d\n", o.Warnings)
	}
	r.header = nil
	return nil
}

// query runs a text and gives its results, or the error as the client would see it.
func (c *client) query(text string) string {
	r := &recorder{files: c.s.eng.cfg.FileDir}
	if err := c.s.Query(context.Background(), text, r); err != nil {
		r.out.WriteString(mysqlerr.From(err).Error() + "\n")
	}
	return r.out.String()
}

// must runs a text that may not fail.
func (c *client) must(text string) string {
	c.t.Helper()
	out := c.query(text)
	if strings.Contains(out, "ERROR ") {
		c.t.Fatalf("%s: %s", text, out)
	}
	return out
}

// value runs a query of one value.
func (c *client) value(text string) string {
	c.t.Helper()
	r := &recorder{}
	if err := c.s.Query(context.Background(), text, r); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	if len(r.rows) != 1 {
		c.t.Fatalf("%s: %d rows", text, len(r.rows))
	}
	return r.rows[0][0]
}
