package shard

import (
	"encoding/binary"
	"slices"

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
	items workspaceItems
	seen  map[string]mvcc.Timestamp // by full engine key of rows; 0: absent
	undo  []workspaceUndo
	rows  int // of the items
	bytes int
	limit int
}

// workspaceItem is a row (index 1: put or delete) or an entry (put only) as the transaction leaves it; immutable.
type workspaceItem struct {
	deleted bool
	payload []byte
}

type workspaceUndo struct {
	key    string
	before *workspaceItem // nil: none
}

// perItemBytes is what an item costs besides its key and payload.
const perItemBytes = 128

// NewWorkspace makes a Workspace that holds up to limit bytes (0: DefaultWorkspaceBytes); a write beyond them fails
// with error 1197.
func NewWorkspace(limit int) *Workspace { return &Workspace{limit: limit} }

// Empty tells whether the transaction has written nothing.
func (w *Workspace) Empty() bool { return w == nil || w.rows == 0 }

// Bytes is the approximate memory that the writes hold.
func (w *Workspace) Bytes() int { return w.bytes }

// Mark names the present state of the writes, Truncate goes back to it; later marks are void then.
func (w *Workspace) Mark() uint64 { return uint64(len(w.undo)) }

// Truncate takes back all writes since a mark.
func (w *Workspace) Truncate(mark uint64) {
	for i := len(w.undo) - 1; i >= int(mark); i-- {
		u := &w.undo[i]
		w.account(u.key, w.replaceItem(u.key, u.before), u.before)
		w.undo[i] = workspaceUndo{}
	}
	w.undo = w.undo[:min(int(mark), len(w.undo))]
}

// Effects are the rows that the transaction wrote, with the versions it saw, and checks of those it only locked, in
// order of their keys. They alias the Workspace.
func (w *Workspace) Effects() []fragment.Effect {
	effects := make([]fragment.Effect, 0, w.rows+len(w.seen))
	w.items.Scan(func(key string, item *workspaceItem) bool {
		if indexOfKey(key) != schema.PrimaryIndex {
			return true
		}
		e := w.effectOf(key)
		e.Op, e.Row = fragment.EffectPut, item.payload
		if item.deleted {
			e.Op, e.Row = fragment.EffectDelete, nil
		}
		effects = append(effects, e)
		return true
	})
	var looked []string
	for key := range w.seen {
		if _, written := w.items.Get(key); !written {
			looked = append(looked, key)
		}
	}
	slices.Sort(looked)
	for _, key := range looked {
		e := w.effectOf(key)
		e.Op = fragment.EffectCheck
		effects = append(effects, e)
	}
	return effects
}

func (w *Workspace) effectOf(key string) fragment.Effect {
	return fragment.Effect{Tablet: tabletOfKey(key), Key: []byte(key[keys.PrefixLen:]), Expect: w.seen[key]}
}

func indexOfKey(key string) schema.IndexID {
	return schema.IndexID(binary.BigEndian.Uint16([]byte(key[tabletPrefixLen:keys.PrefixLen])))
}

func tabletOfKey[K string | []byte](key K) schema.TabletID {
	return schema.TabletID(binary.BigEndian.Uint32([]byte(key[4:tabletPrefixLen])))
}

// get finds a row or entry.
func (w *Workspace) get(key []byte) (*workspaceItem, bool) { return w.items.Get(string(key)) }

// see notes the version of a row that the transaction looked at under a lock; the first one counts, a lock keeps it.
func (w *Workspace) see(key []byte, ts mvcc.Timestamp) {
	if _, known := w.seen[string(key)]; known {
		return
	}
	if w.seen == nil {
		w.seen = map[string]mvcc.Timestamp{}
	}
	w.seen[string(key)] = ts
}

// put makes payload the row or entry under key; both are copied.
func (w *Workspace) put(key, payload []byte) error {
	return w.set(string(key), &workspaceItem{payload: append([]byte{}, payload...)})
}

// remove takes a row away. The mark it leaves hides the engine's row.
func (w *Workspace) remove(key []byte) error {
	return w.set(string(key), &workspaceItem{deleted: true})
}

// drop takes an entry away. The engine's entry, if there is one, is hidden by its row.
func (w *Workspace) drop(key []byte) error {
	if _, ok := w.get(key); !ok {
		return nil
	}
	return w.set(string(key), nil)
}

func (w *Workspace) set(key string, item *workspaceItem) error {
	before := w.replaceItem(key, item)
	w.undo = append(w.undo, workspaceUndo{key: key, before: before})
	w.account(key, before, item)
	limit := w.limit
	if limit == 0 {
		limit = DefaultWorkspaceBytes
	}
	// Bytes that are only kept for going back count as well.
	if w.bytes+len(w.undo)*perItemBytes > limit {
		return mysqlerr.New(mysqlerr.TransCacheFull)
	}
	return nil
}

// replaceItem puts item (nil: nothing) under key and gives what was there.
func (w *Workspace) replaceItem(key string, item *workspaceItem) (before *workspaceItem) {
	if item == nil {
		return w.items.Delete(key)
	}
	return w.items.Set(key, item)
}

func (w *Workspace) account(key string, before, after *workspaceItem) {
	row := 0
	if indexOfKey(key) == schema.PrimaryIndex {
		row = 1
	}
	if before != nil {
		w.rows -= row
		w.bytes -= len(key) + len(before.payload) + perItemBytes
	}
	if after != nil {
		w.rows += row
		w.bytes += len(key) + len(after.payload) + perItemBytes
	}
}
