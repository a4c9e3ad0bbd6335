package generate

import (
	"fmt"
	"strings"
	"time"
)

var integers = []string{
	"0", "1", "-1", "2", "3", "7", "10", "-10", "31", "64", "100", "127", "128", "-129", "255", "256", "32767", "65535", "65536", "1000000",
	"8388607", "2147483647", "-2147483648", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808",
	"9223372036854775808", "18446744073709551615", "18446744073709551616", "-18446744073709551616", "20200101", "20200101123456", "99991231",
}

var decimals = []string{
	"0.0", ".5", "1.5", "-1.50", "0.1", "12.345", "99.99", "-0.000", "5.", "123456789.987654321", "1000000000000000000.5",
	"0.000000000000000000000000000001", "0.0000000000000000000000000000001", strings.Repeat("9", 65), "-" + strings.Repeat("9", 66),
	strings.Repeat("9", 35) + "." + strings.Repeat("9", 30), strings.Repeat("1", 100), "0." + strings.Repeat("3", 90), strings.Repeat("0", 90) + "1.5",
	"0e0", "1e0", "-1.5e3", "1e-300", "1.7976931348623157e308", "-1e308", "4.9e-324", "1e18", "1e19", "1e65", "1e-400",
}

var texts = []string{
	"", "a", "A", "b", "abc", "ABC", "aB", " a ", "a ", "%", "_", "a%", "%b%", "0", "1", "-1", "1e5", "1x", "x1", "1.5", "0x41", "NULL", "true",
	"ß", "é", "日本語", "😀", "\u200b", "ÀÉ", "ǆ", "\ufeff", "a\u0301", "\\", `\\`, "'", "''", `"`, "`", "\n", "\t", "\r\n", ",", "a,b,c", "x'41'",
	"2020-01-01", "2020-02-30", "0000-00-00", "2020-00-01", "2020-01-01 12:34:56", "2020-01-01 12:34:56.789012", "2020-01-01T00:00:00Z",
	"2020-01-01 00:00:00+05:30", "12:34:56", "-838:59:59", "839:00:00", "1 2:3:4.5", "9999-12-31 23:59:59.999999", "1969-12-31", "2038-01-19 03:14:08",
	"70-1-1", "101", "20201301", `{"a": [1, 2, {"b": null}]}`, `[1, "x", 1.5e10, true]`, `"j"`, "{", `{"a": 1, "a": 2}`, "[[[[]]]]", `"\ud800"`,
	"$", "$.a", "$[0]", "$**.b", "$[last]", "$[last-1 to last]", "$.*", "$.", "$[", `$."a b"`, "$.a[*]", "one", "all", "utf8mb4", "latin1", "binary",
	"%Y-%m-%d %H:%i:%s.%f", "%", "%%", "%W %M %D %j %U %u %V %v %x %X", "%T %r %p", "%e %c %k %l", "UTC", "+05:30", "-14:00", "SYSTEM", "Europe/Berlin", "Mars/Phobos",
	"(", "[", "[[:alpha:]]+", "a{2,1}", `\N{}`, `\1`, "(a*)*b", "a|b", "^.*$", "(?i)a", "(?<n>a)", "[a-", `\p{L}`, "\\", "**", "i", "c", "m", "imnxu",
	"127.0.0.1", "::1", "::ffff:1.2.3.4", "256.1.1.1", "6ccd780c-baba-1026-9564-5b8c656024db", "{6ccd780c-baba-1026-9564-5b8c656024db}", "YWJj", "====",
	"de_DE", "en_US", "DATE", "EUR", "ISO", "a\x00b", "\x00", "\x1a", "\x7f", "day", "1-2", "1 1:1:1", "1:2.5", "-1 -1",
}

var brokenTexts = []string{"\xff", "\xfe\xff", "a\xc3", "\xe6\x97", "\xf0\x9f\x98", "\xed\xa0\x80", "\x80abc", "\xc0\xaf"}

var binaries = []string{
	"x''", "x'00'", "x'41'", "x'ff'", "x'ffffffffffffffff'", "x'ffffffffffffffffff'", "x'0102030405060708090a0b0c0d0e0f10'", "0x0", "0xff", "0x414243",
	"0x" + strings.Repeat("f", 40), "b''", "b'0'", "b'1'", "b'101'", "b'0000000000000001'", "b'" + strings.Repeat("1", 64) + "'",
	"b'" + strings.Repeat("1", 70) + "'", "0b11", "X'4D7953514C'", "x'e697a5'", "x'7b7d'",
}

var introduced = []string{
	"_utf8mb4'a'", "_utf8mb4 x'e697a5'", "_latin1'a'", "_binary'a'", "_binary x'ff'", "N'n'", "_ascii'a'", "_utf8mb3'a'", "_utf8'ß'",
	"_utf8mb4'a' COLLATE utf8mb4_bin", "_utf8mb4 b'01000001'", "_latin1 x'4142'",
}

// hopeless are literals that no statement with them survives, and so they are rare.
var hopeless = []string{
	"_ucs2 x'0041'", "_utf16 x'd83dde00'", "_koi8r'a'", "_gbk'a'", "_nothing'a'", "_latin1'a' COLLATE utf8mb4_bin", "1e309", "_latin1 x'e4'",
	"DATE'0000-00-00'", "DATE'2020-13-01'", "TIME'-838:59:59.999999'", "TIME'x'", "TIMESTAMP'2020-01-01'",
}

var temporals = []string{
	"DATE'2020-01-01'", "DATE'2020-02-29'", "DATE'9999-12-31'", "TIME'12:34:56'", "TIME'-838:59:59'",
	"TIME'1 10:00:00.5'", "TIMESTAMP'2020-01-01 00:00:00'", "TIMESTAMP'1970-01-01 00:00:00.000001'", "TIMESTAMP'9999-12-31 23:59:59.999999'",
	"TIMESTAMP'2020-06-01 12:00:00+02:00'", "DATE'1000-01-01'", "DATE'0001-01-01'",
}

func (g *Generator) literal() string {
	if g.chance(0.002) {
		return g.oneOf(hopeless)
	}
	switch g.n(16) {
	case 0, 1, 2:
		return fmt.Sprint(g.n(20))
	case 3, 4:
		return g.oneOf(integers)
	case 5, 6:
		return g.oneOf(decimals)
	case 7, 8, 9:
		return g.text()
	case 10:
		return g.oneOf(binaries)
	case 11:
		return g.oneOf(introduced)
	case 12:
		return g.oneOf(temporals)
	case 13:
		return g.pick("TRUE", "FALSE")
	default:
		return "NULL"
	}
}

// text is a string between quotes.
func (g *Generator) text() string {
	s := g.oneOf(texts)
	switch g.n(60) {
	case 0:
		s = g.oneOf(brokenTexts)
	case 1:
		s = strings.Repeat(s+"x", 1+g.n(300))
	case 2:
		if g.chance(0.05) {
			s = strings.Repeat("long ", 20_000)
		}
	case 3:
		s = g.oneOf(texts) + s
	case 4:
		if g.chance(0.01) {
			s = strings.Repeat(g.pick("x", "1", "日", "%", "{", "[1,"), 1<<20)
		}
	}
	return quote(s)
}

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// argument is what a client binds to a parameter.
func (g *Generator) argument() any {
	switch g.n(12) {
	case 0:
		return nil
	case 1, 2, 3:
		return int64(g.n(20))
	case 4:
		return []int64{-1, 1 << 62, -1 << 63, 1<<63 - 1, 255, 65536}[g.n(6)]
	case 5:
		return []uint64{0, 1<<64 - 1, 1 << 63}[g.n(3)]
	case 6:
		return []float64{0, 1.5, -1e300, 5e-324, 1e19}[g.n(5)]
	case 7:
		return []byte(g.oneOf(brokenTexts))
	case 8:
		return time.Date(1+g.n(9999), time.Month(1+g.n(12)), 1+g.n(28), g.n(24), g.n(60), g.n(60), 1000*g.n(1e6), time.UTC)
	case 9:
		return g.chance(0.5)
	default:
		return g.oneOf(texts)
	}
}

var oddNames = []string{
	"nothing", "`a b`", "`select`", "`日本`", "`a``b`", "`1`", "`.`", "``", "`" + strings.Repeat("n", 64) + "`", "`" + strings.Repeat("n", 65) + "`", "`x `",
	"select", "1a", "a$b", "`😀`", "\"q\"", "id", "ID", "Id",
}
