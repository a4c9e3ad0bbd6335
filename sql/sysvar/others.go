package sysvar

import (
	_ "embed"
	"strconv"
	"strings"
)

//go:embed others.txt
var othersText string

// others are the groups of others.txt.
func others() (list []group) {
	effects := map[string]Effect{"Nothing": Nothing, "Tells": Tells, "Fixed": Fixed}
	for line := range strings.Lines(othersText) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		if effect, why, ok := strings.Cut(line, ": "); ok {
			list = append(list, group{effect: effects[effect], why: why})
			continue
		}
		g := &list[len(list)-1]
		v := other(strings.SplitN(line, " ", 4))
		v.fixed = g.effect == Fixed
		g.vars = append(g.vars, v)
	}
	return list
}

// other is the variable of a line: scope, kind, name, and the rest.
func other(words []string) *Variable {
	scopes := map[string]Scope{"g": Global, "s": Session, "b": Both, "r": Global}
	kinds := map[string]varKind{
		"string": kindString, "bool": kindBool, "uint": kindUint, "float": kindFloat, "enum": kindEnum, "set": kindSet,
	}
	v := &Variable{Name: words[2], Scope: scopes[words[0]], kind: kinds[words[1]], ReadOnly: words[0] == "r"}
	rest := []string{words[3]}
	if v.kind != kindString {
		rest = strings.Fields(words[3])
	}
	if v.def = rest[0]; v.def == "-" {
		v.def = ""
	}
	switch v.kind {
	case kindUint, kindFloat:
		if len(rest) >= 3 {
			v.min, _ = strconv.ParseUint(rest[1], 10, 64)
			v.max, _ = strconv.ParseUint(rest[2], 10, 64)
		}
		if len(rest) == 4 {
			v.block, _ = strconv.ParseUint(rest[3], 10, 64)
		}
	case kindEnum, kindSet:
		v.values = rest[1:]
	}
	return v
}
