package version

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"cloudsql/storage/mysqlerr"
)

// Version is a cluster's version, or since when something exists. The zero value stands for V1: tables name only what
// is newer.
type Version uint32

// The versions. A new one is added with the first format that needs it, and is fixed for ever once a release has it.
const (
	V1 Version = 1 // what commit 8630d07 speaks
	V2 Version = 2
)

// What this program can: serve a cluster at any version from Min to Max.
const (
	Min = V1
	Max = V2
)

// Or1 is v, or V1 for the zero value.
func (v Version) Or1() Version { return max(v, V1) }

func (v Version) String() string { return strconv.FormatUint(uint64(v), 10) }

// Check is the encoders' question: may what exists since `since` be written where v is the newest that readers know?
// The error is a *TooNew.
func Check(since, v Version, what string) error {
	if since > v.Or1() {
		return &TooNew{What: what, Since: since, Cluster: v.Or1()}
	}
	return nil
}

// TooNew refuses what the cluster's nodes do not all know yet. To a client it is error 1235.
type TooNew struct {
	What           string
	Since, Cluster Version
}

func (e *TooNew) Error() string { return e.Unwrap().Error() }

// Unwrap gives the client's error.
func (e *TooNew) Unwrap() error {
	return mysqlerr.NotSupported(fmt.Sprintf("%s before the cluster's version is raised from %d to %d", e.What, e.Cluster, e.Since))
}

// Table says since when the members of a kind exist, by their numbers. What is missing can't be written.
type Table []Version

// Never is since when what is in no table exists.
const Never = ^Version(0)

// Since gives the cluster version that all readers must know.
func (t Table) Since(i uint8) Version {
	if int(i) < len(t) && t[i] != 0 {
		return t[i]
	}
	return Never
}

// Gate is the cluster's version as one node knows it. It only rises. A nil Gate and the zero value are at V1.
type Gate struct{ active atomic.Uint32 }

// At is a Gate at a version, for tests and tools.
func At(v Version) *Gate {
	g := &Gate{}
	g.Raise(v)
	return g
}

// Active is the version that may be written.
func (g *Gate) Active() Version {
	if g == nil {
		return V1
	}
	return Version(g.active.Load()).Or1()
}

// Allows tells whether what exists since v may be written.
func (g *Gate) Allows(v Version) bool { return v <= g.Active() }

// Raise notes that the cluster's version is at least v.
func (g *Gate) Raise(v Version) {
	for old := g.active.Load(); uint32(v) > old; old = g.active.Load() {
		if g.active.CompareAndSwap(old, uint32(v)) {
			return
		}
	}
}
