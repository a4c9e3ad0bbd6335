package moves

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// Cluster is what a Driver works with.
type Cluster interface {
	Catalog() *catalog.Snapshot
	ChangeCatalog(ctx context.Context, fn func(tx *catalog.Tx) error) error
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

	pageBytes  int           // of what goes over at once
	digestKeys uint64        // that are compared at once
	noteEvery  time.Duration // how often the record says how far a copy is

	mu      sync.Mutex
	running map[schema.TabletID]bool
	done    spawn.Group
}

// New makes a Driver.
func New(c Cluster, log *slog.Logger) *Driver {
	return &Driver{c: c, log: log, pageBytes: 512 << 10, digestKeys: 100_000, noteEvery: 2 * time.Second, running: map[schema.TabletID]bool{}}
}

const (
	lookEvery  = 100 * time.Millisecond
	retryAfter = 500 * time.Millisecond // after a step that failed
	// stepMost bounds a step: a leaseholder may be away for a failover.
	stepMost = 20 * time.Second
	// closeEnough is the number of versions behind which a tablet may be frozen: those of a moment.
	closeEnough = 200
	freezeWait  = 100 * time.Millisecond // for those who are in the tablet; longer after some attempts in vain
	freezeMost  = 2 * time.Second        // from the freeze to the flip
	thawPause   = 400 * time.Millisecond // between two attempts to freeze
)

// Loop carries moves out until ctx ends.
func (d *Driver) Loop(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	defer d.done.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
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
	if a.State == catalog.MoveCopying {
		switch err := a.move(ctx); {
		case errors.Is(err, errCancelled):
			return a.takeBack(ctx, "")
		case errors.Is(err, errDiffers):
			d.log.Error("a tablet's copy differs from it; it stays where it is", "tablet", uint64(id))
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

	noted time.Time // when the record was told how far the copy is
}

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

// next is the table after the flip; nil where it does not have the tablet any more.
func (a *attempt) next() *schema.Table {
	if t, ok := a.c.Catalog().TableByID(a.Table); ok {
		return a.After(t)
	}
	return nil
}

func (a *attempt) ask(ctx context.Context, q Request) (*Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, stepMost)
	defer cancel()
	q.Attempt = a.Attempt
	if q.Tablet = a.Tablet; q.Shard == a.To {
		q.Tablet = a.Copy
	}
	r, err := a.c.Ask(ctx, &q)
	if err == nil {
		err = r.err()
	}
	return r, err
}

// step has a step logged in a shard.
func (a *attempt) step(ctx context.Context, s schema.ShardID, c shard.MoveCommand) error {
	c.Attempt = a.Attempt
	if c.Tablet = a.Tablet; s == a.To {
		c.Tablet = a.Copy
	}
	_, err := a.ask(ctx, Request{Shard: s, Op: OpStep, Step: &c, Wait: freezeWait})
	if err != nil && !errors.Is(err, shard.ErrMoveBusy) {
		err = fmt.Errorf("step %d in shard %d: %w", c.Op, s, err)
	}
	return err
}

// move takes the tablet up to the flip.
func (a *attempt) move(ctx context.Context) error {
	if err := a.look(); err != nil {
		return err
	}
	if err := a.receive(ctx); err != nil {
		return err
	}
	for !a.Copied {
		if err := a.page(ctx); err != nil {
			return err
		}
	}
	if err := a.compare(ctx); err != nil {
		return err
	}
	for {
		if err := a.look(); err != nil {
			return err
		}
		if _, err := a.follow(ctx, 0, closeEnough); err != nil {
			return err
		}
		err := a.flip(ctx)
		if err == nil || !errors.Is(err, shard.ErrMoveBusy) && !errors.Is(err, errSlow) {
			return err
		}
		a.log.Debug("a tablet cannot be frozen yet", "tablet", uint64(a.Tablet), "err", err)
		if err := clock.Sleep(ctx, thawPause); err != nil {
			return err
		}
	}
}

// receive begins, or goes on, on both sides.
func (a *attempt) receive(ctx context.Context) error {
	next := a.next()
	if next == nil {
		return errCancelled
	}
	if err := a.step(ctx, a.From, shard.MoveCommand{Op: shard.MoveTrack}); err != nil {
		return err
	}
	here, err := a.ask(ctx, Request{Shard: a.From, Op: OpState})
	if err != nil {
		return err
	}
	there, err := a.ask(ctx, Request{Shard: a.To, Op: OpState})
	if err != nil {
		return err
	}
	if !there.Here {
		a.Page, a.Copied, a.Noted = nil, false, shard.NotePosition{}
	}
	if a.Noted.Index < here.State.Tracked {
		a.Noted = shard.NotePosition{Index: here.State.Tracked}
	}
	for i := range next.Tablets {
		if tb := &next.Tablets[i]; tb.ID == a.Copy {
			return a.step(ctx, a.To, shard.MoveCommand{Op: shard.MoveReceive, Table: next.ForTablet(tb), Since: here.State.Since})
		}
	}
	return errCancelled
}

// page copies some versions. It works for half of the time, at most.
func (a *attempt) page(ctx context.Context) error {
	began := time.Now()
	if err := a.look(); err != nil {
		return err
	}
	r, err := a.ask(ctx, Request{Shard: a.From, Op: OpVersions, From: a.Page, MaxBytes: a.pageBytes})
	if err != nil {
		return err
	}
	if err := a.ingest(ctx, &r.Page); err != nil {
		return err
	}
	a.Page, a.Copied = r.Page.Next, r.Page.Next == nil
	if err := a.record(ctx); err != nil || a.Copied {
		return err
	}
	return clock.Sleep(ctx, time.Since(began))
}

func (a *attempt) ingest(ctx context.Context, p *shard.VersionPage) error {
	if p.Count == 0 {
		return nil
	}
	a.Bytes += uint64(len(p.Versions))
	return a.step(ctx, a.To, shard.MoveCommand{Op: shard.MoveIngest, Versions: p.Versions})
}

// record has the catalog say how far the copy is, now and then.
func (a *attempt) record(ctx context.Context) error {
	if time.Since(a.noted) < a.noteEvery {
		return nil
	}
	a.noted = time.Now()
	return a.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now := catalog.MoveOf(tx.Snapshot, a.Tablet)
		if now == nil || now.Attempt != a.Attempt {
			return errGone
		}
		m := a.Move
		m.Cancel = now.Cancel
		tx.PutMove(&m)
		return nil
	})
}

// follow takes over what was noted, through a log index (0: all), until a round brings enough versions at most. It tells the number of the
// last round's.
func (a *attempt) follow(ctx context.Context, through uint64, enough int) (last int, err error) {
	for {
		r, err := a.ask(ctx, Request{Shard: a.From, Op: OpNoted, Noted: a.Noted, Through: through, MaxBytes: a.pageBytes})
		if err != nil {
			return 0, err
		}
		if err := a.ingest(ctx, &r.Page); err != nil {
			return 0, err
		}
		a.Noted = r.Noted
		if err := a.record(ctx); err != nil || !r.More && r.Page.Count <= enough {
			return r.Page.Count, err
		}
		if err := a.look(); err != nil {
			return 0, err
		}
	}
}

// compare compares the copy with the tablet, some keys after the others, each time as of a timestamp at which both show everything.
func (a *attempt) compare(ctx context.Context) error {
	began := time.Now()
	for from, last := []byte(nil), false; !last; {
		if err := a.look(); err != nil {
			return err
		}
		next, err := a.compareFrom(ctx, from)
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

func (a *attempt) compareFrom(ctx context.Context, from []byte) (next []byte, err error) {
	st, err := a.ask(ctx, Request{Shard: a.From, Op: OpState})
	if err != nil {
		return nil, err
	}
	at := st.State.Settled
	if _, err := a.follow(ctx, st.State.Applied, 1<<30); err != nil {
		return nil, err
	}
	// Now, so that what shows has not been collected before it went over.
	here, err := a.ask(ctx, Request{Shard: a.From, Op: OpDigest, At: at, From: from, Keys: a.digestKeys})
	if err != nil {
		return nil, err
	}
	there, err := a.ask(ctx, Request{Shard: a.To, Op: OpDigest, At: at, From: from, Until: here.Digest.Next, Keys: here.Digest.Keys + 1})
	if err != nil {
		return nil, err
	}
	if here.Digest.Hash != there.Digest.Hash || here.Digest.Keys != there.Digest.Keys {
		return nil, errDiffers
	}
	return here.Digest.Next, nil
}

// flip freezes the tablet, takes over the rest, and shows the copy to everybody. ErrMoveBusy, errSlow: the tablet serves again.
func (a *attempt) flip(ctx context.Context) error {
	next := a.next()
	if next == nil {
		return errCancelled
	}
	if err := a.c.InstallTable(ctx, next); err != nil {
		return err
	}
	if err := a.step(ctx, a.From, shard.MoveCommand{Op: shard.MoveFreeze}); errors.Is(err, shard.ErrMoveBusy) {
		return errors.Join(err, a.receive(ctx)) // it may have been frozen by an earlier try
	} else if err != nil {
		return err
	}
	frozen := time.Now()
	err := a.show(ctx, next.Version)
	if err == nil {
		a.log.Info("a tablet has moved", "tablet", uint64(a.Tablet), "copy", uint64(a.Copy), "from", a.From, "to", a.To,
			"bytes", a.Bytes, "frozen", time.Since(frozen))
		a.State = catalog.MoveLeaving
	}
	return err
}

// show is flip of a tablet that is frozen.
func (a *attempt) show(ctx context.Context, version uint64) error {
	limit, cancel := context.WithTimeout(ctx, freezeMost)
	defer cancel()
	err := a.open(limit)
	if err == nil {
		err = limit.Err()
	}
	if err != nil {
		return a.thaw(ctx, limit, err)
	}
	flipped := false
	err = a.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
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
	return a.thaw(ctx, limit, errSlow) // the table was changed beside it
}

// open completes the copy and lets it serve.
func (a *attempt) open(ctx context.Context) error {
	if _, err := a.follow(ctx, 0, 1<<30); err != nil {
		return err
	}
	r, err := a.ask(ctx, Request{Shard: a.From, Op: OpState})
	if err != nil {
		return err
	}
	if r.State.Frozen == 0 && r.State.Phase != "frozen" {
		return errSlow
	}
	return a.step(ctx, a.To, shard.MoveCommand{
		Op: shard.MoveOpen, Rows: r.State.Rows, AutoInc: r.AutoInc - min(r.AutoInc, 1), Newest: max(r.State.Frozen, r.State.Newest),
		Begins: max(r.State.Watermark, r.State.Begins),
	})
}

// thaw lets the tablet serve again, and the copy no more, which nobody knows.
func (a *attempt) thaw(ctx, limit context.Context, why error) error {
	if err := a.receive(ctx); err != nil {
		return err
	}
	if limit.Err() != nil {
		return errSlow
	}
	return why
}

// takeBack ends a move that has not flipped; why is for who asked for it, "" where that is known.
func (a *attempt) takeBack(ctx context.Context, why string) error {
	if err := a.step(ctx, a.From, shard.MoveCommand{Op: shard.MoveUntrack}); err != nil && a.next() != nil {
		return err
	}
	if err := a.c.DropTablets(ctx, []schema.Tablet{{ID: a.Copy, Shard: a.To}}); err != nil {
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
		if t, ok := tx.Snapshot.TableByID(a.Table); ok && again != nil && t.Version+2 == again.Version {
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

// burn gives the table's other tablets, which may have seen the version of a flip that did not come, one that was not used. nil: there are none.
func (a *attempt) burn(ctx context.Context) (*schema.Table, error) {
	t, ok := a.c.Catalog().TableByID(a.Table)
	if !ok || len(t.Tablets) < 2 {
		return nil, nil
	}
	again := t.Clone()
	again.Version += 2
	return again, a.c.InstallTable(ctx, again)
}

// finish clears what a flip has left: first for those who wait, and in the end the tablet, when nobody can read its past any more.
func (a *attempt) finish(ctx context.Context) error {
	left := a.step(ctx, a.From, shard.MoveCommand{Op: shard.MoveLeave})
	if left != nil && !errors.Is(left, shard.ErrMoveRefused) {
		return left
	}
	// The copy's table may have been dropped, or the copy have moved on.
	if err := a.step(ctx, a.To, shard.MoveCommand{Op: shard.MoveSettle}); err != nil && !errors.Is(err, shard.ErrMoveRefused) {
		return err
	}
	for {
		r, err := a.ask(ctx, Request{Shard: a.From, Op: OpState})
		if err != nil {
			return err
		}
		if !r.Here || r.State.Watermark >= r.State.Frozen {
			break
		}
		if err := clock.Sleep(ctx, time.Second); err != nil {
			return err
		}
		if now := catalog.MoveOf(a.c.Catalog(), a.Tablet); !a.c.Leads() || now == nil || now.Attempt != a.Attempt {
			return nil
		}
	}
	if err := a.c.DropTablets(ctx, []schema.Tablet{{ID: a.Tablet, Shard: a.From}}); err != nil {
		return err
	}
	return a.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if now := catalog.MoveOf(tx.Snapshot, a.Tablet); now != nil && now.Attempt == a.Attempt {
			tx.DeleteMove(a.Tablet)
		}
		return nil
	})
}
