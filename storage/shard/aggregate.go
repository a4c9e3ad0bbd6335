package shard

import (
	"bytes"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// maxAggregationBytes bounds the groups that a page gathers; beyond it they leave as they are, and the gateway merges
// groups that come more than once.
const maxAggregationBytes = 16 << 20

// accountEvery is how many rows may pass between two accounts of the memory that the states hold.
const accountEvery = 4096

// perGroupBytes is what a group costs besides its key, values and states.
const perGroupBytes = 160

// aggregation computes partial aggregates by hashing.
type aggregation struct {
	spec    *fragment.Aggregate
	arena   *types.Arena
	groups  map[string]*aggregationGroup
	order   []*aggregationGroup // as they were met, so that results do not depend on a map's order
	single  *aggregationGroup   // without GroupBy
	last    *aggregationGroup   // of the row before, and its key
	lastKey []byte
	// together: rows of one group come one behind the other, so that a group which has ended needs no place in groups.
	together bool

	key    []byte
	values []types.Value
	rows   int // since the last account
	bytes  int
	fixed  int  // bytes of keys and values
	grows  bool // some states grow with each row
	hold   memory.Hold
}

type aggregationGroup struct {
	values []types.Value
	states []expr.State
	bytes  int // of the states, as last looked at
}

func newAggregation(spec *fragment.Aggregate, arena *types.Arena, account *memory.Account, together bool) *aggregation {
	a := &aggregation{spec: spec, arena: arena, groups: map[string]*aggregationGroup{}, hold: account.Hold(memory.Group), together: together}
	for _, agg := range spec.Aggs {
		a.grows = a.grows || agg.Grows()
	}
	return a
}

// add takes one row into its group.
func (a *aggregation) add(env *expr.Env, row []types.Value) error {
	g, err := a.group(env, row)
	if err != nil {
		return err
	}
	for _, s := range g.states {
		if err := s.Add(env, row); err != nil {
			return mysqlerr.From(err)
		}
	}
	if a.rows++; a.grows || a.rows >= accountEvery {
		return a.account(g)
	}
	return nil
}

// group finds or begins the group of a row.
func (a *aggregation) group(env *expr.Env, row []types.Value) (*aggregationGroup, error) {
	if len(a.spec.GroupBy) == 0 {
		if a.single == nil {
			a.single = a.newGroup()
		}
		return a.single, nil
	}
	a.key, a.values = a.key[:0], a.values[:0]
	for _, e := range a.spec.GroupBy {
		v, err := e.Eval(env, row)
		if err != nil {
			return nil, mysqlerr.From(err)
		}
		a.values = append(a.values, v)
		a.key = types.HashKey(a.key, v, e.Type().Collation)
	}
	if a.last != nil && bytes.Equal(a.key, a.lastKey) {
		return a.last, nil
	}
	g, err := a.groupOf()
	a.last, a.lastKey = g, append(a.lastKey[:0], a.key...)
	return g, err
}

// groupOf finds or begins the group of a.key.
func (a *aggregation) groupOf() (*aggregationGroup, error) {
	if g, ok := a.groups[string(a.key)]; ok {
		return g, nil
	}
	if err := a.hold.Set(a.fixed + a.bytes + a.arena.Used()); err != nil {
		return nil, err
	}
	g := a.newGroup()
	g.values = make([]types.Value, len(a.values))
	for i, v := range a.values {
		g.values[i] = a.arena.Value(v)
	}
	if !a.together {
		a.groups[string(a.key)] = g
	}
	a.fixed += len(a.key) + perGroupBytes + len(a.values)*valueBytes
	return g, nil
}

func (a *aggregation) newGroup() *aggregationGroup {
	g := &aggregationGroup{states: make([]expr.State, len(a.spec.Aggs))}
	for i, agg := range a.spec.Aggs {
		g.states[i] = agg.NewState()
	}
	a.order = append(a.order, g)
	return g
}

// account looks at what the states hold: those of the group that was fed where they grow with each row, all of them from time to
// time where they don't.
func (a *aggregation) account(fed *aggregationGroup) error {
	if a.grows {
		a.bytes += fed.look()
	} else {
		for _, g := range a.order {
			a.bytes += g.look()
		}
	}
	a.rows = 0
	return a.hold.Set(a.fixed + a.bytes + a.arena.Used())
}

// look measures the group's states and tells by how much they have grown.
func (g *aggregationGroup) look() (grown int) {
	before := g.bytes
	g.bytes = 0
	for _, s := range g.states {
		g.bytes += s.Bytes()
	}
	return g.bytes - before
}

// overflows tells whether the groups must leave now: there are too many for a page, or the statement has too little memory for them and
// for the page that they leave in. Who merges them can go on on disk.
func (a *aggregation) overflows() bool {
	if len(a.spec.GroupBy) == 0 {
		return false
	}
	used := a.fixed + a.bytes + a.arena.Used()
	return used > maxAggregationBytes || a.hold.Crowded(2*used-a.hold.Used())
}

// enough tells whether a DISTINCT with a limit has all the rows that it will give.
func (a *aggregation) enough(r *fragment.Read) bool {
	return len(a.spec.Aggs) == 0 && r.Limit > 0 && len(r.Order) == 0 && uint64(len(a.order)) >= r.Limit
}

// flush delivers the groups. last tells that the walk is at its end and nothing was delivered before: without GroupBy
// there is one group then, even of no rows.
func (a *aggregation) flush(env *expr.Env, last bool, deliver func(out []types.Value, _ []byte) error) error {
	if len(a.spec.GroupBy) == 0 && a.single == nil && last {
		a.single = a.newGroup()
	}
	var out []types.Value
	for _, g := range a.order {
		out = append(out[:0], g.values...)
		for _, s := range g.states {
			out = s.AppendPartial(out)
		}
		if err := deliver(out, nil); err != nil {
			return err
		}
	}
	return nil
}
