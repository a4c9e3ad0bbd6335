package expr

import (
	"math"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// Hexadecimal and bit literals (X'41', 0x41, b'101') are binary strings, and numbers where a number is wanted. What a
// place wants is known when the tree is built: the literal gives way to a number there, so that nobody needs to know it
// while evaluating, and a fragment carries plain values.

// places is a set of arguments: bit i is the i-th, restOf all from one on.
type places uint32

const allArgs places = math.MaxUint32

func at(args ...int) places {
	var p places
	for _, i := range args {
		p |= 1 << i
	}
	return p
}

// has tells whether the i-th argument is in p; those beyond the bits are as the last one that there is a bit for.
func (p places) has(i int) bool { return p>>min(i, 31)&1 != 0 }

// numberArgs tells which arguments functions take as numbers. Comparisons, IN, CASE, FIELD and NULLIF look at their other
// arguments too (numbersBesideNumbers).
var numberArgs = map[string]places{
	"+": allArgs, "-": allArgs, "*": allArgs, "/": allArgs, "/ to": allArgs, "div": allArgs, "%": allArgs, "neg": allArgs,
	"~": allArgs, "bit_count": allArgs,
	"and": allArgs, "or": allArgs, "xor": allArgs, "not": allArgs,
	"is true": allArgs, "is not true": allArgs, "is false": allArgs, "is not false": allArgs,
	"if": at(0), "interval": allArgs, "elt": at(0), "make_set": at(0), "export_set": at(0, 4), "char": allArgs,
	"char using": allArgs &^ 1,

	"abs": allArgs, "sign": allArgs, "ceiling": allArgs, "floor": allArgs, "round": allArgs, "truncate": allArgs,
	"pow": allArgs, "sqrt": allArgs, "exp": allArgs, "ln": allArgs, "log": allArgs, "log2": allArgs, "log10": allArgs,
	"sin": allArgs, "cos": allArgs, "tan": allArgs, "cot": allArgs, "asin": allArgs, "acos": allArgs, "atan": allArgs,
	"degrees": allArgs, "radians": allArgs, "rand": allArgs,

	"left": at(1), "right": at(1), "substring": at(1, 2), "substring_index": at(2), "locate": at(2), "insert": at(1, 2),
	"lpad": at(1), "rpad": at(1), "repeat": at(1), "space": at(0), "format": at(0, 1), "conv": at(1, 2), "bin": at(0), "oct": at(0), "sha2": at(1),
	"regexp_instr": at(2, 3, 4), "regexp_substr": at(2, 3), "regexp_replace": at(3, 4), "weight_string": at(2), weightsOfLength: at(1, 2, 3),

	"date_add": at(1), "date_sub": at(1), "timestampadd": at(1), "makedate": allArgs, "maketime": allArgs, "sec_to_time": at(0),
	"from_unixtime": at(0), "from_days": at(0), "period_add": allArgs, "period_diff": allArgs, "week": at(1), "yearweek": at(1),

	"inet_ntoa": at(0), "uuid_to_bin": at(1), "bin_to_uuid": at(1), "random_bytes": at(0), "sleep": at(0), "benchmark": at(0),
	"as year": at(0), "get_lock": at(1), "last_insert_id": at(0), "format_bytes": at(0), "format_pico_time": at(0),
}

// numberAggs are the aggregates that add numbers up.
var numberAggs = map[string]bool{
	"sum": true, "avg": true, "bit_and": true, "bit_or": true, "bit_xor": true,
	"stddev_pop": true, "stddev_samp": true, "var_pop": true, "var_samp": true,
}

// NewHex is a hexadecimal or bit literal (X'41', 0x41, b'101').
func NewHex(b []byte) *Const {
	t := types.TypeBytes
	t.Length = len(b)
	return &Const{Val: types.Bytes(b), Typ: t, hex: true}
}

func isHex(e Expr) bool {
	k, ok := e.(*Const)
	return ok && k.hex
}

// asNumber is e as a number: of a literal's bytes, the last eight spell one, the highest first. IF, CASE and NULLIF pass on what
// they are wanted as, other functions do not (MySQL: SUM(IF(c, b'1', b'0')) counts).
func asNumber(e Expr) Expr {
	if c, ok := e.(*Call); ok && c.name == "in collation" {
		if day, ok := c.args[0].(*Call); ok && day.name == "dayname" {
			return numberOfDay(day)
		}
	} else if ok && c.name == "dayname" {
		return numberOfDay(c)
	}
	if isTimeText(e) {
		if n, err := New(timeAsNumber, e); err == nil {
			return n
		}
	}
	if c, ok := e.(*Call); ok && c.typ.Class() == types.ClassString {
		switch c.name {
		case "if", "case":
			return numberChoice(c)
		case "nullif":
			return numberUnless(c)
		}
	}
	if !isHex(e) {
		return e
	}
	b := e.(*Const).Val.Raw()
	var u uint64
	for _, x := range b[max(len(b)-8, 0):] {
		u = u<<8 | uint64(x)
	}
	v := types.Uint(u)
	return &Const{Val: v, Typ: intType(len(v.Text()), true)}
}

// timeAsNumber is the number of a date, a time or both that a function gave as text.
const timeAsNumber = "time as number"

// isTimeText tells whether e is a date or time that is text because its first operand is, which is a number as dates and times are.
func isTimeText(e Expr) bool {
	c, ok := e.(*Call)
	if !ok || c.typ.Class() != types.ClassString {
		return false
	}
	switch c.name {
	case "in collation":
		return isTimeText(c.args[0])
	case "date_add", "date_sub", "addtime", "subtime":
		return true
	}
	return false
}

// numberOfTime drops what stands between the digits.
func numberOfTime(_ *Call, _ *Env, text types.Value) (types.Value, error) {
	digits := slices.Clone(text.Raw())
	for i, b := range digits {
		if b == ':' || b == ' ' || b == '-' && i > 0 {
			digits[i] = 0
		}
	}
	return types.Float(types.String(slices.DeleteFunc(digits, func(b byte) bool { return b == 0 })).ToFloat(nil)), nil
}

// numberOfDay is DAYNAME as a number: that of the day, as WEEKDAY tells it.
func numberOfDay(c *Call) Expr {
	day, err := New("weekday", c.args...)
	if err != nil {
		return c
	}
	return NewCast(day, types.TypeDouble)
}

// numberChoice is an IF or CASE of literals and numbers as one of numbers only, and any other as it is.
func numberChoice(c *Call) Expr {
	args := slices.Clone(c.args)
	for i, a := range args {
		if i == 0 || c.name == "case" && i%2 == 0 && i < len(args)-1 {
			continue
		}
		args[i] = asNumber(a)
		if cl := args[i].Type().Class(); !isNumberClass(cl) && cl != types.ClassNull {
			return c
		}
	}
	n, err := New(c.name, args...)
	if err != nil {
		return c
	}
	return n
}

// numberUnless is a NULLIF of a literal as a number, and any other as it is.
func numberUnless(c *Call) Expr {
	if !isHex(c.args[0]) {
		return c
	}
	equal, err := New("=", c.args...)
	if err != nil {
		return c
	}
	n, err := New("if", equal, NewNull(), asNumber(c.args[0]))
	if err != nil {
		return c
	}
	return n
}

// bitsAsNumber has the first argument, which is read as digits otherwise, as a number where it is a BIT.
func bitsAsNumber(args []Expr) []Expr {
	if args[0].Type().Class() != types.ClassBit {
		return args
	}
	args = slices.Clone(args)
	args[0] = NewCast(args[0], intType(21, true))
	return args
}

// numbers is args with those at the given places as numbers, copied only where something changes.
func numbers(args []Expr, which places) []Expr {
	copied := false
	for i, a := range args {
		if !which.has(i) {
			continue
		}
		n := asNumber(a)
		if n != a && !copied {
			args, copied = slices.Clone(args), true
		}
		args[i] = n
	}
	return args
}

// convLiteral is CONV of a literal or BIT, whose value does not depend on the base that texts are read in.
func convLiteral(args []Expr) (Expr, error) {
	from, ok := args[1].(*Const)
	if bit := args[0].Type().Class() == types.ClassBit; !bit && !isHex(args[0]) || !ok || from.Val.IsNull() {
		return nil, nil
	}
	if base, _ := from.Val.ToInt(nil); !validBase(base) {
		return nil, nil
	}
	return New("conv", asNumber(bitsAsNumber(args)[0]), NewInt(10), args[2])
}

// numbersBesideNumbers is args where literals beside a number are numbers, too: how they compare.
func numbersBesideNumbers(args []Expr) []Expr {
	for _, a := range args {
		if isNumberClass(a.Type().Class()) {
			return numbers(args, allArgs)
		}
	}
	return args
}

// Condition is e where a truth value is wanted: a literal is a number, and a JSON value is compared with the number 0, from which null and
// false differ.
func Condition(e Expr) Expr {
	if e.Type().Class() == types.ClassJSON {
		if differs, err := New("<>", NewInt(0), e); err == nil {
			return differs
		}
	}
	return asNumber(e)
}

// conditions is args, operands of AND, OR, XOR and NOT, as Condition has them.
func conditions(args []Expr) []Expr {
	if !slices.ContainsFunc(args, func(a Expr) bool { return a.Type().Class() == types.ClassJSON }) {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		args[i] = Condition(a)
	}
	return args
}

// Beside is e where it is compared with a value of type t.
func Beside(e Expr, t *types.Type) Expr {
	if t.ID == mysql.TypeYear {
		e = asYear(e)
	}
	if isNumberClass(t.Class()) {
		return asNumber(e)
	}
	return e
}

// NewBrokenText is a literal of text with bytes that are no characters, as drivers write a BLOB.
func NewBrokenText(b []byte) *Const {
	t := types.TypeBytes
	t.Length = len(b)
	return &Const{Val: types.Bytes(b), Typ: t, broken: true}
}

// ForColumn is e as a value for a column of type t: numeric columns take a hexadecimal literal as a number, 0x41 as 65. One
// of more than eight bytes is beyond them all. Columns of bytes take those that a text has in its character set. To columns of text broken text is text, which they refuse (1366): its bytes are none of their set's.
// Nothing that is shipped has it.
func ForColumn(e Expr, t *types.Type) Expr {
	if e == nil { // what could not be bound
		return nil
	}
	if t.Class() == types.ClassString && t.Collation == collation.Binary {
		if b, err := bytesOf(e); err == nil {
			return b
		}
		return e
	}
	if k, ok := e.(*Const); ok && k.broken && t.Class() == types.ClassString {
		text := types.TypeString
		text.Length = k.Typ.Length
		return &Const{Val: types.String(k.Val.Raw()), Typ: text, broken: true}
	}
	if !isHex(e) || !isNumberClass(t.Class()) {
		return e
	}
	if len(e.(*Const).Val.Raw()) > 8 {
		return &Const{Val: types.Dec(types.Uint(math.MaxUint64).ToDecimal(nil).Add(types.Int(1).ToDecimal(nil))), Typ: decimalType(20, 0)}
	}
	return asNumber(e)
}
