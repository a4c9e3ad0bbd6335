package deadlock

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

func txnID(name string) (id fragment.TxnID) { copy(id[:], name); return id }

func nameOf(id fragment.TxnID) string { return strings.TrimRight(string(id[:]), "\x00") }

// parseWait reads "7: T1/3 -> T2 T3/5 age=20": request 7 of T1, which holds 3 locks there, waits for T2 and T3.
func parseWait(t *testing.T, line string) Wait {
	t.Helper()
	var w Wait
	ref, rest, _ := strings.Cut(line, ": ")
	if _, err := fmt.Sscanf(ref, "%d.%d", &w.Ref.Place, &w.Ref.ID); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	w.Ref.Kind = RowLock
	fields := strings.Fields(rest)
	w.Waiter = parseOwner(fields[0])
	for _, f := range fields[2:] {
		if age, ok := strings.CutPrefix(f, "age="); ok {
			w.Age, _ = time.ParseDuration(age)
			continue
		}
		w.For = append(w.For, parseOwner(f))
	}
	return w
}

func parseOwner(s string) (o Owner) {
	name, held, ok := strings.Cut(s, "/")
	o.ID, o.Held = txnID(name), 1
	if ok {
		_, _ = fmt.Sscan(held, &o.Held)
	}
	return o
}

func showCycle(c Cycle) string {
	var parts []string
	for _, e := range c {
		parts = append(parts, fmt.Sprintf("%s -> %s (node %d, %d.%d)", nameOf(e.Waiter), nameOf(e.Blocker), e.Node, e.Ref.Place, e.Ref.ID))
	}
	return "victim " + strings.Join(parts, ", ")
}

// TestDetector runs the scripts in testdata: what nodes report, and which cycles that closes.
//
//	report node=N at=T   lines of waits; none: the node has no waits any more
//	end n=I              the I-th cycle that was found has been dealt with
func TestDetector(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		d := NewDetector()
		var found []Cycle
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			switch td.Cmd {
			case "report":
				var node int
				var at string
				td.ScanArgs(t, "node", &node)
				td.ScanArgs(t, "at", &at)
				now, err := time.ParseDuration(at)
				if err != nil {
					t.Fatal(err)
				}
				var waits []Wait
				for line := range strings.Lines(td.Input) {
					waits = append(waits, parseWait(t, strings.TrimSpace(line)))
				}
				var out []string
				for _, c := range d.Take(now, schema.NodeID(node), waits) { // small
					found = append(found, c)
					out = append(out, fmt.Sprintf("%d: %s", len(found), showCycle(c)))
				}
				out = append(out, fmt.Sprintf("%d waits", d.Waiting()))
				return strings.Join(out, "\n")
			case "end":
				var n int
				td.ScanArgs(t, "n", &n)
				d.End(found[n-1])
				return fmt.Sprintf("%d waits", d.Waiting())
			}
			return "unknown command"
		})
	})
}

// TestEveryCycleIsFound compares the detector with a plain search over random graphs: it finds a cycle exactly where
// there is one, and breaking what it finds, round after round, leaves none.
func TestEveryCycleIsFound(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		reports := randomReports(rnd)
		for round := 0; ; round++ {
			d := NewDetector()
			var cycles []Cycle
			for n, waits := range reports {
				cycles = append(cycles, d.Take(0, schema.NodeID(n+1), waits)...) // small
			}
			if want := hasCycle(reports); want != (len(cycles) > 0) {
				t.Fatalf("seed %d round %d: cycle %v, found %v", seed, round, want, cycles)
			}
			if len(cycles) == 0 {
				break
			}
			for _, c := range cycles {
				checkCycle(t, c, reports)
			}
			for _, c := range cycles { // the victims end
				reports = without(reports, c[0].Waiter)
			}
		}
	}
}

func randomReports(rnd *rand.Rand) [][]Wait {
	reports := make([][]Wait, 3)
	const txns = 12
	for i := range txns {
		if rnd.IntN(4) == 0 {
			continue
		}
		n := rnd.IntN(len(reports))
		w := Wait{Ref: Ref{RowLock + 1, uint64(n), uint64(i)}, Waiter: Owner{txnID(fmt.Sprint("T", i)), rnd.IntN(5)}} // small
		for range 1 + rnd.IntN(2) {
			if b := rnd.IntN(txns); b != i {
				w.For = append(w.For, Owner{txnID(fmt.Sprint("T", b)), rnd.IntN(5)})
			}
		}
		reports[n] = append(reports[n], w)
	}
	return reports
}

func edgesOf(reports [][]Wait) map[fragment.TxnID][]fragment.TxnID {
	edges := map[fragment.TxnID][]fragment.TxnID{}
	for _, r := range reports {
		for _, w := range r {
			for _, b := range w.For {
				edges[w.Waiter.ID] = append(edges[w.Waiter.ID], b.ID)
			}
		}
	}
	return edges
}

// hasCycle removes vertices without a way out until none is left.
func hasCycle(reports [][]Wait) bool {
	edges := edgesOf(reports)
	for {
		removed := false
		for v, to := range edges {
			open := false
			for _, b := range to {
				open = open || edges[b] != nil
			}
			if !open {
				delete(edges, v)
				removed = true
			}
		}
		if !removed {
			return len(edges) > 0
		}
	}
}

func checkCycle(t *testing.T, c Cycle, reports [][]Wait) {
	t.Helper()
	edges := edgesOf(reports)
	for i, e := range c {
		if next := c[(i+1)%len(c)]; e.Blocker != next.Waiter {
			t.Fatalf("not a cycle: %s", showCycle(c))
		}
		real := false
		for _, b := range edges[e.Waiter] {
			real = real || b == e.Blocker
		}
		if !real {
			t.Fatalf("no such wait: %s", showCycle(c[i:i+1]))
		}
		if e.held < c[0].held {
			t.Fatalf("%s holds less than the victim: %s", nameOf(e.Waiter), showCycle(c))
		}
	}
}

func without(reports [][]Wait, victim fragment.TxnID) [][]Wait {
	out := make([][]Wait, len(reports))
	for n, r := range reports {
		for _, w := range r {
			if w.Waiter.ID == victim {
				continue
			}
			kept := w
			kept.For = nil
			for _, b := range w.For {
				if b.ID != victim {
					kept.For = append(kept.For, b)
				}
			}
			out[n] = append(out[n], kept)
		}
	}
	return out
}

func TestReportCodec(t *testing.T) {
	waits := []Wait{
		{Ref: Ref{RowLock, 7, 1 << 40}, Waiter: Owner{txnID("a"), 3}, For: []Owner{{txnID("b"), 0}, {txnID("c"), 9}}, Age: 40 * time.Millisecond},
		{Ref: Ref{9, 0, 0}, Waiter: Owner{txnID("b"), 0}},
	}
	got, err := DecodeReport(AppendReport(nil, waits))
	if err != nil || !reflect.DeepEqual(got, waits) {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzDecodeReport(f *testing.F) {
	f.Add(AppendReport(nil, []Wait{{Ref: Ref{RowLock, 2, 3}, Waiter: Owner{txnID("x"), 1}, For: []Owner{{txnID("y"), 2}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		waits, err := DecodeReport(data)
		if err != nil {
			return
		}
		again, err := DecodeReport(AppendReport(nil, waits))
		if err != nil || !reflect.DeepEqual(again, waits) {
			t.Errorf("%+v became %+v, %v", waits, again, err)
		}
		NewDetector().Take(0, 1, waits)
	})
}

func BenchmarkTake(b *testing.B) {
	const waits = 1000
	var r []Wait
	for i := range uint64(waits) {
		w := Wait{Ref: Ref{RowLock, 1, i}, Waiter: Owner{txnID(fmt.Sprint("T", i)), 1}}
		w.For = append(w.For, Owner{txnID("holder"), 1})
		if i > 0 {
			w.For = append(w.For, Owner{txnID(fmt.Sprint("T", i-1)), 1})
		}
		r = append(r, w)
	}
	d := NewDetector()
	d.Take(0, 2, []Wait{{Ref: Ref{RowLock, 2, 1}, Waiter: Owner{txnID("elsewhere"), 1}, For: []Owner{{txnID("T5"), 1}}}})
	b.ReportAllocs()
	for b.Loop() {
		d.Take(0, 1, r)
	}
}
