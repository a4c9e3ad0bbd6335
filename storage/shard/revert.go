package shard

import (
	"bytes"
	"errors"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// Reverting is going back to an earlier state of a shard without a log that others have: of a session's temporary tables,
// whose writes are applied at once and taken back by ROLLBACK. The versions from before must still be there: nothing was
// collected since.

// Reversal gives fn, some at a time, the effects that bring a tablet's rows from what they are back to what they were at a
// timestamp. Rows that have changed go first, in whatever way they have; then come those that were there, so that no unique
// key is taken by two rows in between: fn must have applied them when it returns. The effects are fn's.
func (s *Shard) Reversal(tablet schema.TabletID, at mvcc.Timestamp, fn func([]fragment.Effect) error) error {
	r := reversal{s: s, tablet: tablet, at: at, fn: fn}
	if err := r.run(true); err != nil {
		return err
	}
	return r.run(false)
}

type reversal struct {
	s       *Shard
	tablet  schema.TabletID
	at      mvcc.Timestamp
	fn      func([]fragment.Effect) error
	pending []fragment.Effect
	bytes   int
	now     mvcc.Iterator
	then    mvcc.Iterator
}

// Bounds of what a reversal gives at once.
const (
	reversalEffects = 1000
	reversalBytes   = 1 << 20
)

// run walks over the rows as they are and as they were, side by side: once for those that go, once for those that come back.
func (r *reversal) run(goes bool) (err error) {
	start := r.s.appendKey(nil, r.tablet, schema.PrimaryIndex, nil)
	end := r.s.appendKey(nil, r.tablet, schema.PrimaryIndex+1, nil)
	if err := r.now.Open(r.s.engine.DB(), start, end, 0); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.now.Close()) }()
	if err := r.then.Open(r.s.engine.DB(), start, end, r.at); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.then.Close()) }()
	is, was := r.now.SeekGE(start), r.then.SeekGE(start)
	for is || was {
		order := 0
		switch {
		case !was:
			order = -1
		case !is:
			order = 1
		default:
			order = bytes.Compare(r.now.Key(), r.then.Key())
		}
		var e fragment.Effect
		switch {
		case goes && order <= 0 && r.now.TS() > r.at:
			e = fragment.Effect{Op: fragment.EffectDelete, Key: bare(r.now.Key()), Expect: r.now.TS()}
		case !goes && order > 0:
			e = fragment.Effect{Op: fragment.EffectPut, Key: bare(r.then.Key()), Row: append([]byte(nil), r.then.Value()...)}
		}
		if e.Op != 0 {
			if err := r.add(&e); err != nil {
				return err
			}
		}
		if order <= 0 {
			is = r.now.Next()
		}
		if order >= 0 {
			was = r.then.Next()
		}
	}
	if err := errors.Join(r.now.Err(), r.then.Err()); err != nil {
		return err
	}
	return r.flush()
}

func (r *reversal) add(e *fragment.Effect) error {
	e.Tablet, e.Key = r.tablet, append([]byte(nil), e.Key...)
	r.pending = append(r.pending, *e)
	if r.bytes += len(e.Key) + len(e.Row); len(r.pending) < reversalEffects && r.bytes < reversalBytes {
		return nil
	}
	return r.flush()
}

func (r *reversal) flush() error {
	if len(r.pending) == 0 {
		return nil
	}
	err := r.fn(r.pending)
	r.pending, r.bytes = nil, 0
	return err
}
