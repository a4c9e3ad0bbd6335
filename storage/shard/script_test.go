package shard

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"

	"github.com/cockroachdb/datadriven"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestScripts runs testdata/scripts. Commands, with their input behind them:
//
//	table [v=N]                     CREATE TABLE: install that version of the descriptor
//	drop                            the tablet
//	exec [keys=(…)] [ts=N] [v=N]    a write, as one autocommit transaction; several statements: one transaction
//	effects                         (transactions only)
//	read [index=X] [keys=(…)] [from=A] [to=B] [reverse] [at=N] [page=bytes] [withkeys] [tz=Z]   SELECT
//	begin, eval, readtx, mark, back, commit    the same inside a transaction with a workspace
//	stage txn=X piece=N from=A to=B; prepare txn=X [piece=N from=A]      a piece: the A-th to the B-th effect
//	prepare, abort txn=X; resolve txn=X [ts=N]; forget txn=X; again txn=X      steps of transaction X over several shards
//	parts
//	watermark ts=N, collect, dump, reopen, lease, now ts=N, reindex keys=(…)
//
// Timestamps in scripts are small numbers; each exec without one takes the next.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{t: t, e: openEngine(t, vfs.NewMem())}
		s.s = openShard(t, s.e)
		s.log = newLog(t, s.s)
		s.log.ts = 0
		datadriven.RunTest(t, path, s.run)
	})
}

type script struct {
	t     *testing.T
	e     *engine.Engine
	s     *Shard
	log   *testLog
	table *schema.Table
	all   map[uint64]*schema.Table
	ws    *Workspace
	marks []uint64
	d     *datadriven.TestData
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.t, s.d, s.log.t = t, d, t
	switch d.Cmd {
	case "table":
		return s.install()
	case "drop":
		r := s.log.apply(s.log.encodeTablet(testTablet, nil))
		return fmt.Sprintf("ok=%v\n", r.OK)
	case "exec":
		return s.exec()
	case "reindex":
		w := &fragment.Write{Kind: fragment.Reindex, Tablet: testTablet, SchemaVersion: s.table.Version, Keys: s.keys("keys", 0)}
		return s.propose(s.log.proposal(w))
	case "read", "readtx":
		return s.read()
	case "begin":
		s.ws = NewWorkspace(s.int("limit", 0))
		s.marks = nil
		return ""
	case "eval":
		return s.eval()
	case "mark":
		s.marks = append(s.marks, s.ws.Mark())
		return ""
	case "back":
		s.ws.Truncate(s.marks[len(s.marks)-1])
		return ""
	case "effects":
		return s.effects()
	case "commit":
		p := s.log.proposal()
		p.Effects = s.ws.Effects()
		return s.propose(p)
	case "prepare", "stage", "resolve", "abort", "forget", "again":
		return s.step()
	case "parts":
		return s.parts()
	case "now":
		s.log.ts = mvcc.Timestamp(s.int("ts", 0))
		return ""
	case "watermark":
		ts := mvcc.Timestamp(s.int("ts", 0))
		s.log.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: ts, Closed: ts}))
		return ""
	case "collect":
		n, more, err := s.s.CollectGarbage(context.Background(), s.int("limit", 1000))
		return fmt.Sprintf("removed=%d more=%v err=%v\n", n, more, err)
	case "dump":
		return dumpShard(t, s.e, s.table)
	case "reopen":
		s.s = openShard(t, s.e)
		s.log.s = s.s
		return ""
	case "autoinc":
		n, err := s.s.ReserveAutoInc(testTablet, uint64(s.int("n", 0)))
		return fmt.Sprintln(n, err)
	case "stats":
		rows, _ := s.s.TabletStats(testTablet)
		return fmt.Sprintf("rows=%d\n", rows)
	}
	t.Fatalf("unknown command %s", d.Cmd)
	return ""
}

func (s *script) int(key string, otherwise int) int {
	if a, ok := s.d.Arg(key); ok {
		n, err := strconv.Atoi(a.Vals[0])
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	return otherwise
}

func (s *script) install() string {
	table := tableOf(s.t, s.d.Input, uint64(s.int("v", 1)))
	r := s.log.install(table)
	if s.all == nil {
		s.all = map[uint64]*schema.Table{}
	}
	if r.OK {
		s.table, s.all[table.Version] = table, table
	}
	if r.Err != nil {
		return fmt.Sprintf("ok=%v %v\n", r.OK, r.Err)
	}
	return fmt.Sprintf("ok=%v\n", r.OK)
}

// planned is the descriptor that the command plans with.
func (s *script) planned() *schema.Table {
	return s.all[uint64(s.int("v", int(s.table.Version)))]
}

// keys encodes key values, of one column each, under an index.
func (s *script) keys(arg string, index schema.IndexID) [][]byte {
	a, ok := s.d.Arg(arg)
	if !ok {
		return nil
	}
	ix := s.table.IndexByID(max(index, schema.PrimaryIndex))
	ks := [][]byte{}
	for _, text := range a.Vals {
		var k []byte
		for i, part := range strings.Split(text, "/") { // the columns of one key
			c := &s.table.Columns[ix.Columns[i].Column]
			v := types.Null
			if part != "NULL" {
				v = assigned(s.t, types.Str(part), c)
			}
			k = keys.AppendValue(k, v, &c.Type, ix.Columns[i].Prefix, ix.Columns[i].Desc)
		}
		ks = append(ks, k)
	}
	return ks
}

func (s *script) writes() []*fragment.Write {
	var ws []*fragment.Write
	for line := range strings.Lines(s.d.Input) {
		w := writeOf(s.t, s.planned(), line, s.keys("keys", 0))
		w.Env = s.env()
		if err := s.s.FillAutoInc(w); err != nil && !errors.Is(err, ErrNoTablet) {
			s.t.Fatal(err)
		}
		ws = append(ws, w)
	}
	return ws
}

func (s *script) env() *expr.Env {
	env := &expr.Env{Mode: *types.DefaultMode(), Now: time.Date(2024, 5, 17, 12, 0, 0, 0, time.UTC)}
	if a, ok := s.d.Arg("tz"); ok {
		loc, err := time.LoadLocation(a.Vals[0])
		if err != nil {
			s.t.Fatal(err)
		}
		env.Mode.Loc = loc
	}
	return env
}

func (s *script) exec() string {
	p := s.log.proposal(s.writes()...)
	if ts := s.int("ts", 0); ts != 0 {
		p.TS = mvcc.Timestamp(ts)
		s.log.ts = max(s.log.ts, p.TS)
	}
	return s.propose(p)
}

func (s *script) propose(p Proposal) string {
	r := s.log.propose(p)[0]
	var out strings.Builder
	fmt.Fprintf(&out, "%s at %d\n", statusNames[r.Status], uint64(r.TS))
	for i := range r.Writes {
		showResult(&out, &r.Writes[i])
	}
	return out.String()
}

var statusNames = map[Status]string{
	Committed: "committed", Failed: "failed", Conflict: "conflict", StaleEpoch: "stale epoch", StaleTimestamp: "stale timestamp",
	SchemaChanged: "schema changed", Duplicate: "duplicate", NoTablet: "no tablet",
	Prepared: "prepared", Aborted: "aborted", Claimed: "claimed", Staged: "staged",
}

// step proposes a step of a transaction over several shards, which is known by its name; again repeats its prepare.
func (s *script) step() string {
	p := s.log.proposal()
	var name string
	s.d.ScanArgs(s.t, "txn", &name)
	p.Txn = fragment.TxnID{}
	copy(p.Txn[:], name)
	switch s.d.Cmd {
	case "prepare", "stage":
		p.Kind, p.Effects, p.Participants = ProposalPrepare, s.ws.Effects(), []schema.ShardID{testShard, 77}
		p.Effects = p.Effects[s.int("from", 0):s.int("to", len(p.Effects))]
		if p.Piece = uint32(s.int("piece", 0)); s.d.Cmd == "stage" {
			p.Kind, p.Participants = ProposalStage, nil
		}
	case "again":
		p.Kind = ProposalPrepare
	case "resolve":
		p.Kind, p.CommitTS = ProposalResolve, mvcc.Timestamp(s.int("ts", 0))
		s.log.ts = max(s.log.ts, p.CommitTS)
	case "abort":
		p.Kind = ProposalAbort
	case "forget":
		p.Kind, p.Forget, p.Txn = ProposalForget, []fragment.TxnID{p.Txn}, fragment.TxnID{}
	}
	r := s.log.propose(p)[0]
	if r.Status == Duplicate {
		return fmt.Sprintf("duplicate, was %s at %d\n", statusNames[r.Recorded], uint64(r.TS))
	}
	return fmt.Sprintf("%s at %d\n", statusNames[r.Status], uint64(r.TS))
}

func (s *script) parts() string {
	var out strings.Builder
	for _, p := range s.s.Parts() {
		fmt.Fprintf(&out, "%s of %d: prepared at %d, committed at %d", strings.TrimRight(string(p.Txn[:]), "\x00"), p.Participants,
			uint64(p.TS), uint64(p.CommitTS))
		if p.Staging || p.Pieces > 1 {
			fmt.Fprintf(&out, ", staging=%v pieces=%d", p.Staging, p.Pieces)
		}
		out.WriteByte('\n')
		for _, c := range p.Claims {
			ix := s.table.IndexByID(c.Index)
			fmt.Fprintf(&out, "  %s %s shared=%v\n", ix.Name, showColumns(s.table, ix, c.Key), c.Shared)
		}
	}
	fmt.Fprintf(&out, "closed=%d\n", uint64(s.s.Closed()))
	return out.String()
}

func showResult(out *strings.Builder, r *fragment.WriteResult) {
	if r.Err != nil {
		fmt.Fprintln(out, r.Err)
		return
	}
	fmt.Fprintf(out, "matched=%d changed=%d affected=%d", r.Matched, r.Changed, r.Affected)
	for _, n := range []struct {
		name string
		n    uint64
	}{{"duplicates", r.Duplicates}, {"first-auto-inc", r.FirstAutoInc}, {"last-updated", r.LastUpdated}} {
		if n.n != 0 {
			fmt.Fprintf(out, " %s=%d", n.name, n.n)
		}
	}
	fmt.Fprintln(out)
	for _, w := range r.Warnings {
		fmt.Fprintf(out, "%s %d: %s\n", w.Level, w.Code, w.Message)
	}
}

func (s *script) eval() string {
	var out strings.Builder
	for _, w := range s.writes() {
		r, err := s.s.Evaluate(context.Background(), w, s.ws, nil)
		if err != nil {
			fmt.Fprintln(&out, err)
			continue
		}
		showResult(&out, r)
	}
	return out.String()
}

func (s *script) effects() string {
	var out strings.Builder
	for _, e := range s.ws.Effects() {
		op := map[fragment.EffectOp]string{fragment.EffectPut: "put", fragment.EffectDelete: "delete", fragment.EffectCheck: "check"}[e.Op]
		fmt.Fprintf(&out, "%s %s expect=%d\n", op, showColumns(s.table, s.table.Primary(), e.Key), uint64(e.Expect))
	}
	return out.String()
}

func (s *script) read() string {
	r := readOf(s.t, s.planned(), s.d.Input)
	if a, ok := s.d.Arg("index"); ok {
		r.Index = s.table.IndexByName(a.Vals[0]).ID
	}
	r.Keys = s.keys("keys", r.Index)
	from, to := s.keys("from", r.Index), s.keys("to", r.Index)
	if from != nil || to != nil {
		var span fragment.Span
		if from != nil {
			span.Start = from[0]
		}
		if to != nil {
			span.End = to[0]
		}
		r.Spans = []fragment.Span{span}
	}
	r.Reverse, r.WithKeys, r.Env = s.d.HasArg("reverse"), s.d.HasArg("withkeys"), s.env()
	o := ReadOptions{At: mvcc.Timestamp(s.int("at", 0)), MaxBytes: s.int("page", 0)}
	if s.d.Cmd == "readtx" {
		o.Workspace = s.ws
	}
	var out strings.Builder
	for pages := 0; ; pages++ {
		page := &fragment.Page{}
		if err := s.s.Read(context.Background(), r, o, page); err != nil {
			return out.String() + err.Error() + "\n"
		}
		out.WriteString(showPage(page))
		if page.Next == nil {
			return out.String()
		}
		out.WriteString("--\n")
		o.From = page.Next
	}
}

func showColumns(table *schema.Table, ix *schema.Index, key []byte) string {
	vals, rest, err := keys.DecodeColumns(nil, table, ix, key)
	if err != nil {
		return fmt.Sprintf("%x", key)
	}
	var parts []string
	for i, v := range vals {
		c := &ix.Columns[i]
		switch {
		case !keys.Invertible(&table.Columns[c.Column].Type, c.Prefix):
			parts = append(parts, "·")
		case v.IsNull():
			parts = append(parts, "NULL")
		default:
			parts = append(parts, v.Text())
		}
	}
	if len(rest) > 0 {
		parts = append(parts, "→ "+showColumns(table, table.Primary(), rest))
	}
	return strings.Join(parts, "/")
}

// dumpShard prints all rows and entries with their versions.
func dumpShard(t testing.TB, e *engine.Engine, table *schema.Table) string {
	t.Helper()
	start, end := dataRange(testShard)
	it, err := e.DB().NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			t.Fatal(err)
		}
	}()
	var out strings.Builder
	for it.First(); it.Valid(); it.Next() {
		key, ts, _ := mvcc.SplitVersion(it.Key())
		ix := table.IndexByID(indexOf(key))
		name := "dropped"
		if ix != nil {
			name = ix.Name
		}
		v, err := mvcc.ParseVersion(ts, it.Value())
		switch {
		case err != nil:
			t.Fatal(err)
		case ix == nil:
			fmt.Fprintf(&out, "%s @%d\n", name, uint64(ts))
		case v.Deleted:
			fmt.Fprintf(&out, "%s %s @%d gone\n", name, showColumns(table, ix, bare(key)), uint64(ts))
		case ix.ID == schema.PrimaryIndex:
			fmt.Fprintf(&out, "%s %s @%d %s\n", name, showColumns(table, ix, bare(key)), uint64(ts), showRow(t, table, v.Value))
		default:
			primary, err := keys.PrimaryOfEntry(table, ix, bare(key), v.Value)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s %s @%d of %s\n", name, showColumns(table, ix, bare(key)), uint64(ts),
				showColumns(table, table.Primary(), primary))
		}
	}
	return out.String()
}

func showRow(t testing.TB, table *schema.Table, stored []byte) string {
	l, err := newLayout(table)
	if err != nil {
		t.Fatal(err)
	}
	vals := make([]types.Value, len(table.Columns))
	if err := l.full.Decode(stored, vals, nil); err != nil {
		t.Fatal(err)
	}
	p := fragment.Page{Batch: types.Batch{Width: len(vals), Vals: vals}}
	return strings.TrimSpace(showPage(&p))
}
