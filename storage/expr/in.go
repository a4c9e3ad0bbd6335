package expr

import (
	"slices"
	"strings"
	"sync"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// inSetMin is from how many constants on IN looks its value up in a set instead of comparing with each.
const inSetMin = 5

// inSet holds the constants of an IN list: integers by value, anything else by HashKey.
type inSet struct {
	ints    map[int64]struct{}
	keys    map[string]struct{}
	class   types.Class
	hasNull bool
	items   []Expr   // the list with converted constants, for values of another kind than expected
	legacy  []Expr   // the same as version 1 has it, which differs beside dates and times
	texts   [][]byte // of a short list beside text, where all are text
}

func typeIn(c *Call) error {
	c.typ = types.TypeBool
	c.args = booleansAsJSON(inNumbers(c.args))
	n := len(members(c.args[0]))
	for _, a := range c.args[1:] {
		if len(members(a)) != n {
			return mysqlerr.New(mysqlerr.OperandColumns, n)
		}
	}
	if n > 1 {
		return typeRowIn(c)
	}
	return compareCollation(c)
}

// inNumbers is args where literals are numbers that are compared with numbers: those of the list with the left side, the left
// side with a list of numbers.
func inNumbers(args []Expr) []Expr {
	listed := allArgs &^ 1
	if isNumberClass(args[0].Type().Class()) {
		return numbers(args, listed)
	}
	for _, a := range args[1:] {
		if !isHex(a) && !isNumberClass(a.Type().Class()) {
			return args
		}
	}
	return numbers(args, allArgs)
}

// typeRowIn checks each member's collations by building the comparison that it stands for.
func typeRowIn(c *Call) error {
	for _, a := range c.args[1:] {
		if _, err := New("=", c.args[0], a); err != nil {
			return err
		}
	}
	return nil
}

func prepIn(c *Call) {
	if isRow(c.args[0]) {
		prepRowIn(c)
		return
	}
	s := &inSet{class: c.args[0].Type().Class(), items: slices.Clone(c.args[1:])}
	if s.legacy = s.items; isTemporalClass(s.class) {
		s.legacy = slices.Clone(s.items)
	}
	allConst := true
	for i, a := range c.args[1:] {
		k, ok := a.(*Const)
		if !ok {
			allConst = false
			continue
		}
		k, s.legacy[i] = comparables(k, c.args[0])
		s.items[i] = k
		s.hasNull = s.hasNull || k.Val.IsNull()
	}
	switch {
	case allConst && len(s.items) >= inSetMin:
		s.fill(c.coll)
	case allConst && s.class == types.ClassString:
		s.texts = textsOf(s.items)
	}
	c.aux, c.ev = s, evalIn
}

// fill builds the set where every constant is of the left side's own class, so that equality is equality of keys.
func (s *inSet) fill(coll collation.ID) {
	ints, keys := map[int64]struct{}{}, map[string]struct{}{}
	for _, it := range s.items {
		v := it.(*Const).Val
		switch {
		case v.IsNull():
		case s.class == types.ClassInt && v.Kind() == types.KindInt:
			ints[v.Int()] = struct{}{}
		case s.class == types.ClassString && isStringKind(v.Kind()):
			keys[string(types.HashKey(nil, v, coll))] = struct{}{}
		default:
			return
		}
	}
	if s.class == types.ClassInt {
		s.ints = ints
	} else {
		s.keys = keys
	}
}

// textsOf are the texts of constants; nil where one is none. NULLs are left out.
func textsOf(items []Expr) [][]byte {
	list := make([][]byte, 0, len(items))
	for _, it := range items {
		switch v := it.(*Const).Val; {
		case v.IsNull():
		case !isStringKind(v.Kind()):
			return nil
		default:
			list = append(list, v.Raw())
		}
	}
	return list
}

// keyPool lends room for the key of a value that is looked up.
var keyPool = sync.Pool{New: func() any { return new([]byte) }}

// lookup tells whether v is in the set; known is false where the set cannot tell.
func (s *inSet) lookup(v types.Value, coll collation.ID) (found, known bool) {
	switch {
	case s.ints != nil && v.Kind() == types.KindInt:
		_, found = s.ints[v.Int()]
		return found, true
	case s.texts != nil && isStringKind(v.Kind()):
		text := v.Raw()
		return slices.ContainsFunc(s.texts, func(t []byte) bool { return coll.CompareStrings(text, t) == 0 }), true
	case s.keys != nil && isStringKind(v.Kind()):
		key := keyPool.Get().(*[]byte)
		*key = types.HashKey((*key)[:0], v, coll)
		_, found = s.keys[string(*key)]
		keyPool.Put(key)
		return found, true
	}
	return false, false
}

func evalIn(c *Call, env *Env, row []types.Value) (types.Value, error) {
	v, err := eval(c.args[0], env, row)
	if err != nil || v.IsNull() {
		return types.Null, err
	}
	s := c.aux.(*inSet)
	if found, known := s.lookup(v, c.coll); known {
		if !found && s.hasNull {
			return types.Null, nil
		}
		return types.Bool(found), nil
	}
	items := s.items
	if env.Mode.Legacy {
		items = s.legacy
	}
	sawNull := false
	for _, it := range items {
		w, err := eval(it, env, row)
		if err != nil {
			return types.Null, err
		}
		if w.IsNull() {
			sawNull = true
			continue
		}
		if v.Kind() == types.KindInt && w.Kind() == types.KindInt {
			if v.Int() == w.Int() {
				return types.Int(1), nil
			}
			continue
		}
		cmp, err := compareValues(env, v, besideTime(it, w, c.args[0], v.Kind()), c.coll)
		if err != nil {
			return types.Null, err
		}
		if cmp == 0 {
			return types.Int(1), nil
		}
	}
	if sawNull {
		return types.Null, nil
	}
	return types.Int(0), nil
}

// prepRowIn keeps one equality per row of the list.
func prepRowIn(c *Call) {
	var eqs []Expr
	for _, a := range c.args[1:] {
		e, err := New("=", c.args[0], a)
		if err != nil {
			c.ev = func(*Call, *Env, []types.Value) (types.Value, error) { return types.Null, err }
			return
		}
		eqs = append(eqs, e)
	}
	c.aux = eqs
	c.ev = evalRowIn
}

func evalRowIn(c *Call, env *Env, row []types.Value) (types.Value, error) {
	sawNull := false
	for _, e := range c.aux.([]Expr) {
		v, err := eval(e, env, row)
		if err != nil {
			return types.Null, err
		}
		if v.IsNull() {
			sawNull = true
		} else if v.Int() != 0 {
			return types.Int(1), nil
		}
	}
	if sawNull {
		return types.Null, nil
	}
	return types.Int(0), nil
}

func renderIn(c *Call) string {
	var b strings.Builder
	b.WriteString("(" + c.args[0].String() + " in (")
	writeArgs(&b, c.args[1:])
	b.WriteString("))")
	return b.String()
}
