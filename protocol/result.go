package protocol

import (
	"math"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/codec"
	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// resultWriter encodes the results of one command, in the text or the binary protocol. A connection uses the same one
// again and again.
//
//	Header ── Row* ── Done      count, definitions, EOF, rows …, EOF
//	Done                        OK
//
// After Done with More, the next result begins; after any other Done, nothing may follow.
type resultWriter struct {
	c       *conn
	binary  bool
	header  *sql.Header    // of the open result set
	charset *codec.Charset // that it is sent in
	start   packet.Mark    // of the open result
	more    bool           // another result must follow
	cursor  *cursor        // where rows go instead of to the client, nil mostly
	opened  *cursor        // by a result set that is finished
}

var _ sql.ResultWriter = (*resultWriter)(nil)

// begin prepares for a command.
func (w *resultWriter) begin(binary bool) *resultWriter {
	*w = resultWriter{c: w.c, binary: binary, more: true, start: w.c.pc.Mark()}
	return w
}

// Header starts a result set.
func (w *resultWriter) Header(h *sql.Header) error {
	if w.header != nil || !w.more {
		return misuse("Header")
	}
	pc := w.c.pc
	w.header, w.charset = h, w.c.charset.results()
	if err := pc.AppendPackets(codec.HeaderDefinitions(h, w.charset), 1); err != nil {
		return err
	}
	if w.cursor != nil {
		return nil // Done ends the definitions
	}
	return w.endDefinitions()
}

func (w *resultWriter) endDefinitions() error {
	if w.c.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		return nil
	}
	status, _ := w.c.session.Status()
	return w.c.writeEOF(status, 0)
}

// Row sends one row of the open result set.
func (w *resultWriter) Row(vals []types.Value) error {
	if w.header == nil || len(vals) != len(w.header.Columns) {
		return misuse("Row")
	}
	if w.cursor != nil {
		return w.keep(vals)
	}
	pc := w.c.pc
	if err := pc.Reserve(rowBytes(vals)); err != nil {
		return err
	}
	b := pc.Begin()
	if w.binary {
		b = codec.AppendBinaryRow(b, w.header.Columns, vals, w.charset)
	} else {
		b = codec.AppendTextRow(b, w.header.Columns, vals, w.charset)
	}
	return pc.End(b)
}

// rowBytes is about what a row with large values takes on the wire; it matters for those alone.
func rowBytes(vals []types.Value) int {
	const perValue = 64 // the longest number, or the length of a string
	n := perValue * len(vals)
	for i := range vals {
		n += len(vals[i].Raw())
	}
	return n
}

// keep puts a row into the cursor. When the cursor gets too large, the client gets all rows without one.
func (w *resultWriter) keep(vals []types.Value) error {
	if err := w.cursor.add(w.header.Columns, vals, w.charset); err == nil && len(w.cursor.rows) <= w.c.server.cfg.CursorMemory {
		return nil
	}
	kept := w.cursor
	w.cursor = nil
	defer kept.close()
	if err := w.endDefinitions(); err != nil {
		return err
	}
	_, err := kept.send(w.c, math.MaxUint32)
	return err
}

// Done ends a result.
func (w *resultWriter) Done(o *sql.Outcome) error {
	if !w.more {
		return misuse("Done")
	}
	var err error
	if w.header != nil {
		// In a result set's end, MySQL tells neither affected rows nor an insert id.
		end := sql.Outcome{Status: o.Status, Warnings: o.Warnings, More: o.More, Info: o.Info}
		if w.cursor != nil {
			end.Status |= mysql.SERVER_STATUS_CURSOR_EXISTS
			w.opened, w.cursor = w.cursor, nil
		}
		err = w.c.writeEnd(&end)
	} else {
		err = w.c.writeOK(mysql.OK_HEADER, o)
	}
	w.header, w.more, w.start = nil, o.More, w.c.pc.Mark()
	return err
}

// finish ends the command; err is what the session's method returned. A result that failed before any of it was sent
// is taken back, so that the client gets the error alone.
func (w *resultWriter) finish(err error) error {
	if err != nil {
		w.cursor.close()
		w.opened.close()
		w.cursor, w.opened = nil, nil
		w.c.pc.Rewind(w.start)
		if !w.more { // the client counts its results: an error behind the last one would answer the next command
			w.c.log.Error("a statement failed behind its last result", "err", err)
			return nil
		}
		return err
	}
	if w.header != nil || w.more {
		w.c.pc.Rewind(w.start)
		return misuse("end of statement")
	}
	return nil
}

// misuse is an error for a session that breaks the contract of sql.ResultWriter.
func misuse(call string) error {
	return mysqlerr.Internal("Internal error: misplaced %s in a result", call)
}
