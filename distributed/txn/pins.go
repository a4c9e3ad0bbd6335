package txn

import (
	"context"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// pin is a snapshot that is being read, or a transaction that a leaseholder keeps something for.
type pin struct {
	snapshot mvcc.Timestamp // 0: none
	shards   []schema.ShardID
	txn      fragment.TxnID
}

func (c *caller) pinSnapshot(at mvcc.Timestamp) *pin {
	p := &pin{snapshot: at}
	c.mu.Lock()
	c.pins[p] = struct{}{}
	c.mu.Unlock()
	return p
}

func (c *caller) unpin(p *pin) {
	c.mu.Lock()
	delete(c.pins, p)
	c.mu.Unlock()
}

// OldestSnapshot is the oldest snapshot that is being read on this node, 0 if there is none: garbage collection keeps
// its versions.
func (c *caller) OldestSnapshot() (oldest mvcc.Timestamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.pins {
		if p.snapshot != 0 && (oldest == 0 || p.snapshot < oldest) {
			oldest = p.snapshot
		}
	}
	return oldest
}

// isOpen tells whether a transaction that writes or locks is open here.
func (c *caller) isOpen(id fragment.TxnID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.pins {
		if p.txn == id && len(p.shards) > 0 {
			return true
		}
	}
	return false
}

// keepAliveLoop tells leaseholders which of their transactions are not forgotten.
func (c *caller) keepAliveLoop() {
	for range spawn.Ticks(c.ctx.Done(), c.cfg.KeepAlive) {
		c.keepAlive()
	}
}

func (c *caller) keepAlive() {
	byShard := make(map[schema.ShardID][]fragment.TxnID)
	c.mu.Lock()
	for p := range c.pins {
		for _, s := range p.shards {
			byShard[s] = append(byShard[s], p.txn)
		}
	}
	c.mu.Unlock()
	for s, ids := range byShard {
		ctx, cancel := context.WithTimeout(c.ctx, c.cfg.KeepAlive)
		if node := c.Leaseholder(s); node == c.cfg.Node {
			if local := c.cfg.Router.Local(s); local != nil {
				_ = local.KeepAlive(ctx, s, ids)
			}
		} else if node != 0 {
			_ = c.remote(node).KeepAlive(ctx, s, ids) // the next one comes soon
		}
		cancel()
	}
}
