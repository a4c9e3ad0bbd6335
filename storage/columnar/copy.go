package columnar

import (
	"bytes"
	"iter"
	"reflect"
	"slices"
	"sort"
	"sync"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/persistent"
	"cloudsql/storage/schema"
)

// Copy is a tablet's rows as of a timestamp, and what was changed since.
type Copy struct {
	At      mvcc.Timestamp
	Columns []schema.Column

	mu     sync.Mutex
	blocks []*Block // nil while it is being made: then all changes are kept
	made   bool
	state  Changes
	counts []int // of changed keys, by block
	bytes  int   // of changed keys
	writes uint64
	lost   bool  // it is of no use any more
	why    error // that was found damaged
	fits   map[uint64]bool
}

// Changes are the keys that were changed since a copy's timestamp.
type Changes struct {
	keys  *persistent.Map[string, struct{}]
	given []bool // regions whose changes are too many to be kept, by block; never changed in place
	n     int
}

// maxChanged bounds the changed keys that are kept of a copy, in bytes, while it is being made or as a whole; a block whose changed keys are more than an
// eighth of its rows is given up before: to look for so many one by one costs more than to walk over all.
const (
	maxChangedBytes = 8 << 20
	changedShare    = 8
	perKeyBytes     = 64
)

// NewCopy begins a copy as of a timestamp. From now on it must be told of all changes.
func NewCopy(at mvcc.Timestamp, t *schema.Table) *Copy {
	return &Copy{
		At: at, Columns: slices.Clone(t.Columns), state: Changes{keys: persistent.New[string, struct{}]()},
		fits: map[uint64]bool{t.Version: true},
	}
}

// Note tells that a key was or will be changed at a timestamp.
func (c *Copy) Note(key []byte, at mvcc.Timestamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if at <= c.At || c.lost {
		c.lose() // the past was not closed: what was copied may lack it
		return
	}
	block := -1
	if c.made {
		if len(c.blocks) == 0 {
			return // all rows are read from the row store
		}
		if block = c.Find(key); c.state.GivenUp(block) {
			return
		}
	}
	if _, ok := c.state.keys.Get(string(key)); ok {
		return
	}
	c.state.keys.Set(string(key), struct{}{})
	c.state.n++
	if c.bytes += len(key) + perKeyBytes; block >= 0 {
		c.count(block)
	}
	if c.bytes > maxChangedBytes {
		c.relieve(block)
	}
}

// lose gives the copy up.
func (c *Copy) lose() {
	c.lost = true
	c.forget()
}

// forget lets go of all changed keys.
func (c *Copy) forget() {
	c.state = Changes{keys: persistent.New[string, struct{}]()}
	c.bytes = 0
}

// relieve makes room where too many keys have changed: the block of the last one is given up, and a copy that is being made is lost.
func (c *Copy) relieve(block int) {
	if block < 0 {
		c.lose()
		return
	}
	c.giveUp(block)
}

func (c *Copy) count(block int) {
	if c.counts[block]++; c.counts[block] > c.blocks[block].Rows/changedShare+1 {
		c.giveUp(block)
	}
}

// giveUp forgets the changed keys of a block's region.
func (c *Copy) giveUp(block int) {
	given := make([]bool, len(c.blocks))
	copy(given, c.state.given)
	given[block] = true
	c.state.given = given
	for _, k := range slices.Collect(c.state.Within(c.Region(block))) {
		c.state.keys.Delete(k)
		c.bytes -= len(k) + perKeyBytes
		c.state.n--
	}
}

// Finish makes the copy one of these blocks.
func (c *Copy) Finish(blocks []*Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks, c.made, c.counts = blocks, true, make([]int, len(blocks))
	if len(blocks) == 0 {
		c.forget() // all rows are read from the row store
		return
	}
	for _, k := range c.state.keys.Keys() {
		if block := c.Find([]byte(k)); !c.state.GivenUp(block) {
			c.count(block)
		}
	}
}

// Blocks are its blocks in the order of their keys.
func (c *Copy) Blocks() []*Block { return c.blocks }

// Lost tells whether the copy is of no use any more.
func (c *Copy) Lost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Lose gives the copy up, as a reader does that has found it damaged.
func (c *Copy) Lose(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = why
	c.lose()
}

// Changes are those that it was told of so far. ok: the copy is of use.
func (c *Copy) Changes() (state Changes, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		return Changes{}, false
	}
	state = c.state
	state.keys = c.state.keys.Clone()
	return state, true
}

// Fits tells whether the copy's columns are those of a table.
func (c *Copy) Fits(t *schema.Table) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	fits, known := c.fits[t.Version]
	if !known {
		fits = sameColumns(c.Columns, t.Columns)
		c.fits[t.Version] = fits
	}
	return fits
}

// sameColumns tells whether columns are read alike, whatever their names and defaults.
func sameColumns(a, b []schema.Column) bool {
	return slices.EqualFunc(a, b, func(x, y schema.Column) bool {
		return x.ID == y.ID && bytes.Equal(x.Missing, y.Missing) && reflect.DeepEqual(x.Type, y.Type)
	})
}

// Find gives the block whose region has a key; nil: the first.
func (c *Copy) Find(key []byte) int {
	i := sort.Search(len(c.blocks), func(i int) bool { return bytes.Compare(c.blocks[i].First, key) > 0 })
	return max(i-1, 0)
}

// Region bounds the keys that a block says something of; nil: without a bound.
func (c *Copy) Region(i int) (start, end []byte) {
	if i > 0 {
		start = c.blocks[i].First
	}
	if i+1 < len(c.blocks) {
		end = c.blocks[i+1].First
	}
	return start, end
}

// GivenUp tells whether a block's region is the row store's.
func (s *Changes) GivenUp(block int) bool { return s.given != nil && s.given[block] }

// Within are the changed keys in [start, end); nil: without a bound.
func (s *Changes) Within(start, end []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := range s.keys.From(string(start)) {
			if end != nil && k >= string(end) || !yield(k) {
				return
			}
		}
	}
}

// Figures are what a copy comes to.
type Figures struct {
	Rows, Blocks, GivenUp, Changed int
	Bytes                          int64
	ChangedBytes                   int // what the changed keys take in memory
	Writes                         uint64
	Lost                           bool
	Why                            error // of one that was lost because it was damaged
}

// Figures tells what it comes to.
func (c *Copy) Figures() Figures {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := Figures{Blocks: len(c.blocks), Changed: c.state.n, ChangedBytes: c.bytes, Lost: c.lost, Why: c.why, Writes: c.writes}
	for i, b := range c.blocks {
		f.Rows += b.Rows
		f.Bytes += b.Bytes
		if c.state.GivenUp(i) {
			f.GivenUp++
		}
	}
	return f
}

// Reusable tells which blocks are as good in a later copy: nothing was changed in their regions, they are of a good size for blocks of so many rows, and most of the file that
// they are in is of such blocks.
func (c *Copy) Reusable(rows int) []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]bool, len(c.blocks))
	if c.lost {
		return list
	}
	live := map[*segment]int64{}
	for i, b := range c.blocks {
		if list[i] = c.counts[i] == 0 && !c.state.GivenUp(i) && b.Rows >= rows/4; list[i] {
			live[b.keys.in] += b.Bytes
		}
	}
	for i, b := range c.blocks {
		list[i] = list[i] && live[b.keys.in] >= b.keys.in.size/2
	}
	return list
}
