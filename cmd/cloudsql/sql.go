package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"

	"cloudsql/planner/spill"
	"cloudsql/protocol"
	"cloudsql/sql/session"
	"cloudsql/storage/spawn"
)

// sqlServer is the MySQL protocol over the SQL layer.
type sqlServer struct {
	server *protocol.Server
	engine *session.Engine

	stop       context.CancelFunc
	background spawn.Group // ends with stop
}

// tlsDir keeps the self-signed certificate and the key for passwords, in the data directory.
const tlsDir = "/tls"

// temporaryDir has the temporary files of statements, in the data directory; it is emptied at each start.
const temporaryDir = "/temporary"

// greetedPlugin is what the greeting proposes, whatever an account's own plugin is: libmariadb has it built in, but loads
// caching_sha2_password from a file on first use, and fails when several threads do that at once ("Got packets out of
// order"). An account with another plugin is asked to switch to it, as MySQL does.
const greetedPlugin = "mysql_native_password"

func newSQLServer(p *process) (*sqlServer, error) {
	s := p.settings
	cfg := protocol.Config{
		RequireTLS: s.requireTLS, DefaultPlugin: greetedPlugin, Logger: p.log,
	}
	if err := os.MkdirAll(s.data+tlsDir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if s.tlsCert != "" {
		cfg.TLS, err = protocol.LoadTLS(s.tlsCert, s.tlsKey)
	} else {
		cfg.TLS, err = protocol.SelfSignedTLS(s.data + tlsDir)
	}
	if err == nil && s.tlsCA != "" {
		err = protocol.VerifyClients(cfg.TLS, s.tlsCA)
	}
	if err != nil {
		return nil, err
	}
	if cfg.RSAKey, err = protocol.RSAKey(s.data + tlsDir); err != nil {
		return nil, err
	}
	if p.space, err = spill.NewSpace(s.data+temporaryDir, s.temporary<<20); err != nil {
		return nil, err
	}
	hostname, _ := os.Hostname()
	engine := session.NewEngine(p.node, session.Config{
		Hostname: hostname, Port: p.sqlLis.Addr().(*net.TCPAddr).Port, DataDir: s.data, FileDir: s.secureFilePriv, TLS: true,
		Memory: p.memory, StatementMemory: s.statementBytes(), SessionMemory: s.sessionBytes(), Space: p.space,
		Running: s.runningStatements, Log: p.log,
		Shutdown: p.shutdown, History: s.history, Counters: p.statusCounters,
		Defaults: map[string]string{
			"max_connections": strconv.Itoa(s.maxConnections), "max_allowed_packet": strconv.Itoa(s.maxAllowedPacket),
			"innodb_buffer_pool_size": strconv.FormatInt(s.cacheBytes(), 10), "cloudsql_spread_tables": onOff(s.spreadTables),
			"cloudsql_replication_factor": strconv.Itoa(s.replicationFactor),
		},
	})
	srv := &sqlServer{server: protocol.New(cfg, engine), engine: engine}
	ctx, stop := context.WithCancel(context.Background())
	srv.stop = stop
	srv.background.Keep(ctx.Done(), "definitions of gateways that are gone", func() { engine.Inherit(ctx) })
	return srv, nil
}

func (s *sqlServer) serve(l net.Listener) error {
	if err := s.server.Serve(l); !errors.Is(err, protocol.ErrServerClosed) {
		return err
	}
	return nil
}

// drain lets running statements end.
func (s *sqlServer) drain(ctx context.Context) {
	_ = s.server.Shutdown(ctx)
	s.close()
}

// close ends what runs beside the sessions.
func (s *sqlServer) close() {
	s.stop()
	s.background.Wait()
}

func onOff(b bool) string {
	if b {
		return "ON"
	}
	return "OFF"
}
