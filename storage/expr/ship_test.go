package expr

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/limits"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

var shipRounds = flag.Int("ship-rounds", 30_000, "how many expressions TestEveryFunctionShips makes")

// shipper makes random calls of everything over columns of the types that a catalog has, and extreme constants.
type shipper struct {
	t      *testing.T
	rng    *rand.Rand
	names  []string
	types  []types.Type // of the columns; each is an assignment's target, too
	row    []types.Value
	consts []Expr
	params []types.Value

	paramTypes map[types.Kind]types.Type
	casts      []types.Type // what CAST knows, and what set operations and comparisons convert to
	found      map[string]bool

	collations []collation.ID
}

func newShipper(t *testing.T, seed uint64) *shipper {
	s := &shipper{t: t, rng: rand.New(rand.NewPCG(seed, 7)), found: map[string]bool{}}
	for _, n := range Names() {
		if n != "sleep" && n != "benchmark" {
			s.names = append(s.names, n)
		}
	}
	at := temporal.Pack
	digits, _, _ := types.ParseDecimal([]byte(strings.Repeat("9", 35) + "." + strings.Repeat("9", 30)))
	add := func(t types.Type, v types.Value) { s.types, s.row = append(s.types, t), append(s.row, v) }
	text, bin := collation.Default, collation.Binary
	add(types.Type{ID: mysql.TypeLong, Length: 11}, types.Int(-5))
	add(types.Type{ID: mysql.TypeLonglong, Length: 20, Unsigned: true}, types.Uint(1<<63))
	add(types.TypeDouble, types.Float(1e308))
	add(decimalType(65, 30), digits)
	add(decimalType(10, 2), types.DecSmall(12345, 2))
	add(stringType(100, text), types.Str("Bee"))
	add(types.Type{ID: mysql.TypeLongBlob, Length: limits.TypeLength / 4, Collation: text}, types.Str(strings.Repeat("x", 300)))
	add(types.Type{ID: mysql.TypeLongBlob, Length: limits.TypeLength, Collation: bin}, types.Bytes([]byte{0xff, 0}))
	add(types.Type{ID: mysql.TypeBlob, Length: limits.TypeLength, Decimals: notFixed, Collation: text}, types.Str("2024-02-30"))
	add(types.TypeJSON, types.JSON([]byte(`{"a": [1, 2.5, "x", null, 123456789012345678901234567890, 1e308]}`)))
	add(types.TypeDate, types.Date(0))
	add(datetimeType(6), types.Datetime(at(9999, 12, 31, 23, 59, 59, 999999), 6))
	add(timeType(6), types.Time(-temporal.MaxTime, 6))
	add(timeType(0), types.Time(0, 0))
	add(types.Type{ID: mysql.TypeEnum, Elems: []string{"small", "large"}, Collation: text}, types.Enum(2, []byte("large")))
	add(types.Type{ID: mysql.TypeEnum, Elems: []string{""}, Collation: text}, types.Enum(0, nil))
	add(types.Type{ID: mysql.TypeSet, Elems: []string{"a", "b"}, Collation: text}, types.Set(3, []byte("a,b")))
	add(types.Type{ID: mysql.TypeBit, Length: 64}, types.Bit(1<<63, 64))
	add(types.Type{ID: mysql.TypeBit, Length: 1}, types.Bit(1, 1))
	add(types.Type{ID: mysql.TypeYear, Length: 4, Unsigned: true}, types.Uint(2155))
	add(types.Type{ID: mysql.TypeTiny, Length: 4}, types.Int(-128))
	add(types.Type{ID: mysql.TypeTimestamp, Length: 26, Decimals: 6}, types.Datetime(at(2038, 1, 19, 3, 14, 7, 0), 6))
	add(types.Type{ID: mysql.TypeVarchar, Length: 3, Collation: bin}, types.Bytes([]byte("abc")))
	add(types.Type{ID: mysql.TypeString, Length: 3, Collation: text}, types.Null)
	add(types.Type{ID: mysql.TypeFloat, Length: 12}, types.Float(-3e38))
	add(decimalType(65, 0), types.DecSmall(-1, 0))
	add(decimalType(1, 1), types.DecSmall(9, 1))
	s.consts = []Expr{
		NewInt(3), NewInt(0), NewInt(-1), NewInt(1<<63 - 1), NewInt(-1 << 63), NewStr("abc"), NewStr(""), NewStr("day"), NewStr("$.a"),
		NewStr("$**.a[last]"), NewStr("2024-01-02 03:04:05"), NewStr("999:59:59"), NewStr(`{"a":[1]}`), NewNull(), NewHex([]byte{0xff, 0xfe}),
		NewStr(strings.Repeat("9", 90)), NewStr("1e400"), NewStr("SYSTEM"), NewStr("utf8mb4"), NewStr("(a*)*b"), NewStr(`\N{}`), NewStr("€ß\U0001F600"),
		&Const{Val: types.Date(0), Typ: types.TypeDate}, &Const{Val: types.Datetime(at(9999, 12, 31, 23, 59, 59, 999999), 6), Typ: datetimeType(6)},
		&Const{Val: types.Time(temporal.MaxTime, 0), Typ: timeType(0)}, &Const{Val: types.Float(1e308), Typ: types.TypeDouble},
		&Const{Val: digits, Typ: decimalType(65, 30)},
	}
	for _, u := range slices.Sorted(maps.Keys(units)) {
		s.consts = append(s.consts, NewStr(u))
	}
	// A plan is for parameters of the kinds that it was made with, and of any values of theirs.
	s.params = append(slices.Clone(s.row), types.Bytes([]byte{0xff}), types.Str("\u00e4"), types.Null, types.Float(-0.5), types.Uint(1<<64-1))
	s.paramTypes = map[types.Kind]types.Type{
		types.KindNull: types.TypeNull, types.KindInt: types.TypeInt, types.KindUint: types.TypeUint, types.KindFloat: types.TypeDouble,
		types.KindDecimal: decimalType(65, 2), types.KindString: types.TypeString, types.KindBytes: types.TypeBytes, types.KindDate: types.TypeDate,
		types.KindDatetime: datetimeType(3), types.KindTime: timeType(0), types.KindJSON: types.TypeJSON, types.KindEnum: types.TypeString,
		types.KindSet: types.TypeString, types.KindBit: {ID: mysql.TypeBit, Length: 64, Unsigned: true, Collation: bin},
	}
	s.casts = append(slices.Clone(s.types), types.TypeInt, types.TypeUint, types.TypeDouble, types.TypeString, types.TypeBytes, types.TypeDate,
		datetimeType(0), datetimeType(3), timeType(2), stringType(0, text), stringType(2, bin), types.Type{ID: mysql.TypeString, Length: 5, Collation: bin},
		types.Type{ID: mysql.TypeString, Length: 1<<32 - 1, Collation: bin}, decimalType(10, 0))
	for _, name := range []string{"utf8mb4_bin", "utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "latin1_swedish_ci", "ascii_bin", "binary", "utf8mb4_0900_bin"} {
		c, ok := collation.ByName(name)
		if !ok {
			t.Fatal(name)
		}
		s.collations = append(s.collations, c)
	}
	for range len(s.names) / 20 { // not only as often as any function
		s.names = append(s.names, "cast", "collate", "case", "case value", "like", "interval +", "interval -", "xor", "ifnull")
	}
	return s
}

func (s *shipper) operand() Expr {
	switch s.rng.IntN(12) {
	case 0, 1, 2, 3:
		return s.consts[s.rng.IntN(len(s.consts))]
	case 4:
		i := s.rng.IntN(len(s.params))
		return &Param{Index: i, Typ: s.paramTypes[s.params[i].Kind()]}
	}
	i := s.rng.IntN(len(s.types))
	return &Column{Index: i, Typ: s.types[i], Name: fmt.Sprint("c", i)}
}

// fault reports a kind of fault once.
func (s *shipper) fault(kind string, e Expr, what any) {
	if !s.found[kind] {
		s.found[kind] = true
		text := ""
		if e != nil {
			text = e.String()
		}
		s.t.Errorf("%s: %.300v: %.300s", kind, what, text)
	}
}

func (s *shipper) guarded(kind string, e *Expr, do func()) {
	defer func() {
		if p := recover(); p != nil {
			s.fault("panic: "+kind, *e, p)
		}
	}()
	do()
}

// call makes a call over operands and perhaps more over that, which stands in any place among the arguments; nil where
// they don't fit.
func (s *shipper) call() (e Expr, name string) {
	for range 1 + s.rng.IntN(4) {
		n := s.names[s.rng.IntN(len(s.names))]
		var args []Expr
		for range s.rng.IntN(5) {
			args = append(args, s.operand())
		}
		if e != nil {
			args = slices.Insert(args, s.rng.IntN(len(args)+1), e)
		}
		s.guarded("building "+n, &e, func() {
			if x, err := s.build(n, args); err == nil && x != nil && ClassOf(x) == Pure {
				e, name = x, n
			}
		})
	}
	return e, name
}

// built are the nodes that New doesn't make by their name.
var built = []string{"cast", "collate"}

func (s *shipper) build(name string, args []Expr) (Expr, error) {
	if !slices.Contains(built, name) {
		return New(name, args...)
	}
	if len(args) == 0 {
		return nil, nil
	}
	if name == "cast" {
		return []func(Expr, types.Type) Expr{NewCast, NewCastTo}[s.rng.IntN(2)](args[0], s.casts[s.rng.IntN(len(s.casts))]), nil
	}
	return NewCollate(args[0], s.collations[s.rng.IntN(len(s.collations))])
}

// ship encodes and decodes e, which must mean the same afterwards.
func (s *shipper) ship(name string, e Expr, env *Env) (back Expr) {
	s.guarded("shipping "+name, &e, func() {
		b, err := Encode(nil, e, env, version.Max)
		if err != nil {
			if mysqlerr.Code(err) != mysql.ErrInvalidCharacterString { // a constant that was folded to broken text
				s.fault("encoding "+name, e, err)
			}
			return
		}
		x, rest, err := Decode(b)
		if err != nil || len(rest) > 0 {
			s.fault("decoding "+name, e, err)
			return
		}
		if again, err := Encode(nil, x, env, version.Max); err != nil || !bytes.Equal(again, b) {
			s.fault("encoding again "+name, e, err)
		}
		back = x
	})
	return back
}

// env is what a statement may be evaluated under: any time that a session can set, in any zone, parameters of all kinds.
func (s *shipper) env() *Env {
	env := testEnv(nil)
	flag := func() bool { return s.rng.IntN(2) == 0 }
	env.InDML, env.MaxPacket, env.Warn = flag(), 1<<16, func(uint16, string) {}
	m := &env.Mode
	m.Strict, m.NoZeroDate, m.NoZeroInDate, m.AllowInvalid, m.PadChar, m.DivZeroError, m.NoUnsignedSub =
		flag(), flag(), flag(), flag(), flag(), flag(), flag()
	zones := []*time.Location{time.UTC, time.FixedZone("+14:00", 14*3600), time.FixedZone("-13:59", -14*3600+60), m.Loc}
	m.Loc = zones[s.rng.IntN(len(zones))]
	seconds := []int64{1, 1<<31 - 1, 32536771199, env.Now.Unix()}
	env.Now = time.Unix(seconds[s.rng.IntN(len(seconds))], 999_999_000).UTC()
	m.Today = types.Date(packedAt(env.Now.In(m.Loc))).Uint()
	env.Params = s.params
	return env
}

func packedAt(t time.Time) uint64 {
	return temporal.Pack(t.Year(), int(t.Month()), t.Day(), 0, 0, 0, 0)
}

// shipEnv encodes and decodes an environment.
func (s *shipper) shipEnv(env *Env) *Env {
	back, rest, err := DecodeEnv(EncodeEnv(nil, env, true, version.Max))
	if err != nil || len(rest) > 0 {
		s.fault("shipping the environment", nil, err)
		return env
	}
	back.Warn, back.Params = env.Warn, env.Params
	return back
}

func (s *shipper) eval(name string, e Expr, env *Env) (v types.Value, ok bool) {
	s.guarded("evaluating "+name, &e, func() {
		var err error
		if v, err = e.Eval(env, s.row); err != nil {
			var my *mysqlerr.Error
			typed := errors.As(err, &my)
			xpath := typed && strings.Contains(my.Message, "XPATH ") // 1105 in MySQL, too
			if !typed || my.Code == mysql.ErrUnknown && !xpath {
				s.fault("untyped error of "+name, e, err)
			}
			return
		}
		broken := env.InDML && v.Kind() == types.KindString && !utf8.Valid(v.Raw()) // a column refuses it
		if _, _, err := types.DecodeValue(types.AppendValue(nil, v)); err != nil && !broken {
			s.fault("value of "+name, e, v.Text())
			return
		}
		ok = true
	})
	return v, ok
}

// store assigns a value to a column of each kind in turn.
func (s *shipper) store(e Expr, v types.Value, env *Env) {
	t := s.types[s.rng.IntN(len(s.types))]
	kind := fmt.Sprintf("storing kind %d as type %d", v.Kind(), t.ID)
	s.guarded(kind, &e, func() {
		_ = v.ToBool(nil)
		a, err := conversion.Assign(v, &t, "c", 1, &env.Mode, env.Warn)
		if err != nil {
			return
		}
		if _, _, err := types.DecodeValue(types.AppendValue(nil, a)); err != nil {
			s.fault(kind, e, a.Text())
		}
		_ = types.Identical(a, a)
		_ = types.HashKey(nil, a, t.Collation)
	})
}

// TestEveryFunctionShips: whatever can be built over columns and constants, as it is and folded, is encoded, decoded to the
// same, evaluated to a value that can travel or to a MySQL error, and stored in any column. It makes the same expressions
// each time; -args -ship-rounds 3000000 looks longer.
func TestEveryFunctionShips(t *testing.T) {
	s := newShipper(t, 1)
	built := 0
	for range *shipRounds {
		e, name := s.call()
		if e == nil {
			continue
		}
		built++
		env := s.env()
		if s.rng.IntN(3) == 0 {
			s.guarded("folding "+name, &e, func() { e = Fold(e, env) })
		}
		back := s.ship(name, e, env)
		v, ok := s.eval(name, e, env)
		if back == nil || !ok {
			continue
		}
		if w, ok := s.eval(name, back, s.shipEnv(env)); !ok || !bytes.Equal(types.AppendValue(nil, w), types.AppendValue(nil, v)) {
			s.fault("other value after shipping "+name, e, w.Text())
		}
		s.store(e, v, env)
	}
	if built < *shipRounds/4 {
		t.Errorf("only %d expressions were built", built)
	}
}
