package shard

import (
	"bytes"
	"errors"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// What a locking read locks (ReadOptions.Ranges: REPEATABLE READ and above):
//
//	                          with ranges                                  without
//	span of primary keys      the span, before it is read                  each row that passes the filter
//	span of a secondary index the span, and each row that it leads to      each row that passes the filter
//	                          (not for a shared lock where the index has
//	                          all columns that are read)
//	whole unique key          its row; where there is none, the key        the row, if it passes the filter
//
// With ranges nobody can change what has been read, nor what would have been, until the locks go: a row in a locked span
// of primary keys needs no lock of its own, one that an index leads to does, because its other columns are not in the
// index. A read with a limit looks ahead without locks for how far it will come, and locks only so much.

// met is the first and the last key that a walk has met, in the order of keys.
type met struct {
	any         bool
	first, last []byte
}

func (m *met) add(key []byte) {
	if !m.any || bytes.Compare(key, m.first) < 0 {
		m.first = append(m.first[:0], key...)
	}
	if !m.any || bytes.Compare(key, m.last) > 0 {
		m.last = append(m.last[:0], key...)
	}
	m.any = true
}

// locksRow tells whether the current row is to be locked by its key.
func (rd *reader) locksRow(passed bool) bool {
	if !rd.o.Ranges {
		return passed
	}
	return rd.plan.index.ID != schema.PrimaryIndex && !rd.covered() || rd.r.Keys != nil
}

// covered tells that rows are read from the entries of a secondary index alone. A shared range suffices then, since what
// changes the columns that are read changes the entries.
func (rd *reader) covered() bool {
	return rd.plan.cover != nil && (rd.o.Locker == nil || rd.o.Ranges && rd.o.Shared && rd.r.Keys == nil)
}

// lockedSpan walks a span with its locks.
func (rd *reader) lockedSpan(span fragment.Span) (done bool, err error) {
	if rd.r.Keys != nil && rd.plan.index.Unique {
		return rd.lockedKey(span)
	}
	for {
		part, last, err := rd.lockAhead(span)
		if err != nil {
			return false, err
		}
		if rd.met.any = false; rd.pos.after != nil {
			rd.met.add(rd.pos.after)
		}
		done, err := rd.walk(part)
		if err != nil || done && rd.page.Next != nil {
			return done, err // the next page goes on in the same range
		}
		if rd.met.any {
			rd.o.Locker.NarrowRange(rd.met.first, rd.met.last)
		} else {
			rd.o.Locker.NarrowRange(nil, nil)
		}
		if done || last == nil {
			return done, nil
		}
		rd.pos.after = last
		if err := rd.src.close(); err != nil {
			return false, err
		}
	}
}

// lockedKey reads the row of a whole unique key. Where there is none, the key is locked and looked at again.
func (rd *reader) lockedKey(span fragment.Span) (done bool, err error) {
	rd.met.any = false
	if done, err = rd.walk(span); err != nil || done || rd.met.any {
		return done, err
	}
	waited, err := rd.o.Locker.LockAbsent(rd.ctx, rd.r.Tablet, rd.plan.index.ID, rd.r.Keys[rd.pos.span])
	if err != nil || !waited {
		return false, err
	}
	if err := rd.src.close(); err != nil { // look at the newest state
		return false, err
	}
	return rd.walk(span)
}

// maxLookAhead is up to which limit a locking read looks ahead.
const maxLookAhead = 1000

// lockAhead locks the rest of a span, or as much of it as the read needs to reach its limit: up to the key last, with
// which part then ends. last is nil if part is all that is left.
func (rd *reader) lockAhead(span fragment.Span) (part fragment.Span, last []byte, err error) {
	if part = span; rd.limited() {
		if rd.pos.after != nil && rd.src.reverse {
			part.End = behind(rd.pos.after)
		} else if rd.pos.after != nil {
			part.Start = rd.pos.after
		}
		if last, err = rd.lookAhead(span); err != nil {
			return part, nil, err
		}
		switch {
		case last == nil:
		case rd.src.reverse:
			part.Start = last
		default:
			part.End = behind(last)
		}
	}
	return part, last, rd.o.Locker.LockRange(rd.ctx, rd.r.Tablet, rd.plan.index.ID, part)
}

// behind is a bound just behind a key, which also comes behind all versions of it in the engine.
func behind(key []byte) []byte { return mvcc.AppendVersion(append([]byte(nil), key...), 0) }

// limited tells whether the read ends with a number of rows that is worth looking ahead for.
func (rd *reader) limited() bool {
	return rd.r.Limit > 0 && rd.r.Limit <= maxLookAhead && rd.agg == nil && rd.top == nil
}

// lookAhead finds the key with which the read would reach its limit in the present state; nil if there are too few rows.
func (rd *reader) lookAhead(span fragment.Span) (last []byte, err error) {
	src := &rd.src
	defer func() { err = errors.Join(err, src.close()) }()
	if err := rd.open(span, rd.pos.after); err != nil {
		return nil, err
	}
	for left := rd.r.Limit - rd.pos.emitted; ; {
		if err := rd.tick(); err != nil {
			return nil, err
		}
		more, err := src.next()
		if err != nil || !more {
			return nil, err
		}
		passed, _, err := rd.look()
		if err != nil {
			return nil, err
		}
		if passed {
			left--
		}
		if left == 0 {
			return bytes.Clone(bare(src.key)), nil
		}
	}
}

// lockCurrent locks the current row. If it may have changed since it was read, even if the lock was free (another
// transaction may have come and gone in between), its newest version decides.
func (rd *reader) lockCurrent(span fragment.Span, passed bool, ts mvcc.Timestamp) (wanted bool, err error) {
	src := &rd.src
	src.primaryCopy = append(src.primaryCopy[:0], src.primary...)
	waited, skip, err := rd.o.Locker.Lock(rd.ctx, rd.r.Tablet, schema.PrimaryIndex, src.primaryCopy)
	if err != nil || skip {
		return false, err
	}
	key := rd.s.appendKey(nil, rd.r.Tablet, schema.PrimaryIndex, src.primaryCopy)
	if ws := rd.o.Workspace; ws != nil {
		if item, ok := ws.get(key); ok {
			return passed && !item.deleted, nil // its own row: nobody else can have changed it
		}
	}
	if !waited {
		rd.saw(key, ts)
		return passed, nil
	}
	wanted, err = rd.lookAgain(span, key, passed, ts)
	if err == nil && !wanted && !rd.o.Ranges {
		rd.o.Locker.Unlock()
	}
	return wanted, err
}

// saw notes the version of a locked row.
func (rd *reader) saw(key []byte, ts mvcc.Timestamp) {
	if ws := rd.o.Workspace; ws != nil {
		ws.see(key, ts)
	}
}

// lookAgain reads a row that is locked now in its newest version. ts is the version that passed the filter, or did not.
func (rd *reader) lookAgain(span fragment.Span, key []byte, passed bool, ts mvcc.Timestamp) (wanted bool, err error) {
	var fresh mvcc.Iterator
	if err := fresh.Open(rd.s.engine.DB(), key, mvcc.AppendVersion(append([]byte(nil), key...), 0), 0); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	v, err := fresh.Get(key)
	if err != nil {
		return false, err
	}
	if v.TS == ts && v.Live() {
		rd.saw(key, ts)
		return passed, nil
	}
	if wanted, err = rd.recheck(span, v); err != nil {
		return false, err
	}
	if wanted || rd.o.Ranges { // otherwise it does not stay locked
		if !v.Live() {
			v.TS = 0
		}
		rd.saw(key, v.TS)
	}
	// Clear away the state that is no more; what comes next is read from the newest one.
	row := make([]types.Value, len(rd.row))
	for i := range rd.row {
		row[i] = rd.row[i].Clone()
	}
	copy(rd.row, row)
	return wanted, rd.reopen(span)
}

// recheck looks at a locked row again, in its newest version: it must pass the filter and, if its entry has moved, lie
// where the walk has already been; further on the walk will meet it.
func (rd *reader) recheck(span fragment.Span, v mvcc.Version) (bool, error) {
	if !v.Live() {
		return false, nil
	}
	stored := append([]byte(nil), v.Value...)
	src := &rd.src
	if ix := rd.plan.index; ix.ID != schema.PrimaryIndex {
		l := rd.plan.layout
		values := make([]types.Value, len(l.table.Columns))
		if err := l.full.Decode(stored, values, nil); err != nil {
			return false, err
		}
		now, _, _ := keys.AppendIndex(nil, src.table, ix, values, src.primaryCopy)
		order := bytes.Compare(now, bare(src.key))
		if src.reverse {
			order = -order
		}
		inside := bytes.Compare(now, span.Start) >= 0 && (span.End == nil || bytes.Compare(now, span.End) < 0)
		if !inside || order > 0 {
			return false, nil
		}
	}
	return rd.filterStored(stored)
}

// reopen goes on behind the current row on the newest state.
func (rd *reader) reopen(span fragment.Span) error {
	src := &rd.src
	after := append([]byte(nil), bare(src.key)...)
	if err := src.close(); err != nil {
		return err
	}
	src.primary = src.primaryCopy
	return rd.open(span, after)
}
