package shard

import (
	"encoding/binary"

	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/wire"
)

// A workspace travels when its shard's lease is handed over with the transaction open:
//
//	count (key item)…      the rows and entries, in their order; keys are full engine keys without timestamp
//	count (key ts)…        the versions seen
//	count (key has [item])…  what to go back to, oldest first
//	item = deleted payload
//
// All nodes of a cluster run one version of it: a node that meets another fails to read it, and the transaction is lost
// as it would be without transfer.

// Append encodes the workspace.
func (w *Workspace) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(w.items.Len()))
	w.items.Scan(func(key string, item *workspaceItem) bool {
		dst = appendItem(wire.AppendString(dst, key), item)
		return true
	})
	dst = binary.AppendUvarint(dst, uint64(len(w.seen)))
	for _, key := range sortedKeys(w.seen) {
		dst = binary.AppendUvarint(wire.AppendString(dst, key), uint64(w.seen[key]))
	}
	dst = binary.AppendUvarint(dst, uint64(len(w.undo)))
	for _, u := range w.undo {
		dst = wire.AppendBool(wire.AppendString(dst, u.key), u.before != nil)
		if u.before != nil {
			dst = appendItem(dst, u.before)
		}
	}
	return dst
}

func appendItem(dst []byte, item *workspaceItem) []byte {
	return wire.AppendBytes(wire.AppendBool(dst, item.deleted), item.payload)
}

// ReadWorkspace decodes what Append made into a workspace of up to limit bytes. It keeps nothing of the input.
func ReadWorkspace(d *wire.Reader, limit int) *Workspace {
	w := NewWorkspace(limit)
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		key := readWorkspaceKey(d)
		item := readItem(d)
		if d.Err() == nil {
			w.account(key, w.replaceItem(key, item), item)
		}
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		key := readWorkspaceKey(d)
		w.see([]byte(key), mvcc.Timestamp(d.Uvarint()))
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		u := workspaceUndo{key: readWorkspaceKey(d)}
		if d.Bool() {
			u.before = readItem(d)
		}
		w.undo = append(w.undo, u)
	}
	return w
}

func readItem(d *wire.Reader) *workspaceItem {
	return &workspaceItem{deleted: d.Bool(), payload: append([]byte{}, d.Bytes()...)}
}

func readWorkspaceKey(d *wire.Reader) string {
	key := d.String()
	if d.Err() == nil && len(key) < keys.PrefixLen {
		d.Fail(wire.ErrCorrupt)
	}
	return key
}
