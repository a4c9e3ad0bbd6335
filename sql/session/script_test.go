package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// The scripts in testdata are conversations of clients with a node. Commands:
//
//	sql [conn=NAME] [user=NAME] [host=HOST]   run the lines, each a statement
//	text [conn=NAME]                          run the lines as one text of several statements
//	status [conn=NAME]                        the status flags and the number of warnings
//	reset [conn=NAME]                         COM_RESET_CONNECTION
//	write name=FILE [quoted]                  put the lines, or what a Go string says, into a file of secure_file_priv
//	read name=FILE                            what is in one
//	killed [conn=NAME]                        whether the server has closed the connection
func TestScripts(t *testing.T) {
	t.Parallel() // it waits more than it computes
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			e := newTestEngine(t, func(c *Config) { c.FileDir = t.TempDir() })
			clients := map[string]*client{}
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				name, user, host := "a", "root", "localhost"
				d.MaybeScanArgs(t, "conn", &name)
				d.MaybeScanArgs(t, "user", &user)
				d.MaybeScanArgs(t, "host", &host)
				c := clients[name]
				if c == nil {
					c = connect(t, e, user, host)
					clients[name] = c
				}
				return c.script(t, d)
			})
		})
	}
}

func (c *client) script(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	switch d.Cmd {
	case "sql":
		var out strings.Builder
		for _, line := range strings.Split(d.Input, "\n") {
			out.WriteString(c.query(line))
		}
		return out.String()
	case "text":
		return c.query(d.Input)
	case "reset":
		if err := c.s.Reset(context.Background()); err != nil {
			return err.Error() + "\n"
		}
		return ""
	case "write", "read":
		var name string
		d.ScanArgs(t, "name", &name)
		return c.file(t, d, filepath.Join(c.s.eng.cfg.FileDir, name))
	case "killed":
		return fmt.Sprintf("%v\n", c.killed.Load())
	case "status":
		flags, warnings := c.s.Status()
		var names []string
		for _, f := range []struct {
			bit  uint16
			name string
		}{
			{mysql.ServerStatusAutocommit, "autocommit"}, {mysql.ServerStatusInTrans, "in-transaction"},
			{statusInTransReadOnly, "read-only"}, {mysql.ServerStatusNoBackslashEscaped, "no-backslash-escapes"},
		} {
			if flags&f.bit != 0 {
				names = append(names, f.name)
			}
		}
		return fmt.Sprintf("%s warnings %d\n", strings.Join(names, " "), warnings)
	}
	t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return ""
}

// file writes or reads a file.
func (c *client) file(t *testing.T, d *datadriven.TestData, path string) string {
	t.Helper()
	if d.Cmd == "read" {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Quote(string(text)) + "\n"
	}
	text := d.Input + "\n"
	if d.HasArg("quoted") {
		var err error
		if text, err = strconv.Unquote(d.Input); err != nil {
			t.Fatalf("%s: %v", d.Pos, err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ""
}
