package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// TestData runs the scripts in testdata. Each input line is an expression; the output line shows its value, or its
// error, and the warnings. The commands:
//
//	eval     the value
//	type     the type that clients see, and the value
//	fold     the folded tree of an expression over columns a INT, b VARCHAR, d DATE
//	agg      aggregates over the rows that the "rows" command gave last
//	rows     one row a line, a VALUES list without parentheses; the first line names the columns
func TestData(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		tab := &table{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "rows" {
				*tab = readTable(t, d.Input)
				return ""
			}
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				if line == "" || strings.HasPrefix(line, "#") {
					continue
				}
				fmt.Fprintf(&out, "%s => %s\n", line, run(t, d, tab, line))
			}
			return out.String()
		})
	})
}

func run(t *testing.T, d *datadriven.TestData, tab *table, line string) string {
	var warnings []string
	env := testEnv(&warnings)
	env.InDML = d.HasArg("dml")
	b := &bridge{cols: tab.cols}
	if len(b.cols) == 0 {
		b.cols = defaultColumns()
	}
	e, agg, err := b.parse(line)
	if err != nil {
		return "parse: " + err.Error()
	}
	show := ""
	switch {
	case agg != nil:
		show = tab.aggregate(t, agg, env, d.Cmd == "type")
	case d.Cmd == "fold":
		show = Fold(e, env).String()
	default:
		show = evalAndShip(t, e, env, rowOf(b.cols), d.Cmd == "type")
	}
	return strings.Join(append([]string{show}, warnings...), "\n    ")
}

func defaultColumns() []testColumn {
	varchar := stringType(20, collation.Default)
	return []testColumn{
		{"a", types.Type{ID: 3, Length: 11}, types.Int(5)},
		{"b", varchar, types.Str("Bee")},
		{"d", types.TypeDate, types.Date(temporal.Pack(2024, 2, 29, 0, 0, 0, 0))},
		{"n", types.Type{ID: 3, Length: 11}, types.Null},
		{"bin", stringType(20, collation.UTF8MB4Bin), types.Str("Bee")},
		{"u", types.TypeUint, types.Uint(18446744073709551615)},
		{"dt", datetimeType(6), types.Datetime(temporal.Pack(2024, 2, 29, 12, 30, 45, 678900), 6)},
		{"tm", timeType(0), types.Time(-(3*3600+25*60)*temporal.MicrosPerSecond, 0)},
		{"de", decimalType(10, 2), types.DecSmall(12345, 2)},
		{"f", types.TypeDouble, types.Float(1.5)},
		{"j", types.TypeJSON, types.JSON([]byte(`{"a": [1, 2, {"b": "x"}]}`))},
		{"en", types.Type{ID: 247, Elems: []string{"small", "large"}, Collation: collation.Default}, types.Enum(2, []byte("large"))},
		{"bt", types.Type{ID: 16, Length: 8}, types.Bit(5, 8)},
		{"bi", types.TypeInt, types.Int(-9223372036854775808)},
		{"vb", stringType(20, collation.Binary), types.Bytes([]byte("Bee"))},
	}
}

func rowOf(cols []testColumn) []types.Value {
	var row []types.Value
	for _, c := range cols {
		row = append(row, c.val)
	}
	return row
}

// evalAndShip evaluates e, and again after a journey through Encode and Decode, which must change nothing.
func evalAndShip(t *testing.T, e Expr, env *Env, row []types.Value, withType bool) string {
	v, err := e.Eval(env, row)
	if ClassOf(e) == Pure {
		checkShipped(t, e, env, row, v, err)
	}
	if err != nil {
		me := mysqlerr.From(err)
		return fmt.Sprintf("error %d: %s", me.Code, me.Message)
	}
	s := showValue(v, e.Type())
	if withType {
		s += " " + showType(e.Type())
	}
	return s
}

func checkShipped(t *testing.T, e Expr, env *Env, row []types.Value, want types.Value, wantErr error) {
	t.Helper()
	b, err := Encode(nil, e, env, version.Max)
	if err != nil {
		t.Fatalf("encode %s: %v", e, err)
	}
	back, rest, err := Decode(b)
	if err != nil || len(rest) > 0 {
		t.Fatalf("decode %s: %v, %d bytes left", e, err, len(rest))
	}
	if back.String() != e.String() {
		t.Errorf("%s came back as %s", e, back)
	}
	eb := EncodeEnv(nil, env, true, version.Max)
	far, _, err := DecodeEnv(eb)
	if err != nil {
		t.Fatal(err)
	}
	got, gotErr := back.Eval(far, row)
	if (gotErr == nil) != (wantErr == nil) || showValue(got, back.Type()) != showValue(want, e.Type()) {
		t.Errorf("%s: %s, %v after the journey, before: %s, %v", e, showValue(got, back.Type()), gotErr, showValue(want, e.Type()), wantErr)
	}
}

func showValue(v types.Value, t *types.Type) string {
	if v.IsNull() {
		return "NULL"
	}
	b := v.AppendText(nil, t)
	if v.Kind() == types.KindBytes && !(utf8.Valid(b) && printableText(b)) {
		return "0x" + hexText(b)
	}
	if v.Kind() == types.KindBit {
		return "0x" + hexText(b)
	}
	return strings.ReplaceAll(string(b), "\n", `\n`)
}

func printableText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' {
			return false
		}
	}
	return true
}

var classNames = map[types.Class]string{types.ClassNull: "NULL", types.ClassInt: "INT", types.ClassFloat: "DOUBLE",
	types.ClassDecimal: "DECIMAL", types.ClassString: "STRING", types.ClassDate: "DATE", types.ClassDatetime: "DATETIME",
	types.ClassTime: "TIME", types.ClassJSON: "JSON", types.ClassBit: "BIT", types.ClassEnum: "ENUM", types.ClassSet: "SET"}

func showType(t *types.Type) string {
	s := fmt.Sprintf("%s(%d", classNames[t.Class()], t.Length)
	if t.Decimals != 0 && t.Decimals != notFixed {
		s += fmt.Sprintf(",%d", t.Decimals)
	}
	s += ")"
	if t.Unsigned {
		s += " unsigned"
	}
	if t.Class() == types.ClassString {
		s += " " + t.Collation.Name()
	}
	return s
}

// table holds the rows that aggregates run over.
type table struct {
	cols []testColumn
	rows [][]types.Value
}

func readTable(t *testing.T, input string) table {
	var tab table
	b := &bridge{}
	for i, line := range strings.Split(input, "\n") {
		if i == 0 {
			for _, n := range strings.Fields(line) {
				tab.cols = append(tab.cols, testColumn{name: n, typ: types.TypeNull})
			}
			continue
		}
		var row []types.Value
		for j, f := range strings.Split(line, ",") {
			e, _, err := b.parse(strings.TrimSpace(f))
			if err != nil {
				t.Fatal(err)
			}
			v, err := e.Eval(testEnv(nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			tab.cols[j].typ = unifyTypes(tab.cols[j].typ, *e.Type())
			row = append(row, v)
		}
		tab.rows = append(tab.rows, row)
	}
	for _, row := range tab.rows {
		for j, v := range row {
			row[j] = convert(testEnv(nil), v, &tab.cols[j].typ, &tab.cols[j].typ)
		}
	}
	return tab
}

// aggregate runs agg over all rows at once, and in parts where it can be, which must give the same.
func (tab *table) aggregate(t *testing.T, agg *Agg, env *Env, withType bool) string {
	b, err := EncodeAgg(nil, agg, env, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	shipped, rest, err := DecodeAgg(b)
	if err != nil || len(rest) > 0 {
		t.Fatalf("decode %s: %v", agg, err)
	}
	whole := tab.result(agg, env)
	if got := tab.result(shipped, testEnv(nil)); got != whole {
		t.Errorf("%s: %s after the journey, %s before", agg, got, whole)
	}
	if agg.Partial() {
		for _, parts := range []int{2, 3, len(tab.rows) + 1} {
			if got := tab.merged(t, shipped, parts); !sameResult(got, whole) {
				t.Errorf("%s in %d parts: %s, whole: %s", agg, parts, got, whole)
			}
		}
	}
	if withType {
		whole += " " + showType(&agg.Typ)
	}
	return whole
}

// sameResult allows doubles to differ in their last digits: their sums depend on the order.
func sameResult(a, b string) bool {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA == nil && errB == nil && strings.Contains(a+b, ".") {
		return math.Abs(x-y) <= 1e-12*math.Max(math.Abs(x), 1)
	}
	return a == b
}

func (tab *table) result(agg *Agg, env *Env) string {
	s := agg.NewState()
	for _, row := range tab.rows {
		if err := s.Add(env, row); err != nil {
			return err.Error()
		}
	}
	return showResult(agg, s, env)
}

func showResult(agg *Agg, s State, env *Env) string {
	v, err := s.Result(env)
	if err != nil {
		return err.Error()
	}
	return showValue(v, &agg.Typ)
}

// merged deals the rows out in runs to as many states as there are parts and merges them through their partial values.
func (tab *table) merged(t *testing.T, agg *Agg, parts int) string {
	env := testEnv(nil)
	total := agg.NewState()
	n := len(tab.rows)
	for p := range parts {
		s := agg.NewState()
		for _, row := range tab.rows[n*p/parts : n*(p+1)/parts] {
			if err := s.Add(env, row); err != nil {
				return err.Error()
			}
		}
		partial := s.AppendPartial(nil)
		if len(partial) != len(agg.PartialTypes()) {
			t.Fatalf("%s: %d partial values of %d types", agg, len(partial), len(agg.PartialTypes()))
		}
		if err := total.Merge(partial); err != nil {
			return err.Error()
		}
	}
	return showResult(agg, total, env)
}
