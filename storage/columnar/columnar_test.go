package columnar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"cloudsql/storage/collation"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/types/valuetest"
)

// memoryFile is a file in memory.
type memoryFile struct{ b []byte }

func (f *memoryFile) Write(b []byte) (int, error) {
	f.b = append(f.b, b...)
	return len(b), nil
}

func (f *memoryFile) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > int64(len(f.b)) {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(b, f.b[at:]), nil
}

func key(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) } //nolint:gosec // small

// columns draws columns of each kind of page.
func columns(r *rand.Rand, rows int) [][]types.Value {
	list := make([][]types.Value, 6)
	few := []types.Value{valuetest.Value(r), valuetest.Value(r), types.Null, types.Str("x")}
	for range rows {
		n := types.DecSmall(r.Int64N(1e9)-5e8, 2)
		if r.IntN(5) == 0 {
			n = types.Null
		}
		for i, v := range []types.Value{valuetest.Value(r), few[r.IntN(4)], types.Int(r.Int64()), n, types.Null, types.Uint(r.Uint64())} {
			list[i] = append(list[i], v)
		}
	}
	return list
}

// TestPages: what is read of blocks is what was put in, kind, scale and bytes; and the zones are right.
func TestPages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 50))
	for _, rows := range []int{1, 2, 99, 100, 350} {
		want := columns(r, rows)
		b := NewBuilder(&Space{BlockRows: 100, Open: func() (File, error) { return &memoryFile{}, nil }}, len(want))
		for i := range rows {
			row := make([]types.Value, len(want))
			for c := range want {
				row[c] = want[c][i]
			}
			if _, err := b.Add(key(i), row); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, block := range b.Blocks {
			keys, err := block.Keys()
			if err != nil {
				t.Fatal(err)
			}
			for c := range want {
				column, err := block.Column(c)
				if err != nil {
					t.Fatal(err)
				}
				checkColumn(t, column, want[c][at:at+block.Rows])
				checkZone(t, block, c, want[c][at:at+block.Rows])
			}
			for i := range block.Rows {
				if !bytes.Equal(keys.Raw(i), key(at+i)) {
					t.Fatalf("key %x", keys.Raw(i))
				}
			}
			at += block.Rows
		}
		if at != rows || len(b.Blocks) != (rows+99)/100 {
			t.Fatalf("%d rows in %d blocks", at, len(b.Blocks))
		}
	}
}

func checkColumn(t *testing.T, c *Column, want []types.Value) {
	t.Helper()
	for i, w := range want {
		got, err := c.Value(i)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(types.AppendValue(nil, got), types.AppendValue(nil, w)) {
			t.Fatalf("row %d: %v, not %v", i, got, w)
		}
	}
}

func checkZone(t *testing.T, b *Block, c int, values []types.Value) {
	t.Helper()
	low, high, ok := b.Zone(c)
	if !ok {
		return
	}
	for _, v := range values {
		if types.CompareSame(v, low, collation.Binary) < 0 || types.CompareSame(v, high, collation.Binary) > 0 {
			t.Fatalf("%v is not from %v to %v", v, low, high)
		}
	}
}

// TestDamage: whichever byte of a page has changed, it is ErrDamaged.
func TestDamage(t *testing.T) {
	f := &memoryFile{}
	b := NewBuilder(&Space{CacheBytes: 1, Open: func() (File, error) { return f, nil }}, 1)
	for i := range 300 {
		if _, err := b.Add(key(i), []types.Value{types.Str(fmt.Sprint(i % 7))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	block := b.Blocks[0]
	for at := range f.b {
		f.b[at] ^= 1
		p := block.keys
		if at >= int(p.size) {
			p = block.pages[0]
		}
		if _, err := p.Column(); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
		f.b[at] ^= 1
	}
	f.b = f.b[:len(f.b)-1]
	if _, err := block.Column(0); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
}

// TestChanges: keys are kept until there are too many in a block, which is given up with them; a change of the past costs the copy.
func TestChanges(t *testing.T) {
	space := &Space{BlockRows: 80, Open: func() (File, error) { return &memoryFile{}, nil }}
	b := NewBuilder(space, 1)
	for i := range 240 {
		if _, err := b.Add(key(10*i), []types.Value{types.Int(int64(i))}); err != nil {
			t.Fatal(err)
		}
	}
	c := NewCopy(mvcc.Timestamp(7), &schema.Table{Version: 1})
	c.Note(key(805), 8) // while it is being made
	c.Finish(b.Blocks)
	for i := range 9 {
		c.Note(key(i), 9)
	}
	before, _ := c.Changes()
	if got := slices.Collect(before.Within(nil, nil)); len(got) != 10 || before.GivenUp(0) {
		t.Fatal(got)
	}
	c.Note(key(3), 10)
	c.Note(key(100), 10)
	c.Note(key(200), 10)
	c.Note(key(300), 10)
	c.Note(key(2399), 11)
	after, ok := c.Changes()
	got := slices.Collect(after.Within(nil, nil))
	if !ok || len(got) != 2 || got[0] != string(key(805)) || !after.GivenUp(0) || after.GivenUp(1) {
		t.Fatalf("%q %+v", got, after)
	}
	if len(slices.Collect(before.Within(nil, nil))) != 10 || before.GivenUp(0) {
		t.Error("what was seen before has changed")
	}
	if got := slices.Collect(after.Within(key(800), key(805))); len(got) != 0 {
		t.Error(got)
	}
	if got := c.Reusable(80); !slices.Equal(got, []bool{false, false, false}) {
		t.Error(got)
	}
	if c.Find(key(0)) != 0 || c.Find(key(799)) != 0 || c.Find(key(800)) != 1 || c.Find(key(9999)) != 2 || c.Find(nil) != 0 {
		t.Error("blocks are not found")
	}
	c.Note(key(1), 7)
	if _, ok := c.Changes(); ok || !c.Figures().Lost {
		t.Error("a change of the past does not matter")
	}
}
