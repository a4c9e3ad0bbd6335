package delimited

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// readAll gives what a Reader makes of a text: at most width fields a line.
func readAll(src io.Reader, f Format, width int) string {
	const most = 1 << 16
	r := NewReader(src, f, most)
	var out strings.Builder
	for more := true; more; {
		n := 0
		for ; n < width; n++ {
			field, ok, err := r.Field()
			if err != nil {
				fmt.Fprintf(&out, "error %d", mysqlerr.Code(err))
				return out.String()
			}
			if !ok {
				break
			}
			fmt.Fprintf(&out, "%q", field.Text)
			if field.Null {
				out.WriteString("=NULL")
			}
			if field.Enclosed {
				out.WriteString("'")
			}
			out.WriteString(" ")
		}
		if n == 0 {
			break
		}
		var cut bool
		if more, cut = r.EndLine(); cut {
			out.WriteString("… ")
		}
		out.WriteString("/ ")
	}
	return out.String()
}

// The answers are those of MySQL's reader (sql_load.cc), walked through by hand.
func TestReader(t *testing.T) {
	csv := Format{FieldTerm: ",", Enclosed: `"`, Escaped: `\`, LineTerm: "\n", Charset: collation.Default}
	with := func(fn func(f *Format)) Format {
		f := csv
		fn(&f)
		return f
	}
	for _, c := range []struct {
		f        Format
		text     string
		expected string
	}{
		{csv, "", ""},
		{csv, "\n", `"" / `},
		{csv, "a,b", `"a" "b" / `},
		{csv, "a,b,\n", `"a" "b" "" / `},
		{csv, `"a,""b""",c`, `"a,\"b\""' "c" / `},
		{csv, `"a"b",c` + "\n", `"a\"b"' "c" / `},
		{csv, `"a` + "\n" + `b",NULL,"NULL"`, `"a\nb"' "NULL"=NULL "NULL"' / `},
		{csv, `"open`, `"\"open" / `},
		{csv, `\N,\Nx,"\N",\n\t\0\Z\q`, `"N"=NULL "Nx" "N"=NULL' "\n\t\x00\x1aq" / `},
		{csv, `a\`, `"a\\" / `},
		{csv, "1,2,3,4,5\n6", `"1" "2" "3" "4" … / "6" / `},
		{csv, "\xfcber", "error 1300"},
		{with(func(f *Format) { f.Escaped = `"` }), `"a\,""b",c`, `"a\\,\"b"' "c" / `},
		{with(func(f *Format) { f.FieldTerm, f.LineTerm = "::", "--" }), "a:b::c-d--e", `"a:b" "c-d" / "e" / `},
		{with(func(f *Format) { f.FieldTerm, f.LineTerm = ",", "," }), "1,2,3,4,5", `"1" "2" "3" "4" / "5" / `},
		{with(func(f *Format) { f.LineStart = "aab" }), "aaab1,2\nnothing\naab3", `"1" "2" / "3" / `},
		{with(func(f *Format) { f.LineTerm = "" }), "1,2\n3", `"1" "2\n3" / `},
	} {
		if got := readAll(strings.NewReader(c.text), c.f, 4); got != c.expected {
			t.Errorf("%q in %+v: %s, expected %s", c.text, c.f, got, c.expected)
		}
	}
}

// A backslash may be the second half of a character.
func TestWideCharacters(t *testing.T) {
	sjis, ok := collation.DefaultOf("sjis")
	if !ok {
		t.Skip("no sjis")
	}
	f := Default()
	f.Charset = sjis
	if got := readAll(strings.NewReader("\x95\x5c\tb"), f, 2); got != `"\x95\\" "b" / ` {
		t.Error(got)
	}
	w := NewWriter(f, []types.Field{{Type: types.TypeString}})
	if got := w.AppendRow(nil, []types.Value{types.Str("表")}); string(got) != "\x95\x5c\n" {
		t.Errorf("%q", got)
	}
}

// FuzzReader: any bytes in any format are read without panic, alike however they arrive, and within the bound of a field.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a,\"b\"\"c\",\\N\r\nx"), ",", `"`, `\`, "", "\r\n")
	f.Add([]byte("xxa::b--c"), "::", "", "", "xx", "--")
	f.Add([]byte("12  34\n"), "", "", `\`, "", "\n")
	f.Fuzz(func(t *testing.T, text []byte, field, enclosed, escaped, start, line string) {
		format := Format{FieldTerm: field, Enclosed: enclosed, Escaped: escaped, LineStart: start, LineTerm: line, Charset: collation.Default}
		if format.Check() != nil {
			t.Skip()
		}
		whole := readAll(bytes.NewReader(text), format, 3)
		if single := readAll(iotest.OneByteReader(bytes.NewReader(text)), format, 3); single != whole {
			t.Fatalf("%q in %+v: %s at once, %s byte by byte", text, format, whole, single)
		}
		for r := NewReader(bytes.NewReader(text), format, 1<<16); ; {
			if row, ok, err := r.Row(5); !ok || err != nil || len(row) > 5 {
				break
			}
			if more, _ := r.EndLine(); !more {
				break
			}
		}
	})
}

// TestRoundTrip: what the Writer writes, the Reader reads, for any text and any separators that can be told apart.
func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 36))
	one := []string{",", ";", "\t", "|", "x", "'", `"`, "\n", "#"}
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	field := types.Field{Type: types.Type{ID: mysql.TypeVarchar, Length: 100, Collation: collation.Default}}
	fields := []types.Field{field, field, field}
	for range 3000 {
		f := Format{FieldTerm: pick(one...), Escaped: pick(`\`, "!", "~"), LineTerm: pick(append(one, "\r\n", "<end>", "::")...),
			LineStart: pick("", "", ">>", "start "), Enclosed: pick("", `"`, "'", "^"), OptionallyEnclosed: rnd.IntN(2) == 0, Charset: collation.Default}
		if rnd.IntN(3) == 0 {
			f.FieldTerm += pick(one...)
		}
		if f.FieldTerm[0] == f.LineTerm[0] || f.Enclosed == f.FieldTerm[:1] || f.Enclosed == f.LineTerm[:1] {
			continue // MySQL can't tell these apart either
		}
		w := NewWriter(f, fields)
		rows := make([][]types.Value, 1+rnd.IntN(4))
		var file []byte
		for i := range rows {
			for range fields {
				rows[i] = append(rows[i], randomValue(rnd, f))
			}
			file = w.AppendRow(file, rows[i])
		}
		r := NewReader(bytes.NewReader(file), f, 1<<20)
		for i := range rows {
			for j := range fields {
				got, ok, err := r.Field()
				if v := rows[i][j]; !ok || err != nil || got.Null != v.IsNull() || !got.Null && string(got.Text) != string(v.Raw()) {
					t.Fatalf("%+v: row %d, field %d is %v, read %q (null %v, %v, %v) of %q", f, i, j, v, got.Text, got.Null, ok, err, file)
				}
			}
			if more, cut := r.EndLine(); cut || !more {
				t.Fatalf("%+v: line %d of %q: more %v, cut %v", f, i, file, more, cut)
			}
		}
		if _, ok, _ := r.Field(); ok {
			t.Fatalf("%+v: %q has a line too many", f, file)
		}
	}
}

// randomValue is NULL or a text that is rich in what means something in the format.
func randomValue(rnd *rand.Rand, f Format) types.Value {
	if rnd.IntN(5) == 0 {
		return types.Null
	}
	parts := []string{"a", "N", "NULL", "0", "\\", "\x00", "\x1a", "ü", "\n", " ", f.FieldTerm, f.LineTerm, f.Enclosed, f.Escaped, f.LineStart, "n", "t"}
	text := ""
	for range rnd.IntN(6) {
		text += parts[rnd.IntN(len(parts))]
	}
	return types.Str(text)
}
