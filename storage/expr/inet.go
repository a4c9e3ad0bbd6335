package expr

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Internet addresses.

var inetDefs = []def{
	{name: "inet_aton", min: 1, max: 1, typ: func(c *Call) error { c.typ = intType(21, true); return nil }, f1: inetAton},
	{name: "inet_ntoa", min: 1, max: 1, typ: typeASCII(31), f1: inetNtoa},
	{name: "inet6_aton", min: 1, max: 1, typ: typeBytesLen(16), f1: inet6Aton},
	{name: "inet6_ntoa", min: 1, max: 1, typ: typeASCII(39), f1: inet6Ntoa},
	{name: "is_ipv4", min: 1, max: 1, typ: typeBool, lax: isAddr(func(a netip.Addr) bool { return a.Is4() })},
	{name: "is_ipv6", min: 1, max: 1, typ: typeBool, lax: isAddr(func(a netip.Addr) bool { return a.Is6() })},
	{name: "is_ipv4_compat", min: 1, max: 1, typ: typeBool, lax: isMapped(func(b [16]byte) bool {
		return [12]byte(b[:12]) == [12]byte{} && binary.BigEndian.Uint32(b[12:]) > 1
	})},
	{name: "is_ipv4_mapped", min: 1, max: 1, typ: typeBool, lax: isMapped(func(b [16]byte) bool {
		return netip.AddrFrom16(b).Is4In6()
	})},
}

// inetAton takes the short forms of old too: '127.1' is 127.0.0.1. Of more than four parts it makes a larger number, as MySQL does.
func inetAton(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := string(c.text(0, a))
	parts := strings.Split(s, ".")
	var r uint64
	if s == "" {
		return badAddress(env, s, "inet_aton")
	}
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return badAddress(env, s, "inet_aton")
		}
		r = r<<8 | n
	}
	switch len(parts) {
	case 2:
		r = r>>8<<24 | r&255
	case 3:
		r = r>>8<<16 | r&255
	}
	return types.Uint(r), nil
}

func badAddress(env *Env, s, fn string) (types.Value, error) {
	env.warnf(mysqlerr.WrongValueForType, "Incorrect string value: '%s' for function %s", s, fn)
	return types.Null, nil
}

func inetNtoa(c *Call, env *Env, a types.Value) (types.Value, error) {
	u, clipped := a.ToUint(env.Warn)
	if clipped || u > 1<<32-1 {
		return badAddress(env, string(c.text(0, a)), "inet_ntoa")
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(u))
	return c.str([]byte(netip.AddrFrom4(b).String())), nil
}

func inet6Aton(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := string(c.text(0, a))
	addr, ok := parseAddr(s)
	if !ok {
		return badAddress(env, s, "inet6_aton")
	}
	return types.Bytes(addr.AsSlice()), nil
}

// parseAddr reads an address of either kind as MySQL does: numbers of the dotted form may begin with zeros.
func parseAddr(s string) (netip.Addr, bool) {
	colon := strings.LastIndexByte(s, ':') + 1
	if dotted := strings.Split(s[colon:], "."); len(dotted) == 4 {
		for i, d := range dotted {
			if len(d) <= 3 {
				dotted[i] = strings.TrimLeft(d[:max(len(d)-1, 0)], "0") + d[max(len(d)-1, 0):]
			}
		}
		s = s[:colon] + strings.Join(dotted, ".")
	}
	addr, err := netip.ParseAddr(s)
	return addr, err == nil && addr.Zone() == ""
}

func inet6Ntoa(c *Call, env *Env, a types.Value) (types.Value, error) {
	if a.Kind() != types.KindBytes {
		return badAddress(env, string(c.text(0, a)), "inet6_ntoa")
	}
	addr, ok := netip.AddrFromSlice(a.Raw())
	if !ok {
		return badAddress(env, hexText(a.Raw()), "inet6_ntoa")
	}
	s := addr.String()
	if b := a.Raw(); len(b) == 16 && !addr.Is4In6() {
		s = ipv6Text([16]byte(b))
	}
	return c.str([]byte(s)), nil
}

// ipv6Text writes an address as MySQL does: the longest run of zero groups, also of one, is left out, and what is left of an
// IPv4-compatible address is dotted.
func ipv6Text(b [16]byte) string {
	var words [8]uint16
	gap, length := 0, 0
	for i, from := 0, 0; i < 8; i++ {
		if words[i] = binary.BigEndian.Uint16(b[2*i:]); words[i] != 0 {
			from = i + 1
		} else if i+1-from > length {
			gap, length = from, i+1-from
		}
	}
	if gap == 0 && length == 6 {
		return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	var s strings.Builder
	for i := 0; i < 8; i++ {
		if length > 0 && i == gap {
			s.WriteString("::")
			i += length - 1
			continue
		}
		if i > 0 && (length == 0 || i != gap+length) {
			s.WriteByte(':')
		}
		s.WriteString(strconv.FormatUint(uint64(words[i]), 16))
	}
	return s.String()
}

// noAddress is what a test for addresses makes of NULL: NULL, but 0 of a NULL that is a number.
func noAddress(c *Call, env *Env) types.Value {
	if env.Mode.Legacy || isNumberClass(c.args[0].Type().Class()) {
		return types.Int(0)
	}
	return types.Null
}

func isAddr(ok func(netip.Addr) bool) func(*Call, *Env, []types.Value) (types.Value, error) {
	return func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		if a[0].IsNull() {
			return noAddress(c, env), nil
		}
		addr, valid := parseAddr(string(c.text(0, a[0])))
		return types.Bool(valid && ok(addr)), nil
	}
}

func isMapped(ok func([16]byte) bool) func(*Call, *Env, []types.Value) (types.Value, error) {
	return func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		if a[0].IsNull() {
			return noAddress(c, env), nil
		}
		if a[0].Kind() != types.KindBytes || len(a[0].Raw()) != 16 {
			return types.Int(0), nil
		}
		return types.Bool(ok([16]byte(a[0].Raw()))), nil
	}
}
