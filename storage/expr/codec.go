package expr

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/limits"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
	"cloudsql/storage/zones"
)

// The portable form of an expression:
//
//	expr    version node
//	node    tagColumn index type
//	        tagConst  type value derivation
//	        tagCall   name type collation derivation|ascii count node…
//
// Types and collations travel with every node and are not worked out again, so that a replica of another version
// computes what the gateway meant.
const (
	codecVersion = 1

	tagColumn = 1
	tagConst  = 2
	tagCall   = 3

	asciiFlag = 0x80
)

var errBadExpr = errors.New("expr: corrupt expression")

// Encode appends e's portable form for readers of version v; Params are written as constants from env.Params (env may be
// nil when e has none). Only Pure expressions can be encoded; anything else is an error of the planner's. What readers of v
// don't know is refused with a *version.TooNew, and what is beyond their limits (see Fits) with an error of the statement's.
// A nil e is written as such.
func Encode(dst []byte, e Expr, env *Env, v version.Version) ([]byte, error) {
	enc := encoder{dst: append(dst, codecVersion), env: env, v: v}
	if err := enc.node(e, 0); err != nil {
		return nil, err
	}
	return enc.dst, nil
}

type encoder struct {
	dst   []byte
	env   *Env
	v     version.Version
	nodes int
}

func (enc *encoder) node(e Expr, depth int) error {
	if depth > limits.ExprDepth {
		return mysqlerr.New(mysqlerr.StackOverrunNeedMore, 0, 0, 0)
	}
	if enc.nodes++; enc.nodes > limits.ExprNodes {
		return mysqlerr.NotSupported(fmt.Sprintf("an expression of more than %d parts here", limits.ExprNodes))
	}
	switch e := e.(type) {
	case nil:
		enc.dst = append(enc.dst, 0)
		return nil
	case *Column:
		enc.dst = binary.AppendUvarint(append(enc.dst, tagColumn), uint64(e.Index))
		enc.dst = wire.AppendString(enc.dst, cmp.Or(e.Full, e.Name)) // readers need it for messages
		enc.dst = types.AppendType(enc.dst, &e.Typ)
		return enc.collation(e.Typ.Collation)
	case *Const:
		return enc.constant(&e.Typ, e.Val, e.deriv)
	case *Param:
		if enc.env == nil || e.Index >= len(enc.env.Params) {
			return mysqlerr.New(mysqlerr.WrongArguments, "EXECUTE")
		}
		return enc.constant(&e.Typ, enc.env.Params[e.Index], e.origin())
	case *Call:
		return enc.call(e, depth)
	}
	return fmt.Errorf("expr: %T cannot be shipped", e)
}

// collation refuses one that readers don't know: they would take the default's order for it.
func (enc *encoder) collation(c collation.ID) error {
	if since := c.Since(); since > enc.v {
		return version.Check(since, enc.v, "the collation "+c.Name())
	}
	return nil
}

// constant writes a value, and reads it again: a value comes from wherever, and one that no reader takes would be found
// only where it is too late.
func (enc *encoder) constant(t *types.Type, v types.Value, d derivation) error {
	if err := enc.collation(t.Collation); err != nil {
		return err
	}
	enc.dst = types.AppendType(append(enc.dst, tagConst), t)
	at := len(enc.dst)
	enc.dst = types.AppendValue(enc.dst, v)
	if _, _, err := types.DecodeValue(enc.dst[at:]); err != nil {
		return unshippable(v)
	}
	enc.dst = append(enc.dst, byte(d))
	return nil
}

func unshippable(v types.Value) error {
	if b := v.Raw(); !utf8.Valid(b) {
		return mysqlerr.New(mysqlerr.InvalidCharacterString, "utf8mb4", hexText(b[:min(len(b), 32)]))
	}
	return fmt.Errorf("expr: a constant of kind %d cannot be shipped", v.Kind())
}

func (enc *encoder) call(c *Call, depth int) error {
	if c.def.class != Pure || c.custom != nil {
		return fmt.Errorf("expr: %s cannot be shipped, it was not folded", c.name)
	}
	if err := version.Check(c.def.since, enc.v, c.name); err != nil {
		return err
	}
	if err := errors.Join(enc.collation(c.typ.Collation), enc.collation(c.coll)); err != nil {
		return err
	}
	dst := wire.AppendString(append(enc.dst, tagCall), c.name)
	dst = types.AppendType(dst, &c.typ)
	dst = binary.AppendUvarint(dst, uint64(c.coll))
	d := byte(c.deriv)
	if c.ascii {
		d |= asciiFlag
	}
	enc.dst = binary.AppendUvarint(append(dst, d), uint64(len(c.args)))
	for _, a := range c.args {
		if err := enc.node(a, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// Fits tells whether e, as it is now, is what Decode takes: within the limits, without broken text.
func Fits(e Expr) bool {
	nodes := 0
	return fits(e, 0, &nodes)
}

func fits(e Expr, depth int, nodes *int) bool {
	if *nodes++; depth > limits.ExprDepth || *nodes > limits.ExprNodes {
		return false
	}
	switch c := e.(type) {
	case *Const:
		return !c.broken || c.Val.Kind() != types.KindString
	case *Call:
		for _, a := range c.args {
			if !fits(a, depth+1, nodes) {
				return false
			}
		}
	}
	return true
}

// Decode reads what Encode wrote. It never panics on bad input, whatever its depth; an unknown function is an error.
// The expression does not alias src.
func Decode(src []byte) (e Expr, rest []byte, err error) {
	d := &decoder{r: wire.NewReader(src)}
	if v := d.r.Byte(); d.r.Err() == nil && v != codecVersion {
		return nil, nil, fmt.Errorf("expr: an expression's format version %d is %w", v, wire.ErrUnknown)
	}
	e = d.node(0)
	if err := d.r.Err(); err != nil {
		return nil, nil, err
	}
	return e, d.r.Rest(), nil
}

type decoder struct {
	r     *wire.Reader
	nodes int
}

func (d *decoder) node(depth int) Expr {
	if d.nodes++; depth > limits.ExprDepth || d.nodes > limits.ExprNodes {
		d.r.Fail(errBadExpr)
		return nil
	}
	switch d.r.Byte() {
	case 0:
		if depth > 0 {
			d.r.Fail(errBadExpr)
		}
		return nil
	case tagColumn:
		return d.column()
	case tagConst:
		return d.constant()
	case tagCall:
		return d.call(depth)
	}
	d.r.Fail(errBadExpr)
	return nil
}

func (d *decoder) typ() types.Type {
	t, rest, err := types.DecodeType(d.r.Rest())
	d.r.SetRest(rest, err)
	return t
}

func (d *decoder) column() Expr {
	i := d.r.Uvarint()
	if i > limits.ColumnIndex {
		d.r.Fail(errBadExpr)
	}
	name := d.r.String()
	return &Column{Index: int(i), Name: name, Typ: d.typ()}
}

func (d *decoder) constant() Expr {
	k := &Const{Typ: d.typ()}
	v, rest, err := types.DecodeValue(d.r.Rest())
	d.r.SetRest(rest, err)
	k.Val = v.Clone()
	k.deriv = derivation(d.r.Byte())
	if k.deriv > derivIgnorable+1 {
		d.r.Fail(errBadExpr)
	}
	return k
}

func (d *decoder) call(depth int) Expr {
	name := d.r.String()
	def := registry[name]
	if d.r.Err() == nil && (def == nil || def.class != Pure || def.name != name) {
		d.r.Fail(fmt.Errorf("expr: function %q is %w", name, wire.ErrUnknown))
	}
	c := &Call{def: def, name: name, typ: d.typ(), coll: collation.ID(d.r.Uvarint())}
	flags := d.r.Byte()
	c.deriv, c.ascii = derivation(flags&^asciiFlag), flags&asciiFlag != 0
	n := d.r.Count()
	if d.r.Err() != nil {
		return nil
	}
	if n < def.min || def.max >= 0 && n > def.max || c.deriv > derivIgnorable || !c.coll.Valid() || !def.runs(n) {
		d.r.Fail(errBadExpr)
		return nil
	}
	c.args = make([]Expr, 0, min(n, limits.Prealloc))
	for range n {
		a := d.node(depth + 1)
		if d.r.Err() != nil {
			return nil
		}
		c.args = append(c.args, a)
	}
	if def.check != nil && def.check(c) != nil {
		d.r.Fail(errBadExpr)
		return nil
	}
	c.prepare()
	return c
}

// runs tells whether the definition can evaluate a call of n arguments: some exist as rewrites only.
func (d *def) runs(n int) bool {
	switch {
	case d.cond != nil, d.ev != nil, d.fn != nil, d.lax != nil:
		return true
	case n == 0:
		return d.f0 != nil
	case n == 1:
		return d.f1 != nil || d.prep != nil
	case n == 2:
		return d.f2 != nil || d.prep != nil
	}
	return d.prep != nil
}

// The portable form of an environment:
//
//	env  1 flags [now] today zone
//	     2 flags [now] today zone [zone of the gateway] largest result
//	zone name offset

// envVersion is that of what V2 can read. What is of version 1 is evaluated as its writers did (types.Mode.Legacy).
const envVersion = 2

const (
	modeStrict = 1 << iota
	modeNoZeroDate
	modeNoZeroInDate
	modeAllowInvalid
	modePadChar
	modeDivZeroError
	modeNoUnsignedSub
	modeInDML
	modeHasNow
	modeHasSystem // since version 2
)

// EncodeEnv appends Mode, InDML, MaxPacket and, if the expressions that go along need it (UsesNow), Now and System, for
// readers of version v.
func EncodeEnv(dst []byte, env *Env, now bool, v version.Version) []byte {
	var bits uint64
	m, v2 := &env.Mode, v >= version.V2
	for i, set := range []bool{m.Strict, m.NoZeroDate, m.NoZeroInDate, m.AllowInvalid, m.PadChar, m.DivZeroError,
		m.NoUnsignedSub, env.InDML, now && !env.Now.IsZero(), now && v2 && env.System != nil} {
		if set {
			bits |= 1 << i
		}
	}
	format := byte(codecVersion)
	if v2 {
		format = envVersion
	}
	dst = binary.AppendUvarint(append(dst, format), bits)
	if bits&modeHasNow != 0 {
		dst = binary.AppendVarint(dst, env.Now.UnixMicro())
	}
	dst = binary.AppendUvarint(dst, m.Today)
	dst = appendZone(dst, m.Loc, env.Now)
	if !v2 {
		return dst
	}
	if bits&modeHasSystem != 0 {
		dst = appendZone(dst, env.System, env.Now)
	}
	return binary.AppendUvarint(dst, uint64(env.maxPacket()))
}

// appendZone writes a zone by its name, and by its offset at now for one that no database has.
func appendZone(dst []byte, loc *time.Location, now time.Time) []byte {
	name, offset := "", 0
	if loc != nil {
		name = loc.String()
		_, offset = now.In(loc).Zone()
	}
	return binary.AppendVarint(wire.AppendString(dst, name), int64(offset))
}

// DecodeEnv reads what EncodeEnv wrote.
func DecodeEnv(src []byte) (env *Env, rest []byte, err error) {
	r := wire.NewReader(src)
	format := r.Byte()
	if r.Err() == nil && format != codecVersion && format != envVersion {
		return nil, nil, fmt.Errorf("expr: an environment's format version %d is %w", format, wire.ErrUnknown)
	}
	bits := r.Uvarint()
	env = &Env{InDML: bits&modeInDML != 0}
	env.Mode = types.Mode{
		Strict: bits&modeStrict != 0, NoZeroDate: bits&modeNoZeroDate != 0, NoZeroInDate: bits&modeNoZeroInDate != 0,
		AllowInvalid: bits&modeAllowInvalid != 0, PadChar: bits&modePadChar != 0,
		DivZeroError: bits&modeDivZeroError != 0, NoUnsignedSub: bits&modeNoUnsignedSub != 0,
		Legacy: format == codecVersion,
	}
	if bits&modeHasNow != 0 {
		env.Now = time.UnixMicro(r.Varint()).UTC()
	}
	env.Mode.Today = r.Uvarint()
	env.Mode.Loc = readZone(r)
	if format == envVersion {
		if bits&modeHasSystem != 0 {
			env.System = readZone(r)
		}
		env.MaxPacket = int(min(r.Uvarint(), limits.Packet))
	}
	if r.Err() == nil && format == envVersion && !env.Now.IsZero() && (env.Now.Year() < 1 || env.Now.Year() > 9998) {
		r.Fail(errBadExpr) // in some zone it would be no date
	}
	if r.Err() != nil {
		return nil, nil, r.Err()
	}
	return env, r.Rest(), nil
}

// readZone finds a time zone by name; one that the database does not have is rebuilt from its offset ("+05:30").
func readZone(r *wire.Reader) *time.Location {
	name, offset := r.String(), r.Varint()
	if r.Err() != nil || name == "" {
		return nil
	}
	if z, ok := zones.Load(name); ok {
		return z
	}
	if offset < -15*3600 || offset > 15*3600 {
		r.Fail(errBadExpr)
		return nil
	}
	return time.FixedZone(name, int(offset))
}
