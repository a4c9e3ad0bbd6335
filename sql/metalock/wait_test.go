package metalock

import (
	"testing"
	"time"

	"cloudsql/storage/mysqlerr"
)

// TestWaitEndsWhileTheCatalogChanges: lock_wait_timeout ends a wait whatever else happens all the time.
func TestWaitEndsWhileTheCatalogChanges(t *testing.T) {
	changed := make(chan struct{})
	close(changed)
	for range 100 { // a select of two that are ready takes either
		w := &tableWait{o: &Owner{names: names{core: core{locks: &Locks{}}}}, deadline: time.Now()}
		if err := w.next(t.Context(), changed, nil); mysqlerr.Code(err) != mysqlerr.LockWaitTimeout {
			t.Fatal(err)
		}
		w.end()
	}
	w := &tableWait{o: &Owner{names: names{core: core{locks: &Locks{}}}}, deadline: time.Now().Add(time.Hour)}
	defer w.end()
	if err := w.next(t.Context(), changed, nil); err != nil {
		t.Error(err)
	}
}
