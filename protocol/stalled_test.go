package protocol

import (
	"testing"
	"time"
)

// A client that begins a packet and does not go on is dropped after net_read_timeout, however long it may idle between two.
func TestNetReadTimeout(t *testing.T) {
	engine := newFakeEngine(t)
	engine.stalled = 20 * time.Millisecond
	_, addr := startWith(t, Config{Tick: 5 * time.Millisecond}, engine)
	for _, part := range [][]byte{{10, 0}, {10, 0, 0, 0, 3, 's', 'e'}, {0, 0, 8, 0, 3, 's'}} { // of a header, of a packet, of a large one
		c := dialRaw(t, addr, 0)
		c.logIn("root")
		c.send([]byte{0x0e}) // COM_PING: what is between commands is no packet
		c.read()
		if _, err := c.nc.Write(part); err != nil {
			t.Fatal(err)
		}
		if p, err := c.pc.ReadPacket(); err == nil {
			wantRawError(t, p, 1159)
		}
		if _, err := c.pc.ReadPacket(); err == nil {
			t.Errorf("%v: the connection goes on", part)
		}
	}
}
