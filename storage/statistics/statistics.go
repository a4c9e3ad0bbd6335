package statistics

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"sort"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Table is what is known of a table's rows.
type Table struct {
	Serial  uint64   `json:"serial"`  // grows by each change
	Rows    uint64   `json:"rows"`    // when they were looked at
	Sampled uint64   `json:"sampled"` // how many were looked at
	Micros  int64    `json:"micros"`  // when, by the clock of who did
	Columns []Column `json:"columns,omitempty"`
	Indexes []Index  `json:"indexes,omitempty"`
}

// Column is what is known of one column.
type Column struct {
	ID       schema.ColumnID `json:"id"`
	Nulls    float64         `json:"nulls,omitempty"`    // share of the rows
	Distinct float64         `json:"distinct,omitempty"` // different values; 0: nobody knows
	// Specified is how many buckets a client asked for (ANALYZE TABLE … UPDATE HISTOGRAM); 0: the histogram is the planner's own.
	Specified int        `json:"specified,omitempty"`
	Histogram *Histogram `json:"histogram,omitempty"`
	// Sampling is the share of the rows that the histogram is made of.
	Sampling float64 `json:"sampling,omitempty"`
	Micros   int64   `json:"micros,omitempty"` // of the histogram
}

// Index is how many different values the leading columns of an index have together: of the first, of the first two, …
type Index struct {
	ID       schema.IndexID `json:"id"`
	Distinct []float64      `json:"distinct"`
}

// Histogram tells how a column's values are distributed, rising.
type Histogram struct {
	Singleton bool     `json:"singleton,omitempty"` // each bucket is one value: these are all that there are
	Buckets   []Bucket `json:"buckets"`
}

// Bucket is a range of values.
type Bucket struct {
	Low      Bound   `json:"low"` // of a singleton High alone is set
	High     Bound   `json:"high"`
	Upto     float64 `json:"upto"`               // share of the rows with a value up to High
	Distinct float64 `json:"distinct,omitempty"` // different values in the bucket; 0 means one
}

// Bound is a value in storage form; strings are cut to maxBound characters.
type Bound struct{ types.Value }

// MarshalJSON writes types.AppendValue's bytes.
func (b Bound) MarshalJSON() ([]byte, error) {
	if b.IsNull() {
		return []byte("null"), nil
	}
	return json.Marshal(types.AppendValue(nil, b.Value))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Bound) UnmarshalJSON(text []byte) error {
	var data []byte
	if err := json.Unmarshal(text, &data); err != nil || data == nil {
		b.Value = types.Null
		return err
	}
	v, rest, err := types.DecodeStored(data)
	if err == nil && len(rest) > 0 {
		err = errors.New("statistics: a bound is followed by something")
	}
	b.Value = v
	return err
}

// Bounds of a record.
const (
	MaxBytes   = 256 << 10 // of a table's statistics as JSON
	MaxBuckets = 1024      // that a client may ask for, as in MySQL
	maxBound   = 42        // characters of a string in a histogram, as in MySQL
)

// Column finds a column; nil where nothing is known of it, or of the table.
func (t *Table) Column(id schema.ColumnID) *Column {
	if t == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(t.Columns, id, func(c Column, id schema.ColumnID) int { return int(c.ID) - int(id) })
	if !ok {
		return nil
	}
	return &t.Columns[i]
}

// Asking is t with histograms of so many buckets asked for, or, 0, no longer asked for, of some columns. t may be nil.
func (t *Table) Asking(ids []schema.ColumnID, buckets int) *Table {
	out := Table{}
	if t != nil {
		out = *t
		out.Columns = slices.Clone(t.Columns)
	}
	out.Serial++
	for _, id := range ids {
		c := out.Column(id)
		if c == nil {
			out.Columns = append(out.Columns, Column{ID: id})
			sortByID(out.Columns)
			c = out.Column(id)
		}
		if c.Specified = buckets; buckets == 0 {
			c.Sampling, c.Micros = 0, 0
		}
	}
	return &out
}

// Of is what is known of the rows of a table that another one's were copied to: its columns of the same types, for columns keep
// their ids. Of indexes nothing is.
func (t *Table) Of(from, to *schema.Table) *Table {
	if t == nil {
		return nil
	}
	out := *t
	out.Columns, out.Indexes = nil, nil
	for _, c := range t.Columns {
		was, is := from.ColumnByID(c.ID), to.ColumnByID(c.ID)
		if was >= 0 && is >= 0 && reflect.DeepEqual(from.Columns[was].Type, to.Columns[is].Type) {
			out.Columns = append(out.Columns, c)
		}
	}
	return &out
}

// Index finds an index; nil where nothing is known of it.
func (t *Table) Index(id schema.IndexID) *Index {
	if t == nil {
		return nil
	}
	for i := range t.Indexes {
		if t.Indexes[i].ID == id {
			return &t.Indexes[i]
		}
	}
	return nil
}

// growing is from which share of different values on a column is thought to have more as rows come.
const growing = 0.1

// Distinct is how many different values there are once the table has so many rows; distinct is what was found.
func (t *Table) Distinct(distinct, rows float64) float64 {
	if was := float64(t.Rows); was > 0 && distinct > growing*was {
		distinct *= rows / was
	}
	return math.Max(1, math.Min(distinct, rows))
}

// Below is the share of all rows with a value below v, and at v itself. Neither is known (ok is false) where v is not of the kind
// that the histogram has.
func (h *Histogram) Below(v types.Value, c collation.ID) (below, at float64, ok bool) {
	if h == nil || len(h.Buckets) == 0 || v.IsNull() || !comparable(v, h.Buckets[0].High.Value) {
		return 0, 0, false
	}
	i := sort.Search(len(h.Buckets), func(i int) bool { return types.Compare(h.Buckets[i].High.Value, v, c) >= 0 })
	if i == len(h.Buckets) {
		return h.Buckets[i-1].Upto, 0, true
	}
	b, before := &h.Buckets[i], 0.0
	if i > 0 {
		before = h.Buckets[i-1].Upto
	}
	share := b.Upto - before
	if h.Singleton || b.Low.IsNull() {
		if types.Compare(b.High.Value, v, c) == 0 {
			at = share
		}
		return before, at, true
	}
	if types.Compare(v, b.Low.Value, c) < 0 {
		return before, 0, true
	}
	at = share / math.Max(b.Distinct, 1)
	return before + (share-at)*within(b, v), at, true
}

// within is where in a bucket a value lies, from 0 to 1.
func within(b *Bucket, v types.Value) float64 {
	lo, ok1 := number(b.Low.Value)
	hi, ok2 := number(b.High.Value)
	at, ok3 := number(v)
	if !ok1 || !ok2 || !ok3 || hi <= lo {
		return 0.5
	}
	return math.Max(0, math.Min(1, (at-lo)/(hi-lo)))
}

// number is a value on a line, for what lies between others.
func number(v types.Value) (float64, bool) {
	if numeric(v) {
		return v.ToFloat(nil), true
	}
	switch v.Kind() {
	case types.KindDate, types.KindDatetime:
		y, mo, d, h, mi, s, us := temporal.Unpack(v.Uint())
		return float64((y*12+mo)*31+d)*86400 + float64(h*3600+mi*60+s) + float64(us)/1e6, true
	case types.KindTimestamp, types.KindTime:
		return float64(v.Int()), true
	case types.KindEnum, types.KindBit:
		return float64(v.Uint()), true
	}
	return 0, false
}

// comparable tells whether two values of storage form have an order among themselves.
func comparable(a, b types.Value) bool {
	if _, ok := number(a); ok {
		_, ok = number(b)
		return ok && timeKind(a) == timeKind(b)
	}
	return a.Kind() == b.Kind()
}

func timeKind(v types.Value) int {
	switch v.Kind() {
	case types.KindDate, types.KindDatetime:
		return 1
	case types.KindTimestamp:
		return 2
	case types.KindTime:
		return 3
	case types.KindEnum:
		return 4
	}
	return 0
}

// Moments are the mean and the variance of a column of numbers; ok is false where it is none, or nothing is known of it.
func (h *Histogram) Moments() (mean, variance float64, ok bool) {
	if h == nil {
		return 0, 0, false
	}
	total, squares, before := 0.0, 0.0, 0.0
	for i := range h.Buckets {
		b := &h.Buckets[i]
		if !numeric(b.High.Value) {
			return 0, 0, false
		}
		hi := b.High.ToFloat(nil)
		lo := hi
		if !b.Low.IsNull() {
			lo = b.Low.ToFloat(nil)
		}
		share := b.Upto - before
		before = b.Upto
		mid := (lo + hi) / 2
		mean += share * mid
		squares += share * (mid*mid + (hi-lo)*(hi-lo)/12) // as if the values in between were evenly spread
		total += share
	}
	if total <= 0 {
		return 0, 0, false
	}
	mean /= total
	return mean, math.Max(0, squares/total-mean*mean), true
}

func numeric(v types.Value) bool {
	switch v.Kind() {
	case types.KindInt, types.KindUint, types.KindFloat, types.KindDecimal:
		return true
	}
	return false
}
