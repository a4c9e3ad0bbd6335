package expr

import (
	"context"
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/limits"
	"cloudsql/storage/memory"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Expr is one typed, bound scalar expression. An Expr is immutable once built and may be shared by any number of
// goroutines; all state of an evaluation is in the Env and the row.
type Expr interface {
	// Type is the static result type; NULLs may appear whatever it says.
	Type() *types.Type
	// Eval computes the value over row, whose layout the plan fixed (Column.Index). TIMESTAMP columns of row are in
	// KindDatetime, local time (types.ToLocal is the reader's business).
	Eval(env *Env, row []types.Value) (types.Value, error)
	// String renders SQL-like text for EXPLAIN and for the headings that tests look at.
	String() string
}

// Env is what an evaluation may look at besides its row. All that could differ between replicas is a constant in here,
// fixed by the gateway before a fragment is shipped. Evaluating Pure expressions does not change it, so goroutines may
// share it as far as its Warn allows that; NeedsSession and Volatile calls belong to one goroutine.
type Env struct {
	Mode   types.Mode
	Now    time.Time      // statement start, UTC; NOW() and kin
	System *time.Location // the gateway's own time zone: 'SYSTEM' in CONVERT_TZ; nil: unknown
	Params []types.Value  // of a prepared or parameterised statement
	Warn   types.Warner
	// MaxPacket bounds a function's result, in bytes: the session's max_allowed_packet; 0: its default.
	MaxPacket int
	// Budget is what evaluations may still build; nil is without end.
	Budget *Budget
	// Memory is charged with large values, while they are built and as long as they live; nil: nobody is. It does not travel:
	// what is applied never fails for lack of memory.
	Memory *memory.Account
	// Session gives what only a gateway can answer; nil inside a shard, where functions of class NeedsSession must
	// have been folded to constants (Fold).
	Session Session
	Depth   int
	// Typing is how calls are built for a session: for those who bind. nil is MySQL's defaults.
	Typing *Typing

	// InDML tells that values are computed for storing (INSERT, UPDATE): with a strict Mode a division by zero is then
	// error 1365 and not a warning.
	InDML bool
	// Ignore tells of a statement with IGNORE: a subquery of several rows is NULL there, with a warning.
	Ignore bool
	// Ctx ends SLEEP, BENCHMARK and whatever else may take long; nil never does. What is applied has none.
	Ctx context.Context
	// Clock answers SYSDATE(), Rand feeds RAND(), UUID() and kin; the real ones where nil.
	Clock func() time.Time
	Rand  func() uint64

	// state is what volatile functions keep from row to row of one statement, e.g. the sequence of RAND(n).
	state map[*Call]any
}

// Budget is what evaluations may take together. It belongs to one goroutine.
type Budget struct {
	Bytes int // of large results that they build
	Steps int // see Cost
}

// NewBudget is that of a proposal.
func NewBudget() Budget { return Budget{Bytes: limits.EvalBytes, Steps: limits.EvalSteps} }

// Spend takes n steps, if there are so many left.
func (b *Budget) Spend(n int) error {
	if b.Steps -= n; b.Steps < 0 && !mutant.SkipBudget {
		return mysqlerr.Newf(mysqlerr.CapacityExceeded, "Capacity of %d steps for the evaluation of expressions exceeded.", limits.EvalSteps)
	}
	return nil
}

// Session is the gateway's answers to functions about the connection.
type Session interface {
	UserLocks
	UserVar(name string) (types.Value, types.Type)
	SetUserVar(name string, v types.Value, t types.Type) error  // v is the session's to keep
	SysVar(scope, name string) (types.Value, types.Type, error) // scope "", "session" or "global"
	LastInsertID() uint64
	SetLastInsertID(id uint64) // LAST_INSERT_ID(expr)
	RowCount() int64
	FoundRows() uint64
	ConnectionID() uint64
	CurrentDB() (string, bool)
	User() string        // as the client sent it: 'u@host'
	CurrentUser() string // as matched: 'u@%'
	CurrentRole() string
	Version() string
	// LoadFile is LOAD_FILE: ok is false where the file can't be read by this user, or is larger than max bytes.
	LoadFile(name string, max int) (content []byte, ok bool)
	// Digest is STATEMENT_DIGEST and STATEMENT_DIGEST_TEXT: 3676 for what is no statement.
	Digest(text string) (hash, normal string, err error)
}

// Column reads position Index of the row.
type Column struct {
	Index int
	Typ   types.Type
	Name  string // for String
	Full  string // for messages of errors, with the table and its database; empty: as Name
	// deriv is that of the expression that StandIn made the column for, plus one; derivUnset for a column of a table.
	deriv derivation
	ascii bool   // that expression is known to give ASCII only
	of    *Const // that expression, if it is a constant
}

// StandIn is a column that holds e's values: beside other strings its collation counts as e's does.
func StandIn(index int, e Expr) *Column {
	o := originOf(e)
	k, _ := e.(*Const)
	return &Column{Index: index, Typ: *e.Type(), deriv: o.deriv + 1, ascii: o.ascii, of: k}
}

// CountsAs is call, a function of the gateway's that gives the values of e: beside other strings its collation counts as e's does.
func CountsAs(call, e Expr) Expr {
	c, ok := call.(*Call)
	if !ok || !isStringy(&c.typ) {
		return call
	}
	o, out := originOf(e), *c
	out.deriv, out.ascii = o.deriv, o.ascii
	return &out
}

// Const is a literal or a folded value.
type Const struct {
	Val types.Value
	Typ types.Type
	// deriv keeps the coercibility of the expression that Fold computed the value from; derivUnset for a literal.
	deriv derivation
	// hex marks a hexadecimal or bit literal (hex.go).
	hex bool
	// broken marks a literal of text whose bytes are none: a binary string, but not to a column of text (ForColumn).
	broken bool
}

// Param is the Index-th (0-based) parameter of Env.Params.
type Param struct {
	Index int
	Typ   types.Type
	// deriv is that of the expression that ParamOf made the parameter for, plus one; derivUnset for one that stands in a statement.
	deriv derivation
	ascii bool   // that expression is known to give ASCII only
	full  string // that expression, if it is a column, in messages of errors
}

// ParamOf is a parameter that e's value is put into: beside other strings its collation counts as e's does.
func ParamOf(index int, e Expr) *Param {
	o := originOf(e)
	p := &Param{Index: index, Typ: *e.Type(), deriv: o.deriv + 1, ascii: o.ascii}
	if c, ok := e.(*Column); ok {
		p.full = c.Full
	}
	return p
}

// origin is the derivation as constants store it.
func (p *Param) origin() derivation {
	if p.deriv == derivUnset {
		return derivCoercible + 1
	}
	return p.deriv
}

// Class tells where a function may run.
type Class uint8

// The classes of functions.
const (
	Pure         Class = iota // same result everywhere for the same arguments and Env constants
	NeedsSession              // LAST_INSERT_ID(), @var, DATABASE() …: at the gateway only
	Volatile                  // RAND(), UUID(), SLEEP() …: at the gateway only, once per row
)

// New builds a call of the function or operator that MySQL knows by name (lower case; doc.go lists the operators and
// the functions whose arguments are not what SQL text shows), works out argument coercion, collation and result type.
// Errors: 1582 wrong parameter count, 1267 illegal mix of collations, 1305 FUNCTION … does not exist, 1235 for a
// function of MySQL that is not there yet, 1241 for a row where a scalar belongs.
func New(name string, args ...Expr) (Expr, error) {
	d := lookup(name)
	if d == nil {
		return nil, unknownFunction(name)
	}
	return d.build(args)
}

// NewCast builds a conversion of e to t.
func NewCast(e Expr, t types.Type) Expr { return newCast(e, t) }

// NewCastTo builds CAST(e AS t) as a statement has it: a length that is larger than max_allowed_packet gives NULL.
func NewCastTo(e Expr, t types.Type) Expr { return newCastTo(e, t) }

// NewCollate builds e COLLATE c (1253 if c does not fit e's character set).
func NewCollate(e Expr, c collation.ID) (Expr, error) { return newCollate(e, c) }

// NewFunc builds an expression over a value that the gateway computes when the plan runs (uncorrelated scalar
// subqueries fold to constants at run time; see planner). eval runs at most once per row and gets the evaluated args,
// which it must not keep.
func NewFunc(name string, t types.Type, class Class, args []Expr,
	eval func(env *Env, args []types.Value) (types.Value, error)) Expr {
	return newCustom(name, t, class, args, eval)
}

// Type and its kin make *Column an Expr.
func (c *Column) Type() *types.Type { return &c.Typ }

// Eval reads the row.
func (c *Column) Eval(_ *Env, row []types.Value) (types.Value, error) { return row[c.Index], nil }

func (c *Column) String() string {
	if c.Name != "" {
		return c.Name
	}
	return "#" + itoa(c.Index)
}

// Type is the literal's type.
func (c *Const) Type() *types.Type { return &c.Typ }

// Eval gives the value.
func (c *Const) Eval(*Env, []types.Value) (types.Value, error) { return c.Val, nil }

func (c *Const) String() string {
	switch c.Val.Kind() {
	case types.KindNull:
		return "NULL"
	case types.KindInt, types.KindUint, types.KindFloat, types.KindDecimal:
		return string(c.Val.AppendText(nil, &c.Typ))
	case types.KindBytes:
		return "x'" + hexText(c.Val.Raw()) + "'"
	case types.KindBit:
		return c.Val.Text()
	}
	return string(appendQuoted(nil, c.Val.AppendText(nil, &c.Typ)))
}

// Type is the class of the value that is bound.
func (p *Param) Type() *types.Type { return &p.Typ }

// Eval gives the bound value, 1210 where too few are bound.
func (p *Param) Eval(env *Env, _ []types.Value) (types.Value, error) {
	if p.Index < 0 || p.Index >= len(env.Params) {
		return types.Null, mysqlerr.New(mysqlerr.WrongArguments, "EXECUTE")
	}
	return env.Params[p.Index], nil
}

func (p *Param) String() string { return "?" }

// NewInt, NewStr and NewNull make the constants that callers build most.
func NewInt(i int64) *Const { return &Const{Val: types.Int(i), Typ: intLiteralType(i)} }

// NewStr is a utf8mb4 literal.
func NewStr(s string) *Const {
	t := types.TypeString
	t.Length = runeCount([]byte(s))
	return &Const{Val: types.Str(s), Typ: t}
}

// NewBool is TRUE or FALSE.
func NewBool(b bool) *Const { return boolConst(b) }

// NewNull is the literal NULL.
func NewNull() *Const { return &Const{Typ: types.TypeNull} }
