package expr

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// What only the session knows.

// errNoSession is for a plan that lets a shard evaluate what only the gateway can: none should.
var errNoSession error = mysqlerr.NotSupported("a function of the session in this place")

var infoDefs = []def{
	{name: "version", min: 0, max: 0, class: NeedsSession, typ: typeSession(60), f0: ofSession(func(c *Call, s Session) types.Value {
		return types.Str(s.Version())
	})},
	// icu_version is what MySQL 8.0.36 brings along: who asks wants to know what patterns may say.
	{name: "icu_version", min: 0, max: 0, class: NeedsSession, since: version.V2, typ: typeSession(4), f0: func(*Call, *Env) (types.Value, error) {
		return types.Str("73.1"), nil
	}},
	{name: "database", alias: []string{"schema"}, min: 0, max: 0, class: NeedsSession, typ: typeSession(34), f0: ofSession(func(c *Call, s Session) types.Value {
		db, ok := s.CurrentDB()
		if !ok {
			return types.Null
		}
		return types.Str(db)
	})},
	{name: "user", alias: []string{"session_user", "system_user"}, min: 0, max: 0, class: NeedsSession, typ: typeSession(288),
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Str(s.User()) })},
	{name: "current_user", min: 0, max: 0, class: NeedsSession, typ: typeSession(288),
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Str(s.CurrentUser()) })},
	{name: "current_role", min: 0, max: 0, class: NeedsSession, typ: typeSession(288),
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Str(s.CurrentRole()) })},
	{name: "connection_id", min: 0, max: 0, class: NeedsSession, typ: func(c *Call) error { c.typ = intType(21, true); return nil },
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Uint(s.ConnectionID()) })},
	// performance_schema.threads numbers a session's thread as its connection.
	{name: "ps_current_thread_id", min: 0, max: 0, class: NeedsSession, since: version.V2, typ: func(c *Call) error { c.typ = intType(21, true); return nil },
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Uint(s.ConnectionID()) })},
	{name: "last_insert_id", min: 0, max: 1, class: NeedsSession, typ: func(c *Call) error { c.typ = intType(21, true); return nil }, ev: evalLastInsertID},
	{name: "row_count", min: 0, max: 0, class: NeedsSession, typ: typeIntLen(21),
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Int(s.RowCount()) })},
	{name: "found_rows", min: 0, max: 0, class: NeedsSession, typ: typeIntLen(21),
		f0: ofSession(func(c *Call, s Session) types.Value { return types.Int(int64(s.FoundRows())) })},
	{name: "statement_digest", min: 1, max: 1, class: NeedsSession, since: version.V2, typ: typeASCII(64), f1: ofDigest(func(hash, _ string) string { return hash })},
	{name: "statement_digest_text", min: 1, max: 1, class: NeedsSession, since: version.V2, typ: typeDigestText,
		f1: ofDigest(func(_, normal string) string { return normal })},
	{name: "load_file", min: 1, max: 1, class: Volatile, typ: typeLoadFile, ev: evalLoadFile},
	// "@"('name') reads a user variable, ":="('name', e) sets one, "@@"('scope', 'name') reads a system variable. The
	// first and last have the types of NewUserVar and NewSysVar, or are strings.
	{name: "@", min: 1, max: 1, class: NeedsSession, typ: typeVar, ev: evalUserVar,
		render: func(c *Call) string { n, _ := c.constText(0); return "(@" + Quoted(n) + ")" }},
	{name: ":=", min: 2, max: 2, class: Volatile, typ: typeSetVar, ev: evalSetVar,
		render: func(c *Call) string { n, _ := c.constText(0); return "(@" + n + ":=" + c.args[1].String() + ")" }},
	{name: "@@", min: 2, max: 2, class: NeedsSession, typ: typeVar, ev: evalSysVar, render: renderSysVar},
}

// typeSession is the server's own text: in utf8mb3, and as wide as MySQL says. That it goes with every character set is a promise about names,
// which MySQL looks at one by one.
func typeSession(length int) func(*Call) error {
	return func(c *Call) error {
		c.coll, c.deriv, c.ascii = collation.UTF8MB3, derivSysconst, true
		c.typ = stringType(length, c.coll)
		return nil
	}
}

func ofSession(f func(c *Call, s Session) types.Value) func(*Call, *Env) (types.Value, error) {
	return func(c *Call, env *Env) (types.Value, error) {
		if env.Session == nil {
			return types.Null, errNoSession
		}
		return f(c, env.Session), nil
	}
}

// typeDigestText is text of the connection's character set.
func typeDigestText(c *Call) error {
	c.setASCIIResult(maxBlobWidth)
	c.ascii = false
	return nil
}

func ofDigest(f func(hash, normal string) string) func(*Call, *Env, types.Value) (types.Value, error) {
	return func(c *Call, env *Env, text types.Value) (types.Value, error) {
		if env.Session == nil {
			return types.Null, errNoSession
		}
		hash, normal, err := env.Session.Digest(text.Text())
		if err != nil {
			return types.Null, err
		}
		return types.Str(f(hash, normal)), nil
	}
}

// evalLastInsertID: with an argument it sets what the next call gives.
func evalLastInsertID(c *Call, env *Env, row []types.Value) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	if len(c.args) == 0 {
		return types.Uint(env.Session.LastInsertID()), nil
	}
	v, err := eval(c.args[0], env, row)
	if err != nil {
		return types.Null, err
	}
	u := asID(v, env)
	env.Session.SetLastInsertID(u)
	if v.IsNull() {
		return types.Null, nil
	}
	return types.Uint(u), nil
}

// asID is a value as LAST_INSERT_ID takes it: any 64 bits. Text that is more than a number is warned of.
func asID(v types.Value, env *Env) uint64 {
	switch v.Kind() {
	case types.KindString, types.KindBytes, types.KindJSON:
		if i, clipped := v.ToInt(nil); clipped && i > 0 {
			u, _ := v.ToUint(env.Warn)
			return u
		}
		i, _ := v.ToInt(env.Warn)
		return uint64(i) //nolint:gosec // its bits
	}
	w := toWide(v, env)
	if w.neg {
		return -w.mag
	}
	return w.mag
}

func typeVar(c *Call) error {
	c.typ = types.TypeString
	c.coll, c.deriv, c.ascii = c.typ.Collation, derivSysconst, true
	if c.name == "@" {
		c.deriv, c.ascii = derivImplicit, false
	}
	return nil
}

// NewUserVar is @name with the type that its value has now.
func NewUserVar(name string, t types.Type) Expr { return newVar("@", t, NewStr(name)) }

// NewSysVar is @@scope.name with the variable's type.
func NewSysVar(scope, name string, t types.Type) Expr {
	return newVar("@@", t, NewStr(scope), NewStr(name))
}

func newVar(op string, t types.Type, args ...Expr) Expr {
	c := &Call{def: registry[op], name: op, args: args, coll: collation.Binary}
	_ = typeVar(c)
	switch {
	case t.Class() != types.ClassNull:
		c.typ, c.coll = t, t.Collation
	case op == "@": // nothing is a binary string, so that it goes with any other
		c.typ.Collation, c.coll = collation.Binary, collation.Binary
	}
	c.prepare()
	return c
}

func evalUserVar(c *Call, env *Env, _ []types.Value) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	name, _ := c.constText(0)
	v, _ := env.Session.UserVar(name)
	return v, nil
}

// Kept is what a user variable keeps of a value of type t: numbers and strings as they are, dates, times, documents, members of ENUM
// and SET as text (of collation coll where they have none), bits as a number. A double is shown with all its digits, however many it had
// been shown with.
func Kept(v types.Value, t types.Type, coll collation.ID) (types.Value, types.Type) {
	kept := plainType(t)
	switch t.Class() {
	case types.ClassDate, types.ClassDatetime, types.ClassTime:
		kept = stringType(charLen(&t), coll)
	case types.ClassJSON:
		kept = stringType(types.Unspecified, collation.UTF8MB4Bin)
	case types.ClassEnum, types.ClassSet:
	case types.ClassBit:
		if v.Kind() == types.KindBit {
			v = types.Uint(v.Uint())
		}
		return v, types.TypeUint
	case types.ClassFloat:
		return v, types.TypeDouble
	default:
		return v, kept
	}
	if !v.IsNull() {
		v = types.String(v.AppendText(nil, &t))
	}
	return v, kept
}

func typeSetVar(c *Call) error {
	o := originOf(c.args[1])
	c.coll, c.deriv, c.ascii = o.coll, derivImplicit, o.ascii
	if _, c.typ = Kept(types.Null, *c.args[1].Type(), o.coll); c.typ.Class() == types.ClassFloat {
		c.typ = plainType(*c.args[1].Type())
	}
	return nil
}

func evalSetVar(c *Call, env *Env, row []types.Value) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	v, err := eval(c.args[1], env, row)
	if err != nil {
		return types.Null, err
	}
	name, _ := c.constText(0)
	v, t := Kept(v.Clone(), *c.args[1].Type(), c.coll)
	return v, env.Session.SetUserVar(name, v, t)
}

func evalSysVar(c *Call, env *Env, _ []types.Value) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	scope, _ := c.constText(0)
	name, _ := c.constText(1)
	v, _, err := env.Session.SysVar(strings.ToLower(scope), strings.ToLower(name))
	return v, err
}

func renderSysVar(c *Call) string {
	scope, _ := c.constText(0)
	name, _ := c.constText(1)
	if scope != "" {
		return "@@" + scope + "." + name
	}
	return "@@" + name
}

func typeLoadFile(c *Call) error {
	c.coll, c.deriv, c.ascii = collation.Binary, derivCoercible, false
	c.typ = types.Type{ID: mysql.TypeLongBlob, Length: types.Unspecified, Decimals: types.Unspecified, Collation: collation.Binary}
	return nil
}

func evalLoadFile(c *Call, env *Env, row []types.Value) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	name, err := eval(c.args[0], env, row)
	if err != nil || name.IsNull() {
		return types.Null, err
	}
	content, ok := env.Session.LoadFile(name.Text(), env.MaxPacket)
	if !ok {
		return types.Null, nil
	}
	return types.Bytes(content), nil
}
