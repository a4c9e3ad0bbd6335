package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/limits"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// Entries that nobody has written as they are: bytes are changed in a log, and a shard and its twin, which is given the same
// log in another way, must come to the same. What is allowed to stop them is a format that only a later program knows.

var (
	mutatedRounds = flag.Uint64("mutated-rounds", 60, "how many logs TestMutatedEntries changes")
	mutatedFrom   = flag.Uint64("mutated-from", 0, "seed of the first of them")
)

// richTable has a column of each kind.
const richTable = `CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, k INT, name VARCHAR(20), s LONGTEXT, d DATETIME(6), m DECIMAL(30,10),
	j JSON, f DOUBLE, b VARBINARY(100), y TIME(3), u BIGINT UNSIGNED, UNIQUE KEY u (name), KEY k (k), KEY d (d, s(10)))`

// richLog makes a log of writes with expressions, of every kind, in the formats of a version.
type richLog struct {
	*testLog
	rng    *rand.Rand
	table  *schema.Table
	names  []string
	consts []expr.Expr
	v      version.Version
}

func newRichLog(t testing.TB, seed uint64, v version.Version) *richLog {
	r := &richLog{
		testLog: &testLog{t: t, ts: mvcc.At(baseTime), commits: map[fragment.TxnID]mvcc.Timestamp{}}, v: v,
		rng: rand.New(rand.NewPCG(seed, 3)), table: tableOf(t, richTable, 1),
	}
	for _, n := range expr.Names() {
		if n != "sleep" && n != "benchmark" {
			r.names = append(r.names, n)
		}
	}
	for _, s := range []string{"", "abc", "2024-02-29 12:00:00", `{"a": [1, "x"]}`, "$.a", "%b_", "(a|b)+c?", "Europe/Berlin", "day", "9e9"} {
		r.consts = append(r.consts, expr.NewStr(s))
	}
	for _, i := range []int64{0, 1, -1, 7, 300, 1<<63 - 1} {
		r.consts = append(r.consts, expr.NewInt(i))
	}
	r.consts = append(r.consts, expr.NewNull(), expr.NewHex([]byte{0xff, 0}))
	return r
}

func (r *richLog) operand() expr.Expr {
	if r.rng.IntN(2) == 0 {
		return r.consts[r.rng.IntN(len(r.consts))]
	}
	i := r.rng.IntN(len(r.table.Columns))
	return &expr.Column{Index: i, Typ: r.table.Columns[i].Type}
}

// call is an expression that can travel.
func (r *richLog) call() expr.Expr {
	for {
		var e expr.Expr
		for range 1 + r.rng.IntN(3) {
			var args []expr.Expr
			if e != nil {
				args = append(args, e)
			}
			for range r.rng.IntN(4) {
				args = append(args, r.operand())
			}
			if x, err := expr.New(r.names[r.rng.IntN(len(r.names))], args...); err == nil && expr.ClassOf(x) == expr.Pure {
				e = x
			}
		}
		if e == nil {
			continue
		}
		w := &fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(1)}, Where: e}
		if _, err := fragment.AppendWrite(nil, w, r.v); err == nil {
			return e
		}
	}
}

func (r *richLog) sets() (sets []fragment.Assignment) {
	for range 1 + r.rng.IntN(3) {
		c := &r.table.Columns[1+r.rng.IntN(len(r.table.Columns)-1)]
		sets = append(sets, fragment.Assignment{Column: c.ID, Expr: r.call(), OnlyIfChanged: r.rng.IntN(5) == 0})
	}
	return sets
}

func (r *richLog) write() *fragment.Write {
	id := int64(r.rng.IntN(20))
	w := insertRow(id, id%5, fmt.Sprint("n", r.rng.IntN(30)))
	mode := *types.DefaultMode()
	mode.Strict = r.rng.IntN(2) == 0
	w.Env = &expr.Env{Mode: mode, Now: baseTime.UTC().Add(time.Duration(id) * time.Hour)}
	keyed := &fragment.Write{Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(id), intKey(id + 1)}, Env: w.Env, FirstRow: 1}
	for w.Kind = 0; w.Kind.Since() > r.v; {
		w.Kind = fragment.Kind(1 + r.rng.IntN(9))
	}
	switch w.Kind {
	case fragment.InsertOrUpdate:
		w.Set = r.sets()
	case fragment.Update, fragment.UpdateSequence:
		keyed.Set = r.sets()
		fallthrough
	case fragment.Delete:
		if keyed.Kind = w.Kind; r.rng.IntN(2) == 0 {
			keyed.Where = r.call()
		}
		return keyed
	case fragment.Put:
		w.Keys = [][]byte{intKey(id)}
	case fragment.Reindex:
		keyed.Kind = w.Kind
		return keyed
	}
	return w
}

// effects is a transaction's part with rows of the table.
func (r *richLog) effects() Proposal {
	p := r.randomEffects(r.rng)
	for i := range p.Effects {
		if e := &p.Effects[i]; e.Op == fragment.EffectPut {
			vals := make([]types.Value, len(r.table.Columns))
			vals[0], vals[1], vals[2] = types.Int(int64(i)), types.Int(1), types.Str(fmt.Sprint("e", i))
			e.Row = row.Encode(nil, r.table, vals)
		}
	}
	return p
}

func (r *richLog) proposals() (ps []Proposal) {
	for range 1 + r.rng.IntN(3) {
		var p Proposal
		switch r.rng.IntN(10) {
		case 0:
			p = r.effects()
		case 1:
			p = r.effects()
			p.Kind, p.Participants = ProposalPrepare, []schema.ShardID{testShard, 77}
			r.prepared = append(r.prepared, p.Txn)
		case 2:
			p = r.randomEnd(r.rng)
		default:
			p = r.proposal(r.write(), r.write())
		}
		ps = append(ps, p)
	}
	return ps
}

func (r *richLog) entries(n int) []Entry {
	entries := []Entry{r.entry(r.encodeTablet(testTablet, r.table))}
	for len(entries) < n {
		b := &Batch{ID: uint64(len(entries)), Closed: r.ts - 8, Proposals: r.proposals()}
		for i := range b.Proposals {
			if r.v >= version.V2 {
				b.Proposals[i].First = r.ts - mvcc.Timestamp(r.rng.IntN(20))
			}
		}
		cmd, err := EncodeBatch(nil, b, r.v)
		if err != nil {
			r.t.Fatal(err)
		}
		entries = append(entries, r.entry(cmd))
	}
	return entries
}

// mutableLogs are what bytes are changed in: both kinds of logs in the formats of each version.
func mutableLogs(t testing.TB, seed uint64, n int) (logs [][]Entry) {
	for v := version.Min; v <= version.Max; v++ {
		logs = append(logs, newRichLog(t, seed, v).entries(n), randomLogAt(t, rand.New(rand.NewPCG(seed, 4)), n, v))
	}
	return logs
}

// bodies takes a batch of FormatLengths apart; nil: it is none.
func bodies(cmd []byte) (head []byte, proposals [][]byte) {
	if len(cmd) < 2 || Format(cmd[0]) != FormatLengths {
		return nil, nil
	}
	d := wire.NewReader(cmd[2:])
	for range 4 {
		d.Uvarint()
	}
	head = cmd[:len(cmd)-len(d.Rest())]
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		proposals = append(proposals, d.Bytes())
	}
	if d.End() != nil {
		return nil, nil
	}
	return head, proposals
}

func rebuilt(head []byte, proposals [][]byte) []byte {
	cmd := binary.AppendUvarint(bytes.Clone(head), uint64(len(proposals)))
	for _, p := range proposals {
		cmd = wire.AppendBytes(cmd, p)
	}
	return cmd
}

// mutate changes some bytes; other is what parts are taken from.
func mutate(rng *rand.Rand, b, other []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + rng.IntN(3) {
		if len(b) == 0 {
			return append(b, byte(rng.IntN(256)))
		}
		at := rng.IntN(len(b))
		switch rng.IntN(7) {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
		case 1:
			b[at] = byte(rng.IntN(256))
		case 2:
			b = slices.Insert(b, at, byte(rng.IntN(256)))
		case 3:
			b = slices.Delete(b, at, min(at+1+rng.IntN(4), len(b)))
		case 4:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[rng.IntN(5)]
		case 5: // a count or a length
			b = append(binary.AppendUvarint(b[:at:at], rng.Uint64()>>rng.IntN(64)), b[at+1:]...)
		case 6:
			if len(other) > 0 {
				from := rng.IntN(len(other))
				to := min(from+1+rng.IntN(16), len(other))
				b = append(b[:at:at], append(bytes.Clone(other[from:to]), b[min(at+to-from, len(b)):]...)...)
			}
		}
	}
	return b
}

// mutateEntry changes an entry as a whole or, where that is possible, in one of its proposals, whose length stays right.
func mutateEntry(rng *rand.Rand, cmd, other []byte) []byte {
	head, ps := bodies(cmd)
	if len(ps) == 0 || rng.IntN(4) == 0 {
		return mutate(rng, cmd, other)
	}
	i := rng.IntN(len(ps))
	keep := min(tsOffset+9, len(ps[i])) // mostly what follows the timestamp
	if rng.IntN(6) == 0 {
		keep = 0
	}
	ps[i] = append(bytes.Clone(ps[i][:keep]), mutate(rng, ps[i][keep:], other)...)
	return rebuilt(head, ps)
}

// replica is a shard that a log is given to.
type twinReplica struct {
	t testing.TB
	e *engine.Engine
	s *Shard
}

func newTwin(t testing.TB) *twinReplica {
	e, err := engine.Open(engine.Options{Dir: "data", FS: vfs.NewMem(), MemTableBytes: 256 << 10, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &twinReplica{t: t, e: e, s: openShard(t, e)}
}

func (r *twinReplica) close() {
	if err := r.e.Close(); err != nil {
		r.t.Error(err)
	}
}

// moved is a replica made of r by a snapshot.
func (r *twinReplica) moved() *twinReplica {
	defer r.close()
	pinned, err := r.s.PrepareSnapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := r.s.SaveSnapshot(pinned, &stream, nil); err != nil {
		r.t.Fatal(err)
	}
	to := newTwin(r.t)
	if err := to.s.RecoverSnapshot(&stream, nil); err != nil {
		r.t.Fatal(err)
	}
	return to
}

// maxEntryBytes bounds what applying an entry may allocate: what its functions may build (limits.EvalBytes for each
// fragment, of which the logs here have few) is far more than any entry of these needs.
const maxEntryBytes = 4 * limits.EvalBytes

// straight applies entries one by one and gives what came of them. stop is how many were applied before one that only a later
// program knows.
func (r *twinReplica) straight(entries []Entry) (results []Result, stop int) {
	var before, after runtime.MemStats
	for i := range entries {
		runtime.ReadMemStats(&before)
		rs, err := r.s.Apply(entries[i : i+1])
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > maxEntryBytes {
			r.t.Errorf("entry %d of %d bytes took %d bytes: %x", i, len(entries[i].Cmd), n, entries[i].Cmd)
		}
		if err != nil {
			if !errors.Is(err, wire.ErrUnknown) {
				r.t.Fatalf("entry %d stops the replica: %v\n%x", i, err, entries[i].Cmd)
			}
			return results, i
		}
		results = append(results, rs...)
	}
	return results, len(entries)
}

// otherwise applies entries as another replica might: many at once, after restarts and snapshots in between, checked as a
// leaseholder does before it proposes, and on another number of processors.
func (r *twinReplica) otherwise(rng *rand.Rand, entries []Entry) (*twinReplica, []Result) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1 + rng.IntN(4))) // the argument is now, the call at the end
	var results []Result
	for at := 0; at < len(entries); {
		switch rng.IntN(8) {
		case 0:
			r.s = openShard(r.t, r.e)
		case 1:
			if rng.IntN(4) == 0 && at > 0 {
				r = r.moved()
			}
		}
		n := min(1+rng.IntN(12), len(entries)-at)
		for i := range entries[at : at+n] {
			if _, ps := bodies(entries[at+i].Cmd); rng.IntN(2) == 0 {
				for _, p := range ps {
					_ = r.s.CheckProposal(p)
				}
			}
		}
		rs, err := r.s.Apply(entries[at : at+n])
		if err != nil {
			r.t.Fatalf("entries %d to %d stop the twin: %v", at, at+n, err)
		}
		results, at = append(results, rs...), at+n
	}
	return r, results
}

// twins gives entries to a shard and to its twin, and compares all that they say and hold.
func twins(t testing.TB, rng *rand.Rand, entries []Entry) (results []Result, stop int) {
	one, other := newTwin(t), newTwin(t)
	defer one.close()
	results, stop = one.straight(entries)
	other, again := other.otherwise(rng, entries[:stop])
	defer func() { other.close() }()
	if stop < len(entries) {
		if _, err := other.s.Apply(entries[stop : stop+1]); !errors.Is(err, wire.ErrUnknown) {
			t.Errorf("entry %d stops the shard and not its twin: %v", stop, err)
		}
		other.s = openShard(t, other.e)
	}
	for i := range results {
		a, b := withoutDamage(results[i]), withoutDamage(again[i])
		if !reflect.DeepEqual(a, b) {
			t.Errorf("entry %d: %+v, the twin's %+v\n%x", i, a, b, entries[i].Cmd)
			break
		}
	}
	if a, b := hashText(one.s), hashText(other.s); a != b {
		t.Errorf("hash %s, the twin's %s", a, b)
	}
	if a, b := rawDump(t, one.e), rawDump(t, other.e); !bytes.Equal(a, b) {
		t.Errorf("the engines differ:\n%s\n----\n%s", a, b)
	}
	return results, stop
}

// withoutDamage leaves out what is for a node's own log, and how an error is worded.
func withoutDamage(r Result) Result {
	r.Results = slices.Clone(r.Results)
	for i := range r.Results {
		r.Results[i].Damage = ""
	}
	if r.Err != nil {
		r.Err = errMarked
	}
	return r
}

// TestMutatedEntries changes bytes of some entries of logs: a shard and its twin come to the same, and go on.
func TestMutatedEntries(t *testing.T) {
	statuses, stopped := map[Status]int{}, 0
	for seed := *mutatedFrom; seed < *mutatedFrom+*mutatedRounds; seed++ {
		rng := rand.New(rand.NewPCG(seed, 11))
		logs := mutableLogs(t, seed/16, 30)
		entries := slices.Clone(logs[rng.IntN(len(logs))])
		for range 1 + rng.IntN(6) {
			at := 1 + rng.IntN(len(entries)-1)
			entries[at].Cmd = mutateEntry(rng, entries[at].Cmd, entries[rng.IntN(len(entries))].Cmd)
		}
		results, stop := twins(t, rng, entries)
		if stop < len(entries) {
			stopped++
		}
		for i := range results {
			for _, p := range results[i].Results {
				statuses[p.Status]++
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if statuses[Committed] == 0 || statuses[Failed] == 0 || statuses[Conflict] == 0 || statuses[Prepared] == 0 {
		t.Errorf("the logs are too tame: %v", statuses)
	}
	t.Logf("%v; %d of %d logs stopped at an unknown format", statuses, stopped, *mutatedRounds)
}

// FuzzMutatedEntries puts the fuzzer's bytes in the place of one entry of a log, or of one proposal's body.
func FuzzMutatedEntries(f *testing.F) {
	const length = 30
	logs := mutableLogs(f, 1, length)
	for i, log := range logs {
		for at := range log {
			f.Add(uint8(i), uint8(at), false, log[at].Cmd)
			if _, ps := bodies(log[at].Cmd); len(ps) > 0 {
				f.Add(uint8(i), uint8(at), true, ps[0])
			}
		}
	}
	f.Fuzz(func(t *testing.T, log, at uint8, body bool, cmd []byte) {
		entries := slices.Clone(logs[int(log)%len(logs)])
		e := &entries[int(at)%len(entries)]
		if head, ps := bodies(e.Cmd); body && len(ps) > 0 {
			ps[0] = cmd
			cmd = rebuilt(head, ps)
		}
		e.Cmd = cmd
		twins(t, rand.New(rand.NewPCG(Checksum(cmd), 12)), entries)
	})
}
