package replica

import (
	"errors"
	"testing"

	"cloudsql/distributed/leaseholder"
)

// TestAbdicate: a replica whose state is wrong serves nothing from the moment that it knows, hands its lease on, and takes
// none any more, even as raft's leader.
func TestAbdicate(t *testing.T) {
	c := newFakeCluster(t, 2, nil)
	r, other, ctx := c.replicas[0], c.replicas[1], t.Context()
	if _, err := r.Write(ctx, autocommit(putWrite("a", 1))); err != nil {
		t.Fatal(err)
	}
	if err := r.Abdicate(ctx, other.cfg.Node); err != nil {
		t.Fatal(err)
	}
	var elsewhere *leaseholder.NotLeaseholder
	if _, err := readValue(ctx, r, "a", 0); !errors.As(err, &elsewhere) {
		t.Errorf("it serves a read: %v", err)
	}
	if _, err := untilServed(t, other, autocommit(putWrite("a", 2))); err != nil { // it may be an entry behind
		t.Fatal("the next holder: ", err)
	}
	c.log.Elect(1)
	if _, err := r.Acquire(ctx); !errors.As(err, &elsewhere) {
		t.Errorf("it takes a lease again: %v", err)
	}
	if v, err := readValue(ctx, other, "a", 0); v != "2" || err != nil {
		t.Error(v, err)
	}
}
