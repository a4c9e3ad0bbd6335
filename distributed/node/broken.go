package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cloudsql/distributed/datadir"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/raft"
	"cloudsql/storage/engine"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// A replica that cannot be used is **broken**: whatever has found that out (a damaged block, a log that lacks what was
// acknowledged, a hash that differs) says so with breakReplica. From there on there is one way, which this node and the
// reconciler walk together:
//
//	breakReplica ─→ noted in replicas.json, out of service, stopped, told to the others
//	              ─→ the reconciler takes it out of its group and gives this node a new id   (package placement)
//	              ─→ retire: what can be read of it is kept for inspection, the rest cleared  (shards.go)
//	              ─→ the new one is filled by a streamed copy
//
// Where there is no other replica to copy from, it stays as it is: statements that need it fail, and the next start is
// refused with what can be done.

// keptDir has what was kept of broken replicas: of each shard the newest, cut at maxKept.
const (
	keptDir = "kept"
	maxKept = 256 << 20
)

// breakReplica takes a replica of this node out of service for good and asks for a successor. It may be called from any
// goroutine, also that which applies or holds locks, and more than once.
func (n *replicas) breakReplica(s schema.ShardID, replica uint64, why string) {
	if ls := n.local(s); ls != nil && ls.replica == replica {
		ls.quarantined.Store(true)
	}
	n.spawn(func() {
		n.starting.Lock()
		defer n.starting.Unlock()
		if err := n.setBroken(s, replica, why); err != nil {
			n.log.Error("noting that a replica is broken failed", "shard", s, "replica", replica, "err", err)
		}
		n.stopUsing(s, replica)
	})
}

// replicaFailed hears that a replica does not apply its log any more. Damage is mended by a copy; anything else, such as
// an entry of a newer version, would befall a copy as well, so that the replica stands still until the next start.
func (n *replicas) replicaFailed(s schema.ShardID, replica uint64, err error) {
	if isDamage(err) {
		n.breakReplica(s, replica, err.Error())
		return
	}
	var at *shard.EntryError
	if errors.As(err, &at) {
		look, leaveOut := debugAdvice(n.dir.Path(), at)
		n.log.Error("A REPLICA STOPS AT A LOG ENTRY that it cannot apply. Stop the node and look at the entry (1). If all replicas stop at it, "+
			"stop all nodes, leave it out on each (2), and start them", "shard", s, "index", at.Index, "1", look, "2", leaveOut, "leftOutBy", n.leftOutBy(s, at.Index), "why", at.Err)
	}
	if ls := n.local(s); ls != nil && ls.replica == replica {
		ls.quarantined.Store(true)
	}
	n.spawn(func() {
		n.starting.Lock()
		defer n.starting.Unlock()
		n.stopUsing(s, replica)
	})
}

// marksOf are the entries of a shard's log that replicas which run leave out.
func (n *replicas) marksOf(s schema.ShardID) (marks []shard.Mark) {
	for _, st := range n.peers.All(peers.AliveFor) {
		if r := st.Replica(s); r != nil {
			for _, m := range r.Marks {
				if !slices.Contains(marks, m) {
					marks = append(marks, m)
				}
			}
		}
	}
	return marks
}

// leftOutBy are the nodes that leave out an entry at which a replica here stops.
func (n *replicas) leftOutBy(s schema.ShardID, index uint64) (nodes []schema.NodeID) {
	for id, st := range n.peers.All(peers.AliveFor) {
		if r := st.Replica(s); r != nil && slices.ContainsFunc(r.Marks, func(m shard.Mark) bool { return m.Index == index }) {
			nodes = append(nodes, id)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// isDamage tells an error that says that what is on the disk is not what was written.
func isDamage(err error) bool {
	return engine.IsDamage(err) || errors.Is(err, raft.ErrDamagedLog) || errors.Is(err, raft.ErrLogCut)
}

// setBroken notes why a replica must not be started again; the first reason stays.
func (n *replicas) setBroken(s schema.ShardID, replica uint64, why string) error {
	return n.dir.Update(s, replica, func(r *datadir.Record) *datadir.Record {
		if r == nil || r.Retired || r.Broken != "" {
			return r
		}
		r.Broken, r.Damaged = why, true
		n.log.Error("A REPLICA IS BROKEN: it is taken out of service and replaced by a copy", "shard", s, "replica", replica, "why", why)
		return r
	})
}

// lost says why a shard of which this node has the only replica cannot be served.
func (n *replicas) lost(s schema.ShardID) error {
	info, ok := n.Catalog().Shard(s)
	if !ok || len(info.Replicas) != 1 || info.Replicas[n.NodeID()] == 0 {
		return nil
	}
	for _, r := range n.dir.Replicas() {
		if r.Shard == s && r.Damaged && !r.Retired {
			return mysqlerr.Newf(mysqlerr.CrashedOnUsage, "The data of shard %d is damaged, and there is no other replica of it: %s. "+
				"Put back an intact copy of the node's data directory", s, r.Broken)
		}
	}
	return nil
}

// stopUsing stops a replica if it runs. starting is held.
func (n *replicas) stopUsing(s schema.ShardID, replica uint64) {
	if ls := n.local(s); ls == nil || ls.replica != replica {
		return
	}
	if err := n.stopReplica(s); err != nil {
		n.log.Error("taking a replica out of service failed", "shard", s, "err", err)
	}
	n.recon.Poke()
}

// spawn runs fn beside everything else, unless the node is closing; Close waits for it.
func (n *core) spawn(fn func()) {
	n.shardsMu.Lock()
	defer n.shardsMu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	n.wg.Go("a replica's end", fn)
}

// logFloors says how far the raft log of each replica reaches at least: as far as its rows, which came through it.
func (n *replicas) logFloors() (map[raft.Key]uint64, error) {
	floors := map[raft.Key]uint64{}
	for _, r := range n.dir.Replicas() {
		if !r.Started || r.Broken != "" || r.Retired {
			continue
		}
		applied, err := shard.AppliedIn(n.engine, r.Shard)
		if err != nil && !isDamage(err) { // that replica's own damage is found when it is opened
			return nil, err
		}
		floors[raft.Key{Shard: r.Shard, Replica: r.Replica}] = max(applied, r.Durable)
	}
	return floors, nil
}

// breakAll notes of every replica of this node that it cannot be used, before any of them is started.
func (n *replicas) breakAll(why string) error {
	for _, r := range n.dir.Replicas() {
		if err := n.setBroken(r.Shard, r.Replica, why); err != nil {
			return err
		}
	}
	return nil
}

// setAside moves a part of the data directory that cannot be used out of the way, in the place of what was moved there
// earlier, and notes that no replica has its data any more. It is refused where there is nobody to copy from.
func (n *replicas) setAside(name, why string) error {
	if len(n.dir.Peers()) < 2 {
		return fmt.Errorf("%w: %s: %s, and there is no other node to copy from. Put back an intact copy of the whole directory %s; "+
			"nothing in it was changed", datadir.ErrDataLost, n.dir.File(name), why, n.dir.Path())
	}
	n.log.Error("A PART OF THE DATA DIRECTORY IS DAMAGED: all replicas of this node are replaced by copies", "part", name, "why", why)
	if err := n.breakAll(why); err != nil { // first: whoever is interrupted here finds the damage again
		return err
	}
	if name == datadir.Raft && n.cfg.WALDir != "" { // a directory of the operator's, perhaps a file system's root
		if err := datadir.MoveAside(n.cfg.WALDir, "damaged"); err != nil {
			return err
		}
	}
	aside := n.dir.File(name + ".damaged")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(n.dir.File(name), aside); err != nil {
		return err
	}
	return datadir.SyncPath(n.dir.Path())
}

// keep saves what can be read of a broken replica's state for inspection. Its failures hold nothing up.
func (n *replicas) keep(ctx context.Context, r datadir.Record) {
	err := n.keepState(ctx, r)
	if err != nil && !errors.Is(err, errKeptFull) {
		n.log.Warn("not all of a broken replica could be kept for inspection", "shard", r.Shard, "replica", r.Replica, "err", err)
	}
}

func (n *replicas) keepState(ctx context.Context, r datadir.Record) error {
	state, err := shard.Open(n.engine, r.Shard)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(n.dir.File(keptDir), 0o750); err != nil {
		return err
	}
	path := n.dir.File(fmt.Sprintf("%s/shard-%d.snapshot", keptDir, r.Shard))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	pinned, err := state.PrepareSnapshot()
	if err == nil {
		err = state.SaveSnapshot(pinned, &boundedWriter{f, maxKept}, ctx.Done())
	}
	n.log.Info("kept the state of a broken replica for inspection", "shard", r.Shard, "replica", r.Replica, "why", r.Broken, "file", path)
	return errors.Join(err, f.Close())
}

var errKeptFull = errors.New("node: no more is kept")

// boundedWriter takes so many bytes and no more.
type boundedWriter struct {
	w    io.Writer
	left int
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errKeptFull
	}
	b.left -= len(p)
	return b.w.Write(p)
}

// damagedFile names the tables of the engine that could not be read since the last start. A compaction that meets damage may end the
// process (Pebble panics behind a single deletion), at each start again and with all its replicas: so the next one looks at
// these tables before anything is compacted.
const damagedFile = "damaged-tables"

// noteDamage is told by the engine of a table that it cannot read.
func (n *replicas) noteDamage(found engine.Damage) {
	if n.damage.IsNew(found.Path) {
		f, err := os.OpenFile(n.dir.File(damagedFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, filepath.Base(found.Path))
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			n.log.Warn("noting a damaged table failed", "table", found.Path, "err", err)
		}
	}
	n.damage.Add(found)
}

// meetNoted takes the replicas out of service that noted tables concern, and out of the engine, which is not open yet, where
// others have copies.
func (n *replicas) meetNoted() error {
	noted, err := os.ReadFile(n.dir.File(damagedFile))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	e, err := engine.Open(engine.Options{Dir: n.dir.File(datadir.Data), Logger: n.log, Disk: n.cfg.Disk, NoCompactions: true})
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(noted)) {
		table := engine.Damage{Path: filepath.Join(n.dir.File(datadir.Data), filepath.Base(name)), End: []byte{0xff}}
		for _, r := range n.dir.Replicas() {
			if met, err := shard.DamagedBy(e, r.Shard, table); r.Retired || err != nil || !met { // it may not be there any more
				continue
			}
			if err := n.setBroken(r.Shard, r.Replica, table.Path+" is damaged"); err != nil {
				return errors.Join(err, e.Close())
			}
			if len(n.dir.Peers()) < 2 {
				continue
			}
			if err := shard.DiscardDamaged(e, r.Shard); err != nil {
				return errors.Join(err, e.Close())
			}
		}
	}
	if err := e.Close(); err != nil {
		return err
	}
	return os.Remove(n.dir.File(damagedFile))
}

// damageLoop finds out which replicas a damaged table concerns and takes those out of service.
func (n *replicas) damageLoop(ctx context.Context) {
	for {
		select {
		case <-n.damage.Wake():
		case <-ctx.Done():
			return
		}
		for _, found := range n.damage.Take() {
			for _, r := range n.dir.Replicas() {
				if !r.Retired && !r.Damaged {
					n.breakIfMet(r, found)
				}
			}
		}
	}
}

func (n *replicas) breakIfMet(r datadir.Record, found engine.Damage) {
	met, err := shard.DamagedBy(n.engine, r.Shard, found)
	if err != nil {
		n.log.Warn("looking into a damaged table failed", "table", found.Path, "shard", r.Shard, "err", err)
	}
	if met {
		n.breakReplica(r.Shard, r.Replica, fmt.Sprintf("%s is damaged: %v", found.Path, found.Err))
	}
}

// debugAdvice tells the operator what to do about an entry at which a replica stopped.
func debugAdvice(dir string, e *shard.EntryError) (look, fail string) {
	look = fmt.Sprintf("cloudsql debug log --data %s --shard %d --from %d --to %d", dir, e.Shard, e.Index, e.Index)
	fail = fmt.Sprintf("cloudsql debug fail-entry --data %s --shard %d --index %d --checksum %016x", dir, e.Shard, e.Index, e.Checksum)
	return look, fail
}
