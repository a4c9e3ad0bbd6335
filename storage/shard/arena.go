package shard

import "encoding/binary"

// arena holds records one behind the other, in chunks. A record is a key and an item:
//
//	length(uvarint) key  flags(1)  payload length(uvarint) payload
//
// Records are not changed; the newest can be given up. There are no pointers in it: however many records there are, the garbage
// collector has nothing to follow.
type arena struct{ chunks [][]byte }

// recordAt is where a record is: the number of its chunk, counted from 1, and the offset in it. 0 is no record.
type recordAt uint64

const (
	firstChunk   = 512
	largestChunk = 1 << 20
	recordHeader = 2*binary.MaxVarintLen32 + 1
)

const recordDeleted byte = 1

// add appends a record.
func (a *arena) add(key []byte, item workspaceItem) recordAt {
	need := recordHeader + len(key) + len(item.payload)
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < need {
		size := firstChunk
		if last >= 0 {
			size = min(2*cap(a.chunks[last]), largestChunk)
		}
		a.chunks = append(a.chunks, make([]byte, 0, max(size, need)))
		last++
	}
	c := a.chunks[last]
	at := recordAt(last+1)<<32 | recordAt(len(c))
	c = append(binary.AppendUvarint(c, uint64(len(key))), key...)
	if item.deleted {
		c = append(c, recordDeleted)
	} else {
		c = append(c, 0)
	}
	a.chunks[last] = append(binary.AppendUvarint(c, uint64(len(item.payload))), item.payload...)
	return at
}

// key is a record's key; it is valid as long as the record is there.
func (a *arena) key(at recordAt) []byte {
	key, _ := a.split(at)
	return key
}

// item is a record's item; the payload is valid as long as the record is there.
func (a *arena) item(at recordAt) workspaceItem {
	_, rest := a.split(at)
	flags := rest[0]
	n, width := binary.Uvarint(rest[1:])
	rest = rest[1+width:]
	return workspaceItem{deleted: flags == recordDeleted, payload: rest[:n:n]}
}

// split gives a record's key, and what comes behind it.
func (a *arena) split(at recordAt) (key, rest []byte) {
	b := a.chunks[at>>32-1][uint32(at):]
	n, width := binary.Uvarint(b)
	end := width + int(n)
	return b[width:end:end], b[end:]
}

// cut gives up a record and all that came behind it.
func (a *arena) cut(at recordAt) {
	a.chunks = a.chunks[:at>>32]
	last := len(a.chunks) - 1
	a.chunks[last] = a.chunks[last][:uint32(at)]
}
