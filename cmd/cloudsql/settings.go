package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"cloudsql/distributed/credentials"
	"cloudsql/distributed/datadir"
)

// settings are what a node can be told from outside. Each has one name: --sql-addr, CLOUDSQL_SQL_ADDR, sql-addr = "…".
type settings struct {
	data              string
	sqlAddr           string
	nodeAddr          string
	advertiseAddr     string
	httpAddr          string
	httpToken         string
	join              string
	joinToken         string
	requireJoinToken  bool
	nodeTLS           string
	logLevel          string
	logFormat         string
	cache             int64
	replicationFactor int
	replaceAfter      time.Duration
	dataShards        int
	locality          string
	history           time.Duration
	maxClockOffset    time.Duration
	walDir            string
	spreadTables      bool
	secureFilePriv    string
	untrustedClock    bool
	maxConnections    int
	maxAllowedPacket  int
	maxTxn            int
	runningStatements int
	tlsCert, tlsKey   string
	requireTLS        bool
	tlsCA             string
	memory            int64
	statementMemory   int64
	temporary         int64
	diskReserve       uint64
	drainTimeout      time.Duration
}

const envPrefix = "CLOUDSQL_"

func (s *settings) flags(f *flag.FlagSet) {
	f.StringVar(&s.data, "data", "data/node", "directory of the node's data; made if it is not there")
	f.StringVar(&s.sqlAddr, "sql-addr", "127.0.0.1:3306", "address for MySQL clients")
	f.StringVar(&s.nodeAddr, "node-addr", "127.0.0.1:7306", "address to listen on for the other nodes of the cluster, and where they reach it")
	f.StringVar(&s.advertiseAddr, "advertise-addr", "", "node address that other nodes are told; --node-addr if empty")
	f.StringVar(&s.httpAddr, "http-addr", "127.0.0.1:8306", "address of /healthz, /metrics and /debug")
	f.StringVar(&s.httpToken, "http-token", "", "what opens /debug to other machines, as Authorization: Bearer TOKEN; none if empty")
	f.StringVar(&s.join, "join", "", "node addresses of members of the cluster to join, separated by commas; a fresh directory needs it, and nodes that all come back at other addresses")
	f.StringVar(&s.joinToken, "join-token", "", "the `token` that 'cloudsql join-token' prints on a member; needed to join from another machine")
	f.BoolVar(&s.requireJoinToken, "require-join-token", false, "let no node join without a token, not even from this machine")
	f.StringVar(&s.nodeTLS, "node-tls", "on",
		"on: nodes prove to each other who they are; optional: nodes without a certificate are talked to as well; off: a new cluster gets no certificates")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&s.logFormat, "log-format", "text", "text or json")
	f.Int64Var(&s.cache, "cache-mb", 0, "size of the block cache in MiB; 0: an eighth of --memory-limit-mb, 64 to 4096")
	f.IntVar(&s.replicationFactor, "replication-factor", 3, "replicas of a data shard, as far as there are nodes")
	f.DurationVar(&s.replaceAfter, "replace-after", 5*time.Minute, "so long after a node was last heard from, its replicas are given to others")
	f.IntVar(&s.dataShards, "data-shards", 0, "most data shards that are made, one a node until then; 0: one a node, however many there are")
	f.StringVar(&s.locality, "locality", "", "where the node is, as region=eu,zone=b, the largest part first: a shard's replicas are spread over what differs")
	f.DurationVar(&s.history, "history", 10*time.Second, "how long old versions of rows are kept for snapshots")
	f.DurationVar(&s.maxClockOffset, "max-clock-offset", 500*time.Millisecond,
		"how far this node's wall clock may be from the majority's before it says so and leaves the timestamps to others")
	f.StringVar(&s.walDir, "wal-dir", "", "another disk's directory for the write-ahead part of the raft log")
	f.BoolVar(&s.untrustedClock, "untrusted-clock", false,
		"confirm every read through raft: for machines whose clock stands still while they are suspended or migrated")
	f.StringVar(&s.secureFilePriv, "secure-file-priv", "",
		"the one `directory` of this node that LOAD DATA INFILE and LOAD_FILE read from and SELECT ... INTO OUTFILE writes to; if empty they are refused (1290)")
	f.BoolVar(&s.spreadTables, "spread-tables", false, "place every new table by itself instead of beside its database's others")
	f.IntVar(&s.maxConnections, "max-connections", 2000, "client connections at once, and one more for an administrator; SET GLOBAL max_connections goes before it")
	f.IntVar(&s.maxAllowedPacket, "max-allowed-packet", 64<<20, "bytes of one client request; SET GLOBAL max_allowed_packet goes before it")
	f.IntVar(&s.maxTxn, "max-transaction-mb", 0, "memory in MiB that what one transaction writes in one shard may take; beyond it statements get error 1197; 0: an eighth of --memory-limit-mb, 64 to 4096")
	f.IntVar(&s.runningStatements, "running-statements", 256, "statements that look for rows at once, outside of transactions; four times as many wait, others get error 1041")
	f.StringVar(&s.tlsCert, "tls-cert", "", "certificate file for clients; a self-signed one is made if none is given")
	f.StringVar(&s.tlsKey, "tls-key", "", "key file that belongs to --tls-cert")
	f.StringVar(&s.tlsCA, "tls-ca", "", "file of the authorities that clients' certificates are verified by, for accounts that REQUIRE X509, SUBJECT or ISSUER")
	f.BoolVar(&s.requireTLS, "require-tls", false, "refuse clients without TLS, as SET GLOBAL require_secure_transport does")
	f.Int64Var(&s.memory, "memory-limit-mb", 0, "memory in MiB that the process may use; 0: 80 % of the machine's, or of its control group's")
	f.Int64Var(&s.temporary, "temporary-mb", 4096, "disk space in MiB that the temporary files of statements may take in the data directory")
	f.Int64Var(&s.statementMemory, "statement-memory-mb", 0,
		"memory in MiB that one statement may use at its gateway; 0: an eighth of what statements may use together, 16 to 4096")
	f.Uint64Var(&s.diskReserve, "disk-reserve-mb", 512, "MiB of the disk that writes leave free (1021), at most a tenth of it; 0: none")
	f.DurationVar(&s.drainTimeout, "drain-timeout", 15*time.Second, "how long a stop by SIGTERM may take")
}

// parse reads flags, environment and file into f's variables; usage errors are printed and returned as errUsage.
func parse(f *flag.FlagSet, args []string, stderr io.Writer) error {
	f.SetOutput(stderr)
	file := f.String("config", "", "TOML file with settings by the names of these flags")
	if err := f.Parse(args); err != nil {
		return errUsage // printed; -h lands here too
	}
	if f.NArg() > 0 {
		return usageError(f, fmt.Errorf("unexpected argument %q", f.Arg(0)))
	}
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	if err := fromEnvironment(f, given); err != nil {
		return usageError(f, err)
	}
	if *file == "" {
		return nil
	}
	if err := fromFile(f, *file, given); err != nil {
		return usageError(f, err)
	}
	return nil
}

func usageError(f *flag.FlagSet, err error) error {
	fmt.Fprintf(f.Output(), "cloudsql %s: %v\n", f.Name(), err)
	return errUsage
}

func envName(flagName string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

func fromEnvironment(f *flag.FlagSet, given map[string]bool) (err error) {
	f.VisitAll(func(fl *flag.Flag) {
		v, ok := os.LookupEnv(envName(fl.Name))
		if !ok || given[fl.Name] || err != nil {
			return
		}
		given[fl.Name] = true
		if setErr := f.Set(fl.Name, v); setErr != nil {
			err = fmt.Errorf("environment variable %s: %q: %w", envName(fl.Name), v, setErr)
		}
	})
	return err
}

func fromFile(f *flag.FlagSet, path string, given map[string]bool) error {
	var values map[string]any
	if _, err := toml.DecodeFile(path, &values); err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	for name, v := range values {
		if f.Lookup(name) == nil || name == "config" {
			return fmt.Errorf("configuration file %s: there is no setting %q", path, name)
		}
		if given[name] {
			continue
		}
		text := fmt.Sprint(v)
		if list, ok := v.([]any); ok { // join = ["a", "b"]
			parts := make([]string, len(list))
			for i, p := range list {
				parts[i] = fmt.Sprint(p)
			}
			text = strings.Join(parts, ",")
		}
		if err := f.Set(name, text); err != nil {
			return fmt.Errorf("configuration file %s: %s = %q: %w", path, name, text, err)
		}
	}
	return nil
}

// check finds what cannot be right.
func (s *settings) check() error {
	for name, addr := range map[string]string{"sql-addr": s.sqlAddr, "node-addr": s.nodeAddr, "http-addr": s.httpAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("--%s %q is not an address with a port", name, addr)
		}
	}
	if s.advertiseAddr != "" {
		if _, _, err := net.SplitHostPort(s.advertiseAddr); err != nil {
			return fmt.Errorf("--advertise-addr %q is not an address with a port", s.advertiseAddr)
		}
	}
	for _, addr := range s.members() {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("--join %q is not an address with a port", addr)
		}
		if addr == s.reachedAt() && !datadir.Exists(s.data) {
			return errors.New("--join names this node's own address")
		}
	}
	if host, _, _ := net.SplitHostPort(s.reachedAt()); host == "" || host == "0.0.0.0" || host == "::" {
		return fmt.Errorf("%q must be an address that other nodes can reach; give one as --node-addr or --advertise-addr", s.reachedAt())
	}
	if (s.tlsCert == "") != (s.tlsKey == "") {
		return errors.New("--tls-cert and --tls-key belong together")
	}
	if !localityForm.MatchString(s.locality) {
		return fmt.Errorf("--locality %q is not of the form key=value,key=value", s.locality)
	}
	if _, ok := nodeTLSModes[s.nodeTLS]; !ok {
		return fmt.Errorf("--node-tls %q is none of on, optional, off", s.nodeTLS)
	}
	if s.data == "" {
		return errors.New("--data is empty")
	}
	if s.secureFilePriv != "" {
		if info, err := os.Stat(s.secureFilePriv); err != nil || !info.IsDir() || !filepath.IsAbs(s.secureFilePriv) {
			return fmt.Errorf("--secure-file-priv %q is not the absolute path of a directory", s.secureFilePriv)
		}
	}
	if s.replicationFactor < 1 || s.dataShards < 0 || s.maxConnections < 1 || s.maxTxn < 0 || s.runningStatements < 1 || s.history < time.Second ||
		s.replaceAfter < time.Second {
		return errors.New("--replication-factor, --max-connections and --running-statements must be at least 1, --data-shards and --max-transaction-mb 0, --history and --replace-after 1s")
	}
	if _, err := s.level(); err != nil {
		return err
	}
	if s.logFormat != "text" && s.logFormat != "json" {
		return fmt.Errorf("--log-format %q is neither text nor json", s.logFormat)
	}
	return nil
}

// localityForm is of --locality, which heartbeats carry.
var localityForm = regexp.MustCompile(`^([\w.-]{1,64}=[\w.-]{1,64}(,[\w.-]{1,64}=[\w.-]{1,64}){0,7})?$`)

var nodeTLSModes = map[string]credentials.Mode{"on": credentials.On, "optional": credentials.Optional, "off": credentials.Off}

// reachedAt is where other nodes reach this one.
func (s *settings) reachedAt() string {
	if s.advertiseAddr != "" {
		return s.advertiseAddr
	}
	return s.nodeAddr
}

func (s *settings) members() (out []string) {
	for _, a := range strings.Split(s.join, ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

func (s *settings) level() (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(s.logLevel)); err != nil {
		return l, fmt.Errorf("--log-level %q is none of debug, info, warn, error", s.logLevel)
	}
	return l, nil
}

// logger writes to w and becomes the default, which also takes what libraries print.
func (s *settings) logger(w io.Writer) *slog.Logger {
	level, _ := s.level()
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if s.logFormat == "json" {
		h = slog.NewJSONHandler(w, o)
	}
	log := slog.New(h)
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(log)
	return log
}
