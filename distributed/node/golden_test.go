package node

import (
	"bytes"
	"encoding/json"
	"testing"

	"cloudsql/distributed/peers"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/rpc/rpcgolden"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// TestGoldenMessages: what nodes tell each other as JSON. Fields of later versions are left out where they say nothing.
func TestGoldenMessages(t *testing.T) {
	rpcgolden.Check(t, goldenNewest, func(v int) (list []rpcgolden.Message) {
		for _, m := range nodeMessages() {
			m.later(v)
			data, err := json.Marshal(m.value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, rpcgolden.Message{Name: m.name, Data: data})
		}
		return list
	}, func(name string, data []byte) (string, error) {
		for _, m := range nodeMessages() {
			if m.name != name {
				continue
			}
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			if err := d.Decode(m.empty); err != nil {
				return "", err
			}
			again, err := json.Marshal(m.empty)
			return string(again), err
		}
		return "nobody knows it", nil
	})
}

// nodeMessage is a message, and an empty one of its type.
type nodeMessage struct {
	name         string
	value, empty any
}

func nodeMessages() []nodeMessage {
	return []nodeMessage{
		{"join", &joinRequest{Token: "t", NodeAddr: "n:1", SQLAddr: "s:2", HTTPAddr: "h:3", Version: "1.0"}, &joinRequest{}},
		{"joined", &joinReply{Cluster: "ab", Node: 3, Peers: map[schema.NodeID]string{1: "a", 3: "b"}}, &joinReply{}},
		{"start", &placement.StartRequest{Shard: 4, Replica: 1 << 33, NonVoting: true, Members: []uint64{5, 6}}, &placement.StartRequest{}},
		{"command", &commandRequest{Shard: 1, Kind: shard.CommandSystem, ID: 9, Command: []byte{1, 5}, Tablet: 7, Version: 8}, &commandRequest{}},
		{"commanded", &commandReply{OK: true, Err: "why", NotHere: true, Holder: 2}, &commandReply{}},
		{"member", &memberRequest{Shard: 4, Op: "promote", Replica: 9}, &memberRequest{}},
		{"membered", &memberReply{Voters: 3, NotHere: true}, &memberReply{}},
		{"transfer", &transferRequest{Shard: 4, To: 2}, &transferRequest{}},
		{"heartbeat", &peers.Status{
			Node: 2, Version: "1.0", Catalog: 10, Using: 9, Oldest: 1 << 40, Drain: true,
			Reps: []peers.Replica{{Shard: 4, Replica: 5, Applied: 6, Broken: "b", Held: true, Leader: true, Holder: true, HashAt: 7, Hash: 8}},
		}, &peers.Status{}},
	}
}
