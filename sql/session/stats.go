package session

import (
	"strconv"

	"cloudsql/distributed"
	"cloudsql/planner/plancache"
	"cloudsql/sql/admission"
	"cloudsql/sql/status"
	"cloudsql/storage/metric"
)

// figures are how an engine stands.
type figures struct {
	Sessions      int   `gauge:"sql_sessions" help:"open sessions" status:"Threads_connected"`
	Running       int   `gauge:"sql_sessions_running" help:"sessions that run a statement" status:"Threads_running"`
	UptimeSeconds int64 `gauge:"uptime_seconds" help:"time since the node started" status:"Uptime"`

	// What MySQL has another name for, or has and we do not.
	Queries       uint64 `status:"Queries"`
	Created       uint64 `status:"Threads_created"`
	Cached        uint64 `status:"Threads_cached"`
	SinceFlush    int64  `status:"Uptime_since_flush_status"`
	InnodbPageLen uint64 `status:"Innodb_page_size"`
}

func (e *Engine) figures() *figures {
	f := &figures{
		UptimeSeconds: int64(e.cfg.Now().Sub(e.started).Seconds()), Queries: e.stats.Questions.Load(), Created: e.stats.Connections.Load(),
		InnodbPageLen: 16 << 10,
	}
	f.SinceFlush = f.UptimeSeconds
	e.mu.RLock()
	defer e.mu.RUnlock()
	f.Sessions = len(e.sessions)
	for _, s := range e.sessions {
		if s.run.Active() {
			f.Running++
		}
	}
	return f
}

// Sources are the parts of an engine that count; get finds the engine, nil while there is none.
func Sources[P any](get func(P) *Engine) []metric.Source[P] {
	return []metric.Source[P]{
		part(get, func(e *Engine) *status.Stats { return &e.stats }),
		part(get, func(e *Engine) *plancache.Stats { return &e.plans.Stats }),
		part(get, func(e *Engine) *admission.Stats { return &e.admission.Stats }),
		part(get, (*Engine).figures),
		part(get, (*Engine).lockStatus),
	}
}

func part[P, T any](get func(P) *Engine, of func(*Engine) *T) metric.Source[P] {
	return metric.One(func(p P) *T {
		if e := get(p); e != nil {
			return of(e)
		}
		return nil
	})
}

// lockStatus is what InnoDB tells of waits for row locks, of this node's leaseholders.
func (e *Engine) lockStatus() *distributed.LockStatus {
	if v, ok := e.db.(distributed.LockViewer); ok {
		s := v.LockStats().Status()
		return &s
	}
	return nil
}

var ownSources = Sources(func(e *Engine) *Engine { return e })

// statusVars lists the status variables by name: what parts of the engine and of the layers below declare, and what is text.
func (e *Engine) statusVars() map[string]string {
	vars := map[string]string{"Ssl_cipher": "", "Ssl_version": ""}
	put := func(name string, n float64) { vars[name] = strconv.FormatFloat(n, 'f', -1, 64) }
	metric.Status(ownSources, e, put)
	if e.cfg.Counters != nil {
		for name, n := range e.cfg.Counters() {
			put(name, n)
		}
	}
	return vars
}
