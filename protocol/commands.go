package protocol

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/codec"
	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// errQuit ends a connection that needs no further answer.
var errQuit = errors.New("quit")

// trimNul drops the C string's end that some clients (mysqlslap) count in a statement's length.
func trimNul(statement []byte) []byte { return bytes.TrimSuffix(statement, []byte{0}) }

// dispatch runs one command. What it returns is answered with an ERR packet, but errQuit.
func (c *conn) dispatch(command byte, data []byte) error {
	switch command {
	case mysql.COM_QUERY:
		return c.query(c.text(trimNul(data)))
	case mysql.COM_STMT_EXECUTE:
		return c.executeStmt(data)
	case mysql.COM_STMT_PREPARE:
		return c.prepareStmt(c.text(trimNul(data)))
	case mysql.COM_STMT_CLOSE:
		return c.stmts.close(data)
	case mysql.COM_STMT_RESET:
		return c.resetStmt(data)
	case mysql.COM_STMT_SEND_LONG_DATA:
		return c.stmts.sendLongData(data, c.limits.MaxAllowedPacket)
	case mysql.COM_STMT_FETCH:
		return c.fetchStmt(data)
	case mysql.COM_PING:
		return c.writeStatusOK()
	case mysql.COM_QUIT:
		return errQuit
	case mysql.COM_INIT_DB:
		return c.okAfter(c.session.UseDB(c.ctx, c.text(data)))
	case mysql.COM_FIELD_LIST:
		return c.fieldList(data)
	case mysql.COM_RESET_CONNECTION:
		return c.resetConnection()
	case mysql.COM_CHANGE_USER:
		return c.changeUser(data)
	case mysql.COM_STATISTICS:
		return c.pc.End(append(c.pc.Begin(), c.server.engine.Status()...))
	case mysql.COM_SET_OPTION:
		return c.setOption(data)
	case mysql.COM_DEBUG:
		status, warnings := c.session.Status()
		return c.writeEnd(&sql.Outcome{Status: status, Warnings: warnings})
	case mysql.COM_PROCESS_INFO:
		return c.query("SHOW PROCESSLIST")
	case mysql.COM_PROCESS_KILL:
		return c.kill(data)
	case mysql.COM_REFRESH:
		return c.okAfter(refresh(c.ctx, c.session, data))
	case mysql.COM_BINLOG_DUMP, mysql.COM_BINLOG_DUMP_GTID, mysql.COM_REGISTER_SLAVE:
		return mysqlerr.NotSupported("COM_" + strings.ToUpper(commandNames[command]))
	}
	return mysqlerr.New(mysqlerr.UnknownCom)
}

// okAfter answers a command that gives nothing but success.
func (c *conn) okAfter(err error) error {
	if err != nil {
		return err
	}
	return c.writeStatusOK()
}

func (c *conn) query(text string) error {
	w := c.result.begin(false)
	return w.finish(c.session.Query(c.ctx, text, w))
}

func (c *conn) kill(data []byte) error {
	d := packet.NewDecoder(data)
	id := d.Uint32()
	if d.Bad() {
		return mysqlerr.New(mysqlerr.MalformedPacket)
	}
	return c.query("KILL " + strconv.FormatUint(uint64(id), 10))
}

// refreshes are the FLUSH statements behind the bits of COM_REFRESH. There are no threads to forget, as there are no hosts, but
// it takes the same privilege. What is missing (64, 128) is of replication.
var refreshes = []struct {
	bit       byte
	statement string
}{{1, "FLUSH PRIVILEGES"}, {2, "FLUSH LOGS"}, {4, "FLUSH TABLES"}, {8, "FLUSH HOSTS"}, {16, "FLUSH STATUS"}, {32, "FLUSH HOSTS"}}

// refresh runs a FLUSH statement for each bit; the client gets one answer for all.
func refresh(ctx context.Context, s sql.Session, data []byte) error {
	if len(data) != 1 {
		return mysqlerr.New(mysqlerr.MalformedPacket)
	}
	rest := data[0]
	for _, r := range refreshes {
		if data[0]&r.bit != 0 {
			rest &^= r.bit
		}
	}
	if rest != 0 {
		return mysqlerr.NotSupported("COM_REFRESH of replication")
	}
	for _, r := range refreshes {
		if data[0]&r.bit != 0 {
			if err := s.Query(ctx, r.statement, nothing{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// nothing takes the results of statements whose outcome is all that the client asked for.
type nothing struct{}

func (nothing) Header(*sql.Header) error { return nil }
func (nothing) Row([]types.Value) error  { return nil }
func (nothing) Done(*sql.Outcome) error  { return nil }

// setOption switches multi-statements on or off.
func (c *conn) setOption(data []byte) error {
	d := packet.NewDecoder(data)
	switch option := d.Uint16(); {
	case d.Bad():
		return mysqlerr.New(mysqlerr.MalformedPacket)
	case option == mysql.MYSQL_OPTION_MULTI_STATEMENTS_ON:
		c.caps |= mysql.CLIENT_MULTI_STATEMENTS
	case option == mysql.MYSQL_OPTION_MULTI_STATEMENTS_OFF:
		c.caps &^= mysql.CLIENT_MULTI_STATEMENTS
	default:
		return mysqlerr.New(mysqlerr.UnknownCom)
	}
	c.info.Capabilities = c.caps
	status, warnings := c.session.Status()
	return c.writeEnd(&sql.Outcome{Status: status, Warnings: warnings})
}

func (c *conn) resetConnection() error {
	c.stmts.forget()
	return c.okAfter(c.session.Reset(c.ctx))
}

// changeUser authenticates another account on this connection. A failure ends it, as MySQL does.
func (c *conn) changeUser(data []byte) error {
	r, err := parseChangeUser(data, c.caps)
	if err == nil {
		if r.collation == 0 {
			r.collation = c.info.Collation
		}
		err = c.authenticate(r)
	}
	if err == nil {
		c.stmts.forget()
		err = c.session.ChangeUser(c.ctx, c.info)
	}
	if err != nil {
		_ = c.writeError(mysqlerr.From(err))
		return errQuit
	}
	return c.writeStatusOK()
}

// fieldList answers COM_FIELD_LIST: definitions with their defaults, and no rows.
func (c *conn) fieldList(data []byte) error {
	d := packet.NewDecoder(data)
	table, pattern := c.text(d.Nul()), c.text(d.Rest())
	if d.Bad() {
		return mysqlerr.New(mysqlerr.MalformedPacket)
	}
	cols, defaults, err := c.session.FieldList(c.ctx, table, pattern)
	if err != nil {
		return err
	}
	for i := range cols {
		b := codec.AppendColumn(c.pc.Begin(), &cols[i], c.charset.results())
		if i < len(defaults) && defaults[i] != nil {
			b = packet.AppendLenenc(b, defaults[i])
		} else {
			b = append(b, 0xfb)
		}
		if err := c.pc.End(b); err != nil {
			return err
		}
	}
	status, warnings := c.session.Status()
	return c.writeEnd(&sql.Outcome{Status: status, Warnings: warnings})
}
