package node

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/credentials"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/faultdisk"
	"cloudsql/storage/memory"
	"cloudsql/storage/version"
)

// Version is the program's version as nodes tell each other; set by the command.
var Version = "dev"

// Errors of Open, to be tested for with errors.Is. Their text is meant for whoever started the process.
var (
	ErrBusyPort = errors.New("the address is in use")
	ErrRemoved  = errors.New("this node was removed from the cluster; start it on an empty directory with --join to make it a new member")
)

// Config is how a node is set up. Zero values of the settings mean the defaults named beside them.
type Config struct {
	Dir string
	// Addresses as other nodes and clients reach them; NodeAddr is listened on unless Listener is given.
	NodeAddr, SQLAddr, HTTPAddr string
	AdvertiseAddr               string   // what other nodes are told instead of NodeAddr, as behind NAT or a proxy
	Join                        []string // node addresses of members to ask; only for a fresh directory
	Locality                    string   // region=eu,zone=b: replicas are spread over what differs, the first parts before the others
	JoinToken                   string   // of the cluster to join; not needed on one machine
	RequireJoinToken            bool     // of nodes on this machine, too
	NodeTLS                     credentials.Mode
	Listener                    net.Listener // takes the place of listening on NodeAddr
	Network                     rpc.Network  // rpc.TCP
	Log                         *slog.Logger

	ReplicationFactor int             // 3: replicas of a data shard, as far as there are nodes
	DataShards        int             // as many data shards at most, one a node until then; 0: one a node, however many
	ReplaceAfter      time.Duration   // 5 min: so long after a node was last heard from, its replicas are given to others
	SystemVoters      int             // 5: nodes beyond get non-voting replicas of the system shard
	History           time.Duration   // 10 s: how long old versions are kept; what a snapshot in use needs stays
	HistoryMax        time.Duration   // 1 h: how long a transaction can hold them
	CacheBytes        int64           // engine.DefaultCacheBytes
	Memory            *memory.Account // of the process, which is charged with what the node holds; nil: nobody counts
	MaxTxnBytes       int             // 64 MiB: memory of what one transaction writes in one shard (1197)
	WALDir            string          // of the raft log; in Dir
	DiskReserve       uint64          // bytes that writes leave free, but at most a tenth of the file system; 0: none
	// Disk is one with faults, for tests.
	Disk *faultdisk.Disk
	// DiskSpace tells what is free and in all: the operating system's answer.
	DiskSpace func(dir string) (free, total uint64, err error)
	// Stop is told that the node must stop, while others go on: Close, from another goroutine.
	Stop func(why error)

	StatisticsEvery time.Duration // 5 s: package autostats
	// SteadyFor is how long nothing must have changed before tablets are moved by what they come to: 40 s. Loads are looked at eight times
	// meanwhile.
	SteadyFor time.Duration

	Heartbeat     time.Duration // 300 ms
	Tick          time.Duration // raft.DefaultTick
	ElectionTicks uint64        // raft.DefaultElectionTicks
	LeaseDuration time.Duration // package replica's default
	// Clock is the time that passes (clock.System): leases are counted on it. WallClock is the time of day (time.Now),
	// to which timestamps are held near.
	Clock     clock.Clock
	WallClock func() time.Time
	// MaxClockOffset is how far a wall clock may be from a majority's: 500 ms. Beyond, its node says so, and does not own the
	// timestamps.
	MaxClockOffset time.Duration
	// SpreadTables places every new table by itself instead of beside its database's others.
	SpreadTables bool
	// MaxVersion, below version.Max, makes this node behave as an older program does. For tests.
	MaxVersion version.Version
	// UntrustedClock has raft confirm every read instead of trusting the monotonic clock with leases.
	UntrustedClock bool
}

func (c *Config) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	num(&c.ReplicationFactor, 3)
	num(&c.SystemVoters, 5)
	def(&c.ReplaceAfter, 5*time.Minute)
	def(&c.History, 10*time.Second)
	def(&c.HistoryMax, time.Hour)
	def(&c.Heartbeat, 300*time.Millisecond)
	def(&c.SteadyFor, 40*time.Second)
	def(&c.MaxClockOffset, 500*time.Millisecond)
	if c.Clock == nil {
		c.Clock = clock.System
	}
	if c.WallClock == nil {
		c.WallClock = time.Now
	}
	if c.MaxVersion == 0 {
		c.MaxVersion = version.Max
	}
	if c.DiskSpace == nil {
		c.DiskSpace = diskSpace
	}
	if c.Disk != nil {
		c.DiskSpace = c.Disk.Space(c.DiskSpace)
		raft.UseDisk(c.Disk)
	}
	if c.Stop == nil {
		c.Stop = func(error) {}
	}
	if c.Network == nil {
		c.Network = rpc.TCP
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}
