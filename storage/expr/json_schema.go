package expr

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"vitess.io/vitess/go/mysql/icuregex"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// JSON Schema, draft 4, as MySQL has it: no references, no formats, patterns that are none are ignored. The first requirement that a
// document fails, in the order of its text, is reported.

var jsonSchemaDefs = []def{
	{name: "json_schema_valid", min: 2, max: 2, since: version.V2, typ: typeBool, f2: func(c *Call, env *Env, a, b types.Value) (types.Value, error) {
		failed, err := failedSchema(c, env, a, b)
		return types.Bool(failed == nil), err
	}},
	{name: "json_schema_validation_report", min: 2, max: 2, since: version.V2, typ: typeJSON, f2: func(c *Call, env *Env, a, b types.Value) (types.Value, error) {
		failed, err := failedSchema(c, env, a, b)
		if err != nil {
			return types.Null, err
		}
		return failed.report().value(), nil
	}},
}

// failedSchema is the requirement that a document fails; nil of a valid one.
func failedSchema(c *Call, env *Env, schema, document types.Value) (*schemaFailure, error) {
	s, err := c.doc(env, 0, schema)
	if err != nil {
		return nil, err
	}
	if s.kind != '{' {
		return nil, mysqlerr.New(mysqlerr.InvalidJSONType, 1, c.name, "object")
	}
	d, err := c.doc(env, 1, document)
	if err != nil {
		return nil, err
	}
	if refersToSchema(s) {
		return nil, mysqlerr.NotSupported("references in JSON Schema")
	}
	v := &schemaValidator{env: env, meter: env.meter(), patterns: map[string]*icuregex.Pattern{}}
	return v.validate(s, d, nil, nil)
}

func refersToSchema(t *jsonTree) bool {
	if ref := t.get([]byte("$ref")); ref != nil && ref.kind == '"' {
		return true
	}
	return slices.ContainsFunc(t.items, refersToSchema)
}

// schemaFailure says which value failed which requirement of which schema.
type schemaFailure struct {
	keyword          string
	schema, document *jsonPointer
}

func (f *schemaFailure) report() *jsonTree {
	out := &jsonTree{kind: '{'}
	out.set([]byte("valid"), jsonLiteral(strconv.FormatBool(f == nil)))
	if f == nil {
		return out
	}
	schema, document := f.schema.String(), f.document.String()
	text := func(key, value string) { out.set([]byte(key), jsonString([]byte(value))) }
	text("reason", "The JSON document location '"+document+"' failed requirement '"+f.keyword+"' at JSON Schema location '"+schema+"'")
	text("schema-location", schema)
	text("document-location", document)
	text("schema-failed-keyword", f.keyword)
	return out
}

// jsonPointer is a place in a document; nil is its root.
type jsonPointer struct {
	up   *jsonPointer
	part string
}

func (p *jsonPointer) to(part string) *jsonPointer { return &jsonPointer{p, part} }

func (p *jsonPointer) at(i int) *jsonPointer { return p.to(strconv.Itoa(i)) }

// String is the pointer as a URI's fragment.
func (p *jsonPointer) String() string {
	if p == nil {
		return "#"
	}
	b := []byte(p.up.String() + "/")
	for _, c := range []byte(p.part) {
		switch {
		case c == '~':
			b = append(b, "~0"...)
		case c == '/':
			b = append(b, "~1"...)
		case c >= utf8.RuneSelf, !isWordByte(c) && c != '-' && c != '.':
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

const upperHex = "0123456789ABCDEF"

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

type schemaValidator struct {
	env      *Env
	meter    *meter
	patterns map[string]*icuregex.Pattern // nil: none that is valid
}

// place is a schema, and a value that is held to it.
type place struct {
	schema, value    *jsonTree
	atSchema, atItem *jsonPointer
}

func (p *place) failed(keyword string) *schemaFailure {
	return &schemaFailure{keyword, p.atSchema, p.atItem}
}

// keyword is what the schema says under a name; nil for nothing, or something of another kind.
func (p *place) keyword(name string, kinds string) *jsonTree {
	if t := p.schema.get([]byte(name)); t != nil && strings.IndexByte(kinds, t.kind) >= 0 {
		return t
	}
	return nil
}

// limit is a keyword that is a number of things.
func (p *place) limit(name string) (n int, ok bool) {
	t := p.keyword(name, "s")
	if t == nil {
		return 0, false
	}
	u, err := strconv.ParseUint(string(t.text), 10, 32)
	return int(u), err == nil
}

// validate holds a value to a schema. What is no object allows everything.
func (v *schemaValidator) validate(schema, value *jsonTree, atSchema, atItem *jsonPointer) (*schemaFailure, error) {
	if schema == nil || schema.kind != '{' {
		return nil, nil
	}
	if err := v.meter.spend(callSteps); err != nil {
		return nil, err
	}
	p := &place{schema, value, atSchema, atItem}
	for _, check := range []func(*place) (*schemaFailure, error){v.kind, v.content, v.combined} {
		if failed, err := check(p); failed != nil || err != nil {
			return failed, err
		}
	}
	return nil, nil
}

// kind checks "type".
func (v *schemaValidator) kind(p *place) (*schemaFailure, error) {
	wanted := p.schema.get([]byte("type"))
	if wanted == nil {
		return nil, nil
	}
	names := []*jsonTree{wanted}
	if wanted.kind == '[' {
		names = wanted.items
	}
	is := strings.ToLower(p.value.typeName())
	for _, n := range names {
		switch name := string(n.unquoted()); {
		case n.kind != '"':
		case name == is, name == "number" && isJSONNumber(p.value), name == "integer" && is == "unsigned integer":
			return nil, nil
		}
	}
	return p.failed("type"), nil
}

func isJSONNumber(t *jsonTree) bool {
	return t.kind == 's' && (t.text[0] == '-' || t.text[0] >= '0' && t.text[0] <= '9')
}

// content checks what schemas say of values of one kind.
func (v *schemaValidator) content(p *place) (*schemaFailure, error) {
	switch {
	case p.value.kind == '{':
		return v.object(p)
	case p.value.kind == '[':
		return v.array(p)
	case p.value.kind == '"':
		return v.str(p)
	case isJSONNumber(p.value):
		return number(p), nil
	}
	return nil, nil
}

func number(p *place) *schemaFailure {
	outside := func(limit, exclusive string, sign int) bool {
		t := p.keyword(limit, "s")
		if t == nil || !isJSONNumber(t) {
			return false
		}
		c := types.CompareJSON(p.value.text, t.text) * sign
		x := p.keyword(exclusive, "s")
		return c < 0 || c == 0 && x != nil && string(x.text) == "true"
	}
	switch {
	case outside("minimum", "exclusiveMinimum", 1):
		return p.failed("minimum")
	case outside("maximum", "exclusiveMaximum", -1):
		return p.failed("maximum")
	}
	if t := p.keyword("multipleOf", "s"); t != nil && isJSONNumber(t) && !isMultiple(p.value.text, t.text) {
		return p.failed("multipleOf")
	}
	return nil
}

// isMultiple tells whether a number is a multiple of another, which means something if that is positive.
func isMultiple(n, of []byte) bool {
	f, err := strconv.ParseFloat(string(of), 64)
	if err != nil || f <= 0 {
		return true
	}
	digits := strings.TrimPrefix(string(n), "-")
	u, err := strconv.ParseUint(digits, 10, 64)
	m, err2 := strconv.ParseUint(string(of), 10, 64)
	if err == nil && err2 == nil {
		return u%m == 0
	}
	d, _ := strconv.ParseFloat(digits, 64)
	q := math.Floor(d / f)
	return d-float64(q*f) <= 0
}

func (v *schemaValidator) str(p *place) (*schemaFailure, error) {
	text := p.value.unquoted()
	if err := v.meter.spend(len(text)); err != nil {
		return nil, err
	}
	n := utf8.RuneCount(text)
	if limit, ok := p.limit("minLength"); ok && n < limit {
		return p.failed("minLength"), nil
	}
	if limit, ok := p.limit("maxLength"); ok && n > limit {
		return p.failed("maxLength"), nil
	}
	pattern := p.keyword("pattern", "\"")
	if pattern == nil {
		return nil, nil
	}
	if found, err := v.matches(pattern.unquoted(), text, true); !found || err != nil {
		return p.failed("pattern"), err
	}
	return nil, nil
}

// matches tells whether a pattern is found in a text; broken is the answer of one that is none.
func (v *schemaValidator) matches(pattern, text []byte, broken bool) (found bool, err error) {
	if len(pattern) == 0 {
		return true, nil
	}
	p, known := v.patterns[string(pattern)]
	if !known {
		if err := v.env.work(patternSteps(pattern)); err != nil {
			return false, err
		}
		p = compileSchemaPattern(string(pattern))
		v.patterns[string(pattern)] = p
	}
	if p == nil {
		return broken, nil
	}
	if err := v.env.work(regexpSteps); err != nil {
		return false, err
	}
	m := icuregex.NewMatcher(p)
	m.ResetString(string(text))
	return nextMatch(m)
}

// compileSchemaPattern gives nil for what is no pattern.
func compileSchemaPattern(pattern string) *icuregex.Pattern {
	c := &Call{coll: collation.Binary}
	p, err := compileRegexp(c, pattern, "")
	if err != nil {
		return nil
	}
	return p
}

func (v *schemaValidator) object(p *place) (*schemaFailure, error) {
	for i, key := range p.value.keys {
		if failed, err := v.member(p, string(key), p.value.items[i]); failed != nil || err != nil {
			return failed, err
		}
	}
	if required := p.keyword("required", "["); required != nil {
		for _, key := range required.items {
			if key.kind == '"' && p.value.get(key.unquoted()) == nil {
				return p.failed("required"), nil
			}
		}
	}
	if limit, ok := p.limit("minProperties"); ok && len(p.value.items) < limit {
		return p.failed("minProperties"), nil
	}
	if limit, ok := p.limit("maxProperties"); ok && len(p.value.items) > limit {
		return p.failed("maxProperties"), nil
	}
	return v.dependencies(p)
}

// member checks a member of an object by "properties" and "patternProperties", and what is in neither by "additionalProperties".
func (v *schemaValidator) member(p *place, key string, value *jsonTree) (*schemaFailure, error) {
	at, named := p.atItem.to(key), false
	if properties := p.keyword("properties", "{"); properties != nil {
		if schema := properties.get([]byte(key)); schema != nil {
			named = true
			failed, err := v.validate(schema, value, p.atSchema.to("properties").to(key), at)
			if failed != nil || err != nil {
				return failed, err
			}
		}
	}
	if patterns := p.keyword("patternProperties", "{"); patterns != nil {
		for i, pattern := range patterns.keys {
			found, err := v.matches(pattern, []byte(key), false)
			if err != nil {
				return nil, err
			}
			if !found {
				continue
			}
			named = true
			failed, err := v.validate(patterns.items[i], value, p.atSchema.to("patternProperties").to(string(pattern)), at)
			if failed != nil || err != nil {
				return p.failed("patternProperties"), err
			}
		}
	}
	others := p.schema.get([]byte("additionalProperties"))
	switch {
	case named || others == nil:
	case others.kind == '{':
		return v.validate(others, value, p.atSchema.to("additionalProperties"), at)
	case string(others.text) == "false":
		return p.failed("additionalProperties"), nil
	}
	return nil, nil
}

// dependencies checks what members ask for beside them.
func (v *schemaValidator) dependencies(p *place) (*schemaFailure, error) {
	all := p.keyword("dependencies", "{")
	if all == nil {
		return nil, nil
	}
	for i, key := range all.keys {
		if p.value.get(key) == nil {
			continue
		}
		needs := all.items[i]
		if needs.kind == '[' {
			for _, other := range needs.items {
				if other.kind == '"' && p.value.get(other.unquoted()) == nil {
					return p.failed("dependencies"), nil
				}
			}
			continue
		}
		failed, err := v.validate(needs, p.value, p.atSchema.to("dependencies").to(string(key)), p.atItem)
		if failed != nil || err != nil {
			return p.failed("dependencies"), err
		}
	}
	return nil, nil
}

func (v *schemaValidator) array(p *place) (*schemaFailure, error) {
	unique := p.keyword("uniqueItems", "s")
	for i, item := range p.value.items {
		if failed, err := v.element(p, i, item); failed != nil || err != nil {
			return failed, err
		}
		if unique == nil || string(unique.text) != "true" {
			continue
		}
		for _, earlier := range p.value.items[:i] {
			if same, err := v.meter.equal(earlier, item); same || err != nil {
				return p.failed("uniqueItems"), err
			}
		}
	}
	if limit, ok := p.limit("minItems"); ok && len(p.value.items) < limit {
		return p.failed("minItems"), nil
	}
	if limit, ok := p.limit("maxItems"); ok && len(p.value.items) > limit {
		return p.failed("maxItems"), nil
	}
	return nil, nil
}

// element checks an element by "items", one schema or one for each place, and those behind by "additionalItems".
func (v *schemaValidator) element(p *place, i int, item *jsonTree) (*schemaFailure, error) {
	items, at := p.keyword("items", "{["), p.atItem.at(i)
	switch {
	case items == nil:
		return nil, nil
	case items.kind == '{':
		return v.validate(items, item, p.atSchema.to("items"), at)
	case i < len(items.items):
		return v.validate(items.items[i], item, p.atSchema.to("items").at(i), at)
	}
	others := p.schema.get([]byte("additionalItems"))
	switch {
	case others == nil:
	case others.kind == '{':
		return v.validate(others, item, p.atSchema.to("additionalItems"), at)
	case string(others.text) == "false":
		return p.failed("additionalItems"), nil
	}
	return nil, nil
}

// combined checks "enum", "allOf", "anyOf", "oneOf" and "not".
func (v *schemaValidator) combined(p *place) (*schemaFailure, error) {
	if enum := p.keyword("enum", "["); enum != nil && len(enum.items) > 0 {
		if found, err := v.meter.hasElement(enum, p.value); !found || err != nil {
			return p.failed("enum"), err
		}
	}
	for _, c := range []struct {
		keyword string
		holds   func(valid, of int) bool
	}{
		{"allOf", func(valid, of int) bool { return valid == of }},
		{"anyOf", func(valid, _ int) bool { return valid > 0 }},
		{"oneOf", func(valid, _ int) bool { return valid == 1 }},
	} {
		list := p.keyword(c.keyword, "[")
		if list == nil || len(list.items) == 0 {
			continue
		}
		valid := 0
		for i, schema := range list.items {
			failed, err := v.validate(schema, p.value, p.atSchema.to(c.keyword).at(i), p.atItem)
			if err != nil {
				return nil, err
			}
			if failed == nil {
				valid++
			}
		}
		if !c.holds(valid, len(list.items)) {
			return p.failed(c.keyword), nil
		}
	}
	if not := p.keyword("not", "{"); not != nil {
		if failed, err := v.validate(not, p.value, p.atSchema.to("not"), p.atItem); failed == nil || err != nil {
			return p.failed("not"), err
		}
	}
	return nil, nil
}
