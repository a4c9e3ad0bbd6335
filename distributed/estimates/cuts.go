package estimates

import (
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// cut is how a tablet of so many rows is cut into sections.
type cut struct {
	keys [][]byte
	rows uint64
	at   time.Time
}

const (
	minCutRows = 4096 // a tablet of fewer rows is not worth cutting
	maxCuts    = 256  // that are remembered
)

// SplitKeys gives keys that cut a tablet into sections of like size. They are nil where it is small, or where they are not known yet:
// then they are looked for meanwhile, as they are anew when it has become larger or smaller by a quarter.
func (e *Estimates) SplitKeys(t *schema.Tablet) [][]byte {
	rows, _, here := e.cfg.Here(t)
	if !here {
		return e.told(t).Keys
	}
	if rows < minCutRows || e.cfg.Keys == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.cuts[t.ID]
	if known == nil {
		if len(e.cuts) >= maxCuts {
			clear(e.cuts)
		}
		known = &cut{}
		e.cuts[t.ID] = known
	}
	if !e.cutting && (rows > known.rows+known.rows/4 || rows < known.rows-known.rows/4) && time.Since(known.at) > maxAge {
		e.cutting = true
		tablet := *t
		spawn.Go("looking for split keys", func() { e.look(&tablet, known, rows) })
	}
	return known.keys
}

// look passes over a tablet's keys, one tablet at a time.
func (e *Estimates) look(t *schema.Tablet, c *cut, rows uint64) {
	var keys [][]byte
	err := spawn.Do("looking for split keys", func() (err error) {
		keys, err = e.cfg.Keys(e.ctx, t)
		return err
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cutting, c.at = false, time.Now()
	if err == nil {
		c.keys, c.rows = keys, rows
	}
}
