package placement

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/load"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// The settings of the whole cluster.
const (
	// SettingBalance says what may be moved to even out what nodes bear: OFF, DATABASES (each as a whole), TABLES, of databases that are
	// too large for a node or too busy, or TABLETS: such tables may be cut, too.
	SettingBalance = "cloudsql_balance"
	// SettingPartLoad and SettingPartMB are how busy (reads, and rows written, a second) or large a database must be for its tables to part.
	SettingPartLoad = "cloudsql_balance_part_load"
	SettingPartMB   = "cloudsql_balance_part_mb"
)

// The defaults of the settings.
const (
	DefaultBalance  = "TABLETS"
	DefaultPartLoad = 20_000
	DefaultPartMB   = 1024
)

const (
	shiftsAtOnce = 8                // that are planned by what was measured once
	movesAtOnce  = 4                // of the tablets of one Shift
	restFor      = 5 * time.Minute  // before what has moved moves again
	restFailed   = time.Hour        // … or what could not
	pauseMost    = 20 * time.Minute // between plans that get no nearer
	stuckAfter   = 10 * time.Minute // without progress
)

// The record of what is moving.
const (
	shiftKind = "balance"
	shiftKey  = "shift"
)

// Shift is tablets on their way from one shard to another, to even out what the nodes bear: those of a database, of one table of it, or a single
// one. The catalog has a record of the one that is under way, so that whoever reconciles next goes on with it: half of a database in
// another shard is worse than all or nothing.
type Shift struct {
	Database schema.DatabaseID `json:"database"`
	Table    schema.TableID    `json:"table,omitempty"`  // 0: all
	Tablet   schema.TabletID   `json:"tablet,omitempty"` // 0: all
	From     schema.ShardID    `json:"from"`
	To       schema.ShardID    `json:"to"`
}

// housed is a tablet with its table. The table may be one of a unique key's entries; owner is the one that a statement would name.
type housed struct {
	owner  schema.TableID
	table  *schema.Table
	tablet *schema.Tablet
}

// housedIn lists the tablets of a database.
func housedIn(c *catalog.Snapshot, d *schema.Database) (list []housed) {
	for _, t := range c.Tables(d.Name) {
		list = append(list, housedOf(c, t)...)
	}
	return list
}

// housedOf lists the tablets of a table and of its unique keys' entries.
func housedOf(c *catalog.Snapshot, t *schema.Table) (list []housed) {
	for _, part := range catalog.WithEntries(c, t) {
		for i := range part.Tablets {
			list = append(list, housed{t.ID, part, &part.Tablets[i]})
		}
	}
	return list
}

// tablets are those that have not left the shard yet.
func (s *Shift) tablets(c *catalog.Snapshot) (list []housed) {
	d, ok := c.DatabaseByID(s.Database)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(housedIn(c, d), func(h housed) bool {
		return h.tablet.Shard != s.From || s.Table != 0 && s.Table != h.table.ID || s.Tablet != 0 && s.Tablet != h.tablet.ID
	})
}

// shifting is what a Reconciler remembers of balancing tablets; whoever reconciles next begins without.
type shifting struct {
	planned []Shift
	uneven  bool                // nodes were too far off, and have not become even since
	looked  time.Time           // when something was last planned, or has ended; later, where that was in vain
	off     float64             // how far off nodes were when something was last planned
	pause   time.Duration       // after plans in vain
	rests   map[Shift]time.Time // until when what has moved, or could not, stays; by key

	// Of the shift that is under way: what has been copied of the tablets that move, how many are left, and since when it is so.
	bytes uint64
	left  int
	since time.Time

	cuts cutting
}

func (s *Shift) key() Shift { return Shift{Database: s.Database, Table: s.Table, Tablet: s.Tablet} }

// shift does the next thing for tablets to be spread by what they weigh, if there is one. Everything else is as it should be.
func (r balancing) shift(ctx context.Context, c *catalog.Snapshot, leads map[schema.NodeID][]*catalog.Shard) error {
	if !c.Allows(version.V2) {
		return nil
	}
	var now Shift
	if c.Record(shiftKind, shiftKey, &now) {
		return r.goOn(ctx, c, &now)
	}
	p := policyOf(c)
	if p.off || slices.ContainsFunc(catalog.Moves(c), isCopying) {
		r.shifts.planned = nil
		return nil
	}
	for len(r.shifts.planned) > 0 {
		next := r.shifts.planned[0]
		r.shifts.planned = r.shifts.planned[1:]
		if len(next.tablets(c)) > 0 {
			return r.begin(ctx, &next)
		}
	}
	if time.Since(r.shifts.looked) < r.cfg.SteadyFor || time.Since(r.quietSince) < r.cfg.SteadyFor {
		return nil
	}
	m := r.weighNodes(c, leads)
	if m == nil {
		return nil
	}
	if err := r.cool(ctx, c, m, p); err != nil || !r.shifts.worthwhile(m.off()) {
		return err
	}
	return r.plan(ctx, c, m, p)
}

// worthwhile tells whether to plan moves, where nodes are so far off: from offMost on, until they are within offGoal. Plans that get no
// nearer follow the noise of what is measured: below offMost there is no further one, above it they become seldom.
func (f *shifting) worthwhile(off float64) bool {
	if off <= offGoal {
		f.uneven, f.off, f.pause = false, 0, 0
		return false
	}
	if !f.uneven && off <= offMost {
		return false
	}
	nearer := f.off == 0 || off < f.off-leastProgress
	if f.pause = min(max(2*f.pause, restFor), pauseMost); nearer {
		f.pause = 0
	}
	f.uneven, f.off, f.looked = nearer || off > offMost, off, time.Now().Add(f.pause)
	return f.uneven
}

func isCopying(m *catalog.Move) bool { return m.State == catalog.MoveCopying }

// moveOf is a tablet's move to where the shift takes it; nil: it has none, or another, which somebody has asked for.
func (s *Shift) moveOf(c *catalog.Snapshot, tb *schema.Tablet) *catalog.Move {
	m := catalog.MoveOf(c, tb.ID)
	if m == nil || m.To != s.To || len(m.Others) > 0 || len(m.Targets) > 0 || m.Into > 0 {
		return nil
	}
	return m
}

// goOn goes on with a shift until all its tablets have moved, or one can't.
func (r balancing) goOn(ctx context.Context, c *catalog.Snapshot, s *Shift) error {
	list := s.tablets(c)
	moving, failed, bytes := 0, false, uint64(0)
	for _, h := range list {
		if m := s.moveOf(c, h.tablet); m != nil {
			moving, bytes, failed = moving+1, bytes+m.Bytes, failed || m.State == catalog.MoveFailed
		}
	}
	f := &r.shifts
	if f.since.IsZero() || bytes != f.bytes || len(list) != f.left {
		f.bytes, f.left, f.since = bytes, len(list), time.Now()
	}
	stuck := time.Since(f.since) > stuckAfter
	switch {
	case len(list) == 0, failed, stuck, moving == 0 && policyOf(c).off:
		return r.end(ctx, s, len(list) == 0)
	case moving < min(movesAtOnce, len(list)) && !policyOf(c).off:
		return r.begin(ctx, s)
	}
	return nil
}

// begin has some tablets of a shift move, and notes it.
func (r balancing) begin(ctx context.Context, s *Shift) error {
	return r.change(ctx, func(tx *catalog.Tx) error {
		var now Shift
		if tx.Snapshot.Record(shiftKind, shiftKey, &now) && now != *s {
			return nil
		}
		moving, begun := 0, 0
		list := s.tablets(tx.Snapshot)
		for _, h := range list {
			if s.moveOf(tx.Snapshot, h.tablet) != nil {
				moving++
			}
		}
		for _, h := range list { // of a table, one after the other: each changes its definition
			if moving+begun >= movesAtOnce || catalog.Moving(tx.Snapshot, h.table.ID) || catalog.Defining(tx.Snapshot, h.owner) ||
				catalog.MoveFrom(tx.Snapshot, h.tablet.ID) != nil {
				continue
			}
			if _, err := tx.BeginMove(h.table, h.tablet.ID, s.To); err != nil {
				return err
			}
			begun++
		}
		if begun == 0 {
			return nil
		}
		if now == (Shift{}) {
			r.log.Info("moving tablets to even out what nodes bear", "database", uint64(s.Database), "table", uint64(s.Table),
				"tablet", uint64(s.Tablet), "tablets", len(list), "from", s.From, "to", s.To)
			tx.PutRecord(shiftKind, shiftKey, s)
			s.takeHome(tx)
		}
		return nil
	})
}

// takeHome has new tables of a database that moves as a whole begin where it is going to be.
func (s *Shift) takeHome(tx *catalog.Tx) {
	if d, ok := tx.Snapshot.DatabaseByID(s.Database); ok && s.Table == 0 && d.Shard == s.From {
		moved := *d
		moved.Shard = s.To
		tx.PutDatabase(&moved)
	}
}

// end ends a shift. What could not move stays where it is.
func (r balancing) end(ctx context.Context, s *Shift, done bool) error {
	rest := restFor
	if !done {
		rest = restFailed
		r.log.Warn("some tablets could not be moved", "database", uint64(s.Database), "table", uint64(s.Table), "from", s.From, "to", s.To)
	}
	err := r.change(ctx, func(tx *catalog.Tx) error {
		for _, h := range s.tablets(tx.Snapshot) {
			m := s.moveOf(tx.Snapshot, h.tablet)
			switch {
			case m == nil:
			case m.State == catalog.MoveFailed:
				tx.DeleteMove(m.Tablet)
			default:
				cancelled := *m
				cancelled.Cancel = true
				tx.PutMove(&cancelled)
			}
		}
		tx.PutRecord(shiftKind, shiftKey, nil)
		return nil
	})
	if err != nil {
		return err
	}
	f := &r.shifts
	f.since = time.Time{}
	if f.looked.Before(time.Now()) {
		f.looked = time.Now()
	}
	r.rest(s.key(), rest)
	return nil
}

// weighNodes weighs what the nodes that stay bear, as the leaders of the shards tell; nil: another node leads something.
func (r balancing) weighNodes(c *catalog.Snapshot, leads map[schema.NodeID][]*catalog.Shard) *scales {
	ids := slices.DeleteFunc(SortedNodes(leads), func(id schema.NodeID) bool {
		m, ok := c.Node(id)
		st, _ := r.peers.Get(id)
		return !ok || r.stands(m) != stays || st.Full
	})
	var places []place
	for leader, shards := range leads {
		at := slices.Index(ids, leader)
		if at < 0 && len(shards) > 0 {
			return nil
		}
		for _, sh := range shards {
			p := place{shard: sh.ID, leader: at, weight: r.weightOf(sh.ID, leader)}
			for i, id := range ids {
				if replica, _ := sh.ReplicaOn(id); replica != 0 {
					p.on = append(p.on, i)
				}
			}
			places = append(places, p)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.shard, b.shard) })
	return weigh(len(ids), places)
}

// weightOf is what a shard weighs, as its leader tells.
func (r balancing) weightOf(s schema.ShardID, leader schema.NodeID) weight {
	st, _ := r.peers.Get(leader)
	if rs := st.Replica(s); rs != nil {
		return weightOf(rs.Load())
	}
	return weight{}
}

func weightOf(l load.Load) weight { return weight{inBytes: l.Bytes, inWork: l.Work()} }

// weights asks what the tablets weigh.
func (r balancing) weights(ctx context.Context, m *scales) (map[schema.TabletID]weight, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	weights := map[schema.TabletID]weight{}
	for i := range m.places {
		s := m.places[i].shard
		list, err := r.c.Loads(ctx, r.leaderOf(s), s)
		if err != nil {
			return nil, err
		}
		for k := range list {
			weights[list[k].ID] = weightOf(list[k].Load)
		}
	}
	return weights, nil
}

// plan plans the next shifts, or has a tablet cut first that is too heavy for them to help.
func (r balancing) plan(ctx context.Context, c *catalog.Snapshot, m *scales, p policy) error {
	weights, err := r.weights(ctx, m)
	if err != nil {
		return err
	}
	maps.DeleteFunc(r.shifts.rests, func(_ Shift, until time.Time) bool { return time.Now().After(until) })
	if begun, err := r.cut(ctx, c, weights, m.mean, p); begun || err != nil {
		r.shifts.off, r.shifts.pause, r.shifts.looked = 0, 0, time.Now() // what was planned in vain is another matter now
		return err
	}
	units := slices.DeleteFunc(units(c, weights, m.mean, p), func(u unit) bool {
		_, rests := r.shifts.rests[u.what.key()]
		return rests
	})
	off := m.off()
	r.shifts.planned = m.even(units, shiftsAtOnce)
	if len(r.shifts.planned) == 0 {
		r.log.Debug("nodes bear more than others, and no move would help", "off", off, "units", len(units))
		return nil
	}
	r.log.Info("nodes bear more than others", "off", off, "units", len(units), "moves", len(r.shifts.planned), "then", m.off())
	return nil
}

// policy is what may move.
type policy struct {
	off   bool
	parts bool   // databases may be parted that are above floor
	cuts  bool   // so may tables, by cutting them
	floor weight // and above what a node bears on average
}

func policyOf(c *catalog.Snapshot) policy {
	mode, ok := c.Setting(SettingBalance)
	if !ok {
		mode = DefaultBalance
	}
	p := policy{off: strings.EqualFold(mode, "OFF"), cuts: strings.EqualFold(mode, "TABLETS")}
	p.parts = p.cuts || strings.EqualFold(mode, "TABLES")
	p.floor[inBytes] = float64(numberSetting(c, SettingPartMB, DefaultPartMB)) * (1 << 20)
	p.floor[inWork] = float64(numberSetting(c, SettingPartLoad, DefaultPartLoad))
	return p
}

// numberSetting is a setting of the whole cluster that is a number; def where it has none.
func numberSetting(c *catalog.Snapshot, name string, def uint32) uint32 {
	if text, ok := c.Setting(name); ok {
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			return uint32(n)
		}
	}
	return def
}

// tooHeavy tells whether something is to be parted: it is above the floor, and more than what a node bears on average.
func (p *policy) tooHeavy(w, mean weight) bool {
	for kind := range w {
		if p.parts && w[kind] >= p.floor[kind] && w[kind] > mean[kind] {
			return true
		}
	}
	return false
}

// units says which tablets move together; see unitsOf.
func units(c *catalog.Snapshot, weights map[schema.TabletID]weight, mean weight, p policy) (list []unit) {
	for _, d := range c.Databases() {
		list = append(list, p.unitsOf(c, d, weights, mean)...)
	}
	return list
}

// unitsOf makes units of a database: all that a shard has of it, lest its transactions come to be of more shards than they are; where it is
// too heavy for that, each table; and of such a table, each tablet. What is being redefined can't move.
func (p *policy) unitsOf(c *catalog.Snapshot, d *schema.Database, weights map[schema.TabletID]weight, mean weight) []unit {
	tables := c.Tables(d.Name)
	var parts []*schema.Table
	for _, t := range tables {
		parts = append(parts, catalog.WithEntries(c, t)...)
	}
	parted := p.tooHeavy(sum(weights, parts...), mean)
	g := group{at: map[Shift]int{}}
	for _, t := range tables {
		if catalog.Defining(c, t.ID) {
			if !parted {
				return nil
			}
			continue
		}
		for _, part := range catalog.WithEntries(c, t) {
			what := Shift{Database: d.ID}
			if parted {
				what.Table = part.ID
			}
			single := parted && p.tooHeavy(sum(weights, part), mean)
			for i := range part.Tablets {
				tb := &part.Tablets[i]
				if what.From = tb.Shard; single {
					what.Tablet = tb.ID
				}
				g.add(what, weights[tb.ID])
			}
		}
	}
	return g.units
}

// group gathers units.
type group struct {
	at    map[Shift]int
	units []unit
}

func (g *group) add(what Shift, w weight) {
	i, ok := g.at[what]
	if !ok {
		i = len(g.units)
		g.at[what] = i
		g.units = append(g.units, unit{what: what})
	}
	g.units[i].weight = g.units[i].weight.plus(w, 1)
}

func sum(weights map[schema.TabletID]weight, tables ...*schema.Table) (w weight) {
	for _, t := range tables {
		for i := range t.Tablets {
			w = w.plus(weights[t.Tablets[i].ID], 1)
		}
	}
	return w
}
