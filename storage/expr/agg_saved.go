package expr

import (
	"encoding/binary"
	"errors"

	"cloudsql/storage/types"
	"cloudsql/storage/wire"
)

// A State that is put aside, on a gateway's disk, comes back as it was: rows may be added to it afterwards as if nothing had
// happened. That is more than a partial result, which only merges, and which some do not have (Partial). These are saved as one
// value; all others as their partial result, which an empty state takes over.

// saver is a State that has a saved form of its own.
type saver interface {
	appendSaved(dst []byte) []byte
	load(r *wire.Reader) error
}

// SavedWidth is the number of values that a saved state of a has.
func (a *Agg) SavedWidth() int {
	if !a.Partial() {
		return 1
	}
	return len(a.PartialTypes())
}

// SaveState appends s, a state of a, as SavedWidth values.
func (a *Agg) SaveState(dst []types.Value, s State) []types.Value {
	if s, ok := s.(saver); ok {
		return append(dst, types.Bytes(s.appendSaved(nil)))
	}
	return s.AppendPartial(dst)
}

// LoadState makes the state that SaveState saved.
func (a *Agg) LoadState(saved []types.Value) (State, error) {
	s := a.NewState()
	d, ok := s.(saver)
	if !ok {
		return s, s.Merge(saved)
	}
	r := wire.NewReader(saved[0].Raw())
	err := d.load(r)
	if err == nil {
		err = r.Err()
	}
	return s, err
}

var errBadSaved = errors.New("expr: a saved state of an aggregate is damaged")

func appendSet(dst []byte, set map[string]struct{}) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(set)))
	for key := range set {
		dst = wire.AppendString(dst, key)
	}
	return dst
}

// loadSet reads what appendSet wrote, and tells what it takes.
func loadSet(r *wire.Reader, set map[string]struct{}) (bytes int) {
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		key := r.String()
		set[key] = struct{}{}
		bytes += len(key) + seenBytes
	}
	return bytes
}

func appendValues(dst []byte, vals []types.Value) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(vals)))
	for _, v := range vals {
		dst = types.AppendValue(dst, v)
	}
	return dst
}

func loadValues(r *wire.Reader) []types.Value {
	var vals []types.Value
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		v, rest, err := types.DecodeStored(r.Rest())
		r.SetRest(rest, err)
		vals = append(vals, v.Clone())
	}
	return vals
}

func (s *distinctState) appendSaved(dst []byte) []byte {
	return appendValues(appendSet(dst, s.seen), s.inner.AppendPartial(nil))
}

func (s *distinctState) load(r *wire.Reader) error {
	s.bytes = loadSet(r, s.seen)
	if partial := loadValues(r); r.Err() == nil && len(partial) > 0 {
		return s.inner.Merge(partial)
	}
	return errBadSaved
}

func (s *concatState) appendSaved(dst []byte) []byte {
	dst = wire.AppendBool(wire.AppendBool(dst, s.any), s.full)
	dst = binary.AppendUvarint(dst, uint64(s.rows)) // a count
	dst = wire.AppendString(dst, string(s.out))
	dst = appendSet(dst, s.seen)
	dst = binary.AppendUvarint(dst, uint64(len(s.items)))
	for _, it := range s.items {
		dst = appendValues(wire.AppendString(dst, string(it.text)), it.keys)
	}
	return dst
}

func (s *concatState) load(r *wire.Reader) error {
	s.any, s.full = r.Bool(), r.Bool()
	s.rows = int(r.Uvarint() & (1<<62 - 1))
	s.out = []byte(r.String())
	seen := s.seen
	if seen == nil {
		seen = map[string]struct{}{}
	}
	s.bytes = loadSet(r, seen)
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		it := concatItem{text: []byte(r.String()), keys: loadValues(r)}
		s.items = append(s.items, it)
		s.bytes += len(it.text) + seenBytes
		for _, v := range it.keys {
			s.bytes += len(v.Raw()) + seenBytes
		}
	}
	return nil
}

func (s *bitBytesState) appendSaved(dst []byte) []byte {
	return wire.AppendString(wire.AppendBool(dst, s.some), string(s.b))
}

func (s *bitBytesState) load(r *wire.Reader) error {
	s.some, s.b = r.Bool(), []byte(r.String())
	return nil
}
