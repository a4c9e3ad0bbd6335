package statistics

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Source is where rows come from: one snapshot of a table.
type Source interface {
	// Read reads rows of the snapshot.
	Read(ctx context.Context, r *fragment.Read) (Rows, error)
	// Rows estimates how many a table has.
	Rows(t *schema.Table) uint64
}

// Rows is a stream of batches, as distributed.Rows.
type Rows interface {
	Next(ctx context.Context, page *fragment.Page) (bool, error)
	Close()
}

// Options say what to collect.
type Options struct {
	Rows int    // about how many to look at; 0: DefaultRows
	Seed uint64 // of where in a large table
	Now  time.Time
	// Memory is charged with what is looked at; nil: nobody is.
	Memory *memory.Account
	// Before is what was known: the histograms that clients asked for stay asked for.
	Before *Table
}

// Bounds of the work.
const (
	DefaultRows = 20_000
	maxCells    = 400_000  // rows times columns
	minRows     = 1000     // also of wide tables
	maxRead     = 16 << 20 // bytes of rows, about
	blockRows   = 100      // that are read in one place
)

// Collect looks at a table's rows. Where it has more than are looked at, blocks of rows that begin at keys all over the range
// of its primary keys stand for all.
func Collect(ctx context.Context, src Source, t *schema.Table, o Options) (*Table, error) {
	c := &collector{ctx: ctx, src: src, t: t, o: o}
	if c.o.Rows == 0 {
		c.o.Rows = DefaultRows
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		if Summarized(&col.Type) || c.asked(col.ID) > 0 && Histogrammed(&col.Type) {
			c.read = append(c.read, i)
		}
	}
	c.o.Rows = min(c.o.Rows, max(minRows, maxCells/max(len(c.read), 1)))
	c.samples = make([]sample, len(c.read))
	defer func() { o.Memory.Shrink(c.held) }()
	total, err := c.scan()
	if err != nil {
		return nil, err
	}
	return c.table(total)
}

// Summarized tells whether a type's columns are looked at unasked: not where values are large.
func Summarized(t *types.Type) bool {
	switch t.ID {
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob:
		return false
	}
	return Histogrammed(t)
}

// Histogrammed tells whether a type's columns can have a histogram.
func Histogrammed(t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt, types.ClassFloat, types.ClassDecimal, types.ClassString, types.ClassDate, types.ClassDatetime, types.ClassTime,
		types.ClassEnum, types.ClassSet, types.ClassBit:
		return true
	}
	return false
}

type collector struct {
	ctx  context.Context
	src  Source
	t    *schema.Table
	o    Options
	read []int // positions of the columns that are looked at

	samples  []sample // one for each of them
	prefixes []prefix // of indexes of several columns
	rows     int
	bytes    int
	held     int64
	block    uint32
	whole    bool // all rows were looked at
}

// asked is how many buckets a client asked for.
func (c *collector) asked(id schema.ColumnID) int {
	if b := c.o.Before.Column(id); b != nil {
		return b.Specified
	}
	return 0
}

// scan looks at rows and tells how many there are.
func (c *collector) scan() (total uint64, err error) {
	c.prefixes = c.indexes()
	counts := make([]uint64, len(c.t.Tablets))
	for i := range c.t.Tablets {
		one := *c.t
		one.Tablets = c.t.Tablets[i : i+1]
		counts[i] = c.src.Rows(&one)
		total += counts[i]
	}
	if total <= uint64(c.o.Rows) { // or nobody knows
		if c.whole, err = c.scanAll(); c.whole || err != nil {
			return uint64(c.rows), err
		}
		if total = c.src.Rows(c.t); total <= uint64(c.rows) {
			total = uint64(c.rows) * 2 // more than what was looked at; that is all that is known
		}
		return total, nil
	}
	places := max(c.o.Rows/blockRows, 1)
	for i := range c.t.Tablets {
		n := int(float64(places)*float64(counts[i])/float64(total) + 0.5)
		if err := c.scanTablet(&c.t.Tablets[i], max(n, 1)); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// scanAll reads the tablets from their beginning until there is nothing more, or it was enough.
func (c *collector) scanAll() (whole bool, err error) {
	for i := range c.t.Tablets {
		tb := &c.t.Tablets[i]
		for pos := tb.Start; ; {
			left := 2*c.o.Rows - c.rows
			if left <= 0 || c.bytes > maxRead {
				return false, nil
			}
			n := min(left, blockRows)
			last, got, err := c.readBlock(tb, fragment.Span{Start: pos, End: tb.End}, n)
			if err != nil {
				return false, err
			}
			if got < n {
				break
			}
			if pos = keys.SpanSuccessor(last); pos == nil {
				break
			}
		}
	}
	return true, nil
}

// scanTablet reads blocks at so many places of a tablet.
func (c *collector) scanTablet(tb *schema.Tablet, places int) error {
	span := fragment.Span{Start: tb.Start, End: tb.End}
	first, err := c.edge(tb, span, false)
	if err != nil || first == nil {
		return err
	}
	last, err := c.edge(tb, span, true)
	if err != nil || last == nil {
		return err
	}
	random := rand.New(rand.NewPCG(c.o.Seed, uint64(tb.ID))) //nolint:gosec // nobody is to be kept from guessing it
	pos := tb.Start
	for i := range places {
		if c.bytes > maxRead {
			return nil
		}
		if at := between(c.t, first, last, (float64(i)+random.Float64())/float64(places)); bytes.Compare(at, pos) > 0 {
			pos = at
		}
		end, got, err := c.readBlock(tb, fragment.Span{Start: pos, End: tb.End}, blockRows)
		if err != nil {
			return err
		}
		if got < blockRows {
			return nil
		}
		if pos = keys.SpanSuccessor(end); pos == nil {
			return nil
		}
	}
	return nil
}

// between is where a key begins that lies a share of the way from one row's to another's: by the numbers in the first column in which
// they differ, or by the bytes of strings there.
func between(t *schema.Table, a, b []types.Value, share float64) []byte {
	var head []byte
	for i, part := range t.Primary().Columns {
		typ := &t.Columns[part.Column].Type
		lo := keys.AppendValue(nil, a[i], typ, part.Prefix, part.Desc)
		hi := keys.AppendValue(nil, b[i], typ, part.Prefix, part.Desc)
		if bytes.Equal(lo, hi) {
			head = append(head, lo...)
			continue
		}
		if v, ok := mixed(a[i], b[i], share); ok {
			return keys.AppendValue(head, v, typ, part.Prefix, part.Desc)
		}
		return append(head, mixedBytes(lo, hi, share)...)
	}
	return head
}

// mixed is a number, or a time as a number, a share of the way from a to b.
func mixed(a, b types.Value, share float64) (types.Value, bool) {
	lo, ok := ordinal(a)
	if !ok {
		return a, false
	}
	hi, ok := ordinal(b)
	if !ok {
		return a, false
	}
	x := lo + (hi-lo)*share
	switch {
	case a.Kind() == types.KindFloat:
		return types.Float(x), true
	case x < 0:
		return types.Int(int64(x)), true
	}
	return types.Uint(uint64(x)), true
}

// ordinal is a value as keys order it, of the kinds that mixed can make again from that: number is where it lies on a line of time.
func ordinal(v types.Value) (float64, bool) {
	switch v.Kind() {
	case types.KindInt, types.KindTimestamp, types.KindTime:
		return float64(v.Int()), true
	case types.KindUint, types.KindDate, types.KindDatetime:
		return float64(v.Uint()), true
	case types.KindFloat:
		return v.Float(), true
	}
	return 0, false
}

// mixedBytes takes the first bytes in which two keys differ as numbers.
func mixedBytes(a, b []byte, share float64) []byte {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	lo, hi := eight(a[n:]), eight(b[n:])
	if hi < lo {
		return a
	}
	return binary.BigEndian.AppendUint64(bytes.Clone(a[:n]), lo+uint64(float64(hi-lo)*share))
}

func eight(b []byte) uint64 {
	var word [8]byte
	copy(word[:], b)
	return binary.BigEndian.Uint64(word[:])
}

// edge is the primary key of the first row of a span, or of the last; nil where there is none.
func (c *collector) edge(tb *schema.Tablet, span fragment.Span, last bool) ([]types.Value, error) {
	r := c.fragment(tb, span, 1)
	r.Columns, r.Reverse = nil, last
	for _, part := range c.t.Primary().Columns {
		r.Columns = append(r.Columns, c.t.Columns[part.Column].ID)
	}
	var key []types.Value
	err := c.pages(r, func(page *fragment.Page) error {
		for i, part := range c.t.Primary().Columns {
			key = append(key, whole(page.Batch.Row(0)[i], &c.t.Columns[part.Column].Type))
		}
		return nil
	})
	return key, err
}

func (c *collector) fragment(tb *schema.Tablet, span fragment.Span, limit int) *fragment.Read {
	r := &fragment.Read{
		Tablet: tb.ID, SchemaVersion: c.t.Version, Index: schema.PrimaryIndex, WithKeys: true, Limit: uint64(limit), Env: &expr.Env{},
	}
	if span.Start != nil || span.End != nil {
		r.Spans = []fragment.Span{span}
	}
	for _, pos := range c.read {
		r.Columns = append(r.Columns, c.t.Columns[pos].ID)
	}
	return r
}

// readBlock takes in up to n rows that lie side by side, and gives the last one's key.
func (c *collector) readBlock(tb *schema.Tablet, span fragment.Span, n int) (last []byte, got int, err error) {
	c.block++
	if err := c.hold(n); err != nil {
		return nil, 0, err
	}
	err = c.pages(c.fragment(tb, span, n), func(page *fragment.Page) error {
		rows := len(page.Keys)
		for i := range rows {
			c.add(page.Batch.Row(i))
		}
		got += rows
		last = append(last[:0], page.Keys[rows-1]...)
		return nil
	})
	return last, got, err
}

// cellBytes is what is kept of a value: itself, cut, and its hash.
const cellBytes = 128

// hold charges what n rows take.
func (c *collector) hold(n int) error {
	more := int64(n * (len(c.read) + 2*len(c.prefixes)) * cellBytes)
	if err := c.o.Memory.Grow(more); err != nil {
		return err
	}
	c.held += more
	return nil
}

func (c *collector) pages(r *fragment.Read, fn func(page *fragment.Page) error) error {
	rows, err := c.src.Read(c.ctx, r)
	if err != nil {
		return err
	}
	defer rows.Close()
	var page fragment.Page
	for {
		more, err := rows.Next(c.ctx, &page)
		if err != nil {
			return err
		}
		if len(page.Keys) > 0 {
			if err := fn(&page); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// add takes in a row.
func (c *collector) add(row []types.Value) {
	c.rows++
	for i, pos := range c.read {
		v := row[i]
		c.bytes += len(v.Raw()) + 8
		c.samples[i].add(v, &c.t.Columns[pos].Type, c.block)
	}
	for i := range c.prefixes {
		c.prefixes[i].add(c, row)
	}
}

// table makes the statistics of what was looked at.
func (c *collector) table(total uint64) (*Table, error) {
	out := &Table{Serial: 1, Rows: total, Sampled: uint64(c.rows), Micros: c.o.Now.UnixMicro()}
	if c.o.Before != nil {
		out.Serial = c.o.Before.Serial + 1
	}
	share := 1.0
	if !c.whole && total > 0 {
		share = min(1, float64(c.rows)/float64(total))
	}
	own := ownBuckets(len(c.read))
	for i, pos := range c.read {
		col := &c.t.Columns[pos]
		asked := c.asked(col.ID)
		buckets := own
		if asked > 0 {
			buckets = asked
		}
		s := c.samples[i].column(col, buckets, share, total)
		if s.ID = col.ID; asked > 0 {
			s.Specified, s.Sampling, s.Micros = asked, share, out.Micros
		}
		out.Columns = append(out.Columns, s)
	}
	sortByID(out.Columns)
	for i := range c.prefixes {
		p := &c.prefixes[i]
		first := out.Column(c.t.Columns[c.read[p.at[0]]].ID)
		out.Indexes = append(out.Indexes, p.index(first.Distinct, share, total))
	}
	return out, out.fit()
}

// ownBuckets is how many buckets the planner's own histograms have, the fewer the more columns there are.
func ownBuckets(columns int) int {
	switch n := 1500 / max(columns, 1); {
	case n < 4:
		return 0
	default:
		return min(n, 64)
	}
}

// fit has a record keep within MaxBytes: the planner's own histograms go first, then it is an error.
func (t *Table) fit() error {
	data, err := json.Marshal(t)
	if err != nil || len(data) <= MaxBytes {
		return err
	}
	for i := range t.Columns {
		if t.Columns[i].Specified == 0 {
			t.Columns[i].Histogram = nil
		}
	}
	if data, err = json.Marshal(t); err == nil && len(data) > MaxBytes {
		err = fmt.Errorf("the histograms of a table may take %d bytes, these take %d", MaxBytes, len(data))
	}
	return err
}
