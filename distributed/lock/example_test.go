package lock_test

import (
	"context"
	"fmt"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// Two transactions want a row. The first one that asks has it; others wait, fail at once, or leave the row out.
func Example() {
	table := lock.New(lock.Config{Clock: clock.System, Stats: &lock.Stats{}})
	row := lock.Key{Tablet: 70, Index: schema.PrimaryIndex, Bytes: []byte("k")}
	a := &lock.Owner{ID: fragment.TxnID{1}, Interactive: true}
	b := &lock.Owner{ID: fragment.TxnID{2}, Interactive: true}
	ctx := context.Background()

	fresh, _, _, err := table.Acquire(ctx, a, row, lock.Exclusive, lock.Policy{Wait: time.Second})
	fmt.Println("a:", fresh, err)
	_, _, _, err = table.Acquire(ctx, b, row, lock.Shared, lock.Policy{NoWait: true})
	fmt.Println("b, NOWAIT:", err)
	_, _, skip, err := table.Acquire(ctx, b, row, lock.Shared, lock.Policy{Skip: true})
	fmt.Println("b, SKIP LOCKED:", skip, err)

	table.Release(a)
	fresh, waited, _, err := table.Acquire(ctx, b, row, lock.Shared, lock.Policy{Wait: time.Second})
	fmt.Println("b:", fresh, waited, err)
	// Output:
	// a: true <nil>
	// b, NOWAIT: ERROR 3572 (HY000): Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.
	// b, SKIP LOCKED: true <nil>
	// b: true false <nil>
}
