package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/placement"
	"cloudsql/storage/version"
)

// restart stops a node and starts it again as a program that knows the versions up to newest.
func (c *testCluster) restart(i int, newest version.Version) *Node {
	c.stop(i)
	c.max = newest
	return c.start(i)
}

// active tells whether all nodes know the cluster to be at v, and have it in their directories.
func (c *testCluster) active(v version.Version) bool {
	for _, n := range c.nodes {
		if n.Version().Active() != v || n.dir.Bound() != v {
			return false
		}
	}
	return true
}

// TestVersionIsRaised: a cluster's version is that of its oldest program; a member may go back to an older one before the
// raise and not after it; what joins must be able to read what the cluster writes.
func TestVersionIsRaised(t *testing.T) {
	c := newTestCluster(t)
	c.max = version.V1
	n := c.startThree()
	ctx := context.Background()
	tb := createTable(t, n, "shop")
	if !c.active(version.V1) {
		t.Fatal("the cluster of older programs is not at V1")
	}
	c.restart(1, version.V2)
	c.restart(2, version.V2)
	c.restart(1, version.V1) // a downgrade
	c.restart(1, version.V2)
	must(t, insert(ctx, c.nodes[1], tb, 1, 1))
	if !c.active(version.V1) {
		t.Fatal("raised although a member does not know it")
	}
	must(t, c.nodes[2].ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		tx.PutSetting(placement.SettingHold, "1")
		return nil
	}))
	c.restart(0, version.V2)
	eventually(t, "the reconciler looks around", func() bool {
		for _, n := range c.nodes {
			for _, m := range c.nodes {
				if s, alive := n.peers.Get(m.NodeID()); !alive || s.Can != version.V2 {
					return false
				}
			}
			if (reconciled{n}).Leads() {
				if _, ok := n.recon.NextVersion(n.Catalog()); ok {
					t.Error("the hold does not hold")
				}
			}
		}
		return true
	})
	if !c.active(version.V1) {
		t.Fatal("raised beyond the hold")
	}
	must(t, c.nodes[2].ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		tx.DeleteSetting(placement.SettingHold)
		return nil
	}))
	eventually(t, "the raise", func() bool { return c.active(version.V2) })
	must(t, insert(ctx, c.nodes[1], tb, 2, 2))
	if r := c.nodes[0].Report(); r.ClusterVersion != version.V2 || r.MaxVersion != version.Max {
		t.Errorf("reported %d of %d", r.ClusterVersion, r.MaxVersion)
	}

	// Nobody goes back, and nothing older comes.
	c.stop(2)
	open := func(dir string, join ...string) error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		n, err := Open(ctx, Config{Dir: dir, NodeAddr: "127.0.0.1:0", Join: join, MaxVersion: version.V1})
		if err == nil {
			n.Close()
		}
		return err
	}
	if err := open(c.dirs[2]); !errors.Is(err, datadir.ErrNewerFormat) || !strings.Contains(err.Error(), "cluster at version 2") {
		t.Errorf("a downgrade after the raise: %v", err)
	}
	if err := open(t.TempDir(), c.addrs[0]); !errors.Is(err, datadir.ErrVersion) {
		t.Errorf("an older program joins: %v", err)
	}
	c.max = version.V2
	c.start(2)
	if !c.active(version.V2) {
		t.Error("a restart forgets the version")
	}
}

// TestNewClusterIsAtTheNewest: and its directory says so to programs of commit 8630d07, which know format 1.
func TestNewClusterIsAtTheNewest(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	if n.Version().Active() != version.Max {
		t.Errorf("at %d", n.Version().Active())
	}
	c.stop(0)
	data, err := os.ReadFile(filepath.Join(c.dirs[0], identityFile))
	must(t, err)
	var id struct{ Format int }
	must(t, json.Unmarshal(data, &id))
	if id.Format != int(version.Max) {
		t.Errorf("format %d", id.Format)
	}
}

// TestSilentMembersAreAtV1: programs from before there were versions report none.
func TestSilentMembersAreAtV1(t *testing.T) {
	c := newTestCluster(t)
	c.max = version.V1
	n := c.start(0)
	must(t, n.ChangeCatalog(context.Background(), func(tx *catalog.Tx) error {
		tx.PutNode(&catalog.Node{ID: 2, NodeAddr: "127.0.0.1:1"})
		return nil
	}))
	n = c.restart(0, version.V2)
	n.peers.Take([]byte(fmt.Sprintf(`{"n":2,"v":"8630d07","c":%d}`, n.Catalog().Version())), 2)
	if v, ok := n.recon.NextVersion(n.Catalog()); ok {
		t.Errorf("would be raised to %+v", v)
	}
}
