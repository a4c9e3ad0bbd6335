package protocol

import (
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/codec"
	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// cursor holds the rows of a statement that was executed with a cursor, for COM_STMT_FETCH to bring in portions. As
// in MySQL, its rows are those of the execution, whatever happens afterwards. Rows are kept encoded, each behind its
// length (four bytes). A result that exceeds Config.CursorMemory, or what the session may hold, is sent at once instead, without
// a cursor, as the protocol allows.
type cursor struct {
	rows []byte
	hold memory.Hold
}

// add encodes a row into the cursor. An error tells that the cursor has become larger than it may be; the row is in it.
func (k *cursor) add(cols []sql.Column, vals []types.Value, r *codec.Charset) error {
	at := len(k.rows)
	k.rows = codec.AppendBinaryRow(append(k.rows, 0, 0, 0, 0), cols, vals, r)
	binary.LittleEndian.PutUint32(k.rows[at:], uint32(len(k.rows)-at-4))
	return k.hold.Set(cap(k.rows))
}

// close forgets the rows. A nil cursor has none.
func (k *cursor) close() {
	if k != nil {
		k.rows = nil
		k.hold.Close()
	}
}

// next takes the next row; ok is false behind the last.
func (k *cursor) next() (row []byte, ok bool) {
	if len(k.rows) == 0 {
		return nil, false
	}
	n := 4 + int(binary.LittleEndian.Uint32(k.rows))
	row, k.rows = k.rows[4:n], k.rows[n:]
	return row, true
}

// send sends up to limit rows and tells whether there were as many.
func (k *cursor) send(c *conn, limit uint32) (all bool, err error) {
	for range limit {
		row, ok := k.next()
		if !ok {
			return false, nil
		}
		if err := c.pc.End(append(c.pc.Begin(), row...)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// fetchStmt sends the next rows of a cursor. Its end is told by the fetch that finds too few.
func (c *conn) fetchStmt(data []byte) error {
	d := packet.NewDecoder(data)
	s, err := c.stmts.take(&d, "mysqld_stmt_fetch")
	if err != nil {
		return err
	}
	limit := d.Uint32()
	if d.Bad() {
		return mysqlerr.New(mysqlerr.MalformedPacket)
	}
	if s.cursor == nil {
		return mysqlerr.New(mysqlerr.StmtHasNoOpenCursor, s.ID())
	}
	more, err := s.cursor.send(c, limit)
	if err != nil {
		return err
	}
	status, warnings := c.session.Status()
	if more {
		status |= mysql.SERVER_STATUS_CURSOR_EXISTS
	} else {
		status |= mysql.SERVER_STATUS_LAST_ROW_SEND
		s.dropCursor()
	}
	return c.writeEnd(&sql.Outcome{Status: status, Warnings: warnings})
}
