package raft

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"cloudsql/storage/mutant"
)

// ErrDamagedLog: the raft log on this disk is not what was written: it lacks entries that this node has acknowledged, or
// may. No replica of this node can be trusted with its vote.
var ErrDamagedLog = errors.New("raft: the log is damaged")

// The write-ahead files of the log's store are chains of chunks (the store's package record):
//
//	crc(4) size(2) type(1) log number(4) payload      never across a block of 32 KiB
//
// The store's own reader takes the first chunk that is not valid for the end of the log. After a loss of power it is: what
// was not synced may have reached the disk in part and in any order. After a flipped bit it is not, and everything behind
// it, acknowledged or not, would be gone in silence. Both leave a bad chunk and perhaps good ones behind it, and files that
// are pre-filled with zeros or used again have no end of their own. So each sync leaves a **mark** behind the data, which
// says up to where the file had been synced before and, once the sync is done, that it now is up to here:
//
//	… chunk chunk │ mark{end, synced}            in the sectors that are written anyway; the next write replaces it
//
// A mark has the form of a chunk of another log, which every reader takes for the end.
const (
	chunkHeader = 11
	walBlock    = 32 << 10
	markSize    = chunkHeader + 16
	sector      = 512

	chunkFull, chunkFirst, chunkMiddle, chunkLast = 5, 6, 7, 8

	// maxUnsynced bounds how many records can be under way at a time: every writer of the log waits for its own to be
	// synced, and there are the workers of dragonboat, one a shard of its engine, and few others.
	maxUnsynced = 32
)

// chunkCRC is the checksum of chunks, as RocksDB cooks it.
func chunkCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// markAt is where the mark of data that ends at end is: in one sector.
func markAt(end int64) int64 {
	if end%sector+markSize > sector {
		end += sector - end%sector
	}
	return end
}

// appendMark makes a mark in the log of a number.
func appendMark(b []byte, log uint32, end, synced int64) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, markSize-chunkHeader)
	b = append(b, chunkFull)
	b = binary.LittleEndian.AppendUint32(b, ^log)
	b = binary.LittleEndian.AppendUint64(b, uint64(end))
	b = binary.LittleEndian.AppendUint64(b, uint64(synced))
	binary.LittleEndian.PutUint32(b[at:], chunkCRC(b[at+6:]))
	return b
}

// markIn reads the mark at a place.
func markIn(data []byte, at int64, log uint32) (synced int64, ok bool) {
	if at+markSize > int64(len(data)) {
		return 0, false
	}
	m := data[at : at+markSize]
	end := int64(binary.LittleEndian.Uint64(m[chunkHeader:]))
	synced = int64(binary.LittleEndian.Uint64(m[chunkHeader+8:]))
	ok = binary.LittleEndian.Uint16(m[4:]) == markSize-chunkHeader && m[6] == chunkFull &&
		binary.LittleEndian.Uint32(m[7:]) == ^log && binary.LittleEndian.Uint32(m) == chunkCRC(m[6:]) &&
		end >= 0 && markAt(end) == at && synced <= end
	return synced, ok
}

// validChunk tells whether there is a chunk of the log at a place, and where it ends.
func validChunk(data []byte, at int64, log uint32) (kind byte, end int64, ok bool) {
	block := min(at-at%walBlock+walBlock, int64(len(data)))
	if at+chunkHeader > block {
		return 0, 0, false
	}
	h := data[at:]
	end = at + chunkHeader + int64(binary.LittleEndian.Uint16(h[4:]))
	if kind = h[6]; kind < chunkFull || kind > chunkLast || binary.LittleEndian.Uint32(h[7:]) != log || end > block {
		return 0, 0, false
	}
	return kind, end, chunkCRC(data[at+6:end]) == binary.LittleEndian.Uint32(h)
}

// readable gives where the chain of valid chunks ends, and whether the log was closed there.
func readable(data []byte, log uint32) (end int64, closed bool) {
	for at := int64(0); ; {
		if rest := walBlock - at%walBlock; rest < chunkHeader { // too short for a chunk: zeros
			at += rest
		}
		_, next, ok := validChunk(data, at, log)
		if !ok {
			h := data[min(at, int64(len(data))):]
			return at, len(h) >= chunkHeader && h[6] == chunkFull && binary.LittleEndian.Uint32(h[7:]) == log+1 &&
				binary.LittleEndian.Uint32(h) == 0 && binary.LittleEndian.Uint16(h[4:]) == 0
		}
		at = next
	}
}

// checkLog tells damage in a write-ahead file from an end that a crash has left. followed: there is a later file, and so
// this one was closed.
func checkLog(data []byte, log uint32, followed bool) error {
	end, closed := readable(data, log)
	if closed {
		return nil
	}
	if followed {
		return fmt.Errorf("%w: it cannot be read beyond byte %d, and was continued in another file", ErrDamagedLog, end)
	}
	synced, marked := lastMark(data, end, log)
	if synced > end && !mutant.SkipMarks {
		return fmt.Errorf("%w: it cannot be read beyond byte %d, and was synced up to byte %d", ErrDamagedLog, end, synced)
	}
	if marked { // that write was under way: what is behind the end belongs to it
		return nil
	}
	if n := recordsAfter(data, end, log); n > maxUnsynced {
		return fmt.Errorf("%w: it cannot be read at byte %d, and at least %d good records follow", ErrDamagedLog, end, n)
	}
	return nil
}

// lastMark looks for marks at or behind a place and gives the largest that any says was synced.
func lastMark(data []byte, from int64, log uint32) (synced int64, found bool) {
	pattern := binary.LittleEndian.AppendUint32([]byte{chunkFull}, ^log)
	for at := from; at < int64(len(data)); {
		i := bytes.Index(data[at:], pattern)
		if i < 0 {
			break
		}
		at += int64(i)
		if s, ok := markIn(data, at-6, log); at >= 6 && ok {
			synced, found = max(synced, s), true
		}
		at++
	}
	return synced, found
}

// recordsAfter counts the records that begin behind a place.
func recordsAfter(data []byte, from int64, log uint32) (n int) {
	number := binary.LittleEndian.AppendUint32(nil, log)
	for at := from; at < int64(len(data)); {
		i := bytes.Index(data[at:], number)
		if i < 0 {
			break
		}
		at += int64(i)
		if kind, end, ok := validChunk(data, max(at-7, 0), log); ok && at-7 > from {
			if kind == chunkFull || kind == chunkFirst {
				n++
			}
			at = end
			continue
		}
		at++
	}
	return n
}
