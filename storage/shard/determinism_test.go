package shard

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	clusterversion "cloudsql/storage/version"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// randomLog makes a log of all that a shard knows, valid and not: writes of every kind on few keys, resolved effects
// with guessed versions, repeated transactions, leases, watermarks, schema changes, system records.
func randomLog(t testing.TB, rng *rand.Rand, n int) []Entry {
	return (&testLog{t: t, ts: mvcc.At(baseTime), commits: map[fragment.TxnID]mvcc.Timestamp{}, checks: true}).random(rng, n, clusterversion.Max)
}

// randomLogAt is what randomLog makes of the things that were there from the first version on, in the formats of a version.
func randomLogAt(t testing.TB, rng *rand.Rand, n int, v clusterversion.Version) []Entry {
	return (&testLog{t: t, ts: mvcc.At(baseTime), commits: map[fragment.TxnID]mvcc.Timestamp{}}).random(rng, n, v)
}

func (l *testLog) random(rng *rand.Rand, n int, v clusterversion.Version) []Entry {
	t := l.t
	epoch, serial, version := uint64(0), uint64(0), uint64(1)
	base := tableOf(t, "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, k INT, name VARCHAR(20), UNIQUE KEY u (name), KEY k (k))", 1)
	entries := []Entry{l.entry(l.encodeTablet(testTablet, base))}
	var old []Proposal
	for len(entries) < n {
		var cmd []byte
		switch p := rng.IntN(100); {
		case p < 3:
			next := base.Clone()
			version++
			next.Version = version
			if rng.IntN(2) == 0 {
				next.Indexes = next.Indexes[:2]
			}
			cmd = l.encodeTablet(testTablet, next)
		case p < 5:
			c := &LeaseCommand{Prev: epoch, Lease: Lease{Epoch: epoch + uint64(rng.IntN(2)), Holder: 1, Serial: serial + 1}}
			c.Epoch = max(c.Epoch, 1)
			if rng.IntN(4) == 0 {
				c.Prev += 7 // refused
				c.Epoch = 99
			} else {
				epoch, serial = c.Epoch, c.Serial
			}
			cmd = EncodeLease(nil, c)
		case p < 6 && l.checks: // of what came with version 2
			c := MoveCommand{Op: MoveOp(1 + rng.IntN(9)), Epoch: epoch, Tablet: testTablet, Attempt: uint64(rng.IntN(3))}
			if c.Op >= MoveReceive {
				c.Tablet, c.Table, c.Newest = movedTablet, base, l.ts
				c.Versions = AppendVersion(nil, Version{append([]byte{0, 1}, intKey(int64(rng.IntN(9)))...), l.ts, []byte{byte(rng.IntN(3))}})
			}
			if c.Op == MoveLeave { // for good
				c.Op = MoveTrack
			}
			var err error
			if cmd, err = EncodeMove(nil, &c); err != nil {
				t.Fatal(err)
			}
		case p < 8:
			cmd = EncodeWatermark(nil, &WatermarkCommand{Watermark: l.ts - mvcc.Timestamp(rng.IntN(40)), Closed: l.ts - 5})
		case p < 11:
			cmd = EncodeSystem(nil, &SystemCommand{ID: uint64(len(entries)), Expect: []SystemExpect{{Key: "a", Version: uint64(rng.IntN(2))}}[:rng.IntN(2)],
				Sets: []SystemSet{{Key: string(rune('a' + rng.IntN(3))), Value: []byte{byte(rng.IntN(9))}}, {Key: "gone"}}})
		default:
			b := &Batch{Epoch: epoch, ID: uint64(len(entries)), Closed: l.ts - 8}
			for range 1 + rng.IntN(4) {
				pr := l.randomProposal(rng, version)
				if len(old) > 0 && rng.IntN(10) == 0 {
					pr = old[rng.IntN(len(old))] // a retry, perhaps at its old timestamp
				}
				old = append(old, pr)
				b.Proposals = append(b.Proposals, pr)
			}
			if rng.IntN(20) == 0 {
				b.Epoch += 3
			}
			if rng.IntN(4) > 0 { // as a proposer stamps them
				for i := range b.Proposals {
					b.Proposals[i].TS = l.ts
				}
			}
			var err error
			if cmd, err = EncodeBatch(nil, b, v); err != nil {
				t.Fatal(err)
			}
		}
		entries = append(entries, l.entry(cmd))
		if rng.IntN(10) == 0 {
			entries = append(entries, l.entry(nil)) // the raft library's own
		}
	}
	return entries
}

func (l *testLog) randomProposal(rng *rand.Rand, version uint64) Proposal {
	version -= uint64(rng.IntN(2))
	switch rng.IntN(12) {
	case 0:
		return l.randomEffects(rng)
	case 1:
		p := l.randomEffects(rng)
		p.Kind, p.Participants = ProposalPrepare, []schema.ShardID{testShard, 77}[:1+rng.IntN(2)]
		switch rng.IntN(6) {
		case 0:
			p.Kind = ProposalStage
		case 1: // perhaps the next piece of one that was staged
			if n := len(l.prepared); n > 0 {
				p.Txn = l.prepared[n-1]
			}
			p.Piece, p.Kind = 1, []ProposalKind{ProposalPrepare, ProposalStage}[rng.IntN(2)]
		}
		l.prepared = append(l.prepared, p.Txn)
		return p
	case 2, 3, 4:
		return l.randomEnd(rng)
	}
	var ws []*fragment.Write
	for range 1 + rng.IntN(2) {
		id, k := int64(rng.IntN(40)), int64(rng.IntN(10))
		w := insertRow(id, k, fmt.Sprint("n", rng.IntN(30)))
		w.Rows.Vals = append(w.Rows.Vals, types.Int(id+1), types.Int(k), types.Str(fmt.Sprint("N", rng.IntN(30))))
		set := []fragment.Assignment{{Column: 2, Expr: expr.NewInt(k)}, {Column: 3, Expr: expr.NewStr(fmt.Sprint("n", rng.IntN(30)))}}
		switch rng.IntN(7) {
		case 1:
			w.Kind = fragment.InsertIgnore
		case 2:
			w.Kind = fragment.Replace
		case 3:
			w.Kind, w.Set = fragment.InsertOrUpdate, set[:1+rng.IntN(2)]
		case 4, 5:
			w = &fragment.Write{Kind: fragment.Update, Tablet: testTablet, Keys: [][]byte{intKey(id), intKey(id + 3)}, Set: set[:1+rng.IntN(2)]}
			if rng.IntN(3) == 0 {
				w.Set = append(w.Set, fragment.Assignment{Column: 1, Expr: expr.NewInt(id + 5)})
			}
		case 6:
			w = &fragment.Write{Kind: fragment.Delete, Tablet: testTablet, Keys: [][]byte{intKey(id), intKey(id + 1)}}
		}
		if l.checks && len(w.Set) > 0 && rng.IntN(3) == 0 {
			w.Checks, w.Lenient = []fragment.Check{{Name: "c", Expr: &expr.Column{Index: 1, Typ: types.TypeInt, Name: "k"}}}, rng.IntN(2) == 0
		}
		if l.checks && w.Kind == fragment.InsertIgnore {
			w.Numbers = []int{}
		}
		w.SchemaVersion = version
		ws = append(ws, w)
	}
	return l.proposal(ws...)
}

// randomEnd is a next step, or a repeated one, of a transaction that may have been prepared.
func (l *testLog) randomEnd(rng *rand.Rand) Proposal {
	p := l.proposal()
	if len(l.prepared) == 0 {
		p.Kind = ProposalAbort
		return p
	}
	at := rng.IntN(min(len(l.prepared), 2))
	p.Txn = l.prepared[at]
	switch rng.IntN(8) {
	case 0:
		p.Kind = ProposalAbort
	case 1:
		p.Kind, p.Forget, p.Txn = ProposalForget, []fragment.TxnID{p.Txn}, fragment.TxnID{}
	case 2:
		p.Kind = ProposalResolve
	default:
		p.Kind, p.CommitTS = ProposalResolve, l.commits[p.Txn]
		if p.CommitTS == 0 {
			p.CommitTS = p.TS
			l.commits[p.Txn] = p.TS
		} else if rng.IntN(2) == 0 { // once for each piece, at least
			l.prepared = slices.Delete(l.prepared, at, at+1)
		}
	}
	return p
}

func (l *testLog) randomEffects(rng *rand.Rand) Proposal {
	p := l.proposal()
	table := testTable()
	for _, id := range rng.Perm(40)[:3] {
		e := fragment.Effect{Tablet: testTablet, Key: intKey(int64(id)), Op: fragment.EffectOp(1 + rng.IntN(3))}
		if rng.IntN(3) == 0 {
			e.Expect = p.TS - mvcc.Timestamp(rng.IntN(6))
		}
		if e.Op == fragment.EffectPut {
			e.Row = row.Encode(nil, table, []types.Value{types.Int(int64(id)), types.Int(int64(rng.IntN(10))), types.Str(fmt.Sprint("n", rng.IntN(30)))})
		}
		p.Effects = append(p.Effects, e)
	}
	return p
}

// rawDump is all that the engine holds of the shard.
func rawDump(t testing.TB, e *engine.Engine) []byte {
	t.Helper()
	start, end := shardRange(testShard)
	it, err := e.DB().NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for it.First(); it.Valid(); it.Next() {
		fmt.Fprintf(&out, "%x=%x\n", it.Key(), it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestApplyIsDeterministic applies one log in different ways, and everything must come out the same: results, hash, and
// each byte in the engine.
func TestApplyIsDeterministic(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		entries := randomLog(t, rng, 400)
		wantEngine := openEngine(t, vfs.NewMem())
		want := openShard(t, wantEngine)
		var results []Result
		statuses := map[Status]int{}
		for i := range entries {
			r, err := want.Apply(entries[i : i+1])
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, r...)
			for _, p := range r[0].Results {
				statuses[p.Status]++
			}
		}
		if statuses[Committed] < 50 || len(statuses) < 6 {
			t.Errorf("seed %d: the log is too tame: %v", seed, statuses)
		}
		t.Run("batches and restarts", func(t *testing.T) { applyWithRestarts(t, rng, entries, results, wantEngine, want) })
		t.Run("crashes", func(t *testing.T) { applyWithCrashes(t, rng, entries, wantEngine, want) })
		t.Run("collection", func(t *testing.T) { applyWithCollection(t, rng, entries, results, want) })
	}
}

func sameHash(t *testing.T, got, want *Shard) {
	t.Helper()
	i, h := got.Hash()
	if wi, wh := want.Hash(); i != wi || h != wh {
		t.Errorf("hash %x at %d, want %x at %d", h, i, wh, wi)
	}
}

func sameResults(t *testing.T, got, want []Result) {
	t.Helper()
	for i := range got {
		g, w := got[i], want[i]
		if (g.Err == nil) != (w.Err == nil) {
			t.Fatalf("entry %d: error %v, want %v", i, g.Err, w.Err)
		}
		g.Err, w.Err = nil, nil
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("entry %d: %+v, want %+v", i, g, w)
		}
	}
}

func applyWithRestarts(t *testing.T, rng *rand.Rand, entries []Entry, results []Result, wantEngine *engine.Engine, want *Shard) {
	e := openEngine(t, vfs.NewMem())
	s := openShard(t, e)
	var got []Result
	for at := 0; at < len(entries); {
		n := min(1+rng.IntN(30), len(entries)-at)
		r, err := s.Apply(entries[at : at+n])
		if err != nil {
			t.Fatal(err)
		}
		got, at = append(got, r...), at+n
		if rng.IntN(4) == 0 {
			s = openShard(t, e)
		}
	}
	sameResults(t, got, results)
	sameHash(t, s, want)
	if a, b := rawDump(t, e), rawDump(t, wantEngine); !bytes.Equal(a, b) {
		t.Errorf("the engines differ:\n%s\n----\n%s", a, b)
	}
}

// applyWithCrashes loses what was not synced again and again; the log is replayed from the applied index.
func applyWithCrashes(t *testing.T, rng *rand.Rand, entries []Entry, wantEngine *engine.Engine, want *Shard) {
	fs := vfs.NewCrashableMem()
	for crash := 0; ; crash++ {
		e := openEngine(t, fs)
		s := openShard(t, e)
		at := int(s.AppliedIndex()) // entries are numbered from 1 without gaps
		for steps := 20 + rng.IntN(100); at < len(entries) && (steps > 0 || crash > 30); steps-- {
			n := min(1+rng.IntN(10), len(entries)-at)
			if _, err := s.Apply(entries[at : at+n]); err != nil {
				t.Fatal(err)
			}
			at += n
			if rng.IntN(15) == 0 {
				if err := e.Sync(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if at == len(entries) {
			sameHash(t, s, want)
			if a, b := rawDump(t, e), rawDump(t, wantEngine); !bytes.Equal(a, b) {
				t.Errorf("the engines differ after %d crashes", crash)
			}
			return
		}
		fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng})
	}
}

// applyWithCollection removes garbage whenever it can: what is applied must not depend on it.
func applyWithCollection(t *testing.T, rng *rand.Rand, entries []Entry, results []Result, want *Shard) {
	e := openEngine(t, vfs.NewMem())
	s := openShard(t, e)
	var got []Result
	removed := 0
	for at := 0; at < len(entries); {
		n := min(1+rng.IntN(5), len(entries)-at)
		r, err := s.Apply(entries[at : at+n])
		if err != nil {
			t.Fatal(err)
		}
		got, at = append(got, r...), at+n
		k, _, err := s.CollectGarbage(context.Background(), 1+rng.IntN(50))
		if err != nil {
			t.Fatal(err)
		}
		removed += k
		if rng.IntN(20) == 0 {
			s = openShard(t, e)
		}
	}
	if removed == 0 {
		t.Error("nothing was collected")
	}
	sameResults(t, got, results)
	sameHash(t, s, want)
	sameReads(t, s, want)
}

func sameReads(t *testing.T, got, want *Shard) {
	t.Helper()
	table, ok := want.Table(testTablet)
	if !ok {
		t.Fatal("the tablet is gone")
	}
	for _, at := range []mvcc.Timestamp{0, want.Watermark(), want.Closed()} {
		for i := range table.Indexes {
			r := readAll(table.Indexes[i].ID)
			r.SchemaVersion = table.Version
			a, errA := readText(got, r, ReadOptions{At: at})
			b, errB := readText(want, r, ReadOptions{At: at})
			if a != b || fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Errorf("index %s at %d: %q %v, want %q %v", table.Indexes[i].Name, at, a, errA, b, errB)
			}
		}
	}
}

func readText(s *Shard, r *fragment.Read, o ReadOptions) (string, error) {
	page := &fragment.Page{}
	err := s.Read(context.Background(), r, o, page)
	return showPage(page), err
}

// TestUnknownCommandsStopTheReplica: what this program does not know must not be skipped.
func TestUnknownCommandsStopTheReplica(t *testing.T) {
	const needs = 1 + 1 + 5 + 1 + tsOffset + 1 // behind the header, the proposal's length and what has no timestamp
	batch, err := EncodeBatch(nil, &Batch{Proposals: []Proposal{{Kind: ProposalAbort}}}, clusterversion.Max)
	if err != nil {
		t.Fatal(err)
	}
	if batch[needs] != byte(clusterversion.Max) {
		t.Fatalf("%x", batch)
	}
	batch[needs]++
	for name, cmd := range map[string][]byte{"version": {99, 1, 0}, "kind": {1, 77}, "later lease": {2, 2}, "proposal": batch} {
		s := openShard(t, openEngine(t, vfs.NewMem()))
		if _, err := s.Apply([]Entry{{Index: 1, Cmd: cmd}}); err == nil {
			t.Errorf("%s: applied", name)
		}
		if _, err := s.Apply([]Entry{{Index: 2}}); err == nil {
			t.Errorf("%s: went on", name)
		}
		if s.AppliedIndex() != 0 {
			t.Errorf("%s: applied index %d", name, s.AppliedIndex())
		}
	}
}

// TestHashHistory compares replicas at an index that both have passed.
func TestHashHistory(t *testing.T) {
	entries := randomLog(t, rand.New(rand.NewPCG(9, 9)), 100)
	a, b := openShard(t, openEngine(t, vfs.NewMem())), openShard(t, openEngine(t, vfs.NewMem()))
	if _, err := a.Apply(entries); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(entries[:60]); err != nil {
		t.Fatal(err)
	}
	index, hash := b.Hash()
	if got, ok := a.HashAt(index); !ok || got != hash {
		t.Errorf("hash %x %v at %d, want %x", got, ok, index, hash)
	}
	if _, ok := a.HashAt(uint64(len(entries) + 5)); ok {
		t.Error("a hash of the future")
	}
	if got := a.Tablets(); !reflect.DeepEqual(got, []schema.TabletID{testTablet}) {
		t.Errorf("tablets %v", got)
	}
}
