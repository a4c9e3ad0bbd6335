package catalog

import (
	"strconv"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// Departure is what is asked of a node's membership.
type Departure string

// The departures: a node may be asked to give up its replicas, to leave the cluster then, or to stay after all.
const (
	Drain  Departure = "drain"
	Remove Departure = "remove"
	Resume Departure = "resume"
)

// Depart notes what is asked of a node; package placement carries it out. Errors: 1525 for a node that is no member, 1235 where none
// would be left to hold the data.
func (tx *Tx) Depart(id schema.NodeID, d Departure) error {
	old, ok := tx.Snapshot.Node(id)
	if !ok || old.Left {
		return mysqlerr.New(mysqlerr.WrongValue, "NODE", strconv.FormatUint(uint64(id), 10))
	}
	if d != Resume && !tx.othersStay(id) {
		return mysqlerr.NotSupported("a cluster without nodes that hold data")
	}
	now := *old
	now.Leaving, now.Removing = d == Drain, d == Remove
	if now != *old {
		tx.PutNode(&now)
		tx.since = max(tx.since, version.V2) // whose programs carry it out
	}
	return nil
}

// Return notes a member that begins again with an empty directory. Its replicas that vote are replaced when it does not know them; those
// that do not are replaced as well, since their leaders take them to have what they have lost.
func (tx *Tx) Return(m *Node) {
	tx.PutNode(m)
	for _, sh := range tx.Snapshot.Shards() {
		if _, here := sh.NonVoting[m.ID]; here && sh.Changing[m.ID] != Removing {
			c := sh.Clone()
			c.Changing[m.ID] = Removing
			tx.PutShard(c)
		}
	}
}

// othersStay tells whether a node other than id keeps its replicas.
func (tx *Tx) othersStay(id schema.NodeID) bool {
	for _, m := range tx.Snapshot.Nodes() {
		if m.ID != id && !m.Left && !m.Leaving && !m.Removing {
			return true
		}
	}
	return false
}

// State is how a node's membership stands, in a word.
func (s *Snapshot) State(m *Node) string {
	has := false
	for _, sh := range s.Shards() {
		if replica, _ := sh.ReplicaOn(m.ID); replica != 0 && sh.ID != schema.SystemShard {
			has = true
		}
	}
	switch {
	case m.Left:
		return "left"
	case m.Removing:
		return "removing"
	case m.Leaving && has:
		return "draining"
	case m.Leaving:
		return "drained"
	}
	return "member"
}
