package estimates

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cloudsql/storage/schema"
)

// What is here is told at once; what is elsewhere is asked for once in a while, and who does not answer leaves what was known.
func TestEstimates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, asked, down := uint64(5), 0, false
		there := New(t.Context(), Config{
			Here: func(*schema.Tablet) (uint64, uint64, bool) { return rows, 100 * rows, true },
			Work: func(*schema.Tablet) (float64, float64, bool) { return float64(rows), 0.5, true },
		})
		here := New(t.Context(), Config{
			Here: func(tb *schema.Tablet) (uint64, uint64, bool) { return 7, 70, tb.Shard == 2 },
			Work: func(tb *schema.Tablet) (float64, float64, bool) { return 1, 2, tb.Shard == 2 },
			Ask: func(ctx context.Context, _ schema.ShardID, req []byte) ([]byte, error) {
				if asked++; down {
					return nil, errors.New("down")
				}
				return there.Handle(ctx, 1, req)
			},
		})
		expect := func(tb *schema.Tablet, rows, bytes uint64, questions int) {
			t.Helper()
			r, b := here.Of(tb)
			synctest.Wait()
			if r != rows || b != bytes || asked != questions {
				t.Errorf("%d rows, %d bytes after %d questions, not %d, %d, %d", r, b, asked, rows, bytes, questions)
			}
		}
		expect(&schema.Tablet{ID: 1, Shard: 2}, 7, 70, 0)
		far := &schema.Tablet{ID: 2, Shard: 3}
		expect(far, 0, 0, 1) // nobody waits for the answer
		expect(far, 5, 500, 1)
		rows = 9
		time.Sleep(maxAge + time.Second)
		expect(far, 5, 500, 2)
		expect(far, 9, 900, 2)
		if r, w := here.WorkOf(far); r != 9 || w != 0.5 || asked != 2 {
			t.Errorf("%g reads and %g writes a second after %d questions", r, w, asked)
		}
		if r, w := here.WorkOf(&schema.Tablet{ID: 1, Shard: 2}); r != 1 || w != 2 {
			t.Errorf("%g reads and %g writes a second here", r, w)
		}
		down = true
		time.Sleep(maxAge + time.Second)
		expect(far, 9, 900, 3)
		expect(far, 9, 900, 3)
		if _, err := there.Handle(t.Context(), 1, []byte("{")); err == nil {
			t.Error("a broken question was answered")
		}
	})
}

// What nobody asks about any more is forgotten: tablets are dropped, cut and moved.
func TestEstimatesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(t.Context(), Config{
			Here: func(*schema.Tablet) (uint64, uint64, bool) { return 0, 0, false },
			Ask:  func(context.Context, schema.ShardID, []byte) ([]byte, error) { return []byte(`{"rows":5}`), nil },
		})
		for id := range schema.TabletID(100) {
			e.Of(&schema.Tablet{ID: id, Shard: 2})
		}
		synctest.Wait()
		time.Sleep(forgetAfter / 2)
		for range 2 {
			if rows, _ := e.Of(&schema.Tablet{ID: 7, Shard: 2}); rows != 5 {
				t.Errorf("%d rows", rows)
			}
			synctest.Wait()
			time.Sleep(forgetAfter/2 + time.Second)
		}
		if e.Of(&schema.Tablet{ID: 7, Shard: 2}); len(e.m) != 1 {
			t.Errorf("%d tablets are remembered", len(e.m))
		}
		synctest.Wait()
	})
}

// Split keys of a large tablet are looked for once asked for, and again when it has grown or shrunk by a quarter; elsewhere they come with
// the tablet's size. Who fails to find some leaves those from before.
func TestSplitKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, looked, fails := uint64(minCutRows-1), 0, false
		here := New(t.Context(), Config{
			Here: func(*schema.Tablet) (uint64, uint64, bool) { return rows, 100 * rows, true },
			Work: func(*schema.Tablet) (float64, float64, bool) { return 0, 0, false },
			Keys: func(context.Context, *schema.Tablet) ([][]byte, error) {
				if looked++; fails {
					return nil, errors.New("no")
				}
				return [][]byte{{byte(looked)}}, nil
			},
		})
		there := New(t.Context(), Config{
			Here: func(*schema.Tablet) (uint64, uint64, bool) { return 0, 0, false },
			Ask: func(ctx context.Context, _ schema.ShardID, req []byte) ([]byte, error) {
				return here.Handle(ctx, 1, req)
			},
		})
		tablet := &schema.Tablet{ID: 1, Shard: 2}
		expect := func(e *Estimates, key byte, questions int) {
			t.Helper()
			keys := e.SplitKeys(tablet)
			synctest.Wait()
			if (key == 0) != (keys == nil) || key != 0 && keys[0][0] != key || looked != questions {
				t.Fatalf("%v after %d questions, not %d after %d", keys, looked, key, questions)
			}
		}
		expect(here, 0, 0) // too small
		rows = minCutRows
		expect(here, 0, 1) // nobody waits for them
		expect(here, 1, 1)
		expect(there, 0, 1)
		expect(there, 1, 1)
		rows += rows / 5
		time.Sleep(maxAge + time.Second)
		expect(here, 1, 1)
		rows, fails = 2*rows, true
		expect(here, 1, 2)
		expect(here, 1, 2) // not again at once
		time.Sleep(maxAge + time.Second)
		fails = false
		expect(here, 1, 3)
		expect(here, 3, 3)
		rows /= 2
		time.Sleep(maxAge + time.Second)
		expect(here, 3, 4)
		expect(here, 4, 4)
	})
}
