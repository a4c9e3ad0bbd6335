package txn

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/engine"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// BenchmarkRaftWrite is one-row autocommit updates on one node with its log on disk: one consensus round each, fsync
// included.
func BenchmarkRaftWrite(b *testing.B) {
	for _, pipeline := range []int{1, 2, 4} {
		for _, clients := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("pipeline=%d/clients=%d", pipeline, clients), func(b *testing.B) {
				r := newRaftReplica(b, pipeline)
				benchWrites(b, r, clients)
			})
		}
	}
}

func benchWrites(b *testing.B, r *replica.Replica, clients int) {
	ctx := context.Background()
	for id := range int64(clients) {
		q := leaseholder.WriteRequest{Shard: firstShard, Txn: leaseholder.NewTxnID(1, 1, uint64(id)), LockWait: time.Minute}
		q.Writes = append(q.Writes, insertRow(firstShard, id, 0))
		if _, err := r.Write(ctx, &q); err != nil {
			b.Fatal(err)
		}
	}
	entries, proposals := r.Stats().Entries.Load(), r.Stats().Proposals.Load()
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for id := range int64(clients) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				q := leaseholder.WriteRequest{Shard: firstShard, Txn: leaseholder.NewTxnID(1, 2, uint64(n)), LockWait: time.Minute}
				q.Writes = append(q.Writes, addTo(firstShard, 1, id))
				if _, err := r.Write(ctx, &q); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	entries, proposals = r.Stats().Entries.Load()-entries, r.Stats().Proposals.Load()-proposals
	b.ReportMetric(float64(proposals)/float64(max(entries, 1)), "writes/entry")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

func newRaftReplica(b *testing.B, pipeline int) *replica.Replica {
	quiet := slog.New(slog.DiscardHandler)
	dir := b.TempDir()
	e, err := engine.Open(engine.Options{Dir: dir + "/rows", Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	cluster := func() rpc.ClusterID { return rpc.ClusterID{1} }
	self := func() schema.NodeID { return 1 }
	server := rpc.NewServer(rpc.ServerOptions{Cluster: cluster, Node: self})
	client := rpc.NewClient(rpc.ClientOptions{Cluster: cluster, Node: self, Resolve: func(schema.NodeID) (string, bool) {
		return l.Addr().String(), true
	}})
	host, err := raft.Open(raft.Config{Dir: dir + "/raft", Node: 1, Cluster: 7, Server: server, Client: client, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { host.Close(); client.Close(); server.Close() })
	state, err := shard.Open(e, firstShard)
	if err != nil {
		b.Fatal(err)
	}
	id := raft.ReplicaID(1, 1)
	g, err := host.Start(raft.StartConfig{Shard: firstShard, Replica: id, State: state, Sync: e.Sync, Members: []uint64{id}})
	if err != nil {
		b.Fatal(err)
	}
	source := &testSource{}
	source.next.Store(uint64(1) << 40)
	r := replica.New(replica.Config{Node: 1, Group: g, Timestamps: source, Logger: quiet, Pipeline: pipeline, Version: version.At(version.Max)})
	r.Start()
	b.Cleanup(r.Close)
	host.Campaign(firstShard)
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: tabletOf(firstShard), Table: testTable(firstShard)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := r.Command(ctx, shard.CommandTablet, 0, cmd); err != nil {
		b.Fatal(err)
	}
	return r
}
