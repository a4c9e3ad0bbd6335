package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"cloudsql/storage/keys"
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

// DigestSpan is what of a tablet a Digest is of: what keys show at a timestamp, from one on and below another (nil: to the end).
type DigestSpan struct {
	At          mvcc.Timestamp
	From, Until []byte
	Keys        uint64         // at most
	Rows        *schema.Tablet // only of rows within these bounds; nil: of all
}

// Digest is the sum of the hashes of what keys show, so that those of several tablets add up.
type Digest struct {
	Hash uint64
	Keys uint64
	Rows uint64 // of the keys, those of the primary index
	Next []byte // where the next ones begin; nil: those were the last
}

// DigestTablet hashes what keys of a tablet show: versions that are hidden, and deletions, make no difference, for each shard collects them in its
// own time. ErrTooOld where some may be gone that show then.
func (s *published) DigestTablet(ctx context.Context, id schema.TabletID, attempt uint64, q DigestSpan) (out Digest, err error) {
	if err := s.exportable(id, attempt); err != nil {
		return out, err
	}
	snapshot := s.engine.DB().NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	t, _ := s.tablets.Load().Get(id)
	if t == nil {
		return out, ErrMoveRefused
	}
	// Of what is incoming, nothing is collected.
	if q.At < s.Watermark() && (t.move == nil || t.move.Phase != incoming) {
		return out, ErrTooOld
	}
	start, end := tabletRange(s.id, id)
	prefix := start[:tabletPrefixLen:tabletPrefixLen]
	if q.Until != nil {
		end = append(prefix, q.Until...)
	}
	it := &mvcc.Iterator{}
	if err := it.Open(snapshot, start, end, q.At); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var buf []byte
	seen := 0
	for live := it.SeekGE(append(prefix, q.From...)); live; live = it.Next() {
		if seen++; seen%contextEvery == 0 && ctx.Err() != nil {
			return out, ctx.Err()
		}
		key := it.Key()[tabletPrefixLen:]
		if q.Rows != nil && !within(t.current.table, key, q.Rows) {
			continue
		}
		if out.Keys == q.Keys {
			out.Next = append([]byte{}, key...)
			break
		}
		out.Keys++
		if indexIn(key) == schema.PrimaryIndex {
			out.Rows++
		}
		buf = AppendVersion(buf[:0], Version{key, it.TS(), it.Value()})
		out.Hash += xxhash.Sum64(buf)
	}
	return out, it.Err()
}

// indexIn is the index that a key begins with.
func indexIn(key []byte) schema.IndexID { return schema.IndexID(binary.BigEndian.Uint16(key)) }

// rowOfKey gives the encoded primary key of the row that a key, which begins with the index, belongs to; nil where the table has no such index any
// more, or one of keys that don't tell.
func rowOfKey(t *schema.Table, key []byte) []byte {
	ix := t.IndexByID(indexIn(key))
	if ix == nil || ix.Unique && ix.ID != schema.PrimaryIndex {
		return nil
	}
	row, err := keys.PrimaryInKey(t, ix, key[indexLen:])
	if err != nil {
		return nil
	}
	return row
}

// within tells whether a key belongs to a row within bounds.
func within(t *schema.Table, key []byte, bounds *schema.Tablet) bool {
	row := rowOfKey(t, key)
	return row != nil && bounds.Holds(row)
}

// DealVersions gives those of a tablet's versions that belong to rows within its bounds to the tablets that have the rows from now on; entries of
// indexes go with their rows. The rest is of indexes that the table has no more, or deletions of rows that passed through on their way to another tablet
// (fragment.Write.Report): nobody sees them, and in a tablet of other bounds they could hide what is somebody's.
func DealVersions(page []byte, t *schema.Table, from *schema.Tablet, to []schema.Tablet) ([]VersionPage, error) {
	pages := make([]VersionPage, len(to))
	err := readVersions(page, func(v Version) {
		row := rowOfKey(t, v.Key)
		if row == nil || !from.Holds(row) {
			return
		}
		for i := range to {
			if to[i].Holds(row) {
				pages[i].add(v)
			}
		}
	})
	return pages, err
}
