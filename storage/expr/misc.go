package expr

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

var miscDefs = []def{
	{name: "uuid", min: 0, max: 0, class: Volatile, typ: typeASCII(36), f0: uuid},
	{name: "uuid_short", min: 0, max: 0, class: Volatile, typ: func(c *Call) error { c.typ = intType(21, true); return nil },
		f0: func(_ *Call, env *Env) (types.Value, error) { return types.Uint(env.random() >> 1), nil }},
	{name: "uuid_to_bin", min: 1, max: 2, typ: typeBytesLen(16), fn: uuidToBin},
	{name: "bin_to_uuid", min: 1, max: 2, typ: typeASCII(36), fn: binToUUID},
	{name: "is_uuid", min: 1, max: 1, typ: typeBool, f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
		_, ok := parseUUID(string(c.text(0, a)))
		return types.Bool(ok), nil
	}},
	{name: "sleep", min: 1, max: 1, class: Volatile, typ: typeIntLen(21), lax: sleep},
	{name: "benchmark", min: 2, max: 2, class: Volatile, typ: typeIntLen(1), ev: benchmark},
	{name: "name_const", min: 2, max: 2, rewrite: nameConst},
	{name: "random_bytes", min: 1, max: 1, class: Volatile, typ: typeBytesOf(func(int) int { return 1024 }), f1: randomBytes},
}

func typeBytesLen(n int) func(*Call) error {
	return func(c *Call) error {
		c.typ, c.coll, c.deriv, c.ascii = stringType(n, collation.Binary), collation.Binary, derivImplicit, false
		return nil
	}
}

// uuidEpoch is 1582-10-15 in 100 ns before the Unix epoch.
const uuidEpoch = 0x01B21DD213814000

// uuid is a version 1 UUID: the clock, and random bits where a MAC address would be.
func uuid(c *Call, env *Env) (types.Value, error) {
	ts := uint64(env.clock().UnixNano()/100) + uuidEpoch
	var u [16]byte
	binary.BigEndian.PutUint32(u[0:], uint32(ts))
	binary.BigEndian.PutUint16(u[4:], uint16(ts>>32))
	binary.BigEndian.PutUint16(u[6:], uint16(ts>>48)&0x0fff|0x1000)
	binary.BigEndian.PutUint64(u[8:], env.random()&0x3fff_ffff_ffff_ffff|0x8000_0100_0000_0000)
	return c.str([]byte(formatUUID(u))), nil
}

func (env *Env) clock() time.Time {
	if env.Clock != nil {
		return env.Clock()
	}
	return time.Now()
}

func formatUUID(u [16]byte) string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// parseUUID takes the forms with and without dashes, and with braces around.
func parseUUID(s string) (u [16]byte, ok bool) {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return u, false
		}
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(s) != 32 {
		return u, false
	}
	_, err := hex.Decode(u[:], []byte(s))
	return u, err == nil
}

func uuidToBin(c *Call, env *Env, a []types.Value) (types.Value, error) {
	s := string(c.text(0, a[0]))
	u, ok := parseUUID(s)
	if !ok {
		return types.Null, mysqlerr.Newf(mysqlerr.WrongValueForType, "Incorrect string value: '%s' for function uuid_to_bin", s)
	}
	if len(a) == 2 && truth(a[1], env) { // time_high, time_mid, time_low: so that they order by time
		u = [16]byte{u[6], u[7], u[4], u[5], u[0], u[1], u[2], u[3], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]}
	}
	return types.Bytes(u[:]), nil
}

func binToUUID(c *Call, env *Env, a []types.Value) (types.Value, error) {
	b := c.text(0, a[0])
	if len(b) != 16 {
		return types.Null, mysqlerr.Newf(mysqlerr.WrongValueForType, "Incorrect string value: '%s' for function bin_to_uuid", b)
	}
	u := [16]byte(b)
	if len(a) == 2 && truth(a[1], env) {
		u = [16]byte{u[4], u[5], u[6], u[7], u[2], u[3], u[0], u[1], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]}
	}
	return c.str([]byte(formatUUID(u))), nil
}

// sleep ends early, with 1, when the statement is cancelled.
func sleep(_ *Call, env *Env, a []types.Value) (types.Value, error) {
	if a[0].IsNull() || a[0].ToFloat(nil) < 0 {
		return types.Null, mysqlerr.New(mysqlerr.WrongArguments, "sleep")
	}
	d := time.Duration(min(a[0].ToFloat(env.Warn), 1e9) * float64(time.Second))
	t := time.NewTimer(d)
	defer t.Stop()
	if env.Ctx == nil {
		<-t.C
		return types.Int(0), nil
	}
	select {
	case <-t.C:
		return types.Int(0), nil
	case <-env.Ctx.Done():
		return types.Int(1), nil
	}
}

// benchmarkCheck is after how many evaluations BENCHMARK looks whether it was cancelled.
const benchmarkCheck = 1024

func benchmark(c *Call, env *Env, row []types.Value) (types.Value, error) {
	v, err := eval(c.args[0], env, row)
	if err != nil || v.IsNull() {
		return types.Null, err
	}
	n, _ := v.ToInt(env.Warn)
	if n < 0 {
		env.warn(mysqlerr.WrongValueForType, "count", itoa64(n), "benchmark")
		return types.Null, nil
	}
	for i := int64(0); i < n; i++ {
		if i%benchmarkCheck == 0 && env.Ctx != nil && env.Ctx.Err() != nil {
			return types.Null, mysqlerr.New(mysqlerr.QueryInterrupted) // query execution was interrupted
		}
		if _, err := eval(c.args[1], env, row); err != nil {
			return types.Null, err
		}
	}
	return types.Int(0), nil
}

func nameConst(args []Expr) (Expr, error) {
	for _, a := range args {
		if _, ok := a.(*Const); !ok {
			if c, ok := a.(*Call); !ok || c.name != "neg" && c.name != "collate" {
				return nil, mysqlerr.New(mysqlerr.WrongArguments, "NAME_CONST")
			}
		}
	}
	return args[1], nil
}

// maxRandomBytes is MySQL's limit.
const maxRandomBytes = 1024

func randomBytes(c *Call, env *Env, a types.Value) (types.Value, error) {
	n, _ := a.ToInt(env.Warn)
	if n < 1 || n > maxRandomBytes {
		return types.Null, mysqlerr.Newf(mysqlerr.DataOutOfRange, "length value is out of range in '%s'", strings.ToLower(c.name))
	}
	var out []byte
	for int64(len(out)) < n {
		out = binary.BigEndian.AppendUint64(out, env.random())
	}
	return types.Bytes(out[:n]), nil
}
