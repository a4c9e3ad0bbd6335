package rpc

import (
	"context"
	"net"
	"time"
)

// Network is how a node reaches others and is reached. TCP is the real one; tests put faults between.
type Network interface {
	Listen(addr string) (net.Listener, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// TCP is the network of the operating system.
var TCP Network = tcpNetwork{}

type tcpNetwork struct{}

const keepAlivePeriod = 15 * time.Second

func (tcpNetwork) Listen(addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: keepAlivePeriod}
	return lc.Listen(context.Background(), "tcp", addr)
}

func (tcpNetwork) Dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: keepAlivePeriod}
	return d.DialContext(ctx, "tcp", addr) // Go sets TCP_NODELAY: the writer coalesces by itself
}
