package model

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	clusterversion "cloudsql/storage/version"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The table of each real shard, t(id BIGINT PRIMARY KEY, writer BIGINT, KEY (writer)), has the model's one row, and one
// that fillers write.
const (
	modelRow  = 1
	fillerRow = 2

	realTablet = schema.TabletID(10)
)

var realTable = &schema.Table{
	ID: 5, Name: "t", Version: 1, NextColumnID: 3, NextIndexID: 3, Collation: collation.Default,
	Columns: []schema.Column{
		{ID: 1, Name: "id", Type: types.TypeInt, NotNull: true},
		{ID: 2, Name: "writer", Type: types.TypeInt, NotNull: true},
	},
	Indexes: []schema.Index{
		{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}},
		{ID: 2, Name: "writer", Columns: []schema.IndexColumn{{Column: 1}}},
	},
}

func rowKey(id int64) []byte { return keys.AppendValue(nil, types.Int(id), &types.TypeInt, 0, false) }

// txnID names the model's t-th transaction.
func txnID(t int) fragment.TxnID { return fragment.TxnID{'T', byte(t + 1)} }

// machines are two nodes' engines, on which shards are opened under numbers that no other run has.
type machines struct {
	engines [2]*engine.Engine
	shards  schema.ShardID
}

func newMachines(t testing.TB) *machines {
	t.Helper()
	m := &machines{shards: 1}
	for i := range m.engines {
		e, err := engine.Open(engine.Options{Dir: "data", FS: vfs.NewMem(), MemTableBytes: 16 << 20, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		m.engines[i] = e
	}
	return m
}

// realShard is a shard and the log that it is fed.
type realShard struct {
	*shard.Shard
	m       *machines
	machine int
	index   uint64
	batches uint64
}

// newShard opens an empty shard with the table.
func (m *machines) newShard() (*realShard, error) {
	m.shards++
	s, err := shard.Open(m.engines[0], m.shards)
	if err != nil {
		return nil, err
	}
	r := &realShard{Shard: s, m: m}
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: realTablet, Table: realTable})
	if err != nil {
		return nil, err
	}
	if res, err := r.apply(cmd); err != nil || !res.OK {
		return nil, fmt.Errorf("installing the table: %w, %w", res.Err, err)
	}
	return r, r.takeLease()
}

// apply puts a command into the log.
func (r *realShard) apply(cmd []byte) (shard.Result, error) {
	r.index++
	results, err := r.Apply([]shard.Entry{{Index: r.index, Cmd: cmd}})
	if err != nil {
		return shard.Result{}, err
	}
	return results[0], nil
}

// encode makes an entry of proposals under the present lease.
func (r *realShard) encode(closed mvcc.Timestamp, ps ...shard.Proposal) ([]byte, error) {
	r.batches++
	b := &shard.Batch{ID: r.batches, Proposer: 1, Epoch: r.Lease().Epoch, Closed: closed, Proposals: ps}
	return shard.EncodeBatch(nil, b, clusterversion.Max)
}

// propose puts one proposal into the log under the present lease.
func (r *realShard) propose(closed mvcc.Timestamp, p shard.Proposal) (shard.ProposalResult, []byte, error) {
	cmd, err := r.encode(closed, p)
	if err != nil {
		return shard.ProposalResult{}, nil, err
	}
	res, err := r.repropose(cmd)
	return res, cmd, err
}

// repropose puts an entry of one proposal into the log, perhaps not for the first time.
func (r *realShard) repropose(cmd []byte) (shard.ProposalResult, error) {
	res, err := r.apply(cmd)
	if err != nil {
		return shard.ProposalResult{}, err
	}
	if len(res.Results) != 1 {
		return shard.ProposalResult{}, fmt.Errorf("%d results of one proposal", len(res.Results))
	}
	return res.Results[0], nil
}

// takeLease begins the next epoch.
func (r *realShard) takeLease() error {
	l := r.Lease()
	cmd := shard.EncodeLease(nil, &shard.LeaseCommand{Prev: l.Epoch, Nonce: r.index, Lease: shard.Lease{
		Epoch: l.Epoch + 1, Holder: schema.NodeID(1 + l.Epoch%3), Duration: time.Second, Serial: l.Serial + 1,
	}})
	if res, err := r.apply(cmd); err != nil || !res.OK {
		return fmt.Errorf("the lease was not taken: %w", err)
	}
	return nil
}

// close asks for timestamps up to at to be closed, beside the log's writes or with a batch.
func (r *realShard) close(at mvcc.Timestamp, withBatch bool) error {
	if !withBatch {
		_, err := r.apply(shard.EncodeWatermark(nil, &shard.WatermarkCommand{Closed: at}))
		return err
	}
	cmd, err := r.encode(at)
	if err == nil {
		_, err = r.apply(cmd)
	}
	return err
}

// reopen does what a restart does.
func (r *realShard) reopen() (err error) {
	r.Shard, err = shard.Open(r.m.engines[r.machine], r.ID())
	return err
}

// move lets the other node's replica catch up by a snapshot, and goes on with that one.
func (r *realShard) move() error {
	pinned, err := r.PrepareSnapshot()
	if err != nil {
		return err
	}
	var stream bytes.Buffer
	if err := r.SaveSnapshot(pinned, &stream, nil); err != nil {
		return err
	}
	r.machine = 1 - r.machine
	if err := r.reopen(); err != nil {
		return err
	}
	return r.RecoverSnapshot(io.Reader(&stream), nil)
}

// read gives who wrote the model's row, at a timestamp or (0) in the newest state; 0: there is no row.
func (r *realShard) read(at mvcc.Timestamp) (writer int64, err error) {
	page := &fragment.Page{}
	err = r.Read(context.Background(), &fragment.Read{
		Tablet: realTablet, SchemaVersion: 1, Index: schema.PrimaryIndex, Keys: [][]byte{rowKey(modelRow)}, Columns: []schema.ColumnID{2},
	}, shard.ReadOptions{At: at}, page)
	if err != nil || page.Batch.Len() == 0 {
		return 0, err
	}
	return page.Batch.Row(0)[0].Int(), nil
}

// blindWrite makes a row writer's, whoever's it was before: REPLACE, or INSERT … ON DUPLICATE KEY UPDATE.
func blindWrite(kind fragment.Kind, id, writer int64) *fragment.Write {
	w := &fragment.Write{
		Kind: kind, Tablet: realTablet, SchemaVersion: 1, Columns: []schema.ColumnID{1, 2}, FirstRow: 1,
		Rows: types.Batch{Width: 2, Vals: []types.Value{types.Int(id), types.Int(writer)}},
	}
	if kind == fragment.InsertOrUpdate {
		w.Set = []fragment.Assignment{{Column: 2, Expr: expr.NewInt(writer)}}
	}
	return w
}

// rowEffect changes or only checks the model's row.
func rowEffect(writes bool, writer int64, expect mvcc.Timestamp) fragment.Effect {
	e := fragment.Effect{Tablet: realTablet, Key: rowKey(modelRow), Expect: expect, Op: fragment.EffectCheck}
	if writes {
		e.Op, e.Row = fragment.EffectPut, row.Encode(nil, realTable, []types.Value{types.Int(modelRow), types.Int(writer)})
	}
	return e
}
