package metalock

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// What keeps the records true: locks that are given back although the cluster does not answer at the moment,
// locks of an engine that is gone, and sessions that believe to hold what was taken from them.

// Watcher is a DB that tells of changes of its catalog and of nodes that are gone (node.Node).
type Watcher interface {
	CatalogChanged() <-chan struct{}
	GatewayGone(n schema.NodeID) bool
}

const catalogPoll = 20 * time.Millisecond // of a DB that does not tell of changes

// changed gives a channel that is closed when the catalog may be another one; ask before looking.
func (l *Locks) changed() <-chan struct{} {
	if w, ok := l.db.(Watcher); ok {
		return w.CatalogChanged()
	}
	ch := make(chan struct{})
	time.AfterFunc(catalogPoll, func() { close(ch) })
	return ch
}

// gone tells whether a node's sessions count no more.
func (l *Locks) gone(n schema.NodeID) bool {
	if node, ok := l.db.Catalog().Node(n); !ok || node.Left {
		return true
	}
	w, ok := l.db.(Watcher)
	return ok && w.GatewayGone(n)
}

// Bounds of giving back: what the caller waits for, and what is tried after that.
const (
	releaseWait  = 5 * time.Second
	releasePause = time.Second
	releaseTries = 3600
)

// surely gives something back. Where the cluster does not take it in time, the caller goes on, and it is tried again
// until it is done: nobody else would, as long as this engine lives.
func (l *Locks) surely(giveBack func(ctx context.Context) error) {
	try := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), releaseWait)
		defer cancel()
		return giveBack(ctx)
	}
	if try() == nil {
		return
	}
	spawn.Go("giving locks back", func() {
		for range releaseTries {
			time.Sleep(releasePause)
			if try() == nil {
				return
			}
		}
	})
}

// bury removes the locks and claims of an engine that is gone; false: it is not, or they could not be removed.
func (l *Locks) bury(ctx context.Context, engine string) bool {
	if l.cfg.Alive(ctx, engine) {
		return false
	}
	return l.release(ctx, func(o holder) bool { return o.Engine == engine }) == nil
}

// buryHolders is bury of those who hold a table's lock.
func (l *Locks) buryHolders(ctx context.Context, holders []holder) {
	for _, h := range holders {
		l.bury(ctx, h.Engine)
	}
}

// BuryEarlierSelf removes what this node's engine held before its last start.
func (l *Locks) BuryEarlierSelf() {
	node := fmt.Sprintf("%d/", l.db.NodeID())
	l.surely(func(ctx context.Context) error {
		return l.release(ctx, func(o holder) bool { return o.Engine != l.cfg.Engine && strings.HasPrefix(o.Engine, node) })
	})
}

// guard ends the connections of sessions whose locks were taken from them: this node was cut off for so long that the
// others believed it dead, and what its clients do under their locks is protected no more.
type guard struct {
	mu   sync.Mutex
	held map[guardKey]func(*catalog.Snapshot) bool
	stop chan struct{} // of the goroutine that looks; nil: none runs
}

type guardKey struct {
	lock string
	o    *core
}

// watch looks after an owner's lock from now on; holds tells whether a catalog has it.
func (g *guard) watch(l *Locks, lock string, o *core, holds func(*catalog.Snapshot) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = map[guardKey]func(*catalog.Snapshot) bool{}
	}
	g.held[guardKey{lock, o}] = holds
	if g.stop == nil {
		stop := make(chan struct{})
		g.stop = stop
		spawn.Go("guarding locks", func() { spawn.Keep(stop, "guarding locks", func() { g.run(l, stop) }) })
	}
}

// forget must come before the lock is given back.
func (g *guard) forget(lock string, o *core) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.held, guardKey{lock, o})
	if len(g.held) == 0 && g.stop != nil {
		close(g.stop)
		g.stop = nil
	}
}

func (g *guard) run(l *Locks, stop <-chan struct{}) {
	for {
		changed := l.changed()
		for _, o := range g.robbed(l.db.Catalog) {
			o.client.End()
		}
		select {
		case <-changed:
		case <-stop:
			return
		}
	}
}

// robbed gives the owners that have lost a lock. The catalog is looked up when no lock can be added: it is then at
// least as new as each lock that is watched.
func (g *guard) robbed(newest func() *catalog.Snapshot) (list []*core) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := newest()
	for key, holds := range g.held {
		if !holds(c) {
			list = append(list, key.o)
		}
	}
	return list
}
