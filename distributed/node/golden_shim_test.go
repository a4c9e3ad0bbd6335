package node

import (
	"cloudsql/distributed/peers"
	"cloudsql/distributed/placement"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

const goldenNewest = int(version.Max)

// later says what a version has added to a message.
func (m *nodeMessage) later(v int) {
	if v < 2 {
		return
	}
	switch x := m.value.(type) {
	case *joinRequest:
		x.Can, x.Key, x.JoinToken = 2, []byte{1}, "jt"
	case *joinReply:
		x.Needed, x.Certificate, x.Authority, x.Refused = 2, []byte{1}, []byte{2}, "r"
	case *placement.StartRequest:
		x.Marks = []shard.Mark{{}}
	case *peers.Status:
		x.Newest, x.Full, x.Wall, x.ClockOff, x.Can, x.Bound = 1<<41, true, 1<<42, true, 2, 1
		x.Reps[0].Marks = []shard.Mark{{}}
		x.Locality = "zone=a"
		x.Reps[0].Bytes, x.Reps[0].Reads, x.Reps[0].Writes = 9, 10, 11
	}
}
