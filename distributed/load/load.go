package load

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"cloudsql/storage/schema"
)

// Load is how large something is, and how busy.
type Load struct {
	Bytes  float64 `json:"bytes,omitempty"`
	Reads  float64 `json:"reads,omitempty"`  // a second; of many rows each, more
	Writes float64 `json:"writes,omitempty"` // rows a second
}

// Plus is the sum of two.
func (l Load) Plus(o Load) Load {
	return Load{Bytes: l.Bytes + o.Bytes, Reads: l.Reads + o.Reads, Writes: l.Writes + o.Writes}
}

// Work is what is done a second: a row that is written counts as a read.
func (l Load) Work() float64 { return l.Reads + l.Writes }

// Tablet is the load of a tablet.
type Tablet struct {
	ID schema.TabletID `json:"id"`
	Load
}

// Source is the replica that a Meter measures.
type Source interface {
	Tablets() []schema.TabletID // in order
	TabletWork(id schema.TabletID) (reads, writes uint64)
	TabletStats(id schema.TabletID) (rows, bytes uint64)
}

const (
	// memory is how long a rate remembers: what is older counts for less than a third.
	memory = 30 * time.Second
	// sizesAtOnce is how many tablets' sizes are asked for in one look: of many tablets, sizes are known some looks later.
	sizesAtOnce = 200
	// MostListed bounds a List.
	MostListed = 4096
)

// Meter measures one replica. Safe for concurrent use; the zero value has seen nothing.
type Meter struct {
	mu      sync.Mutex
	at      time.Duration // of the last look
	looks   uint64
	holds   bool
	next    schema.TabletID // whose size is to be asked for next
	tablets map[schema.TabletID]*measured
	total   Load
}

// measured is what is known of a tablet. Rates are sums in which what is older weighs less, by all their weights.
type measured struct {
	look          uint64 // that it was seen in
	reads, writes uint64 // counted by then
	bytes         float64
	sized         bool

	readSum, writeSum, weight float64
}

func (m *measured) load() Load {
	l := Load{Bytes: m.bytes}
	if m.weight > 0 {
		l.Reads, l.Writes = m.readSum/m.weight, m.writeSum/m.weight
	}
	return l
}

// Look looks at the counters. holds tells whether the replica has its shard's lease: whoever gets it or gives it away measures anew, since
// reads are counted where they are served.
func (m *Meter) Look(now time.Duration, holds bool, s Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	passed := (now - m.at).Seconds()
	if m.tablets == nil || holds != m.holds || passed <= 0 {
		m.begin()
	}
	m.at, m.holds, m.looks = now, holds, m.looks+1
	keep := math.Exp(-passed / memory.Seconds())
	ids := s.Tablets()
	m.size(ids, s)
	m.total = Load{}
	for _, id := range ids {
		t := m.tablets[id]
		reads, writes := s.TabletWork(id)
		if t.look != 0 && reads >= t.reads && writes >= t.writes {
			t.readSum = t.readSum*keep + (1-keep)*float64(reads-t.reads)/passed
			t.writeSum = t.writeSum*keep + (1-keep)*float64(writes-t.writes)/passed
			t.weight = t.weight*keep + 1 - keep
		}
		t.look, t.reads, t.writes = m.looks, reads, writes
		m.total = m.total.Plus(t.load())
	}
	for id, t := range m.tablets {
		if t.look != m.looks {
			delete(m.tablets, id)
		}
	}
}

// begin forgets the rates.
func (m *Meter) begin() {
	if m.tablets == nil {
		m.tablets = map[schema.TabletID]*measured{}
	}
	for _, t := range m.tablets {
		*t = measured{bytes: t.bytes, sized: t.sized}
	}
}

// size asks for the sizes of new tablets, and of as many others as there is time for, in turn.
func (m *Meter) size(ids []schema.TabletID, s Source) {
	left := sizesAtOnce
	ask := func(id schema.TabletID, t *measured) {
		_, bytes := s.TabletStats(id)
		t.bytes, t.sized = float64(bytes), true
		left--
	}
	for _, id := range ids {
		t := m.tablets[id]
		if t == nil {
			t = &measured{}
			m.tablets[id] = t
		}
		if !t.sized && left > 0 {
			ask(id, t)
		}
	}
	at, _ := slices.BinarySearch(ids, m.next)
	for ; at < len(ids) && left > 0; at++ {
		ask(ids[at], m.tablets[ids[at]])
		m.next = ids[at] + 1
	}
	if at == len(ids) {
		m.next = 0
	}
}

// Total is the load of all tablets.
func (m *Meter) Total() Load {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// Of is a tablet's load, as this replica sees it.
func (m *Meter) Of(id schema.TabletID) Load {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tablets[id]; t != nil {
		return t.load()
	}
	return Load{}
}

// List lists the tablets: of very many, those of most weight, by size and by work.
func (m *Meter) List() []Tablet {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Tablet, 0, len(m.tablets))
	for id, t := range m.tablets {
		list = append(list, Tablet{id, t.load()})
	}
	if len(list) > MostListed {
		share := func(t *Tablet) float64 { return t.Bytes/max(m.total.Bytes, 1) + t.Work()/max(m.total.Work(), 1) }
		slices.SortFunc(list, func(a, b Tablet) int { return cmp.Or(cmp.Compare(share(&b), share(&a)), cmp.Compare(a.ID, b.ID)) })
		list = list[:MostListed]
	}
	slices.SortFunc(list, func(a, b Tablet) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
