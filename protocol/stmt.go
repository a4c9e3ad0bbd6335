package protocol

import (
	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/codec"
	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/collation"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// stmt is a prepared statement with what its client has bound.
type stmt struct {
	sql.Statement
	params codec.Params
	long   memory.Hold // of what COM_STMT_SEND_LONG_DATA brought
	failed error       // of it: that command has no answer of its own
	cursor *cursor     // open, or nil
}

// statements are what a client has prepared, by their numbers.
type statements map[uint32]*stmt

// take takes a statement's id from the front of a command and finds the statement. Errors: 1835, 1243.
func (p statements) take(d *packet.Decoder, command string) (*stmt, error) {
	id := d.Uint32()
	if d.Bad() {
		return nil, mysqlerr.New(mysqlerr.MalformedPacket)
	}
	if s, ok := p[id]; ok {
		return s, nil
	}
	return nil, mysqlerr.New(mysqlerr.UnknownStmtHandler, id, command)
}

// paramColumn is what a client is told of each parameter.
var paramColumn = sql.Column{
	Name: "?",
	Type: types.Type{ID: mysql.MYSQL_TYPE_VAR_STRING, Length: 0, Collation: collation.Binary},
}

func (c *conn) prepareStmt(text string) error {
	st, err := c.session.Prepare(c.ctx, text)
	if err != nil {
		return err
	}
	c.stmts[st.ID()] = &stmt{Statement: st, long: c.memory.Hold(memory.LongData)}
	var cols []sql.Column
	if h := st.Header(); h != nil {
		cols = h.Columns
	}
	status, warnings := c.session.Status()
	b := append(c.pc.Begin(), mysql.OK_HEADER)
	b = packet.AppendUint(b, uint64(st.ID()), 4)
	b = packet.AppendUint(b, uint64(len(cols)), 2)
	b = packet.AppendUint(b, uint64(st.ParamCount()), 2)
	b = append(b, 0)
	b = packet.AppendUint(b, uint64(min(max(warnings, 0), 0xffff)), 2)
	if err := c.pc.End(b); err != nil {
		return err
	}
	if err := c.writeDefinitions(st.ParamCount(), func(int) *sql.Column { return &paramColumn }, status); err != nil {
		return err
	}
	return c.writeDefinitions(len(cols), func(i int) *sql.Column { return &cols[i] }, status)
}

// writeDefinitions sends n column definitions and, to clients that want it, the EOF behind them.
func (c *conn) writeDefinitions(n int, column func(int) *sql.Column, status uint16) error {
	for i := range n {
		if err := c.pc.End(codec.AppendColumn(c.pc.Begin(), column(i), c.charset.results())); err != nil {
			return err
		}
	}
	if n == 0 || c.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		return nil
	}
	return c.writeEOF(status, 0)
}

// executeStmt runs a prepared statement.
func (c *conn) executeStmt(data []byte) error {
	d := packet.NewDecoder(data)
	s, err := c.stmts.take(&d, "mysqld_stmt_execute")
	if err != nil {
		return err
	}
	cursorType := d.Uint8()
	d.Uint32() // iteration count, always 1
	if d.Bad() {
		return mysqlerr.New(mysqlerr.MalformedPacket)
	}
	if err := s.failed; err != nil {
		s.reset()
		return err
	}
	s.dropCursor()
	defer func() {
		s.dropLongData()
		clear(s.params.Values) // they are views of the packet
	}()
	s.params.Charset = c.charset.client()
	if err := s.params.Decode(d.Rest(), s.ParamCount()); err != nil {
		return err
	}
	w := c.result.begin(true)
	if cursorType&mysql.CURSOR_TYPE_READ_ONLY != 0 { // the one type that MySQL knows
		w.cursor = &cursor{hold: c.memory.Hold(memory.Cursor)}
	}
	if err := w.finish(c.session.Execute(c.ctx, s.Statement, s.params.Values, w)); err != nil {
		return err
	}
	s.cursor, w.opened = w.opened, nil
	return nil
}

// sendLongData adds a piece to a parameter, which may become so many bytes at most. It has no answer; what is wrong is told when the statement is executed.
func (p statements) sendLongData(data []byte, most int) error {
	d := packet.NewDecoder(data)
	s, err := p.take(&d, "mysqld_stmt_send_long_data")
	if err != nil {
		return nil
	}
	i, piece := int(d.Uint16()), d.Rest()
	switch {
	case d.Bad() || i >= s.ParamCount():
		s.failed = mysqlerr.New(mysqlerr.WrongArguments, "mysqld_stmt_send_long_data")
	case s.failed != nil:
	case s.growLongData(len(piece)) != nil:
	case s.params.AddLongData(i, s.ParamCount(), piece) > most:
		s.dropLongData()
		s.failed = mysqlerr.Newf(mysqlerr.UnknownError, "Parameter of prepared statement which is set through "+
			"mysql_send_long_data() is longer than 'max_allowed_packet' bytes")
	}
	return nil
}

func (c *conn) resetStmt(data []byte) error {
	d := packet.NewDecoder(data)
	s, err := c.stmts.take(&d, "mysqld_stmt_reset")
	if err != nil {
		return err
	}
	s.reset()
	return c.writeStatusOK()
}

func (s *stmt) reset() {
	s.dropLongData()
	s.dropCursor()
	s.failed = nil
}

// failLongData notes that a piece could not be taken.
func (p statements) failLongData(data []byte, e *mysqlerr.Error) {
	d := packet.NewDecoder(data)
	if s, err := p.take(&d, "mysqld_stmt_send_long_data"); err == nil {
		s.dropLongData()
		s.failed = e
	}
}

// growLongData makes room for a piece; where there is none the statement fails with the reason.
func (s *stmt) growLongData(n int) error {
	if s.failed = s.long.Grow(2 * n); s.failed != nil { // appending doubles
		s.dropLongData()
	}
	return s.failed
}

func (s *stmt) dropLongData() {
	s.params.DropLongData()
	s.long.Close()
}

func (s *stmt) dropCursor() {
	s.cursor.close()
	s.cursor = nil
}

// forget closes all of them.
func (p statements) forget() {
	for _, s := range p {
		s.reset()
		s.Close()
	}
	clear(p)
}

// close forgets a statement. It has no answer.
func (p statements) close(data []byte) error {
	d := packet.NewDecoder(data)
	if s, err := p.take(&d, "mysqld_stmt_close"); err == nil {
		delete(p, s.ID())
		s.reset()
		s.Close()
	}
	return nil
}
