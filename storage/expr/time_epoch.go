package expr

import (
	"strings"
	"time"

	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// Epochs, time zones and GET_FORMAT.

func typeFromUnixtime(c *Call) error {
	if len(c.args) == 2 {
		return typeFormat(c)
	}
	c.typ = datetimeType(fspOf(c.args[0].Type()))
	return nil
}

// maxUnixtime is 3001-01-18 23:59:59.999999 UTC, the end of FROM_UNIXTIME.
const maxUnixtime = 32536771199999999

func fromUnixtime(c *Call, env *Env, a []types.Value) (types.Value, error) {
	us, ok := secondsToMicros(a[0], env)
	if !ok || us < 0 || us > maxUnixtime {
		return types.Null, nil
	}
	d := fromStd(time.UnixMicro(us).In(env.loc()))
	if len(a) == 2 {
		out, ok := d.format(nil, string(c.text(1, a[1])))
		if !ok {
			return types.Null, nil
		}
		return c.str(out), nil
	}
	return d.datetime(c.typ.Decimals), nil
}

func typeUnixTimestamp(c *Call) error {
	c.typ = intType(11, false)
	if len(c.args) == 1 {
		if fsp := fspOfExpr(c.args[0]); fsp > 0 {
			c.typ = decimalType(11+fsp, fsp)
		}
	}
	return nil
}

// unixTimestamp is 0 for what no timestamp can be.
func unixTimestamp(c *Call, env *Env, a types.Value) (types.Value, error) {
	d, ok := fuzzy(env, a)
	var us int64
	if ok && !d.HasZero() {
		at := d.instant(env, env.loc())
		if _, column := c.args[0].(*Column); column && a.ShownAgain() && !env.Mode.Legacy {
			at = zones.ShownAgain(at.In(env.loc()))
		}
		us = at.UnixMicro()
	}
	if us < 0 || us > maxUnixtime {
		us = 0
	}
	if c.typ.Class() == types.ClassInt {
		return types.Int(us / temporal.MicrosPerSecond), nil
	}
	unit := int64(fspUnit[c.typ.Decimals])
	return types.DecSmall(us/unit, c.typ.Decimals), nil
}

func convertTZ(c *Call, env *Env, a []types.Value) (types.Value, error) {
	d, ok := calendar(env, a[0])
	if !ok {
		return types.Null, nil
	}
	from, ok := env.zone(string(c.text(1, a[1])))
	if !ok {
		return types.Null, nil
	}
	to, ok := env.zone(string(c.text(2, a[2])))
	if !ok {
		return types.Null, nil
	}
	t := d.instant(env, from)
	first := int64(temporal.MicrosPerSecond)
	if env.Mode.Legacy {
		first = 0
	}
	if us := t.UnixMicro(); us < first || us > maxUnixtime {
		return d.datetime(c.typ.Decimals), nil // beyond timestamps, of which 0 is none, nothing is converted
	}
	return fromStd(t.In(to)).datetime(c.typ.Decimals), nil
}

var dateFormats = map[string]map[string]string{
	"date": {"USA": "%m.%d.%Y", "JIS": "%Y-%m-%d", "ISO": "%Y-%m-%d", "EUR": "%d.%m.%Y", "INTERNAL": "%Y%m%d"},
	"datetime": {"USA": "%Y-%m-%d %H.%i.%s", "JIS": "%Y-%m-%d %H:%i:%s", "ISO": "%Y-%m-%d %H:%i:%s",
		"EUR": "%Y-%m-%d %H.%i.%s", "INTERNAL": "%Y%m%d%H%i%s"},
	"time": {"USA": "%h:%i:%s %p", "JIS": "%H:%i:%s", "ISO": "%H:%i:%s", "EUR": "%H.%i.%s", "INTERNAL": "%H%i%s"},
}

func getFormat(c *Call, _ *Env, kind, name types.Value) (types.Value, error) {
	k := strings.ToLower(string(c.text(0, kind)))
	if k == "timestamp" {
		k = "datetime"
	}
	f, ok := dateFormats[k][strings.ToUpper(string(c.text(1, name)))]
	if !ok {
		return types.Null, nil
	}
	return c.str([]byte(f)), nil
}
