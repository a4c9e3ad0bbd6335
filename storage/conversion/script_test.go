package conversion

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver"

	"cloudsql/storage/collation"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// typeOf reads a column type in SQL.
func typeOf(t *testing.T, sql string) *types.Type {
	t.Helper()
	stmt, err := parser.New().ParseOneStmt("CREATE TABLE t (c "+sql+")", "", "")
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	ft := stmt.(*ast.CreateTableStmt).Cols[0].Tp
	out := &types.Type{
		ID: ft.GetType(), Length: ft.GetFlen(), Decimals: ft.GetDecimal(), Elems: ft.GetElems(),
		Unsigned: mysql.HasUnsignedFlag(ft.GetFlag()), Zerofill: mysql.HasZerofillFlag(ft.GetFlag()),
		Collation: collation.Default,
	}
	if c, ok := collation.ByName(ft.GetCollate()); ok {
		out.Collation = c
	} else if c, ok := collation.DefaultOf(ft.GetCharset()); ok {
		out.Collation = c
	}
	if mysql.HasBinaryFlag(ft.GetFlag()) || !(out.Class() == types.ClassString || out.Class() == types.ClassEnum || out.Class() == types.ClassSet) {
		out.Collation = collation.Binary
	}
	return out
}

// valueOf reads a value: 12, 1.5 (a decimal), 1.5e0 (a double), 'text', x'ff', date '…', datetime '…', time '…', json '…'.
func valueOf(t *testing.T, s string) types.Value {
	t.Helper()
	word, rest, quoted := strings.Cut(s, "'")
	if quoted {
		text := strings.TrimSuffix(rest, "'")
		if strings.Contains(text, `\`) {
			u, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			text = u
		}
		switch strings.TrimSpace(word) {
		case "":
			return types.Str(text)
		case "x":
			return types.Bytes([]byte(text))
		case "date":
			return types.Str(text).ToDate(nil, nil)
		case "datetime":
			return types.Str(text).ToDatetime(nil, nil)
		case "time":
			return types.Str(text).ToTime(nil, nil)
		case "json":
			j, err := types.ParseJSON([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			return j
		}
		t.Fatalf("unknown value %s", s)
	}
	switch {
	case s == "null":
		return types.Null
	case strings.ContainsAny(s, "eE"):
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		return types.Float(f)
	case strings.Contains(s, "."):
		d, _, _ := types.ParseDecimal([]byte(s))
		return d
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return types.Int(i)
	}
	u, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		d, _, _ := types.ParseDecimal([]byte(s))
		return d
	}
	return types.Uint(u)
}

// show prints a value with its kind's name, so that a script sees what a conversion made.
func show(v types.Value, typ *types.Type, loc *time.Location) string {
	text := func() string { return string(types.ToLocal(v, loc).AppendText(nil, typ)) }
	switch v.Kind() {
	case types.KindNull:
		return "NULL"
	case types.KindString, types.KindJSON:
		return "'" + text() + "'"
	case types.KindBytes, types.KindBit:
		return fmt.Sprintf("x'%x'", v.AppendText(nil, nil))
	case types.KindEnum, types.KindSet:
		return fmt.Sprintf("%d '%s'", v.Uint(), text())
	}
	return text()
}

// TestScripts runs testdata/scripts: each line is "type | value", and its answer the line again with
// the result, or the error, and the warnings.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			m := types.DefaultMode()
			for _, arg := range d.CmdArgs {
				switch arg.Key {
				case "lax":
					m.Strict = false
				case "zero":
					m.NoZeroDate, m.NoZeroInDate = false, false
				case "invalid":
					m.AllowInvalid = true
				case "tz":
					loc, err := time.LoadLocation(arg.Vals[0])
					if err != nil {
						t.Fatal(err)
					}
					m.Loc = loc
				}
			}
			m.Today = temporal.Pack(2024, 5, 17, 0, 0, 0, 0)
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				runLine(t, &out, d.Cmd, strings.TrimSpace(line), m)
			}
			return out.String()
		})
	})
}

func runLine(t *testing.T, out *strings.Builder, cmd, line string, m *types.Mode) {
	left, right, _ := strings.Cut(line, " | ")
	fmt.Fprintf(out, "%s → ", line)
	var warnings []string
	warn := func(code uint16, message string) {
		level := ""
		if code&types.Note != 0 {
			level = "note "
		}
		warnings = append(warnings, fmt.Sprintf("%s%d %s", level, code&^types.Note, message))
	}
	switch cmd {
	case "assign":
		typ := typeOf(t, left)
		v, err := Assign(valueOf(t, right), typ, "c", 1, m, warn)
		if err != nil {
			fmt.Fprintln(out, err)
			return
		}
		fmt.Fprint(out, show(v, typ, m.Loc))
	case "cast":
		typ := typeOf(t, left)
		fmt.Fprint(out, show(Cast(valueOf(t, right), typ, m, warn), typ, m.Loc))
	case "type":
		fmt.Fprint(out, typeOf(t, line))
	case "compare":
		fmt.Fprint(out, types.Compare(valueOf(t, left), valueOf(t, right), collation.Default))
	case "number":
		v := valueOf(t, line)
		i, clippedI := v.ToInt(warn)
		u, clippedU := v.ToUint(nil)
		fmt.Fprintf(out, "int %d%s, uint %d%s, double %s, decimal %s, %v", i, clip(clippedI), u, clip(clippedU),
			types.Float(v.ToFloat(nil)).Text(), v.ToDec(nil).Text(), v.ToBool(nil))
	default:
		t.Fatalf("unknown command %s", cmd)
	}
	for _, w := range warnings {
		fmt.Fprintf(out, "  [%s]", w)
	}
	out.WriteByte('\n')
}

func clip(clipped bool) string {
	if clipped {
		return "!"
	}
	return ""
}
