package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cloudsql/distributed/node"
	"cloudsql/planner/spill"
	"cloudsql/storage/faultdisk"
	"cloudsql/storage/memory"
	"cloudsql/storage/spawn"
)

// start runs a node until a signal ends it.
func start(args []string, stdout, stderr io.Writer) error {
	var s settings
	f := flag.NewFlagSet("start", flag.ContinueOnError)
	s.flags(f)
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return usageError(f, err)
	}
	log := s.logger(stderr)
	tuneRuntime(&s)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &process{settings: &s, log: log, shutdown: stop, memory: s.openMemory(ctx)}
	defer p.close()
	if err := p.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it was ready
		}
		return err
	}
	p.announce(stdout)
	select {
	case <-ctx.Done():
		log.Info("stopping: handing over")
	case err := <-p.failed:
		return err
	}
	stop() // a second signal ends the process at once
	p.drain()
	return nil
}

// process is everything that start runs.
type process struct {
	settings *settings
	log      *slog.Logger
	node     *node.Node
	sql      *sqlServer
	http     *httpServer
	sqlLis   net.Listener
	httpLis  net.Listener
	failed   chan error
	memory   *memory.Account
	space    *spill.Space // of the SQL server; nil until it is there
	shutdown func()       // what the SQL statement SHUTDOWN does: the process drains and ends
}

// open opens the addresses first, because a wrong one is the likeliest mistake and must leave nothing behind.
func (p *process) open(ctx context.Context) (err error) {
	s := p.settings
	p.failed = make(chan error, 4)
	useHugePages(s.cacheBytes())
	if p.sqlLis, err = listen("SQL", s.sqlAddr); err != nil {
		return err
	}
	if p.httpLis, err = listen("HTTP", s.httpAddr); err != nil {
		return err
	}
	p.http = newHTTPServer(s.httpToken)
	p.serve("HTTP", func() error { return p.http.serve(p.httpLis) })
	config := node.Config{
		Dir: s.data, NodeAddr: s.nodeAddr, AdvertiseAddr: s.advertiseAddr, SQLAddr: p.sqlLis.Addr().String(), HTTPAddr: p.httpLis.Addr().String(),
		Join: s.members(), Log: p.log, ReplicationFactor: s.replicationFactor, ReplaceAfter: s.replaceAfter, DataShards: s.dataShards, Locality: s.locality,
		History: s.history, CacheBytes: s.cacheBytes(), Memory: p.memory, WALDir: s.walDir, SpreadTables: s.spreadTables, MaxTxnBytes: s.txnBytes(),
		UntrustedClock: s.untrustedClock, MaxClockOffset: s.maxClockOffset, DiskReserve: s.diskReserve << 20, Stop: p.fail,
		JoinToken: s.joinToken, RequireJoinToken: s.requireJoinToken, NodeTLS: nodeTLSModes[s.nodeTLS],
	}
	if path := os.Getenv(testClockEnv); path != "" {
		clock := newTestClock(path, p.log)
		config.Clock, config.WallClock = clock, clock.wall
	}
	if config.MaxVersion, err = testMaxVersion(); err != nil {
		return err
	}
	if path := os.Getenv(faultdisk.Env); path != "" {
		config.Disk = faultdisk.Follow(path, p.log)
	}
	n, err := node.Open(ctx, config)
	if err != nil {
		return err
	}
	p.node = n
	paceCollector(ctx, n.CachedBytes)
	if p.sql, err = newSQLServer(p); err != nil {
		return err
	}
	p.http.ready(p)
	p.serve("SQL", func() error { return p.sql.serve(p.sqlLis) })
	return nil
}

// serve accepts connections in the background; if it ends with an error, so does the process.
func (p *process) serve(what string, fn func() error) {
	what = "serving " + what
	spawn.Go(what, func() {
		if err := spawn.Do(what, fn); err != nil {
			p.failed <- fmt.Errorf("%s: %w", what, err)
		}
	})
}

// fail ends the process with an error, unless it is ending already.
func (p *process) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}

func listen(what, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s address %s", node.ErrBusyPort, what, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s address: %w", what, err)
	}
	return l, nil
}

// announce prints the line that tells that the node serves.
func (p *process) announce(stdout io.Writer) {
	fmt.Fprintf(stdout, "cloudsql ready: sql %s node %s http %s id=%d version=%s\n",
		p.sqlLis.Addr(), p.node.NodeAddr(), p.httpLis.Addr(), p.node.NodeID(), version)
}

// drain leaves so that clients and other nodes feel little of it: no new connections, leases to others, running
// statements to their end.
func (p *process) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), p.settings.drainTimeout)
	defer cancel()
	p.http.draining()
	if p.sql != nil {
		p.sql.drain(ctx)
	}
	p.node.Drain(ctx)
}

// close releases everything.
func (p *process) close() {
	if p.http != nil {
		p.http.close()
	}
	if p.sqlLis != nil {
		_ = p.sqlLis.Close()
	}
	if p.sql != nil {
		p.sql.close()
	}
	if p.node != nil {
		began := time.Now()
		p.node.Close()
		p.log.Debug("closed", "after", time.Since(began))
	}
}
