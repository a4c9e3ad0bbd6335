package peers

import (
	"testing"

	"cloudsql/storage/schema"
)

// What a node tells of itself counts until the catalog says something new of it.
func TestBook(t *testing.T) {
	type book = map[schema.NodeID]string
	b := &Book{}
	at := func(id schema.NodeID, want string) {
		t.Helper()
		if got, _ := b.Resolve(id); got != want {
			t.Errorf("node %d is at %q, not %q", id, got, want)
		}
	}
	moved := func(m book, want ...schema.NodeID) {
		t.Helper()
		if got := b.Replace(m); len(got) != len(want) || len(want) == 1 && got[0] != want[0] {
			t.Errorf("moved: %v, not %v", got, want)
		}
	}
	told := func(id schema.NodeID, addr string, want bool) {
		t.Helper()
		if got := b.Told(id, addr); got != want {
			t.Errorf("node %d at %q: %v", id, addr, got)
		}
	}
	moved(book{1: "a", 2: "b"})
	told(3, "c", false) // no member
	at(3, "")
	told(2, "b", false)
	told(2, "x", true)
	told(2, "x", false)
	at(2, "x")
	moved(book{1: "a", 2: "b", 3: "c"}) // the catalog has not heard of it
	at(2, "x")
	moved(book{1: "a", 2: "x", 3: "c"}) // it has
	at(2, "x")
	told(3, "y", true)
	moved(book{1: "a", 2: "z", 3: "c"}, 2)
	at(2, "z")
	at(3, "y")
	told(3, "c", true)
	moved(book{1: "a", 2: "z", 3: "c"})
	moved(book{1: "a", 2: "z"}, 3)
	at(3, "")
}
