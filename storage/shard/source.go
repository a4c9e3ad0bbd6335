package shard

import (
	"bytes"
	"errors"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// source walks over the rows of an index in key order: the engine's, without those that the transaction has written
// itself, merged with the transaction's own.
//
//	engine   k1    k3    k4 (written by the transaction)    k7
//	own         k2       k4'                            k5
//	source   k1 k2 k3    k4'                            k5  k7
//
// All keys are full engine keys without timestamps.
type source struct {
	s       *Shard
	tablet  schema.TabletID
	table   *schema.Table // for telling primary keys from entries
	index   *schema.Index
	at      mvcc.Timestamp
	reverse bool
	ws      *Workspace

	base     mvcc.Iterator
	rows     mvcc.Iterator // beside base, over the primary index
	open     bool
	rowsOpen bool
	own      workspaceIter
	ownLive  bool // own is at an item within the span
	baseLive bool // base is at a visible key within the span that the transaction has not written

	lower, upper     []byte // of the present span
	rowLow, rowHigh  []byte
	key              []byte // of the current row, in the index; it aliases base's, or ownKey
	primary          []byte // of the current row, bare
	value            []byte // the stored row (primary index) or the entry's value
	ts               mvcc.Timestamp
	fromOwn, started bool
	ownKey           []byte
	rowKey, probe    []byte
	primaryCopy      []byte
}

// forget drops references to one read's things and keeps the buffers.
func (s *source) forget() {
	s.s, s.table, s.index, s.ws = nil, nil, nil, nil
	s.own = workspaceIter{}
	s.ownLive, s.baseLive, s.started = false, false, false
	s.key, s.value, s.primary = nil, nil, nil
}

// begin goes to a span of the index, given as bare keys, and on behind after in it (nil: to its beginning). All spans
// are read from one state of the engine, which the first one opens.
func (s *source) begin(span fragment.Span, after []byte) error {
	s.bounds(span)
	if after != nil {
		if s.reverse {
			s.upper = s.s.appendKey(s.upper[:0], s.tablet, s.index.ID, after)
		} else {
			s.lower = s.s.appendKey(s.lower[:0], s.tablet, s.index.ID, after)
			s.lower = mvcc.AppendVersion(s.lower, 0) // behind all versions of it
		}
	}
	s.started, s.ownLive, s.baseLive = false, false, false
	if s.open {
		s.base.SetBounds(s.lower, s.upper)
		return nil
	}
	if err := s.base.Open(s.s.engine.DB(), s.lower, s.upper, s.at); err != nil {
		return err
	}
	s.open = true
	return nil
}

func (s *source) bounds(span fragment.Span) {
	s.lower = s.s.appendKey(s.lower[:0], s.tablet, s.index.ID, span.Start)
	if span.End != nil {
		s.upper = s.s.appendKey(s.upper[:0], s.tablet, s.index.ID, span.End)
		return
	}
	s.upper = keys.AppendPrefix(s.upper[:0], s.s.id, s.tablet, s.index.ID)
	for i := len(s.upper) - 1; i >= 0; i-- {
		if s.upper[i]++; s.upper[i] != 0 {
			break
		}
	}
}

// close lets go of the engine's state.
func (s *source) close() error {
	var err error
	if s.rowsOpen {
		err = s.rows.Close()
		s.rowsOpen = false
	}
	if s.open {
		err = errors.Join(err, s.base.Close())
		s.open = false
	}
	return err
}

// next moves to the next row; false at the end of the span.
func (s *source) next() (bool, error) {
	if !s.started {
		s.started = true
		if err := s.first(); err != nil {
			return false, err
		}
	} else if err := s.advance(); err != nil {
		return false, err
	}
	switch {
	case !s.baseLive && !s.ownLive:
		return false, s.base.Err()
	case s.baseLive && s.ownLive:
		order := bytes.Compare(s.base.Key(), s.own.Key())
		s.fromOwn = order == 0 || (order > 0) != s.reverse
	default:
		s.fromOwn = s.ownLive
	}
	return true, s.take()
}

// take makes the merged head the current row.
func (s *source) take() (err error) {
	if s.fromOwn {
		s.ownKey = append(s.ownKey[:0], s.own.Key()...)
		s.key, s.value, s.ts = s.ownKey, s.own.Value().payload, 0
	} else {
		s.key, s.value, s.ts = s.base.Key(), s.base.Value(), s.base.TS()
	}
	s.primary, err = s.primaryOf(s.key, s.value)
	return err
}

func (s *source) primaryOf(key, value []byte) ([]byte, error) {
	if s.index.ID == schema.PrimaryIndex {
		return bare(key), nil
	}
	return keys.PrimaryOfEntry(s.table, s.index, bare(key), value)
}

func (s *source) first() error {
	if s.ws != nil && s.ws.of(s.index.ID).Len() > 0 {
		s.own = s.ws.of(s.index.ID).Iter()
		if s.reverse {
			s.ownLive = s.seekOwnBefore(s.upper)
		} else {
			s.ownLive = s.own.Seek(s.lower)
		}
		s.skipOwn()
	}
	if s.reverse {
		s.baseLive = s.base.SeekLT(nil)
	} else {
		s.baseLive = s.base.SeekGE(nil)
	}
	return s.skipBase()
}

// seekOwnBefore goes to the last of the transaction's items below a bound.
func (s *source) seekOwnBefore(bound []byte) bool {
	if s.own.Seek(bound) {
		return s.own.Prev()
	}
	return s.own.Last()
}

// advance moves the side that the current row came from.
func (s *source) advance() error {
	if s.fromOwn {
		s.moveOwn()
		s.skipOwn()
		return nil
	}
	s.moveBase()
	return s.skipBase()
}

func (s *source) moveOwn() {
	if s.reverse {
		s.ownLive = s.own.Prev()
	} else {
		s.ownLive = s.own.Next()
	}
}

func (s *source) moveBase() {
	if s.reverse {
		s.baseLive = s.base.Prev()
	} else {
		s.baseLive = s.base.Next()
	}
}

// skipOwn passes over deleted rows and ends at the span's bound.
func (s *source) skipOwn() {
	for s.ownLive {
		key := s.own.Key()
		if bytes.Compare(key, s.lower) < 0 || bytes.Compare(key, s.upper) >= 0 {
			s.ownLive = false
			return
		}
		if !s.own.Value().deleted {
			return
		}
		s.moveOwn()
	}
}

// skipBase passes over the rows that the transaction has written itself.
func (s *source) skipBase() error {
	if s.ws.Empty() {
		return s.base.Err()
	}
	for s.baseLive {
		primary, err := s.primaryOf(s.base.Key(), s.base.Value())
		if err != nil {
			return err
		}
		s.probe = s.s.appendKey(s.probe[:0], s.tablet, schema.PrimaryIndex, primary)
		if _, written := s.ws.get(s.probe); !written {
			return nil
		}
		s.moveBase()
	}
	return s.base.Err()
}

// lookup reads the stored row that the current entry leads to, from the same state.
func (s *source) lookup() (stored []byte, ts mvcc.Timestamp, err error) {
	s.rowKey = s.s.appendKey(s.rowKey[:0], s.tablet, schema.PrimaryIndex, s.primary)
	if s.ws != nil {
		if item, ok := s.ws.get(s.rowKey); ok {
			if item.deleted {
				return nil, 0, errDanglingEntry
			}
			return item.payload, 0, nil
		}
	}
	if !s.rowsOpen {
		s.rowLow = keys.AppendPrefix(s.rowLow[:0], s.s.id, s.tablet, schema.PrimaryIndex)
		s.rowHigh = append(s.rowHigh[:0], s.rowLow...)
		s.rowHigh[len(s.rowHigh)-1]++
		if err := s.rows.OpenBeside(&s.base, s.rowLow, s.rowHigh); err != nil {
			return nil, 0, err
		}
		s.rowsOpen = true
	}
	v, err := s.rows.Get(s.rowKey)
	if err != nil {
		return nil, 0, err
	}
	if !v.Live() {
		return nil, 0, errDanglingEntry
	}
	return v.Value, v.TS, nil
}
