package syntax

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkManyRows reads an INSERT of a thousand rows, one with numbers in its texts that are too long for any type.
func BenchmarkManyRows(b *testing.B) {
	for _, tc := range []struct{ name, text string }{{"short", "alpha bravo"}, {"digits", strings.Repeat("7", 40)}} {
		rows := make([]string, 1000)
		for i := range rows {
			rows[i] = fmt.Sprintf("(%d,%d,'%s',12.50,'2024-01-01 00:00:00')", i, 7*i, tc.text)
		}
		text := "insert into t values " + strings.Join(rows, ",")
		b.Run(tc.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Parse(text, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
