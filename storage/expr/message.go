package expr

import (
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Message is e as messages of errors show it: columns with their tables and databases, parameters as the values that they have in env,
// which may be nil.
func Message(e Expr, env *Env) string {
	return Rewrite(e, func(x Expr) Expr {
		switch x := x.(type) {
		case *Column:
			if x.Full != "" {
				return shownAs(x, x.Full)
			}
		case *Param:
			switch {
			case x.full != "":
				return shownAs(x, x.full)
			case env != nil && x.Index < len(env.Params):
				return &Const{Val: env.Params[x.Index], Typ: x.Typ, deriv: x.origin()}
			}
		case *Call:
			if x.name == "case" {
				return shownAs(x, "("+x.String()+")")
			}
		case *Const:
			if negative(x) { // the sign is an operator there
				return shownAs(x, "-("+strings.TrimPrefix(x.String(), "-")+")")
			}
		}
		return x
	}).String()
}

func negative(k *Const) bool {
	switch {
	case k.deriv != derivUnset:
		return false
	case k.Val.Kind() == types.KindInt:
		return k.Val.Int() < 0
	}
	return (k.Val.Kind() == types.KindFloat || k.Val.Kind() == types.KindDecimal) && strings.HasPrefix(k.String(), "-")
}

// shownAs stands for e in a tree that is nothing but shown.
func shownAs(e Expr, text string) *Column { return &Column{Typ: *e.Type(), Name: text} }

// messageOf is Message of an aggregate.
func (a *Agg) messageOf() string {
	if len(a.Args) == 0 {
		return a.Name + "(0)"
	}
	shown := *a
	shown.Args = make([]Expr, len(a.Args))
	for i, e := range a.Args {
		shown.Args[i] = shownAs(e, Message(e, nil))
	}
	return shown.String()
}

// AggColumn is the column that has an aggregate's results.
func AggColumn(index int, a *Agg) *Column {
	return &Column{Index: index, Typ: a.Typ, Name: a.String(), Full: a.messageOf()}
}

// Quoted is a name of several parts, those that are not empty, as messages and definitions show it.
func Quoted(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		if p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(mysqlerr.Quote(p))
	}
	return b.String()
}

// At is the column at another place.
func (c *Column) At(index int) *Column {
	return &Column{Index: index, Typ: c.Typ, Name: c.Name, Full: c.Full}
}
