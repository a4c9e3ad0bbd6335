package protocol

import (
	"math/rand/v2"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Every number of a command gets MySQL 8.0's answer. What was a command once (5, 6, 8) is none any more: a client that stops the
// server says SHUTDOWN, which needs the privilege.
func TestEveryCommandNumber(t *testing.T) {
	const (
		result  = -1 // not an ERR packet
		ends    = -2 // the connection
		silence = -3 // the command has no answer
		unknown = 1047
	)
	want := map[byte]int{
		mysql.COM_QUIT: ends, mysql.COM_INIT_DB: result, mysql.COM_QUERY: result, mysql.COM_FIELD_LIST: 1835, mysql.COM_REFRESH: 1835,
		mysql.COM_STATISTICS: result, mysql.COM_PROCESS_INFO: result, mysql.COM_PROCESS_KILL: 1835, mysql.COM_DEBUG: result,
		mysql.COM_PING: result, mysql.COM_CHANGE_USER: ends, mysql.COM_BINLOG_DUMP: 1235, mysql.COM_REGISTER_SLAVE: 1235,
		mysql.COM_STMT_PREPARE: result, mysql.COM_STMT_EXECUTE: 1835, mysql.COM_STMT_SEND_LONG_DATA: silence, mysql.COM_STMT_CLOSE: silence,
		mysql.COM_STMT_RESET: 1835, mysql.COM_SET_OPTION: 1835, mysql.COM_STMT_FETCH: 1835, mysql.COM_BINLOG_DUMP_GTID: 1235,
		mysql.COM_RESET_CONNECTION: result,
	}
	_, _, addr := start(t, Config{})
	for n := range 256 {
		command := byte(n) //nolint:gosec // below 256
		code, known := want[command]
		if !known {
			code = unknown
		}
		c := dialRaw(t, addr, 0)
		c.logIn("root")
		c.begin(command)
		if code == silence {
			c.begin(mysql.COM_PING)
		}
		p, err := c.pc.ReadPacket()
		switch {
		case err != nil && code == ends:
		case err != nil:
			t.Errorf("command %#x: %v", n, err)
		case code == silence && !isOK(p), code == result && p[0] == 0xff:
			t.Errorf("command %#x: %q", n, p)
		case code > 0:
			wantRawError(t, p, code)
		}
		_ = c.nc.Close()
	}
}

// Whatever a client sends as a command, others are served.
func TestRandomCommandsEndNothing(t *testing.T) {
	_, _, addr := start(t, Config{})
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a test's
	for range 300 {
		c := dialRaw(t, addr, r.Uint32()&(mysql.CLIENT_DEPRECATE_EOF|mysql.CLIENT_MULTI_STATEMENTS))
		c.logIn("root")
		for range 8 {
			payload := make([]byte, r.IntN(24))
			for i := range payload {
				payload[i] = byte(r.Uint32() >> r.IntN(8)) //nolint:gosec // any byte will do
			}
			c.pc.StartCommand()
			if c.pc.End(append(append(c.pc.Begin(), byte(r.IntN(0x20))), payload...)) != nil || c.pc.Flush() != nil { //nolint:gosec // below 256
				break
			}
		}
		_ = c.nc.Close()
	}
	c := dialRaw(t, addr, 0)
	c.logIn("root")
	if p := c.command(mysql.COM_PING); !isOK(p) {
		t.Errorf("PING at last: %q", p)
	}
}
