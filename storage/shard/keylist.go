package shard

import (
	"encoding/binary"
	"iter"

	"cloudsql/storage/wire"
)

// keyList is keys one behind the other, each behind its length: many of them take no more than their bytes.
type keyList struct {
	n      int
	packed string
}

// all goes over the keys; they are parts of the list.
func (l keyList) all() iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := l.packed; rest != ""; {
			n, width := stringUvarint(rest)
			end := width + int(n) //nolint:gosec // below the length, which was looked at
			if !yield(rest[width:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// stringUvarint is binary.Uvarint of a string that has one.
func stringUvarint(s string) (n uint64, width int) {
	for shift := 0; s[width] >= 0x80; shift += 7 {
		n |= uint64(s[width]&0x7f) << shift
		width++
	}
	return n | uint64(s[width])<<(7*width), width + 1
}

// append encodes the list: the number of keys, and the keys.
func (l keyList) append(dst []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(l.n)), l.packed...) //nolint:gosec // a count
}

// readKeyList decodes a list. It keeps nothing of the message.
func readKeyList(d *wire.Reader) keyList {
	n := d.Count()
	from := d.Rest()
	for i := 0; i < n && d.Err() == nil; i++ {
		d.Bytes()
	}
	if d.Err() != nil {
		return keyList{}
	}
	return keyList{n, string(from[:len(from)-len(d.Rest())])}
}

// keyListBuilder makes a keyList.
type keyListBuilder struct {
	n      int
	packed []byte
}

func (b *keyListBuilder) add(key []byte) {
	b.n++
	b.packed = wire.AppendBytes(b.packed, key)
}

func (b *keyListBuilder) list() keyList { return keyList{b.n, string(b.packed)} }
