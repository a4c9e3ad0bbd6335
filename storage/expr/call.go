package expr

import (
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"cloudsql/storage/collation"
	"cloudsql/storage/limits"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Call is an operator or function applied to arguments: the only inner node of a tree. Callers look into it with Name
// and Args and never change it.
type Call struct {
	def  *def
	name string
	args []Expr
	typ  types.Type

	// coll is the collation that the call compares strings under; typ.Collation is that of its result.
	coll  collation.ID
	deriv derivation // coercibility of a string result
	ascii bool       // the result cannot hold but ASCII, so that it converts to any character set
	// connection: the result is text in the connection's character set, whatever the arguments are; see Typing.
	connection bool

	ev        evalFunc
	unchecked evalFunc // of evalChecked
	// cond, where there is one, decides a condition without making a value of it; ev is evalCond then.
	cond condFunc
	// What prepare found out once for all rows; of no meaning to the tree's shape.
	col    int         // Index of the column argument of a specialised evaluator
	k      types.Value // constant argument of a specialised evaluator
	exact  *exact      // how it is computed of small exact numbers; nil: in the general way only
	aux    any         // IN set, compiled pattern, JSON path, unit, …
	op     int         // which of a family's operators this is
	custom func(env *Env, args []types.Value) (types.Value, error)
}

type condFunc func(c *Call, env *Env, row []types.Value) (tri, error)

type evalFunc func(c *Call, env *Env, row []types.Value) (types.Value, error)

// Name is the name that New knows the call by; aliases have become the main name ("!=" is "<>"). What NewFunc built is
// called "custom".
func (c *Call) Name() string { return c.name }

// Args are the arguments. They must not be changed.
func (c *Call) Args() []Expr { return c.args }

// Class is the function's own class, whatever its arguments are.
func (c *Call) Class() Class { return c.def.class }

// Custom tells of a call that NewFunc built: two of them are never the same.
func (c *Call) Custom() bool { return c.custom != nil }

// Collation is the one that the call compares strings under.
func (c *Call) Collation() collation.ID { return c.coll }

// Type is the static result type.
func (c *Call) Type() *types.Type { return &c.typ }

// Eval computes the call.
func (c *Call) Eval(env *Env, row []types.Value) (types.Value, error) { return c.ev(c, env, row) }

// eval is e.Eval without the indirect call for the commonest nodes.
func eval(e Expr, env *Env, row []types.Value) (types.Value, error) {
	switch e := e.(type) {
	case *Column:
		return row[e.Index], nil
	case *Const:
		return e.Val, nil
	case *Call:
		return e.ev(e, env, row)
	case *Param:
		if uint(e.Index) < uint(len(env.Params)) {
			return env.Params[e.Index], nil
		}
	}
	return e.Eval(env, row)
}

// The evaluators of strict functions: NULL when an argument is NULL, evaluated left to right.

func evalStrict0(c *Call, env *Env, _ []types.Value) (types.Value, error) { return c.def.f0(c, env) }

func evalStrict1(c *Call, env *Env, row []types.Value) (types.Value, error) {
	a, err := eval(c.args[0], env, row)
	if err != nil || a.IsNull() {
		return types.Null, err
	}
	if len(a.Raw()) >= memory.ValueBytes {
		return c.large(env, func() (types.Value, error) { return c.def.f1(c, env, a) }, a)
	}
	v, err := c.def.f1(c, env, a)
	if len(v.Raw()) > smallResult {
		return c.bounded(env, v, err, a)
	}
	return v, err
}

// smallResult is what no max_allowed_packet refuses, in bytes.
const smallResult = 1024

// bounded makes NULL of a result that is larger than max_allowed_packet, with warning 1301, and counts it against the
// Budget: the one place for all functions. Those that could build much more look before they build, too (tooLong).
func (c *Call) bounded(env *Env, v types.Value, err error, args ...types.Value) (types.Value, error) {
	if err != nil || env.Mode.Legacy {
		return v, err
	}
	n := len(v.Raw())
	if n > env.maxPacket() {
		return tooLong(c, env)
	}
	if v, err = c.spent(env, v); err != nil {
		return v, err
	}
	if n >= memory.ValueBytes && !c.def.charges && !isPartOf(v.Raw(), args) {
		if err := env.Memory.Value(v.Raw()); err != nil {
			return types.Null, err
		}
	}
	return v, nil
}

// spent counts a result against the Budget.
func (c *Call) spent(env *Env, v types.Value) (types.Value, error) {
	if b := env.Budget; b != nil {
		if b.Bytes -= len(v.Raw()); b.Bytes < 0 {
			return types.Null, mysqlerr.Newf(mysqlerr.CapacityExceeded,
				"Memory capacity of %d bytes for '%s' exceeded. The statement's expressions build too much.", limits.EvalBytes, c.name)
		}
	}
	return v, nil
}

// large calls f, whose arguments are large, when there is room for a result like them, be it twice as large. Functions whose result
// may be larger still ask for room themselves (def.charges).
func (c *Call) large(env *Env, f func() (types.Value, error), args ...types.Value) (types.Value, error) {
	if env.Memory == nil || env.Mode.Legacy || c.def.charges {
		v, err := f()
		if len(v.Raw()) > smallResult {
			return c.bounded(env, v, err, args...)
		}
		return v, err
	}
	room, err := env.Memory.Room(min(2*rawBytes(args), env.maxPacket()))
	if err != nil {
		return types.Null, err
	}
	defer room.Done()
	v, err := f()
	switch n := len(v.Raw()); {
	case n <= smallResult || err != nil:
		return v, err
	case n > env.maxPacket() || isPartOf(v.Raw(), args):
		return c.bounded(env, v, nil, args...)
	}
	if err := room.Keep(env.Memory, v.Raw()); err != nil {
		return types.Null, err
	}
	return c.spent(env, v)
}

// keep makes a value of b, which room was taken for.
func (c *Call) keep(env *Env, room *memory.Room, b []byte) (types.Value, error) {
	if err := room.Keep(env.Memory, b); err != nil {
		return types.Null, err
	}
	return c.str(b), nil
}

// isPartOf tells whether b lies in an argument, as SUBSTRING's result does: it is charged already, or not of the heap.
func isPartOf(b []byte, args []types.Value) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for i := range args {
		a := args[i].Raw()
		if from := uintptr(unsafe.Pointer(unsafe.SliceData(a))); at >= from && at < from+uintptr(len(a)) {
			return true
		}
	}
	return false
}

func evalStrict2(c *Call, env *Env, row []types.Value) (types.Value, error) {
	a, err := eval(c.args[0], env, row)
	if err != nil || a.IsNull() {
		return types.Null, err
	}
	b, err := eval(c.args[1], env, row)
	if err != nil || b.IsNull() {
		return types.Null, err
	}
	if len(a.Raw())+len(b.Raw()) >= memory.ValueBytes {
		return c.large(env, func() (types.Value, error) { return c.def.f2(c, env, a, b) }, a, b)
	}
	v, err := c.def.f2(c, env, a, b)
	if len(v.Raw()) > smallResult {
		return c.bounded(env, v, err, a, b)
	}
	return v, err
}

// argPool lends calls of many arguments room for their values: nothing of an evaluation is kept in the Env, which
// concurrent readers may share.
var argPool = sync.Pool{New: func() any { s := make([]types.Value, 0, 8); return &s }}

// gather evaluates all arguments into a lent slice, which release gives back; nobody may keep it. A NULL among
// the first needed ones ends it, and gives nil.
func (c *Call) gather(env *Env, row []types.Value, needed int) (*[]types.Value, error) {
	lent := argPool.Get().(*[]types.Value)
	vals := (*lent)[:0]
	for i, a := range c.args {
		v, err := eval(a, env, row)
		if err != nil || i < needed && v.IsNull() {
			*lent = vals
			release(lent)
			return nil, err
		}
		vals = append(vals, v)
	}
	*lent = vals
	return lent, nil
}

func release(lent *[]types.Value) {
	clear(*lent) // so that the pool keeps no row alive
	argPool.Put(lent)
}

func evalStrictN(c *Call, env *Env, row []types.Value) (types.Value, error) {
	vals, err := c.gather(env, row, len(c.args))
	if vals == nil {
		return types.Null, err
	}
	v, err := c.evalMany(env, c.def.fn, *vals)
	release(vals)
	return v, err
}

func (c *Call) evalMany(env *Env, f func(c *Call, env *Env, a []types.Value) (types.Value, error), a []types.Value) (types.Value, error) {
	if rawBytes(a) >= memory.ValueBytes {
		return c.large(env, func() (types.Value, error) { return f(c, env, a) }, a...)
	}
	v, err := f(c, env, a)
	if len(v.Raw()) > smallResult {
		return c.bounded(env, v, err, a...)
	}
	return v, err
}

func rawBytes(vals []types.Value) (n int) {
	for i := range vals {
		n += len(vals[i].Raw())
	}
	return n
}

// evalLax evaluates all arguments and leaves NULLs to the function, but for those without which there is no result.
func evalLax(c *Call, env *Env, row []types.Value) (types.Value, error) {
	needed := c.def.needed
	if env.Mode.Legacy {
		needed = 0
	}
	vals, err := c.gather(env, row, needed)
	if vals == nil {
		return types.Null, err
	}
	v, err := c.evalMany(env, c.def.lax, *vals)
	release(vals)
	return v, err
}

// oneByOne gives the arguments as they are asked for, to a function that stops at the one that decides. done is called behind the last one.
func oneByOne(c *Call, env *Env, row []types.Value) (arg func(i int) (types.Value, error), done func(), err error) {
	if !env.Mode.Legacy {
		return func(i int) (types.Value, error) { return eval(c.args[i], env, row) }, func() {}, nil
	}
	vals, err := c.gather(env, row, 0)
	if vals == nil {
		return nil, nil, err
	}
	return func(i int) (types.Value, error) { return (*vals)[i], nil }, func() { release(vals) }, nil
}

func evalCustom(c *Call, env *Env, row []types.Value) (types.Value, error) {
	vals, err := c.gather(env, row, 0)
	if vals == nil {
		return types.Null, err
	}
	v, err := c.custom(env, *vals)
	release(vals)
	return v, err
}

// prepare chooses the evaluator for the arguments as they are now. It runs after New, Decode and Rewrite alike, and
// never changes typ or coll.
func (c *Call) prepare() {
	d := c.def
	c.aux, c.exact, c.ev, c.cond = nil, nil, nil, d.cond
	c.op = d.op
	switch {
	case d.cond != nil:
		c.ev = evalCond
	case d.ev != nil:
		c.ev = d.ev
	case d.f0 != nil && len(c.args) == 0:
		c.ev = evalStrict0
	case d.f1 != nil && len(c.args) == 1:
		c.ev = evalStrict1
	case d.f2 != nil && len(c.args) == 2:
		c.ev = evalStrict2
	case d.fn != nil:
		c.ev = evalStrictN
	case d.lax != nil:
		c.ev = evalLax
	default:
		c.ev = evalCustom
	}
	if d.prep != nil {
		d.prep(c)
	}
	if c.mixes() {
		c.unchecked, c.ev, c.cond = c.ev, evalChecked, nil
	}
}

// mixes tells whether bytes of any kind may become characters in c's result: a binary literal's collation gives way to a
// column's.
func (c *Call) mixes() bool {
	if c.typ.Class() != types.ClassString || c.typ.Collation == collation.Binary {
		return false
	}
	for _, a := range c.args {
		if t := a.Type(); t.Class() == types.ClassBit || t.IsBinary() {
			return true
		}
	}
	return false
}

// evalChecked holds the result to what a string of characters is: broken UTF-8 is NULL, with warning 1300. Where it is going
// to be stored, the column refuses it (1366).
func evalChecked(c *Call, env *Env, row []types.Value) (types.Value, error) {
	v, err := c.unchecked(c, env, row)
	if err == nil && v.Kind() == types.KindString && !utf8.Valid(v.Raw()) && !env.InDML && !env.Mode.Legacy {
		env.warn(mysqlerr.InvalidCharacterString, c.typ.Collation.Charset(), hexText(v.Raw()[:min(len(v.Raw()), 32)]))
		return types.Null, nil
	}
	return v, err
}

// withArgs is c over other arguments, with the types and collations that c was built with.
func (c *Call) withArgs(args []Expr) *Call {
	n := *c
	n.args = args
	if c.custom == nil {
		n.prepare()
	}
	return &n
}

var customDef = &def{name: "custom", max: -1}

func newCustom(name string, t types.Type, class Class, args []Expr,
	f func(env *Env, args []types.Value) (types.Value, error)) Expr {
	d := *customDef
	d.name, d.class = name, class
	return &Call{def: &d, name: customDef.name, args: args, typ: t, coll: t.Collation, deriv: derivImplicit,
		ev: evalCustom, custom: f}
}

// warn reports a condition that does not stop the statement.
func (env *Env) warn(code uint16, args ...any) {
	if env.Warn != nil {
		env.Warn(code, mysqlerr.New(code, args...).Message)
	}
}

// warnf is warn with a message of our own.
func (env *Env) warnf(code uint16, format string, args ...any) {
	if env.Warn != nil {
		env.Warn(code, mysqlerr.Newf(code, format, args...).Message)
	}
}

// str wraps the bytes of a string result in the kind that c's type calls for.
func (c *Call) str(b []byte) types.Value {
	if c.typ.Collation == collation.Binary {
		return types.Bytes(b)
	}
	return types.String(b)
}

// text is the string form of the i-th argument's value, without a copy where it is a string already.
func (c *Call) text(i int, v types.Value) []byte {
	return textOf(v, c.args[i].Type())
}

func textOf(v types.Value, t *types.Type) []byte {
	switch v.Kind() {
	case types.KindString, types.KindBytes, types.KindEnum, types.KindSet, types.KindJSON:
		return v.Raw()
	}
	return v.AppendText(nil, t)
}

// isConst tells whether e is a constant of this tree, and which.
func isConst(e Expr) (*Const, bool) {
	c, ok := e.(*Const)
	return c, ok
}

// constText is the text of argument i where it is a non-null constant.
func (c *Call) constText(i int) (string, bool) {
	if i >= len(c.args) {
		return "", false
	}
	k, ok := c.args[i].(*Const)
	if !ok || k.Val.IsNull() {
		return "", false
	}
	return string(textOf(k.Val, &k.Typ)), true
}

// String renders operators between their operands and functions before them.
func (c *Call) String() string {
	switch {
	case c.def.once:
		return c.def.name
	case c.def.render != nil:
		return c.def.render(c)
	}
	var b strings.Builder
	if c.def.infix != "" && len(c.args) >= 2 {
		b.WriteByte('(')
		for i, a := range c.args {
			if i > 0 {
				b.WriteString(" " + c.def.infix + " ")
			}
			b.WriteString(a.String())
		}
		b.WriteByte(')')
		return b.String()
	}
	b.WriteString(c.def.name)
	b.WriteByte('(')
	writeArgs(&b, c.args)
	b.WriteByte(')')
	return b.String()
}

func writeArgs(b *strings.Builder, args []Expr) {
	for i, a := range args {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.String())
	}
}
