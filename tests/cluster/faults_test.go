package cluster

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// fault is one kind of trouble: it begins and, when the returned function is called, ends.
type fault func(r *run, rnd *rand.Rand) (what string, end func())

var faults = map[string]fault{
	"kill":      killNode,
	"freeze":    freezeNode,
	"partition": partition,
	"clock":     clockJump,
	"clockfar":  clockFar,
	"restart":   restartNode,
	"powerloss": powerLoss,
	"bitflip":   bitFlip,
	"diskfull":  diskFull,
	"slowdisk":  slowDisk,
	"fsyncerr":  fsyncError,
}

// trouble makes faults of one kind, or of all, until a time; then everything is whole again.
func (r *run) trouble(kind string, until time.Time) {
	if kind == "none" {
		return
	}
	rnd := rand.New(rand.NewPCG(r.seed, 0))
	kinds := []string{"kill", "freeze", "partition", "clock", "restart", "clockfar"}
	if kind != "all" {
		if faults[kind] == nil {
			r.t.Fatalf("FAULT=%s is none of %v, none, all", kind, kinds)
		}
		kinds = []string{kind}
	}
	rest := func(least, most time.Duration) {
		pause(r.ctx, least+time.Duration(rnd.Int64N(int64(most-least))))
	}
	for n := 0; ; n++ {
		rest(time.Second, 3*time.Second)
		if time.Until(until) < 2*time.Second || r.t.Failed() {
			return
		}
		what, end := faults[kinds[n%len(kinds)]](r, rnd)
		r.noteFault(what)
		r.faultsNo++
		rest(500*time.Millisecond, min(6*time.Second, max(time.Second, time.Until(until))))
		end()
		r.noteFault("over")
	}
}

func (r *run) noteFault(what string) {
	const keep = 12
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf("%.1f s: %s", r.now().Seconds(), what))
	r.faults = r.faults[max(0, len(r.faults)-keep):]
}

// victim is a node: half of the time whoever holds most leases.
func (r *run) victim(rnd *rand.Rand) int {
	v := rnd.IntN(len(r.nodes))
	if rnd.IntN(2) == 0 {
		return v
	}
	held, err := report(r.nodes[v])
	if err != nil {
		return v
	}
	best, count := v, map[int]int{}
	for _, p := range held.Replicas {
		if i := int(p.Holder) - 1; i >= 0 && i < len(r.nodes) {
			if count[i]++; count[i] > count[best] {
				best = i
			}
		}
	}
	return best
}

func killNode(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.Kill()
	return fmt.Sprintf("node %d killed", v+1), func() {
		if err := n.TryStart(60 * time.Second); err != nil {
			r.t.Error(err)
		}
	}
}

// restartNode is SIGTERM: leases are handed over, with what is open under them.
func restartNode(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.Stop()
	return fmt.Sprintf("node %d stopped", v+1), func() {
		if err := n.TryStart(60 * time.Second); err != nil {
			r.t.Error(err)
		}
	}
}

func freezeNode(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.Signal(syscall.SIGSTOP)
	return fmt.Sprintf("node %d frozen", v+1), func() { n.Signal(syscall.SIGCONT) }
}

func partition(r *run, rnd *rand.Rand) (string, func()) {
	v := 1 + r.victim(rnd)
	m := r.mesh
	each := func(fn func(other int)) {
		for i := range r.nodes {
			if i+1 != v {
				fn(i + 1)
			}
		}
	}
	var how string
	switch rnd.IntN(6) {
	case 0:
		how = "cut off"
		each(func(o int) { m.Cut(v, o) })
	case 1:
		how = "silently cut off"
		each(func(o int) { m.Stall(v, o); m.Stall(o, v) })
	case 2:
		how = "not heard"
		each(func(o int) { m.Stall(v, o) })
	case 3:
		how = "deaf"
		each(func(o int) { m.Stall(o, v) })
	case 4:
		o := 1 + v%len(r.nodes)
		how = fmt.Sprintf("cut off from node %d alone", o)
		m.Cut(v, o)
	case 5:
		d := time.Duration(20+rnd.IntN(150)) * time.Millisecond
		how = fmt.Sprintf("slow by %v", d)
		each(func(o int) { m.Delay(v, o, d); m.Delay(o, v, d) })
	}
	return fmt.Sprintf("node %d is %s", v, how), m.Heal
}

// clockJump makes one wall clock jump by seconds, and lets the monotonic clocks of all run at rates within what leases
// allow for (LeaseMargin of LeaseDuration: five per cent between any two). It stays so afterwards: clocks are not
// healed but wrong otherwise the next time.
func clockJump(r *run, rnd *rand.Rand) (string, func()) {
	const apart = 0.045
	v := rnd.IntN(len(r.nodes))
	offset := time.Duration(rnd.Int64N(int64(20*time.Second))) - 10*time.Second
	rates := make([]float64, len(r.nodes))
	for i, n := range r.nodes {
		rates[i] = 1 + apart*(rnd.Float64()-0.5)
		if i == v {
			n.SetClock(offset.Round(time.Millisecond), rates[i])
		} else {
			n.SetClock(0, rates[i])
		}
	}
	return fmt.Sprintf("clock of node %d off by %v, rates %.3f", v+1, offset, rates), func() {}
}

// clockFar makes the wall clock of one node, or of all, wrong by seconds to a year, forward or back, or lets it run at a
// wrong speed. Half of the time it is set right at the end; otherwise it stays wrong until the next fault of its kind.
func clockFar(r *run, rnd *rand.Rand) (string, func()) {
	far := []time.Duration{10 * time.Second, 5 * time.Minute, time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour}
	v := r.victim(rnd)
	who, nodes := fmt.Sprintf("clock of node %d", v+1), r.nodes[v:v+1]
	if rnd.IntN(3) == 0 {
		who, nodes = "clocks of all nodes", r.nodes
	}
	for _, n := range r.nodes {
		n.SetClock(0, 1)
	}
	offset, drift := far[rnd.IntN(len(far))], 1.0
	if rnd.IntN(2) == 0 {
		offset = -offset
	}
	if rnd.IntN(3) == 0 {
		offset, drift = 0, []float64{0, 0.5, 2, 100, 10000}[rnd.IntN(5)]
	}
	for _, n := range nodes {
		n.DriftClock(offset, 1, drift)
	}
	heal := rnd.IntN(2) == 0
	return fmt.Sprintf("%s off by %v, at %g times its speed", who, offset, drift), func() {
		for _, n := range nodes {
			if heal {
				n.SetClock(0, 1)
			}
		}
	}
}
