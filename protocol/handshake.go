package protocol

import (
	"crypto/rand"
	"errors"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

// capabilities are what the greeting offers. Not offered, hence never asked for: compression, LOAD DATA LOCAL,
// session tracking, query attributes, optional metadata.
const capabilities = mysql.CLIENT_LONG_PASSWORD | mysql.CLIENT_FOUND_ROWS | mysql.CLIENT_LONG_FLAG |
	mysql.CLIENT_CONNECT_WITH_DB | mysql.CLIENT_ODBC | mysql.CLIENT_IGNORE_SPACE | mysql.CLIENT_PROTOCOL_41 |
	mysql.CLIENT_INTERACTIVE | mysql.CLIENT_IGNORE_SIGPIPE | mysql.CLIENT_TRANSACTIONS | mysql.CLIENT_RESERVED |
	mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_MULTI_STATEMENTS | mysql.CLIENT_MULTI_RESULTS |
	mysql.CLIENT_PS_MULTI_RESULTS | mysql.CLIENT_PLUGIN_AUTH | mysql.CLIENT_CONNECT_ATTRS |
	mysql.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA | mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_LOCAL_FILES |
	mysql.CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS

// offered are the capabilities on this connection.
func (c *conn) offered() uint32 {
	if c.server.cfg.TLS != nil {
		return capabilities | mysql.CLIENT_SSL
	}
	return capabilities
}

// logIn greets the client, authenticates it and opens its session. An error was answered already.
func (c *conn) logIn() error {
	_ = c.nc.SetDeadline(time.Now().Add(c.server.handshakeTimeout()))
	c.secure = c.nc.RemoteAddr().Network() == "unix"
	err := c.handshake()
	if err != nil {
		var e *mysqlerr.Error
		if !errors.As(err, &e) {
			c.server.Metrics.Aborted.Add(1)
			c.log.Debug("a client left before it was logged in", "err", err)
			return err
		}
		_ = c.writeError(e)
		_ = c.pc.Flush()
		return err
	}
	_ = c.nc.SetDeadline(time.Time{})
	c.idleSince.Store(c.server.ticks.Load())
	c.loggedIn.Store(true)
	return nil
}

func (c *conn) handshake() error {
	if err := c.greet(); err != nil {
		return err
	}
	data, err := c.readHandshake()
	if err != nil {
		return err
	}
	if isTLSRequest(data) && c.server.cfg.TLS != nil {
		if err := c.pc.StartTLS(c.server.cfg.TLS); err != nil {
			return err
		}
		c.secure, c.tls = true, true
		if data, err = c.readHandshake(); err != nil {
			return err
		}
	}
	r, err := parseHandshakeResponse(data)
	if err != nil {
		return err
	}
	c.caps = r.caps & c.offered()
	if !c.secure && (c.server.cfg.RequireTLS || c.server.requiresTLS()) {
		return mysqlerr.New(mysqlerr.SecureTransportRequired)
	}
	if err := c.authenticate(r); err != nil {
		return err
	}
	if c.session, err = c.server.engine.Open(c.ctx, c.info); err != nil {
		return mysqlerr.From(err)
	}
	if err := c.takeLimits(); err != nil {
		return err
	}
	c.timeout, _ = c.session.(WaitTimeouter)
	c.charset.session, _ = c.session.(Charsetter)
	c.net, _ = c.session.(NetTimeouter)
	c.askTimeouts()
	if err := c.writeStatusOK(); err != nil {
		return err
	}
	return c.pc.Flush()
}

// takeLimits learns what the session may do; 1040 where there is no connection for it.
func (c *channel) takeLimits() error {
	c.limits = sql.Limits{MaxAllowedPacket: c.server.cfg.MaxAllowedPacket}
	if l, ok := c.session.(Limiter); ok {
		c.limits = l.Limits()
	}
	if !c.limits.Administrator && c.server.crowded() {
		c.server.Metrics.Refused.Add(1)
		return mysqlerr.New(mysqlerr.ConCount)
	}
	c.pc.SetMaxPayload(c.limits.MaxAllowedPacket)
	if m, ok := c.session.(MemoryAccounter); ok {
		c.memory = m.Memory()
		c.pc.SetMemory(c.memory)
	}
	return nil
}

// readHandshake reads a packet of the handshake; what no client sends is answered with 1043.
func (c *conn) readHandshake() ([]byte, error) {
	data, err := c.pc.ReadPacket()
	if errors.Is(err, packet.ErrTooLarge) || errors.Is(err, packet.ErrOutOfOrder) {
		return nil, mysqlerr.New(mysqlerr.Handshake)
	}
	return data, err
}

// greet sends the first packet, "handshake v10".
func (c *conn) greet() error {
	newSalt(&c.salt)
	caps := c.offered()
	status := mysql.SERVER_STATUS_AUTOCOMMIT
	b := append(c.pc.Begin(), mysql.ClassicProtocolVersion)
	b = packet.AppendNul(b, c.server.engine.ServerVersion())
	b = packet.AppendUint(b, uint64(c.info.ID), 4)
	b = append(append(b, c.salt[:8]...), 0)
	b = append(b, byte(caps), byte(caps>>8), byte(collation.Default), byte(status), byte(status>>8))
	b = append(b, byte(caps>>16), byte(caps>>24), byte(len(c.salt)+1))
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(append(b, c.salt[8:]...), 0)
	b = packet.AppendNul(b, c.server.cfg.DefaultPlugin)
	if err := c.pc.End(b); err != nil {
		return err
	}
	return c.pc.Flush()
}

// newSalt makes a challenge of printable bytes: some clients take it for a C string.
func newSalt(salt *[20]byte) {
	_, _ = rand.Read(salt[:]) // never fails
	for i, c := range salt {
		salt[i] = '!' + c%('~'-'!')
		if salt[i] == '$' {
			salt[i] = '~'
		}
	}
}

// isTLSRequest tells the short form of the handshake response that asks for TLS first.
func isTLSRequest(data []byte) bool {
	d := packet.NewDecoder(data)
	return len(data) == 32 && d.Uint32()&mysql.CLIENT_SSL != 0
}

// handshakeResponse is what a client answers to the greeting, or sends as COM_CHANGE_USER.
type handshakeResponse struct {
	caps       uint32
	collation  collation.ID
	user, db   string
	plugin     string
	reply      []byte
	attributes map[string]string
}

// parseHandshakeResponse decodes "handshake response 41". The result shares nothing with data.
// Errors: 1043 for anything else.
func parseHandshakeResponse(data []byte) (*handshakeResponse, error) {
	d := packet.NewDecoder(data)
	r := &handshakeResponse{caps: d.Uint32()}
	d.Bytes(4) // the client's own packet limit
	r.collation = collation.ID(d.Uint8())
	d.Bytes(23)
	r.user = string(d.Nul())
	switch {
	case r.caps&mysql.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA != 0:
		r.reply = d.Lenenc()
	case r.caps&mysql.CLIENT_SECURE_CONNECTION != 0:
		r.reply = d.Bytes(int(d.Uint8()))
	default:
		r.reply = d.NulOrRest()
	}
	if r.caps&mysql.CLIENT_CONNECT_WITH_DB != 0 && d.Len() > 0 {
		r.db = string(d.NulOrRest())
	}
	r.takeTail(&d)
	if d.Bad() || r.caps&mysql.CLIENT_PROTOCOL_41 == 0 {
		return nil, mysqlerr.New(mysqlerr.Handshake)
	}
	return r, nil
}

// takeTail decodes the plugin's name and the attributes, and detaches the reply from the packet.
func (r *handshakeResponse) takeTail(d *packet.Decoder) {
	r.reply = append([]byte(nil), r.reply...)
	r.plugin = mysql.AUTH_NATIVE_PASSWORD
	if r.caps&mysql.CLIENT_PLUGIN_AUTH != 0 {
		if name := d.NulOrRest(); len(name) > 0 {
			r.plugin = string(name)
		}
	}
	if r.caps&mysql.CLIENT_CONNECT_ATTRS != 0 && d.Len() > 0 {
		r.attributes = parseAttributes(d.Lenenc())
	}
}

// parseAttributes decodes connection attributes; what follows a malformed one is dropped, as MySQL does.
func parseAttributes(data []byte) map[string]string {
	attributes := map[string]string{}
	d := packet.NewDecoder(data)
	for d.Len() > 0 {
		key, value := d.Lenenc(), d.Lenenc()
		if d.Bad() {
			break
		}
		attributes[string(key)] = string(value)
	}
	return attributes
}

// parseChangeUser decodes COM_CHANGE_USER behind its command byte, for a client with the given capabilities.
// Errors: 1835.
func parseChangeUser(data []byte, caps uint32) (*handshakeResponse, error) {
	d := packet.NewDecoder(data)
	r := &handshakeResponse{caps: caps, user: string(d.Nul())}
	if caps&mysql.CLIENT_SECURE_CONNECTION != 0 {
		r.reply = d.Bytes(int(d.Uint8()))
	} else {
		r.reply = d.Nul()
	}
	r.db = string(d.NulOrRest())
	if d.Len() >= 2 {
		r.collation = collation.ID(d.Uint16())
		r.takeTail(&d)
	} else {
		r.reply = append([]byte(nil), r.reply...)
		r.plugin = mysql.AUTH_NATIVE_PASSWORD
	}
	if d.Bad() {
		return nil, mysqlerr.New(mysqlerr.MalformedPacket)
	}
	return r, nil
}

// clientHost is the host that accounts are matched against: "localhost" for loopback and Unix sockets, else the
// address.
func clientHost(addr net.Addr) (host string, loopback bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		if addr.Network() == "unix" {
			return "localhost", true
		}
		host, _, _ = net.SplitHostPort(addr.String())
		return host, false
	}
	if tcp.IP.IsLoopback() {
		return "localhost", true
	}
	if v4 := tcp.IP.To4(); v4 != nil { // ::ffff:10.0.0.1
		return v4.String(), false
	}
	return tcp.IP.String(), false
}
