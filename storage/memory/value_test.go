package memory

import (
	"runtime"
	"sync"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// Values that nobody needs any more make room for others, however many have been built; those that are kept do not.
func TestValuesAreChargedUntilTheyAreCollected(t *testing.T) {
	const size = 4 << 20
	p := NewProcess(10 * size)
	_, st := session(p, 0, 0)
	build := func() []byte {
		b, err := st.Make(size)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for range 100 {
		build()
	}
	var kept [][]byte
	for range 10 {
		kept = append(kept, build())
	}
	_, err := st.Make(size)
	wantCode(t, err, mysql.ErrOutOfResources)
	wantCode(t, st.Value(make([]byte, size)), mysql.ErrOutOfResources)
	runtime.KeepAlive(kept)
	clear(kept)
	build()
	for p.Used() > 0 {
		runtime.GC()
		runtime.Gosched()
	}
}

// A statement builds no value that is larger than what it may hold, small ones cost nothing, and what was asked for is given back.
func TestRoomForAValue(t *testing.T) {
	p := NewProcess(100 << 20)
	_, st := session(p, 0, 8<<20)
	_, err := st.Room(9 << 20)
	wantCode(t, err, mysql.ErrOutOfSortMemory)
	small, err := st.Room(ValueBytes - 1)
	if err != nil || p.Used() != 0 {
		t.Fatal(err, p.Used())
	}
	small.Done()
	large, err := st.Room(7 << 20)
	if err != nil || p.Used() != 7<<20 {
		t.Fatal(err, p.Used())
	}
	large.Done()
	if p.Used() != 0 {
		t.Fatal(p.Used())
	}
	var nobody *Account
	if b, err := nobody.Make(1 << 20); err != nil || cap(b) < 1<<20 {
		t.Fatal(err)
	}
}

// Many who build values at once never hold more than the process may.
func TestValuesOfManyStayBelowTheLimit(t *testing.T) {
	const size, limit = 1 << 20, 16 << 20
	p := NewProcess(limit)
	var wg sync.WaitGroup
	for range 32 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, st := session(p, 0, 0)
			var kept [][]byte
			for range 20 {
				switch b, err := st.Make(size); {
				case err == nil:
					kept = append(kept, b)
				case mysqlerr.Code(err) == mysql.ErrOutOfResources:
					kept = nil
				default:
					t.Error(err)
				}
				if p.Used() > limit+32*size { // a request that is refused counts for a moment
					t.Errorf("%d bytes", p.Used())
				}
			}
			runtime.KeepAlive(kept)
		}()
	}
	wg.Wait()
}
