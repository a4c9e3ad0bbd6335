package expr

import (
	"slices"
	"unicode/utf8"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Building and changing JSON documents.

// What JSON_SET and kin may do at a path, in def.op.
const (
	jsonMayReplace = 1 << iota
	jsonMayInsert
)

var jsonEditDefs = []def{
	{name: "json_array", min: 0, max: -1, typ: typeOfElements, lax: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		out := &jsonTree{kind: '['}
		for i, v := range a {
			t, err := c.toTree(env, i, v)
			if err != nil {
				return types.Null, err
			}
			out.items = append(out.items, t)
		}
		return out.value(), nil
	}},
	{name: "json_object", min: 0, max: -1, typ: func(c *Call) error {
		if len(c.args)%2 != 0 {
			return mysqlerr.New(mysqlerr.WrongParamcountToNativeFct, c.name)
		}
		return typeOfElements(c)
	}, check: func(c *Call) error {
		if len(c.args)%2 != 0 {
			return errBadExpr
		}
		return nil
	}, lax: jsonObject},
	{name: "json_set", min: 3, max: -1, op: jsonMayReplace | jsonMayInsert, typ: typePathPairs, check: checkPathPairs,
		prep: prepEveryPath(1, -1, 2), ev: evalInOrder, order: pathPairs, lax: jsonSet},
	{name: "json_insert", min: 3, max: -1, op: jsonMayInsert, typ: typePathPairs, check: checkPathPairs,
		prep: prepEveryPath(1, -1, 2), ev: evalInOrder, order: pathPairs, lax: jsonSet},
	{name: "json_replace", min: 3, max: -1, op: jsonMayReplace, typ: typePathPairs, check: checkPathPairs,
		prep: prepEveryPath(1, -1, 2), ev: evalInOrder, order: pathPairs, lax: jsonSet},
	{name: "json_array_append", min: 3, max: -1, typ: typePathPairs, check: checkPathPairs,
		prep: prepEveryPath(1, -1, 2), ev: evalInOrder, order: pathPairs, lax: jsonArrayAppend},
	{name: "json_array_insert", min: 3, max: -1, typ: typePathPairs, check: checkPathPairs, prep: prepEveryPath(1, -1, 2), ev: evalInOrder, order: pathPairs, lax: jsonArrayInsert},
	{name: "json_remove", min: 2, max: -1, typ: typeJSON, prep: prepPaths(1, -1), ev: evalInOrder, order: leading(roleDoc, rolePlain), fn: jsonRemove},
	{name: "json_merge_patch", min: 2, max: -1, typ: typeJSON, ev: evalInOrder, order: leading(rolePatch), lax: jsonMergePatch},
	{name: "json_merge_preserve", alias: []string{"json_merge"}, min: 2, max: -1, typ: typeJSON, ev: evalInOrder, order: leading(roleDoc), fn: jsonMergePreserve},
}

func typePathPairs(c *Call) error {
	if len(c.args)%2 == 0 {
		return mysqlerr.New(mysqlerr.WrongParamcountToNativeFct, c.name)
	}
	return typeOfElements(c)
}

func checkPathPairs(c *Call) error {
	if len(c.args)%2 == 0 {
		return errBadExpr
	}
	return nil
}

func jsonObject(c *Call, env *Env, a []types.Value) (types.Value, error) {
	out := &jsonTree{kind: '{'}
	for i := 0; i < len(a); i += 2 {
		if a[i].IsNull() {
			return types.Null, mysqlerr.New(mysqlerr.JSONDocumentNullKey)
		}
		key, err := memberName(env, c.text(i, a[i]))
		if err != nil {
			return types.Null, err
		}
		v, err := c.toTree(env, i+1, a[i+1])
		if err != nil {
			return types.Null, err
		}
		out.set(key, v)
	}
	return out.value(), nil
}

// memberName refuses bytes that are no characters.
func memberName(env *Env, key []byte) ([]byte, error) {
	if !utf8.Valid(key) && !env.Mode.Legacy {
		return nil, mysqlerr.New(mysqlerr.InvalidJSONCharset, "binary")
	}
	return key, nil
}

// edit runs change for each pair of path and value. NULL as document or path makes NULL.
func (c *Call) edit(env *Env, a []types.Value, change func(t *jsonTree, p *jsonPath, v *jsonTree) (*jsonTree, error)) (types.Value, error) {
	if a[0].IsNull() {
		return types.Null, nil
	}
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	for i := 1; i < len(a); i += 2 {
		if a[i].IsNull() {
			return types.Null, nil
		}
		p, err := c.plainPath(i, a[i])
		if err != nil {
			return types.Null, err
		}
		v, err := c.toTree(env, i+1, a[i+1])
		if err != nil {
			return types.Null, err
		}
		if t, err = change(t, p, v); err != nil {
			return types.Null, err
		}
	}
	return t.value(), nil
}

func jsonSet(c *Call, env *Env, a []types.Value) (types.Value, error) {
	return c.edit(env, a, func(t *jsonTree, p *jsonPath, v *jsonTree) (*jsonTree, error) {
		if old := p.one(t); old != nil {
			if c.op&jsonMayReplace != 0 {
				*old = *v
			}
			return t, nil
		}
		if c.op&jsonMayInsert != 0 && len(p.legs) > 0 {
			p.insert(t, v)
		}
		return t, nil
	})
}

// insert adds v where the last leg leads to nothing and the legs before lead somewhere.
func (p *jsonPath) insert(t *jsonTree, v *jsonTree) {
	last := p.legs[len(p.legs)-1]
	parent := (&jsonPath{legs: p.legs[:len(p.legs)-1]}).one(t)
	switch {
	case parent == nil:
	case last.kind == legMember && parent.kind == '{':
		parent.set(last.key, v)
	case last.kind == legCell:
		if parent.kind != '[' { // a scalar becomes an array of itself and the new value
			old := *parent
			*parent = jsonTree{kind: '[', items: []*jsonTree{&old}}
		}
		if i := last.from.index(len(parent.items)); i < 0 {
			parent.items = slices.Insert(parent.items, 0, v)
		} else {
			parent.items = append(parent.items, v)
		}
	}
}

func jsonArrayAppend(c *Call, env *Env, a []types.Value) (types.Value, error) {
	return c.edit(env, a, func(t *jsonTree, p *jsonPath, v *jsonTree) (*jsonTree, error) {
		at := p.one(t)
		switch {
		case at == nil:
		case at.kind == '[':
			at.items = append(at.items, v)
		default:
			old := *at
			*at = jsonTree{kind: '[', items: []*jsonTree{&old, v}}
		}
		return t, nil
	})
}

func jsonArrayInsert(c *Call, env *Env, a []types.Value) (types.Value, error) {
	return c.edit(env, a, func(t *jsonTree, p *jsonPath, v *jsonTree) (*jsonTree, error) {
		if len(p.legs) == 0 || p.legs[len(p.legs)-1].kind != legCell {
			return nil, mysqlerr.New(mysqlerr.InvalidJSONPathArrayCell)
		}
		last := p.legs[len(p.legs)-1]
		parent := (&jsonPath{legs: p.legs[:len(p.legs)-1]}).one(t)
		if parent == nil || parent.kind != '[' {
			return t, nil
		}
		i := min(max(last.from.index(len(parent.items)), 0), len(parent.items))
		parent.items = slices.Insert(parent.items, i, v)
		return t, nil
	})
}

func jsonRemove(c *Call, env *Env, a []types.Value) (types.Value, error) {
	t, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	for i := 1; i < len(a); i++ {
		p, err := c.plainPath(i, a[i])
		if err != nil {
			return types.Null, err
		}
		if len(p.legs) == 0 {
			return types.Null, mysqlerr.New(mysqlerr.JSONVacuousPath)
		}
		last := p.legs[len(p.legs)-1]
		parent := (&jsonPath{legs: p.legs[:len(p.legs)-1]}).one(t)
		switch {
		case parent == nil:
		case last.kind == legMember && parent.kind == '{':
			if i, ok := parent.find(last.key); ok {
				parent.removeAt(i)
			}
		case last.kind == legCell && parent.kind == '[':
			if i := last.from.index(len(parent.items)); i >= 0 && i < len(parent.items) {
				parent.removeAt(i)
			}
		}
	}
	return t.value(), nil
}

// jsonMergePatch is RFC 7396: members of later documents replace those of earlier ones, null removes. A NULL document
// makes NULL of what came before it; a later one that is no object starts anew.
func jsonMergePatch(c *Call, env *Env, a []types.Value) (types.Value, error) {
	var out *jsonTree
	for i, v := range a {
		if v.IsNull() {
			out = nil
			continue
		}
		t, err := c.doc(env, i, v)
		if err != nil {
			return types.Null, err
		}
		if i == 0 {
			out = t
			continue
		}
		if out == nil && t.kind == '{' {
			continue // an object merged into an unknown one is unknown
		}
		out = mergePatch(out, t)
	}
	if out == nil {
		return types.Null, nil
	}
	return out.value(), nil
}

func mergePatch(t, patch *jsonTree) *jsonTree {
	if patch.kind != '{' {
		return patch
	}
	if t == nil || t.kind != '{' {
		t = &jsonTree{kind: '{'}
	}
	for i, k := range patch.keys {
		v := patch.items[i]
		if v.isNull() {
			if at, ok := t.find(k); ok {
				t.removeAt(at)
			}
			continue
		}
		t.set(k, mergePatch(t.get(k), v))
	}
	return t
}

func jsonMergePreserve(c *Call, env *Env, a []types.Value) (types.Value, error) {
	out, err := c.doc(env, 0, a[0])
	if err != nil {
		return types.Null, err
	}
	for i, v := range a[1:] {
		t, err := c.doc(env, i+1, v)
		if err != nil {
			return types.Null, err
		}
		out = mergePreserve(out, t)
	}
	return out.value(), nil
}

func mergePreserve(a, b *jsonTree) *jsonTree {
	if a.kind == '{' && b.kind == '{' {
		for i, k := range b.keys {
			if old := a.get(k); old != nil {
				a.set(k, mergePreserve(old, b.items[i]))
			} else {
				a.set(k, b.items[i])
			}
		}
		return a
	}
	out := &jsonTree{kind: '['}
	for _, t := range []*jsonTree{a, b} {
		if t.kind == '[' {
			out.items = append(out.items, t.items...)
		} else {
			out.items = append(out.items, t)
		}
	}
	return out
}
