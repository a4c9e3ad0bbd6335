package lock

import (
	"encoding/binary"
	"slices"

	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// Held is all that an owner has locked, on its way to the next leaseholder:
//
//	count  { tablet  index  key  mode(1)  absent(bool) }
//	count  { tablet  index  start  end(optional)  mode(1)  noRows(bool)  rowStart  rowEnd(optional) }
//
// The numbers of modes are part of the protocol.
type Held struct {
	keys   []heldKey
	ranges []heldRange
}

type heldKey struct {
	Key
	mode   Mode
	absent bool
}

type heldRange struct {
	start    Key
	end      []byte
	mode     Mode
	noRows   bool
	rowStart []byte
	rowEnd   []byte
}

// AppendHeld appends what o has locked.
func (t *Table) AppendHeld(dst []byte, o *Owner) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	dst = binary.AppendUvarint(dst, uint64(len(o.held)))
	for _, e := range o.held {
		h := &e.holds[e.find(o)]
		dst = appendKey(dst, e)
		dst = wire.AppendBool(append(dst, byte(h.mode)), h.absent)
	}
	granted := slices.DeleteFunc(slices.Clone(o.ranges), func(g *Range) bool { return g.wait != nil })
	dst = binary.AppendUvarint(dst, uint64(len(granted)))
	for _, g := range granted {
		dst = wire.AppendOptional(appendKey(dst, &g.entry), g.end)
		dst = wire.AppendBool(append(dst, byte(g.mode)), g.noRows)
		dst = wire.AppendOptional(wire.AppendBytes(dst, g.rowStart), g.rowEnd)
	}
	return dst
}

func appendKey(dst []byte, e *entry) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.tablet))
	return wire.AppendBytes(binary.AppendUvarint(dst, uint64(e.index)), e.key)
}

// ReadHeld reads what AppendHeld wrote; it keeps nothing of the message.
func ReadHeld(d *wire.Reader) (h Held) {
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		k := heldKey{Key: readKey(d)}
		k.mode, k.absent = readMode(d), d.Bool()
		h.keys = append(h.keys, k)
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		g := heldRange{start: readKey(d)}
		g.end = bytesOrNil(d.Optional())
		g.mode, g.noRows = readMode(d), d.Bool()
		g.rowStart = append([]byte{}, d.Bytes()...)
		g.rowEnd = bytesOrNil(d.Optional())
		h.ranges = append(h.ranges, g)
	}
	return h
}

func readKey(d *wire.Reader) Key {
	return Key{schema.TabletID(d.Uvarint()), schema.IndexID(d.Uvarint()), append([]byte{}, d.Bytes()...)}
}

func readMode(d *wire.Reader) Mode {
	m := Mode(d.Byte())
	if m == None || m > Exclusive {
		d.Fail(wire.ErrCorrupt)
	}
	return m
}

// bytesOrNil copies b and keeps nil.
func bytesOrNil(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// Restore gives o the locks that it had at the former leaseholder, before anybody else asks for any.
func (t *Table) Restore(o *Owner, h *Held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range h.keys {
		k := &h.keys[i]
		e := t.entry(k.Tablet, k.Index, k.Bytes)
		t.grant(e, o, k.mode)
		e.holds[e.find(o)].absent = k.absent
	}
	for i := range h.ranges {
		r := &h.ranges[i]
		t.addGranted(&Range{owner: o, mode: r.mode, end: r.end, noRows: r.noRows, rowStart: r.rowStart, rowEnd: r.rowEnd}, r.start)
	}
}
