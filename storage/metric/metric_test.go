package metric

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

// TestBuckets: each time is in the first bucket whose bound is not below it.
func TestBuckets(t *testing.T) {
	for i := 1; i < buckets-1; i++ {
		if boundOf(i) <= boundOf(i-1) {
			t.Fatalf("bound %d is %d, after %d", i, boundOf(i), boundOf(i-1))
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		ns := rng.Uint64() >> (rng.IntN(62) + 1)
		if rng.IntN(2) == 0 {
			ns = boundOf(rng.IntN(buckets-1)) + uint64(rng.IntN(3)) - 1
		}
		i := bucketOf(ns)
		if i < buckets-1 && ns > boundOf(i) || i > 0 && ns <= boundOf(i-1) {
			t.Fatalf("%d ns is in bucket %d", ns, i)
		}
	}
}

func TestQuantile(t *testing.T) {
	var h Histogram
	for i := range 1000 {
		h.Observe(time.Duration(i+1) * time.Millisecond)
	}
	var d Distribution
	d.Add(&h)
	if d.Count() != 1000 || d.Sum() != 500500*time.Millisecond {
		t.Errorf("%d observations of %v", d.Count(), d.Sum())
	}
	for _, c := range []struct {
		q     float64
		least time.Duration
	}{{0.5, 500 * time.Millisecond}, {0.95, 950 * time.Millisecond}, {0.999, 999 * time.Millisecond}} {
		if got := d.Quantile(c.q); got < c.least || got > c.least*3/2 {
			t.Errorf("quantile %v: %v", c.q, got)
		}
	}
	if n := (&Distribution{}).Quantile(0.5); n != 0 {
		t.Errorf("of nothing: %v", n)
	}
}

type inner struct {
	Waits atomic.Uint64 `counter:"waits_total" help:"waits" status:"Waits"`
}

type part struct {
	Reads  atomic.Uint64  `counter:"reads_total" help:"reads" status:"Reads"`
	Open   int            `gauge:"open" help:"open ones"`
	Age    time.Duration  `gauge:"age_seconds" help:"how old"`
	Full   bool           `gauge:"is_full" help:"1: yes"`
	Times  Histogram      `histogram:"read_seconds" help:"of reads"`
	Kinds  ByName[uint64] `counter:"kinds_total" help:"by kind" label:"kind" status:"Kind_*"`
	Locks  inner
	secret atomic.Uint64
}

// TestSources: what fields say and hold is what is collected, with labels; histograms of several parts are added.
func TestSources(t *testing.T) {
	parts := map[string]*part{"1": {Open: 3, Age: 1500 * time.Millisecond, Full: true}, "2": {Kinds: ByName[uint64]{"a": 7}}}
	for _, p := range parts {
		p.Reads.Add(2)
		p.Locks.Waits.Add(5)
		p.secret.Add(1)
		p.Times.Observe(time.Second)
	}
	sources := []Source[map[string]*part]{Many("shard", func(all map[string]*part, fn func(string, *part)) {
		for label, p := range all {
			fn(label, p)
		}
	})}
	list, err := Families(sources)
	if err != nil || len(list) != 7 || list[0].Name != "age_seconds" || list[0].Label != "shard" {
		t.Fatalf("%v %+v", err, list)
	}
	got := map[string]float64{}
	sources[0].Collect(parts, func(f *Family, list []Sample) {
		for _, s := range list {
			if s.Times != nil {
				s.Value = float64(s.Times.Count())
			}
			got[f.Name+"/"+f.Label+"/"+s.Label] = s.Value
		}
	})
	for name, want := range map[string]float64{
		"reads_total/shard/1": 2, "open/shard/1": 3, "age_seconds/shard/1": 1.5, "is_full/shard/1": 1, "is_full/shard/2": 0,
		"kinds_total/kind/a": 7, "waits_total/shard/2": 5, "read_seconds//": 2,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, %v; not %v", name, v, ok, want)
		}
	}
	Status(sources, parts, func(name string, v float64) { got[name] = v })
	if got["Reads"] != 4 || got["Waits"] != 10 || got["Kind_a"] != 7 {
		t.Errorf("status: %v", got)
	}
}

// TestDeclarations: names that say something else than the field, and names used twice, are found.
func TestDeclarations(t *testing.T) {
	type noHelp struct {
		A uint64 `counter:"a_total"`
	}
	type gaugeTotal struct {
		A uint64 `gauge:"a_total" help:"a"`
	}
	type twice struct {
		A uint64 `gauge:"a" help:"a"`
		B uint64 `gauge:"a" help:"b"`
	}
	for i, s := range []Source[int]{
		One(func(int) *noHelp { return nil }), One(func(int) *gaugeTotal { return nil }), One(func(int) *twice { return nil }),
	} {
		if _, err := Families([]Source[int]{s}); err == nil {
			t.Errorf("declaration %d is taken", i)
		}
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
