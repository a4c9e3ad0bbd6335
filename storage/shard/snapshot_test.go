package shard

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"cloudsql/storage/engine"
	"cloudsql/storage/schema"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// snapshotOf streams a shard that a random log has filled.
func snapshotOf(t testing.TB, entries []Entry) (stream []byte, from *Shard, e *engine.Engine) {
	t.Helper()
	e = openEngine(t, vfs.NewMem())
	from = openShard(t, e)
	if _, err := from.Apply(entries); err != nil {
		t.Fatal(err)
	}
	p, err := from.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := from.SaveSnapshot(p, &out, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), from, e
}

func TestSnapshotRoundTrip(t *testing.T) {
	entries := randomLog(t, rand.New(rand.NewPCG(3, 3)), 300)
	stream, from, fromEngine := snapshotOf(t, entries[:200])
	e := openEngine(t, vfs.NewMem())
	s := openShard(t, e)
	if _, err := s.Apply(randomLog(t, rand.New(rand.NewPCG(4, 4)), 50)); err != nil { // what was there goes
		t.Fatal(err)
	}
	var told []uint64
	s.OnSystemChange(func(version uint64, sets []SystemSet) {
		if sets == nil {
			told = append(told, version)
		}
	})
	if err := s.RecoverSnapshot(bytes.NewReader(stream), nil); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != from.SystemVersion() {
		t.Errorf("the listener was told %v", told)
	}
	same := func(s *Shard) {
		t.Helper()
		sameHash(t, s, from)
		sameReads(t, s, from)
		if a, b := rawDump(t, e), rawDump(t, fromEngine); !bytes.Equal(a, b) {
			t.Error("the engines differ")
		}
	}
	same(s)
	s = openShard(t, e)
	same(s)
	for _, replica := range []*Shard{s, from} { // and both go on alike
		if _, err := replica.Apply(entries[200:]); err != nil {
			t.Fatal(err)
		}
	}
	same(s)
}

// TestSnapshotPinsItsState: what is applied between Prepare and Save is not in the stream.
func TestSnapshotPinsItsState(t *testing.T) {
	entries := randomLog(t, rand.New(rand.NewPCG(5, 5)), 200)
	s := openShard(t, openEngine(t, vfs.NewMem()))
	if _, err := s.Apply(entries[:100]); err != nil {
		t.Fatal(err)
	}
	index, hash := s.Hash()
	p, err := s.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(entries[100:]); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.SaveSnapshot(p, &out, nil); err != nil {
		t.Fatal(err)
	}
	other := openShard(t, openEngine(t, vfs.NewMem()))
	if err := other.RecoverSnapshot(&out, nil); err != nil {
		t.Fatal(err)
	}
	if i, h := other.Hash(); i != index || h != hash {
		t.Errorf("recovered %x at %d, want %x at %d", h, i, hash, index)
	}
}

// TestSnapshotCutOff: a replica whose recovery did not come to its end says so, also after a crash, until its data is
// destroyed or another recovery succeeds.
func TestSnapshotCutOff(t *testing.T) {
	stream, from, _ := snapshotOf(t, randomLog(t, rand.New(rand.NewPCG(6, 6)), 200))
	fs := vfs.NewCrashableMem()
	e := openEngine(t, fs)
	s := openShard(t, e)
	if err := s.RecoverSnapshot(bytes.NewReader(stream[:len(stream)-3]), nil); !errors.Is(err, ErrBadSnapshot) {
		t.Fatal(err)
	}
	if _, err := s.Apply([]Entry{{Index: 1}}); !errors.Is(err, ErrIncomplete) {
		t.Errorf("apply: %v", err)
	}
	stop := make(chan struct{})
	close(stop)
	if err := s.RecoverSnapshot(bytes.NewReader(stream), stop); !errors.Is(err, ErrStopped) {
		t.Errorf("stopped: %v", err)
	}
	e = openEngine(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	if _, err := Open(e, testShard); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("open: %v", err)
	}
	if err := DestroyData(e, testShard); err != nil {
		t.Fatal(err)
	}
	s = openShard(t, e)
	if s.AppliedIndex() != 0 || len(rawDump(t, e)) != 0 {
		t.Error("data is left")
	}
	if err := s.RecoverSnapshot(bytes.NewReader(stream), nil); err != nil {
		t.Fatal(err)
	}
	sameHash(t, s, from)
}

func TestSnapshotOfAnotherShard(t *testing.T) {
	stream, _, _ := snapshotOf(t, randomLog(t, rand.New(rand.NewPCG(7, 7)), 20))
	s, err := Open(openEngine(t, vfs.NewMem()), testShard+1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RecoverSnapshot(bytes.NewReader(stream), nil); !errors.Is(err, ErrBadSnapshot) {
		t.Fatal(err)
	}
	if _, err := s.Apply([]Entry{{Index: 1}}); err != nil {
		t.Errorf("a refused snapshot must leave the replica alone: %v", err)
	}
}

// TestDestroyDataSpares other shards of the node.
func TestDestroyDataSparesOthers(t *testing.T) {
	e := openEngine(t, vfs.NewMem())
	s := openShard(t, e)
	if _, err := s.Apply(randomLog(t, rand.New(rand.NewPCG(8, 8)), 50)); err != nil {
		t.Fatal(err)
	}
	before := rawDump(t, e)
	for _, id := range []uint64{1, 3} {
		if err := DestroyData(e, schema.ShardID(id)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(before, rawDump(t, e)) {
		t.Error("the neighbour's data is gone")
	}
}

// TestDamagedSnapshots changes single bytes: the checksums find each one.
func TestDamagedSnapshots(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	stream, from, _ := snapshotOf(t, randomLog(t, rng, 60))
	e := openEngine(t, vfs.NewMem())
	for range 100 {
		if err := DestroyData(e, testShard); err != nil {
			t.Fatal(err)
		}
		s := openShard(t, e)
		damaged := append([]byte{}, stream...)
		at := rng.IntN(len(damaged))
		damaged[at] ^= byte(1 + rng.IntN(255))
		err := s.RecoverSnapshot(bytes.NewReader(damaged), nil)
		if inIndex := at >= snapshotHeader-8 && at < snapshotHeader; (err == nil) != inIndex { // the index is for people
			t.Errorf("byte %d of %d: %v", at, len(stream), err)
		}
	}
	if err := openShard(t, openEngine(t, vfs.NewMem())).RecoverSnapshot(bytes.NewReader(stream), nil); err != nil {
		t.Error(err, from.id)
	}
}

// FuzzSnapshotFrames reads damaged streams: an error, never a panic, and memory for what is there only.
func FuzzSnapshotFrames(f *testing.F) {
	stream, _, _ := snapshotOf(f, randomLog(f, rand.New(rand.NewPCG(1, 1)), 40))
	f.Add(stream)
	f.Add(stream[snapshotHeader:])
	f.Add(append(append([]byte{}, stream[:30]...), stream[40:]...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bytes.NewReader(stream)
		if err := readHeader(in, testShard); err != nil {
			in.Reset(stream)
		}
		for {
			payload, err := readFrame(in)
			if err != nil {
				return
			}
			if len(payload) == 0 || len(payload) > len(stream) {
				t.Fatalf("a payload of %d bytes", len(payload))
			}
		}
	})
}
