package shard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spoil makes an entry of proposals, and changes the body of the i-th.
func (l *testLog) spoil(i int, change func(body []byte) []byte, ps ...Proposal) []byte {
	l.t.Helper()
	b := &Batch{ID: l.index, Epoch: l.s.Lease().Epoch, Format: FormatLengths}
	cmd := appendBatchHeader(nil, b, len(ps))
	for k := range ps {
		e, err := AppendProposal(nil, &ps[k], version.Max)
		if err != nil {
			l.t.Fatal(err)
		}
		if k == i {
			const head = tsOffset + 4
			e = append(bytes.Clone(e[:head]), change(bytes.Clone(e[head:]))...)
		}
		cmd = b.appendStamped(cmd, e, ps[k].TS, ps[k].First)
	}
	return cmd
}

// badBodies are damages that a decoder must see.
var badBodies = map[string]func([]byte) []byte{
	"cut off":  func(b []byte) []byte { return b[:len(b)-1] },
	"nothing":  func([]byte) []byte { return nil },
	"too long": func(b []byte) []byte { return append(b, 0) },
	"a count":  func(b []byte) []byte { return binary.AppendUvarint(nil, 1<<40) },
	"format":   func(b []byte) []byte { b[1] = 99; return b }, // the fragment's
}

// A payload that is no good is its proposal's failed result: its neighbours are executed, a repetition hears the same, and
// the replica goes on. How entries are gathered and where it restarts makes no difference.
func TestDamagedProposal(t *testing.T) {
	for name, change := range badBodies {
		e, s, l := openTable(t)
		entries := []Entry{l.entry(l.spoil(1, change,
			l.proposal(insertRow(1, 1, "a")), l.proposal(insertRow(2, 2, "b")), l.proposal(insertRow(3, 3, "c"))))}
		bad := l.proposal(updateK(1, 7))
		repeated := bad
		entries = append(entries, l.entry(l.spoil(0, change, bad)))
		repeated.TS = l.next()
		entries = append(entries, l.entry(l.encodeBatch(repeated)), l.entry(l.encodeBatch(l.proposal(updateK(3, 9)))))
		results, err := s.Apply(entries)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		for i := range results {
			for k := range results[i].Results {
				r := &results[i].Results[k]
				got += fmt.Sprint(r.Status, " ")
				if r.Status != Failed {
					continue
				}
				if n := len(r.Writes); n == 0 || r.Writes[n-1].Err == nil || r.Damage == "" {
					t.Errorf("%s: no error in %+v", name, r)
				}
			}
		}
		if got != "1 2 1 2 7 1 " {
			t.Errorf("%s: statuses %s", name, got)
		}
		if rows := showPage(mustRead(t, s, readAll(schema.PrimaryIndex), ReadOptions{})); rows != "1,1,a 3,9,c" && strings.Contains(rows, "b") {
			t.Errorf("%s: rows %s", name, rows)
		}
		compareTwin(t, s, l, entries)
		reopened := openShard(t, e)
		if a, b := dumpShard(t, e, testTable()), hashText(reopened); b != hashText(s) || a == "" {
			t.Errorf("%s: reopened, hash %s is not %s", name, b, hashText(s))
		}
	}
}

func hashText(s *Shard) string {
	index, hash := s.Hash()
	return fmt.Sprintf("%d %x", index, hash)
}

// compareTwin gives entries to another shard, one by one, with a restart before each, and compares hash and rows.
func compareTwin(t *testing.T, s *Shard, l *testLog, entries []Entry) {
	t.Helper()
	e := openEngine(t, vfs.NewMem())
	twin := openShard(t, e)
	if _, err := twin.Apply([]Entry{{Index: 1, Cmd: l.encodeTablet(testTablet, testTable())}}); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if _, err := twin.Apply(entries[i : i+1]); err != nil {
			t.Fatal(err)
		}
		twin = openShard(t, e)
	}
	if hashText(twin) != hashText(s) {
		t.Errorf("hash %s, twin's %s", hashText(s), hashText(twin))
	}
	a, b := dumpShard(t, s.engine, testTable()), dumpShard(t, e, testTable())
	if a != b {
		t.Errorf("%s\ntwin:\n%s", a, b)
	}
}

// panics are writes whose execution panics after the first of their rows.
func panics() []*fragment.Write {
	u := updateK(1, 5)
	u.Keys = append(u.Keys, intKey(2))
	u.Set = append(u.Set, fragment.Assignment{Column: 3, Expr: &expr.Column{Index: 77, Typ: types.TypeString}})
	d := &fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(1)},
		Where: &expr.Column{Index: 77, Typ: types.TypeInt}}
	i := insertRow(1, 5, "z")
	i.Kind, i.Set = fragment.InsertOrUpdate, u.Set[1:]
	return []*fragment.Write{u, d, i}
}

// What panics at apply, or when it is evaluated for a transaction, fails, leaves nothing behind, and stops nobody.
func TestPanicIsAResult(t *testing.T) {
	_, s, l := openTable(t)
	entries := []Entry{l.entry(l.encodeBatch(l.proposal(insertRow(1, 1, "a")), l.proposal(insertRow(2, 2, "b"))))}
	for _, w := range panics() {
		before, p := l.proposal(updateK(1, 3)), l.proposal(updateK(2, 8), w) // whose first write has done its work by then
		entries = append(entries, l.entry(l.encodeBatch(before, p, l.proposal(updateK(1, 4)))))
	}
	results, err := s.Apply(entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results[1:] {
		if st := r.Results; st[0].Status != Committed || st[1].Status != Failed || st[2].Status != Committed {
			t.Errorf("%+v", st)
		}
		if !strings.Contains(r.Results[1].Damage, "goroutine") {
			t.Errorf("no stack: %q", r.Results[1].Damage)
		}
	}
	if rows := showPage(mustRead(t, s, readAll(schema.PrimaryIndex), ReadOptions{})); !strings.Contains(rows, "4") || strings.Contains(rows, "8") {
		t.Errorf("rows %s", rows)
	}
	compareTwin(t, s, l, entries)
	for _, w := range panics() {
		ws := NewWorkspace(0)
		res, err := s.Evaluate(t.Context(), w, ws, nil)
		if err != nil || res.Err == nil || !ws.Empty() {
			t.Errorf("evaluated: %+v, %v, workspace empty %v", res, err, ws.Empty())
		}
	}
}

// A damaged piece ends its transaction: nothing stays claimed.
func TestDamagedPiece(t *testing.T) {
	_, s, l := openTable(t)
	l.write(insertRow(1, 1, "a"))
	seen := l.ts
	stage := l.proposal()
	stage.Kind, stage.Effects = ProposalStage, []fragment.Effect{{Op: fragment.EffectDelete, Tablet: testTablet, Key: intKey(1), Expect: seen}}
	if r := l.propose(stage)[0]; r.Status != Staged {
		t.Fatalf("%+v", r)
	}
	last := stage
	last.Kind, last.Piece, last.TS, last.Participants = ProposalPrepare, 1, l.next(), []schema.ShardID{testShard}
	last.Effects = []fragment.Effect{{Op: fragment.EffectPut, Tablet: testTablet, Key: intKey(2), Row: []byte("no row")}}
	if r := l.propose(last)[0]; r.Status != Failed || r.Writes[0].Err == nil {
		t.Errorf("%+v", r)
	}
	if parts := s.Parts(); len(parts) != 0 {
		t.Errorf("left: %+v", parts)
	}
	if r := l.write(updateK(1, 5)); r.Status != Committed {
		t.Errorf("%+v", r)
	}
}

// Commands other than batches that are no good do nothing, and say so.
func TestDamagedCommands(t *testing.T) {
	_, s, l := openTable(t)
	broken := testTable()
	broken.Version = 2
	broken.Columns[1].HasDefault, broken.Columns[1].Default = true, []byte{0xee}
	index := testTable()
	index.Version = 3
	index.Indexes[1].Columns[0].Column = 99
	plain, err := EncodeBatch(nil, &Batch{Proposals: []Proposal{l.proposal(insertRow(1, 1, "a"))}}, version.V1)
	if err != nil {
		t.Fatal(err)
	}
	if CheckTable(testTable()) != nil || CheckTable(broken) == nil || CheckTable(index) == nil {
		t.Error("CheckTable")
	}
	var entries []Entry
	for _, cmd := range [][]byte{
		{1}, {1, 1, 5}, {1, 2, 0xff}, {1, 3}, {1, 3, 10, 3, '{', 'x'}, {1, 4}, {1, 5, 1, 9}, {2, 1, 1, 1, 1, 1, 9},
		plain[:len(plain)-1], l.encodeTablet(testTablet, broken), l.encodeTablet(testTablet, index), l.encodeTablet(11, broken),
	} {
		entries = append(entries, l.entry(cmd))
	}
	results, err := s.Apply(entries)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if results[i].OK || results[i].Err == nil {
			t.Errorf("%x: %+v", entries[i].Cmd, results[i])
		}
	}
	if table, _ := s.Table(testTablet); table.Version != 1 {
		t.Errorf("version %d", table.Version)
	}
	compareTwin(t, s, l, entries)
}

// Logs of commit 8630d07 are applied as it did. In the second one a row is put where a prepared transaction has a row to delete that
// was never there; it stays since FormatLengths.
func TestPlainLog(t *testing.T) {
	for seed, want := range []uint64{0xb3d1f8da8b13bd4d, 0xc2bdd4aafc145147, 0x5dd9de266013447} {
		for v := version.Min; v <= version.Max; v++ {
			entries := randomLogAt(t, rand.New(rand.NewPCG(uint64(seed), 7)), 400, v)
			s := openShard(t, openEngine(t, vfs.NewMem()))
			if _, err := s.Apply(entries); err != nil {
				t.Fatal(err)
			}
			if v > version.V1 && seed == 1 {
				want = 0xc9165b0c0496d66f
			}
			if _, h := s.Hash(); h != want {
				t.Errorf("seed %d in formats of version %d: %#x, want %#x", seed, v, h, want)
			}
		}
	}
}
