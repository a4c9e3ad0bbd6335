package mvcc

import (
	"encoding/binary"
	"errors"
)

// SuffixLen is the length of the timestamp behind a key.
const SuffixLen = 8

// Flag is a version's kind, the first byte of its value.
type Flag byte

// The flags. Numbers are part of the storage format.
const (
	FlagPut    Flag = 1
	FlagDelete Flag = 2
)

// ErrCorrupt: the bytes are no version.
var ErrCorrupt = errors.New("mvcc: corrupt version")

// AppendVersion appends the timestamp's suffix to a key.
func AppendVersion(key []byte, ts Timestamp) []byte {
	return binary.BigEndian.AppendUint64(key, ^uint64(ts))
}

// SplitVersion separates an engine key; ok is false for bytes too short to be one. key aliases its argument.
func SplitVersion(engineKey []byte) (key []byte, ts Timestamp, ok bool) {
	n := len(engineKey) - SuffixLen
	if n < 0 {
		return nil, 0, false
	}
	return engineKey[:n:n], ^Timestamp(binary.BigEndian.Uint64(engineKey[n:])), true
}

// AppendPut appends the value of a version that holds payload.
func AppendPut(dst, payload []byte) []byte { return append(append(dst, byte(FlagPut)), payload...) }

// AppendDelete appends the value of a version that says the key is gone.
func AppendDelete(dst []byte) []byte { return append(dst, byte(FlagDelete)) }

// Version is one version of a key. The zero Version (TS 0) stands for a key that has none.
type Version struct {
	TS      Timestamp
	Deleted bool
	Value   []byte
}

// Live tells whether the key has a value in this version.
func (v *Version) Live() bool { return v.TS != 0 && !v.Deleted }

// ParseVersion reads a version's value; it aliases value.
func ParseVersion(ts Timestamp, value []byte) (Version, error) {
	if len(value) == 0 {
		return Version{}, ErrCorrupt
	}
	switch Flag(value[0]) {
	case FlagPut:
		return Version{TS: ts, Value: value[1:]}, nil
	case FlagDelete:
		return Version{TS: ts, Deleted: true}, nil
	}
	return Version{}, ErrCorrupt
}
