package expr

import (
	"time"

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
// fixed by the gateway before a fragment is shipped.
type Env struct {
	Mode   types.Mode
	Now    time.Time     // statement start, UTC; NOW() and kin
	Params []types.Value // of a prepared or parameterised statement
	Warn   types.Warner
	// Session gives what only a gateway can answer; nil inside a shard, where functions of class NeedsSession must
	// have been folded to constants (Fold).
	Session Session
	Depth   int
}

// Session is the gateway's answers to functions about the connection.
type Session interface {
	UserVar(name string) (types.Value, types.Type)
	SetUserVar(name string, v types.Value, t types.Type)
	SysVar(scope, name string) (types.Value, types.Type, error) // scope "", "session" or "global"
	LastInsertID() uint64
	SetLastInsertID(id uint64) // LAST_INSERT_ID(expr)
	RowCount() int64
	FoundRows() uint64
	ConnectionID() uint64
	CurrentDB() (string, bool)
	User() string        // as the client sent it: 'u@host'
	CurrentUser() string // as matched: 'u@%'
	Version() string
}

// Column reads position Index of the row.
type Column struct {
	Index int
	Typ   types.Type
	Name  string // for String
}

// Const is a literal or a folded value.
type Const struct {
	Val types.Value
	Typ types.Type
}

// Param is the Index-th (0-based) parameter of Env.Params.
type Param struct {
	Index int
	Typ   types.Type
}

// Class tells where a function may run.
type Class uint8

// The classes of functions.
const (
	Pure         Class = iota // same result everywhere for the same arguments and Env constants
	NeedsSession              // LAST_INSERT_ID(), @var, DATABASE() …: at the gateway only
	Volatile                  // RAND(), UUID(), SLEEP() …: at the gateway only, once per row
)

// New builds a call of the function or operator that MySQL knows by name (lower case; operators by their symbol: "+",
// "=", "<=>", "and", "like", "in", "between", "case", "is null", "interval +" …; see Names), works out argument
// coercion, collation and result type. Errors: 1582 wrong parameter count, 1267 illegal mix of collations, 1305
// FUNCTION … does not exist.
func New(name string, args ...Expr) (Expr, error) { panic("being written") }

// NewCast builds CAST(e AS t), NewCollate builds e COLLATE c (1253 if c does not fit e's character set).
func NewCast(e Expr, t types.Type) Expr                  { panic("being written") }
func NewCollate(e Expr, c types.Collation) (Expr, error) { panic("being written") }

// NewSubquery builds an expression over a value that the gateway computes when the plan runs (uncorrelated scalar
// subqueries fold to constants at run time; see planner). eval runs at most once per row.
func NewFunc(name string, t types.Type, class Class, args []Expr, eval func(env *Env, args []types.Value) (types.Value, error)) Expr {
	panic("being written")
}

// ClassOf gives the most restrictive class in e's tree.
func ClassOf(e Expr) Class { panic("being written") }

// Walk visits e and all below it, parents first; fn returns false to stay out of a subtree.
func Walk(e Expr, fn func(Expr) bool) { panic("being written") }

// Rewrite rebuilds e bottom-up, replacing each node by fn's result (fn returns its argument to keep it).
func Rewrite(e Expr, fn func(Expr) Expr) Expr { panic("being written") }

// Fold evaluates what env makes constant (no Column below; Params when env.Params is set; NeedsSession when env.Session
// is set) and returns the smaller tree. Errors of evaluation leave the node as it was, so that they appear at run time.
func Fold(e Expr, env *Env) Expr { panic("being written") }

// Columns adds the indexes of the row positions that e reads to set.
func Columns(e Expr, set map[int]bool) { panic("being written") }

// Truth evaluates e as a condition: NULL and 0 are false.
func Truth(e Expr, env *Env, row []types.Value) (bool, error) { panic("being written") }

// Encode appends e's portable form; Params are written as constants from env.Params (env may be nil when e has none).
// Only Pure expressions can be encoded; anything else is an error of the planner's.
func Encode(dst []byte, e Expr, env *Env) ([]byte, error) { panic("being written") }

// Decode reads what Encode wrote. It never panics on bad input, whatever its depth; an unknown function is an error.
func Decode(src []byte) (e Expr, rest []byte, err error) { panic("being written") }

// EncodeEnv and DecodeEnv carry the constants of an Env (Mode, Now) with a fragment.
func EncodeEnv(dst []byte, env *Env) []byte                   { panic("being written") }
func DecodeEnv(src []byte) (env *Env, rest []byte, err error) { panic("being written") }
