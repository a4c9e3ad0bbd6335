package protocol

import (
	"time"

	"cloudsql/storage/spawn"
)

// watch looks at all connections once a tick: for clients that went away during a statement, took no data for too
// long or have been idle for too long. The path of a command only notes ticks.
func (s *Server) watch(stop <-chan struct{}) {
	for range spawn.Ticks(stop, s.cfg.Tick) {
		now := s.ticks.Add(1)
		s.each(func(c *conn) { c.look(now) })
	}
}

// look judges one connection at a tick.
func (c *channel) look(now int64) {
	tick := c.server.cfg.Tick
	age := func(since int64) time.Duration { return time.Duration(now-since) * tick }
	if since := c.writeSince.Load(); since != noTick && age(since) > time.Duration(c.sendTimeout.Load()) {
		c.end(endSlow)
		return
	}
	reading := c.readSince.Load() // also of a file that a command asked for
	if reading != noTick && c.loggedIn.Load() && age(reading) > time.Duration(c.readTimeout.Load()) {
		c.end(endStalled)
		return
	}
	if since := c.busySince.Load(); since != noTick {
		if age(since) >= tick && hungUp(c.nc) {
			c.end(endGone)
		}
		return
	}
	if reading != noTick && c.loggedIn.Load() {
		return
	}
	if c.loggedIn.Load() && age(c.idleSince.Load()) > time.Duration(c.waitTimeout.Load()) {
		c.end(endIdle)
	}
}
