package shard

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/wire"
)

// randomWorkspace writes, locks and takes back.
func randomWorkspace(t testing.TB, rng *rand.Rand) *Workspace {
	w := NewWorkspace(0)
	var marks []uint64
	for range rng.IntN(60) {
		index := schema.IndexID(1 + rng.IntN(2))
		key := append(indexRangeStart(7, 3, index), fmt.Sprintf("key %d", rng.IntN(12))...)
		payload := bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(20))
		var err error
		switch rng.IntN(6) {
		case 0:
			w.see(key, mvcc.Timestamp(rng.IntN(1000)))
		case 1:
			if index == schema.PrimaryIndex {
				_, err = w.remove(key)
			} else {
				err = w.drop(key)
			}
		case 2:
			marks = append(marks, w.Mark())
		case 3:
			if len(marks) > 0 {
				w.Truncate(marks[len(marks)-1])
				marks = marks[:len(marks)-1]
			}
		default:
			_, err = w.put(key, payload)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func indexRangeStart(s schema.ShardID, tablet schema.TabletID, index schema.IndexID) []byte {
	start, _ := indexRange(s, tablet, index)
	return start
}

// A workspace that has travelled has the same effects, and goes back to every earlier state likewise.
func TestWorkspaceTravels(t *testing.T) {
	for seed := range uint64(200) {
		w := randomWorkspace(t, rand.New(rand.NewPCG(seed, 1)))
		d := wire.NewReader(w.Append(nil))
		got := ReadWorkspace(d, 0)
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		for mark := w.Mark(); ; mark-- {
			if !reflect.DeepEqual(got.Effects(), w.Effects()) || got.Mark() != w.Mark() || got.Bytes() != w.Bytes() || got.Empty() != w.Empty() {
				t.Fatalf("seed %d, mark %d: %+v, not %+v", seed, mark, got.Effects(), w.Effects())
			}
			if mark == 0 {
				break
			}
			w.Truncate(mark - 1)
			got.Truncate(mark - 1)
		}
	}
}

func FuzzReadWorkspace(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(randomWorkspace(f, rand.New(rand.NewPCG(seed, 2))).Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := wire.NewReader(b)
		w := ReadWorkspace(d, 0)
		if d.End() != nil {
			return
		}
		again := wire.NewReader(w.Append(nil))
		if got := ReadWorkspace(again, 0); again.End() != nil || !reflect.DeepEqual(got.Effects(), w.Effects()) {
			t.Fatalf("%x: not the same the second time", b)
		}
		_ = w.Effects()
		w.Truncate(0)
	})
}

// TestAutoIncOfPassedTransactions: a value that an open transaction has used is not given again by the next leaseholder, which the transaction comes to.
func TestAutoIncOfPassedTransactions(t *testing.T) {
	_, s, _ := openTable(t)
	ws := NewWorkspace(1 << 20)
	w := insertRow(0, 1, "a")
	w.Rows.Row(0)[0], w.AutoInc = types.Null, true
	if r, err := s.Evaluate(t.Context(), w, ws, nil); err != nil || r.Err != nil || r.FirstAutoInc != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	s.ResetAutoInc()
	s.KeepAutoInc(ReadWorkspace(wire.NewReader(ws.Append(nil)), 1<<20))
	if next, err := s.ReserveAutoInc(testTablet, 0); next != 2 || err != nil {
		t.Errorf("the next value is %d, %v", next, err)
	}
}

// TestAutoIncOfUncommittedUpdates: a value that an UPDATE has set is not given again before its commit is applied, which the gateway of
// a transaction of several shards does not wait for.
func TestAutoIncOfUncommittedUpdates(t *testing.T) {
	_, s, _ := openTable(t)
	ws := NewWorkspace(1 << 20)
	update := updateK(1, 0)
	update.Set = []fragment.Assignment{{Column: 1, Expr: expr.NewInt(10)}}
	for _, w := range []*fragment.Write{insertRow(1, 1, "a"), update} {
		if r, err := s.Evaluate(t.Context(), w, ws, nil); err != nil || r.Err != nil {
			t.Fatalf("%+v %v", r, err)
		}
	}
	if next, err := s.ReserveAutoInc(testTablet, 0); next != 11 || err != nil {
		t.Errorf("the next value is %d, %v", next, err)
	}
}

// TestAutoIncOfPreparedTransactions: a value in a row that is prepared, or a piece of what will be, is not given again by the next leaseholder, nor after a
// start: nobody knows yet whether the row will be there.
func TestAutoIncOfPreparedTransactions(t *testing.T) {
	e, s, l := openTable(t)
	prepare := func(kind ProposalKind) Proposal {
		ws := NewWorkspace(1 << 20)
		w := insertRow(0, 1, fmt.Sprint(kind))
		w.Rows.Row(0)[0], w.AutoInc = types.Null, true
		if r, err := s.Evaluate(t.Context(), w, ws, nil); err != nil || r.Err != nil {
			t.Fatalf("%+v %v", r, err)
		}
		p := l.proposal()
		p.Kind, p.Effects, p.Participants = kind, ws.Effects(), []schema.ShardID{testShard, 77}
		if r := l.propose(p)[0]; r.Status != Prepared && r.Status != Staged {
			t.Fatalf("%+v", r)
		}
		return p
	}
	next := func(want uint64) {
		t.Helper()
		s.ResetAutoInc()
		for range 2 {
			if next, err := s.ReserveAutoInc(testTablet, 0); next != want || err != nil {
				t.Errorf("the next value is %d, %v; not %d", next, err, want)
			}
			s = openShard(t, e)
		}
		l.s = s
	}
	first := prepare(ProposalPrepare)
	next(2)
	prepare(ProposalStage)
	next(3)
	if r := l.propose(Proposal{Kind: ProposalResolve, Txn: first.Txn, CommitTS: first.TS})[0]; r.Status != Committed {
		t.Fatalf("%+v", r)
	}
	next(3)
}
