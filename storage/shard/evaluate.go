package shard

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// evalAccess evaluates a write on the newest state under locks, into a transaction's Workspace.
type evalAccess struct {
	s      *Shard
	ctx    context.Context
	ws     *Workspace
	locker Locker
	tablet schema.TabletID

	claimed map[string]struct{} // keys locked so far, behind their index id
	claimOf []byte              // scratch: such a key
	base    mvcc.Iterator
	open    bool
	row     []byte
}

// lock claims a key. What was read before it may be stale: the next read looks at the newest state.
func (x *evalAccess) lock(ix schema.IndexID, key []byte) error {
	if x.locker == nil {
		return nil
	}
	x.claimOf = append(binary.BigEndian.AppendUint16(x.claimOf[:0], uint16(ix)), key...)
	if _, ok := x.claimed[string(x.claimOf)]; ok {
		return nil
	}
	if _, _, err := x.locker.Lock(x.ctx, x.tablet, ix, key); err != nil {
		return &lockError{err}
	}
	if x.claimed == nil {
		x.claimed = map[string]struct{}{}
	}
	x.claimed[string(x.claimOf)] = struct{}{}
	return x.close()
}

// claim tells those who lock ranges of a secondary index that an entry comes or goes. Nothing is read under its key.
func (x *evalAccess) claim(e *entry) error {
	if x.locker == nil {
		return nil
	}
	if err := x.locker.LockEntry(x.ctx, x.tablet, e.index.ID, bare(e.key)); err != nil {
		return &lockError{err}
	}
	return nil
}

// lockAll locks what can be told beforehand, so that one state of the engine serves the whole evaluation.
func (x *evalAccess) lockAll(f *fragment.Write) error {
	if x.locker == nil {
		return nil
	}
	claims, err := x.s.WriteKeys(nil, f)
	if err != nil {
		return err
	}
	for i := range claims {
		if err := x.lock(claims[i].Index, claims[i].Key); err != nil {
			return err
		}
	}
	return nil
}

// forget drops what belongs to one evaluation.
func (x *evalAccess) forget() {
	x.ctx, x.ws, x.locker = nil, nil, nil
	clear(x.claimed)
}

func (x *evalAccess) close() error {
	if !x.open {
		return nil
	}
	x.open = false
	return x.base.Close()
}

func (x *evalAccess) read(key []byte) (payload []byte, live bool, err error) {
	if item, ok := x.ws.get(key); ok {
		return item.payload, !item.deleted, nil
	}
	v, err := x.newest(key)
	if err != nil {
		return nil, false, err
	}
	if indexOf(key) == schema.PrimaryIndex {
		seen := v.TS
		if !v.Live() {
			seen = 0
		}
		x.ws.see(key, seen)
		return v.Value, v.Live(), nil
	}
	if !v.Live() {
		return nil, false, nil
	}
	hidden, err := x.hidden(key, v.Value)
	return x.row, !hidden, err
}

func (x *evalAccess) asOld(mvcc.Timestamp) bool { return false }

// hidden tells whether the engine's entry belongs to a row that the transaction has written, so that the entry is none
// any more. The entry's value is kept in x.row.
func (x *evalAccess) hidden(key, value []byte) (bool, error) {
	x.row = append(x.row[:0], value...)
	t, ok := x.s.tablets.Load().Get(x.tablet)
	if !ok {
		return false, ErrNoTablet
	}
	ix := t.current.table.IndexByID(indexOf(key))
	if ix == nil {
		return false, ErrSchemaChanged
	}
	primary, err := keys.PrimaryOfEntry(t.current.table, ix, bare(key), x.row)
	if err != nil {
		return false, err
	}
	_, written := x.ws.get(x.s.appendKey(nil, x.tablet, schema.PrimaryIndex, primary))
	return written, nil
}

func (x *evalAccess) newest(key []byte) (mvcc.Version, error) {
	if !x.open {
		start, end := tabletRange(x.s.id, x.tablet)
		if err := x.base.Open(x.s.engine.DB(), start, end, 0); err != nil {
			return mvcc.Version{}, err
		}
		x.open = true
	}
	return x.base.Get(key)
}

func (x *evalAccess) put(key, stored []byte, _ bool, removed, added []entry) error {
	if key == nil {
		return mysqlerr.NotSupported("building an index inside a transaction")
	}
	first, err := x.ws.put(key, stored)
	if err != nil {
		return err
	}
	if !first {
		if err := x.drop(removed); err != nil {
			return err
		}
	}
	// All of the row's entries go in, kept ones too: the row now hides the engine's.
	for i := range added {
		if err := x.putEntry(&added[i], first); err != nil {
			return err
		}
	}
	return nil
}

// putEntry puts an entry in. Those of a row that the workspace did not have are new to it, and what such a row gives up is not in
// it, unless their keys may be another row's.
func (x *evalAccess) putEntry(e *entry, first bool) error {
	if first && !e.index.Unique {
		return x.ws.add(e.key, e.value)
	}
	_, err := x.ws.put(e.key, e.value)
	return err
}

func (x *evalAccess) remove(key []byte, removed []entry) error {
	if first, err := x.ws.remove(key); first || err != nil {
		return err
	}
	return x.drop(removed)
}

func (x *evalAccess) drop(removed []entry) error {
	for i := range removed {
		if err := x.ws.drop(removed[i].key); err != nil {
			return err
		}
	}
	return nil
}

func indexOf[K string | []byte](key K) schema.IndexID {
	return schema.IndexID(binary.BigEndian.Uint16([]byte(key[tabletPrefixLen:keys.PrefixLen])))
}

var writers = sync.Pool{New: func() any { return &writer{rowWriter{access: &evalAccess{}, buffering: true}} }}

func (s *Shard) borrowWriter() *writer {
	w := writers.Get().(*writer)
	w.shard = s
	w.deltas, w.budget = w.deltas[:0], expr.NewBudget()
	w.budget.Steps = math.MaxInt // nobody else waits, no other replica does the same, and it can be cancelled
	return w
}

func (s *Shard) returnWriter(w *writer) {
	w.shard, w.t, w.cur, w.plan, w.w, w.res, w.ctx = nil, nil, nil, nil, nil, nil, nil
	w.env.Warn, w.env.Ctx = nil, nil
	writers.Put(w)
}

// Evaluate runs a write under locks into a Workspace; see API. It locks all keys that can be told beforehand first, in
// the order of the fragment.
func (s *Shard) Evaluate(ctx context.Context, f *fragment.Write, ws *Workspace, l Locker) (*fragment.WriteResult, error) {
	t, err := s.serving(f.Tablet)
	if err != nil {
		return nil, err
	}
	if _, ok := t.layoutOf(f.SchemaVersion); !ok {
		return nil, ErrSchemaChanged
	}
	if f.AutoInc {
		if err := s.FillAutoInc(f); err != nil {
			return failed(err)
		}
	}
	w := s.borrowWriter()
	w.ctx = ctx
	x := w.access.(*evalAccess)
	x.s, x.ctx, x.ws, x.locker, x.tablet = s, ctx, ws, l, f.Tablet
	mark := ws.Mark()
	res := &fragment.WriteResult{}
	err = protected(func() error {
		if err := x.lockAll(f); err != nil {
			return err
		}
		return w.run(t, f, res)
	})
	err = errors.Join(err, x.close())
	x.forget()
	if err == nil && res.Err == nil {
		s.autoInc.keep(w.deltas)
	}
	if err == nil {
		s.returnWriter(w) // after a panic it would not be fit for use
	}
	if err != nil || res.Err != nil {
		ws.Truncate(mark)
	}
	if err == nil {
		return res, nil
	}
	return failedEvaluation(err)
}

func failedEvaluation(err error) (*fragment.WriteResult, error) {
	var panicked *panicError
	if errors.As(err, &panicked) {
		return &fragment.WriteResult{Err: statementError(err)}, nil
	}
	return nil, evaluationError(err)
}

// WriteKeys appends what w will claim: primary keys, and primary and unique keys of new rows. Keys that depend on the
// rows as they are (an UPDATE that sets a key column) are not among them; Evaluate locks those as it meets them.
func (s *Shard) WriteKeys(dst []LockKey, f *fragment.Write) ([]LockKey, error) {
	t, err := s.serving(f.Tablet)
	if err != nil {
		return dst, err
	}
	for _, key := range f.Keys {
		dst = append(dst, LockKey{Index: schema.PrimaryIndex, Key: key})
	}
	if f.Rows.Len() == 0 {
		return dst, nil
	}
	w := s.borrowWriter()
	defer s.returnWriter(w)
	w.t, w.cur, w.plan, w.w = t, t.current, t.current, f
	w.prepareImages()
	if err := w.mapColumns(); err != nil {
		return dst, evaluationError(err)
	}
	unique := slices.ContainsFunc(w.cur.secondary, func(ix *schema.Index) bool { return ix.Unique })
	for i := range f.Rows.Len() {
		w.fillNew(f.Rows.Row(i))
		if w.added = w.added[:0]; unique {
			w.entriesOfNew()
		}
		dst = append(dst, LockKey{Index: schema.PrimaryIndex, Key: append([]byte(nil), w.next.primary()...)})
		for k := range w.added {
			if e := &w.added[k]; e.unique {
				dst = append(dst, LockKey{Index: e.index.ID, Key: append([]byte(nil), bare(e.key)...)})
			}
		}
	}
	return dst, nil
}

func failed(err error) (*fragment.WriteResult, error) {
	var e *mysqlerr.Error
	if errors.As(err, &e) {
		return &fragment.WriteResult{Err: e}, nil
	}
	return nil, err
}

// evaluationError turns what ends a proposal at apply into what a caller of Evaluate expects.
func evaluationError(err error) error {
	var lock *lockError
	if errors.As(err, &lock) {
		return lock.err
	}
	var status statusError
	if !errors.As(err, &status) {
		return err
	}
	switch Status(status) {
	case SchemaChanged:
		return ErrSchemaChanged
	case NoTablet:
		return ErrNoTablet
	}
	return fmt.Errorf("shard: evaluation ended with status %d", Status(status))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	ks := make([]K, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
