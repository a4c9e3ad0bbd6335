package metric

import (
	"encoding/json"
	"math/bits"
	"sync/atomic"
	"time"
)

// The buckets of a histogram: one below the first bound, two to each doubling from 2^firstBit ns (8 µs) on, and one for what
// took longer than the last bound (34 s).
const (
	firstBit = 13
	lastBit  = 35
	buckets  = 2*(lastBit-firstBit) + 2
)

// Histogram counts how long something took. The zero value is empty; all its methods may be called at any time.
type Histogram struct {
	counts [buckets]atomic.Uint64
	nanos  atomic.Uint64
}

// Observe counts something that took d.
func (h *Histogram) Observe(d time.Duration) {
	ns := uint64(max(d, 0))
	h.counts[bucketOf(ns)].Add(1)
	h.nanos.Add(ns)
}

// Sum is what all observations took.
func (h *Histogram) Sum() time.Duration { return time.Duration(h.nanos.Load()) } // below 292 years

// bucketOf is the bucket of a time: the first whose bound is not below it.
func bucketOf(ns uint64) int {
	if ns <= 1<<firstBit {
		return 0
	}
	ns-- // bounds belong to what is below them
	bit := bits.Len64(ns) - 1
	half := int(ns>>(bit-1)) & 1
	return min(1+2*(bit-firstBit)+half, buckets-1)
}

// boundOf is a bucket's bound in nanoseconds, which it includes; the last one has none.
func boundOf(i int) uint64 {
	if i == 0 {
		return 1 << firstBit
	}
	bit := firstBit + (i-1)/2
	if (i-1)%2 == 0 {
		return 3 << (bit - 1)
	}
	return 1 << (bit + 1)
}

// Distribution is what histograms hold. As JSON, it is for nodes of the same program.
type Distribution struct {
	counts [buckets]uint64
	nanos  uint64
}

// MarshalJSON writes the sum and the buckets up to the last that is not empty.
func (d *Distribution) MarshalJSON() ([]byte, error) {
	n := buckets
	for n > 0 && d.counts[n-1] == 0 {
		n--
	}
	return json.Marshal(append([]uint64{d.nanos}, d.counts[:n]...))
}

// UnmarshalJSON reads what MarshalJSON wrote; what is in buckets that this program does not have counts in its last.
func (d *Distribution) UnmarshalJSON(b []byte) error {
	var list []uint64
	if err := json.Unmarshal(b, &list); err != nil || len(list) == 0 {
		return err
	}
	*d = Distribution{nanos: list[0]}
	for i, n := range list[1:] {
		d.counts[min(i, buckets-1)] += n
	}
	return nil
}

// Add adds what h holds.
func (d *Distribution) Add(h *Histogram) {
	for i := range h.counts {
		d.counts[i] += h.counts[i].Load()
	}
	d.nanos += h.nanos.Load()
}

// Merge adds another distribution.
func (d *Distribution) Merge(o *Distribution) {
	for i := range o.counts {
		d.counts[i] += o.counts[i]
	}
	d.nanos += o.nanos
}

// Count is the number of observations, Sum what they took in all.
func (d *Distribution) Count() (n uint64) {
	for _, c := range d.counts {
		n += c
	}
	return n
}

// Sum is what all observations took.
func (d *Distribution) Sum() time.Duration { return time.Duration(d.nanos) } // below 292 years

// Cumulative gives how many observations took no longer than each bound, in seconds.
func (d *Distribution) Cumulative() map[float64]uint64 {
	all := make(map[float64]uint64, buckets-1)
	var n uint64
	for i := range buckets - 1 {
		n += d.counts[i]
		all[time.Duration(boundOf(i)).Seconds()] = n // at most 2^35
	}
	return all
}

// Quantile is what a share q of the observations took at most: the bound of its bucket.
func (d *Distribution) Quantile(q float64) time.Duration {
	n := d.Count()
	if n == 0 {
		return 0
	}
	rank := uint64(q * float64(n))
	var seen uint64
	for i := range d.counts {
		if seen += d.counts[i]; seen > rank || seen == n {
			return time.Duration(boundOf(min(i, buckets-2))) // at most 2^35
		}
	}
	return 0
}
