package main

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"cloudsql/distributed/moves"
	"cloudsql/distributed/node"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/distributed/txn"
	"cloudsql/protocol"
	"cloudsql/sql/digest"
	"cloudsql/sql/session"
	"cloudsql/storage/memory"
	"cloudsql/storage/metric"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// figures are what a process counts, at one moment.
type figures struct {
	p    *process
	node node.Counters
}

func (p *process) figures() figures { return figures{p, p.node.Counters()} }

// sources are all parts of a process that count: what they say of their fields is what /metrics, SHOW GLOBAL STATUS and
// the page of metrics tell.
var sources = append([]metric.Source[figures]{
	metric.One(func(f figures) *raft.Stats { return f.node.Raft }),
	metric.One(func(f figures) *raft.TransportStats { return f.node.Transport }),
	metric.One(func(figures) *raft.DiskStats { return &raft.Disk }),
	metric.Many("side", func(f figures, fn func(string, *rpc.Stats)) {
		for side, s := range f.node.RPC {
			fn(side, s)
		}
	}),
	metric.One(func(f figures) *tso.OwnerStats { return f.node.Owner }),
	metric.One(func(f figures) *tso.ClientStats { return f.node.Stamps }),
	metric.One(func(f figures) *txn.Stats { return f.node.Txns }),
	metric.One(func(f figures) *moves.Stats { return f.node.Moves }),
	metric.One(func(f figures) *node.Figures { return &f.node.Figures }),
	metric.Many("shard", func(f figures, fn func(string, *replica.Stats)) {
		for s, r := range f.node.Replicas {
			fn(shardLabel(s), r)
		}
	}),
	metric.Many("shard", func(f figures, fn func(string, *node.ReplicaFigures)) {
		f.p.node.EachReplica(func(s schema.ShardID, r *node.ReplicaFigures) { fn(shardLabel(s), r) })
	}),
	metric.One(func(f figures) *memoryFigures { return memoryOf(f.p.memory) }),
	metric.One(func(f figures) *temporaryFigures { return f.p.temporary() }),
	metric.One(func(figures) *panics { return &panics{spawn.Panics()} }),
	metric.One(func(f figures) *protocol.Metrics {
		if f.p.sql == nil {
			return nil
		}
		return &f.p.sql.server.Metrics
	}),
	metric.One(func(f figures) *digest.Stats {
		if f.p.sql == nil {
			return nil
		}
		return &f.p.sql.engine.Digests.Stats
	}),
}, session.Sources(func(f figures) *session.Engine {
	if f.p.sql == nil {
		return nil
	}
	return f.p.sql.engine
})...)

func shardLabel(s schema.ShardID) string { return strconv.FormatUint(uint64(s), 10) }

type panics struct {
	Count metric.ByName[uint64] `counter:"panics_total" help:"pieces of work that ended by a bug, by what they were for" label:"part"`
}

// memoryFigures tell of the accounts of memory.
type memoryFigures struct {
	Used    int64                `gauge:"memory_accounted_bytes" help:"memory that is charged to somebody" status:"Cloudsql_memory_used"`
	Peak    int64                `gauge:"memory_accounted_peak_bytes" help:"the most that has been" status:"Cloudsql_memory_peak"`
	Limit   int64                `gauge:"memory_accounted_limit_bytes" help:"what may be charged in all, 0 for no limit" status:"Cloudsql_memory_limit"`
	Process int64                `gauge:"memory_process_bytes" help:"memory that the runtime has from the system"`
	Shed    uint64               `counter:"memory_statements_shed_total" help:"statements that were ended because the process ran out of memory" status:"Cloudsql_statements_shed"`
	Refused uint64               `counter:"memory_refused_total" help:"requests for memory that the limit of the process refused" status:"Cloudsql_memory_refused"`
	Stores  metric.ByName[int64] `gauge:"memory_store_bytes" help:"memory held beside the sessions" label:"store"`
	Kinds   metric.ByName[int64] `gauge:"memory_kind_bytes" help:"memory of sessions and statements, by what it is held for" label:"kind"`
}

func memoryOf(account *memory.Account) *memoryFigures {
	m := account.Totals()
	f := &memoryFigures{
		Used: m.Process.Used, Peak: m.Process.Peak, Limit: m.Process.Limit, Process: memory.ProcessBytes(), Shed: m.Sheds, Refused: m.Refused,
		Stores: metric.ByName[int64]{}, Kinds: m.Kinds,
	}
	for i := range m.Stores {
		f.Stores[m.Stores[i].Name] += m.Stores[i].Used
	}
	return f
}

// temporaryFigures tell of the temporary files of statements.
type temporaryFigures struct {
	Bytes   int64                 `gauge:"temporary_bytes" help:"what the temporary files of statements take" status:"Cloudsql_temporary_bytes"`
	Written uint64                `counter:"temporary_written_bytes_total" help:"bytes written to temporary files" status:"Cloudsql_temporary_written"`
	Files   metric.ByName[uint64] `counter:"temporary_files_total" help:"temporary files made, by what there was too little memory for" label:"kind" status:"Cloudsql_temporary_files"`
}

func (p *process) temporary() *temporaryFigures {
	s := p.space
	if s == nil {
		return nil
	}
	f := &temporaryFigures{Bytes: s.Used(), Written: s.Written(), Files: metric.ByName[uint64]{}}
	for k := range memory.Kinds {
		if n := s.Files(k); n > 0 {
			f.Files[k.String()] = n
		}
	}
	return f
}

// statusCounters are the variables of SHOW GLOBAL STATUS that fields of the sources declare.
func (p *process) statusCounters() map[string]float64 {
	vars := map[string]float64{}
	metric.Status(sources, p.figures(), func(name string, v float64) { vars[name] += v })
	return vars
}

// collector reads the sources when Prometheus asks.
type collector struct{ p *process }

func newCollector(p *process) *collector { return &collector{p: p} }

// Describe says nothing: the set of series depends on which shards are here.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	defer spawn.Recover("metrics") // the library's goroutine
	now := c.p.figures()
	for i := range sources {
		sources[i].Collect(now, func(f *metric.Family, list []metric.Sample) {
			if f.Name != "" {
				send(out, f, list)
			}
		})
	}
}

// metricPrefix begins the name of every series.
const metricPrefix = "cloudsql_"

func send(out chan<- prometheus.Metric, f *metric.Family, list []metric.Sample) {
	var labels []string
	if f.Label != "" {
		labels = []string{f.Label}
	}
	d := prometheus.NewDesc(metricPrefix+f.Name, f.Help, labels, nil)
	kind := prometheus.GaugeValue
	if f.Kind == metric.KindCounter {
		kind = prometheus.CounterValue
	}
	for i := range list {
		s, values := &list[i], []string(nil)
		if f.Label != "" {
			values = []string{s.Label}
		}
		if s.Times != nil {
			out <- prometheus.MustNewConstHistogram(d, s.Times.Count(), s.Times.Sum().Seconds(), s.Times.Cumulative(), values...)
		} else {
			out <- prometheus.MustNewConstMetric(d, kind, s.Value, values...)
		}
	}
}
