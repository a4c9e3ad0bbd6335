package replica

import (
	"errors"
	"testing"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/shard"
)

// A write that is repeated when its tablet has gone gets the outcome of its first execution, and is not sent elsewhere to be executed again.
// One that was surely not executed is.
func TestRepeatedWriteOfATabletThatHasGone(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r := c.replicas[0]
	state := r.State().(*fakeShard)
	gone := func(alone bool) (*leaseholder.WriteReply, error) {
		q := autocommit(&fragment.Write{Tablet: 99})
		q.First, q.Alone = 1, alone
		return r.Write(t.Context(), q)
	}
	if _, err := gone(false); !errors.Is(err, shard.ErrNoTablet) {
		t.Error(err)
	}
	state.recorded = shard.ProposalResult{Status: shard.Duplicate, Recorded: shard.Committed, TS: 7, Writes: []fragment.WriteResult{{Affected: 3}}}
	if reply, err := gone(false); err != nil || reply.TS != 7 || reply.Results[0].Affected != 3 {
		t.Error(reply, err)
	}
	if _, err := gone(true); !errors.Is(err, shard.ErrNoTablet) { // made for the first time: the record is another's
		t.Error(err)
	}
	state.recorded = shard.ProposalResult{Status: shard.Forgotten}
	if _, err := gone(false); !errors.Is(err, leaseholder.ErrForgotten) || !leaseholder.OutcomeUnknown(err) {
		t.Error(err)
	}
}
