// Package protocol is the MySQL wire: it listens, greets, authenticates, takes commands, hands them to a sql.Session
// and encodes what the session answers. It is the only place that knows packets, and the one where errors are
// rendered.
//
//	client ── TCP/TLS ── packet.Conn ── conn (one goroutine) ── sql.Session
//	                     framing,       commands,                statements
//	                     one write a    result writers (codec)
//	                     response
//
//	accept → greeting → [TLS] → authentication → Engine.Open → command, response, command, response … → Session.Close
//
// Invariants:
//
//   - One goroutine serves a connection, from accepting it to closing its session; nothing else reads or writes it.
//     The watcher and KILL reach it through atomic state, deadlines and the context only.
//   - A response is one write unless it exceeds packet.FlushSize; rows beyond that are sent as they come, and a slow
//     client slows its statement down (after net_write_timeout without progress, it is dropped).
//   - Whatever a client sends, only its own connection can suffer: each limit (connections, time to log in, packet
//     size, parameters) has a MySQL error, every decoder is bounded, a panic below is answered with 1105 and ends
//     the connection.
//   - Who fails to log in learns nothing of why: an unknown user, a refused host and a wrong password take the same
//     steps and the same time, and give the same 1045. (An account of another plugin than the default shows that it
//     is one, since its client must be told which plugin to use.)
//   - A statement whose client went away is cancelled through its context within about two ticks (Config.Tick),
//     without a goroutine or a system call on the path of a short statement.
//   - Shutdown accepts nothing more, closes idle connections, lets running statements finish and answer, and cancels
//     what remains when its context ends.
//
// What a session may offer beyond sql.Session is found by type assertion: see WaitTimeouter, NetTimeouter and Charsetter.
package protocol
