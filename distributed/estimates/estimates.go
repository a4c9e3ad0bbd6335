package estimates

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// Config says what Estimates work with.
type Config struct {
	// Here tells the rows and bytes of a tablet that this node has a replica of.
	Here func(t *schema.Tablet) (rows, bytes uint64, ok bool)
	// Keys tells the split keys of such a tablet (shard.SplitKeys); it may take long.
	Keys func(ctx context.Context, t *schema.Tablet) ([][]byte, error)
	// Work tells the reads and the rows written a second of a tablet whose shard this node leads.
	Work func(t *schema.Tablet) (reads, writes float64, ok bool)
	// Ask asks the leaseholder of a shard with a request that its Handle answers; nil without an error: nobody is known to hold it.
	Ask func(ctx context.Context, s schema.ShardID, req []byte) ([]byte, error)
}

// Estimates remembers what other nodes told. Safe for concurrent use.
type Estimates struct {
	cfg Config
	ctx context.Context

	mu sync.Mutex
	m  map[schema.TabletID]*estimate

	swept time.Time // when m was last looked through

	cuts    map[schema.TabletID]*cut // of large tablets that are here
	cutting bool                     // the keys of one of them are being looked for
}

type estimate struct {
	Rows  uint64 `json:"rows"`
	Bytes uint64 `json:"bytes"`
	// Keys are split keys, of a large tablet. Programs before them neither send nor miss them.
	Keys [][]byte `json:"keys,omitempty"`
	// Reads and Writes are a second's, and only a leaseholder tells them.
	Reads  float64 `json:"reads,omitempty"`
	Writes float64 `json:"writes,omitempty"`

	at     time.Time
	asking bool
	used   time.Time // when somebody last wanted to know
}

const (
	maxAge = 10 * time.Second // of an answer, before the next is asked for
	// forgetAfter is for how long nobody wants to know before it is forgotten: tablets come and go.
	forgetAfter = 10 * time.Minute
)

// New makes Estimates, whose questions end with ctx.
func New(ctx context.Context, c Config) *Estimates {
	return &Estimates{cfg: c, ctx: ctx, m: map[schema.TabletID]*estimate{}, cuts: map[schema.TabletID]*cut{}}
}

// Of gives the estimated rows and bytes of a tablet.
func (e *Estimates) Of(t *schema.Tablet) (rows, bytes uint64) {
	if rows, bytes, ok := e.cfg.Here(t); ok {
		return rows, bytes
	}
	told := e.told(t)
	return told.Rows, told.Bytes
}

// WorkOf gives the reads and the rows written a second of a tablet, where its shard is led.
func (e *Estimates) WorkOf(t *schema.Tablet) (reads, writes float64) {
	if reads, writes, ok := e.cfg.Work(t); ok {
		return reads, writes
	}
	told := e.told(t)
	return told.Reads, told.Writes
}

// told is what was last told of a tablet. An old answer has the next one asked for.
func (e *Estimates) told(t *schema.Tablet) estimate {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.m[t.ID]
	if known == nil {
		known = &estimate{}
		e.m[t.ID] = known
	}
	known.used = time.Now()
	e.sweep(known.used)
	if !known.asking && time.Since(known.at) > maxAge {
		known.asking = true
		tablet := *t
		spawn.Go("asking for statistics", func() { e.ask(tablet) })
	}
	return *known
}

// sweep forgets what nobody has wanted to know for long. e.mu is held.
func (e *Estimates) sweep(now time.Time) {
	if now.Sub(e.swept) < forgetAfter {
		return
	}
	e.swept = now
	maps.DeleteFunc(e.m, func(_ schema.TabletID, x *estimate) bool { return !x.asking && now.Sub(x.used) > forgetAfter })
}

func (e *Estimates) ask(t schema.Tablet) {
	ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
	defer cancel()
	var got estimate
	answered := false
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		known := e.m[t.ID]
		known.asking, known.at = false, time.Now()
		if got.Rows != 0 || got.Bytes != 0 {
			known.Rows, known.Bytes, known.Keys = got.Rows, got.Bytes, got.Keys
		}
		if answered {
			known.Reads, known.Writes = got.Reads, got.Writes
		}
	}()
	req, _ := json.Marshal(&t)
	if resp, err := e.cfg.Ask(ctx, t.Shard, req); err == nil {
		answered = json.Unmarshal(resp, &got) == nil
	}
}

// Handle answers another node.
func (e *Estimates) Handle(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	var t schema.Tablet
	if err := json.Unmarshal(req, &t); err != nil {
		return nil, err
	}
	var here estimate
	here.Rows, here.Bytes, _ = e.cfg.Here(&t)
	here.Keys = e.SplitKeys(&t)
	here.Reads, here.Writes, _ = e.cfg.Work(&t)
	return json.Marshal(&here)
}
