package placement

import (
	"slices"
	"testing"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// TestNearest: of the nodes with a replica, the nearest that is nearer than the leaseholder, and of equals one that is only read.
func TestNearest(t *testing.T) {
	sh := &catalog.Shard{
		Replicas: map[schema.NodeID]uint64{1: 1, 2: 2, 3: 3}, NonVoting: map[schema.NodeID]uint64{4: 4, 5: 5},
		Changing: map[schema.NodeID]catalog.Change{5: catalog.Removing},
	}
	where := map[schema.NodeID]string{1: "r=a,z=1", 2: "r=a, z=2", 3: "r=b,z=1", 4: "r=b,z=2", 5: "r=c,z=1"} // no 6: it is down, or has none
	for _, c := range []struct {
		here         string
		holder, want schema.NodeID
	}{
		{"r=a,z=2", 1, 2}, {"r=a,z=1", 1, 0}, {"r=a,z=3", 1, 0}, {"r=a,z=3", 3, 1}, {"r=b,z=3", 1, 4}, {"r=b,z=1", 1, 3}, {"r=b,z=2", 3, 4},
		{"r=c,z=1", 1, 0}, {"r=d", 1, 0}, {"", 1, 0}, {"r=a,z=2", 0, 2}, {"r=a,z=2", 9, 2},
	} {
		if got := Nearest(sh, c.here, c.holder, where); got != c.want {
			t.Errorf("at %s, led by %d: %d, not %d", c.here, c.holder, got, c.want)
		}
	}
}

// TestServers: who holds the lease first, then voters that live.
func TestServers(t *testing.T) {
	sh := &catalog.Shard{Replicas: map[schema.NodeID]uint64{1: 1, 2: 2, 3: 3}, NonVoting: map[schema.NodeID]uint64{4: 4}}
	got := Servers(sh, 3, func(id schema.NodeID) bool { return id != 1 })
	if want := []schema.NodeID{3, 2, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
