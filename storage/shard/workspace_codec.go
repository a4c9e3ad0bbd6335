package shard

import (
	"encoding/binary"

	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/wire"
)

// A workspace travels when its shard's lease is handed over with the transaction open:
//
//	count (key item)…      the rows, and the entries, in their order; keys are full engine keys without timestamp
//	count (key ts)…        the versions seen
//	count (key has [item])…  what to go back to, oldest first
//	item = deleted payload
//
// All nodes of a cluster run one version of it: a node that meets another fails to read it, and the transaction is lost
// as it would be without transfer.

// Append encodes the workspace.
func (w *Workspace) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(w.rows.Len()+w.entries.Len()))
	for _, list := range [...]*workspaceItems{&w.rows, &w.entries} {
		list.Scan(func(key []byte, item workspaceItem) bool {
			dst = appendItem(wire.AppendBytes(dst, key), item)
			return true
		})
	}
	dst = binary.AppendUvarint(dst, uint64(w.seen.Len()))
	w.seen.Scan(func(key []byte, _ workspaceItem) bool {
		dst = binary.AppendUvarint(wire.AppendBytes(dst, key), uint64(w.versionOf(key)))
		return true
	})
	dst = binary.AppendUvarint(dst, uint64(len(w.undo)))
	for _, u := range w.undo {
		dst = wire.AppendBool(wire.AppendBytes(dst, w.arena.key(u.set)), u.before != 0)
		if u.before != 0 {
			dst = appendItem(dst, w.arena.item(u.before))
		}
	}
	return dst
}

func appendItem(dst []byte, item workspaceItem) []byte {
	return wire.AppendBytes(wire.AppendBool(dst, item.deleted), item.payload)
}

// ReadWorkspace decodes what Append made into a workspace of up to limit bytes. It keeps nothing of the input.
func ReadWorkspace(d *wire.Reader, limit int) *Workspace {
	w := NewWorkspace(limit)
	a := &w.arena
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		key := readWorkspaceKey(d)
		item := readItem(d)
		if d.Err() == nil {
			w.exchange(key, a.add(key, item))
		}
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		key := readWorkspaceKey(d)
		if ts := mvcc.Timestamp(d.Uvarint()); d.Err() == nil {
			w.see(key, ts)
		}
	}
	var changed [][]byte
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		key, u := readWorkspaceKey(d), workspaceUndo{}
		if d.Bool() {
			u.before = a.add(key, readItem(d))
		}
		if d.Err() != nil {
			return w
		}
		changed, w.undo = append(changed, key), append(w.undo, u)
		w.step(u, 1)
	}
	for i, key := range changed { // behind all that was there before, since going back cuts them off
		w.undo[i].set = a.add(key, workspaceItem{deleted: true})
	}
	return w
}

// readItem reads an item; it aliases the message.
func readItem(d *wire.Reader) workspaceItem {
	return workspaceItem{deleted: d.Bool(), payload: d.Bytes()}
}

// readWorkspaceKey reads a key; it aliases the message.
func readWorkspaceKey(d *wire.Reader) []byte {
	key := d.Bytes()
	if d.Err() == nil && len(key) < keys.PrefixLen {
		d.Fail(wire.ErrCorrupt)
	}
	return key
}
