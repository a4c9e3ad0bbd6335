package model

// read steps: the reader begins, and goes from shard to shard.
func (x *stepper) read() {
	c, r := x.c, &x.from.reader
	if c.Reader == NoReader {
		return
	}
	if r.begun == 0 {
		x.try("reader begins", -1, -1, -1, func(n *state) bool { return c.beginRead(n) })
		return
	}
	s := int(r.place)
	if s >= c.Shards {
		return
	}
	first, second := c.passFlying, c.passRecords
	names := [2]string{"reader waits for what is in flight", "reader waits for prepared transactions"}
	if c.has(BugRecordsFirst) {
		first, second = second, first
		names[0], names[1] = names[1], names[0]
	}
	switch r.phase {
	case arriving:
		x.try(names[0], -1, s, -1, func(n *state) bool { return first(n, s) })
	case passedFlying:
		x.try(names[1], -1, s, -1, func(n *state) bool { return second(n, s) })
	case passedRecord:
		x.try(stepRead, -1, s, -1, func(n *state) bool { return c.fetch(n, s) })
	}
}

func (c *Config) beginRead(n *state) bool {
	r := &n.reader
	r.begun = 1
	if c.Reader == SnapshotReader {
		n.now++
		r.at = n.now
	}
	for t := range c.Txns {
		if n.txns[t].phase == toldCommitted {
			r.acked |= 1 << t
		}
	}
	return true
}

// passFlying waits for the writes in flight that may commit at or below the snapshot.
func (c *Config) passFlying(n *state, s int) bool {
	h, r := &n.shards[s], &n.reader
	if r.at == 0 {
		r.phase++
		return true
	}
	h.seen = max(h.seen, r.at)
	for t := range c.Txns {
		l := &h.legs[t]
		if l.mem != legFlying || c.has(BugRegisterLate) && l.newestCopy() < 0 {
			continue
		}
		if l.floor < r.at && l.ts <= r.at {
			return true // its arrival alone is a step: seen has changed
		}
	}
	r.phase++
	return true
}

// passRecords waits for the prepared transactions that may commit at or below the snapshot.
func (c *Config) passRecords(n *state, s int) bool {
	h, r := &n.shards[s], &n.reader
	for t := range c.Txns {
		p := h.legs[t].prepared
		if p != 0 && (r.at == 0 || p <= r.at) && !c.has(BugNoPreparedWait) {
			return false
		}
	}
	r.phase++
	return true
}

// fetch reads the row.
func (c *Config) fetch(n *state, s int) bool {
	h, r := &n.shards[s], &n.reader
	v := h.newest()
	if r.at != 0 {
		v = h.asOf(r.at)
	}
	for t := range c.Txns {
		if r.acked>>t&1 == 1 && c.writes(t, s) && !h.has(t, r.at) {
			n.broken = ruleStale
		}
	}
	r.got[s] = v.txn
	r.place, r.phase = r.place+1, arriving
	return true
}

// has tells whether t's version is there, at or below at (0: any).
func (h *shardState) has(t int, at stamp) bool {
	for _, v := range h.rows[:h.count] {
		if v.txn == uint8(t+1) && (at == 0 || v.at <= at) {
			return true
		}
	}
	return false
}
