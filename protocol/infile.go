package protocol

import (
	"context"
	"io"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
)

var _ sql.LocalFiles = (*resultWriter)(nil)

// LocalFile asks the client for a file of its own (LOAD DATA LOCAL). What it sends must be read to its end before it is answered,
// whatever becomes of the statement: Close does that.
func (w *resultWriter) LocalFile(name string) (io.ReadCloser, error) {
	if !w.more || w.header != nil {
		return nil, misuse("LocalFile")
	}
	pc := w.c.pc
	b := append(pc.Begin(), mysql.LocalInFile_HEADER)
	if err := pc.End(append(b, w.c.charset.results().Encode([]byte(name))...)); err != nil {
		return nil, err
	}
	if err := pc.Flush(); err != nil {
		return nil, err
	}
	w.start = pc.Mark()
	return &localFile{c: w.c, w: w}, nil
}

// localFile is what a client sends: packets, of which an empty one is the last.
type localFile struct {
	c     *conn
	w     *resultWriter
	chunk []byte
	err   error // sticky; io.EOF behind the last packet
}

func (f *localFile) Read(b []byte) (int, error) {
	for len(f.chunk) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.receive()
	}
	n := copy(b, f.chunk)
	f.chunk = f.chunk[n:]
	return n, nil
}

// receive takes the next packet. A client that stops sending in the middle is ended as one is that does so within a request.
func (f *localFile) receive() {
	f.c.readSince.Store(f.c.server.ticks.Load())
	data, err := f.c.pc.ReadPacket()
	f.c.readSince.Store(noTick)
	f.w.start = f.c.pc.Mark() // an error is numbered behind what came
	switch {
	case err != nil:
		f.err = f.broken(err)
	case len(data) == 0:
		f.err = io.EOF
	default:
		f.chunk = data
	}
}

// broken is the error of a client that does not send what it should: the connection can't go on.
func (f *localFile) broken(err error) error {
	if f.c.ending.Load() == endStalled {
		err = mysqlerr.New(mysqlerr.NetReadInterrupted)
	} else if cause := context.Cause(f.c.ctx); cause != nil {
		err = cause
	}
	f.c.end(endGone)
	return err
}

// Close reads away what the client still sends.
func (f *localFile) Close() error {
	for f.chunk = nil; f.err == nil; f.chunk = nil {
		f.receive()
	}
	if f.err == io.EOF {
		return nil
	}
	return f.err
}
