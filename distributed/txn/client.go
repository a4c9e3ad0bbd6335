package txn

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/storage/fragment"
	"cloudsql/storage/metric"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
	"cloudsql/storage/version"
)

// Router knows where shards are. Package node implements it; all methods are cheap and safe for concurrent use.
type Router interface {
	// ShardOf finds the shard of a tablet in the newest catalog.
	ShardOf(schema.TabletID) (schema.ShardID, bool)
	// Copied tells whether a tablet is its table's still, and is being copied to where it will be.
	Copied(schema.TabletID) bool
	// Table is a table in the newest catalog that this node knows, nil if it has none of that id.
	Table(schema.TableID) *schema.Table
	// Refresh waits for the newest catalog that there is.
	Refresh(ctx context.Context) error
	// CatalogChanged gives a channel that is closed once there is another catalog; ask before looking.
	CatalogChanged() <-chan struct{}
	// Local is this node's replica of a shard, or nil.
	Local(schema.ShardID) *replica.Replica
	// Nearest is a node with a replica of a shard that this one has none of, nearer than the leaseholder's; 0: there is none.
	Nearest(schema.ShardID) schema.NodeID
	// Replicas are the nodes that may serve a shard, the likelier ones first.
	Replicas(schema.ShardID) []schema.NodeID
	// Full says why a shard takes no writes, nil if it does.
	Full(schema.ShardID) error
	// Lost says why nobody can serve a shard, nil if somebody may.
	Lost(schema.ShardID) error
}

// Config says what a Client works with. Zero values of the settings mean the defaults named beside them.
type Config struct {
	Node       schema.NodeID
	Router     Router
	Caller     rpc.Caller
	Timestamps tso.Source
	Logger     *slog.Logger
	Version    *version.Gate // the cluster's; nil: V1

	RetryFor  time.Duration // 30 s: go on looking for a leaseholder so long
	PageBytes int           // 256 KiB: rows that are read at once
	KeepAlive time.Duration // 3 s: how often leaseholders are told that transactions are not forgotten
}

// DefaultLockWait is innodb_lock_wait_timeout's default, for statements that come without options.
const DefaultLockWait = 50 * time.Second

// Client runs this node's transactions against whichever nodes hold the leases. Safe for concurrent use.
type Client struct{ caller }

// caller is a Client's lower half: it finds leaseholders, repeats requests (route.go, repeat.go), and knows which transactions and
// snapshots are open (pins.go).
type caller struct {
	cfg     Config
	run     int64 // tells this run's transactions from those of all earlier ones, whatever the clock did meanwhile
	lastTxn atomic.Uint64
	hints   sync.Map // schema.ShardID → schema.NodeID: who served it last
	shunned sync.Map // schema.NodeID → time.Time: nearest nodes that failed, and until when they are not asked
	remotes sync.Map // schema.NodeID → *leaseholder.Remote
	Stats   Stats

	ctx    context.Context
	cancel context.CancelFunc
	done   spawn.Group

	mu   sync.Mutex
	pins map[*pin]struct{}

	known      known
	moments    moments
	committing committing
	fresh      freshener
}

// Stats counts what a Client did.
type Stats struct {
	LocalCalls       atomic.Uint64 `counter:"txn_local_calls_total" help:"operations at leaseholders on this node"`
	RemoteCalls      atomic.Uint64 `counter:"txn_remote_calls_total" help:"operations at leaseholders on other nodes"`
	Retries          atomic.Uint64 `counter:"txn_retries_total" help:"operations tried again after a pause"`
	Redirects        atomic.Uint64 `counter:"txn_redirects_total" help:"operations sent on to another node"`
	UnknownOutcomes  atomic.Uint64 `counter:"txn_unknown_outcomes_total" help:"statements given up without knowing whether they took effect"`
	Snapshots        atomic.Uint64 `counter:"txn_snapshots_total" help:"timestamps fetched for reading"`
	Aborted          atomic.Uint64 `counter:"txn_aborted_total" help:"transactions lost to deadlocks, conflicts and failovers"`
	CommitsOne       atomic.Uint64 `counter:"txn_one_shard_commits_total" help:"commits in one shard: one proposal"`
	CommitsMany      atomic.Uint64 `counter:"txn_many_shard_commits_total" help:"commits in several shards: a proposal in each at once"`
	StaleStates      atomic.Uint64 `counter:"txn_stale_states_total" help:"past states chosen for reads with a bound" status:"Cloudsql_stale_states"`
	FollowerForwards atomic.Uint64 `counter:"txn_follower_forwards_total" help:"reads of the past that the replica of this node, or the nearest, could not serve" status:"Cloudsql_follower_forwards"`
	NearestReads     atomic.Uint64 `counter:"txn_nearest_reads_total" help:"reads of the past that a nearer node than the leaseholder served" status:"Cloudsql_nearest_reads"`

	// Commit is of transactions of several statements; an autocommit write is one with its statement.
	Commit metric.Histogram `histogram:"txn_commit_seconds" help:"commits of transactions of several statements, from the request until the answer"`
}

// New makes a Client. Close it in the end.
func New(cfg Config) *Client {
	if cfg.RetryFor == 0 {
		cfg.RetryFor = 30 * time.Second
	}
	if cfg.PageBytes == 0 {
		cfg.PageBytes = 256 << 10
	}
	if cfg.KeepAlive == 0 {
		cfg.KeepAlive = 3 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	c := new(Client)
	c.cfg, c.run, c.pins = cfg, newRun(), make(map[*pin]struct{})
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.done.Keep(c.ctx.Done(), "keeping transactions alive", c.keepAliveLoop)
	c.done.Keep(c.ctx.Done(), "forgetting transactions", c.forgetLoop)
	return c
}

// Close ends the background work; transactions that are open are left to their leaseholders' timeouts.
func (c *Client) Close() {
	c.cancel()
	c.done.Wait()
}

// newRun is a number of 48 bits.
func newRun() int64 {
	var b [8]byte
	_, _ = rand.Read(b[2:])                     // never fails
	return int64(binary.BigEndian.Uint64(b[:])) // of 48 bits
}

// newID names a new transaction.
func (c *Client) newID() fragment.TxnID {
	return leaseholder.NewTxnID(c.cfg.Node, c.run, c.lastTxn.Add(1))
}

// Write runs autocommit write fragments of one shard as one transaction; see distributed.DB.
func (c *Client) Write(ctx context.Context, o *distributed.TxnOptions, w ...*fragment.Write) ([]fragment.WriteResult, error) {
	if len(w) == 0 {
		return nil, nil
	}
	s, err := c.shardOf(w[0].Tablet)
	if err != nil {
		return nil, err
	}
	for _, f := range w[1:] {
		if other, err := c.shardOf(f.Tablet); err != nil {
			return nil, err
		} else if other != s {
			return c.writeMany(ctx, o, w)
		}
	}
	if err := c.cfg.Router.Full(s); err != nil {
		return nil, err
	}
	q := leaseholder.WriteRequest{Shard: s, Txn: c.newID(), Writes: w, LockWait: DefaultLockWait}
	if o != nil {
		if o.ReadOnly {
			return nil, errReadOnly()
		}
		q.LockWait, q.Session = o.LockWait, o.Session
	}
	first, err := c.firstTry(ctx)
	if err != nil {
		return nil, err
	}
	var reply *leaseholder.WriteReply
	err = c.execute(ctx, s, first, func(svc leaseholder.Service, first mvcc.Timestamp, alone bool) (err error) {
		q.First, q.Alone = first, alone
		reply, err = svc.Write(ctx, &q)
		return err
	})
	if err != nil && ctx.Err() != nil && isDoubtful(err) {
		return c.interrupted(s, &q, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	c.Observe(reply.TS)
	if o != nil {
		committed(o, reply.TS)
	}
	return reply.Results, nil
}

// ReadPoint reads all rows of a fragment with Keys on the newest state; see distributed.DB.
func (c *Client) ReadPoint(ctx context.Context, r *fragment.Read, page *fragment.Page) error {
	s, err := c.shardOf(r.Tablet)
	if err != nil {
		return err
	}
	return c.readPlain(ctx, s, r, shard.ReadOptions{}, page)
}

// readPlain reads a page outside transactions' own turns.
func (c *Client) readPlain(ctx context.Context, s schema.ShardID, r *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	if local := c.cfg.Router.Local(s); local != nil {
		if _, ok := local.Leaseholding(); ok {
			c.Stats.LocalCalls.Add(1)
			if err := local.ReadPlain(ctx, r, o, page); err == nil {
				return nil
			} else if !retryable(err) {
				return public(err)
			}
		}
	}
	return c.readPage(ctx, &leaseholder.ReadRequest{Shard: s, Read: r, At: o.At, From: o.From, MaxBytes: o.MaxBytes}, page)
}

func (c *Client) readPage(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) error {
	if q.Follower {
		o := shard.ReadOptions{At: q.At, From: q.From, MaxBytes: q.MaxBytes}
		if done, err := c.readNear(ctx, q.Shard, q.Read, o, page); done {
			return err
		}
		if done, err := c.readNearest(ctx, q, page); done {
			return err
		}
	}
	var begun time.Time // of waiting
	for {
		err := c.call(ctx, q.Shard, repeatable, func(svc leaseholder.Service) error { return svc.Read(ctx, q, page) })
		if !errors.Is(err, distributed.ErrSchemaChanged) {
			return err
		}
		changed := c.cfg.Router.CatalogChanged()
		if !c.cfg.Router.Copied(q.Read.Tablet) {
			return err
		}
		// It may be frozen for longer than its leaseholder has requests wait.
		if begun.IsZero() {
			begun = time.Now()
		}
		if time.Since(begun) > frozenWait {
			return err
		}
		if clock.Await(ctx, changed, frozenPause); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

const (
	frozenWait  = time.Second           // of a request; then its statement may be planned again
	frozenMost  = 20 * time.Second      // of a statement that can't be
	frozenPause = 50 * time.Millisecond // a tablet that serves again is no change of the catalog
)

// Read reads one tablet on the newest state; see distributed.DB.
func (c *Client) Read(ctx context.Context, r *fragment.Read) (distributed.Rows, error) {
	return c.newRows(ctx, r, 0)
}

// ReadAt reads one tablet at a snapshot, whose versions are kept until the read is closed.
func (c *Client) ReadAt(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) (distributed.Rows, error) {
	rows, err := c.newRows(ctx, r, at)
	if err != nil {
		return nil, err
	}
	rows.pin = c.pinSnapshot(at)
	return rows, nil
}

// Snapshot is a timestamp above everything that was acknowledged anywhere before the call.
func (c *Client) Snapshot(ctx context.Context) (mvcc.Timestamp, error) {
	c.Stats.Snapshots.Add(1)
	return c.newest(ctx)
}

// Leaseholder is who serves a shard, as far as this node knows; 0: unknown.
func (c *caller) Leaseholder(s schema.ShardID) schema.NodeID {
	if local := c.cfg.Router.Local(s); local != nil {
		return local.Holder()
	}
	if h, ok := c.hints.Load(s); ok {
		return h.(schema.NodeID)
	}
	return 0
}

func (c *Client) shardOf(t schema.TabletID) (schema.ShardID, error) {
	if s, ok := c.cfg.Router.ShardOf(t); ok {
		return s, nil
	}
	return 0, distributed.ErrSchemaChanged
}

func errReadOnly() error { return mysqlerr.New(mysqlerr.CantExecuteInReadOnlyTransaction) }
