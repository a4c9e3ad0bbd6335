package main

import (
	"context"
	"errors"
	"net"

	"cloudsql/distributed/node"
	"cloudsql/protocol"
	"cloudsql/sql"
)

// newEngine makes the SQL layer over a node. Nil: start serves no SQL.
var newEngine func(n *node.Node, s *settings, sqlAddr net.Addr) (sql.Engine, error)

// sqlServer is the MySQL protocol over the SQL layer.
type sqlServer struct{ server *protocol.Server }

// tlsDir keeps the self-signed certificate and the key for passwords, in the data directory.
const tlsDir = "/tls"

func newSQLServer(p *process) (*sqlServer, error) {
	if newEngine == nil {
		p.log.Warn("this program has no SQL layer: nothing is served on the SQL address")
		return nil, nil
	}
	s := p.settings
	engine, err := newEngine(p.node, s, p.sqlLis.Addr())
	if err != nil {
		return nil, err
	}
	cfg := protocol.Config{
		MaxConnections: s.maxConnections, MaxAllowedPacket: s.maxAllowedPacket, RequireTLS: s.requireTLS, Logger: p.log,
	}
	if s.tlsCert != "" {
		cfg.TLS, err = protocol.LoadTLS(s.tlsCert, s.tlsKey)
	} else {
		cfg.TLS, err = protocol.SelfSignedTLS(s.data + tlsDir)
	}
	if err != nil {
		return nil, err
	}
	if cfg.RSAKey, err = protocol.RSAKey(s.data + tlsDir); err != nil {
		return nil, err
	}
	return &sqlServer{server: protocol.New(cfg, engine)}, nil
}

func (s *sqlServer) serve(l net.Listener) error {
	if err := s.server.Serve(l); !errors.Is(err, protocol.ErrServerClosed) {
		return err
	}
	return nil
}

// drain lets running statements end.
func (s *sqlServer) drain(ctx context.Context) { _ = s.server.Shutdown(ctx) }
