package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

func open(t *testing.T, path string) (*Dir, *Identity, bool) {
	t.Helper()
	d, id, fresh, err := Open(path, version.Max, "test")
	if err != nil {
		t.Fatal(err)
	}
	return d, id, fresh
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refuses(t *testing.T, path string, newest version.Version, want error) {
	t.Helper()
	d, _, _, err := Open(path, newest, "test")
	if err == nil {
		d.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("%v instead of %v", err, want)
	}
}

var identity = Identity{Format: version.V1, Cluster: "00112233445566778899aabbccddeeff", Node: 3, Version: "test"}

// initialised is the directory of a node that has started once.
func initialised(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	d, id, fresh := open(t, path)
	if id != nil || !fresh {
		t.Fatal(id, fresh)
	}
	_, err := d.Begin()
	must(t, err)
	must(t, os.Mkdir(d.File(Raft), 0o700))
	must(t, os.Mkdir(d.File(Data), 0o700))
	must(t, d.Identify(&identity))
	must(t, d.Finish())
	d.Close()
	return path
}

// What a node notes is there when it starts again.
func TestNotesSurvive(t *testing.T) {
	path := initialised(t)
	d, id, fresh := open(t, path)
	if fresh || *id != identity {
		t.Fatal(id, fresh)
	}
	if c, err := id.ClusterID(); err != nil || c[1] != 0x11 {
		t.Error(c, err)
	}
	keep := func(r Record) func(*Record) *Record { return func(*Record) *Record { return &r } }
	must(t, d.Update(1, 10, keep(Record{Shard: 1, Replica: 10, Started: true})))
	must(t, d.Update(2, 20, keep(Record{Shard: 2, Replica: 20})))
	must(t, d.Update(3, 30, keep(Record{Shard: 3, Replica: 30})))
	must(t, d.Update(3, 30, func(*Record) *Record { return nil }))
	must(t, d.Durable(1, 10, 500))
	must(t, d.Durable(1, 10, 400)) // comes late
	must(t, d.Durable(9, 90, 1))   // of a replica that is gone
	must(t, d.SetPeers(map[schema.NodeID]string{2: "b:7306"}))
	d.Close()
	d, _, _ = open(t, path)
	defer d.Close()
	want := []Record{{Shard: 1, Replica: 10, Started: true, Durable: 500}, {Shard: 2, Replica: 20}}
	if have := d.Replicas(); !slices.EqualFunc(have, want, func(a, b Record) bool {
		return a.Shard == b.Shard && a.Replica == b.Replica && a.Started == b.Started && a.Durable == b.Durable
	}) {
		t.Errorf("%+v", have)
	}
	if p := d.Peers(); len(p) != 1 || p[2] != "b:7306" {
		t.Error(p)
	}
}

// One process has the directory.
func TestOneProcess(t *testing.T) {
	path := initialised(t)
	d, _, _ := open(t, path)
	refuses(t, path, version.Max, ErrLocked)
	d.Close()
	d, _, _ = open(t, path)
	d.Close()
}

// A directory with other things in it is refused, and nothing in it is touched.
func TestOtherThingsAreRefused(t *testing.T) {
	path := t.TempDir()
	must(t, os.WriteFile(filepath.Join(path, "thesis.tex"), []byte("x"), 0o600))
	refuses(t, path, version.Max, ErrForeign)
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 {
		t.Error(entries, err)
	}
	path = t.TempDir()
	must(t, os.Mkdir(filepath.Join(path, "lost+found"), 0o700)) // a file system of its own
	d, _, fresh := open(t, path)
	d.Close()
	if !fresh {
		t.Error("an empty file system is not taken as an empty directory")
	}
}

// An older program than the directory is bound to is refused. It stays bound.
func TestBoundToAVersion(t *testing.T) {
	path := initialised(t)
	d, _, _ := open(t, path)
	must(t, d.Bind(version.V2))
	must(t, d.Bind(version.V1))
	if d.Bound() != version.V2 {
		t.Errorf("bound to %d", d.Bound())
	}
	d.Close()
	refuses(t, path, version.V1, ErrNewerFormat)
	d, id, _ := open(t, path)
	defer d.Close()
	if id.Format != version.V2 {
		t.Errorf("bound to %d", id.Format)
	}
}

// A first start that did not end begins anew, with the token that it may have joined with; one that had an identity goes on.
func TestInterruptedFirstStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d, _, _ := open(t, path)
	token, err := d.Begin()
	must(t, err)
	must(t, os.Mkdir(d.File(Data), 0o700))
	must(t, os.WriteFile(d.File(Credentials), []byte("x"), 0o600))
	d.Close()

	d, id, fresh := open(t, path)
	if !fresh || id != nil {
		t.Fatal(id, fresh)
	}
	for _, name := range []string{Data, Credentials, makingFile} {
		if _, err := os.Stat(d.File(name)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	if again, err := d.Begin(); err != nil || again != token {
		t.Errorf("the token is %s after %s: %v", again, token, err)
	}
	must(t, os.Mkdir(d.File(Data), 0o700))
	must(t, d.Identify(&identity))
	d.Close() // before Finish

	d, id, fresh = open(t, path)
	defer d.Close()
	if fresh || id.Node != identity.Node {
		t.Error(id, fresh)
	}
	if _, err := os.Stat(d.File(Data)); err != nil {
		t.Error("what was whole is gone")
	}
	if _, err := os.Stat(d.File(makingFile)); !os.IsNotExist(err) {
		t.Error("the mark is left")
	}
}

// Rows without a name are not begun over: somebody has to say whose they are.
func TestStoresWithoutAnIdentity(t *testing.T) {
	for _, lost := range []string{identityFile, replicasFile} {
		path := initialised(t)
		must(t, os.Remove(filepath.Join(path, lost)))
		refuses(t, path, version.Max, ErrDataLost)
		if _, err := os.Stat(filepath.Join(path, Data)); err != nil {
			t.Errorf("without %s the rows are gone: %v", lost, err)
		}
	}
}

// A file is the old one or the new one, whatever a crash left of an attempt.
func TestWriteReplacesAsAWhole(t *testing.T) {
	path := initialised(t)
	must(t, os.WriteFile(filepath.Join(path, identityFile+".new"), []byte("{"), 0o600))
	d, id, _ := open(t, path)
	defer d.Close()
	if id.Node != identity.Node {
		t.Error(id)
	}
	must(t, d.Bind(version.V2))
	if _, err := os.Stat(d.File(identityFile + ".new")); !os.IsNotExist(err) {
		t.Error("half of a file is left")
	}
}

// What is in the way is moved aside, also twice; the second time replaces the first.
func TestMoveAside(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"first", "second"} {
		must(t, os.WriteFile(filepath.Join(dir, "a"), []byte(content), 0o600))
		must(t, MoveAside(dir, "aside"))
		if data, err := os.ReadFile(filepath.Join(dir, "aside", "a")); err != nil || string(data) != content {
			t.Errorf("%q, %v", data, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Error(entries, err)
		}
	}
}
