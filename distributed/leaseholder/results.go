package leaseholder

import (
	"sync"

	"cloudsql/storage/shard"
)

// Results matches the results of commands other than batches and leases with those who proposed them.
type Results struct {
	mu   sync.Mutex
	byID map[resultKey]chan shard.Result
}

type resultKey struct {
	kind shard.CommandKind
	id   uint64
}

// Await gives where the result of a command will come; Remove it when nobody waits any more.
func (w *Results) Await(kind shard.CommandKind, id uint64) <-chan shard.Result {
	c := make(chan shard.Result, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = make(map[resultKey]chan shard.Result)
	}
	w.byID[resultKey{kind, id}] = c
	return c
}

// Remove ends the wait for a command's result.
func (w *Results) Remove(kind shard.CommandKind, id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byID, resultKey{kind, id})
}

// Deliver gives a result to who waits for it.
func (w *Results) Deliver(res *shard.Result) {
	k := resultKey{res.Kind, res.Batch}
	w.mu.Lock()
	c, ok := w.byID[k]
	delete(w.byID, k)
	w.mu.Unlock()
	if ok {
		c <- *res
	}
}
