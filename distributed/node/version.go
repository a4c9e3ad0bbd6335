package node

import (
	"context"
	"fmt"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/datadir"
	"cloudsql/storage/version"
)

// fits tells whether this program can be a member where need is needed.
func (n *core) fits(need version.Version) error {
	if need.Or1() > n.cfg.MaxVersion || need.Or1() < version.Min {
		return fmt.Errorf("%w: the cluster is at %d, this program (%s) knows %d to %d", datadir.ErrVersion, need.Or1(), Version,
			version.Min, n.cfg.MaxVersion)
	}
	return nil
}

// Version is the cluster's version as this node knows it.
func (n *core) Version() *version.Gate { return &n.version }

// versionLoop binds the data directory to what the cluster is about to be raised to.
func (n *Node) versionLoop(ctx context.Context) {
	for {
		changed := n.catalog.Watch()
		if err := n.dir.Bind(n.Catalog().ClusterVersion().Needed()); err != nil {
			n.log.Error("noting the cluster's next version failed", "err", err)
			if clock.Sleep(ctx, time.Second) == nil {
				continue
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
