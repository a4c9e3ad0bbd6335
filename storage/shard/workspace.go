package shard

import (
	"encoding/binary"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// DefaultWorkspaceBytes is how much a transaction may buffer in one shard unless NewWorkspace says otherwise.
const DefaultWorkspaceBytes = 64 << 20

// Workspace is a transaction's buffered writes in one shard: rows and the index entries that they have, ordered as the
// engine orders them, so that scans merge them in; and the version seen of each row that the transaction wrote or
// locked. Marks allow going back to an earlier state of the writes (what was seen stays, as locks do).
//
// A row in the Workspace hides the engine's row of the same key and all of that row's entries.
//
// The zero Workspace is empty and ready for use. Not safe for concurrent use.
type Workspace struct {
	rows, entries workspaceItems // in one arena
	seen          workspaceItems // of rows, by full engine key: the version, 0: absent
	arena, looked arena          // of rows and entries, and of seen
	undo          []workspaceUndo
	bytes         int
	limit         int
}

// workspaceUndo is a step back: from a record that was set (one that was deleted, where the item was taken away)
// to what was there before.
type workspaceUndo struct {
	set, before recordAt // before is 0: there was nothing
}

// About what is taken besides keys and payloads: by an item or a version that was seen, in the tree and its record, and by a step back.
const perItemBytes, perUndoBytes = 56, 24

// NewWorkspace makes a Workspace that holds up to limit bytes (0: DefaultWorkspaceBytes); a write beyond them fails
// with error 1197.
func NewWorkspace(limit int) *Workspace { return &Workspace{limit: limit} }

// Empty tells whether the transaction has written nothing.
func (w *Workspace) Empty() bool { return w == nil || w.rows.Len() == 0 }

// Bytes is the approximate memory that the workspace takes: the writes, what it can go back to, and the versions seen.
func (w *Workspace) Bytes() int { return w.bytes }

// Mark names the present state of the writes, Truncate goes back to it; later marks are void then.
func (w *Workspace) Mark() uint64 { return uint64(len(w.undo)) }

// Truncate takes back all writes since a mark. What get and scans gave out since is void.
func (w *Workspace) Truncate(mark uint64) {
	if mark >= uint64(len(w.undo)) {
		return
	}
	for i := len(w.undo) - 1; i >= int(mark); i-- {
		u := w.undo[i]
		w.step(u, -1)
		w.exchange(w.arena.key(u.set), u.before)
	}
	w.arena.cut(w.undo[mark].set) // records that are older are all that is left
	w.undo = w.undo[:mark]
}

// of gives the items among which a key is.
func (w *Workspace) of(index schema.IndexID) *workspaceItems {
	list := &w.rows
	if index != schema.PrimaryIndex {
		list = &w.entries
	}
	list.arena = &w.arena
	return list
}

// get finds a row or entry.
func (w *Workspace) get(key []byte) (workspaceItem, bool) { return w.of(indexOf(key)).Get(key) }

// see notes the version of a row that the transaction looked at under a lock; the first one counts, a lock keeps it.
func (w *Workspace) see(key []byte, ts mvcc.Timestamp) {
	w.seen.arena = &w.looked
	if _, known := w.seen.Get(key); known {
		return
	}
	var version [binary.MaxVarintLen64]byte
	w.seen.Set(key, w.looked.add(key, workspaceItem{payload: binary.AppendUvarint(version[:0], uint64(ts))}))
	w.bytes += len(key) + perItemBytes
}

// put makes payload the row or entry under key; both are copied. first: there was neither that nor a mark that it is gone.
func (w *Workspace) put(key, payload []byte) (first bool, err error) {
	return w.set(key, workspaceItem{payload: payload})
}

// remove takes a row away. The mark it leaves hides the engine's row.
func (w *Workspace) remove(key []byte) (first bool, err error) {
	return w.set(key, workspaceItem{deleted: true})
}

// add is put of an entry whose key the workspace does not have.
func (w *Workspace) add(key, payload []byte) error {
	u := workspaceUndo{set: w.arena.add(key, workspaceItem{payload: payload})}
	w.of(indexOf(key)).Append(u.set)
	w.account(u.set, 1)
	return w.done(u)
}

// drop takes an entry away. The engine's entry, if there is one, is hidden by its row.
func (w *Workspace) drop(key []byte) error {
	if _, ok := w.get(key); !ok {
		return nil
	}
	u := workspaceUndo{set: w.arena.add(key, workspaceItem{deleted: true})}
	u.before = w.exchange(key, 0)
	return w.done(u)
}

func (w *Workspace) set(key []byte, item workspaceItem) (first bool, err error) {
	u := workspaceUndo{set: w.arena.add(key, item)}
	u.before = w.exchange(key, u.set)
	return u.before == 0, w.done(u)
}

// exchange puts a record (0: nothing) in the place of what was under a key.
func (w *Workspace) exchange(key []byte, at recordAt) (before recordAt) {
	list := w.of(indexOf(key))
	if at == 0 {
		before = list.Delete(key)
	} else {
		before = list.Set(key, at)
	}
	w.account(before, -1)
	w.account(at, 1)
	return before
}

// done notes a step that can be taken back. What is only kept for going back counts as well.
func (w *Workspace) done(u workspaceUndo) error {
	w.undo = append(w.undo, u)
	w.step(u, 1)
	limit := w.limit
	if limit == 0 {
		limit = DefaultWorkspaceBytes
	}
	if w.bytes > limit {
		return mysqlerr.New(mysqlerr.TransCacheFull)
	}
	return nil
}

// account counts an item that comes (1) or goes (-1).
func (w *Workspace) account(at recordAt, sign int) {
	if at != 0 {
		w.bytes += sign * (w.size(at) + perItemBytes)
	}
}

// step counts a step back that comes (1) or goes (-1).
func (w *Workspace) step(u workspaceUndo, sign int) {
	w.bytes += sign * perUndoBytes
	if u.before != 0 {
		w.bytes += sign * w.size(u.before)
	}
}

// size is the bytes of a record's key and payload.
func (w *Workspace) size(at recordAt) int {
	return len(w.arena.key(at)) + len(w.arena.item(at).payload)
}

func tabletOfKey[K string | []byte](key K) schema.TabletID {
	return schema.TabletID(binary.BigEndian.Uint32([]byte(key[4:tabletPrefixLen])))
}

// Effects are the rows that the transaction wrote, with the versions it saw, and checks of those it only locked, in
// order of their keys. They alias the Workspace.
func (w *Workspace) Effects() []fragment.Effect {
	p := w.Parts()
	effects, _ := p.Next(0)
	return effects
}

// Parts goes over what Effects gives, part by part.
func (w *Workspace) Parts() *EffectParts {
	p := &EffectParts{w: w}
	if w == nil {
		return p
	}
	if w.rows.Len() > 0 {
		p.written = w.rows.Iter()
		p.inWritten = p.written.First()
	}
	if w.seen.Len() > 0 {
		p.looked = w.seen.Iter()
		p.inLooked = p.looked.First()
	}
	return p
}

// EffectParts are the effects of a Workspace, in parts. The Workspace is not to be changed meanwhile.
type EffectParts struct {
	w                   *Workspace
	written, looked     workspaceIter
	inWritten, inLooked bool
	ahead               fragment.Effect // the first one of the next part, if its Op is not 0
}

// perEffectBytes is about what an effect takes in a message besides its key and row.
const perEffectBytes = 16

// Next gives as many effects as fit limit bytes (0: all that are left), at least one if there are any. more: there is another part.
func (p *EffectParts) Next(limit int) (part []fragment.Effect, more bool) {
	size := 0
	for {
		e, ok := p.next()
		if !ok {
			return part, false
		}
		size += len(e.Key) + len(e.Row) + perEffectBytes
		if limit > 0 && size > limit && len(part) > 0 {
			p.ahead = e
			return part, true
		}
		part = append(part, e)
	}
}

func (p *EffectParts) next() (e fragment.Effect, ok bool) {
	if e, p.ahead = p.ahead, (fragment.Effect{}); e.Op != 0 {
		return e, true
	}
	if p.inWritten {
		key, item := p.written.Key(), p.written.Value()
		if e = p.w.effectOf(key, fragment.EffectDelete); !item.deleted {
			e.Op, e.Row = fragment.EffectPut, item.payload
		}
		p.inWritten = p.written.Next()
		return e, true
	}
	for ; p.inLooked; p.inLooked = p.looked.Next() {
		key := p.looked.Key()
		if _, written := p.w.get(key); written {
			continue
		}
		e = p.w.effectOf(key, fragment.EffectCheck)
		p.inLooked = p.looked.Next()
		return e, true
	}
	return e, false
}

func (w *Workspace) effectOf(key []byte, op fragment.EffectOp) fragment.Effect {
	return fragment.Effect{Op: op, Tablet: tabletOfKey(key), Key: key[keys.PrefixLen:], Expect: w.versionOf(key)}
}

// versionOf is the version of a row that was seen; 0: absent, or it was not looked at.
func (w *Workspace) versionOf(key []byte) mvcc.Timestamp {
	item, ok := w.seen.Get(key)
	if !ok {
		return 0
	}
	ts, _ := binary.Uvarint(item.payload)
	return mvcc.Timestamp(ts)
}
