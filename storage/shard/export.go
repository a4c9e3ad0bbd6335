package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// MoveState is where a tablet is on its way to another shard, and what its copy must know.
type MoveState struct {
	Phase             string // "": it is not moved
	Attempt           uint64
	Tracked           uint64         // log index since which its changes are noted
	Frozen            mvcc.Timestamp // 0: it is not
	Since             map[schema.IndexID]mvcc.Timestamp
	Rows              int64
	Newest, Watermark mvcc.Timestamp // of the shard
	Settled           mvcc.Timestamp // nothing at or below it will be committed after Applied
	Begins            mvcc.Timestamp // older states of the tablet are not known
	Applied           uint64
}

// MoveState tells where a tablet is; false: it is not here.
func (s *published) MoveState(id schema.TabletID) (MoveState, bool) {
	settled := s.PreparedFloor() // before Applied
	t, ok := s.tablets.Load().Get(id)
	if !ok {
		return MoveState{}, false
	}
	m := MoveState{
		Since: t.since, Rows: t.counters.rows.Load(), Newest: s.Newest(), Watermark: s.Watermark(), Begins: t.begins,
	}
	m.Settled, m.Applied = min(settled, m.Newest), s.AppliedIndex()
	if t.move != nil {
		m.Phase, m.Attempt, m.Tracked, m.Frozen = string(t.move.Phase), t.move.Attempt, t.move.Since, t.move.Frozen
	}
	return m, true
}

// VersionPage is some versions of a tablet, as MoveIngest takes them.
type VersionPage struct {
	Versions []byte
	Count    int
	Newest   mvcc.Timestamp // of them
	Next     []byte         // where the next page begins; nil: that was all
}

func (p *VersionPage) add(v Version) {
	p.Versions = AppendVersion(p.Versions, v)
	p.Newest = max(p.Newest, v.TS)
	p.Count++
}

// exportable checks that an attempt may read a tablet.
func (s *published) exportable(id schema.TabletID, attempt uint64) error {
	t, ok := s.tablets.Load().Get(id)
	if !ok || t.move == nil || t.move.Attempt != attempt {
		return ErrMoveRefused
	}
	return nil
}

// ExportVersions reads versions of a tablet, as they are now, in the order of keys and the newest of a key first; from is Next of the
// page before.
func (s *published) ExportVersions(id schema.TabletID, attempt uint64, from []byte, maxBytes int) (p VersionPage, err error) {
	if err := s.exportable(id, attempt); err != nil {
		return p, err
	}
	start, end := tabletRange(s.id, id)
	it, err := s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: append(start[:tabletPrefixLen:tabletPrefixLen], from...), UpperBound: end})
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for live := it.First(); live; live = it.Next() {
		if len(p.Versions) >= maxBytes {
			p.Next = append([]byte{}, it.Key()[tabletPrefixLen:]...)
			return p, nil
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return p, err
		}
		key, ts, ok := mvcc.SplitVersion(it.Key())
		if !ok || len(key) < tabletPrefixLen+indexLen {
			return p, ErrCorrupt
		}
		p.add(Version{key[tabletPrefixLen:], ts, value})
	}
	return p, it.Error()
}

// NotePosition is a place among the notes about a tablet: behind Index, and behind the first Skip notes of the entry after it.
type NotePosition struct {
	Index uint64 `json:"index"`
	Skip  uint64 `json:"skip,omitempty"`
}

// ExportNoted reads the versions that were noted of a tablet behind from, in entries up to through; 0: all. One that is gone was
// collected with what it hid, and comes as a deletion. next is behind them, more tells whether there are others.
func (s *published) ExportNoted(id schema.TabletID, attempt uint64, from NotePosition, through uint64, maxBytes int) (p VersionPage,
	next NotePosition, more bool, err error) {
	next = from
	if err := s.exportable(id, attempt); err != nil {
		return p, next, false, err
	}
	snapshot := s.engine.DB().NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	_, end := notesRange(s.id, id)
	if through != 0 {
		end = noteKey(s.id, id, through+1)
	}
	it, err := snapshot.NewIter(&pebble.IterOptions{LowerBound: noteKey(s.id, id, from.Index+1), UpperBound: end})
	if err != nil {
		return p, next, false, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	prefix, _ := tabletRange(s.id, id)
	for live := it.First(); live; live = it.Next() {
		record, err := it.ValueAndErr()
		if err != nil {
			return p, next, false, err
		}
		skip := next.Skip
		for d := wire.NewReader(record); len(d.Rest()) > 0; {
			v := Version{Key: d.Bytes(), TS: mvcc.Timestamp(d.Uvarint())}
			if d.Err() != nil {
				return p, next, false, fmt.Errorf("%w: notes about tablet %d", ErrCorrupt, id)
			}
			if skip > 0 {
				skip--
				continue
			}
			if len(p.Versions) >= maxBytes {
				return p, next, true, nil
			}
			if v.Value, err = versionIn(snapshot, prefix, v); err != nil {
				return p, next, false, err
			}
			p.add(v)
			next.Skip++
		}
		key := it.Key()
		next = NotePosition{Index: binary.BigEndian.Uint64(key[len(key)-8:])}
	}
	return p, next, false, it.Error()
}

// versionIn reads a version's value, or a deletion in its place.
func versionIn(r pebble.Reader, prefix []byte, v Version) ([]byte, error) {
	key := mvcc.AppendVersion(append(append([]byte{}, prefix...), v.Key...), v.TS)
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return mvcc.AppendDelete(nil), nil
	}
	if err != nil {
		return nil, err
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// Digest is what some keys of a tablet show at a timestamp.
type Digest struct {
	Hash uint64
	Keys uint64
	Next []byte // where the next ones begin; nil: those were the last
}

// DigestTablet hashes what keys of a tablet show at a timestamp, from one on and below another (nil: to the end), keys of them at most: versions
// that are hidden there, and deletions, make no difference, for each shard collects them in its own time. ErrTooOld where some may be gone that
// show then.
func (s *published) DigestTablet(ctx context.Context, id schema.TabletID, attempt uint64, at mvcc.Timestamp, from, until []byte,
	keys uint64) (out Digest, err error) {
	if err := s.exportable(id, attempt); err != nil {
		return out, err
	}
	snapshot := s.engine.DB().NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	// Of what is incoming, nothing is collected.
	if t, _ := s.tablets.Load().Get(id); at < s.Watermark() && (t == nil || t.move == nil || t.move.Phase != incoming) {
		return out, ErrTooOld
	}
	start, end := tabletRange(s.id, id)
	prefix := start[:tabletPrefixLen:tabletPrefixLen]
	if until != nil {
		end = append(prefix, until...)
	}
	it := &mvcc.Iterator{}
	if err := it.Open(snapshot, start, end, at); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	h := xxhash.New()
	var buf []byte
	for live := it.SeekGE(append(prefix, from...)); live; live = it.Next() {
		if out.Keys == keys {
			out.Next = append([]byte{}, it.Key()[tabletPrefixLen:]...)
			break
		}
		if out.Keys++; out.Keys%contextEvery == 0 && ctx.Err() != nil {
			return out, ctx.Err()
		}
		buf = AppendVersion(buf[:0], Version{it.Key()[tabletPrefixLen:], it.TS(), it.Value()})
		_, _ = h.Write(buf)
	}
	out.Hash = h.Sum64()
	return out, it.Err()
}
