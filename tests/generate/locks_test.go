package generate

import "testing"

// TestLocksEnd: the locks that keep all other clients waiting are given back soon, also where a client begins anew.
func TestLocksEnd(t *testing.T) {
	g := New(3, 0, "g0")
	var taken, held int
	for range 60000 {
		s := g.Next()
		switch s.SQL {
		case "LOCK INSTANCE FOR BACKUP":
			taken++
		case "UNLOCK INSTANCE":
			held = 0
		}
		if s.Done != nil {
			s.Done()
		}
		if g.backup {
			held++
		}
		if held > 20 {
			t.Fatalf("the instance is still locked %d statements after LOCK INSTANCE FOR BACKUP", held)
		}
	}
	if taken < 10 {
		t.Errorf("LOCK INSTANCE FOR BACKUP was made %d times", taken)
	}
}
