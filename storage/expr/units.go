package expr

import (
	"fmt"
	"math"

	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Numbers with a unit for people.

var unitDefs = []def{
	{name: "format_bytes", min: 1, max: 1, since: version.V2, typ: typeASCII(20), f1: inUnits(4, "bytes", []sizeUnit{
		{1 << 60, "EiB"}, {1 << 50, "PiB"}, {1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"},
	})},
	{name: "format_pico_time", min: 1, max: 1, since: version.V2, typ: typeASCII(20), f1: inUnits(3, "ps", []sizeUnit{
		{24 * 3600e12, "d"}, {3600e12, "h"}, {60e12, "min"}, {1e12, "s"}, {1e9, "ms"}, {1e6, "us"}, {1e3, "ns"},
	})},
}

type sizeUnit struct {
	size float64
	name string
}

// inUnits gives a number in the largest unit that it reaches; below all of them it is a whole number of base, so wide.
func inUnits(width int, base string, units []sizeUnit) func(c *Call, env *Env, a types.Value) (types.Value, error) {
	return func(c *Call, env *Env, a types.Value) (types.Value, error) {
		f := a.ToFloat(env.Warn)
		for _, u := range units {
			if math.Abs(f) < u.size {
				continue
			}
			format := "%4.2f %s"
			if math.Abs(f/u.size) >= 100000 {
				format = "%4.2e %s"
			}
			return c.str(fmt.Appendf(nil, format, f/u.size, u.name)), nil
		}
		return c.str(fmt.Appendf(nil, "%*d %s", width, int64(f), base)), nil
	}
}
