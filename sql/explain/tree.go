package explain

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"cloudsql/planner"
	"cloudsql/planner/analysis"
)

// node is an operator with what it reads from.
type node struct {
	planner.ExplainLine
	in []*node
}

// build makes trees of lines: the query's, then those of its subqueries, which a change has below it.
func build(lines []planner.ExplainLine) []*node {
	var roots, open []*node
	for _, l := range lines {
		n := &node{ExplainLine: l}
		depth := min(l.Depth, len(open))
		open = append(open[:depth], n)
		if depth == 0 || depth == 1 && n.Operator == "Subquery" && changes(open[0]) != "" {
			roots = append(roots, n)
			continue
		}
		open[depth-1].in = append(open[depth-1].in, n)
	}
	return roots
}

// Tree is FORMAT=TREE; with what the operators did, if they are analysed.
func Tree(lines []planner.ExplainLine, a *analysis.Analysis) string {
	t := &treeMaker{analysis: a}
	for _, n := range build(lines) {
		t.tree(n, 0)
	}
	return t.String()
}

// NotExecutable is the tree of a statement that MySQL does not run by operators.
const NotExecutable = "<not executable by iterator executor>\n"

type treeMaker struct {
	strings.Builder
	analysis *analysis.Analysis
}

func (t *treeMaker) tree(n *node, depth int) {
	if n.Operator == "Project" && len(n.in) == 1 { // MySQL's trees have none
		t.tree(n.in[0], depth)
		return
	}
	a := t.analysis.Of(n.Node)
	actual := t.actual(n, a)
	if cond := n.condition(); cond != "" && n.Operator != "Filter" {
		t.line(depth, "Filter: "+cond, n.Cost, n.EstRows, actual)
		depth++
	}
	if a != nil && len(a.Tablets) > 0 {
		if actual = figures(a, a.Seen()); a.Columnar() > 0 {
			actual += fmt.Sprintf(" (columnar rows=%s)", number(float64(a.Columnar())/float64(a.Loops)))
		}
	}
	rows := n.EstRows
	if n.Table != nil {
		rows = n.Table.Rows
	}
	t.line(depth, n.describe(), n.Cost, rows, actual)
	if a != nil && len(a.Tablets) > 1 {
		for _, f := range a.Tablets {
			fmt.Fprintf(t, "%s-> Fragment on tablet %d in shard %d (actual rows=%d of %d loops=%d)\n", strings.Repeat("    ", depth+1), f.ID, f.Shard, f.Rows, f.Seen, f.Loops)
		}
	}
	for _, in := range n.in {
		t.tree(in, depth+1)
	}
}

func (t *treeMaker) line(depth int, text string, cost, rows float64, actual string) {
	fmt.Fprintf(t, "%s-> %s  (cost=%s rows=%s)%s\n", strings.Repeat("    ", depth), text, number(cost), number(rows), actual)
}

// actual tells what an operator did, on average of its executions; "" where that was not counted.
func (t *treeMaker) actual(n *node, a *analysis.Actual) string {
	switch {
	case t.analysis == nil || n.Node == nil:
		return ""
	case a == nil:
		return " (never executed)"
	}
	return figures(a, a.Rows)
}

func figures(a *analysis.Actual, rows uint64) string {
	loops := float64(a.Loops)
	each := func(d time.Duration) string { return number(float64(d) / float64(time.Millisecond) / loops) }
	return fmt.Sprintf(" (actual time=%s..%s rows=%s loops=%d)", each(a.First), each(a.Total), number(float64(rows)/loops), a.Loops)
}

// number is a figure as MySQL's trees have it: three digits where it is small.
func number(f float64) string {
	if f >= 1e6 || f == math.Trunc(f) {
		return strconv.FormatFloat(f, 'g', 3, 64)
	}
	if f >= 100 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// condition is what an operator tests of its rows beside what it is named for.
func (n *node) condition() string {
	switch {
	case n.Table != nil:
		return n.Table.Filter
	case n.Operator == "Filter":
		return n.Info
	case strings.HasSuffix(n.Operator, "Join") || n.Operator == "NestedLoop":
		_, cond, _ := strings.Cut(n.Info, "conditions: ")
		return cond
	}
	return ""
}

// joinWords are the kinds of joins in the words of nested loops and of hash joins.
var joinWords = map[string][2]string{
	"inner": {"inner join", "Inner hash join"}, "left": {"left join", "Left hash join"}, "semi": {"semijoin", "Hash semijoin"},
	"anti": {"antijoin", "Hash antijoin"},
}

// joinKind takes a join's kind off its text.
func (n *node) joinKind() (kind, rest string) {
	kind, rest, _ = strings.Cut(n.Info, ", ")
	rest, _, _ = strings.Cut(rest, "conditions: ")
	return kind, strings.TrimSuffix(rest, ", ")
}

// describe names an operator.
func (n *node) describe() string {
	switch n.Operator {
	case "HashJoin":
		kind, keys := n.joinKind()
		return joinWords[kind][1] + " (" + keys + ")"
	case "BroadcastJoin":
		kind, keys := n.joinKind()
		return joinWords[kind][1] + " in the shards (" + keys + ")"
	case "ShardJoin":
		kind, _ := n.joinKind()
		return "Nested loop " + joinWords[kind][0] + " in the shards"
	case "NestedLoop", "IndexJoin", "LateralJoin":
		kind, _ := n.joinKind()
		return "Nested loop " + joinWords[kind][0]
	case "Filter":
		return "Filter: " + n.Info
	case "Sort":
		return "Sort: " + n.Info
	case "TopN":
		return "Sort: " + strings.Replace(n.Info, " limit ", ", limit input to ", 1) + " row(s) per chunk"
	case "Limit":
		count, offset, skips := strings.Cut(strings.TrimPrefix(n.Info, "limit "), " offset ")
		if skips {
			return "Limit/Offset: " + count + "/" + offset + " row(s)"
		}
		return "Limit: " + count + " row(s)"
	case "HashAgg", "FinalAgg":
		if strings.HasPrefix(n.Info, "group ") {
			return "Aggregate using temporary table: " + n.Info
		}
		return "Aggregate: " + n.Info
	case "Distinct":
		return "Temporary table with deduplication"
	case "Window":
		return "Window aggregate: " + n.Info
	case "PartitionTop":
		return "Limit: " + n.Info
	case "Empty":
		return "Zero rows (Impossible WHERE)"
	case "Values":
		return "Rows fetched before execution"
	case "JSONTable":
		return "Materialize table function"
	case "VirtualTable":
		return "Table scan on " + strings.TrimPrefix(n.Object, "table:")
	}
	if n.Table != nil {
		return describeTable(n.Table, n.Info)
	}
	return strings.TrimSpace(n.Operator + " " + n.Info)
}

// describeTable tells how a table is read; info has the ranges.
func describeTable(t *planner.ExplainTable, info string) string {
	cover := ""
	if t.Covering {
		cover = "Covering "
	}
	var pairs []string
	for i, p := range t.Parts {
		if i < len(t.Ref) {
			pairs = append(pairs, p+"="+t.Ref[i])
		}
	}
	text := ""
	switch t.Type {
	case "const", "eq_ref":
		text = "Single-row index lookup on " + t.Name + " using " + t.Key + " (" + strings.Join(pairs, ", ") + ")"
	case "ref":
		text = cover + "index lookup on " + t.Name + " using " + t.Key + " (" + strings.Join(pairs, ", ") + ")"
	case "range":
		over, _, _ := strings.Cut(strings.TrimPrefix(info, "range: "), ";")
		text = cover + "index range scan on " + t.Name + " using " + t.Key + " over (" + over + ")"
	case "index":
		text = cover + "index scan on " + t.Name + " using " + t.Key
	default:
		text = "Table scan on " + t.Name
	}
	if t.Columnar {
		text += " (columnar)"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
