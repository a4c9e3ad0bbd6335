package golden

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

var rewrite = flag.Bool("rewrite", false, "make the newest version's files anew; those of older versions are never changed")

// TestGolden reads what every version wrote.
func TestGolden(t *testing.T) {
	if *rewrite {
		writeFiles(t, fmt.Sprintf("testdata/v%d", newest))
	}
	dirs, err := filepath.Glob("testdata/v*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("there are no files", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			s := &samples{t: t}
			if _, err := fmt.Sscanf(filepath.Base(dir), "v%d", &s.version); err != nil {
				t.Fatal(err)
			}
			checkSamples(t, s, filepath.Join(dir, "samples"))
			checkLog(t, dir)
			checkDump(t, dir)
		})
	}
}

// TestSamplesAreComplete: what this program would write for its newest version stands in that version's files, so that a new
// function, kind or format gets its golden bytes with it.
func TestSamplesAreComplete(t *testing.T) {
	want := map[string]bool{}
	for _, f := range readFile(t, fmt.Sprintf("testdata/v%d/samples", newest)) {
		want[f[0]+" "+f[1]+" "+f[2]] = true
	}
	for _, l := range makeSamples(t) {
		if !want[fmt.Sprintf("%s %s %x", l.kind, l.name, l.data)] {
			t.Errorf("%s %s is not in the files of version %d as it is written now: if no release has that version yet, -rewrite", l.kind, l.name, newest)
		}
	}
}

// TestOlderVersionsRefuse: what an expression's readers of an older version don't know is refused when it is encoded for them.
func TestOlderVersionsRefuse(t *testing.T) {
	s, refused := &samples{t: t}, 0
	for _, l := range makeSamples(t) {
		if l.kind != "expr" {
			continue
		}
		e, _, err := expr.Decode(l.data)
		if err != nil {
			t.Fatal(err)
		}
		for s.version = 1; s.version <= newest; s.version++ {
			_, err := s.encodeExpr(e, nil)
			tooNew := (*version.TooNew)(nil)
			if isNew := expr.Since(e) > version.Version(s.version); errors.As(err, &tooNew) != isNew || err != nil && !isNew {
				t.Errorf("%s at version %d: %v", l.name, s.version, err)
			} else if isNew {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

func checkSamples(t *testing.T, s *samples, file string) {
	kinds := map[string]int{}
	for _, f := range readFile(t, file) {
		l := line{kind: f[0], name: f[1], data: unhex(t, f[2])}
		meaning, again, err := s.describe(&l)
		switch {
		case err != nil:
			t.Errorf("%s %s: %v", l.kind, l.name, err)
		case meaning != f[3]:
			t.Errorf("%s %s means\n%s\nand meant\n%s", l.kind, l.name, meaning, f[3])
		case !bytes.Equal(again, l.data):
			t.Errorf("%s %s is written as\n%x\nand was\n%x", l.kind, l.name, again, l.data)
		}
		kinds[l.kind]++
	}
	for _, kind := range []string{"value", "row", "type", "key", "expr", "agg", "read", "write", "result", "page", "catalog", "log"} {
		if kinds[kind] == 0 {
			t.Errorf("no sample of kind %s", kind)
		}
	}
}

// checkLog applies the log and compares the chained hashes.
func checkLog(t *testing.T, dir string) {
	_, s := openShard(t, nil)
	hashes := readFile(t, filepath.Join(dir, "hashes"))
	i := 0
	for _, f := range readFile(t, filepath.Join(dir, "samples")) {
		if f[0] != "log" {
			continue
		}
		if _, err := s.Apply([]shard.Entry{{Index: uint64(i + 1), Cmd: unhex(t, f[2])}}); err != nil {
			t.Fatalf("%s: %v", f[1], err)
		}
		if _, hash := s.Hash(); fmt.Sprintf("%016x", hash) != hashes[i][2] {
			t.Fatalf("after entry %s the hash is %016x and was %s", f[1], hash, hashes[i][2])
		}
		i++
	}
}

// checkDump opens what the old program left behind, reads it, and lets it go on with its log.
func checkDump(t *testing.T, dir string) {
	_, s := openShard(t, readFile(t, filepath.Join(dir, "dump")))
	hashes := readFile(t, filepath.Join(dir, "hashes"))
	last := hashes[len(hashes)-1]
	if index, hash := s.Hash(); int(index) != len(hashes) || fmt.Sprintf("%016x", hash) != last[2] {
		t.Fatalf("opened at %d with hash %016x, and was left at %d with %s", index, hash, len(hashes), last[2])
	}
	var page fragment.Page
	r := &fragment.Read{Tablet: goldenTablet, SchemaVersion: 1, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2, 3}}
	if err := s.Read(context.Background(), r, shard.ReadOptions{}, &page); err != nil {
		t.Fatal(err)
	}
	if got := describeBatch(&page.Batch); got != last[3] {
		t.Errorf("rows\n%s\nand were\n%s", got, last[3])
	}
	// A retry finds its outcome, and the transaction that was left prepared can be resolved.
	_, twin := openShard(t, nil)
	i := 0
	var retry []byte
	for _, f := range readFile(t, filepath.Join(dir, "samples")) {
		if f[0] != "log" {
			continue
		}
		i++
		if strings.HasSuffix(f[1], "/insert") && retry == nil {
			retry = unhex(t, f[2])
		}
		if _, err := twin.Apply([]shard.Entry{{Index: uint64(i), Cmd: unhex(t, f[2])}}); err != nil {
			t.Fatal(err)
		}
	}
	resolve := shard.Proposal{Kind: shard.ProposalResolve, Txn: txn(61), CommitTS: 1 << 60}
	resolved := (&samples{t: t, version: 1}).encodeBatch(&shard.Batch{ID: 1, Proposer: 1, Epoch: 1, Proposals: []shard.Proposal{resolve}})
	for _, cmd := range [][]byte{retry, resolved} {
		i++
		for _, each := range []*shard.Shard{s, twin} {
			if _, err := each.Apply([]shard.Entry{{Index: uint64(i), Cmd: cmd}}); err != nil {
				t.Fatal(err)
			}
		}
		_, a := s.Hash()
		if _, b := twin.Hash(); a != b {
			t.Fatalf("after entry %d what was opened has hash %016x, what was applied %016x", i, a, b)
		}
	}
}

func openShard(t *testing.T, dump [][]string) (*engine.Engine, *shard.Shard) {
	e, err := engine.Open(engine.Options{Dir: "data", FS: vfs.NewMem(), MemTableBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	for _, f := range dump {
		if err := e.DB().Set(unhex(t, f[1]), unhex(t, f[2]), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	s, err := shard.Open(e, goldenShard)
	if err != nil {
		t.Fatal(err)
	}
	return e, s
}

// writeFiles makes the files of a version.
func writeFiles(t *testing.T, dir string) {
	s := &samples{t: t, version: newest}
	e, sh := openShard(t, nil)
	var lines, hashes, dump strings.Builder
	index := uint64(0)
	for _, l := range makeSamples(t) {
		meaning, again, err := s.describe(&l)
		if err != nil || !bytes.Equal(again, l.data) {
			t.Fatalf("%s %s: %v\n%x\n%x", l.kind, l.name, err, l.data, again)
		}
		fmt.Fprintf(&lines, "%s\t%s\t%x\t%s\n", l.kind, l.name, l.data, meaning)
		if l.kind != "log" {
			continue
		}
		index++
		if _, err := sh.Apply([]shard.Entry{{Index: index, Cmd: l.data}}); err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		_, hash := sh.Hash()
		var page fragment.Page
		r := &fragment.Read{Tablet: goldenTablet, SchemaVersion: 1, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2, 3}}
		if err := sh.Read(context.Background(), r, shard.ReadOptions{}, &page); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&hashes, "hash\t%s\t%016x\t%s\n", l.name, hash, describeBatch(&page.Batch))
	}
	it, err := e.DB().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for it.First(); it.Valid(); it.Next() {
		if bytes.HasPrefix(it.Key(), []byte{0, 0, 0, byte(goldenShard)}) {
			fmt.Fprintf(&dump, "dump\t%x\t%x\t\n", it.Key(), it.Value())
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*strings.Builder{"samples": &lines, "hashes": &hashes, "dump": &dump} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readFile gives the four fields of each line.
func readFile(t *testing.T, name string) (out [][]string) {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		f := strings.SplitN(l, "\t", 4)
		if len(f) != 4 {
			t.Fatalf("%s: a line of %d fields", name, len(f))
		}
		out = append(out, f)
	}
	return out
}

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
