package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFlippedList flips bits all over the list of a store's files: either the store says that it is damaged, or all that was
// written is there. (On commit 8630d07 a flip in one of the last records was taken for the end of the list: the store opened
// without the rows of a table.)
func TestFlippedList(t *testing.T) {
	const rounds = 4
	dir := filepath.Join(t.TempDir(), "store")
	e, err := Open(Options{Dir: dir})
	must(t, err)
	for i := range rounds {
		b := e.NewBatch()
		must(t, b.Set(shardKey(1, i), []byte("in a table of its own"), nil))
		must(t, e.Commit(b))
		must(t, b.Close())
		must(t, e.DB().Flush())
	}
	must(t, e.Close())
	lists, err := filepath.Glob(filepath.Join(dir, listPrefix+"0*"))
	must(t, err)
	name := filepath.Base(lists[len(lists)-1])
	intact, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	if end, resumes := listEnd(intact); end != int64(len(intact)) || resumes != 0 {
		t.Fatalf("the intact list of %d bytes ends at %d, and goes on at %d", len(intact), end, resumes)
	}
	damaged := 0
	open := func(what string, list []byte) {
		t.Helper()
		copied := filepath.Join(t.TempDir(), "store")
		must(t, os.CopyFS(copied, os.DirFS(dir)))
		must(t, os.WriteFile(filepath.Join(copied, name), list, 0o600))
		e, err := Open(Options{Dir: copied})
		if err != nil {
			if damaged++; !IsDamage(err) {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		defer e.Close()
		for i := range rounds {
			_, closer, err := e.DB().Get(shardKey(1, i))
			if err != nil {
				t.Errorf("%s: row %d: %v", what, i, err)
				continue
			}
			must(t, closer.Close())
		}
	}
	open("intact", intact)
	if damaged > 0 {
		t.Fatal("the intact store is damaged")
	}
	for at := 0; at < len(intact); at += max(1, len(intact)/60) {
		list := []byte(string(intact))
		list[at] ^= 1 << (at % 8)
		open(fmt.Sprintf("byte %d of %d", at, len(intact)), list)
	}
	open("a cut off list", intact[:len(intact)-3])
	if damaged < 60 {
		t.Errorf("%d of the lists were found damaged", damaged)
	}

	must(t, os.Remove(filepath.Join(dir, SyncedList))) // as in stores of earlier versions
	before := damaged
	open("an intact list without a note", intact)
	if damaged > before {
		t.Error("a store without a note is damaged")
	}
}

func TestListNote(t *testing.T) {
	note := ListNote("MANIFEST-000123", 4711)
	if name, synced, ok := readNote(note); name != "MANIFEST-000123" || synced != 4711 || !ok {
		t.Errorf("%s %d %v", name, synced, ok)
	}
	for at := range note {
		bad := []byte(string(note))
		bad[at] ^= 2
		if _, _, ok := readNote(bad); ok {
			t.Errorf("%q is believed", bad)
		}
	}
	if longer := ListNote(strings.Repeat("x", 32), 1<<62); len(longer) != len(note) {
		t.Errorf("%q", longer)
	}
}
