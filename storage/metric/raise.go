package metric

import "sync/atomic"

// Raise sets a maximum.
func Raise(most *atomic.Uint64, v uint64) {
	for {
		old := most.Load()
		if old >= v || most.CompareAndSwap(old, v) {
			return
		}
	}
}
