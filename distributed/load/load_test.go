package load

import (
	"math"
	"testing"
	"time"

	"cloudsql/storage/schema"
)

// source is a replica of tablets 1 to n, each of which is counted by its id.
type source struct {
	n             schema.TabletID
	reads, writes uint64
	asked         int
}

func (s *source) Tablets() (ids []schema.TabletID) {
	for id := schema.TabletID(1); id <= s.n; id++ {
		ids = append(ids, id)
	}
	return ids
}

func (s *source) TabletWork(id schema.TabletID) (reads, writes uint64) {
	return s.reads * uint64(id), s.writes * uint64(id)
}

func (s *source) TabletStats(id schema.TabletID) (rows, bytes uint64) {
	s.asked++
	return 1, 100 * uint64(id)
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.01*math.Max(1, math.Abs(b)) }

// Rates are those of the last half minute or so, from the second look on; what has gone is forgotten, and so are all rates when the
// lease comes or goes.
func TestMeter(t *testing.T) {
	m, s, now := &Meter{}, &source{n: 3}, time.Hour
	work := func(looks int, reads, writes uint64) {
		for range looks {
			s.reads, s.writes = s.reads+5*reads, s.writes+5*writes
			now += 5 * time.Second
			m.Look(now, true, s)
		}
	}
	expect := func(what string, got, want Load) {
		t.Helper()
		if !near(got.Bytes, want.Bytes) || !near(got.Reads, want.Reads) || !near(got.Writes, want.Writes) {
			t.Errorf("%s: %+v, not %+v", what, got, want)
		}
	}
	work(1, 1000, 1000) // who knows since when
	expect("the first look", m.Total(), Load{Bytes: 600})
	work(1, 10, 1)
	expect("the second look", m.Of(2), Load{200, 20, 2})
	work(60, 100, 0)
	expect("after five minutes", m.Total(), Load{600, 600, 0})
	s.n = 1
	work(1, 100, 0)
	expect("one is left", m.Total(), Load{100, 100, 0})
	expect("it has gone", m.Of(3), Load{})
	m.Look(now, false, s)
	expect("the lease has gone", m.Total(), Load{Bytes: 100})
	if list := m.List(); len(list) != 1 || list[0].ID != 1 {
		t.Errorf("listed: %+v", list)
	}
}

// Of many tablets, some sizes are asked for at a time, all in turn; new ones first that come after them. A list has the heaviest.
func TestManyTablets(t *testing.T) {
	m, s := &Meter{}, &source{n: 5000}
	for look := range 25 {
		before := s.asked
		m.Look(time.Duration(look+1)*time.Second, true, s)
		if got := s.asked - before; got != sizesAtOnce {
			t.Fatalf("look %d asked for %d sizes", look, got)
		}
	}
	if got, want := m.Total().Bytes, 100.0*5000*5001/2; !near(got, want) {
		t.Errorf("%g bytes, not %g", got, want)
	}
	for look := range 30 {
		m.Look(time.Duration(look+100)*time.Second, true, s)
	}
	list := m.List()
	if len(list) != MostListed || list[0].ID != 5000-MostListed+1 || list[MostListed-1].ID != 5000 {
		t.Errorf("%d listed, from %d", len(list), list[0].ID)
	}
}
