package numeral

import (
	"math"
	"math/rand/v2"
	"testing"

	"vitess.io/vitess/go/mysql/format"
)

// Doubles are shown as the library shows them, and read back as they were.
func TestFloatText(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	check := func(f float64) {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return
		}
		got := string(AppendFloat(nil, f))
		if want := string(format.FormatFloat(f)); got != want && math.Abs(f) >= plainFloatMin {
			t.Errorf("%g is shown as %s, want %s", f, got, want)
		}
		back, n, status := ParseFloat([]byte(got))
		if back != f || n != len(got) || status != OK {
			t.Errorf("%s reads back as %g", got, back)
		}
	}
	for _, f := range []float64{0, 1, -1, 0.1, 1e14, 1e15, 123456789012345678, 1e20, 1e-4, 1e-15, 1e-16, math.MaxFloat64, 5e-324} {
		check(f)
		check(-f)
	}
	for range 20000 {
		check(math.Float64frombits(r.Uint64()))
	}
	for f, want := range map[float64]string{1e20: "1e20", 1.5e-16: "1.5e-16", 1e14: "100000000000000", 0.5: "0.5"} {
		if got := string(AppendFloat(nil, f)); got != want {
			t.Errorf("%g is shown as %s, want %s", f, got, want)
		}
	}
}
