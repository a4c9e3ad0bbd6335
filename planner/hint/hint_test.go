package hint

import (
	"fmt"
	"strings"
	"testing"
)

// TestBlocks: which query block each hint is about, and what becomes of those that contradict each other.
func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		text   string
		blocks int
		want   string // block: its hints
	}{
		{"SELECT /*+ NO_BNL(a, b@q) INDEX(a k, l) */ 1 FROM a WHERE x IN (SELECT /*+ QB_NAME(q) NO_BNL() */ 1 FROM b)", 2,
			"1: no_bnl a; index a k l 2: no_bnl b; qb_name; no_bnl"},
		{"SELECT /*+ JOIN_ORDER(@q a, b) JOIN_ORDER(c, a@`select#2`, b@Q) */ 1 FROM c, (SELECT /*+ QB_NAME(q) */ 1 FROM a, b) d", 2,
			"1: join_order c@1 a@2 b@2 2: join_order a@2 b@2; qb_name"},
		{"SELECT /*+ JOIN_ORDER(a, b) */ 1", 1, "1: join_order a@1 b@1"},
		{"UPDATE /*+ NO_INDEX(t) */ t SET a = (SELECT /*+ INDEX(@`select#1` t b) */ 1 FROM u)", 2, "1: no_index t; index t b 2:"},
		{"DELETE /*+ QB_NAME(d) */ FROM t WHERE a IN (SELECT /*+ BNL(t@d) */ 1)", 2, "1: qb_name; bnl t 2:"},
		{"INSERT /*+ NO_BNL(t) */ INTO u SELECT 1 FROM t", 1, "1: no_bnl t"},
		{"SELECT /*+ INDEX(a k) JOIN_INDEX(a k, l) NO_INDEX(a) NO_RANGE_OPTIMIZATION(a k) */ 1", 1, "1: index a k; join_index a l; no_index a; no_range_optimization a k"},
		{"SELECT /*+ SEMIJOIN(@n FIRSTMATCH) NO_SEMIJOIN(LOOSESCAN) SUBQUERY(INTOEXISTS) */ 1", 1, "1: no_semijoin (loosescan)"},
		{"SELECT /*+ JOIN_PREFIX(a) JOIN_PREFIX(b) JOIN_SUFFIX(c) MAX_EXECUTION_TIME(1) SET_VAR(a = 1) */ 1", 1, "1: join_prefix a@1; join_suffix c@1"},
		{"SELECT /*+ NO_BNL(a) nothing() BNL(b) */ 1", 1, "1: no_bnl a"},
		{"SELECT /*+ BNL(a) */ 1", 2, ""},
		{"SELECT 1", 1, ""},
		{"SELECT 'select /*+ BNL(a) */'", 1, ""},
	} {
		text := Read(c.text, 0)
		var out []string
		for _, b := range text.Blocks(c.blocks) {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%d: %s", b.Number, shown(b))))
		}
		if got := strings.Join(out, " "); got != c.want {
			t.Errorf("%s\n%s\nnot %s", c.text, got, c.want)
		}
	}
}

func shown(b *Block) string {
	var list []string
	for _, h := range b.List {
		words := append([]string{h.Name, h.Table}, h.Indexes...)
		for _, t := range h.Tables {
			words = append(words, fmt.Sprintf("%s@%d", t.Name, t.Block))
		}
		if len(h.Strategies) > 0 {
			words = append(words, fmt.Sprint(h.Strategies))
		}
		list = append(list, strings.NewReplacer("[", "(", "]", ")").Replace(strings.Join(strings.Fields(strings.Join(words, " ")), " ")))
	}
	return strings.Join(list, "; ")
}

// TestOn: a hint about a table goes before one about all, and the first of two before the second.
func TestOn(t *testing.T) {
	text := Read("SELECT /*+ NO_BNL() BNL(a) NO_MERGE(a) */ 1", 0)
	b := text.Blocks(1)[0]
	if !b.On("bnl", "a", true) || b.On("bnl", "b", true) || b.On("merge", "a", true) || !b.On("merge", "b", true) || b.On("merge", "b", false) {
		t.Error("wrong")
	}
	var none *Block
	if !none.On("bnl", "a", true) || none.FixedOrder() || none.Orders() != nil || none.Indexes("a") != nil {
		t.Error("no hints say something")
	}
}

// TestSemijoin: what the hints in a subquery say of how it is done.
func TestSemijoin(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "true [] []",
		"SEMIJOIN()":                          "true [] []",
		"SEMIJOIN(LOOSESCAN, FIRSTMATCH)":     "true [loosescan firstmatch] []",
		"NO_SEMIJOIN()":                       "false [] []",
		"NO_SEMIJOIN(DUPSWEEDOUT, LOOSESCAN)": "true [] [dupsweedout loosescan]",
		"SUBQUERY(MATERIALIZATION)":           "false [] []",
	} {
		read := Read("SELECT /*+ BNL(x) "+text+" */ 1", 0)
		may, only, never := read.Blocks(1)[0].Semijoin(true)
		if got := fmt.Sprint(may, only, never); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}
