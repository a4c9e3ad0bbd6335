package catalog

import "testing"

// TestParts: a part that is joined is as if it had been put in the change itself; one that is not leaves no trace.
func TestParts(t *testing.T) {
	tx := Empty().Begin()
	first := tx.Part()
	first.PutSetting("a", "1")
	id := first.NewID()
	if tx.Changed() || tx.Snapshot.Settings()["a"] != "" {
		t.Error("a part shows before it is joined")
	}
	first.Join()
	dropped := tx.Part()
	if dropped.Snapshot.Settings()["a"] != "1" {
		t.Error("a part does not see what was joined before")
	}
	dropped.PutSetting("a", "2")
	dropped.PutSetting("b", "2")
	_ = dropped.NewID()
	third := tx.Part()
	third.PutSetting("c", "3")
	if got := third.NewID(); got != id+1 {
		t.Errorf("id %d after %d", got, id)
	}
	third.Join()
	s := tx.Snapshot
	if s.Settings()["a"] != "1" || s.Settings()["b"] != "" || s.Settings()["c"] != "3" || len(tx.sets) != 2 || tx.Bytes() == 0 {
		t.Errorf("a=%q b=%q c=%q, %d records", s.Settings()["a"], s.Settings()["b"], s.Settings()["c"], len(tx.sets))
	}
	if cmd := tx.Command(1, 7); len(cmd.Sets) != 5 || cmd.Expect[0].Version != 0 {
		t.Errorf("%+v", cmd)
	}
}
