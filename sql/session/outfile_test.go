package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestOutfileRoundTrip: what SELECT … INTO OUTFILE writes of any types with any separators that can be told apart, LOAD DATA reads.
func TestOutfileRoundTrip(t *testing.T) {
	c := connect(t, newTestEngine(t, func(c *Config) { c.FileDir = t.TempDir() }), "root", "localhost")
	c.must("CREATE DATABASE d")
	c.must("USE d")
	r := rand.New(rand.NewPCG(36, 9))
	columns := []struct {
		typ   string
		value func() string
	}{
		{"TINYINT", func() string { return fmt.Sprint(r.IntN(256) - 128) }},
		{"BIGINT UNSIGNED", func() string { return fmt.Sprint(r.Uint64()) }},
		{"INT(8) ZEROFILL", func() string { return fmt.Sprint(r.IntN(1e6)) }},
		{"DECIMAL(30,10)", func() string { return fmt.Sprintf("%d.%d", r.Int64()-1<<62, r.IntN(1e9)) }},
		{"DOUBLE", func() string { return fmt.Sprint(r.NormFloat64() * 1e30) }},
		{"FLOAT", func() string { return fmt.Sprint(float32(r.IntN(1000)) / 8) }},
		{"YEAR", func() string { return fmt.Sprint(1901 + r.IntN(255)) }},
		{"DATE", func() string { return fmt.Sprintf("'%04d-%02d-%02d'", r.IntN(9999), 1+r.IntN(12), 1+r.IntN(28)) }},
		{"DATETIME(6)", func() string {
			return fmt.Sprintf("'2020-02-%02d %02d:59:01.%06d'", 1+r.IntN(28), r.IntN(24), r.IntN(1e6))
		}},
		{"TIMESTAMP NULL", func() string { return fmt.Sprintf("'2020-02-%02d %02d:59:01'", 1+r.IntN(28), r.IntN(24)) }},
		{"TIME(3)", func() string { return fmt.Sprintf("'-%d:01:02.%03d'", r.IntN(838), r.IntN(1000)) }},
		{"VARCHAR(200)", func() string { return randomLiteral(r, false) }},
		{"CHAR(60) CHARACTER SET utf8mb3", func() string { return randomLiteral(r, false) }},
		{"LONGTEXT", func() string { return randomLiteral(r, false) }},
		{"VARBINARY(200)", func() string { return randomLiteral(r, true) }},
		{"BLOB", func() string { return randomLiteral(r, true) }},
		{"BIT(20)", func() string { return fmt.Sprint(r.IntN(1 << 20)) }},
		{"ENUM('a','b,c','it''s')", func() string { return fmt.Sprint(1 + r.IntN(3)) }},
		{"SET('x','y','z')", func() string { return fmt.Sprint(r.IntN(8)) }},
		{"JSON", func() string {
			return []string{`'{"a": [1, "\\"\\\\n", null]}'`, `'"text"'`, `'null'`, `'1.50'`}[r.IntN(4)]
		}},
	}
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	for i := range 40 {
		var defs, values []string
		var makers []func() string
		charset := "utf8mb4"
		for _, at := range r.Perm(len(columns))[:1+r.IntN(8)] {
			switch columns[at].typ {
			case "VARBINARY(200)", "BLOB", "BIT(20)":
				charset = "binary" // bytes that begin no character are 1300 under another one
			}
			defs = append(defs, fmt.Sprintf("c%d %s", at, columns[at].typ))
			makers = append(makers, columns[at].value)
		}
		for n := range 1 + r.IntN(20) {
			row := []string{fmt.Sprint(n)}
			for _, fn := range makers {
				if r.IntN(6) == 0 {
					row = append(row, "NULL")
				} else {
					row = append(row, fn())
				}
			}
			values = append(values, "("+strings.Join(row, ", ")+")")
		}
		field, line, enclosed := pick(",", ";", `\t`, "|", "<f>"), pick(`\n`, `\r\n`, "<end>", "$"), pick("", `"`, `\'`, "^")
		if field[0] == line[0] {
			line = `\n`
		}
		format := fmt.Sprintf("CHARACTER SET %s FIELDS TERMINATED BY '%s' %s ENCLOSED BY '%s' ESCAPED BY '%s' LINES STARTING BY '%s' TERMINATED BY '%s'",
			charset, field, pick("", "OPTIONALLY"), enclosed, pick(`\\`, "!", "~"), pick("", ">>"), line)
		a, b, file := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i), fmt.Sprintf("f%d", i)
		c.must("CREATE TABLE " + a + " (id INT PRIMARY KEY, " + strings.Join(defs, ", ") + ")")
		c.must("CREATE TABLE " + b + " LIKE " + a)
		c.must("INSERT INTO " + a + " VALUES " + strings.Join(values, ", "))
		c.must("SELECT * FROM " + a + " INTO OUTFILE '" + file + "' " + format)
		if out := c.must("LOAD DATA INFILE '" + file + "' INTO TABLE " + b + " " + format); !strings.Contains(out, "Warnings: 0") {
			t.Fatalf("%s: %s", format, out)
		}
		if want, got := c.must("SELECT * FROM "+a+" ORDER BY id"), c.must("SELECT * FROM "+b+" ORDER BY id"); got != want {
			t.Fatalf("%v, %s:\n%s\nbecame\n%s", defs, format, want, got)
		}
	}
}

// randomLiteral is a string rich in what means something in files, of characters or of bytes.
func randomLiteral(r *rand.Rand, bytes bool) string {
	parts := []string{"a", "N", `\\N`, "NULL", `\0`, `\Z`, `\n`, `\r`, `\t`, ",", ";", "|", `"`, `\'`, "^", "!", "~", `\\`, "<f>", "<end>", "$", ">>", "ü", "日"}
	text := ""
	for range r.IntN(8) {
		text += parts[r.IntN(len(parts))]
	}
	if bytes {
		return fmt.Sprintf("concat(x'%02x%02x', '%s')", r.IntN(256), r.IntN(256), text)
	}
	return "'" + text + "'"
}
