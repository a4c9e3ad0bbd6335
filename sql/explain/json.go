package explain

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"cloudsql/planner"
	"cloudsql/storage/expr"
)

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	name  string
	value any
}

func (o *object) put(name string, value any) { *o = append(*o, member{name, value}) }

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := plainJSON(m.name)
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON leaves < and > as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// JSON is FORMAT=JSON: version 1 of MySQL's.
func JSON(lines []planner.ExplainLine, env *expr.Env) (string, error) {
	roots := build(lines)
	j := &jsonMaker{env: env}
	var block object
	if len(roots) > 0 {
		block = j.block(roots[0])
	}
	var subs []any
	for _, n := range roots[min(1, len(roots)):] {
		var sub object
		sub.put("dependent", n.Correlated)
		sub.put("query_block", j.block(n))
		subs = append(subs, sub)
	}
	if subs != nil {
		block.put("attached_subqueries", subs)
	}
	var out object
	out.put("query_block", block)
	data, err := plainJSON(out)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	err = json.Indent(&text, data, "", "  ")
	return text.String(), err
}

type jsonMaker struct {
	env     *expr.Env
	selects int
}

// block is a query block.
func (j *jsonMaker) block(n *node) object {
	j.selects++
	var b object
	b.put("select_id", j.selects)
	b.put("cost_info", object{{"query_cost", cost(n.Cost)}})
	return append(b, j.inside(n)...)
}

// wrappers are the operators that enclose what they read from, with what they say.
var wrappers = map[string]object{
	"Sort":     {{"using_filesort", true}},
	"TopN":     {{"using_filesort", true}},
	"HashAgg":  {{"using_temporary_table", true}, {"using_filesort", false}},
	"FinalAgg": {{"using_temporary_table", true}, {"using_filesort", false}},
	"Distinct": {{"using_temporary_table", true}, {"using_filesort", false}},
	"Window":   {{"using_filesort", true}},
}

var wrapperNames = map[string]string{
	"Sort": "ordering_operation", "TopN": "ordering_operation", "HashAgg": "grouping_operation", "FinalAgg": "grouping_operation",
	"Distinct": "duplicates_removal", "Window": "windowing",
}

// inside gives the members that stand for an operator.
func (j *jsonMaker) inside(n *node) object {
	if w, ok := wrappers[n.Operator]; ok && len(n.in) == 1 {
		return object{{wrapperNames[n.Operator], append(append(object(nil), w...), j.inside(n.in[0])...)}}
	}
	switch {
	case n.Operator == "Empty":
		return object{{"message", "Impossible WHERE"}}
	case n.Operator == "Values":
		return object{{"message", "No tables used"}}
	case isSetOp(n):
		return j.union(n)
	}
	var tables []any
	j.tables(n, "", &tables)
	switch {
	case len(tables) == 1:
		return tables[0].(object)
	case len(tables) == 0:
		return object{{"message", strings.TrimSpace(n.Operator + " " + n.Info)}}
	}
	return object{{"nested_loop", tables}}
}

// tables lists what is joined, from left to right.
func (j *jsonMaker) tables(n *node, attached string, out *[]any) {
	switch {
	case n.Table != nil:
		*out = append(*out, object{{"table", j.table(n, attached)}})
	case n.Operator == "VirtualTable", n.Operator == "JSONTable":
		name := strings.TrimPrefix(n.Object, "table:")
		*out = append(*out, object{{"table", object{{"table_name", name}, {"access_type", "ALL"}, {"rows_examined_per_scan", count(n.EstRows)}}}})
	case (n.Operator == "HashJoin" || n.Operator == "BroadcastJoin") && len(n.in) == 2:
		j.tables(n.in[0], "", out)
		at := len(*out)
		j.tables(n.in[1], n.condition(), out)
		for i := at; i < len(*out); i++ {
			if t, ok := (*out)[i].(object); ok && t[0].name == "table" {
				inner := t[0].value.(object)
				inner.put("using_join_buffer", "hash join")
				(*out)[i] = object{{"table", inner}}
			}
		}
	case len(n.in) == 0:
		*out = append(*out, object{{"table", object{{"table_name", "<" + strings.ToLower(n.Operator) + ">"}, {"access_type", "ALL"},
			{"rows_examined_per_scan", count(n.EstRows)}}}})
	case wrapperNames[n.Operator] != "" || isSetOp(n):
		*out = append(*out, object{{"table", object{{"table_name", "<derived>"}, {"access_type", "ALL"}, {"rows_examined_per_scan", count(n.EstRows)},
			{"materialized_from_subquery", object{{"using_temporary_table", true}, {"dependent", false}, {"cacheable", true}, {"query_block", j.block(n)}}}}}})
	default:
		for i, in := range n.in {
			cond := ""
			if i == len(n.in)-1 {
				cond = n.condition()
			}
			j.tables(in, cond, out)
		}
	}
}

func (j *jsonMaker) table(n *node, attached string) object {
	t := n.Table
	o := object{{"table_name", t.Name}}
	if parts := t.Partitions(j.env); parts != nil {
		o.put("partitions", parts)
	}
	o.put("access_type", t.Type)
	if len(t.Possible) > 0 {
		o.put("possible_keys", t.Possible)
	}
	if t.Key != "" {
		o.put("key", t.Key)
	}
	if len(t.Parts) > 0 {
		o.put("used_key_parts", t.Parts)
		o.put("key_length", strconv.Itoa(t.KeyLen))
	}
	if len(t.Ref) > 0 {
		o.put("ref", t.Ref)
	}
	o.put("rows_examined_per_scan", count(t.Rows))
	o.put("rows_produced_per_join", count(n.EstRows))
	o.put("filtered", strconv.FormatFloat(100*t.Filtered, 'f', 2, 64))
	if t.Covering {
		o.put("using_index", true)
	}
	if t.Columnar {
		o.put("using_columnar_copy", true)
	}
	o.put("cost_info", object{{"read_cost", cost(n.Cost)}, {"prefix_cost", cost(n.Cost)}})
	if len(t.Columns) > 0 {
		o.put("used_columns", t.Columns)
	}
	if cond := both(t.Filter, attached); cond != "" {
		o.put("attached_condition", cond)
	}
	return o
}

func both(a, b string) string {
	if a != "" && b != "" {
		return "(" + a + " and " + b + ")"
	}
	return a + b
}

func (j *jsonMaker) union(n *node) object {
	var list []any
	for _, in := range n.in {
		list = append(list, object{{"dependent", false}, {"cacheable", true}, {"query_block", j.block(in)}})
	}
	return object{{"union_result", object{{"using_temporary_table", !strings.Contains(strings.ToLower(n.Operator), "all")}, {"query_specifications", list}}}}
}

func isSetOp(n *node) bool { return len(n.in) > 1 && n.joinKindName() == "" }

// joinKindName is "" for what is no join.
func (n *node) joinKindName() string {
	switch n.Operator {
	case "HashJoin", "NestedLoop", "IndexJoin", "LateralJoin", "ShardJoin", "BroadcastJoin":
		kind, _ := n.joinKind()
		return kind
	}
	return ""
}

func cost(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

func count(f float64) uint64 { return uint64(math.Max(0, math.Round(f))) }
