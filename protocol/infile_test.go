package protocol

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
)

// load is LOAD DATA LOCAL: how is "all", or "fail" after a few bytes, or "none" of them.
func (s *fakeSession) load(_ context.Context, how string, w sql.ResultWriter) error {
	in, err := w.(sql.LocalFiles).LocalFile("a/file")
	if err != nil {
		return err
	}
	defer in.Close()
	n := 0
	switch how {
	case "all":
		text, err := io.ReadAll(in)
		if n = len(text); err != nil {
			return err
		}
	case "fail":
		if n, err = in.Read(make([]byte, 3)); err == nil {
			err = mysqlerr.Newf(mysqlerr.DupEntry, "%d bytes", n)
		}
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	return w.Done(&sql.Outcome{Info: fmt.Sprintf("Records: %d", n)})
}

// The client is asked for the file, all that it sends is read, and then it has its answer, whatever that is; then the next command is
// served. What a client sends may be nothing at all.
func TestLocalInfile(t *testing.T) {
	for _, how := range []string{"all", "none", "fail"} {
		for _, packets := range []int{0, 1, 500} {
			c := connectRaw(t, mysql.CLIENT_LOCAL_FILES)
			p := c.text(mysql.COM_QUERY, "load "+how)
			if string(p) != "\xfba/file" {
				t.Fatalf("%s: %q", how, p)
			}
			for range packets {
				c.send(bytes.Repeat([]byte("x"), 5000))
			}
			c.send(nil)
			p = c.read()
			switch {
			case how == "fail" && packets > 0:
				wantRawError(t, p, mysqlerr.DupEntry)
			case how == "fail":
				wantRawError(t, p, mysqlerr.UnknownError) // io.EOF: the fake's
			case !isOK(p):
				t.Errorf("%s of %d packets: %q", how, packets, p)
			}
			if how == "all" && !bytes.HasSuffix(p, fmt.Appendf(nil, "Records: %d", packets*5000)) {
				t.Errorf("%d packets: %q", packets, p)
			}
			if p := c.command(mysql.COM_PING); !isOK(p) {
				t.Errorf("after %s: %q", how, p)
			}
		}
	}
}

// A client that goes away in the middle, and one that sends no more, end their statement and their connection.
func TestLocalInfileEndsWithItsClient(t *testing.T) {
	s, _, addr := start(t, Config{ReadTimeout: 50 * time.Millisecond, Tick: 10 * time.Millisecond})
	for _, leaves := range []bool{true, false} {
		c := dialRaw(t, addr, mysql.CLIENT_LOCAL_FILES)
		c.logIn("root")
		c.text(mysql.COM_QUERY, "load all")
		c.send([]byte("abc"))
		if leaves {
			_ = c.nc.Close()
		} else {
			_, _ = io.Copy(io.Discard, c.nc) // ends when the server closes
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			n := 0
			s.each(func(*conn) { n++ })
			if n == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the connection is still there")
			}
		}
	}
}
