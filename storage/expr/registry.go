package expr

import (
	"slices"
	"strings"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// def is one line of the registry: what New must know of a function, and how it runs. Exactly one of cond, ev, f0, f1,
// f2, fn and lax serves a call; several may be given for calls with different numbers of arguments.
type def struct {
	name     string
	alias    []string
	min, max int // number of arguments; max -1 is any
	class    Class
	once     bool            // of NewOnce
	since    version.Version // 0: V1. A newer function has it even if it never leaves the gateway today
	numbers  places          // arguments that are wanted as numbers (hex.go)
	bytes    places          // and as bytes (charset.go)
	tests    bool            // AND, OR, XOR, NOT: the arguments are conditions (hex.go)
	op       int
	infix    string // operator sign for String
	charges  bool   // takes the room for a large result itself: it may be larger than the arguments
	usesNow  bool   // depends on Env.Now or the session's time zone: Fold waits for execution
	typ      func(c *Call) error
	rewrite  func(args []Expr) (Expr, error) // builds something else instead of a Call of this def
	needed   int                             // of lax: how many arguments, the first, without which there is no result, and no need for the others
	check    func(c *Call) error             // of a decoded call: what prep and the evaluator rely on
	prep     func(c *Call)
	order    func(i int) jsonRole // of evalInOrder
	render   func(c *Call) string

	cond condFunc
	ev   evalFunc
	f0   func(c *Call, env *Env) (types.Value, error)
	f1   func(c *Call, env *Env, a types.Value) (types.Value, error)
	f2   func(c *Call, env *Env, a, b types.Value) (types.Value, error)
	fn   func(c *Call, env *Env, a []types.Value) (types.Value, error) // strict: no NULLs in a
	lax  func(c *Call, env *Env, a []types.Value) (types.Value, error) // a may hold NULLs
}

// registry maps names and aliases to definitions. Filled once by init, read-only after.
var registry = map[string]*def{}

func register(defs []def) {
	for i := range defs {
		d := &defs[i]
		registry[d.name] = d
		d.numbers, d.bytes = numberArgs[d.name], byteArgs[d.name]
		for _, a := range d.alias {
			registry[a] = d
		}
	}
}

func init() {
	for _, family := range [][]def{
		arithDefs, bitDefs, bitBytesDefs, compareDefs, logicDefs, controlDefs, likeDefs, regexpDefs, castDefs,
		stringDefs, stringMoreDefs, hashDefs, mathDefs, timeDefs, timeMoreDefs, intervalDefs, jsonDefs, jsonEditDefs, jsonValueDefs, jsonSchemaDefs, jsonSizeDefs,
		infoDefs, passwordDefs, yearDefs, miscDefs, inetDefs, userLockDefs, unitDefs, localeDefs, aesDefs, xmlDefs, charsetDefs, keySetDefs,
	} {
		register(family)
	}
}

func lookup(name string) *def {
	if d := registry[name]; d != nil {
		return d
	}
	return registry[strings.ToLower(name)]
}

// Names lists every name that New takes, sorted, aliases included.
func Names() []string {
	names := make([]string, 0, len(registry))
	for n := range registry {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Known tells whether New takes name (lower case).
func Known(name string) bool { return registry[name] != nil }

// Arity is the number of arguments that New takes for name; hi is -1 for any.
func Arity(name string) (lo, hi int, ok bool) {
	d := registry[name]
	if d == nil {
		return 0, 0, false
	}
	return d.min, d.max, true
}

// laterFunctions are MySQL's that are refused with 1235 instead of 1305, so that a user knows that the name was right.
var laterFunctions = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`master_pos_wait source_pos_wait wait_for_executed_gtid_set gtid_subset gtid_subtract
		json_table
		ps_thread_id roles_graphml
		point linestring polygon multipoint multilinestring multipolygon geometrycollection mbrcontains mbrwithin
		mbrequals mbrintersects mbroverlaps mbrtouches mbrdisjoint mbrcoveredby mbrcovers`) {
		m[n] = true
	}
	return m
}()

func unknownFunction(name string) error {
	n := strings.ToLower(name)
	if laterFunctions[n] || strings.HasPrefix(n, "st_") {
		return mysqlerr.NotSupported("function " + strings.ToUpper(n))
	}
	return mysqlerr.New(mysqlerr.SpDoesNotExist, "FUNCTION", name)
}

func (d *def) build(args []Expr) (Expr, error) {
	if len(args) < d.min || d.max >= 0 && len(args) > d.max {
		return nil, mysqlerr.New(mysqlerr.WrongParamcountToNativeFct, d.name)
	}
	args = numbers(args, d.numbers)
	if d.tests {
		args = conditions(args)
	}
	if d.bytes != 0 {
		var err error
		if args, err = allBytes(args, d.bytes); err != nil {
			return nil, err
		}
	}
	if d.name != "row" && d.rewrite == nil {
		if err := refuseRows(d, args); err != nil {
			return nil, err
		}
	}
	if d.rewrite != nil {
		e, err := d.rewrite(args)
		if e != nil || err != nil {
			return e, err
		}
		if err := refuseRows(d, args); err != nil {
			return nil, err
		}
	}
	c := &Call{def: d, name: d.name, args: args, coll: collation.Binary, deriv: derivNumeric, ascii: true, op: d.op}
	if d.typ != nil {
		if err := d.typ(c); err != nil {
			return nil, err
		}
	}
	c.prepare()
	return c, nil
}

// refuseRows is 1241 where a row constructor stands for a scalar. Comparison and IN take rows and test for themselves.
func refuseRows(d *def, args []Expr) error {
	if d.name == "in" {
		return nil
	}
	for _, a := range args {
		if isRow(a) {
			return mysqlerr.New(mysqlerr.OperandColumns, 1)
		}
	}
	return nil
}

func isRow(e Expr) bool {
	c, ok := e.(*Call)
	return ok && c.name == "row"
}
