package protocol

import (
	"math"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
)

// writeOK sends an OK packet; header is mysql.EOF_HEADER where it ends a result set for a client without EOF packets.
func (c *channel) writeOK(header byte, o *sql.Outcome) error {
	status := o.Status
	if o.More {
		status |= mysql.SERVER_MORE_RESULTS_EXISTS
	}
	warnings := min(max(o.Warnings, 0), math.MaxUint16)
	b := append(c.pc.Begin(), header)
	b = mysql.AppendLengthEncodedInteger(b, o.AffectedRows)
	b = mysql.AppendLengthEncodedInteger(b, o.LastInsertID)
	b = append(b, byte(status), byte(status>>8), byte(warnings), byte(warnings>>8))
	if o.Info != "" {
		b = packet.AppendLenenc(b, o.Info)
	}
	return c.pc.End(b)
}

// writeEOF sends an EOF packet.
func (c *channel) writeEOF(status uint16, warnings int) error {
	warnings = min(max(warnings, 0), math.MaxUint16)
	b := append(c.pc.Begin(), mysql.EOF_HEADER, byte(warnings), byte(warnings>>8), byte(status), byte(status>>8))
	return c.pc.End(b)
}

// writeEnd ends a list of definitions or rows: with EOF, or with OK where the client wants no EOF.
func (c *channel) writeEnd(o *sql.Outcome) error {
	if c.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		return c.writeOK(mysql.EOF_HEADER, o)
	}
	status := o.Status
	if o.More {
		status |= mysql.SERVER_MORE_RESULTS_EXISTS
	}
	return c.writeEOF(status, o.Warnings)
}

// writeStatusOK sends OK with the session's present status.
func (c *channel) writeStatusOK() error {
	status, warnings := c.session.Status()
	return c.writeOK(mysql.OK_HEADER, &sql.Outcome{Status: status, Warnings: warnings})
}

// writeError sends an ERR packet. A client that has not yet told its capabilities gets no SQLSTATE.
func (c *channel) writeError(e *mysqlerr.Error) error {
	c.server.Metrics.Errors.Add(1)
	b := append(c.pc.Begin(), mysql.ERR_HEADER, byte(e.Code), byte(e.Code>>8))
	if c.caps&mysql.CLIENT_PROTOCOL_41 != 0 {
		state := e.State
		if len(state) != 5 {
			state = mysql.DEFAULT_MYSQL_STATE
		}
		b = append(append(b, '#'), state...)
	}
	message := []byte(e.Message)
	if len(message) > maxErrorMessage {
		message = message[:maxErrorMessage]
	}
	return c.pc.End(append(b, c.charset.results().Encode(message)...))
}

const maxErrorMessage = 4 << 10 // bytes; MySQL's own limit is 512
