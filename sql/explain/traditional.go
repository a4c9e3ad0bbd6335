package explain

import (
	"math"
	"strconv"
	"strings"

	"cloudsql/planner"
	"cloudsql/sql/show"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Traditional is FORMAT=TRADITIONAL: a row for each table, in the order in which they are read.
func Traditional(lines []planner.ExplainLine, env *expr.Env) *show.Result {
	t := &traditional{env: env, res: &show.Result{Fields: []types.Field{
		show.TextField("id", 20), show.TextField("select_type", 19), show.TextField("table", 64), show.TextField("partitions", 64),
		show.TextField("type", 10), show.TextField("possible_keys", 4096), show.TextField("key", 64), show.TextField("key_len", 4096),
		show.TextField("ref", 1024), show.TextField("rows", 10), show.TextField("filtered", 4), show.TextField("Extra", 255),
	}}}
	t.res.Fields[0].Type, t.res.Fields[9].Type, t.res.Fields[10].Type = types.TypeUint, types.TypeUint, types.TypeDouble
	roots := build(lines)
	for i, n := range roots {
		kind := "SIMPLE"
		switch {
		case i > 0 && n.Correlated:
			kind = "DEPENDENT SUBQUERY"
		case i > 0:
			kind = "SUBQUERY"
		case changes(n) == "INSERT", changes(n) == "REPLACE":
			t.brought(n)
			if len(n.in) == 0 || n.in[0].Operator == "Values" {
				t.ids++
				continue
			}
			if len(roots) > 1 || hasBlocks(n) {
				kind = "PRIMARY"
			}
		case changes(n) != "":
			kind = changes(n)
		case len(roots) > 1 || hasBlocks(n):
			kind = "PRIMARY"
		}
		t.block(n, kind)
	}
	return t.res
}

type traditional struct {
	env *expr.Env
	res *show.Result
	ids uint64
}

// brought adds the row of a table that is given rows, before those of the block that they come from.
func (t *traditional) brought(n *node) {
	null := types.Null
	t.res.Rows = append(t.res.Rows, []types.Value{types.Uint(t.ids + 1), types.Str(changes(n)), types.Str(strings.TrimPrefix(n.Object, "table:")),
		null, types.Str("ALL"), null, null, null, null, null, null, null})
}

// changes is the kind of a data change.
func changes(n *node) string {
	for _, kind := range []string{"INSERT", "REPLACE", "UPDATE", "DELETE"} {
		if strings.HasPrefix(strings.ToUpper(n.Operator), kind) {
			return kind
		}
	}
	return ""
}

// hasBlocks tells whether a query has others inside.
func hasBlocks(n *node) bool {
	if isSetOp(n) {
		return true
	}
	for _, in := range n.in {
		if hasBlocks(in) {
			return true
		}
	}
	return false
}

// block adds the tables of a query block. What sorts and groups is told beside the first.
func (t *traditional) block(n *node, kind string) {
	t.ids++
	id, at := t.ids, len(t.res.Rows)
	t.tables(n, id, kind, "", "")
	extra := map[string]bool{}
	for in := n; len(in.in) == 1; in = in.in[0] {
		switch in.Operator {
		case "Sort", "TopN", "Window":
			extra["Using filesort"] = true
		case "HashAgg", "FinalAgg", "Distinct":
			extra["Using temporary"] = extra["Using temporary"] || in.Operator == "Distinct" || strings.HasPrefix(in.Info, "group ")
		}
	}
	if len(t.res.Rows) == at {
		message := "No tables used"
		if has(n, "Empty") {
			message = "Impossible WHERE"
		}
		null := types.Null
		t.res.Rows = append(t.res.Rows, []types.Value{types.Uint(id), types.Str(kind), null, null, null, null, null, null, null, null, null, types.Str(message)})
		return
	}
	last := n
	for len(last.in) == 1 {
		last = last.in[0]
	}
	if kind := setKind(last); kind != "" && (kind != "UNION" || extra["Using temporary"]) {
		delete(extra, "Using temporary")
		t.setResult(kind, id)
	}
	for _, text := range []string{"Using temporary", "Using filesort"} {
		if extra[text] {
			row := t.res.Rows[at]
			row[11] = types.Str(joined(row[11], text))
		}
	}
}

// setKind is the select_type of the second and later parts of a set operation; "" for what is none.
func setKind(n *node) string {
	switch {
	case !isSetOp(n):
		return ""
	case n.Operator == "Intersect", n.Operator == "Except":
		return strings.ToUpper(n.Operator)
	}
	return "UNION"
}

// setResult adds the row of the temporary table that decides which rows a set operation has; it has a number of its own since MySQL 8.0.31.
func (t *traditional) setResult(kind string, from uint64) {
	var ids []string
	for id := from; id <= t.ids; id++ {
		ids = append(ids, strconv.FormatUint(id, 10))
	}
	t.ids++
	null := types.Null
	t.res.Rows = append(t.res.Rows, []types.Value{types.Uint(t.ids), types.Str(kind + " RESULT"), types.Str("<" + strings.ToLower(kind) + strings.Join(ids, ",") + ">"),
		null, types.Str("ALL"), null, null, null, null, null, null, types.Str("Using temporary")})
}

func has(n *node, operator string) bool {
	if n.Operator == operator {
		return true
	}
	for _, in := range n.in {
		if has(in, operator) {
			return true
		}
	}
	return false
}

func joined(before types.Value, text string) string {
	if before.IsNull() {
		return text
	}
	return before.Text() + "; " + text
}

func (t *traditional) tables(n *node, id uint64, kind, attached, extra string) {
	switch {
	case n.Table != nil:
		t.table(n, id, kind, attached, extra)
		return
	case changes(n) != "" && len(n.in) == 0:
		n.Table = &planner.ExplainTable{Name: strings.TrimPrefix(n.Object, "table:"), Type: "ALL", Rows: n.EstRows, Filtered: 1}
		t.table(n, id, kind, attached, extra)
		return
	case n.Operator == "VirtualTable", n.Operator == "JSONTable":
		n.Table = &planner.ExplainTable{Name: strings.TrimPrefix(n.Object, "table:"), Type: "ALL", Rows: n.EstRows, Filtered: 1}
		t.table(n, id, kind, attached, extra)
		return
	case isSetOp(n):
		for i, in := range n.in {
			if i == 0 {
				t.tables(in, id, kind, "", "")
				continue
			}
			t.block(in, setKind(n))
		}
		return
	}
	for i, in := range n.in {
		cond, also := attached, extra
		if i == len(n.in)-1 {
			cond += n.condition()
			if n.Operator == "HashJoin" || n.Operator == "BroadcastJoin" {
				also = "Using join buffer (hash join)"
			}
		}
		t.tables(in, id, kind, cond, also)
	}
}

func (t *traditional) table(n *node, id uint64, kind, attached, extra string) {
	b := n.Table
	text := func(list []string) types.Value {
		if len(list) == 0 {
			return types.Null
		}
		return types.Str(strings.Join(list, ","))
	}
	var key, length types.Value
	if b.Key != "" {
		key = types.Str(b.Key)
		if len(b.Parts) > 0 {
			length = types.Str(strconv.Itoa(b.KeyLen))
		}
	}
	var notes []string
	if b.Filter != "" || attached != "" {
		notes = append(notes, "Using where")
	}
	if b.Covering {
		notes = append(notes, "Using index")
	}
	if b.Columnar {
		notes = append(notes, "Using columnar copy")
	}
	if extra != "" {
		notes = append(notes, extra)
	}
	note := types.Null
	if len(notes) > 0 {
		note = types.Str(strings.Join(notes, "; "))
	}
	t.res.Rows = append(t.res.Rows, []types.Value{
		types.Uint(id), types.Str(kind), types.Str(b.Name), text(b.Partitions(t.env)), types.Str(b.Type), text(b.Possible), key, length, text(b.Ref),
		types.Uint(max(1, count(b.Rows))), types.Float(math.Round(10000*b.Filtered) / 100), note,
	})
}

// Operators is FORMAT=BRIEF, which MySQL has not: a line an operator, with where it runs.
func Operators(lines []planner.ExplainLine) *show.Result {
	res := &show.Result{Fields: []types.Field{
		show.TextField("operator", 64), show.TextField("est_rows", 16), show.TextField("where", 64), show.TextField("object", 128), show.TextField("info", 1024),
	}}
	for _, l := range lines {
		name, info := l.Operator, l.Info
		if l.Depth > 0 {
			name = strings.Repeat("  ", l.Depth-1) + "└ " + name
		}
		if l.Table != nil && l.Table.Columnar {
			info = strings.TrimPrefix(info+"; columnar", "; ")
		}
		res.Rows = append(res.Rows, []types.Value{
			types.Str(name), types.Str(strconv.FormatFloat(l.EstRows, 'f', 0, 64)), types.Str(l.Where), types.Str(l.Object),
			types.Str(info),
		})
	}
	return res
}

// Result is a plan in a format, in the circumstances of env; ok is false for one that there is not.
func Result(format string, lines []planner.ExplainLine, env *expr.Env) (res *show.Result, ok bool, err error) {
	text := ""
	switch strings.ToLower(format) {
	case "", "row", "traditional":
		return Traditional(lines, env), true, nil
	case "brief":
		return Operators(lines), true, nil
	case "tree":
		text = Tree(lines, nil)
	case "json":
		if text, err = JSON(lines, env); err != nil {
			return nil, true, err
		}
	default:
		return nil, false, nil
	}
	return Text(text), true, nil
}

// Text is a plan that is one text.
func Text(plan string) *show.Result {
	return &show.Result{Fields: []types.Field{show.TextField("EXPLAIN", 65535)}, Rows: [][]types.Value{{types.Str(plan)}}}
}
