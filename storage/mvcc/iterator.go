package mvcc

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// MaxSteps is how many versions of one key are stepped over before a seek is the cheaper way past them (a seek costs
// about as much as that many steps).
const MaxSteps = 8

// Where the store steps over more than MaxSteps entries to leave one key, the keys that follow are left by a seek at
// once: a hot row can have thousands of versions, and removed ones, unseen here, lie in the store until it compacts them. A seek right
// after another goes on from where each of the store's levels is, which costs half of one after steps. Now and then a step tries
// whether the crowd is over.
const (
	minStretch = 8 // keys that are left by seeks between two tries
	maxStretch = 128
	maxWindow  = 8 // keys that are left by steps without looking how many
)

// Iterator reads the keys of a range as they were at a timestamp: Get at random, SeekGE and Next upwards, SeekLT and
// Prev downwards. A zero Iterator is opened with Open and may be opened again after Close, keeping its buffers.
//
// All of an Iterator's reads see the store as it was when it was opened.
type Iterator struct {
	it   *pebble.Iterator
	opts pebble.IterOptions
	at   Timestamp

	key   []byte // the current key, a copy
	value []byte // the current value: Pebble's memory going up, buf going down
	ts    Timestamp
	buf   []byte
	seek  []byte
	valid bool

	stands bool   // the store's iterator is at the first version at or behind sought, or behind all of them
	sought []byte // by Get
	err    error

	// Kept from one Open to the next, as a guess.
	stretch int // keys to be left by seeks after a try that was long; 0: the last was not
	seeks   int // of those, how many are to come
	window  int // keys that are left by steps between two looks at how many those were
	left    int // of those, how many are to come
	steps   int // of the store's iterator, when they were looked at last
	far     int // keys since then that were left by a seek after MaxSteps in vain
	apart   int // Gets to go on by a seek after one that steps did not come to
	seeking int // of those, how many are to come
}

// Open begins reading keys in [lower, upper) at a timestamp; 0 stands for the newest. The bounds are kept until Close.
func (i *Iterator) Open(r pebble.Reader, lower, upper []byte, at Timestamp) error {
	i.reset(lower, upper, at)
	it, err := r.NewIter(&i.opts)
	i.it = it
	return err
}

// OpenBeside opens i on the very state that other sees, with bounds of its own.
func (i *Iterator) OpenBeside(other *Iterator, lower, upper []byte) error {
	i.reset(lower, upper, other.at)
	it, err := other.it.CloneWithContext(context.Background(), pebble.CloneOptions{IterOptions: &i.opts})
	i.it = it
	return err
}

func (i *Iterator) reset(lower, upper []byte, at Timestamp) {
	if at == 0 {
		at = MaxTimestamp
	}
	i.opts.LowerBound, i.opts.UpperBound, i.at = lower, upper, at
	i.valid, i.stands, i.err, i.value = false, false, nil, nil
	i.steps = 0
}

// SetBounds moves i to another range of the state that it sees, without a position.
func (i *Iterator) SetBounds(lower, upper []byte) {
	i.it.SetBounds(lower, upper)
	i.valid, i.stands, i.err, i.value = false, false, nil, nil
}

// Close releases the store's state. Values are invalid after it.
func (i *Iterator) Close() error {
	if i.it == nil {
		return nil
	}
	err := i.it.Close()
	i.it, i.valid, i.value = nil, false, nil
	i.opts.LowerBound, i.opts.UpperBound = nil, nil
	return err
}

// Get reads the newest version of key at or below the timestamp; Live tells whether it has a value, which is valid
// until the next call. It leaves the Iterator without a position.
func (i *Iterator) Get(key []byte) (Version, error) {
	i.valid = false
	if i.standAt(key); !i.it.Valid() {
		return Version{}, i.it.Error()
	}
	found, ts, ok := SplitVersion(i.it.Key())
	if !ok || !bytes.Equal(found, key) {
		return Version{}, nil
	}
	value, err := i.it.ValueAndErr()
	if err != nil {
		return Version{}, err
	}
	return ParseVersion(ts, value)
}

// standAt moves the store's iterator to the first version at or behind what a Get of key looks for. It stands there already where the
// Get before came to it or passed the keys up to it: who looks for keys that are not there, in their order, seeks once.
func (i *Iterator) standAt(key []byte) {
	i.seek = AppendVersion(append(i.seek[:0], key...), i.at)
	if i.stands && bytes.Compare(i.sought, i.seek) <= 0 && (!i.it.Valid() || bytes.Compare(i.seek, i.it.Key()) <= 0) {
		return
	}
	if !i.stepsTo() {
		i.it.SeekGE(i.seek)
	}
	i.stands = i.it.Error() == nil
	i.sought = append(i.sought[:0], i.seek...)
}

// Gets of neighbours, in their order, go from one to the next by steps: a seek costs about as much as MaxSteps. Where a few steps are in vain,
// or the store steps over many removed versions meanwhile, Gets that follow seek at once, the more of them the longer it stays so.
const (
	nearSteps = 3
	maxApart  = 64
)

// stepsTo tries to come to i.seek from where the last Get has left the store's iterator.
func (i *Iterator) stepsTo() (there bool) {
	if !i.stands || !i.it.Valid() || bytes.Compare(i.sought, i.seek) > 0 {
		return false
	}
	if i.seeking > 0 {
		i.seeking--
		return false
	}
	before := i.stepped()
	for n := 0; n < nearSteps && !there; n++ {
		there = !i.it.Next() || bytes.Compare(i.seek, i.it.Key()) <= 0
	}
	if there && i.stepped()-before <= MaxSteps {
		i.apart = 0
		return true
	}
	i.apart = min(2*i.apart+1, maxApart)
	i.seeking = i.apart
	return there
}

// Valid tells whether the Iterator is at a key; if not, look at Err.
func (i *Iterator) Valid() bool { return i.valid }

// Err is what went wrong, nil at a regular end.
func (i *Iterator) Err() error {
	if i.err == nil && i.it != nil {
		return i.it.Error()
	}
	return i.err
}

// Key is the current key, valid until the next move.
func (i *Iterator) Key() []byte { return i.key }

// Value is the current key's payload, valid until the next move.
func (i *Iterator) Value() []byte { return i.value }

// TS is when the current key's version was committed.
func (i *Iterator) TS() Timestamp { return i.ts }

// SeekGE goes to the first visible key at or after key; nil is the lower bound.
func (i *Iterator) SeekGE(key []byte) bool {
	if len(key) == 0 {
		i.it.First()
	} else {
		i.it.SeekGE(key)
	}
	return i.findUp()
}

// Next goes to the next visible key upwards; the last positioning must have been SeekGE or Next.
func (i *Iterator) Next() bool {
	i.passVersions()
	return i.findUp()
}

// SeekLT goes to the last visible key before key; nil is the upper bound.
func (i *Iterator) SeekLT(key []byte) bool {
	if len(key) == 0 {
		i.it.Last()
	} else {
		i.it.SeekLT(key)
	}
	return i.findDown()
}

// Prev goes to the next visible key downwards; the last positioning must have been SeekLT or Prev.
func (i *Iterator) Prev() bool { return i.findDown() }

// findUp stops at the first visible live version from where the store's iterator is, which is the newest of some key.
func (i *Iterator) findUp() bool {
	i.valid, i.stands = false, false
	for i.it.Valid() {
		key, ts, ok := SplitVersion(i.it.Key())
		if !ok {
			return i.fail(ErrCorrupt)
		}
		i.key = append(i.key[:0], key...)
		if ts > i.at && !i.descendTo(&ts) {
			continue // no version of this key is old enough: the store's iterator is at another key
		}
		value, err := i.it.ValueAndErr()
		if err != nil {
			return i.fail(err)
		}
		v, err := ParseVersion(ts, value)
		if err != nil {
			return i.fail(err)
		}
		if !v.Deleted {
			i.ts, i.value, i.valid = ts, v.Value, true
			return true
		}
		i.passVersions()
	}
	return false
}

// descendTo moves from a version of i.key that is too new to the newest that is not. It reports false, with the store's
// iterator at the next key, if there is none.
func (i *Iterator) descendTo(ts *Timestamp) bool {
	for steps := 0; ; steps++ {
		more := false
		if steps < MaxSteps {
			more = i.it.Next()
		} else {
			i.seek = AppendVersion(append(i.seek[:0], i.key...), i.at)
			more = i.it.SeekGE(i.seek)
		}
		if !more || !i.atKey(ts) {
			return false
		}
		if *ts <= i.at {
			return true
		}
	}
}

// atKey tells whether the store's iterator is at a version of i.key, and at which.
func (i *Iterator) atKey(ts *Timestamp) bool {
	key, t, ok := SplitVersion(i.it.Key())
	*ts = t
	return ok && bytes.Equal(key, i.key)
}

// passVersions moves behind the remaining, older versions of i.key.
func (i *Iterator) passVersions() {
	if i.seeks > 0 {
		i.seekPast()
		if i.seeks--; i.seeks == 0 {
			i.steps, i.window, i.left = i.stepped(), 1, 1
		}
		return
	}
	i.stepPast()
	if i.left--; i.left > 0 {
		return
	}
	i.look()
}

// look decides by the steps since the last look how the next keys are left. Looking costs about as much as a step, so it is done the more
// seldom, the longer all is well.
func (i *Iterator) look() {
	n, keys := i.stepped(), max(i.window, 1)
	long := n-i.steps > MaxSteps*keys || 2*i.far > keys
	i.steps, i.far = n, 0
	if !long {
		i.stretch, i.window = 0, min(2*keys, maxWindow)
	} else {
		i.stretch, i.window = min(max(2*i.stretch, minStretch), maxStretch), 1
		i.seeks = i.stretch
	}
	i.left = i.window
}

func (i *Iterator) stepPast() {
	var ts Timestamp
	for range MaxSteps {
		if !i.it.Next() || !i.atKey(&ts) {
			return
		}
	}
	i.far++
	i.seekPast()
}

func (i *Iterator) seekPast() {
	i.seek = AppendVersion(append(i.seek[:0], i.key...), 0) // no version has timestamp 0
	i.it.SeekGE(i.seek)
}

// stepped counts the entries that the store has stepped over, removed ones too.
func (i *Iterator) stepped() int {
	stats := i.it.Stats()
	return stats.ForwardStepCount[pebble.InternalIterCall]
}

// findDown collects the key whose oldest version the store's iterator is at: versions come from old to new, so the last
// one that is not too new is the visible one. It leaves the store's iterator before the key.
func (i *Iterator) findDown() bool {
	i.valid, i.stands = false, false
	for i.it.Valid() {
		key, ts, ok := SplitVersion(i.it.Key())
		if !ok {
			return i.fail(ErrCorrupt)
		}
		i.key = append(i.key[:0], key...)
		found, steps := false, 0
		for more := true; more && ts <= i.at; more = i.it.Prev() && i.atKey(&ts) {
			value, err := i.it.ValueAndErr()
			if err != nil {
				return i.fail(err)
			}
			found, i.ts, i.buf = true, ts, append(i.buf[:0], value...)
			if steps++; steps > MaxSteps {
				if err := i.jumpToVisible(); err != nil {
					return i.fail(err)
				}
				break
			}
		}
		i.passNewer()
		if err := i.it.Error(); err != nil {
			return i.fail(err) // what was found may not be the newest
		}
		if !found {
			continue
		}
		v, err := ParseVersion(i.ts, i.buf)
		if err != nil {
			return i.fail(err)
		}
		if !v.Deleted {
			i.value, i.valid = v.Value, true
			return true
		}
	}
	return false
}

// jumpToVisible reads the visible version of a key with many versions by a seek.
func (i *Iterator) jumpToVisible() error {
	i.seek = AppendVersion(append(i.seek[:0], i.key...), i.at)
	if !i.it.SeekGE(i.seek) {
		return errors.Join(ErrCorrupt, i.it.Error()) // we have just seen a version there
	}
	value, err := i.it.ValueAndErr()
	if err != nil {
		return err
	}
	_, i.ts, _ = SplitVersion(i.it.Key())
	i.buf = append(i.buf[:0], value...)
	return nil
}

// passNewer moves before the versions of i.key that are left.
func (i *Iterator) passNewer() {
	var ts Timestamp
	for steps := 0; i.it.Valid() && i.atKey(&ts); steps++ {
		if steps >= MaxSteps {
			i.it.SeekLT(i.key)
			return
		}
		i.it.Prev()
	}
}

func (i *Iterator) fail(err error) bool {
	i.err, i.valid = err, false
	return false
}
