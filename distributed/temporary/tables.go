package temporary

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Tables are the temporary tables of a session.
type Tables struct {
	store *Store
	db    distributed.DB // the node's

	shard *shard.Shard // nil until there is a table
	id    schema.ShardID
	index uint64         // of the shard's newest entry
	ts    mvcc.Timestamp // of its newest write
	txns  uint64

	own        *catalog.Snapshot
	count      int // of own's tables
	generation uint64
	base, seen *catalog.Snapshot // the cluster's catalog, and that with own before it

	open    int // transactions that may still go back
	garbage int // writes since versions were last collected
}

// generations numbers the states of all sessions' temporary tables.
var generations atomic.Uint64

// collectEvery is after how many writes old versions are removed.
const collectEvery = 256

// NewTables is for a session without temporary tables.
func (s *Store) NewTables(db distributed.DB) *Tables {
	return &Tables{store: s, db: db, own: db.Catalog().Private(nil)}
}

// Empty tells that there are no tables; on nil, too.
func (t *Tables) Empty() bool { return t == nil || t.count == 0 }

// Generation is a number that only this state of the tables has; 0: there are none.
func (t *Tables) Generation() uint64 {
	if t.Empty() {
		return 0
	}
	return t.generation
}

// Catalog is the cluster's newest, with the temporary tables before it.
func (t *Tables) Catalog() *catalog.Snapshot {
	if base := t.db.Catalog(); base != t.base || t.seen == nil {
		t.base, t.seen = base, base.Before(t.own)
	}
	return t.seen
}

// Aside is Catalog with a new table, of whatever kind, under a name that nobody else uses; see catalog.Snapshot.Aside.
func (t *Tables) Aside(made *schema.Table, name string) *catalog.Snapshot {
	if now, ok := t.own.TableByID(made.ID); ok {
		made = now
	}
	return t.db.Catalog().Before(t.own.Aside(made, name))
}

// Find finds a temporary table.
func (t *Tables) Find(db, name string) (*schema.Table, bool) {
	if t == nil {
		return nil, false
	}
	return t.own.Table(db, name)
}

// Has tells whether a table is temporary.
func (t *Tables) Has(id schema.TableID) bool {
	if t.Empty() {
		return false
	}
	_, ok := t.own.TableByID(id)
	return ok
}

// Close drops all tables.
func (t *Tables) Close() error {
	if t == nil || t.shard == nil {
		return nil
	}
	t.shard = nil
	t.setOwn(t.db.Catalog().Private(nil))
	return t.store.drop(t.id)
}

func (t *Tables) setOwn(own *catalog.Snapshot) {
	t.own, t.count, t.seen = own, catalog.CountTables(own), nil
	t.generation = generations.Add(1)
}

// has tells whether a tablet is of a temporary table.
func (t *Tables) has(tablet schema.TabletID) bool {
	_, ok := t.own.ShardOf(tablet)
	return ok
}

// apply executes a command as the shard's next entry.
func (t *Tables) apply(cmd []byte) (*shard.Result, error) {
	t.index++
	results, err := t.shard.Apply([]shard.Entry{{Index: t.index, Cmd: cmd}})
	if err != nil {
		return nil, fmt.Errorf("temporary tables: %w", err)
	}
	if results[0].Err != nil {
		return nil, results[0].Err
	}
	return &results[0], nil
}

// install gives the shard a tablet's descriptor; nil removes the tablet with its rows.
func (t *Tables) install(tablet schema.TabletID, table *schema.Table) error {
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: tablet, Table: table})
	if err == nil {
		_, err = t.apply(cmd)
	}
	return err
}

// write executes writes as one transaction.
func (t *Tables) write(ctx context.Context, writes []*fragment.Write) ([]fragment.WriteResult, error) {
	for _, w := range writes {
		if err := t.shard.FillAutoInc(w); err != nil {
			return failed(err)
		}
	}
	if err := t.store.room(bytesOf(writes)); err != nil {
		return nil, err
	}
	r, err := t.propose(&shard.Proposal{Writes: writes})
	if err != nil {
		return nil, err
	}
	if t.garbage++; t.open == 0 && t.garbage >= collectEvery {
		if err := t.collect(ctx); err != nil {
			return nil, err
		}
	}
	return r.Writes, nil
}

// bytesOf is roughly what writes add.
func bytesOf(writes []*fragment.Write) (n int) {
	const perRow = 64 // the key, what changes of a row that is updated
	for _, w := range writes {
		n += perRow * (len(w.Keys) + w.Rows.Len())
		for i := range w.Rows.Vals {
			n += len(w.Rows.Vals[i].Raw())
		}
	}
	return n
}

// propose applies a transaction.
func (t *Tables) propose(p *shard.Proposal) (*shard.ProposalResult, error) {
	t.ts++
	t.txns++
	p.Kind, p.TS = shard.ProposalCommit, t.ts
	binary.BigEndian.PutUint64(p.Txn[8:], t.txns)
	cmd, err := shard.EncodeBatch(nil, &shard.Batch{ID: t.txns, Proposals: []shard.Proposal{*p}}, version.Max)
	if err != nil {
		return nil, err
	}
	r, err := t.apply(cmd)
	if err != nil {
		return nil, err
	}
	result := &r.Results[0]
	switch result.Status {
	case shard.Committed, shard.Failed:
		return result, nil
	case shard.SchemaChanged, shard.NoTablet:
		return nil, distributed.ErrSchemaChanged
	}
	return nil, fmt.Errorf("temporary tables: a write ended with status %d", result.Status)
}

// revert brings the rows of all tables back to what they were at a timestamp.
func (t *Tables) revert(at mvcc.Timestamp) error {
	if t.shard == nil || t.ts == at {
		return nil
	}
	for _, table := range t.own.All() {
		for _, tablet := range table.Tablets {
			err := t.shard.Reversal(tablet.ID, at, func(effects []fragment.Effect) error {
				r, err := t.propose(&shard.Proposal{Effects: effects})
				if err == nil && r.Status != shard.Committed {
					err = errors.New("temporary tables: what was rolled back did not apply")
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// collect removes the versions that nobody goes back to.
func (t *Tables) collect(ctx context.Context) error {
	t.garbage = 0
	if _, err := t.apply(shard.EncodeWatermark(nil, &shard.WatermarkCommand{Watermark: t.ts})); err != nil {
		return err
	}
	for more := true; more && ctx.Err() == nil; {
		var err error
		if _, more, err = t.shard.CollectGarbage(ctx, 16*collectEvery); err != nil {
			return err
		}
	}
	return nil
}
