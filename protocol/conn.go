package protocol

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/spawn"
)

// WaitTimeouter is a session with a wait_timeout of its own; it is asked after each command.
type WaitTimeouter interface{ WaitTimeout() time.Duration }

// NetTimeouter is a session with net_read_timeout and net_write_timeout of its own; it is asked after each command.
// 0 is the server's configuration.
type NetTimeouter interface {
	NetTimeouts() (read, write time.Duration)
}

// MySQL's error codes that go-mysql's table lacks.

// Limits on clients.
const (
	maxHandshakePacket = 128 << 10 // bytes; connection attributes may take 64 KiB
	maxDiscard         = 1 << 30   // bytes of an oversized request that are read away before it is answered
	maxLastRead        = 64 << 20  // bytes that are read away from a client that was told goodbye
	discardTimeout     = 10 * time.Second
	lastWordsTimeout   = 2 * time.Second // to answer a client that is being dropped
)

// noTick stands for "not now" among ticks.
const noTick int64 = 0

// Why a connection was asked to end.
const (
	endNone int32 = iota
	endShutdown
	endKilled
	endIdle
	endSlow    // the client takes no data
	endStalled // it has begun a packet and does not go on
	endGone    // the client is no longer there
)

var errClientGone = errors.New("the client has gone away")

// conn is one client.
type conn struct{ channel }

// channel is a conn's lower half: the socket, what is known of the client, and how it is answered.
type channel struct {
	server *Server
	nc     net.Conn // the socket, below TLS
	pc     *packet.Conn
	log    *slog.Logger

	// Shared with the watcher and KILL.
	busySince   atomic.Int64 // tick at which the running command began, 0 between commands
	idleSince   atomic.Int64 // tick at which the last command ended
	writeSince  atomic.Int64 // tick at which a blocked write began, 0 outside writes
	readSince   atomic.Int64 // tick at which the client was waited for in the middle of a packet
	waitTimeout atomic.Int64 // nanoseconds, as the next two
	readTimeout atomic.Int64
	sendTimeout atomic.Int64
	loggedIn    atomic.Bool  // before, the handshake's deadline watches
	ending      atomic.Int32 // endNone or why the connection shall end

	ctx     context.Context
	cancel  context.CancelCauseFunc
	session sql.Session
	info    *sql.ConnInfo // replaced, never changed (but for Capabilities), as other sessions may look at it
	caps    uint32
	salt    [20]byte
	tls     bool
	secure  bool // TLS or a Unix socket: passwords may be sent in clear
	timeout WaitTimeouter
	net     NetTimeouter
	charset charsets
	limits  sql.Limits
	memory  *memory.Account // the session's; may be nil

	stmts  statements
	result resultWriter
}

// Limiter is a session that says what its connection may do; it is asked when the session has opened.
type Limiter interface{ Limits() sql.Limits }

// MemoryAccounter is a session that is charged with what its connection holds for it.
type MemoryAccounter interface{ Memory() *memory.Account }

// ConnectionNumberer is an engine that numbers the connections itself, so that the numbers are unique in its cluster.
type ConnectionNumberer interface{ NextConnectionID() uint32 }

func (s *Server) connectionID() uint32 {
	if n, ok := s.engine.(ConnectionNumberer); ok {
		return n.NextConnectionID()
	}
	return s.lastID.Add(1)
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{channel{server: s, nc: nc, stmts: statements{}}}
	c.pc = s.newPacketConn(&timedConn{Conn: nc, c: c})
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.info = &sql.ConnInfo{
		ID:         s.connectionID(),
		RemoteAddr: nc.RemoteAddr().String(),
		Kill:       func() { c.end(endKilled) },
	}
	c.log = s.cfg.Logger.With("conn", c.info.ID, "remote", c.info.RemoteAddr)
	c.result.c = c
	c.idleSince.Store(s.ticks.Load())
	c.waitTimeout.Store(int64(s.cfg.WaitTimeout))
	c.readTimeout.Store(int64(s.cfg.ReadTimeout))
	c.sendTimeout.Store(int64(s.cfg.WriteTimeout))
	return c
}

// askTimeouts takes over the session's bounds of time.
func (c *channel) askTimeouts() {
	if c.timeout != nil {
		c.waitTimeout.Store(int64(c.timeout.WaitTimeout()))
	}
	if c.net != nil {
		read, write := c.net.NetTimeouts()
		c.readTimeout.Store(int64(cmp.Or(read, c.server.cfg.ReadTimeout)))
		c.sendTimeout.Store(int64(cmp.Or(write, c.server.cfg.WriteTimeout)))
	}
}

// timedConn notes when a write began, or a wait for the rest of a packet, so that the watcher can end one that takes too long.
type timedConn struct {
	net.Conn
	c *conn
}

func (t *timedConn) Read(b []byte) (int, error) {
	if !t.c.pc.Partial() {
		return t.Conn.Read(b)
	}
	t.c.readSince.Store(t.c.server.ticks.Load())
	n, err := t.Conn.Read(b)
	t.c.readSince.Store(noTick)
	return n, err
}

func (t *timedConn) Write(b []byte) (int, error) {
	t.c.writeSince.Store(t.c.server.ticks.Load())
	n, err := t.Conn.Write(b)
	t.c.writeSince.Store(noTick)
	return n, err
}

// refuse tells a client why it is not served. The greeting was not sent, so the error has no SQLSTATE.
func (c *conn) refuse(e *mysqlerr.Error) {
	defer c.server.remove(c)
	defer c.nc.Close()
	c.lastWords(e)
}

// serve is the life of a connection.
func (c *conn) serve() {
	defer c.server.remove(c)
	defer c.close()
	defer c.recover()
	if err := c.logIn(); err != nil {
		return
	}
	c.serveCommands()
}

// recover answers a panic with 1105 and lets the connection end.
func (c *conn) recover() {
	p := recover()
	if p == nil {
		return
	}
	c.server.Metrics.Panics.Add(1)
	_ = spawn.Recovered("a connection", p)
	_ = c.nc.SetDeadline(time.Now().Add(lastWordsTimeout))
	_ = c.writeError(mysqlerr.Internal("Internal error: %v", p))
	_ = c.pc.Flush()
}

// close ends session and socket. A session that panics here must not take the process down either.
func (c *conn) close() {
	defer func() { _ = c.pc.NetConn().Close() }() // with TLS, says goodbye
	defer func() {
		if p := recover(); p != nil {
			c.server.Metrics.Panics.Add(1)
			_ = spawn.Recovered("the end of a session", p)
		}
	}()
	c.cancel(errClientGone)
	if c.session != nil {
		c.session.Close()
	}
}

// serveCommands takes commands until the client leaves or the connection is asked to end.
func (c *conn) serveCommands() {
	for c.ending.Load() == endNone {
		data, err := c.pc.ReadCommand()
		if err != nil {
			if c.readFailed(err) {
				continue
			}
			return
		}
		c.busySince.Store(c.server.ticks.Load())
		err = c.serveCommand(data)
		c.askTimeouts()
		c.idleSince.Store(c.server.ticks.Load())
		c.busySince.Store(noTick)
		if err != nil {
			return
		}
	}
}

// serveCommand runs one command and sends its response. An error ends the connection.
func (c *conn) serveCommand(data []byte) error {
	command := mysql.COM_SLEEP
	if len(data) > 0 {
		command, data = data[0], data[1:]
	}
	c.server.Metrics.Commands.count(command)
	err := c.dispatch(command, data)
	if err == nil {
		return c.pc.Flush()
	}
	var e *mysqlerr.Error
	switch {
	case errors.Is(err, errQuit):
		_ = c.pc.Flush()
		return err
	case c.pc.Failed() != nil: // nobody is listening
		return err
	case errors.Is(err, context.Canceled):
		e = mysqlerr.From(context.Cause(c.ctx))
	default:
		e = mysqlerr.From(err)
		if e.Code == mysqlerr.UnknownError {
			c.log.Error("a command failed", "command", command, "err", err)
		}
	}
	_ = c.writeError(e)
	return c.pc.Flush()
}

// readFailed answers a request that could not be read, where the client can still listen. goesOn tells that the connection
// is in order: the request was left out.
func (c *conn) readFailed(err error) (goesOn bool) {
	var e *mysqlerr.Error
	switch {
	case errors.Is(err, packet.ErrTooLarge):
		return c.refuseRequest(mysqlerr.New(mysqlerr.NetPacketTooLarge))
	case errors.As(err, &e): // no memory for it
		return c.refuseRequest(e)
	case errors.Is(err, packet.ErrOutOfOrder):
		e = mysqlerr.New(mysqlerr.NetPacketsOutOfOrder)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.ending.Load() == endIdle:
		e = mysqlerr.New(mysqlerr.ClientInteractionTimeout)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.ending.Load() == endStalled:
		e = mysqlerr.New(mysqlerr.NetReadInterrupted)
	case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return false
	default:
		c.log.Debug("a connection broke", "err", err)
		return false
	}
	c.lastWords(e)
	return false
}

// refuseRequest reads away a request that is not to be kept, and answers it. As in MySQL the connection goes on behind it: a
// client that has its error may send the next request at once, and must not find the connection about to be closed.
func (c *conn) refuseRequest(e *mysqlerr.Error) (goesOn bool) {
	_ = c.nc.SetReadDeadline(time.Now().Add(discardTimeout))
	head := c.pc.Refused(commandHead)
	if c.pc.Discard(maxDiscard) != nil {
		c.lastWords(e)
		return false
	}
	_ = c.nc.SetReadDeadline(time.Time{})                          // who asks the connection to end sets c.ending before another deadline
	if len(head) > 0 && head[0] == mysql.COM_STMT_SEND_LONG_DATA { // has no answer: its statement fails later
		c.stmts.failLongData(head[1:], e)
		return true
	}
	return c.writeError(e) == nil && c.pc.Flush() == nil
}

const commandHead = 5 // bytes: a command and the statement that it is about

// lastWords tells the client why the connection ends. What it is still sending is read away for a moment: a socket that is
// closed with unread data is reset, and the client would not get to read the error.
func (c *conn) lastWords(e *mysqlerr.Error) {
	_ = c.nc.SetDeadline(time.Now().Add(lastWordsTimeout))
	_ = c.writeError(e)
	if c.pc.Flush() != nil {
		return
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c.nc, maxLastRead)
	}
}

// end asks the connection to end, for a reason. What runs may finish and answer after endShutdown; after the other
// reasons it is cancelled. Safe from any goroutine.
func (c *channel) end(why int32) {
	if !c.ending.CompareAndSwap(endNone, why) {
		return
	}
	past := time.Unix(1, 0)
	switch why {
	case endKilled:
		c.cancel(mysqlerr.New(mysqlerr.QueryInterrupted))
		_ = c.nc.SetWriteDeadline(time.Now().Add(lastWordsTimeout))
	case endGone:
		c.server.Metrics.Gone.Add(1)
		c.cancel(errClientGone)
	case endSlow:
		c.cancel(errClientGone)
		_ = c.nc.SetWriteDeadline(past)
	}
	_ = c.nc.SetReadDeadline(past)
}

// abort ends the connection without answering.
func (c *channel) abort() {
	c.end(endKilled)
	c.cancel(mysqlerr.New(mysqlerr.ServerShutdown))
	_ = c.nc.Close()
}
