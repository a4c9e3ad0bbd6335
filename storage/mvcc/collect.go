package mvcc

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// Collector finds the versions that no read at or above a watermark can see. Its iterator must stay on one state of the
// store for its lifetime, and what it reports must be removed together: a tombstone only goes with all that it hides.
type Collector struct {
	It        *pebble.Iterator
	Watermark Timestamp
	Remove    func(engineKey []byte) error

	key, seek []byte
}

// Collect removes the versions of one key that are hidden at the watermark, and a tombstone that then hides nothing. It
// reports how many went.
func (c *Collector) Collect(key []byte) (removed int, err error) {
	c.key = append(c.key[:0], key...)
	c.seek = AppendVersion(append(c.seek[:0], key...), c.Watermark)
	if !c.It.SeekGE(c.seek) {
		return 0, c.It.Error()
	}
	return c.collectHere()
}

// CollectHere does as Collect for the key that the iterator is at (its newest version) and moves behind it. next is
// false at the end of the iterator's range.
func (c *Collector) CollectHere() (removed int, next bool, err error) {
	key, ts, ok := SplitVersion(c.It.Key())
	if !ok {
		return 0, false, ErrCorrupt
	}
	c.key = append(c.key[:0], key...)
	for ts > c.Watermark {
		if !c.It.Next() {
			return 0, false, c.It.Error()
		}
		if key, ts, ok = SplitVersion(c.It.Key()); !ok {
			return 0, false, ErrCorrupt
		}
		if !bytes.Equal(key, c.key) {
			return 0, true, nil
		}
	}
	removed, err = c.collectHere()
	return removed, c.It.Valid(), err
}

// collectHere begins at the newest version of c.key that is not above the watermark, if there is one.
func (c *Collector) collectHere() (removed int, err error) {
	for first := true; c.It.Valid(); first = false {
		key, _, ok := SplitVersion(c.It.Key())
		if !ok {
			return removed, ErrCorrupt
		}
		if !bytes.Equal(key, c.key) {
			break
		}
		gone := !first
		if first {
			value, err := c.It.ValueAndErr()
			if err != nil {
				return removed, err
			}
			gone = len(value) > 0 && Flag(value[0]) == FlagDelete
		}
		if gone {
			if err := c.Remove(c.It.Key()); err != nil {
				return removed, err
			}
			removed++
		}
		c.It.Next()
	}
	return removed, c.It.Error()
}
