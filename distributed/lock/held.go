package lock

import (
	"encoding/binary"
	"math"
	"slices"

	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// Held is all that an owner has locked, on its way to the next leaseholder:
//
//	count  { tablet  index  key  mode(1)  absent(bool) }
//	count  { tablet  index  start  end(optional)  mode(1)  noRows(bool)  rowStart  rowEnd(optional) }
//
// A bulk range has bulkFlag in its mode, and the number of locks that it stands for behind it. The numbers of modes are part of the
// protocol.
type Held struct {
	keys   []heldKey
	ranges []heldRange
}

type heldKey struct {
	Key
	mode   Mode
	absent bool
}

// bulkFlag, with the mode of a range, marks one that stands for locks on keys.
const bulkFlag = 0x80

type heldRange struct {
	start    Key
	bulk     bool
	absorbed int
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
		if g.bulk {
			dst = binary.AppendUvarint(append(dst, bulkFlag|byte(g.mode)), uint64(g.absorbed)) //nolint:gosec // a count
			continue
		}
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
		b := d.Byte()
		if g.mode, g.bulk = modeOf(d, b&^bulkFlag), b&bulkFlag != 0; g.bulk {
			g.absorbed = int(d.Uvarint() & math.MaxInt32)
		} else {
			g.noRows = d.Bool()
			g.rowStart = append([]byte{}, d.Bytes()...)
			g.rowEnd = bytesOrNil(d.Optional())
		}
		h.ranges = append(h.ranges, g)
	}
	return h
}

func readKey(d *wire.Reader) Key {
	return Key{schema.TabletID(d.Uvarint()), schema.IndexID(d.Uvarint()), append([]byte{}, d.Bytes()...)}
}

func readMode(d *wire.Reader) Mode { return modeOf(d, d.Byte()) }

func modeOf(d *wire.Reader, b byte) Mode {
	m := Mode(b)
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
		g := &Range{owner: o, mode: r.mode, end: r.end, noRows: r.noRows, rowStart: r.rowStart, rowEnd: r.rowEnd}
		if g.bulk, g.absorbed = r.bulk, r.absorbed; g.bulk {
			g.rowStart, g.rowEnd = r.start.Bytes, r.end
		}
		t.addGranted(g, r.start)
	}
}
