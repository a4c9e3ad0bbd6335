package generate

import "testing"

// TestNamesWithBraces: names that columns have got from expressions may look like pieces of the grammar; statements are made of
// them as of others.
func TestNamesWithBraces(t *testing.T) {
	g := New(1, 0, "g0")
	for range 5000 {
		if len(g.pending) == 0 {
			g.Learn([]*table{{name: "`{t|`", columns: []string{"`a{`", "`b|}`", "`{nothing}`"}}, {name: "v9", columns: []string{"`}`"}, view: true}})
		}
		g.Next()
	}
}
