package shard

import (
	"errors"
	"math"
	"sync"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/wire"
)

// autoIncrements hands out AUTO_INCREMENT values at the leaseholder. The next value of a tablet is kept in memory; it
// begins above the largest value that was applied or prepared. Values drawn for writes that fail are lost, as in MySQL.
type autoIncrements struct {
	mu   sync.Mutex
	next map[schema.TabletID]uint64
}

// autoIncValue is a value of an AUTO_INCREMENT column as a counter sees it; 0 for NULL and for what is not above zero.
func autoIncValue(v types.Value) (u uint64, null bool) {
	switch v.Kind() {
	case types.KindNull:
		return 0, true
	case types.KindInt:
		return uint64(max(v.Int(), 0)), false
	case types.KindUint:
		return v.Uint(), false
	case types.KindFloat:
		if f := v.Float(); f > 0 && f < math.MaxUint64 {
			return uint64(f), false
		}
	}
	return 0, false
}

// FillAutoInc gives w's NULL auto-increment values; see API. Error: 1467 when a BIGINT UNSIGNED is exhausted.
func (s *Shard) FillAutoInc(w *fragment.Write) error {
	switch w.Kind {
	case fragment.Insert, fragment.InsertIgnore, fragment.Replace, fragment.InsertOrUpdate:
	default:
		return nil
	}
	t, err := s.serving(w.Tablet)
	if err != nil {
		return err
	}
	pos := t.current.autoInc
	if pos < 0 {
		return nil
	}
	column := &t.current.table.Columns[pos]
	for i, id := range w.Columns {
		if id == column.ID {
			return s.autoInc.fill(t, w, i, &column.Type)
		}
	}
	return nil
}

func (a *autoIncrements) fill(t *tablet, w *fragment.Write, column int, typ *types.Type) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.nextOf(t)
	limit := typ.MaxAutoIncrement()
	for i := range w.Rows.Len() {
		v := &w.Rows.Row(i)[column]
		u, null := autoIncValue(*v)
		if !null {
			if u >= next && u < math.MaxUint64 {
				next = u + 1
			}
			continue
		}
		if next > limit && limit == math.MaxUint64-1 {
			return mysqlerr.New(mysqlerr.AutoincReadFailed)
		}
		*v = autoIncOfType(min(next, limit), typ) // the last one again, which its key refuses
		w.Generated = append(w.Generated, uint32(i))
		next = min(next, limit) + 1
	}
	a.next[t.id] = next
	return nil
}

// keep has the counters go on above the values of rows that a statement wrote and nobody has committed: other shards of the
// table's may hear of the commit first.
func (a *autoIncrements) keep(deltas []counterDelta) {
	for i := range deltas {
		if d := &deltas[i]; d.autoInc > d.t.counters.autoInc.Load() && d.autoInc < math.MaxUint64 {
			a.mu.Lock()
			a.next[d.t.id] = max(a.nextOf(d.t), d.autoInc+1)
			a.mu.Unlock()
		}
	}
}

// nextOf is the next value to hand out.
func (a *autoIncrements) nextOf(t *tablet) uint64 {
	if a.next == nil {
		a.next = map[schema.TabletID]uint64{}
	}
	used := max(t.counters.autoInc.Load(), t.counters.claimed.Load())
	if used < math.MaxUint64 {
		used++
	}
	return max(a.next[t.id], used, t.current.table.AutoIncStart, 1)
}

// claim notes a value in a row that is being prepared. Called by the apply goroutine alone.
func (c *counters) claim(value uint64) {
	if value > c.claimed.Load() {
		c.claimed.Store(value)
	}
}

// claimStored notes the values in the rows of a piece that was stored. What is no row is told of when the piece is resolved.
func (a *applying) claimStored(effects []byte) {
	var scratch []types.Value
	d := wire.NewReader(effects)
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		e := fragment.ReadEffect(d)
		if t, ok := a.tablets.Get(e.Tablet); ok && e.Op == fragment.EffectPut && d.Err() == nil {
			t.counters.claim(t.valueIn(e.Row, &scratch))
		}
	}
}

// valueIn is the AUTO_INCREMENT value of a stored row, which it decodes into scratch; 0 where it has none.
func (t *tablet) valueIn(stored []byte, scratch *[]types.Value) uint64 {
	if t.current.autoInc < 0 {
		return 0
	}
	*scratch = resize(*scratch, len(t.current.table.Columns))
	if t.current.full.Decode(stored, *scratch, nil) != nil {
		return 0
	}
	value, _ := autoIncValue((*scratch)[t.current.autoInc])
	return value
}

// ReserveAutoInc hands out n consecutive values; 0 tells the next one without taking it. See API.
func (s *Shard) ReserveAutoInc(id schema.TabletID, n uint64) (first uint64, err error) {
	a := &s.autoInc
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := s.serving(id) // under the mutex: once a frozen tablet has told its next value, it gives none
	if errors.Is(err, ErrFrozen) && n == 0 {
		t, _ = s.tablets.Load().Get(id)
		err = nil
	}
	if err != nil {
		return 0, err
	}
	first = a.nextOf(t)
	for _, other := range s.siblings(t) {
		first = max(first, a.nextOf(other))
	}
	if first+n < first {
		return 0, mysqlerr.New(mysqlerr.AutoincReadFailed)
	}
	a.next[id] = first + n
	return first, nil
}

// siblings are the other tablets of t's table that are in this shard: a table has one sequence of values.
func (s *Shard) siblings(t *tablet) (list []*tablet) {
	if !t.isPart() {
		return nil
	}
	tablets := s.tablets.Load()
	ids, _ := tablets.parts.Get(t.current.table.ID)
	for _, id := range ids {
		if other, ok := tablets.Get(id); ok && other != t {
			list = append(list, other)
		}
	}
	return list
}

// KeepAutoInc has the counters go on above the values of rows that a transaction has inserted, but not committed; see API.
func (s *Shard) KeepAutoInc(ws *Workspace) {
	a := &s.autoInc
	a.mu.Lock()
	defer a.mu.Unlock()
	var scratch []types.Value
	ws.rows.Scan(func(key []byte, item workspaceItem) bool {
		t, ok := s.tablets.Load().Get(tabletOfKey(key))
		if !ok || item.deleted {
			return true
		}
		if given := t.valueIn(item.payload, &scratch); given > 0 && given < math.MaxUint64 { // who commits what is no row will be told
			a.next[t.id] = max(a.nextOf(t), given+1)
		}
		return true
	})
}

// ResetAutoInc forgets the counters in memory; see API.
func (s *Shard) ResetAutoInc() {
	s.autoInc.mu.Lock()
	defer s.autoInc.mu.Unlock()
	clear(s.autoInc.next)
}

func autoIncOfType(u uint64, t *types.Type) types.Value {
	switch {
	case t.Class() == types.ClassFloat:
		return types.Float(float64(u))
	case t.Unsigned:
		return types.Uint(u)
	}
	return types.Int(int64(u))
}
