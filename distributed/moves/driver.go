package moves

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/storage/metric"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// Cluster is what a Driver works with.
type Cluster interface {
	Catalog() *catalog.Snapshot
	ChangeCatalog(ctx context.Context, fn func(tx *catalog.Tx) error) error
	// ChangeAtOnce is ChangeCatalog that waits for nobody's turn: tablets are frozen meanwhile.
	ChangeAtOnce(ctx context.Context, fn func(tx *catalog.Tx) error) error
	// Leads tells whether moves are this node's task.
	Leads() bool
	// Ask asks the leaseholder of q.Shard, wherever it is or comes to be, until ctx ends. It may be asked more than once.
	Ask(ctx context.Context, q *Request) (*Reply, error)
	InstallTable(ctx context.Context, t *schema.Table) error
	DropTablets(ctx context.Context, tablets []schema.Tablet) error
}

// Driver carries moves out while this node holds the system shard's lease.
type Driver struct {
	c   Cluster
	log *slog.Logger

	Stats Stats

	pageBytes  int           // of what goes over at once
	digestKeys uint64        // that are compared at once
	noteEvery  time.Duration // how often the record says how far a copy is

	freezing atomic.Int32 // moves that have tablets frozen, or are about to

	mu      sync.Mutex
	running map[schema.TabletID]bool
	done    spawn.Group
}

// Stats counts what the drivers of a node did.
type Stats struct {
	Flips  atomic.Uint64    `counter:"tablet_flips_total" help:"moves, splits and merges of tablets that this node has brought to their end"`
	Frozen metric.Histogram `histogram:"tablet_frozen_seconds" help:"tablets that are handed over, from when nobody is let in until their copies serve, or they themselves do again"`
	Thawed atomic.Uint64    `counter:"tablet_freezes_given_up_total" help:"tablets that served again because somebody stayed in them, or their copies could not be opened soon enough"`
}

// New makes a Driver.
func New(c Cluster, log *slog.Logger) *Driver {
	return &Driver{c: c, log: log, pageBytes: 512 << 10, digestKeys: 20_000, noteEvery: 2 * time.Second, running: map[schema.TabletID]bool{}}
}

const (
	lookEvery  = 100 * time.Millisecond
	retryAfter = 500 * time.Millisecond // after a step that failed
	// stepMost bounds a step: a leaseholder may be away for a failover.
	stepMost = 20 * time.Second
	// cutMost bounds the search for keys to cut a tablet at, which looks at all of them.
	cutMost = 10 * time.Minute
	// closeEnough is the number of versions behind which a tablet may be frozen: those of a moment.
	closeEnough = 100
	// A freeze makes clients wait. One that would take long is given up, and tried again after a pause; then with a little more patience.
	freezeLook     = 300 * time.Millisecond // for a moment when nobody is in the tablet, before anybody is kept out
	freezeWait     = 50 * time.Millisecond  // for those who are in the tablet, with nobody let in: at first
	freezeWaitMost = 150 * time.Millisecond // and after many attempts in vain
	freezeFirst    = 95 * time.Millisecond  // from when nobody is let in to the flip, which takes a round more: at first
	freezeTries    = 10                     // attempts in vain for which that stays so
	freezeMost     = 2 * time.Second        // and after some more
	thawPause      = 400 * time.Millisecond // between two attempts to freeze
	calmRound      = 40 * time.Millisecond  // of a change of the catalog: at most, before anybody is kept out
	calmTries      = 5                      // to find that
	calmPause      = 100 * time.Millisecond // between them
	// giveWayMost bounds for how long a page of a copy lets those go first who have tablets frozen.
	giveWayMost = 200 * time.Millisecond
	// together bounds the tablets of a move that are asked at the same time.
	together = 32
)

// Loop carries moves out until ctx ends.
func (d *Driver) Loop(ctx context.Context) {
	defer d.done.Wait()
	for range spawn.Ticks(ctx.Done(), lookEvery) {
		if !d.c.Leads() {
			continue
		}
		for _, m := range catalog.Moves(d.c.Catalog()) {
			if m.State != catalog.MoveFailed && d.begin(m.Tablet) {
				id := m.Tablet
				d.done.Go("moving a tablet", func() {
					defer d.end(id)
					d.drive(ctx, id)
				})
			}
		}
	}
}

func (d *Driver) begin(id schema.TabletID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running[id] {
		return false
	}
	d.running[id] = true
	return true
}

func (d *Driver) end(id schema.TabletID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, id)
}

// drive carries one move out, as far as it can.
func (d *Driver) drive(ctx context.Context, id schema.TabletID) {
	err := d.attempt(ctx, id)
	if err == nil || ctx.Err() != nil || errors.Is(err, errGone) {
		return
	}
	d.log.Warn("moving a tablet has failed for now", "tablet", uint64(id), "err", err)
	_ = clock.Sleep(ctx, retryAfter)
}

// Ends of an attempt before the move's.
var (
	errGone      = errors.New("moves: it is somebody else's task now")
	errCancelled = errors.New("moves: it was cancelled, or its table dropped")
	errDiffers   = errors.New("moves: the copy differs from the tablet")
	errFew       = errors.New("moves: the tablet has too few rows to be cut")
	errSlow      = errors.New("moves: the tablet was frozen for too long")
)

// attempt claims a move and carries it out.
func (d *Driver) attempt(ctx context.Context, id schema.TabletID) error {
	a := &attempt{Driver: d}
	err := d.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now := catalog.MoveOf(tx.Snapshot, id)
		if now == nil {
			return errGone
		}
		a.Move = *now
		a.Attempt = tx.NewID()
		tx.PutMove(&a.Move)
		return nil
	})
	if err != nil || a.State == catalog.MoveFailed {
		return err
	}
	a.layOut()
	if a.State == catalog.MoveCopying {
		switch err := a.move(ctx); {
		case errors.Is(err, errCancelled):
			return a.takeBack(ctx, "")
		case errors.Is(err, errDiffers), errors.Is(err, errFew):
			d.log.Warn("a tablet stays as it is", "tablet", uint64(id), "err", err)
			return a.takeBack(ctx, err.Error())
		case err != nil:
			return err
		}
	}
	return a.finish(ctx)
}

// attempt is one driver's work at a move.
type attempt struct {
	*Driver
	catalog.Move
	table   *schema.Table // as it was when the attempt began
	sources []source
	targets []target

	noted time.Time // when the record was told how far the copy is

	busy, slow int // attempts to freeze that were in vain: since somebody was in a tablet, or since it took too long
}

// source is a tablet whose rows go over.
type source struct {
	catalog.Source
	bounds schema.Tablet
}

// target is a tablet that comes in the sources' place.
type target struct {
	schema.Tablet
	rows uint64 // when it was compared
}

// layOut finds the tablets that the record is about.
func (a *attempt) layOut() {
	a.table, _ = a.c.Catalog().TableByID(a.Table)
	a.sources, a.targets = nil, nil
	for _, s := range a.Sources() {
		from := source{Source: s}
		if i := slices.IndexFunc(a.tablets(), func(tb schema.Tablet) bool { return tb.ID == s.Tablet }); i >= 0 {
			from.bounds = a.tablets()[i]
		}
		a.sources = append(a.sources, from)
	}
	for _, tb := range a.Results() {
		a.targets = append(a.targets, target{Tablet: tb})
	}
}

// tablets are the table's, none where it has been dropped.
func (a *attempt) tablets() []schema.Tablet {
	if a.table == nil {
		return nil
	}
	return a.table.Tablets
}

// plain tells that all that one tablet has goes to one other.
func (a *attempt) plain() bool { return len(a.sources) == 1 && len(a.targets) == 1 }

// look tells whether the attempt is to go on.
func (a *attempt) look() error {
	if !a.c.Leads() {
		return errGone
	}
	now := catalog.MoveOf(a.c.Catalog(), a.Tablet)
	switch {
	case now == nil || now.Attempt != a.Attempt || now.State != a.State:
		return errGone
	case now.Cancel || a.next() == nil:
		return errCancelled
	}
	return nil
}

// next is the table after the flip; nil where it does not have the sources any more.
func (a *attempt) next() *schema.Table {
	if t, ok := a.c.Catalog().TableByID(a.Table); ok {
		return a.After(t)
	}
	return nil
}

func (a *attempt) ask(ctx context.Context, s schema.ShardID, t schema.TabletID, q Request) (*Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, stepMost)
	defer cancel()
	return a.askPatiently(ctx, s, t, q)
}

// askPatiently is ask without a bound on its time.
func (a *attempt) askPatiently(ctx context.Context, s schema.ShardID, t schema.TabletID, q Request) (*Reply, error) {
	q.Attempt, q.Shard, q.Tablet = a.Attempt, s, t
	r, err := a.c.Ask(ctx, &q)
	if err == nil {
		err = r.err()
	}
	return r, err
}

// step has a step logged in a shard.
func (a *attempt) step(ctx context.Context, s schema.ShardID, t schema.TabletID, c shard.MoveCommand) error {
	c.Attempt, c.Tablet = a.Attempt, t
	_, err := a.ask(ctx, s, t, Request{Op: OpStep, Step: &c})
	if err != nil {
		err = fmt.Errorf("step %d in shard %d: %w", c.Op, s, err)
	}
	return err
}

// atSources and atTargets have a step logged at all of them, at the same time.
func (a *attempt) atSources(ctx context.Context, op shard.MoveOp) error {
	return each(len(a.sources), func(i int) error {
		s := &a.sources[i]
		return a.step(ctx, s.Shard, s.Tablet, shard.MoveCommand{Op: op})
	})
}

func (a *attempt) atTargets(ctx context.Context, command func(i int) shard.MoveCommand) error {
	return each(len(a.targets), func(i int) error {
		t := &a.targets[i]
		return a.step(ctx, t.Shard, t.ID, command(i))
	})
}

func each(n int, fn func(i int) error) error { return spawn.Each(n, together, "moving a tablet", fn) }

// move takes the sources up to the flip.
func (a *attempt) move(ctx context.Context) error {
	if err := a.cut(ctx); err != nil {
		return err
	}
	if err := a.look(); err != nil {
		return err
	}
	if err := a.receive(ctx); err != nil {
		return err
	}
	for i := range a.sources {
		for s := &a.sources[i]; !s.Copied; {
			if err := a.page(ctx, s); err != nil {
				return err
			}
		}
	}
	for i := range a.sources {
		if err := a.compare(ctx, &a.sources[i]); err != nil {
			return err
		}
	}
	for {
		if err := a.look(); err != nil {
			return err
		}
		if err := a.followAll(ctx, closeEnough); err != nil {
			return err
		}
		err := a.flip(ctx)
		switch {
		case errors.Is(err, errSlow):
			a.slow++
		case errors.Is(err, shard.ErrMoveBusy):
			a.busy++
		default:
			return err
		}
		a.log.Debug("a tablet cannot be frozen yet", "tablet", uint64(a.Tablet), "err", err)
		if err := clock.Sleep(ctx, thawPause); err != nil {
			return err
		}
	}
}

// cut chooses the bounds of a split that names a number of tablets only.
func (a *attempt) cut(ctx context.Context) error {
	if a.Into == 0 || len(a.Targets) > 0 {
		return nil
	}
	if now := catalog.MoveOf(a.c.Catalog(), a.Tablet); a.table == nil || now != nil && now.Cancel {
		return errCancelled
	}
	ctx, cancel := context.WithTimeout(ctx, cutMost)
	defer cancel()
	r, err := a.askPatiently(ctx, a.From, a.Tablet, Request{Op: OpCut, Into: a.Into})
	if err != nil {
		return err
	}
	if len(r.Cuts) == 0 {
		return errFew
	}
	err = a.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now := catalog.MoveOf(tx.Snapshot, a.Tablet)
		if now == nil || now.Attempt != a.Attempt {
			return errGone
		}
		m := *now
		if err := tx.Cut(&m, a.sources[0].bounds, r.Cuts); err != nil {
			return errors.Join(errCancelled, err) // it is not the table's any more
		}
		tx.PutMove(&m)
		a.Move = m
		return nil
	})
	if err == nil {
		a.layOut()
	}
	return err
}

// receive begins, or goes on, on both sides.
func (a *attempt) receive(ctx context.Context) error {
	if err := a.atSources(ctx, shard.MoveTrack); err != nil {
		return err
	}
	return a.fill(ctx)
}

// fill has the copies be what is filled, whatever they were. The sources are tracked.
func (a *attempt) fill(ctx context.Context) error {
	next := a.next()
	if next == nil {
		return errCancelled
	}
	since, err := a.sinceWhen(ctx)
	if err != nil {
		return err
	}
	tables := make([]*schema.Table, len(a.targets))
	for i := range next.Tablets {
		tb := &next.Tablets[i]
		if at := slices.IndexFunc(a.targets, func(t target) bool { return t.ID == tb.ID }); at >= 0 {
			tables[at] = next.ForTablet(tb)
		}
	}
	return a.atTargets(ctx, func(i int) shard.MoveCommand {
		return shard.MoveCommand{Op: shard.MoveReceive, Table: tables[i], Since: since}
	})
}

// sinceWhen tells from when on the copies have which index, and finds out where the copying of each source has to go on.
func (a *attempt) sinceWhen(ctx context.Context) (since map[schema.IndexID]mvcc.Timestamp, err error) {
	all := true
	for i := range a.targets {
		there, err := a.ask(ctx, a.targets[i].Shard, a.targets[i].ID, Request{Op: OpState})
		if err != nil {
			return nil, err
		}
		all = all && there.Here
	}
	for i := range a.sources {
		s := &a.sources[i]
		here, err := a.ask(ctx, s.Shard, s.Tablet, Request{Op: OpState})
		if err != nil {
			return nil, err
		}
		if !all {
			s.Page, s.Copied, s.Noted = nil, false, shard.NotePosition{}
		}
		if s.Noted.Index < here.State.Tracked {
			s.Noted = shard.NotePosition{Index: here.State.Tracked}
		}
		for index, at := range here.State.Since {
			if since == nil {
				since = map[schema.IndexID]mvcc.Timestamp{}
			}
			since[index] = max(since[index], at)
		}
	}
	return since, nil
}

// page copies some versions. It works for half of the time, at most.
func (a *attempt) page(ctx context.Context, s *source) error {
	if err := a.giveWay(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := a.look(); err != nil {
		return err
	}
	r, err := a.ask(ctx, s.Shard, s.Tablet, Request{Op: OpVersions, From: s.Page, MaxBytes: a.pageBytes})
	if err != nil {
		return err
	}
	if err := a.ingest(ctx, s, &r.Page); err != nil {
		return err
	}
	s.Page, s.Copied = r.Page.Next, r.Page.Next == nil
	if err := a.record(ctx); err != nil || s.Copied {
		return err
	}
	return clock.Sleep(ctx, time.Since(began))
}

// giveWay waits while tablets of other moves are frozen: their steps come first.
func (d *Driver) giveWay(ctx context.Context) error {
	for end := time.Now().Add(giveWayMost); d.freezing.Load() > 0 && time.Now().Before(end); {
		if err := clock.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// ingest gives versions of a source to the targets that have their rows.
func (a *attempt) ingest(ctx context.Context, s *source, p *shard.VersionPage) error {
	if p.Count == 0 {
		return nil
	}
	pages, err := a.deal(s, p)
	if err != nil {
		return err
	}
	return each(len(pages), func(i int) error {
		if pages[i].Count == 0 {
			return nil
		}
		t := &a.targets[i]
		return a.step(ctx, t.Shard, t.ID, shard.MoveCommand{Op: shard.MoveIngest, Versions: pages[i].Versions})
	})
}

// deal parts versions of a source by the targets that have their rows.
func (a *attempt) deal(s *source, p *shard.VersionPage) (pages []shard.VersionPage, err error) {
	a.Bytes += uint64(len(p.Versions))
	if a.plain() {
		return []shard.VersionPage{*p}, nil
	}
	return shard.DealVersions(p.Versions, a.table, &s.bounds, a.Results())
}

// record has the catalog say how far the copy is, now and then.
func (a *attempt) record(ctx context.Context) error {
	if time.Since(a.noted) < a.noteEvery {
		return nil
	}
	return a.tell(ctx, a.c.ChangeCatalog)
}

// calm waits for a moment at which the catalog takes changes soon, since the flip is one, but not for long.
func (a *attempt) calm(ctx context.Context) error {
	for range calmTries {
		began := time.Now()
		if err := a.tell(ctx, a.c.ChangeAtOnce); err != nil || time.Since(began) < calmRound {
			return err
		}
		if err := clock.Sleep(ctx, calmPause); err != nil {
			return err
		}
	}
	return nil
}

// tell has the catalog say how far the copy is.
func (a *attempt) tell(ctx context.Context, change func(context.Context, func(*catalog.Tx) error) error) error {
	a.noted = time.Now()
	return change(ctx, func(tx *catalog.Tx) error {
		now := catalog.MoveOf(tx.Snapshot, a.Tablet)
		if now == nil || now.Attempt != a.Attempt {
			return errGone
		}
		m := a.Move
		m.Cancel = now.Cancel
		far := make([]catalog.Source, len(a.sources))
		for i := range a.sources {
			far[i] = a.sources[i].Source
		}
		m.SetSources(far)
		tx.PutMove(&m)
		return nil
	})
}

// followAll takes over what was noted of all sources; see follow.
func (a *attempt) followAll(ctx context.Context, enough int) error {
	for i := range a.sources {
		if err := a.follow(ctx, &a.sources[i], 0, enough); err != nil {
			return err
		}
	}
	return nil
}

// follow takes over what was noted, through a log index (0: all), until a round brings enough versions at most.
func (a *attempt) follow(ctx context.Context, s *source, through uint64, enough int) error {
	for {
		r, err := a.ask(ctx, s.Shard, s.Tablet, Request{Op: OpNoted, Noted: s.Noted, Through: through, MaxBytes: a.pageBytes})
		if err != nil {
			return err
		}
		if err := a.ingest(ctx, s, &r.Page); err != nil {
			return err
		}
		s.Noted = r.Noted
		if err := a.record(ctx); err != nil || !r.More && r.Page.Count <= enough {
			return err
		}
		if err := a.look(); err != nil {
			return err
		}
	}
}

// compare compares the copies with a source, some keys after the others, each time as of a timestamp at which both show everything.
func (a *attempt) compare(ctx context.Context, s *source) error {
	began := time.Now()
	for from, last := []byte(nil), false; !last; {
		if err := a.giveWay(ctx); err != nil {
			return err
		}
		if err := a.look(); err != nil {
			return err
		}
		next, err := a.compareFrom(ctx, s, from)
		if errors.Is(err, shard.ErrTooOld) { // by the time that it was looked at
			continue
		}
		if err != nil {
			return err
		}
		from, last = next, next == nil
		if err := clock.Sleep(ctx, time.Since(began)); err != nil {
			return err
		}
		began = time.Now()
	}
	return nil
}

func (a *attempt) compareFrom(ctx context.Context, s *source, from []byte) (next []byte, err error) {
	st, err := a.ask(ctx, s.Shard, s.Tablet, Request{Op: OpState})
	if err != nil {
		return nil, err
	}
	if err := a.follow(ctx, s, st.State.Applied, 1<<30); err != nil {
		return nil, err
	}
	q := Request{Op: OpDigest, At: st.State.Settled, From: from, Keys: a.digestKeys}
	// Now, so that what shows has not been collected before it went over.
	here, err := a.ask(ctx, s.Shard, s.Tablet, q)
	if err != nil {
		return nil, err
	}
	q.Until, q.Keys = here.Digest.Next, here.Digest.Keys+1
	if len(a.sources) > 1 {
		q.Rows = &s.bounds
	}
	var there shard.Digest
	rows := make([]uint64, len(a.targets))
	for i := range a.targets {
		r, err := a.ask(ctx, a.targets[i].Shard, a.targets[i].ID, q)
		if err != nil {
			return nil, err
		}
		there.Hash += r.Digest.Hash
		there.Keys += r.Digest.Keys
		rows[i] = r.Digest.Rows
	}
	if here.Digest.Hash != there.Hash || here.Digest.Keys != there.Keys {
		return nil, errDiffers
	}
	for i := range a.targets {
		a.targets[i].rows += rows[i]
	}
	return here.Digest.Next, nil
}

// freeze is what one attempt to freeze the sources has come to.
type freeze struct {
	began   time.Time     // when nobody was let in any more
	waited  time.Duration // for those who were in the tablets
	froze   time.Duration // since it began: until all sources were frozen
	opened  time.Duration // likewise: until the copies were complete
	states  []*Reply      // of the sources, frozen, with the first of what is left to be taken over
	opening bool          // the copies may serve
}

// flip freezes the sources, takes over the rest, and shows the copies to everybody. ErrMoveBusy, errSlow: the sources serve again.
func (a *attempt) flip(ctx context.Context) error {
	next := a.next()
	if next == nil {
		return errCancelled
	}
	if err := a.c.InstallTable(ctx, next); err != nil {
		return err
	}
	if err := a.calm(ctx); err != nil {
		return err
	}
	if err := a.followAll(ctx, closeEnough); err != nil { // what was written while the shards were told
		return err
	}
	a.freezing.Add(1)
	defer a.freezing.Add(-1)
	f := &freeze{}
	err := a.freeze(ctx, f)
	if err != nil {
		return a.thaw(ctx, f, err)
	}
	if err = a.show(ctx, f, next.Version); err != nil {
		return err
	}
	a.State = catalog.MoveLeaving
	a.Stats.Flips.Add(1)
	took := time.Since(f.began)
	a.Stats.Frozen.Observe(took)
	a.log.Info("a tablet has moved", "tablet", uint64(a.Tablet), "sources", len(a.sources), "copy", uint64(a.Copy), "targets", len(a.targets),
		"from", a.From, "to", a.To, "bytes", a.Bytes, "busy", a.busy, "slow", a.slow,
		"frozen", took, "waited", f.waited, "froze", f.froze, "opened", f.opened)
	return nil
}

// wait is for how long those are waited for who are in a tablet, with nobody let in.
func (a *attempt) wait() time.Duration {
	return min(freezeWait+time.Duration(a.busy)*2*time.Millisecond, freezeWaitMost)
}

// patience is for how long a tablet may be frozen before the flip is begun, wait among that.
func (a *attempt) patience() time.Duration {
	return min(freezeFirst<<min(max(a.slow-freezeTries, 0), 8), freezeMost) + a.wait() - freezeWait
}

// freeze freezes all sources. One alone waits until nobody happens to be in it; several would wait for each other.
func (a *attempt) freeze(ctx context.Context, f *freeze) error {
	q := Request{Op: OpStep, Wait: a.wait(), Most: a.patience(), MaxBytes: a.pageBytes}
	if len(a.sources) == 1 {
		q.Look = freezeLook
	}
	began := time.Now()
	f.began, f.states = began, make([]*Reply, len(a.sources))
	limit, cancel := context.WithTimeout(ctx, q.Look+q.Most)
	defer cancel()
	err := each(len(a.sources), func(i int) (err error) {
		s, q := &a.sources[i], q
		q.Step, q.Noted = &shard.MoveCommand{Op: shard.MoveFreeze, Attempt: a.Attempt, Tablet: s.Tablet}, s.Noted
		f.states[i], err = a.ask(limit, s.Shard, s.Tablet, q)
		return err
	})
	for _, r := range f.states {
		if r != nil {
			f.waited = max(f.waited, r.Waited)
			f.began = began.Add(r.Looked)
		}
	}
	f.froze = time.Since(f.began)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		return errSlow
	}
	return err
}

// show is flip of sources that are frozen.
func (a *attempt) show(ctx context.Context, f *freeze, version uint64) error {
	limit, cancel := context.WithDeadline(ctx, f.began.Add(a.patience()))
	defer cancel()
	f.opening = true
	err := a.open(limit, f)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		err = errSlow
	}
	if err != nil {
		return a.thaw(ctx, f, err)
	}
	f.opened = time.Since(f.began)
	flipped := false
	err = a.c.ChangeAtOnce(ctx, func(tx *catalog.Tx) error {
		flipped = tx.Flip(&a.Move, version)
		return nil
	})
	switch {
	case err != nil:
		return err // it may be yet: the next attempt will know
	case flipped:
		return nil
	}
	if err := a.look(); err != nil {
		return err
	}
	return a.thaw(ctx, f, errSlow) // the table was changed beside it
}

// open completes the copies and lets them serve.
func (a *attempt) open(ctx context.Context, f *freeze) error {
	c := shard.MoveCommand{Op: shard.MoveOpen}
	rest := make([][]byte, len(a.targets))
	rows := int64(0)
	for i, r := range f.states {
		if r.State.Frozen == 0 {
			return errSlow
		}
		if err := a.complete(ctx, &a.sources[i], r, rest); err != nil {
			return err
		}
		rows += r.State.Rows
		c.AutoInc = max(c.AutoInc, r.AutoInc-min(r.AutoInc, 1))
		c.Newest = max(c.Newest, r.State.Frozen, r.State.Newest)
		c.Begins = max(c.Begins, r.State.Watermark, r.State.Begins)
	}
	shares := a.shares(rows)
	return a.atTargets(ctx, func(i int) shard.MoveCommand {
		c := c
		c.Rows, c.Versions = shares[i], rest[i]
		return c
	})
}

// complete takes over what was noted last of a source that is frozen: little goes into rest, by targets, to be put in by the step that opens them.
func (a *attempt) complete(ctx context.Context, s *source, r *Reply, rest [][]byte) error {
	if r.More || slices.ContainsFunc(rest, func(b []byte) bool { return len(b)+len(r.Page.Versions) > a.pageBytes }) {
		return a.follow(ctx, s, 0, 1<<30)
	}
	pages, err := a.deal(s, &r.Page) // s.Noted stays: whether the step is taken is not known yet
	if err != nil {
		return err
	}
	for i := range pages {
		rest[i] = append(rest[i], pages[i].Versions...)
	}
	return nil
}

// shares deals the number of the sources' rows, which has changed a little since they were compared, to the targets.
func (a *attempt) shares(rows int64) []int64 {
	whole, before, given := uint64(0), uint64(0), int64(0)
	for i := range a.targets {
		whole += a.targets[i].rows
	}
	list := make([]int64, len(a.targets))
	for i := range a.targets {
		before += a.targets[i].rows
		upTo := rows
		if before < whole {
			upTo = int64(float64(rows) * float64(before) / float64(whole))
		}
		list[i] = upTo - given
		given = upTo
	}
	return list
}

// thaw lets the sources serve again, and the copies no more, which nobody knows; why they are not shown is the error.
func (a *attempt) thaw(ctx context.Context, f *freeze, why error) error {
	a.Stats.Thawed.Add(1)
	err := a.atSources(ctx, shard.MoveTrack) // one that somebody stayed in may have been frozen by an earlier try
	took := time.Since(f.began)
	if len(a.sources) == 1 && errors.Is(why, shard.ErrMoveBusy) {
		took = f.waited
	}
	a.Stats.Frozen.Observe(took)
	a.log.Info("a tablet serves again that was about to move", "tablet", uint64(a.Tablet), "sources", len(a.sources), "why", why, "frozen", took, "waited", f.waited, "froze", f.froze)
	if err == nil && f.opening {
		err = a.fill(ctx)
	}
	if err != nil {
		return err
	}
	return why
}

// takeBack ends a move that has not flipped; why is for who asked for it, "" where that is known.
func (a *attempt) takeBack(ctx context.Context, why string) error {
	if err := a.untrack(ctx); err != nil {
		return err
	}
	if err := a.c.DropTablets(ctx, a.Results()); err != nil {
		return err
	}
	again, err := a.burn(ctx)
	if err != nil {
		return err
	}
	a.log.Info("a tablet is not moved after all", "tablet", uint64(a.Tablet), "why", why)
	return a.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now := catalog.MoveOf(tx.Snapshot, a.Tablet)
		if now == nil || now.Attempt != a.Attempt || now.State != catalog.MoveCopying {
			return nil
		}
		if t, ok := tx.Snapshot.TableByID(a.Table); ok && again != nil && t.Version+1 == again.Version {
			t = t.Clone()
			t.Version = again.Version
			tx.PutTable(t)
		}
		if why == "" {
			tx.DeleteMove(a.Tablet)
			return nil
		}
		failed := *now
		failed.State, failed.Error = catalog.MoveFailed, why
		tx.PutMove(&failed)
		return nil
	})
}

// untrack lets the sources be what they were, as far as they are there.
func (a *attempt) untrack(ctx context.Context) error {
	for i := range a.sources {
		s := &a.sources[i]
		err := a.step(ctx, s.Shard, s.Tablet, shard.MoveCommand{Op: shard.MoveUntrack})
		if err != nil && a.has(s.Tablet) {
			return err
		}
	}
	return nil
}

// has tells whether the table has a tablet now.
func (a *attempt) has(id schema.TabletID) bool {
	t, ok := a.c.Catalog().TableByID(a.Table)
	return ok && slices.ContainsFunc(t.Tablets, func(tb schema.Tablet) bool { return tb.ID == id })
}

// burn gives all of the table's tablets the version of a flip that did not come, which others than the sources may have seen: it means the same to them.
// So a gateway is understood with the version before, until it hears of this one. nil: there are no others.
func (a *attempt) burn(ctx context.Context) (*schema.Table, error) {
	t, ok := a.c.Catalog().TableByID(a.Table)
	if !ok || len(t.Tablets) < 2 {
		return nil, nil
	}
	again := t.Clone()
	again.Version++
	return again, a.c.InstallTable(ctx, again)
}

// finish clears what a flip has left: first for those who wait, and in the end the sources, when nobody can read their past any more.
func (a *attempt) finish(ctx context.Context) error {
	err := each(len(a.sources), func(i int) error {
		s := &a.sources[i]
		return refusable(a.step(ctx, s.Shard, s.Tablet, shard.MoveCommand{Op: shard.MoveLeave}))
	})
	if err != nil {
		return err
	}
	// The copies' table may have been dropped, or the copies have moved on.
	err = each(len(a.targets), func(i int) error {
		t := &a.targets[i]
		return refusable(a.step(ctx, t.Shard, t.ID, shard.MoveCommand{Op: shard.MoveSettle}))
	})
	if err != nil {
		return err
	}
	var left []schema.Tablet
	for i := range a.sources {
		if over, err := a.outlive(ctx, &a.sources[i]); err != nil || !over {
			return err
		}
		left = append(left, schema.Tablet{ID: a.sources[i].Tablet, Shard: a.sources[i].Shard})
	}
	if err := a.c.DropTablets(ctx, left); err != nil {
		return err
	}
	return a.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if now := catalog.MoveOf(tx.Snapshot, a.Tablet); now != nil && now.Attempt == a.Attempt {
			tx.DeleteMove(a.Tablet)
		}
		return nil
	})
}

// refusable is the error of a step that may come too late.
func refusable(err error) error {
	if errors.Is(err, shard.ErrMoveRefused) {
		return nil
	}
	return err
}

// outlive waits until nobody can read what a source shows; false: that is somebody else's task now.
func (a *attempt) outlive(ctx context.Context, s *source) (bool, error) {
	for {
		r, err := a.ask(ctx, s.Shard, s.Tablet, Request{Op: OpState})
		if err != nil {
			return false, err
		}
		if !r.Here || r.State.Watermark >= r.State.Frozen {
			return true, nil
		}
		if err := clock.Sleep(ctx, time.Second); err != nil {
			return false, err
		}
		if now := catalog.MoveOf(a.c.Catalog(), a.Tablet); !a.c.Leads() || now == nil || now.Attempt != a.Attempt {
			return false, nil
		}
	}
}
