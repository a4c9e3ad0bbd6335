package protocol

import (
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// FuzzHandshake decodes arbitrary handshake responses.
func FuzzHandshake(f *testing.F) {
	all := mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_PLUGIN_AUTH | mysql.CLIENT_CONNECT_ATTRS |
		mysql.CLIENT_CONNECT_WITH_DB
	f.Add((&rawClient{caps: all}).response("root"))
	f.Add((&rawClient{caps: all | mysql.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA}).response("root"))
	f.Add((&rawClient{caps: mysql.CLIENT_PROTOCOL_41}).response("root"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = isTLSRequest(data)
		r, err := parseHandshakeResponse(data)
		if err != nil {
			return
		}
		if n := len(r.user) + len(r.db) + len(r.reply); n > len(data) {
			t.Fatalf("%d bytes out of %d", n, len(data))
		}
	})
}

// FuzzChangeUser decodes arbitrary COM_CHANGE_USER packets.
func FuzzChangeUser(f *testing.F) {
	f.Add([]byte("root\x00\x00db\x00\xff\x00caching_sha2_password\x00"), mysql.CLIENT_SECURE_CONNECTION|mysql.CLIENT_PLUGIN_AUTH)
	f.Add([]byte("root\x00\x00"), uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, caps uint32) {
		if r, err := parseChangeUser(data, caps); err == nil && len(r.user)+len(r.db)+len(r.reply) > len(data) {
			t.Fatalf("%+v out of %d bytes", r, len(data))
		}
	})
}
