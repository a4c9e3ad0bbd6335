package statistics

import (
	"hash/maphash"
	"math"
	"slices"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// seed is of hashes that live no longer than one collection.
var seed = maphash.MakeSeed()

// sample is what was seen of a column, or of several together.
type sample struct {
	nulls  int
	values []types.Value // cut; not of several columns
	hashes []hashed
	buf    []byte
}

// hashed is a value that was seen in a block.
type hashed struct {
	sum   uint64
	block uint32
}

func (s *sample) add(v types.Value, t *types.Type, block uint32) {
	if v.IsNull() {
		s.nulls++
		return
	}
	s.buf = types.HashKey(s.buf[:0], v, t.Collation)
	s.hashes = append(s.hashes, hashed{maphash.Bytes(seed, s.buf), block})
	s.values = append(s.values, stored(v, t))
}

// whole is a value that was read in storage form, with its own bytes: TIMESTAMPs come as local times.
func whole(v types.Value, t *types.Type) types.Value {
	if v.Kind() == types.KindDatetime && t.IsTimestamp() {
		if ts, err := conversion.Assign(v, t, "", 0, &types.Mode{AllowInvalid: true}, func(uint16, string) {}); err == nil {
			return ts
		}
	}
	return v.Clone()
}

// stored is a value as a histogram keeps it: not too long.
func stored(v types.Value, t *types.Type) types.Value {
	switch v.Kind() {
	case types.KindString:
		return types.String(slices.Clone(cut(v.Raw())))
	case types.KindBytes:
		return types.Bytes(slices.Clone(v.Raw()[:min(len(v.Raw()), maxBound)]))
	}
	return whole(v, t)
}

// cut is the first maxBound characters.
func cut(b []byte) []byte {
	at := 0
	for range maxBound {
		if at >= len(b) {
			break
		}
		_, n := utf8.DecodeRune(b[at:])
		at += n
	}
	return b[:at]
}

// column makes a column's statistics; share is the part of total rows that was looked at.
func (s *sample) column(col *schema.Column, buckets int, share float64, total uint64) Column {
	out := Column{}
	n := len(s.values)
	if seen := n + s.nulls; seen > 0 {
		out.Nulls = float64(s.nulls) / float64(seen)
	}
	out.Distinct = distinct(s.hashes, share, float64(total)*(1-out.Nulls))
	if n > 0 && buckets > 0 {
		coll := col.Type.Collation
		slices.SortFunc(s.values, func(a, b types.Value) int { return types.Compare(a, b, coll) })
		out.Histogram = histogram(s.values, coll, buckets, 1-out.Nulls, out.Distinct)
	}
	return out
}

// distinct estimates how many different values there are among rows of which a share was looked at, in blocks. Values that
// lie beside each other in one block tell of one value only, so blocks are what is counted: of d values, those that were met in
// one block alone are taken for the sign of those that were not met (Haas, Naughton, Seshadri, Stokes, "Sampling-based
// estimation of the number of distinct values of an attribute", VLDB 1995: the estimator Duj1, over blocks).
func distinct(hashes []hashed, share, rows float64) float64 {
	slices.SortFunc(hashes, func(a, b hashed) int {
		switch {
		case a.sum != b.sum && a.sum < b.sum || a.sum == b.sum && a.block < b.block:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	d, pairs, once := 0.0, 0.0, 0.0
	for i := 0; i < len(hashes); {
		blocks, j := 0.0, i
		for ; j < len(hashes) && hashes[j].sum == hashes[i].sum; j++ {
			if j == i || hashes[j].block != hashes[j-1].block {
				blocks++
			}
		}
		if d, pairs = d+1, pairs+blocks; blocks == 1 {
			once++
		}
		i = j
	}
	if share >= 1 || d == 0 {
		return d
	}
	return math.Round(math.Min(d/math.Max(1-(1-share)*once/pairs, share), math.Max(rows, d)))
}

// histogram makes buckets of about equally many rows of sorted values; of single values where there are few. A bucket ends
// where a value does, so a frequent value has one of its own.
func histogram(values []types.Value, coll collation.ID, buckets int, share, distinct float64) *Histogram {
	type run struct {
		v types.Value
		n int
	}
	var runs []run
	for _, v := range values {
		if k := len(runs) - 1; k >= 0 && types.Compare(runs[k].v, v, coll) == 0 {
			runs[k].n++
			continue
		}
		runs = append(runs, run{v, 1})
	}
	h := &Histogram{Singleton: len(runs) <= buckets}
	each := share / float64(len(values))
	if h.Singleton {
		upto := 0
		for _, r := range runs {
			upto += r.n
			h.Buckets = append(h.Buckets, Bucket{High: Bound{r.v}, Upto: float64(upto) * each})
		}
		return h
	}
	unseen := math.Max(1, distinct/float64(len(runs))) // each value seen stands for so many
	size := (len(values) + buckets - 1) / buckets
	upto, in := 0, 0
	var low types.Value
	different := 0
	for i, r := range runs {
		if different == 0 {
			low = r.v
		}
		upto, in, different = upto+r.n, in+r.n, different+1
		if in >= size || i == len(runs)-1 || runs[i+1].n >= size {
			b := Bucket{Low: Bound{low}, High: Bound{r.v}, Upto: float64(upto) * each, Distinct: 1}
			if different > 1 {
				b.Distinct = math.Round(float64(different) * unseen)
			}
			h.Buckets = append(h.Buckets, b)
			in, different = 0, 0
		}
	}
	return h.within(buckets)
}

// within joins neighbours until there are no more than so many buckets.
func (h *Histogram) within(buckets int) *Histogram {
	for len(h.Buckets) > buckets {
		best, least := 0, math.Inf(1)
		before := 0.0
		for i := range len(h.Buckets) - 1 {
			if w := h.Buckets[i+1].Upto - before; w < least {
				best, least = i, w
			}
			before = h.Buckets[i].Upto
		}
		h.Buckets[best+1].Low = h.Buckets[best].Low
		h.Buckets[best+1].Distinct += h.Buckets[best].Distinct
		h.Buckets = slices.Delete(h.Buckets, best, best+1)
	}
	return h
}

// prefix is what was seen of the leading columns of an index.
type prefix struct {
	id    schema.IndexID
	at    []int // which of the columns that are looked at
	colls []collation.ID
	seen  []sample // of the first two, the first three, …
}

// indexes are the prefixes of all indexes, as far as their columns are looked at whole.
func (c *collector) indexes() []prefix {
	var out []prefix
	for i := range c.t.Indexes {
		ix := &c.t.Indexes[i]
		p := prefix{id: ix.ID}
		for _, part := range ix.Columns {
			at := slices.Index(c.read, part.Column)
			if at < 0 || part.Prefix > 0 {
				break
			}
			p.at = append(p.at, at)
			p.colls = append(p.colls, c.t.Columns[part.Column].Type.Collation)
		}
		if len(p.at) == 0 {
			continue
		}
		p.seen = make([]sample, len(p.at)-1)
		out = append(out, p)
	}
	return out
}

// add takes in a row; NULLs count as values here, as in an index.
func (p *prefix) add(c *collector, row []types.Value) {
	if len(p.seen) == 0 {
		return
	}
	first := &p.seen[0]
	buf := types.HashKey(first.buf[:0], row[p.at[0]], p.colls[0])
	for i := range p.seen {
		buf = types.HashKey(buf, row[p.at[i+1]], p.colls[i+1])
		p.seen[i].hashes = append(p.seen[i].hashes, hashed{maphash.Bytes(seed, buf), c.block})
	}
	first.buf = buf
}

// index makes an index's statistics; first is how many different values its first column has.
func (p *prefix) index(first, share float64, total uint64) Index {
	out := Index{ID: p.id, Distinct: []float64{first}}
	for i := range p.seen {
		out.Distinct = append(out.Distinct, distinct(p.seen[i].hashes, share, float64(total)))
	}
	return out
}

func sortByID(list []Column) {
	slices.SortFunc(list, func(a, b Column) int { return int(a.ID) - int(b.ID) })
}
