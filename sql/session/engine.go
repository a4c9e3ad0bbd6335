package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/distributed/temporary"
	"cloudsql/planner"
	"cloudsql/planner/spill"
	"cloudsql/sql"
	"cloudsql/sql/admission"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/digest"
	"cloudsql/sql/metalock"
	"cloudsql/sql/peers"
	"cloudsql/sql/planned"
	"cloudsql/sql/privilege"
	"cloudsql/sql/status"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/memory"
	"cloudsql/storage/spawn"
)

// Config is what a node tells its SQL layer. Zero values take the defaults beside them.
type Config struct {
	Version        string // of this program, "0.1"
	VersionComment string // "cloudsql"
	Hostname       string
	Port           int
	DataDir        string
	FileDir        string // secure_file_priv: the directory of LOAD DATA, SELECT … INTO OUTFILE and LOAD_FILE; none where empty
	TLS            bool   // the protocol offers it
	// Memory is the account of the process, below which the sessions have theirs; one of the engine's own, without a limit, where nil.
	Memory          *memory.Account
	StatementMemory int64        // bytes that one statement may hold; 256 MiB
	SessionMemory   int64        // bytes that one session may hold, with its statement; no limit
	Running         int          // statements that look for rows at once; 256
	Space           *spill.Space // for temporary files of statements; the system's directory where nil
	// Defaults are values of global variables that the node was started with, in place of the usual ones.
	Defaults  map[string]string
	Shutdown  func()        // SHUTDOWN; nil refuses it
	PlanCache int           // plans of text statements kept for all sessions; 2048
	History   time.Duration // how long old versions of rows are kept, which bounds how old reads may be; 0: unknown

	// Counters gives what the layers below count, for SHOW STATUS; may be nil.
	Counters func() map[string]float64
	// Log gets slow statements; slog.Default() where nil.
	Log *slog.Logger
	// Build plans a statement; planner.Build where nil. Tests put their own here.
	Build func(ctx *planner.Context, stmt ast.StmtNode) (planner.Plan, error)
	// Now is the clock of statements; time.Now where nil.
	Now func() time.Time
}

// Engine is the SQL layer of a node: it knows the accounts, opens sessions, and keeps what they share.
type Engine struct {
	db      distributed.DB
	cfg     Config
	started time.Time
	version string
	ddl     *online.Executor
	stats   status.Stats
	plans   planned.Cache

	temporary *temporary.Store
	log       *slog.Logger

	locks *metalock.Locks
	vars  sysvar.Server

	admission admission.Gate
	merged    privilege.Merged
	logins    privilege.Logins
	usage     privilege.Usage

	peers   *peers.Peers
	Digests *digest.Node // what statements came to

	mu       sync.RWMutex
	sessions map[uint32]*Session

	ids      atomic.Uint32
	prepared atomic.Int64 // statements that are open, in all sessions
}

var _ sql.Engine = (*Engine)(nil)

// NewEngine makes the SQL layer over a node. It registers the calls by which the sessions of other nodes reach the ones
// here, so it must be called once for a DB.
func NewEngine(db distributed.DB, cfg Config) *Engine {
	if cfg.Version == "" {
		cfg.Version = "0.1"
	}
	if cfg.VersionComment == "" {
		cfg.VersionComment = "cloudsql"
	}
	if cfg.Memory == nil {
		cfg.Memory = memory.NewProcess(0)
	}
	if cfg.StatementMemory == 0 {
		cfg.StatementMemory = 256 << 20
	}
	if cfg.PlanCache == 0 {
		cfg.PlanCache = 2048
	}
	if cfg.Build == nil {
		cfg.Build = planner.Build
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &Engine{
		db: db, cfg: cfg, log: cmp.Or(cfg.Log, slog.Default()), started: cfg.Now(), version: sysvar.MySQL + "-cloudsql-" + cfg.Version,
		sessions: map[uint32]*Session{},
	}
	e.vars = sysvar.Server{Catalog: db.Catalog, Defaults: cfg.Defaults, Now: cfg.Now}
	e.plans.Init(cfg.PlanCache, cfg.Memory)
	e.temporary = temporary.NewStore(temporary.Config{Dir: cfg.Space.Below("tables"), Memory: cfg.Memory, Take: cfg.Space.Take, Logger: cfg.Log})
	e.admission.Open(cfg.Running)
	owner := fmt.Sprintf("%d/%d", db.NodeID(), e.started.UnixNano())
	e.peers = peers.New(peers.Config{DB: db, Engine: owner, Each: e.eachMember, Find: e.findMember})
	e.ddl = &online.Executor{DB: db, Owner: owner, Alive: e.peers.Alive, Moved: metalock.Moved}
	e.locks = metalock.New(metalock.Config{DB: db, Engine: owner, Alive: e.peers.Alive, Others: e.peers.Others})
	e.Digests = digest.NewNode(cfg.Log, cfg.Memory, db.RegisterCall)
	spawn.Go("releasing locks of an earlier run", e.locks.BuryEarlierSelf)
	return e
}

// Inherit brings definitions to an end, until ctx ends, that were left half changed by gateways that are gone, and changes those that are to be cut.
func (e *Engine) Inherit(ctx context.Context) { online.Inherit(ctx, e.ddl, e.locks, e.log) }

// ServerVersion is what the greeting shows.
func (e *Engine) ServerVersion() string { return e.version }

// Status is COM_STATISTICS's line.
func (e *Engine) Status() string {
	up := int64(e.cfg.Now().Sub(e.started).Seconds())
	questions := e.stats.Questions.Load()
	perSecond := 0.0
	if up > 0 {
		perSecond = float64(questions) / float64(up)
	}
	e.mu.RLock()
	threads := len(e.sessions)
	e.mu.RUnlock()
	return fmt.Sprintf("Uptime: %d  Threads: %d  Questions: %d  Slow queries: %d  Opens: 0  Flush tables: 1  "+
		"Open tables: 0  Queries per second avg: %.3f", up, threads, questions, e.Digests.Stats.Slow.Load(), perSecond)
}

// uuid is the node's server_uuid: the same after each start.
func (e *Engine) uuid() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s/%d", e.cfg.DataDir, e.db.NodeID())))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// idStride keeps the connection ids of the nodes apart: an id modulo idStride tells its node, so that KILL and the process
// list name one session in the cluster. Only nodes whose numbers differ by a multiple of it can give the same ids.
const idStride = 64

// NextConnectionID numbers a connection.
func (e *Engine) NextConnectionID() uint32 {
	return e.ids.Add(1)*idStride + uint32(e.db.NodeID()%idStride) //nolint:gosec // below the stride
}

// session finds an open session.
func (e *Engine) session(id uint32) *Session {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.sessions[id]
}

// each calls fn for every open session.
func (e *Engine) each(fn func(*Session)) {
	e.mu.RLock()
	list := make([]*Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		list = append(list, s)
	}
	e.mu.RUnlock()
	for _, s := range list {
		fn(s)
	}
}

// Open starts a session.
func (e *Engine) Open(ctx context.Context, c *sql.ConnInfo) (sql.Session, error) {
	s := newSession(e, c)
	if c.DB != "" {
		if err := s.useDB(ctx, c.DB); err != nil {
			return nil, err
		}
	}
	if err := e.enter(s); err != nil {
		return nil, err
	}
	e.stats.Connections.Add(1)
	return s, nil
}

// enter lists a session; 1203 where its account has too many.
func (e *Engine) enter(s *Session) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.checkUserConnections(s); err != nil {
		return err
	}
	if s.conn.ID == 0 {
		s.conn.ID = e.NextConnectionID()
	}
	e.sessions[s.conn.ID] = s
	s.locks.Join(s.conn.ID)
	return nil
}

func (e *Engine) forget(s *Session) {
	e.mu.Lock()
	if e.sessions[s.conn.ID] == s {
		delete(e.sessions, s.conn.ID)
	}
	s.locks.Leave()
	e.mu.Unlock()
}
