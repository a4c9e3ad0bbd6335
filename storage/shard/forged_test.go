package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"cloudsql/storage/wire"
)

// forged is a stream of frames whose checksums are right, whatever they hold.
func forged(payloads ...[]byte) []byte {
	stream := append([]byte(snapshotMagic), snapshotVersion)
	stream = binary.LittleEndian.AppendUint32(stream, uint32(testShard))
	stream = binary.LittleEndian.AppendUint64(stream, 9)
	for _, p := range payloads {
		stream = binary.LittleEndian.AppendUint32(stream, uint32(len(p)))
		stream = binary.LittleEndian.AppendUint32(stream, crc32.Checksum(p, castagnoli))
		stream = append(stream, p...)
	}
	return stream
}

// records is a payload's keys and values.
func records(payload []byte) (out [][2][]byte) {
	for d := wire.NewReader(payload[1:]); len(d.Rest()) > 0 && d.Err() == nil; {
		out = append(out, [2][]byte{d.Bytes(), d.Bytes()})
	}
	return out
}

// recoverForged gives a replica a payload. What it cannot use is an error, and leaves a replica that says so.
func recoverForged(t testing.TB, r *twinReplica, payload []byte, count uint64) (err error) {
	r.t = t
	if err := DestroyData(r.e, testShard); err != nil {
		t.Fatal(err)
	}
	r.s = openShard(t, r.e)
	err = r.s.RecoverSnapshot(bytes.NewReader(forged(payload, binary.AppendUvarint([]byte{frameEnd}, count))), nil)
	if err == nil {
		return nil
	}
	var p *panicError
	if errors.As(err, &p) {
		t.Fatalf("%v\n%s", err, p.stack)
	}
	if _, applied := r.s.Apply([]Entry{{Index: 1 << 40}}); applied == nil {
		t.Errorf("a replica goes on after %v", err)
	}
	return err
}

// TestForgedSnapshots changes a shard's own records in a stream, under checksums that are right: an error or a state, never a
// panic.
func TestForgedSnapshots(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	stream, _, _ := snapshotOf(t, randomLog(t, rng, 80))
	payload, err := readFrame(bytes.NewReader(stream[snapshotHeader:]))
	if err != nil {
		t.Fatal(err)
	}
	all := records(payload)
	var own []int
	for i := range all {
		if bytes.HasPrefix(all[i][0], make([]byte, 4)) { // of tablet 0
			own = append(own, i)
		}
	}
	refused, r := 0, newTwin(t)
	defer r.close()
	for range 300 {
		at := own[rng.IntN(len(own))]
		changed := []byte{frameData}
		for i := range all {
			key, value := all[i][0], all[i][1]
			if i == at && rng.IntN(4) == 0 {
				key = mutate(rng, key, value)
			} else if i == at {
				value = mutate(rng, value, all[rng.IntN(len(all))][1])
			}
			changed = wire.AppendBytes(wire.AppendBytes(changed, key), value)
		}
		if recoverForged(t, r, changed, uint64(len(all))) != nil {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("%d of 300 were refused", refused)
	}
}

// FuzzForgedSnapshot is TestForgedSnapshots with the fuzzer's bytes.
func FuzzForgedSnapshot(f *testing.F) {
	for seed := range uint64(3) {
		stream, _, _ := snapshotOf(f, randomLog(f, rand.New(rand.NewPCG(seed, 5)), 30))
		payload, err := readFrame(bytes.NewReader(stream[snapshotHeader:]))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload, uint16(len(records(payload))))
	}
	r := newTwin(f)
	f.Fuzz(func(t *testing.T, payload []byte, count uint16) {
		if len(payload) > 0 {
			_ = recoverForged(t, r, payload, uint64(count))
		}
	})
}
