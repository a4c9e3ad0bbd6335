package raft

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net"
	"testing"

	"cloudsql/storage/schema"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// framed is a message as it travels.
func framed(payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	return append(b, payload...)
}

// FuzzStreams: whatever a node sends on the connections for raft's messages and for snapshots, the handlers end or go on
// to the next message; what they pass on was whole.
func FuzzStreams(f *testing.F) {
	batch := pb.MessageBatch{DeploymentId: 7, SourceAddress: "1", Requests: []pb.Message{{
		Type: pb.Replicate, To: 2, From: 1, ShardID: 1, Term: 3, Entries: []pb.Entry{{Term: 3, Index: 9, Cmd: []byte("command")}},
	}, {Type: pb.InstallSnapshot, Snapshot: pb.Snapshot{Filepath: "f", Index: 4, Membership: pb.Membership{Addresses: map[uint64]string{1: "1"}}}}}}
	chunk := pb.Chunk{ShardID: 1, ReplicaID: 2, Data: []byte("rows"), ChunkCount: 2, FileInfo: pb.SnapshotFile{Filepath: "f"}, HasFileInfo: true}
	f.Add(pb.MustMarshal(&batch), []byte{})
	f.Add(pb.MustMarshal(&chunk), framed(pb.MustMarshal(&chunk)))
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f}, []byte("not framed"))
	f.Fuzz(func(t *testing.T, payload, rest []byte) {
		var batches, chunks int
		tr := &transport{
			stats:    &TransportStats{},
			messages: func(b pb.MessageBatch) { batches++; _ = b.Size() },
			chunks:   func(c pb.Chunk) bool { chunks++; _ = c.Size(); return true },
		}
		sent := append(framed(payload), rest...)
		tr.serveMessages(1, nil, bufio.NewReader(bytes.NewReader(sent)))
		here, there := net.Pipe()
		_ = there.Close()
		tr.serveChunks(schema.NodeID(1), here, bufio.NewReader(bytes.NewReader(sent)))
		if n := uint64(batches); n > tr.stats.BatchesIn.Load() {
			t.Errorf("%d batches of %d messages", n, tr.stats.BatchesIn.Load())
		}
	})
}
