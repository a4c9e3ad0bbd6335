package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

const un = types.Unspecified

// TestDescribe compares what clients are told with MySQL 8.0's answers (mysql --column-type-info) for tables in
// utf8mb4.
func TestDescribe(t *testing.T) {
	utf, bin := collation.Default, collation.Binary
	for _, c := range []struct {
		name string
		col  sql.Column
		want wire
	}{
		{"INT NOT NULL PRIMARY KEY", table(types.Type{ID: mysql.MYSQL_TYPE_LONG, Length: un, Collation: bin}, mysql.NOT_NULL_FLAG|mysql.PRI_KEY_FLAG),
			wire{mysql.MYSQL_TYPE_LONG, bin, 11, mysql.NOT_NULL_FLAG | mysql.PRI_KEY_FLAG, 0}},
		{"SELECT 1", sql.Column{Type: types.TypeInt, Flags: uint16(mysql.NOT_NULL_FLAG)},
			wire{mysql.MYSQL_TYPE_LONGLONG, bin, 20, mysql.NOT_NULL_FLAG | mysql.BINARY_FLAG, 0}},
		{"INT UNSIGNED ZEROFILL", table(types.Type{ID: mysql.MYSQL_TYPE_LONG, Length: un, Unsigned: true, Zerofill: true}, 0),
			wire{mysql.MYSQL_TYPE_LONG, bin, 10, mysql.UNSIGNED_FLAG | mysql.ZEROFILL_FLAG, 0}},
		{"MEDIUMINT UNSIGNED", table(types.Type{ID: mysql.MYSQL_TYPE_INT24, Length: un, Unsigned: true}, 0), wire{mysql.MYSQL_TYPE_INT24, bin, 8, mysql.UNSIGNED_FLAG, 0}},
		{"DECIMAL(10,2)", table(types.Type{ID: mysql.MYSQL_TYPE_NEWDECIMAL, Length: 10, Decimals: 2}, 0), wire{mysql.MYSQL_TYPE_NEWDECIMAL, bin, 12, 0, 2}},
		{"DECIMAL(10,0) UNSIGNED", table(types.Type{ID: mysql.MYSQL_TYPE_NEWDECIMAL, Length: 10, Unsigned: true}, 0),
			wire{mysql.MYSQL_TYPE_NEWDECIMAL, bin, 10, mysql.UNSIGNED_FLAG, 0}},
		{"FLOAT(7,3)", table(types.Type{ID: mysql.MYSQL_TYPE_FLOAT, Length: 7, Decimals: 3}, 0), wire{mysql.MYSQL_TYPE_FLOAT, bin, 7, 0, 3}},
		{"TINYTEXT", table(types.Type{ID: mysql.MYSQL_TYPE_TINY_BLOB, Length: un, Collation: utf}, 0), wire{mysql.MYSQL_TYPE_BLOB, utf, 1020, mysql.BLOB_FLAG, 0}},
		{"MEDIUMTEXT", table(types.Type{ID: mysql.MYSQL_TYPE_MEDIUM_BLOB, Length: un, Collation: utf}, 0), wire{mysql.MYSQL_TYPE_BLOB, utf, 67108860, mysql.BLOB_FLAG, 0}},
		{"LONGTEXT", table(types.Type{ID: mysql.MYSQL_TYPE_LONG_BLOB, Length: un, Collation: utf}, 0), wire{mysql.MYSQL_TYPE_BLOB, utf, math.MaxUint32, mysql.BLOB_FLAG, 0}},
		{"LONGBLOB", table(types.Type{ID: mysql.MYSQL_TYPE_LONG_BLOB, Length: un, Collation: bin}, 0),
			wire{mysql.MYSQL_TYPE_BLOB, bin, math.MaxUint32, mysql.BLOB_FLAG | mysql.BINARY_FLAG, 0}},
		{"VARBINARY(7)", table(types.Type{ID: mysql.MYSQL_TYPE_VARCHAR, Length: 7, Collation: bin}, 0), wire{mysql.MYSQL_TYPE_VAR_STRING, bin, 7, mysql.BINARY_FLAG, 0}},
		{"BINARY(7)", table(types.Type{ID: mysql.MYSQL_TYPE_STRING, Length: 7, Collation: bin}, 0), wire{mysql.MYSQL_TYPE_STRING, bin, 7, mysql.BINARY_FLAG, 0}},
		{"CHAR(7) COLLATE utf8mb4_bin", table(types.Type{ID: mysql.MYSQL_TYPE_STRING, Length: 7, Collation: 46}, 0),
			wire{mysql.MYSQL_TYPE_STRING, utf, 28, mysql.BINARY_FLAG, 0}},
		{"SELECT CONCAT(…)", sql.Column{Type: types.TypeString}, wire{mysql.MYSQL_TYPE_VAR_STRING, utf, 4 * unknownTextChars, 0, 31}},
		{"TIMESTAMP(3)", table(types.Type{ID: mysql.MYSQL_TYPE_TIMESTAMP, Decimals: 3}, mysql.TIMESTAMP_FLAG),
			wire{mysql.MYSQL_TYPE_TIMESTAMP, bin, 23, mysql.TIMESTAMP_FLAG | mysql.BINARY_FLAG, 3}},
	} {
		if got := describe(&c.col, nil); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func table(t types.Type, flags uint) sql.Column {
	return sql.Column{Schema: "d", Table: "t", OrgTable: "t", Name: "c", OrgName: "c", Type: t, Flags: uint16(flags)}
}

func TestDefinitionsAreKept(t *testing.T) {
	h := &sql.Header{Columns: []sql.Column{table(types.TypeInt, 0)}}
	first := HeaderDefinitions(h, nil)
	if &first[0] != &HeaderDefinitions(h, nil)[0] {
		t.Error("encoded twice")
	}
	want := "\x01\x00\x00\x01\x01" + "\x1b\x00\x00\x02\x03def\x01d\x01t\x01t\x01c\x01c\x0c\x3f\x00\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00"
	if string(first) != want {
		t.Errorf("got %q, want %q", first, want)
	}
}

// TestBinaryConversions encodes values whose kind is not that of their column.
func TestBinaryConversions(t *testing.T) {
	typ := func(id byte) types.Type { return types.Type{ID: id, Length: un, Collation: collation.Default} }
	date := temporal.Pack(2024, 2, 29, 0, 0, 0, 0)
	noon := temporal.Pack(2024, 2, 29, 12, 0, 0, 0)
	for _, c := range []struct {
		name string
		t    types.Type
		v    types.Value
		want string
	}{
		{"text in INT", typ(mysql.MYSQL_TYPE_LONG), types.Str("-2"), "\xfe\xff\xff\xff"},
		{"double in BIGINT", typ(mysql.MYSQL_TYPE_LONGLONG), types.Float(2.6), "\x03\x00\x00\x00\x00\x00\x00\x00"},
		{"int in DOUBLE", typ(mysql.MYSQL_TYPE_DOUBLE), types.Int(1), "\x00\x00\x00\x00\x00\x00\xf0\x3f"},
		{"int in VARCHAR", typ(mysql.MYSQL_TYPE_VAR_STRING), types.Int(-12), "\x03-12"},
		{"date in DATETIME", typ(mysql.MYSQL_TYPE_DATETIME), types.Date(date), "\x04\xe8\x07\x02\x1d"},
		{"datetime in DATE", typ(mysql.MYSQL_TYPE_DATE), types.Datetime(noon, 0), "\x04\xe8\x07\x02\x1d"},
		{"noon", typ(mysql.MYSQL_TYPE_DATETIME), types.Datetime(noon, 0), "\x07\xe8\x07\x02\x1d\x0c\x00\x00"},
		{"zero date", typ(mysql.MYSQL_TYPE_DATE), types.Date(0), "\x00"},
		{"text in DATE", typ(mysql.MYSQL_TYPE_DATE), types.Str("2024-02-29"), "\x04\xe8\x07\x02\x1d"},
		{"no date in DATE", typ(mysql.MYSQL_TYPE_DATE), types.Str("x"), "\x00"},
		{"date in VARCHAR", typ(mysql.MYSQL_TYPE_VAR_STRING), types.Date(date), "\x0a2024-02-29"},
		{"epoch in TIMESTAMP", typ(mysql.MYSQL_TYPE_TIMESTAMP), types.Timestamp(0, 0), "\x04\xb2\x07\x01\x01"},
		{"zero time", typ(mysql.MYSQL_TYPE_TIME), types.Time(0, 0), "\x00"},
		{"time", typ(mysql.MYSQL_TYPE_TIME), types.Time(-(25*3600+61)*1000000, 0), "\x08\x01\x01\x00\x00\x00\x01\x01\x01"},
		{"time with micros", typ(mysql.MYSQL_TYPE_TIME), types.Time(1000001, 6), "\x0c\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00"},
		{"text in TIME", typ(mysql.MYSQL_TYPE_TIME), types.Str("00:00:01"), "\x08\x00\x00\x00\x00\x00\x00\x00\x01"},
	} {
		if got := appendBinaryValue(nil, &c.t, c.v); string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNullBitmap(t *testing.T) {
	for n := range 20 {
		cols := make([]sql.Column, n)
		vals := make([]types.Value, n)
		for i := range cols {
			cols[i].Type = types.TypeInt
			if i%3 == 0 {
				vals[i] = types.Int(int64(i))
			}
		}
		b := AppendBinaryRow(nil, cols, vals, nil)
		bitmap := b[1 : 1+(n+9)/8]
		for i := range cols {
			if set := bitmap[(i+2)/8]>>((i+2)%8)&1 == 1; set == (i%3 == 0) {
				t.Errorf("%d columns: bit of column %d is %v", n, i, set)
			}
		}
		if want := 1 + (n+9)/8 + (n+2)/3*8; len(b) != want {
			t.Errorf("%d columns: %d bytes, want %d", n, len(b), want)
		}
	}
}

func TestLongText(t *testing.T) {
	// BIT and decimals go through AppendText; a fake long text checks that the length in front may take several
	// bytes.
	for _, n := range []int{250, 251, 70000} {
		v := types.Str(strings.Repeat("x", n))
		got := appendText(nil, &types.TypeString, v)
		if want := packet.AppendLenenc(nil, v.Raw()); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: differs", n)
		}
	}
}

// TestRowsAllocateNothing is the promise of the package's essay.
func TestRowsAllocateNothing(t *testing.T) {
	cols := []sql.Column{
		{Type: types.TypeInt}, {Type: types.TypeUint}, {Type: types.TypeString}, {Type: types.TypeDouble},
		{Type: types.TypeDatetime}, {Type: types.TypeDate}, {Type: types.TypeTime}, {Type: types.TypeString},
		{Type: types.Type{ID: mysql.MYSQL_TYPE_NEWDECIMAL, Length: 10, Decimals: 2}},
	}
	vals := []types.Value{
		types.Int(-5), types.Uint(7), types.Str("hello"), types.Float(1.25),
		types.Datetime(temporal.Pack(2024, 2, 29, 1, 2, 3, 0), 0), types.Date(temporal.Pack(2024, 2, 29, 0, 0, 0, 0)),
		types.Time(1e9, 0), types.Null, types.DecSmall(12345, 2),
	}
	b := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { b = AppendTextRow(b[:0], cols, vals, nil) }); n != 0 {
		t.Errorf("a text row allocates %v times", n)
	}
	if want := "\x02-5\x017\x05hello\x041.25\x132024-02-29 01:02:03\x0a2024-02-29\x0800:16:40\xfb\x06123.45"; string(b) != want {
		t.Errorf("text row: %q, want %q", b, want)
	}
	if n := testing.AllocsPerRun(100, func() { b = AppendBinaryRow(b[:0], cols, vals, nil) }); n != 0 {
		t.Errorf("a binary row allocates %v times", n)
	}
}

func TestCharsets(t *testing.T) {
	for _, c := range []struct{ collation, utf8, other string }{
		{"latin1_swedish_ci", "größe €", "gr\xf6\xdfe \x80"},
		{"latin2_general_ci", "łódź", "\xb3\xf3d\xbc"},
		{"gb2312_chinese_ci", "中文", "\xd6\xd0\xce\xc4"},
		{"sjis_japanese_ci", "日本", "\x93\xfa\x96\x7b"},
		{"latin1_swedish_ci", "plain", "plain"},
	} {
		id, ok := collation.ByName(c.collation)
		cs := CharsetOf(id)
		if !ok || cs == nil {
			t.Errorf("%s: unknown", c.collation)
			continue
		}
		if got := cs.Encode([]byte(c.utf8)); string(got) != c.other {
			t.Errorf("%s: %q encodes to %q, want %q", c.collation, c.utf8, got, c.other)
		}
		if got := cs.Decode([]byte(c.other)); string(got) != c.utf8 {
			t.Errorf("%s: %q decodes to %q, want %q", c.collation, c.other, got, c.utf8)
		}
	}
	for _, name := range []string{"utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb3_general_ci", "ascii_general_ci", "binary"} {
		id, ok := collation.ByName(name)
		cs := CharsetOf(id)
		if text := []byte("日\xff"); !ok || string(cs.Encode(text)) != string(text) || string(cs.Decode(text)) != string(text) {
			t.Errorf("%s is converted", name)
		}
		said, _ := cs.announced(collation.Default)
		if want := id; said != want && name != "binary" {
			t.Errorf("results in %s are said to be in %s", name, said.Name())
		}
	}
	latin1 := CharsetOf(8)
	if got := latin1.Encode([]byte("日")); string(got) != "?" {
		t.Errorf("a missing character becomes %q", got)
	}
	cols := []sql.Column{{Type: types.TypeString}, {Type: types.TypeBytes}, {Type: types.TypeInt}}
	row := []types.Value{types.Str("ö"), types.Bytes([]byte("ö")), types.Int(1)}
	if got := AppendTextRow(nil, cols, row, latin1); string(got) != "\x01\xf6\x02\xc3\xb6\x011" {
		t.Errorf("text row: %q", got)
	}
	if got := AppendBinaryRow(nil, cols, row, latin1); string(got[2:]) != "\x01\xf6\x02\xc3\xb6\x01\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("binary row: %q", got)
	}
	p := Params{Charset: latin1}
	if err := p.Decode(param(mysql.MYSQL_TYPE_STRING, 0, "\x01\xf6"), 1); err != nil || string(p.Values[0].Raw()) != "ö" {
		t.Errorf("parameter: %v %v", p.Values, err)
	}
}

// TestStoredCharsets: character_set_results NULL sends each column in its own character set, and says so; binary sends the same bytes as such.
func TestStoredCharsets(t *testing.T) {
	text := func(name string) types.Type {
		id, _ := collation.ByName(name)
		return types.Type{ID: mysql.MYSQL_TYPE_VARCHAR, Length: 3, Collation: id}
	}
	cols := []sql.Column{
		{Name: "ö", Type: text("latin1_swedish_ci")}, {Type: text("utf16_unicode_ci")}, {Type: text("utf8mb4_bin")}, {Type: types.TypeBytes}, {Type: types.TypeInt},
	}
	row := []types.Value{types.Str("ö"), types.Str("hi"), types.Str("ö"), types.Bytes([]byte("ö")), types.Int(1)}
	const want = "\x01\xf6\x04\x00h\x00i\x02\xc3\xb6\x02\xc3\xb6"
	for _, id := range []collation.ID{0, collation.Binary} {
		r := ResultsIn(id)
		if got := AppendTextRow(nil, cols, row, r); string(got) != want+"\x011" {
			t.Errorf("%d, text row: %q", id, got)
		}
		if got := AppendBinaryRow(nil, cols, row, r); string(got[2:]) != want+"\x01\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("%d, binary row: %q", id, got)
		}
		for i := range cols[:3] {
			said := cols[i].Type.Collation
			if id == collation.Binary {
				said = id
			}
			if w := describe(&cols[i], r); w.charset != said || w.length != uint32(3*said.MaxBytes()) { //nolint:gosec // a few bytes
				t.Errorf("%d: column %d is announced as %d with %d bytes", id, i, w.charset, w.length)
			}
		}
		if got := appendName(nil, "ö", r); string(got) != "\x02\xc3\xb6" {
			t.Errorf("%d: a name is %q", id, got)
		}
	}
}

// param builds the payload of one parameter of a type.
func param(id, flags byte, value string) []byte {
	return append([]byte{0, 1, id, flags}, value...)
}

func TestParams(t *testing.T) {
	day := temporal.Pack(2024, 2, 29, 0, 0, 0, 0)
	for _, c := range []struct {
		name    string
		payload []byte
		want    types.Value
	}{
		{"TINY", param(mysql.MYSQL_TYPE_TINY, 0, "\xff"), types.Int(-1)},
		{"TINY UNSIGNED", param(mysql.MYSQL_TYPE_TINY, 0x80, "\xff"), types.Uint(255)},
		{"SHORT", param(mysql.MYSQL_TYPE_SHORT, 0, "\xfe\xff"), types.Int(-2)},
		{"YEAR", param(mysql.MYSQL_TYPE_YEAR, 0x80, "\xe8\x07"), types.Uint(2024)},
		{"LONG", param(mysql.MYSQL_TYPE_LONG, 0, "\xfd\xff\xff\xff"), types.Int(-3)},
		{"INT24", param(mysql.MYSQL_TYPE_INT24, 0, "\xfd\xff\xff\xff"), types.Int(-3)},
		{"LONG UNSIGNED", param(mysql.MYSQL_TYPE_LONG, 0x80, "\xfd\xff\xff\xff"), types.Uint(math.MaxUint32 - 2)},
		{"LONGLONG UNSIGNED", param(mysql.MYSQL_TYPE_LONGLONG, 0x80, "\xff\xff\xff\xff\xff\xff\xff\xff"), types.Uint(math.MaxUint64)},
		{"FLOAT", param(mysql.MYSQL_TYPE_FLOAT, 0, string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5)))), types.Float(1.5)},
		{"DOUBLE", param(mysql.MYSQL_TYPE_DOUBLE, 0, string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(-0.1)))), types.Float(-0.1)},
		{"NULL", param(mysql.MYSQL_TYPE_NULL, 0, ""), types.Null},
		{"NULL by bitmap", []byte{1, 1, mysql.MYSQL_TYPE_LONG, 0}, types.Null},
		{"STRING", param(mysql.MYSQL_TYPE_STRING, 0, "\x02ab"), types.Str("ab")},
		{"STRING, not UTF-8", param(mysql.MYSQL_TYPE_STRING, 0, "\x02\xff\xfe"), types.Bytes([]byte("\xff\xfe"))},
		{"BLOB", param(mysql.MYSQL_TYPE_BLOB, 0, "\x02ab"), types.Bytes([]byte("ab"))},
		{"JSON", param(mysql.MYSQL_TYPE_JSON, 0, "\x02{}"), types.Str("{}")},
		{"NEWDECIMAL", param(mysql.MYSQL_TYPE_NEWDECIMAL, 0, "\x06-12.30"), types.DecSmall(-1230, 2)},
		{"NEWDECIMAL, no number", param(mysql.MYSQL_TYPE_NEWDECIMAL, 0, "\x01x"), types.Str("x")},
		{"DATE", param(mysql.MYSQL_TYPE_DATE, 0, "\x04\xe8\x07\x02\x1d"), types.Date(day)},
		{"DATETIME of a day", param(mysql.MYSQL_TYPE_DATETIME, 0, "\x04\xe8\x07\x02\x1d"), types.Datetime(day, 0)},
		{"DATETIME", param(mysql.MYSQL_TYPE_DATETIME, 0, "\x07\xe8\x07\x02\x1d\x0c\x01\x02"),
			types.Datetime(temporal.Pack(2024, 2, 29, 12, 1, 2, 0), 0)},
		{"TIMESTAMP", param(mysql.MYSQL_TYPE_TIMESTAMP, 0, "\x0b\xe8\x07\x02\x1d\x0c\x01\x02\x01\x00\x00\x00"),
			types.Datetime(temporal.Pack(2024, 2, 29, 12, 1, 2, 1), 6)},
		{"zero DATETIME", param(mysql.MYSQL_TYPE_DATETIME, 0, "\x00"), types.Datetime(temporal.Pack(0, 0, 0, 0, 0, 0, 0), 0)},
		{"TIME", param(mysql.MYSQL_TYPE_TIME, 0, "\x08\x01\x01\x00\x00\x00\x02\x03\x04"), types.Time(-(26*3600+184)*1000000, 0)},
		{"TIME, clipped", param(mysql.MYSQL_TYPE_TIME, 0, "\x08\x00\xff\x00\x00\x00\x02\x03\x04"), types.Time(maxTimeMicros, 0)},
		{"zero TIME", param(mysql.MYSQL_TYPE_TIME, 0, "\x00"), types.Time(0, 0)},
	} {
		var p Params
		if err := p.Decode(c.payload, 1); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := fmt.Sprintf("%#v", p.Values[0]); got != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%s: %s, want %#v", c.name, got, c.want)
		}
	}
}

func TestBadParams(t *testing.T) {
	for name, c := range map[string]struct {
		payload []byte
		code    uint16
	}{
		"nothing":            {nil, 1835},
		"no types":           {[]byte{0, 0, 1}, 1210},
		"truncated types":    {[]byte{0, 1, 3}, 1835},
		"truncated value":    {param(mysql.MYSQL_TYPE_LONG, 0, "\x01"), 1835},
		"truncated text":     {param(mysql.MYSQL_TYPE_STRING, 0, "\x05ab"), 1835},
		"NULL as length":     {param(mysql.MYSQL_TYPE_STRING, 0, "\xfb"), 1835},
		"huge length":        {param(mysql.MYSQL_TYPE_STRING, 0, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"), 1835},
		"unknown type":       {param(100, 0, "\x01"), 1835},
		"odd date":           {param(mysql.MYSQL_TYPE_DATE, 0, "\x05\xe8\x07\x02\x1d\x00"), 1835},
		"month 13":           {param(mysql.MYSQL_TYPE_DATE, 0, "\x04\xe8\x07\x0d\x1d"), 1835},
		"minute 60":          {param(mysql.MYSQL_TYPE_TIME, 0, "\x08\x00\x00\x00\x00\x00\x02\x3c\x04"), 1835},
		"infinity":           {param(mysql.MYSQL_TYPE_DOUBLE, 0, "\x00\x00\x00\x00\x00\x00\xf0\x7f"), 1835},
		"micros of a second": {param(mysql.MYSQL_TYPE_TIME, 0, "\x0c\x00\x00\x00\x00\x00\x02\x03\x04\xff\xff\xff\xff"), 1835},
	} {
		var p Params
		if err := p.Decode(c.payload, 1); mysqlerr.Code(err) != c.code {
			t.Errorf("%s: %v, want %d", name, err, c.code)
		}
	}
}

// FuzzParams decodes arbitrary packets: no panic, no value beyond the packet, and the same again without types.
func FuzzParams(f *testing.F) {
	f.Add([]byte{0, 1, mysql.MYSQL_TYPE_LONG, 0, mysql.MYSQL_TYPE_STRING, 0, 1, 2, 3, 4, 2, 'a', 'b'}, uint8(2))
	f.Add(param(mysql.MYSQL_TYPE_DATETIME, 0, "\x0b\xe8\x07\x02\x1d\x0c\x01\x02\x01\x00\x00\x00"), uint8(1))
	f.Add(param(mysql.MYSQL_TYPE_TIME, 0, "\x08\x01\x01\x00\x00\x00\x02\x03\x04"), uint8(1))
	f.Add(param(mysql.MYSQL_TYPE_NEWDECIMAL, 0, "\x06-12.30"), uint8(1))
	f.Fuzz(func(t *testing.T, payload []byte, n uint8) {
		var p Params
		if p.Decode(payload, int(n)) != nil {
			return
		}
		if len(p.Values) != int(n) {
			t.Fatalf("%d values of %d", len(p.Values), n)
		}
		cols := make([]sql.Column, n)
		for i := range cols {
			cols[i].Type = types.TypeString
		}
		first := fmt.Sprint(p.Values)
		_ = AppendBinaryRow(AppendTextRow(nil, cols, p.Values, nil), cols, p.Values, nil)
		if n == 0 {
			return
		}
		nulls := (int(n) + 7) / 8
		if payload[nulls] == 1 { // leave the types out
			again := append(append(bytes.Clone(payload[:nulls]), 0), payload[nulls+1+2*int(n):]...)
			if err := p.Decode(again, int(n)); err != nil || fmt.Sprint(p.Values) != first {
				t.Fatalf("without types: %v %v, before %s", err, p.Values, first)
			}
		}
	})
}

// Documents are in the client's character set as strings are.
func TestDocumentsInCharset(t *testing.T) {
	latin1 := CharsetOf(8)
	cols, row := []sql.Column{{Type: types.Type{ID: mysql.MYSQL_TYPE_JSON}}}, []types.Value{types.JSON([]byte(`"ö"`))}
	if got := AppendTextRow(nil, cols, row, latin1); string(got) != "\x03\"\xf6\"" {
		t.Errorf("text row: %q", got)
	}
	if got := AppendBinaryRow(nil, cols, row, latin1); string(got[2:]) != "\x03\"\xf6\"" {
		t.Errorf("binary row: %q", got)
	}
}
