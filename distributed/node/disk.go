package node

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// A full disk is the end of a node: neither the raft log nor the engine can do without a write that they were promised.
// So a **reserve** is kept, and what would go on filling the disk ends before:
//
//	free < reserve       the node is *full*: it tells the others, hands its leases to nodes that are not, and is given no
//	                     replicas. A shard of which no majority of voters has room takes no writes (1021); reads go on. Who was
//	                     just not heard of is not full: it counts as one with room until it has been silent for a while.
//	free < reserve / 4   where others can go on without it, the node stops: its replicas append whatever the group commits
//	free < minFree       it does not start
//
// Every node knows by heartbeat who is full, so a gateway refuses a write before it sends it for the first time: never a
// repetition, whose first try may have been executed. COMMIT is let through: the reserve is for what is under way.
const (
	diskPoll = 500 * time.Millisecond
	minFree  = 16 << 20
)

// ErrDiskFull is Open's, and the reason for which a node stops, when there is too little room to go on.
var ErrDiskFull = errors.New("the disk is full")

// diskSpace is the operating system's: bytes that this process may still write, and those that the file system has.
func diskSpace(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	size := uint64(s.Bsize) // of a block
	return s.Bavail * size, s.Blocks * size, nil
}

// room tells how much is free above a node's reserve on the disk that has least, and that disk.
func (n *leading) room() (free, reserve uint64, dir string, err error) {
	dirs := []string{n.dir.Path()}
	if n.cfg.WALDir != "" {
		dirs = append(dirs, n.cfg.WALDir)
	}
	for i, d := range dirs {
		f, total, err := n.cfg.DiskSpace(d)
		if err != nil {
			return 0, 0, d, err
		}
		if i == 0 || f < free {
			free, reserve, dir = f, min(n.cfg.DiskReserve, total/10), d
		}
	}
	return free, reserve, dir, nil
}

// checkRoom refuses to open a directory on a disk that is all but full.
func (n *leading) checkRoom() error {
	free, reserve, dir, err := n.room()
	if err != nil {
		return err
	}
	least := uint64(minFree)
	if len(n.dir.Peers()) > 1 {
		least = max(least, reserve/4)
	}
	if free < least {
		return fmt.Errorf("%w: %d MiB are free in %s, and a start takes %d. Make room and start again; nothing was changed",
			ErrDiskFull, free>>20, dir, least>>20)
	}
	return nil
}

// diskLoop watches the disk.
func (n *leading) diskLoop(ctx context.Context) {
	for {
		n.watchDisk(ctx)
		if clock.Sleep(ctx, diskPoll) != nil {
			return
		}
	}
}

func (n *leading) watchDisk(ctx context.Context) {
	free, reserve, dir, err := n.room()
	if err != nil {
		n.log.Warn("cannot tell how much of the disk is free", "dir", dir, "err", err)
		return
	}
	n.diskFree.Store(free)
	full := n.diskFull.Load()
	switch {
	case !full && free < reserve && !mutant.SkipReserve:
		n.log.Error("THE DISK IS FULL but for the reserve: writes are refused", "dir", dir, "freeMiB", free>>20, "reserveMiB", reserve>>20)
		n.diskFull.Store(true)
	case full && free >= reserve+reserve/8:
		n.log.Info("there is room on the disk again: writes are taken", "dir", dir, "freeMiB", free>>20)
		n.diskFull.Store(false)
	}
	n.refuseWrites(dir)
	if !n.diskFull.Load() {
		return
	}
	n.leadElsewhere(ctx)
	if free < reserve/4 && n.spareable() {
		n.cfg.Stop(fmt.Errorf("%w: %d MiB are free in %s. This node stops before it is full; make room and start it again",
			ErrDiskFull, free>>20, dir))
	}
}

// refuseWrites notes which shards take no writes.
func (n *leading) refuseWrites(dir string) {
	refused := map[schema.ShardID]error{}
	for _, sh := range n.Catalog().Shards() {
		room, full := 0, 0
		for id := range sh.Replicas {
			switch s, alive := n.peers.Get(id); {
			case alive && s.Full:
				full++
			case n.peers.GatewayAlive(id):
				room++
			}
		}
		if full > 0 && room <= len(sh.Replicas)/2 {
			if n.full(sh.ID) == nil {
				n.log.Error("A SHARD TAKES NO WRITES: no majority of its replicas has room", "shard", sh.ID, "full", full, "room", room, "of", len(sh.Replicas))
			}
			refused[sh.ID] = mysqlerr.New(mysqlerr.DiskFull, dir, int(syscall.ENOSPC), syscall.ENOSPC.Error())
		}
	}
	n.refused.Store(&refused)
}

// full says why a shard takes no writes, nil if it does.
func (n *replicas) full(s schema.ShardID) error {
	if refused := n.refused.Load(); refused != nil {
		return (*refused)[s]
	}
	return nil
}

// spareable tells whether all shards here go on without this node: of each, a majority has room elsewhere.
func (n *leading) spareable() bool {
	for s := range *n.shards.Load() {
		sh, ok := n.Catalog().Shard(s)
		if !ok {
			return false
		}
		room := 0
		for id := range sh.Replicas {
			if st, alive := n.peers.Get(id); id != n.NodeID() && alive && !st.Full {
				room++
			}
		}
		if room <= len(sh.Replicas)/2 {
			return false
		}
	}
	return true
}
