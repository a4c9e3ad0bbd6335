package cluster

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"cloudsql/tests/harness"
)

// diskFaults need nodes whose disks do what the test says.
var diskFaults = map[string]bool{"powerloss": true, "bitflip": true, "diskfull": true, "slowdisk": true, "fsyncerr": true}

// startAgain starts a node whose process has ended, with a disk that is mended.
func (r *run) startAgain(n *harness.Node) {
	n.SetDisk("ok")
	if err := n.TryStart(60 * time.Second); err != nil {
		r.t.Error(err)
	}
}

// mustEnd waits for the end that a fault of the disk makes, and makes it where it does not come.
func (r *run) mustEnd(n *harness.Node, what string) {
	if !n.EndsWithin(20 * time.Second) {
		r.t.Errorf("a node goes on after %s", what)
		n.Kill()
	}
}

func powerLoss(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.SetDisk(fmt.Sprintf("powerloss %d", rnd.Uint64()))
	r.mustEnd(n, "a loss of power")
	return fmt.Sprintf("node %d without power", v+1), func() { r.startAgain(n) }
}

func fsyncError(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.SetDisk("fsyncerr")
	r.mustEnd(n, "an fsync that failed")
	return fmt.Sprintf("an fsync of node %d failed", v+1), func() { r.startAgain(n) }
}

func slowDisk(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.SetDisk("slow 300ms")
	return fmt.Sprintf("node %d has a slow disk", v+1), func() { n.SetDisk("ok") }
}

// diskFull fills a node's disk: as far as one asks, so that it leaves the writing to others, or for good.
func diskFull(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	how := []string{"low", "full"}[rnd.IntN(2)]
	n.SetDisk(how)
	return fmt.Sprintf("the disk of node %d is %s", v+1, how), func() {
		if n.EndsWithin(0) {
			r.startAgain(n)
			return
		}
		n.SetDisk("ok")
		if n.EndsWithin(time.Second) { // it was about to
			r.startAgain(n)
		}
	}
}

// bitFlip kills a node and flips a bit in what it has on its disk. It is always the same node, which is whole before the
// next: the others have the only copies meanwhile.
func bitFlip(r *run, rnd *rand.Rand) (string, func()) {
	v := int(r.seed % uint64(len(r.nodes)))
	n := r.nodes[v]
	n.Kill()
	what := flip(r, n, rnd)
	return fmt.Sprintf("a bit flipped in %s of node %d", what, v+1), func() {
		r.startAgain(n)
		harness.Eventually(r.t, 60*time.Second, "a node with a damaged disk is whole again", func() error { return replicated(r.nodes) })
	}
}

func flip(r *run, n *harness.Node, rnd *rand.Rand) string {
	patterns := []string{"raft/*/*/logdb-0/*.log", "raft/*/*/logdb-0/*.sst", "data/*.sst", "data/*.log", "*/MANIFEST-*"}
	var files []string
	for len(files) == 0 {
		files, _ = filepath.Glob(filepath.Join(n.Dir, patterns[rnd.IntN(len(patterns))]))
	}
	name := files[rnd.IntN(len(files))]
	data, err := os.ReadFile(name)
	if used := len(bytes.TrimRight(data, "\x00")); err == nil && used > 0 {
		data[rnd.IntN(used)] ^= 1 << rnd.IntN(8)
		err = os.WriteFile(name, data, 0o600)
	}
	if err != nil {
		r.t.Error(err)
	}
	return filepath.Base(name)
}
