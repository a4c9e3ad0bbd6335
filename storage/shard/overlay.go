package shard

import (
	"cloudsql/storage/mvcc"
)

// overlay holds the versions that the log entries of one Apply have written so far, over what the engine has. Changes
// can be taken back to a mark, in the order in which they were made.
type overlay struct {
	newest  map[string]int32 // position in changes of a key's newest version
	changes []change
	memory  bump
}

// change is one version: key is the engine key without its timestamp, value begins with the flag.
type change struct {
	key, value []byte
	ts         mvcc.Timestamp
	before     int32 // position of the version of the same key that this one hides, or -1
	hides      bool  // a row that the engine has is superseded
	dead       bool  // the same entry has written the key again: never becomes a version
	below      bool  // there is a newer version of the key: it is not the newest

	hidden mvcc.Timestamp // the version that is superseded, if hides; 0: not known
}

func (c *change) deletes() bool { return mvcc.Flag(c.value[0]) == mvcc.FlagDelete }

// replace puts c in the place of a change of the same key and timestamp: what that one superseded, c does.
func (c *change) replace(before *change) {
	before.dead = true
	c.hides = before.hides || before.deletes()
	c.hidden = before.hidden
	if c.deletes() {
		c.hidden = 0 // older versions of a deleted key are looked up
	}
}

// get finds a key's newest version here; it is valid until reset.
func (o *overlay) get(key []byte) (v mvcc.Version, ok bool, err error) {
	i, ok := o.newest[string(key)]
	if !ok {
		return v, false, nil
	}
	c := &o.changes[i]
	v, err = mvcc.ParseVersion(c.ts, c.value)
	return v, true, err
}

// put writes a version that holds payload, delete one that says that the key is gone.
func (o *overlay) put(key []byte, ts mvcc.Timestamp, payload []byte) {
	value := o.memory.take(1 + len(payload))
	o.add(key, ts, mvcc.AppendPut(value, payload))
}

func (o *overlay) delete(key []byte, ts mvcc.Timestamp) {
	o.add(key, ts, mvcc.AppendDelete(o.memory.take(1)))
}

func (o *overlay) add(key []byte, ts mvcc.Timestamp, value []byte) {
	key = append(o.memory.take(len(key)), key...)
	before, ok := o.newest[string(key)]
	if !ok {
		before = -1
	}
	o.newest[string(key)] = int32(len(o.changes))
	o.changes = append(o.changes, change{key: key, value: value, ts: ts, before: before})
}

// deleteBelow writes that a key was gone at ts, although there is a newer version of it.
func (o *overlay) deleteBelow(key []byte, ts mvcc.Timestamp) {
	key = append(o.memory.take(len(key)), key...)
	o.changes = append(o.changes, change{key: key, value: mvcc.AppendDelete(o.memory.take(1)), ts: ts, before: -1, below: true})
}

func (o *overlay) mark() int { return len(o.changes) }

// rollback takes back all changes after mark.
func (o *overlay) rollback(mark int) {
	for i := len(o.changes) - 1; i >= mark; i-- {
		c := &o.changes[i]
		if c.below {
			continue
		}
		if c.before < 0 {
			delete(o.newest, string(c.key))
		} else {
			o.newest[string(c.key)] = c.before
		}
	}
	o.changes = o.changes[:mark]
}

// maxOverlayKeep bounds what an overlay keeps from one Apply to the next.
const maxOverlayKeep = 4096

func (o *overlay) reset() {
	if o.newest == nil || len(o.changes) > maxOverlayKeep {
		*o = overlay{newest: map[string]int32{}}
		return
	}
	clear(o.newest)
	clear(o.changes)
	o.changes = o.changes[:0]
	o.memory.reset()
}

// bump hands out pieces of memory that all die together.
type bump struct{ free []byte }

const bumpPiece = 64 << 10

// take gives an empty slice with room for n bytes.
func (b *bump) take(n int) []byte {
	if n > cap(b.free)-len(b.free) {
		b.free = make([]byte, 0, max(bumpPiece, n))
	}
	start := len(b.free)
	b.free = b.free[:start+n]
	return b.free[start : start : start+n]
}

// reset makes the current piece free again; pieces before it are the garbage collector's.
func (b *bump) reset() { b.free = b.free[:0] }
