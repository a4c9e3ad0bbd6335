package protocol

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/storage/memory"
)

// rawClient speaks to the server packet by packet.
type rawClient struct {
	nc   net.Conn
	t    testing.TB
	pc   *packet.Conn
	caps uint32
}

// dialRaw connects; caps are asked for besides the usual ones.
func dialRaw(t testing.TB, addr string, caps uint32) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second)) // bounds a failing test
	base := mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_PLUGIN_AUTH | mysql.CLIENT_LONG_PASSWORD
	return &rawClient{t: t, nc: nc, pc: packet.NewConn(nc, nil), caps: base | caps}
}

func (c *rawClient) read() []byte {
	c.t.Helper()
	data, err := c.pc.ReadPacket()
	if err != nil {
		c.t.Fatal(err)
	}
	return bytes.Clone(data)
}

func (c *rawClient) send(payload []byte) {
	c.t.Helper()
	if err := c.pc.End(append(c.pc.Begin(), payload...)); err != nil {
		c.t.Fatal(err)
	}
	if err := c.pc.Flush(); err != nil {
		c.t.Fatal(err)
	}
}

// logIn logs in as a user without a password.
func (c *rawClient) logIn(user string) {
	c.t.Helper()
	c.read()
	c.send(c.response(user))
	if ok := c.read(); ok[0] != 0 {
		c.t.Fatalf("log-in: %q", ok)
	}
}

func (c *rawClient) response(user string) []byte {
	b := packet.AppendUint(nil, uint64(c.caps), 4)
	b = append(b, make([]byte, 4)...)
	b = append(b, 255)
	b = append(b, make([]byte, 23)...)
	b = packet.AppendNul(b, user)
	b = append(b, 0)
	return packet.AppendNul(b, mysql.AUTH_CACHING_SHA2_PASSWORD)
}

// command sends a command and reads the first packet of its answer.
func (c *rawClient) command(command byte, payload ...byte) []byte {
	c.t.Helper()
	c.begin(command, payload...)
	return c.read()
}

// text is command with a text payload.
func (c *rawClient) text(command byte, payload string) []byte {
	c.t.Helper()
	return c.command(command, []byte(payload)...)
}

// begin sends a command.
func (c *rawClient) begin(command byte, payload ...byte) {
	c.t.Helper()
	c.pc.StartCommand()
	c.send(append([]byte{command}, payload...))
}

func wantRawError(t testing.TB, p []byte, code int) {
	t.Helper()
	if len(p) < 9 || p[0] != 0xff || int(p[1])|int(p[2])<<8 != code {
		t.Errorf("got %q, want error %d", p, code)
	}
}

func connectRaw(t testing.TB, caps uint32) *rawClient {
	t.Helper()
	_, _, addr := start(t, Config{})
	c := dialRaw(t, addr, caps)
	c.logIn("root")
	return c
}

func isOK(p []byte) bool  { return len(p) >= 7 && p[0] == 0 }
func isEOF(p []byte) bool { return len(p) == 5 && p[0] == 0xfe }

func TestSimpleCommands(t *testing.T) {
	c := connectRaw(t, 0)
	if p := c.command(mysql.COM_PING); !isOK(p) {
		t.Errorf("PING: %q", p)
	}
	if p := c.text(mysql.COM_INIT_DB, "db"); !isOK(p) {
		t.Errorf("INIT_DB: %q", p)
	}
	wantRawError(t, c.text(mysql.COM_INIT_DB, "missing"), 1049)
	if p := c.command(mysql.COM_STATISTICS); !strings.HasPrefix(string(p), "Uptime") {
		t.Errorf("STATISTICS: %q", p)
	}
	if p := c.command(mysql.COM_RESET_CONNECTION); !isOK(p) {
		t.Errorf("RESET_CONNECTION: %q", p)
	}
	if p := c.command(mysql.COM_SET_OPTION, 0, 0); !isEOF(p) {
		t.Errorf("SET_OPTION: %q", p)
	}
	wantRawError(t, c.command(mysql.COM_SET_OPTION, 9, 9), 1047)
	wantRawError(t, c.command(mysql.COM_SET_OPTION), 1835)
	if p := c.command(mysql.COM_DEBUG); !isEOF(p) {
		t.Errorf("DEBUG: %q", p)
	}
	if p := c.command(mysql.COM_PROCESS_KILL, 1, 0, 0, 0); !isOK(p) {
		t.Errorf("PROCESS_KILL: %q", p)
	}
	wantRawError(t, c.command(mysql.COM_PROCESS_KILL, 1), 1835)
	wantRawError(t, c.command(mysql.COM_REFRESH), 1835)
	wantRawError(t, c.command(mysql.COM_REFRESH, 4|64), 1235)
	wantRawError(t, c.command(mysql.COM_BINLOG_DUMP), 1235)
	wantRawError(t, c.command(mysql.COM_CREATE_DB), 1047)
	wantRawError(t, c.command(200), 1047)
	c.pc.StartCommand()
	c.send(nil) // the empty packet
	wantRawError(t, c.read(), 1047)
	if p := c.command(mysql.COM_PING); !isOK(p) {
		t.Errorf("PING at last: %q", p)
	}
	c.begin(mysql.COM_QUIT)
	if _, err := c.pc.ReadPacket(); err == nil {
		t.Error("QUIT was answered")
	}
}

func TestFieldList(t *testing.T) {
	for _, caps := range []uint32{0, mysql.CLIENT_DEPRECATE_EOF} {
		c := connectRaw(t, caps)
		p := c.text(mysql.COM_FIELD_LIST, "t\x00%")
		if !bytes.HasPrefix(p, []byte("\x03def\x02db")) || !bytes.HasSuffix(p, []byte("\x017")) {
			t.Errorf("first column: %q", p)
		}
		if p := c.read(); p[len(p)-1] != 0xfb {
			t.Errorf("second column: %q", p)
		}
		if p := c.read(); p[0] != 0xfe || isEOF(p) == (caps != 0) {
			t.Errorf("end: %q", p)
		}
		wantRawError(t, c.text(mysql.COM_FIELD_LIST, "missing\x00"), 1146)
		wantRawError(t, c.text(mysql.COM_FIELD_LIST, "no zero byte"), 1835)
	}
}

func TestDeprecateEOF(t *testing.T) {
	for _, caps := range []uint32{0, mysql.CLIENT_DEPRECATE_EOF} {
		c := connectRaw(t, caps)
		var shape []string
		for p := c.text(mysql.COM_QUERY, "rows 1 1"); ; p = c.read() {
			shape = append(shape, fmt.Sprintf("%x/%d", p[0], len(p)))
			if p[0] == 0xfe && (caps != 0 || len(shape) > 4) {
				break
			}
		}
		want := 6 // count, two definitions, EOF, row, EOF
		if caps != 0 {
			want = 5
		}
		if len(shape) != want {
			t.Errorf("capabilities %x: %v", caps, shape)
		}
	}
}

// TestChangeUserAsLibmariadbDoes answers a switch with the greeting's challenge, whatever the switch says.
func TestChangeUserAsLibmariadbDoes(t *testing.T) {
	_, _, addr := start(t, Config{})
	c := dialRaw(t, addr, 0)
	greeting := c.read()
	rest := greeting[bytes.IndexByte(greeting, 0)+1:]
	salt := append(bytes.Clone(rest[4:12]), rest[12+1+18:12+1+18+12]...)
	c.send(c.response("root"))
	c.read()
	if p := c.text(mysql.COM_CHANGE_USER, "native\x00\x00\x00\xff\x00mysql_native_password\x00"); p[0] != 0xfe {
		t.Fatalf("%q, want a switch", p)
	}
	c.send(mysql.CalcNativePassword(salt, []byte("s3cret")))
	if p := c.read(); !isOK(p) {
		t.Errorf("%q", p)
	}
}

// TestReexecutionWithoutTypes executes twice, the second time with new-params-bound = 0, as drivers do.
func TestReexecutionWithoutTypes(t *testing.T) {
	c := connectRaw(t, mysql.CLIENT_DEPRECATE_EOF)
	id := c.prepare("echo ?, ?")
	execute := func(payload ...byte) [][]byte {
		p := c.command(mysql.COM_STMT_EXECUTE, append(append(id, 0, 1, 0, 0, 0), payload...)...)
		if p[0] == 0xff {
			return [][]byte{p}
		}
		var packets [][]byte
		for ; len(packets) < 4; p = c.read() {
			packets = append(packets, p)
		}
		return append(packets, p)
	}
	wantRawError(t, execute(0, 0, 5, 6)[0], 1210) // nothing bound yet
	wantRawError(t, execute(0, 1, mysql.MYSQL_TYPE_TINY)[0], 1835)
	row := execute(0, 1, mysql.MYSQL_TYPE_TINY, 0x80, mysql.MYSQL_TYPE_VAR_STRING, 0, 200, 1, 'a')[3]
	if string(row) != "\x00\x00\xc8\x00\x00\x00\x00\x00\x00\x00\x01a" {
		t.Errorf("first: %q", row)
	}
	row = execute(0, 0, 201, 2, 'b', 'c')[3]
	if string(row) != "\x00\x00\xc9\x00\x00\x00\x00\x00\x00\x00\x02bc" {
		t.Errorf("second: %q", row)
	}
	row = execute(1, 0, 1, 'd')[3]
	if string(row) != "\x00\x04\x01d" {
		t.Errorf("with NULL: %q", row)
	}
	c.begin(mysql.COM_STMT_SEND_LONG_DATA, append(id, 1, 0, 'l', 'o')...)
	c.begin(mysql.COM_STMT_SEND_LONG_DATA, append(id, 1, 0, 'n', 'g')...)
	row = execute(0, 0, 7)[3]
	if string(row) != "\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x04long" {
		t.Errorf("with long data: %q", row)
	}
	c.begin(mysql.COM_STMT_SEND_LONG_DATA, append(id, 1, 0, 'x')...)
	if p := c.command(mysql.COM_STMT_RESET, id...); !isOK(p) {
		t.Errorf("RESET: %q", p)
	}
	row = execute(0, 0, 8, 1, 'y')[3]
	if string(row) != "\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01y" {
		t.Errorf("after RESET: %q", row)
	}
	c.begin(mysql.COM_STMT_SEND_LONG_DATA, append(id, 9, 0, 'x')...) // no such parameter
	wantRawError(t, execute(0, 0, 8, 1, 'y')[0], 1210)
	wantRawError(t, c.command(mysql.COM_STMT_FETCH, append(id, 1, 0, 0, 0)...), 1421)
	c.begin(mysql.COM_STMT_CLOSE, id...)
	wantRawError(t, execute(0, 0, 8, 1, 'y')[0], 1243)
}

// prepare prepares a statement without result columns and gives its id's four bytes.
func (c *rawClient) prepare(text string) []byte {
	c.t.Helper()
	p := c.text(mysql.COM_STMT_PREPARE, text)
	if p[0] != 0 || len(p) != 12 {
		c.t.Fatalf("PREPARE: %q", p)
	}
	for range int(p[7]) {
		c.read()
	}
	return p[1:5:5]
}

// TestCursor fetches the rows of a cursor in portions, beside another statement.
func TestCursor(t *testing.T) {
	for _, caps := range []uint32{0, mysql.CLIENT_DEPRECATE_EOF} {
		c := connectRaw(t, caps)
		id := c.prepare("rows 5 3")
		open := func() {
			t.Helper()
			c.begin(mysql.COM_STMT_EXECUTE, append(id, 1, 1, 0, 0, 0)...)
			for range 3 { // count and definitions
				c.read()
			}
			if status := endStatus(c.read()); status&mysql.SERVER_STATUS_CURSOR_EXISTS == 0 {
				t.Fatalf("status %x", status)
			}
		}
		fetch := func(n byte) (rows int, status uint16) {
			t.Helper()
			for p := c.command(mysql.COM_STMT_FETCH, append(id, n, 0, 0, 0)...); ; p = c.read() {
				if p[0] == 0xff {
					wantRawError(t, p, 1421)
					return -1, 0
				}
				if p[0] == 0xfe {
					return rows, endStatus(p)
				}
				rows++
			}
		}
		open()
		if rows, status := fetch(2); rows != 2 || status&mysql.SERVER_STATUS_CURSOR_EXISTS == 0 {
			t.Errorf("first: %d rows, status %x", rows, status)
		}
		if p := c.command(mysql.COM_PING); !isOK(p) {
			t.Errorf("PING between: %q", p)
		}
		if rows, status := fetch(3); rows != 3 || status&mysql.SERVER_STATUS_LAST_ROW_SEND != 0 {
			t.Errorf("second: %d rows, status %x", rows, status)
		}
		if rows, status := fetch(3); rows != 0 || status&mysql.SERVER_STATUS_LAST_ROW_SEND == 0 {
			t.Errorf("last: %d rows, status %x", rows, status)
		}
		if rows, _ := fetch(1); rows != -1 {
			t.Error("fetched behind the end")
		}
		open()
		c.command(mysql.COM_STMT_RESET, id...)
		if rows, _ := fetch(1); rows != -1 {
			t.Error("the cursor outlived a reset")
		}
	}
}

// endStatus gives the status in the packet that ends rows or definitions.
//
//	EOF  fe, warnings (2), status (2)
//	OK   fe, no rows affected, no insert id, status (2), warnings (2)
func endStatus(p []byte) uint16 { return uint16(p[3]) | uint16(p[4])<<8 }

// What a client sends without being asked for answers, and cursors, count as well.
func TestLongDataAndCursorsAreCharged(t *testing.T) {
	engine := newFakeEngine(t)
	engine.process = memory.NewProcess(4 << 20)
	_, addr := startWith(t, Config{}, engine)
	c := dialRaw(t, addr, 0)
	c.logIn("root")
	id := c.prepare("echo ?")
	c.read() // EOF behind the parameter
	piece := append(append(bytes.Clone(id), 0, 0), make([]byte, 100<<10)...)
	for range 40 {
		c.begin(mysql.COM_STMT_SEND_LONG_DATA, piece...)
	}
	wantRawError(t, c.command(mysql.COM_STMT_EXECUTE, append(bytes.Clone(id), 0, 1, 0, 0, 0, 0, 1, 0xfc, 0)...), 1041)
	if n := engine.process.Totals().Kinds["long_data"]; n != 0 {
		t.Errorf("%d bytes of long data are left", n)
	}
	id = c.prepare("rows 10000 300") // 3 MB: too much for a cursor here, so the rows come at once
	c.begin(mysql.COM_STMT_EXECUTE, append(id, 1, 1, 0, 0, 0)...)
	for range 3 {
		c.read()
	}
	if status := endStatus(c.read()); status&mysql.SERVER_STATUS_CURSOR_EXISTS != 0 {
		t.Fatal("a cursor was opened")
	}
	for range 10000 {
		c.read()
	}
	if p := c.read(); !isEOF(p) {
		t.Errorf("end: %q", p)
	}
	if n := engine.process.Totals().Kinds["cursor"]; n != 0 {
		t.Errorf("%d bytes of cursors are left", n)
	}
}

// TestCursorTooLarge gets all rows at once where they do not fit into the cursor's memory.
func TestCursorTooLarge(t *testing.T) {
	_, _, addr := start(t, Config{CursorMemory: 100})
	c := dialRaw(t, addr, 0)
	c.logIn("root")
	id := c.prepare("rows 100 3")
	c.begin(mysql.COM_STMT_EXECUTE, append(id, 1, 1, 0, 0, 0)...)
	for range 3 {
		c.read()
	}
	if status := endStatus(c.read()); status&mysql.SERVER_STATUS_CURSOR_EXISTS != 0 {
		t.Fatal("a cursor was opened")
	}
	for i := range 100 {
		if p := c.read(); p[0] != 0 || p[2] != byte(i) {
			t.Fatalf("row %d: %q", i, p)
		}
	}
	if p := c.read(); !isEOF(p) {
		t.Errorf("end: %q", p)
	}
	wantRawError(t, c.command(mysql.COM_STMT_FETCH, append(id, 1, 0, 0, 0)...), 1421)
}

func TestChangeUser(t *testing.T) {
	c := connectRaw(t, 0)
	if p := c.text(mysql.COM_CHANGE_USER, "root\x00\x00db\x00\xff\x00caching_sha2_password\x00"); !isOK(p) {
		t.Errorf("to root: %q", p)
	}
	p := c.text(mysql.COM_CHANGE_USER, "native\x00\x00\x00\xff\x00caching_sha2_password\x00")
	if p[0] != 0xfe || !bytes.HasPrefix(p[1:], []byte("mysql_native_password\x00")) {
		t.Fatalf("to native: %q, want a switch", p)
	}
	c.send(make([]byte, 20))
	wantRawError(t, c.read(), 1045)
	if _, err := c.pc.ReadPacket(); err == nil {
		t.Error("the connection outlived a refused change of user")
	}
}

func TestOutOfOrder(t *testing.T) {
	c := connectRaw(t, 0)
	c.send([]byte{mysql.COM_PING}) // goes on counting from the log-in
	wantRawError(t, c.read(), 1156)
}

func TestBadHandshakes(t *testing.T) {
	_, _, addr := start(t, Config{})
	good := (&rawClient{caps: mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION}).response("root")
	for name, payload := range map[string][]byte{
		"empty":       {},
		"garbage":     bytes.Repeat([]byte{0xff}, 100),
		"truncated":   good[:35],
		"old":         append([]byte{5, 0, 0, 0, 1}, "root\x00"...),
		"reply short": append(append([]byte{}, good[:37]...), 200),
	} {
		c := dialRaw(t, addr, 0)
		c.read()
		c.send(payload)
		p := c.read()
		if len(p) < 3 || p[0] != 0xff || int(p[1])|int(p[2])<<8 != 1043 {
			t.Errorf("%s: %q, want error 1043", name, p)
		}
	}
}

// TestRefresh: COM_REFRESH is a FLUSH statement for each of its bits, with one answer.
func TestRefresh(t *testing.T) {
	_, engine, addr := start(t, Config{})
	c := dialRaw(t, addr, 0)
	c.logIn("root")
	for _, want := range []string{"FLUSH PRIVILEGES", "FLUSH LOGS", "FLUSH TABLES", "FLUSH HOSTS", "FLUSH STATUS"} {
		bits := map[string]byte{"FLUSH PRIVILEGES": 1, "FLUSH LOGS": 2, "FLUSH TABLES": 4, "FLUSH HOSTS": 8, "FLUSH STATUS": 16}[want]
		if p := c.command(mysql.COM_REFRESH, bits); !isOK(p) || *engine.flushed.Load() != want {
			t.Errorf("%d: %q after %s", bits, p, *engine.flushed.Load())
		}
	}
	if p := c.command(mysql.COM_REFRESH, 2|4|8|32); !isOK(p) { // mysqladmin refresh
		t.Errorf("several: %q", p)
	}
	if p := c.command(mysql.COM_PING); !isOK(p) {
		t.Errorf("one answer too many: %q", p)
	}
}
