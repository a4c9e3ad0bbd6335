package node

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/version"
)

// settingHold is the cluster-wide setting beyond which the version is not raised; 0: as far as the nodes can.
const settingHold = "cloudsql_cluster_version_hold"

// fits tells whether this program can be a member where need is needed.
func (n *Node) fits(need version.Version) error {
	if need.Or1() > n.cfg.MaxVersion || need.Or1() < version.Min {
		return fmt.Errorf("%w: the cluster is at %d, this program (%s) knows %d to %d", ErrVersion, need.Or1(), Version,
			version.Min, n.cfg.MaxVersion)
	}
	return nil
}

// Version is the cluster's version as this node knows it.
func (n *Node) Version() *version.Gate { return &n.version }

// versionLoop binds the data directory to what the cluster is about to be raised to.
func (n *Node) versionLoop(ctx context.Context) {
	for {
		changed := n.catalog.watch()
		if err := n.dir.bind(n.Catalog().ClusterVersion().Needed()); err != nil {
			n.log.Error("noting the cluster's next version failed", "err", err)
			if sleep(ctx, time.Second) == nil {
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

// raiseVersion raises the cluster's version in two steps: Next, when all members can serve it, and Active, when the data
// directories of all are bound to it. So whoever writes in the new format knows that no member, even one that stops right
// now, will be started with a program that can't read it. Until the second step a member may go back to an older program
// if its directory was not bound yet; then the cluster waits for it. False: nothing to do, or to wait for.
func (r *reconciler) raiseVersion(ctx context.Context) (done bool, err error) {
	if _, ok := r.nextVersion(r.n.Catalog()); !ok {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = r.n.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if v, ok := r.nextVersion(tx.Snapshot); ok { // members may have come meanwhile
			r.n.log.Info("raising the cluster's version", "active", v.Active, "next", v.Next)
			tx.PutClusterVersion(v)
		}
		return nil
	})
	return true, err
}

// nextVersion is the next step of the cluster's version, if one can be done.
func (r *reconciler) nextVersion(c *catalog.Snapshot) (v catalog.ClusterVersion, ok bool) {
	v = c.ClusterVersion()
	can, bound := r.n.cfg.MaxVersion, r.n.cfg.MaxVersion
	for _, m := range c.Nodes() {
		if m.Left {
			continue
		}
		s, alive := r.n.peers.get(m.ID)
		if !alive {
			return v, false
		}
		can, bound = min(can, s.Can.Or1()), min(bound, s.Bound.Or1())
	}
	if text, held := c.Setting(settingHold); held {
		if hold, err := strconv.ParseUint(text, 10, 32); err == nil && hold > 0 {
			can, bound = min(can, version.Version(hold)), min(bound, version.Version(hold))
		}
	}
	switch {
	case v.Next > v.Active && bound >= v.Next:
		v.Active, v.Next = v.Next, 0
	case v.Next <= v.Active && can > v.Active.Or1():
		v.Active, v.Next = v.Active.Or1(), can
	default:
		return v, false
	}
	return v, true
}
