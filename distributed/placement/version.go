package placement

import (
	"context"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/version"
)

// SettingHold is the cluster-wide setting beyond which the version is not raised; 0: as far as the nodes can.
const SettingHold = "cloudsql_cluster_version_hold"

// raiseVersion raises the cluster's version in two steps: Next, when all members can serve it, and Active, when the data
// directories of all are bound to it. So whoever writes in the new format knows that no member, even one that stops right
// now, will be started with a program that can't read it. Until the second step a member may go back to an older program
// if its directory was not bound yet; then the cluster waits for it. False: nothing to do, or to wait for.
func (r *Reconciler) raiseVersion(ctx context.Context) (done bool, err error) {
	if _, ok := r.NextVersion(r.c.Catalog()); !ok {
		return false, nil
	}
	err = r.change(ctx, func(tx *catalog.Tx) error {
		if v, ok := r.NextVersion(tx.Snapshot); ok { // members may have come meanwhile
			r.log.Info("raising the cluster's version", "active", v.Active, "next", v.Next)
			tx.PutClusterVersion(v)
		}
		return nil
	})
	return true, err
}

// NextVersion is the next step of the cluster's version, if one can be done.
func (r *Reconciler) NextVersion(c *catalog.Snapshot) (v catalog.ClusterVersion, ok bool) {
	v = c.ClusterVersion()
	can, bound := r.cfg.MaxVersion, r.cfg.MaxVersion
	for _, m := range c.Nodes() {
		if m.Left {
			continue
		}
		s, alive := r.peers.Get(m.ID)
		if !alive {
			return v, false
		}
		can, bound = min(can, s.Can.Or1()), min(bound, s.Bound.Or1())
	}
	if hold := version.Version(numberSetting(c, SettingHold, 0)); hold > 0 {
		can, bound = min(can, hold), min(bound, hold)
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
