package expr

import (
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// What JSON_TABLE (planner/exec) does to documents.

// JSONPath is a path within documents.
type JSONPath struct{ path *jsonPath }

// JSONNode is a value within a document.
type JSONNode struct{ tree *jsonTree }

// ParseJSONPath reads a path; 3143 where it is none.
func ParseJSONPath(text string) (*JSONPath, error) {
	p, err := parsePath([]byte(text))
	if err != nil {
		return nil, err
	}
	return &JSONPath{p}, nil
}

// JSONDocument takes a document apart, or the text of one; fn is whose argument it is, for errors.
func (env *Env) JSONDocument(fn string, v types.Value) (JSONNode, error) {
	switch v.Kind() {
	case types.KindJSON:
	case types.KindString:
		var err error
		if v, err = parseArg(fn, 0, v.Raw()); err != nil {
			return JSONNode{}, err
		}
	case types.KindBytes:
		return JSONNode{}, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
	default:
		return JSONNode{}, mysqlerr.New(mysqlerr.InvalidTypeForJSON, 1, fn)
	}
	t, err := env.tree(v)
	return JSONNode{t}, err
}

// Find visits what the path leads to from a value, each once; fn returns false to stop.
func (p *JSONPath) Find(env *Env, n JSONNode, fn func(JSONNode) bool) error {
	m := env.meter()
	visit := func(t *jsonTree) bool { return fn(JSONNode{t}) }
	if p.path.wild {
		return p.path.matchDistinct(m, n.tree, visit)
	}
	w := pathWalk{meter: m, fn: visit}
	w.match(n.tree, p.path.legs)
	return w.err
}

// JSONInt is a number.
func JSONInt(n int) JSONNode { return JSONNode{jsonLiteral(strconv.Itoa(n))} }

// JSONArray is an array of values.
func JSONArray(list []JSONNode) JSONNode {
	t := &jsonTree{kind: '['}
	for _, n := range list {
		t.items = append(t.items, n.tree)
	}
	return JSONNode{t}
}

// Value is the value as a document of its own.
func (n JSONNode) Value() types.Value { return n.tree.value() }

// Scalar is the value for a column of a type: a number, a string, NULL. ok is false for arrays and objects.
func (n JSONNode) Scalar(to *types.Type) (v types.Value, ok bool) {
	t := n.tree
	switch {
	case t.kind == '[' || t.kind == '{':
		return types.Null, false
	case t.isNull():
		return types.Null, true
	case t.kind == '"' || to.Class() == types.ClassString:
		return types.Str(string(t.unquoted())), true
	}
	text := string(t.text)
	if text == "true" || text == "false" {
		return types.Bool(text == "true"), true
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return types.Int(i), true
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return types.Uint(u), true
	}
	if to.ID == mysql.TypeNewDecimal {
		return types.Str(text), true
	}
	f, _ := strconv.ParseFloat(text, 64)
	return types.Float(f), true
}
