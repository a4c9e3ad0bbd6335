package shard

import (
	"encoding/binary"
)

// hashHistory is for how many of the last log indexes the hash is known, so that replicas can compare at one they all
// have.
const hashHistory = 4096

type indexHash struct{ index, hash uint64 }

// The chained hash covers what entries did to rows, tablets, system records, lease and watermark. Outcome records stay
// out: their messages are for people and may be worded differently by different program versions.

func (a *applying) beginHash(index uint64, kind CommandKind) {
	a.digest.Reset()
	a.hashNumbers(a.state.hash, index, uint64(kind))
}

func (a *applying) hashNumbers(ns ...uint64) {
	var b [8]byte
	for _, n := range ns {
		binary.LittleEndian.PutUint64(b[:], n)
		_, _ = a.digest.Write(b[:])
	}
}

func (a *applying) endHash(index uint64) {
	a.state.hash = a.digest.Sum64()
	a.hashes = append(a.hashes, indexHash{index, a.state.hash})
}

// Hash is the chained hash of all that was applied, and up to which index.
func (s *published) Hash() (index, hash uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hashed.index, s.hashed.hash
}

// HashAt is the chained hash as of a log index. ok is false when the index was not applied yet or is further back than
// the history goes (some thousand entries, and not beyond the last start).
func (s *published) HashAt(index uint64) (hash uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hashed.index == index {
		return s.hashed.hash, true
	}
	h := s.hashes[index%hashHistory]
	return h.hash, h.index == index && index != 0
}
