package sysvar

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Scope is where a system variable has a value.
type Scope uint8

// The scopes.
const (
	Session Scope = 1 << iota
	Global
	Both = Session | Global
)

// varKind is how a variable's value is checked and how SELECT @@v shows it.
type varKind uint8

const (
	kindString varKind = iota
	kindBool
	kindInt
	kindUint
	kindFloat
	kindEnum
	kindSet
)

// Variable is one system variable. Values are kept as the text that SHOW VARIABLES prints; "ON" and "OFF" for booleans.
type Variable struct {
	Name     string
	Scope    Scope
	kind     varKind
	def      string
	min, max uint64   // of numbers: outside, MySQL takes the bound with warning 1292; of floats none where max is 0
	block    uint64   // kindUint: values are multiples of it, 0: any; others are rounded down, with the same warning
	values   []string // kindEnum and kindSet, in the order of their numbers
	ReadOnly bool
	Effect   Effect
	Why      string // it has that effect
	// Component is the one that brings the variable, "" for none.
	Component string
	nullable  bool
	// fixed: the server can't behave otherwise than the default says; another value is refused with 1235.
	fixed bool
	// numbered: of a text, SET may give its number; of a character set that is one of its collations'.
	numbered bool
	// hint: SET_VAR may change it for one statement.
	hint bool
	// live: the server or the session knows the value (Values.Live), and nobody sets it.
	live bool
	// get computes the value from what a session has of it in another form.
	get func(v *Values) string
	// check normalises a value of SET beyond what the kind does.
	check func(text string) (string, error)
	// pair is a variable that is set with this one, to what pairValue makes of the value.
	pair      string
	pairValue func(text string) string
	// apply makes a session follow a new value.
	apply func(v *Values, text string)
}

var byName = map[string]*Variable{}

// all is every variable, in the order of their names.
var all []*Variable

func init() {
	for _, g := range slices.Concat(groups, others()) {
		for _, v := range g.vars {
			v.Effect, v.Why = g.effect, g.why
			if byName[v.Name] != nil {
				panic("sysvar: variable " + v.Name + " is defined twice")
			}
			byName[v.Name] = v
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b *Variable) int { return cmp.Compare(a.Name, b.Name) })
}

// All gives every variable that there is, in the order of their names; with those of all components for a nil catalog.
func All(c *catalog.Snapshot) []*Variable {
	if Installed(c, ValidatePassword) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(v *Variable) bool { return v.Component != "" })
}

// Lookup finds a variable by its name in any case; those of all components for a nil catalog. 1193.
func Lookup(c *catalog.Snapshot, name string) (*Variable, error) {
	v := byName[name]
	if v == nil {
		v = byName[strings.ToLower(name)]
	}
	if v == nil || !Installed(c, v.Component) {
		return nil, mysqlerr.New(mysqlerr.UnknownSystemVariable, name)
	}
	return v, nil
}

// Normalize checks a value for the variable and gives the text that is kept. isString tells how SET named it; warn takes 1292 for a
// number beyond the bounds. 1231, 1232, 1235, and what check says.
func (v *Variable) Normalize(val types.Value, isString bool, warn func(*mysqlerr.Error)) (string, error) {
	if val.IsNull() {
		if v.nullable {
			return "", nil
		}
		return "", v.wrong("NULL")
	}
	text, err := v.convert(val, isString, warn)
	if err != nil {
		return "", err
	}
	if v.check != nil {
		if text, err = v.check(text); err != nil {
			return "", err
		}
	}
	if v.fixed && !strings.EqualFold(text, v.def) {
		return "", mysqlerr.NotSupported(v.Name + " = " + text)
	}
	return text, nil
}

// Hint is Normalize of what SET_VAR gives a variable for one statement; the parser does not tell whether a value was quoted. 3637.
func (v *Variable) Hint(text string, warn func(*mysqlerr.Error)) (string, error) {
	if !v.hint {
		return "", mysqlerr.New(mysqlerr.NotHintUpdatable, v.Name)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v.Normalize(types.Int(n), false, warn)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return v.Normalize(types.Uint(n), false, warn)
	}
	return v.Normalize(types.Str(text), true, warn)
}

// Bounds are the least and the greatest value of a number, "0" of anything else.
func (v *Variable) Bounds() (least, greatest string) {
	if v.kind != kindInt && v.kind != kindUint {
		return "0", "0"
	}
	return strconv.FormatUint(v.min, 10), strconv.FormatUint(v.max, 10)
}

func (v *Variable) wrong(value string) error {
	return mysqlerr.New(mysqlerr.WrongValueForVar, v.Name, value)
}

func (v *Variable) convert(val types.Value, isString bool, warn func(*mysqlerr.Error)) (string, error) {
	text := val.Text()
	if fraction := !isString && (val.Kind() == types.KindFloat || val.Kind() == types.KindDecimal); fraction && v.kind != kindFloat {
		return "", mysqlerr.New(mysqlerr.WrongTypeForVar, v.Name)
	}
	switch v.kind {
	case kindBool:
		return v.convertBool(text, isString)
	case kindInt, kindUint:
		if isString {
			return "", mysqlerr.New(mysqlerr.WrongTypeForVar, v.Name)
		}
		return v.clip(val, warn), nil
	case kindFloat:
		if isString {
			return "", mysqlerr.New(mysqlerr.WrongTypeForVar, v.Name)
		}
		return strconv.FormatFloat(v.bounded(val, warn), 'f', 6, 64), nil
	case kindEnum:
		return v.convertEnum(text, isString)
	case kindSet:
		return v.convertSet(text, isString)
	}
	if !isString && !v.numbered && (val.Kind() == types.KindInt || val.Kind() == types.KindUint) {
		return "", mysqlerr.New(mysqlerr.WrongTypeForVar, v.Name)
	}
	return text, nil
}

// bounded brings a float into the variable's range.
func (v *Variable) bounded(val types.Value, warn func(*mysqlerr.Error)) float64 {
	f := val.ToFloat(nil)
	if v.max == 0 {
		return f
	}
	clipped := min(max(f, float64(v.min)), float64(v.max))
	v.warnClipped(warn, val.Text(), clipped != f)
	return clipped
}

func (v *Variable) convertBool(text string, isString bool) (string, error) {
	switch strings.ToUpper(text) {
	case "ON", "TRUE":
		if isString {
			return "ON", nil
		}
	case "OFF", "FALSE":
		if isString {
			return "OFF", nil
		}
	case "1":
		return "ON", nil
	case "0":
		return "OFF", nil
	}
	return "", v.wrong(text)
}

// clip brings a number into the variable's range; MySQL warns of that with 1292.
func (v *Variable) clip(val types.Value, warn func(*mysqlerr.Error)) string {
	text := val.Text()
	if v.kind == kindInt {
		i, _ := val.ToInt(nil)
		clipped := min(max(i, int64(v.min)), int64(v.max)) //nolint:gosec // bounds are kept as their bits
		v.warnClipped(warn, text, clipped != i)
		return strconv.FormatInt(clipped, 10)
	}
	if val.Kind() == types.KindInt && val.Int() < 0 {
		v.warnClipped(warn, text, true)
		return strconv.FormatUint(v.min, 10)
	}
	u, over := val.ToUint(nil)
	clipped := min(u, v.max)
	if v.block > 0 {
		clipped -= clipped % v.block
	}
	clipped = max(clipped, v.min)
	v.warnClipped(warn, text, over || clipped != u)
	return strconv.FormatUint(clipped, 10)
}

func (v *Variable) warnClipped(warn func(*mysqlerr.Error), text string, clipped bool) {
	if clipped {
		warn(mysqlerr.New(mysqlerr.TruncatedWrongValue, v.Name, text))
	}
}

func (v *Variable) convertEnum(text string, isString bool) (string, error) {
	if !isString {
		if i, err := strconv.Atoi(text); err == nil && i >= 0 && i < len(v.values) {
			return v.values[i], nil
		}
		return "", v.wrong(text)
	}
	for _, o := range v.values {
		if strings.EqualFold(o, text) {
			return o, nil
		}
	}
	return "", v.wrong(text)
}

func (v *Variable) convertSet(text string, isString bool) (string, error) {
	var mask uint64
	if !isString {
		m, err := strconv.ParseUint(text, 10, 64)
		if err != nil || m >= 1<<len(v.values) {
			return "", v.wrong(text)
		}
		mask = m
	} else {
		for _, w := range strings.Split(text, ",") {
			if w = strings.TrimSpace(w); w == "" {
				continue
			}
			i := slices.IndexFunc(v.values, func(o string) bool { return strings.EqualFold(o, w) })
			if i < 0 {
				return "", v.wrong(w)
			}
			mask |= 1 << i
		}
	}
	var words []string
	for i, o := range v.values {
		if mask&(1<<i) != 0 {
			words = append(words, o)
		}
	}
	return strings.Join(words, ","), nil
}

var (
	boolType   = types.Type{ID: mysql.TypeLonglong, Length: 1, Collation: collation.Binary}
	stringType = types.Type{ID: mysql.TypeVarString, Length: 1024, Decimals: 31, Collation: collation.UTF8MB3}
)

// Value gives the text of a variable as the value and type of SELECT @@v.
func (v *Variable) Value(text string) (types.Value, types.Type) {
	switch v.kind {
	case kindBool:
		return types.Bool(text == "ON"), boolType
	case kindInt:
		i, _ := strconv.ParseInt(text, 10, 64)
		return types.Int(i), types.TypeInt
	case kindUint:
		u, _ := strconv.ParseUint(text, 10, 64)
		return types.Uint(u), types.TypeUint
	case kindFloat:
		f, _ := strconv.ParseFloat(text, 64)
		t := types.TypeDouble
		t.Decimals = 6
		return types.Float(f), t
	}
	if text == "" && v.nullable {
		return types.Null, stringType
	}
	return types.Str(text), stringType
}

// Pair is the variable that is set with this one, and its value; "" for none, or for a value that leaves the other as it is.
func (v *Variable) Pair(text string) (name, value string) {
	if v.pair == "" {
		return "", ""
	}
	if value = v.pairValue(text); value == "" {
		return "", ""
	}
	return v.pair, value
}

// Settable refuses what can't be set in a scope. 1238, 1228, 1229.
func (v *Variable) Settable(global bool) error {
	switch {
	case v.ReadOnly:
		return mysqlerr.New(mysqlerr.IncorrectGlobalLocalVar, v.Name, "read only")
	case global && v.Scope&Global == 0:
		return mysqlerr.New(mysqlerr.LocalVariable, v.Name)
	case !global && v.Scope&Session == 0:
		return mysqlerr.New(mysqlerr.GlobalVariable, v.Name)
	case !global && (v.Name == "max_allowed_packet" || v.Name == "net_buffer_length" || v.Name == "max_user_connections"):
		return mysqlerr.New(mysqlerr.VariableIsReadonly, "SESSION", v.Name, "GLOBAL")
	}
	return nil
}

// Int reads a number that Normalize has checked.
func Int(text string) int {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return math.MaxInt
	}
	return int(n)
}
