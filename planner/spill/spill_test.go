package spill

import (
	"context"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// testRoom is a statement's with so much memory; 0: any.
func testRoom(limit int, space *Space) *Room {
	account := new(memory.Account)
	account.Open(nil, memory.Statement, "test", int64(limit))
	return &Room{Memory: account, Space: space}
}

// someRows makes rows of a small integer and their number.
func someRows(n int) [][]types.Value {
	rng := rand.New(rand.NewSource(5))
	rows := make([][]types.Value, n)
	for i := range rows {
		rows[i] = []types.Value{types.Int(int64(rng.Intn(6))), types.Int(int64(i))}
	}
	return rows
}

// countedFile is a temporary file that counts those that are open.
type countedFile struct {
	*os.File
	open *int
}

func (f countedFile) Close() error {
	*f.open--
	return f.File.Close()
}

// TestMergePasses: many runs are merged in several passes, and never more than so many at once.
func TestMergePasses(t *testing.T) {
	rows := someRows(12000)
	dir, open := t.TempDir(), 0
	space := &Space{Open: func() (TempFile, error) {
		f, err := os.CreateTemp(dir, "x")
		open++
		return countedFile{f, &open}, err
	}}
	room := testRoom(24<<10, space)
	s := NewSort(room, nil, NewRows(rows, 2), NewOrder([]expr.SortKey{{Expr: &expr.Column{Typ: types.TypeInt}}}))
	var got []int64
	err := Each(context.Background(), s, func(row []types.Value) error {
		if len(got) == 0 && (s.runs.passes < 2 || len(s.runs.heads) > maxFanIn || open != 1) {
			t.Errorf("%d passes, %d runs and %d files open", s.runs.passes, len(s.runs.heads), open)
		}
		got = append(got, row[1].Int())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(rows, func(a, b []types.Value) int { return int(a[0].Int() - b[0].Int()) })
	if !slices.EqualFunc(got, rows, func(n int64, row []types.Value) bool { return n == row[1].Int() }) {
		t.Errorf("%d rows in another order than %d", len(got), len(rows))
	}
	s.Close()
	if room.Memory.Used() != 0 || space.Used() != 0 || open != 0 {
		t.Errorf("%d bytes of memory, %d on disk and %d files are left", room.Memory.Used(), space.Used(), open)
	}
}

// Temporary files are in their own directory without names, count while they are open, and end with an error where they are full.
func TestSpace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "temporary")
	if err := os.MkdirAll(filepath.Join(dir, "left"), 0o700); err != nil {
		t.Fatal(err)
	}
	rows := someRows(700)
	keys := []expr.SortKey{{Expr: &expr.Column{Typ: types.TypeInt}}}
	sorted := func(limit int64) (*Space, error) {
		space, err := NewSpace(dir, limit)
		if err != nil {
			t.Fatal(err)
		}
		s := NewSort(testRoom(20<<10, space), nil, NewRows(rows, 2), NewOrder(keys))
		defer s.Close()
		var b types.Batch
		_, err = s.Next(context.Background(), &b)
		if err == nil && space.Used() == 0 {
			t.Error("nothing was written")
		}
		if left, e := os.ReadDir(dir); e != nil || len(left) > 0 {
			t.Errorf("files in the directory: %v, %v", left, e)
		}
		return space, err
	}
	for _, limit := range []int64{0, 1 << 20, 2 << 10} {
		space, err := sorted(limit)
		if full := limit == 2<<10; full != (mysqlerr.Code(err) == 1114) || !full && err != nil {
			t.Errorf("with %d bytes: %v", limit, err)
		}
		if space.Used() != 0 {
			t.Errorf("with %d bytes: %d are left", limit, space.Used())
		}
	}
}
