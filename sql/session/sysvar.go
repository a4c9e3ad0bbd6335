package session

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// scope is where a system variable has a value.
type scope uint8

const (
	scopeSession scope = 1 << iota
	scopeGlobal
	scopeBoth = scopeSession | scopeGlobal
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

// sysvar is one system variable. Values are kept as the text that SHOW VARIABLES prints; "ON" and "OFF" for booleans.
type sysvar struct {
	name     string
	scope    scope
	kind     varKind
	def      string
	min, max uint64   // kindInt and kindUint: outside, MySQL takes the bound with warning 1292
	values   []string // kindEnum and kindSet, in the order of their numbers
	readOnly bool
	nullable bool
	// fixed: the server can't behave otherwise than the default says; another value is refused with 1235.
	fixed bool
	// hint: SET_VAR may change it for one statement.
	hint bool
	// dynamic computes a value that nobody sets, or that the session keeps elsewhere.
	dynamic func(s *Session) string
	// check normalises a value of SET beyond what the kind does.
	check func(s *Session, v string) (string, error)
	// apply makes a session follow a new value.
	apply func(s *Session, v string)
}

var sysvars = map[string]*sysvar{}

// sysvarNames are all names in order, for SHOW VARIABLES.
var sysvarNames []string

func init() {
	for _, group := range [][]*sysvar{sessionVars, performanceVars, globalVars, readOnlyVars} {
		for _, v := range group {
			if sysvars[v.name] != nil {
				panic("session: variable " + v.name + " is defined twice")
			}
			sysvars[v.name] = v
			sysvarNames = append(sysvarNames, v.name)
		}
	}
	slices.Sort(sysvarNames)
}

// lookupVar finds a variable by its name in any case. 1193.
func lookupVar(name string) (*sysvar, error) {
	v := sysvars[name]
	if v == nil {
		v = sysvars[strings.ToLower(name)]
	}
	if v == nil {
		return nil, mysqlerr.New(mysql.ErrUnknownSystemVariable, name)
	}
	return v, nil
}

// normalize checks a value for the variable and gives the text that is kept. isString tells how SET named it.
func (v *sysvar) normalize(s *Session, val types.Value, isString bool) (string, error) {
	if val.IsNull() {
		if v.nullable {
			return "", nil
		}
		return "", v.wrong("NULL")
	}
	text, err := v.convert(s, val, isString)
	if err != nil {
		return "", err
	}
	if v.check != nil {
		if text, err = v.check(s, text); err != nil {
			return "", err
		}
	}
	if v.fixed && !strings.EqualFold(text, v.def) {
		return "", mysqlerr.NotSupported(v.name + " = " + text)
	}
	return text, nil
}

func (v *sysvar) wrong(value string) error {
	return mysqlerr.New(mysql.ErrWrongValueForVar, v.name, value)
}

func (v *sysvar) convert(s *Session, val types.Value, isString bool) (string, error) {
	text := val.Text()
	switch v.kind {
	case kindBool:
		return v.convertBool(text, isString)
	case kindInt, kindUint:
		if isString || val.Kind() == types.KindFloat || val.Kind() == types.KindDecimal {
			return "", mysqlerr.New(mysql.ErrWrongTypeForVar, v.name)
		}
		return v.clip(s, val), nil
	case kindFloat:
		if isString {
			return "", mysqlerr.New(mysql.ErrWrongTypeForVar, v.name)
		}
		return strconv.FormatFloat(val.ToFloat(nil), 'f', 6, 64), nil
	case kindEnum:
		return v.convertEnum(text, isString)
	case kindSet:
		return v.convertSet(text, isString)
	}
	if !isString && (val.Kind() == types.KindInt || val.Kind() == types.KindUint || val.Kind() == types.KindFloat) {
		return "", mysqlerr.New(mysql.ErrWrongTypeForVar, v.name)
	}
	return text, nil
}

func (v *sysvar) convertBool(text string, isString bool) (string, error) {
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
func (v *sysvar) clip(s *Session, val types.Value) string {
	text := val.Text()
	if v.kind == kindInt {
		i, _ := val.ToInt(nil)
		clipped := min(max(i, int64(v.min)), int64(v.max)) //nolint:gosec // bounds are kept as their bits
		s.warnClipped(v.name, text, clipped != i)
		return strconv.FormatInt(clipped, 10)
	}
	if val.Kind() == types.KindInt && val.Int() < 0 {
		s.warnClipped(v.name, text, true)
		return strconv.FormatUint(v.min, 10)
	}
	u, over := val.ToUint(nil)
	clipped := min(max(u, v.min), v.max)
	s.warnClipped(v.name, text, over || clipped != u)
	return strconv.FormatUint(clipped, 10)
}

func (s *Session) warnClipped(name, text string, clipped bool) {
	if clipped {
		s.warn(mysqlerr.Newf(mysql.ErrTruncatedWrongValue, "Truncated incorrect %s value: '%s'", name, text))
	}
}

func (v *sysvar) convertEnum(text string, isString bool) (string, error) {
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

func (v *sysvar) convertSet(text string, isString bool) (string, error) {
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
	boolType   = types.Type{ID: mysql.TypeLonglong, Length: 1, Collation: types.CollationBinary}
	stringType = types.Type{ID: mysql.TypeVarString, Length: 1024, Decimals: 31, Collation: types.CollationDefault}
)

// value gives the text of a variable as the value and type of SELECT @@v.
func (v *sysvar) value(text string) (types.Value, types.Type) {
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

// global is a variable's global value: what SET GLOBAL put into the catalog, or the default.
func (s *Session) global(v *sysvar) string {
	if v.scope&scopeGlobal != 0 && !v.readOnly {
		if text, ok := s.eng.db.Catalog().Setting(v.name); ok {
			return text
		}
	}
	if v.dynamic != nil && (v.readOnly || v.scope == scopeGlobal) {
		return v.dynamic(s)
	}
	return s.eng.defaultOf(v)
}

// variable is a variable's value in the session, or the global one where it has no other.
func (s *Session) variable(v *sysvar) string {
	if v.scope&scopeSession == 0 {
		return s.global(v)
	}
	if v.dynamic != nil {
		return v.dynamic(s)
	}
	if text, ok := s.vars[v.name]; ok {
		return text
	}
	return s.eng.defaultOf(v) // a session's values are seeded from the global ones when it opens
}

// setSession gives a variable a value in this session.
func (s *Session) setSession(v *sysvar, text string) {
	if v.dynamic == nil {
		s.vars[v.name] = text
	}
	if v.apply != nil {
		v.apply(s, text)
	}
}

// seedVars gives a new session the global values.
func (s *Session) seedVars() {
	clear(s.vars)
	for _, name := range sysvarNames {
		v := sysvars[name]
		if v.scope&scopeSession == 0 || v.readOnly {
			continue
		}
		text := s.eng.defaultOf(v)
		if v.scope&scopeGlobal != 0 {
			if g, ok := s.eng.db.Catalog().Setting(name); ok {
				text = g
				if v.dynamic == nil {
					s.vars[name] = g
				}
			}
		}
		if v.apply != nil {
			v.apply(s, text)
		}
	}
}

// atoi reads a number that normalize has checked.
func atoi(text string) int {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return math.MaxInt
	}
	return int(n)
}
