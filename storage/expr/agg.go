package expr

import "cloudsql/storage/types"

// Agg is one aggregate of a GROUP BY: COUNT(*) has no Args.
type Agg struct {
	Name      string // "count", "sum", "avg", "min", "max", "group_concat", "bit_and", "bit_or", "bit_xor", "std"/"stddev_pop", "stddev_samp", "var_pop", "var_samp", "any_value", "json_arrayagg", "json_objectagg"
	Distinct  bool
	Args      []Expr
	OrderBy   []SortKey // GROUP_CONCAT
	Separator string    // GROUP_CONCAT
	MaxLen    int       // group_concat_max_len, bytes
	Typ       types.Type
}

// SortKey is one term of an ORDER BY.
type SortKey struct {
	Expr Expr
	Desc bool
}

// NewAgg types an aggregate call; errors as New.
func NewAgg(name string, distinct bool, args []Expr) (*Agg, error) { panic("being written") }

// Partial tells whether the aggregate can be computed in parts (not DISTINCT, not GROUP_CONCAT with ORDER BY …).
func (a *Agg) Partial() bool { panic("being written") }

// State accumulates one group.
type State interface {
	// Add takes one row.
	Add(env *Env, row []types.Value) error
	// AppendPartial appends the state as PartialWidth values; Merge takes such values of another state.
	AppendPartial(dst []types.Value) []types.Value
	Merge(partial []types.Value) error
	// Result is the final value (e.g. Int(0) for an empty COUNT, NULL for an empty SUM).
	Result(env *Env) (types.Value, error)
	// Bytes is the approximate memory that the state holds.
	Bytes() int
}

// NewState starts an empty group; PartialTypes gives the types of the partial values.
func (a *Agg) NewState() State            { panic("being written") }
func (a *Agg) PartialTypes() []types.Type { panic("being written") }

// EncodeAgg and DecodeAgg carry an aggregate in a fragment.
func EncodeAgg(dst []byte, a *Agg, env *Env) ([]byte, error) { panic("being written") }
func DecodeAgg(src []byte) (a *Agg, rest []byte, err error)  { panic("being written") }
