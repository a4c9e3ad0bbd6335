package expr

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Reading JSON documents. json_edit.go changes them.

var jsonDefs = []def{
	{name: "json_extract", min: 2, max: -1, typ: typeJSON, prep: prepPaths(1, -1), ev: evalInOrder, order: leading(roleDoc, rolePath), fn: jsonExtract},
	{name: "->", min: 2, max: 2, rewrite: func(a []Expr) (Expr, error) { return New("json_extract", a...) }},
	{name: "->>", min: 2, max: 2, rewrite: func(a []Expr) (Expr, error) {
		e, err := New("json_extract", a...)
		if err != nil {
			return nil, err
		}
		return New("json_unquote", e)
	}},
	{name: "json_unquote", min: 1, max: 1, typ: typeUnquote, f1: jsonUnquote},
	{name: "json_quote", min: 1, max: 1, typ: typeJSONText(1 << 28), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		if k := a.Kind(); !isStringKind(k) && (k != types.KindEnum && k != types.KindSet || env.Mode.Legacy) {
			return types.Null, mysqlerr.Newf(mysqlerr.IncorrectType, "Incorrect type for argument %d in function %s.", 1, "json_quote")
		}
		if a.Kind() == types.KindBytes && !env.Mode.Legacy {
			return types.Null, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
		}
		return c.str(types.AppendJSONString(nil, a.Raw())), nil
	}},
	{name: "json_valid", min: 1, max: 1, typ: typeBool, f1: func(_ *Call, _ *Env, a types.Value) (types.Value, error) {
		switch a.Kind() {
		case types.KindJSON:
			return types.Int(1), nil
		case types.KindString, types.KindBytes:
			_, err := types.ParseJSON(a.Raw())
			return types.Bool(err == nil && utf8.Valid(a.Raw())), nil
		}
		return types.Int(0), nil
	}},
	{name: "json_type", min: 1, max: 1, typ: typeASCII(51), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		t, err := c.doc(env, 0, a)
		if err != nil {
			return types.Null, err
		}
		return c.str([]byte(t.typeName())), nil
	}},
	{name: "json_depth", min: 1, max: 1, typ: typeIntLen(10), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		t, err := c.doc(env, 0, a)
		if err != nil {
			return types.Null, err
		}
		return types.Int(int64(t.depth())), nil
	}},
	{name: "json_length", min: 1, max: 2, typ: typeIntLen(10), prep: prepPaths(1, 2), ev: evalInOrder, order: leading(roleDoc, rolePath), fn: jsonLength},
	{name: "json_keys", min: 1, max: 2, typ: typeJSON, prep: prepPaths(1, 2), ev: evalInOrder, order: leading(roleDoc, rolePath), fn: jsonKeys},
	{name: "json_contains", min: 2, max: 3, typ: typeBool, prep: prepPaths(2, 3), ev: evalInOrder, order: leading(roleDoc, roleDoc, rolePath), fn: jsonContains},
	{name: "json_contains_path", min: 3, max: -1, typ: typeBool, prep: prepPaths(2, -1), ev: evalInOrder, order: leading(roleDoc, roleChoice, rolePath), fn: jsonContainsPath},
	{name: "json_overlaps", min: 2, max: 2, typ: typeBool, ev: evalInOrder, order: leading(roleDoc), fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		x, err := c.doc(env, 0, a[0])
		if err != nil {
			return types.Null, err
		}
		y, err := c.doc(env, 1, a[1])
		if err != nil {
			return types.Null, err
		}
		found, err := env.meter().overlaps(x, y)
		return types.Bool(found), err
	}},
	{name: "member of", min: 2, max: 2, infix: "member of", typ: typeMemberOf, f2: memberOf},
	{name: "json_search", min: 3, max: -1, typ: typeJSON, ev: evalInOrder, order: leading(roleDoc, roleChoice, roleValue), lax: jsonSearch},
	{name: "json_pretty", min: 1, max: 1, typ: typeJSONText(1 << 28), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		t, err := c.doc(env, 0, a)
		if err != nil {
			return types.Null, err
		}
		return c.str(t.pretty(nil, 0)), nil
	}},
	// As a call of its own it is what readers of V1 have; it is built as what json_value.go has.
	{name: "json_value", min: 2, max: 2, prep: prepPaths(1, 2), fn: jsonValue, rewrite: func(a []Expr) (Expr, error) {
		return NewJSONValue(a[0], a[1], JSONValueType, JSONResponse{}, JSONResponse{})
	}},
}

func typeJSON(c *Call) error {
	c.typ, c.coll, c.deriv = types.TypeJSON, collation.Default, derivImplicit
	return nil
}

// typeOfElements is the type of a document that arguments become elements of. What is no predicate is a number there, though
// its type be that of one: IF(c, TRUE, FALSE), a column of a derived table.
func typeOfElements(c *Call) error {
	c.args = choicesAsNumbers(c.args)
	return typeJSON(c)
}

func typeMemberOf(c *Call) error {
	c.args = choicesAsNumbers(c.args)
	return typeBool(c)
}

func choicesAsNumbers(args []Expr) []Expr {
	if !slices.ContainsFunc(args, isChoice) {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		if isChoice(a) {
			args[i] = NewCast(a, intType(21, false))
		}
	}
	return args
}

func isChoice(e Expr) bool { return hasBooleanType(e) && !isBoolean(e) }

func typeUnquote(c *Call) error {
	n := charLen(c.args[0].Type())
	if n < 0 {
		n = 1 << 28
	}
	return typeJSONText(n)(c)
}

// typeJSONText is text out of a document: it compares byte by byte, and columns and other functions that it meets have their way.
func typeJSONText(length int) func(*Call) error {
	return func(c *Call) error {
		c.coll, c.deriv, c.ascii = collation.UTF8MB4Bin, derivCoercible, false
		c.typ = stringType(length, c.coll)
		return nil
	}
}

// toTree is argument i as a JSON value: text becomes a JSON string, TRUE becomes true.
func (c *Call) toTree(env *Env, i int, v types.Value) (*jsonTree, error) {
	if v.IsNull() {
		return jsonLiteral("null"), nil
	}
	j, err := v.ToJSON(c.args[i].Type(), env.Warn)
	if err != nil {
		return nil, err
	}
	return env.tree(j)
}

// treeBytes is what an element of a document takes of memory once that has been taken apart, beside its text.
const treeBytes = 128

// tree takes a document apart. What that takes is charged until the collector has found that nobody needs the tree any more.
func (env *Env) tree(doc types.Value) (*jsonTree, error) {
	text := doc.Raw()
	if err := env.work(jsonSteps * len(text)); err != nil {
		return nil, err
	}
	if env.Memory == nil || len(text) < memory.ValueBytes/treeBytes {
		return parseTree(text), nil
	}
	elements := bytes.Count(text, []byte(",")) + bytes.Count(text, []byte("[")) + bytes.Count(text, []byte("{")) // at most
	room, err := env.Memory.Room(len(text) + treeBytes*elements)
	if err != nil {
		return nil, err
	}
	t := parseTree(text)
	memory.KeepFor(&room, t)
	return t, nil
}

// doc is argument i as a JSON document: text is parsed.
func (c *Call) doc(env *Env, i int, v types.Value) (*jsonTree, error) {
	switch v.Kind() {
	case types.KindJSON:
		return env.tree(v)
	case types.KindString:
		j, err := parseArg(c.name, i, v.Raw())
		if err != nil {
			return nil, err
		}
		return env.tree(j)
	case types.KindBytes:
		return nil, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
	}
	return nil, mysqlerr.New(mysqlerr.InvalidTypeForJSON, i+1, c.name)
}

func parseArg(fn string, i int, text []byte) (types.Value, error) {
	j, err := types.ParseJSON(text)
	if err == nil {
		return j, nil
	}
	var je *types.JSONError
	if errors.As(err, &je) {
		if strings.Contains(je.Reason, "depth") {
			return j, mysqlerr.New(mysqlerr.JSONDocumentTooDeep)
		}
		return j, mysqlerr.New(mysqlerr.InvalidJSONTextInParam, i+1, fn, je.Reason, je.Position)
	}
	return j, err
}

// castToJSON is CAST(v AS JSON): text is parsed, anything else becomes a scalar.
func castToJSON(c *Call, env *Env, v types.Value) (types.Value, error) {
	if v.Kind() == types.KindString {
		return parseArg("cast_as_json", 0, v.Raw())
	}
	return v.ToJSON(c.args[0].Type(), env.Warn)
}

// castJSON is a JSON value as a number: a string's number is what it starts with.
func castJSON(c *Call, env *Env, v types.Value) (types.Value, error) {
	if t := parseTree(v.Raw()); t.kind == '"' {
		v = types.String(t.unquoted())
	}
	return conversion.Cast(v, &c.typ, &env.Mode, env.Warn), nil
}

// prepPaths parses the constant paths among args[from:to] (to -1: all) once; c.path finds them.
func prepPaths(from, to int) func(*Call) {
	return prepEveryPath(from, to, 1)
}

func prepEveryPath(from, to, step int) func(*Call) {
	return func(c *Call) {
		paths := make([]*jsonPath, len(c.args))
		for i := from; i < len(c.args) && (to < 0 || i < to); i += step {
			if s, ok := c.constText(i); ok {
				paths[i], _ = parsePath([]byte(s))
			}
		}
		c.aux = paths
	}
}

// path is argument i as a path.
func (c *Call) path(i int, v types.Value) (*jsonPath, error) {
	if paths, ok := c.aux.([]*jsonPath); ok && paths[i] != nil {
		return paths[i], nil
	}
	return parsePath(c.text(i, v))
}

// plainPath is a path without wildcards; 3149 otherwise.
func (c *Call) plainPath(i int, v types.Value) (*jsonPath, error) {
	p, err := c.path(i, v)
	if err != nil {
		return nil, err
	}
	if p.wild {
		return nil, mysqlerr.New(mysqlerr.InvalidJSONPathWildcard)
	}
	return p, nil
}

// jsonExtract gives one value as it is, and an array for several paths or one that may match more than once.
func jsonExtract(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	out := &jsonTree{kind: '['}
	many := len(a) > 2
	for i := 1; i < len(a); i++ {
		p, err := c.path(i, a[i])
		if err != nil {
			return types.Null, err
		}
		many = many || p.wild
		if !p.wild {
			if v := p.one(t); v != nil {
				out.items = append(out.items, v)
			}
			continue
		}
		err = p.matchDistinct(env.meter(), t, func(v *jsonTree) bool {
			out.items = append(out.items, v)
			return true
		})
		if err != nil {
			return types.Null, err
		}
	}
	switch {
	case len(out.items) == 0:
		return types.Null, nil
	case many:
		return out.value(), nil
	}
	return out.items[0].value(), nil
}

func jsonUnquote(c *Call, _ *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return c.str(s), nil
	}
	j, err := parseArg("json_unquote", 0, s)
	if err != nil {
		return types.Null, err
	}
	return c.str(unquoteJSON(j.Raw())), nil
}

// at is the value at the optional path argument i; nil where there is none.
func (c *Call) at(t *jsonTree, a []types.Value, i int) (*jsonTree, error) {
	if i >= len(a) {
		return t, nil
	}
	p, err := c.plainPath(i, a[i])
	if err != nil {
		return nil, err
	}
	return p.one(t), nil
}

func jsonLength(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	if t, err = c.at(t, a, 1); err != nil || t == nil {
		return types.Null, err
	}
	if t.kind == '[' || t.kind == '{' {
		return types.Int(int64(len(t.items))), nil
	}
	return types.Int(1), nil
}

func jsonKeys(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	if t, err = c.at(t, a, 1); err != nil || t == nil || t.kind != '{' {
		return types.Null, err
	}
	out := &jsonTree{kind: '['}
	for _, k := range t.keys {
		out.items = append(out.items, jsonString(k))
	}
	return out.value(), nil
}

func jsonContains(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	want, err := c.doc(env, 1, a[1])
	if err != nil {
		return types.Null, err
	}
	if t, err = c.at(t, a, 2); err != nil || t == nil {
		return types.Null, err
	}
	found, err := env.meter().contains(t, want)
	return types.Bool(found), err
}

// contains: every member of an object, every element of an array, and an element or scalar by itself.
func (m *meter) contains(t, want *jsonTree) (bool, error) {
	if err := m.spend(jsonSteps); err != nil {
		return false, err
	}
	switch {
	case t.kind == '[' && want.kind == '[':
		for _, w := range want.items {
			if ok, err := m.contains(t, w); !ok {
				return false, err
			}
		}
		return true, nil
	case t.kind == '[':
		for _, it := range t.items {
			if ok, err := m.contains(it, want); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case t.kind == '{' && want.kind == '{':
		for i, k := range want.keys {
			v := t.get(k)
			if v == nil {
				return false, nil
			}
			if ok, err := m.contains(v, want.items[i]); !ok {
				return false, err
			}
		}
		return true, nil
	}
	return m.equal(t, want)
}

// equal compares values, not texts: 1 equals 1.0. Documents are in normal form, so that only numbers have several texts.
func (m *meter) equal(a, b *jsonTree) (bool, error) {
	if err := m.spend(jsonSteps + len(a.text)); err != nil || a.kind != b.kind || len(a.items) != len(b.items) {
		return false, err
	}
	if a.kind == '"' || a.kind == 's' {
		return bytes.Equal(a.text, b.text) || a.kind == 's' && types.CompareJSON(a.text, b.text) == 0, nil
	}
	for i, k := range a.keys {
		if !bytes.Equal(k, b.keys[i]) {
			return false, nil
		}
	}
	for i, it := range a.items {
		if same, err := m.equal(it, b.items[i]); !same {
			return false, err
		}
	}
	return true, nil
}

func jsonContainsPath(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	all, err := oneOrAll(c, a[1])
	if err != nil {
		return types.Null, err
	}
	for i := 2; i < len(a); i++ {
		p, err := c.path(i, a[i])
		if err != nil {
			return types.Null, err
		}
		v, err := p.any(env.meter(), t)
		if found := v != nil; err != nil || found != all {
			return types.Bool(found), err
		}
	}
	return types.Bool(all), nil
}

func oneOrAll(c *Call, v types.Value) (all bool, err error) {
	switch strings.ToLower(string(c.text(1, v))) {
	case "one":
		return false, nil
	case "all":
		return true, nil
	}
	return false, mysqlerr.New(mysqlerr.JSONBadOneOrAllArg, c.name)
}

func (m *meter) overlaps(a, b *jsonTree) (bool, error) {
	switch {
	case a.kind == '[' && b.kind == '[':
		for _, x := range a.items {
			if found, err := m.hasElement(b, x); found || err != nil {
				return found, err
			}
		}
		return false, nil
	case a.kind == '[':
		return m.hasElement(a, b)
	case b.kind == '[':
		return m.hasElement(b, a)
	case a.kind == '{' && b.kind == '{':
		for i, k := range a.keys {
			if v := b.get(k); v != nil {
				if same, err := m.equal(v, a.items[i]); same || err != nil {
					return same, err
				}
			}
		}
		return false, nil
	}
	return m.equal(a, b)
}

func (m *meter) hasElement(array, v *jsonTree) (bool, error) {
	for _, it := range array.items {
		if same, err := m.equal(it, v); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func memberOf(c *Call, env *Env, v, array types.Value) (types.Value, error) {
	x, err := c.toTree(env, 0, v)
	if err != nil {
		return types.Null, err
	}
	t, err := c.doc(env, 1, array)
	if err != nil {
		return types.Null, err
	}
	m := env.meter()
	if t.kind != '[' {
		same, err := m.equal(t, x)
		return types.Bool(same), err
	}
	found, err := m.hasElement(t, x)
	return types.Bool(found), err
}

// jsonValue is JSON_VALUE(doc, path): a scalar as text, NULL for none and for arrays and objects.
func jsonValue(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	if t, err = c.at(t, a, 1); err != nil || t == nil || t.isNull() || t.kind == '[' || t.kind == '{' {
		return types.Null, err
	}
	return c.str(t.unquoted()), nil
}
