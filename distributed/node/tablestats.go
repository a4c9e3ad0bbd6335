package node

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// tableStats remembers what other nodes told about tablets that have no replica here.
type tableStats struct {
	mu sync.Mutex
	m  map[schema.TabletID]*tabletEstimate
}

type tabletEstimate struct {
	Rows  uint64 `json:"rows"`
	Bytes uint64 `json:"bytes"`

	at     time.Time
	asking bool
}

const estimateAge = 10 * time.Second

// TableStats estimates rows and bytes of a table; free to call.
func (n *gateway) TableStats(t *schema.Table) (rows, bytes uint64) {
	for i := range t.Tablets {
		r, b := n.tabletStats(&t.Tablets[i])
		rows, bytes = rows+r, bytes+b
	}
	return rows, bytes
}

func (n *gateway) tabletStats(tb *schema.Tablet) (rows, bytes uint64) {
	if ls := n.local(tb.Shard); ls != nil {
		return ls.state.TabletStats(tb.ID)
	}
	s := &n.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.m[tb.ID]
	if e == nil {
		if s.m == nil {
			s.m = map[schema.TabletID]*tabletEstimate{}
		}
		e = &tabletEstimate{}
		s.m[tb.ID] = e
	}
	if !e.asking && time.Since(e.at) > estimateAge {
		e.asking = true
		tablet := *tb
		spawn.Go("asking for statistics", func() { n.askStats(tablet) })
	}
	return e.Rows, e.Bytes
}

func (n *gateway) askStats(tb schema.Tablet) {
	ctx, cancel := context.WithTimeout(n.ctx, 5*time.Second)
	defer cancel()
	var got tabletEstimate
	defer func() {
		n.stats.mu.Lock()
		defer n.stats.mu.Unlock()
		e := n.stats.m[tb.ID]
		e.asking, e.at = false, time.Now()
		if got.Rows != 0 || got.Bytes != 0 {
			e.Rows, e.Bytes = got.Rows, got.Bytes
		}
	}()
	if holder := n.Leaseholder(tb.Shard); holder != 0 {
		req, _ := json.Marshal(&tb)
		if resp, err := n.client.Call(ctx, holder, methodStats, req); err == nil {
			_ = json.Unmarshal(resp, &got)
		}
	}
}

func (n *gateway) handleStats(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	var tb schema.Tablet
	if err := json.Unmarshal(req, &tb); err != nil {
		return nil, err
	}
	var e tabletEstimate
	if ls := n.local(tb.Shard); ls != nil {
		e.Rows, e.Bytes = ls.state.TabletStats(tb.ID)
	}
	return json.Marshal(&e)
}
