package expr

import (
	"slices"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// ClassOf gives the most restrictive class in e's tree.
func ClassOf(e Expr) Class {
	class := Pure
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Call); ok {
			class = max(class, c.def.class)
		}
		return class != Volatile
	})
	return class
}

// Since gives the cluster version that all readers of e must know, by the functions in it.
func Since(e Expr) version.Version {
	since := version.V1
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Call); ok {
			since = max(since, c.def.since)
		}
		return true
	})
	return since
}

// Nodes counts the nodes of e.
func Nodes(e Expr) (n int) {
	Walk(e, func(Expr) bool { n++; return true })
	return n
}

// Calls counts the functions and operators of e.
func Calls(e Expr) (n int) {
	Walk(e, func(e Expr) bool {
		if _, ok := e.(*Call); ok {
			n++
		}
		return true
	})
	return n
}

// What a call costs, in steps, whatever it looks at. A regular expression is given up after 30,000 states that the library has
// saved (3699), each as large as the pattern has groups; how many it takes cannot be known beforehand.
const (
	callSteps   = 32
	regexpSteps = 1 << 16
)

// Cost is how many steps evaluating e over a row takes at most: the bytes of the columns and constants that are looked at, and
// something for each call. What functions build, and look at in turn, is counted by Budget.Bytes.
func Cost(e Expr, row []types.Value) int {
	switch e := e.(type) {
	case *Column:
		if uint(e.Index) < uint(len(row)) {
			return len(row[e.Index].Raw())
		}
	case *Const:
		return len(e.Val.Raw())
	case *Call:
		n := callSteps
		if e.def.prep != nil && isRegexp(e) {
			n = regexpSteps
		}
		for _, a := range e.args {
			n += Cost(a, row)
		}
		return n
	}
	return 0
}

// Walk visits e and all below it, parents first; fn returns false to stay out of a subtree.
func Walk(e Expr, fn func(Expr) bool) {
	if e == nil || !fn(e) {
		return
	}
	if c, ok := e.(*Call); ok {
		for _, a := range c.args {
			Walk(a, fn)
		}
	}
}

// UsesNow tells whether a value of e may depend on the statement's time, beyond its day.
func UsesNow(e Expr) bool {
	c, ok := e.(*Call)
	return ok && (c.def.usesNow || slices.ContainsFunc(c.args, UsesNow))
}

// Rewrite rebuilds e bottom-up, replacing each node by fn's result (fn returns its argument to keep it). The types and
// collations that the nodes were built with stay, so a column may be replaced by another of its type, by a parameter or
// by a constant. Nothing is copied where nothing changes.
func Rewrite(e Expr, fn func(Expr) Expr) Expr {
	c, ok := e.(*Call)
	if !ok {
		return fn(e)
	}
	var args []Expr
	for i, a := range c.args {
		n := Rewrite(a, fn)
		if n != a && args == nil {
			args = append(make([]Expr, 0, len(c.args)), c.args[:i]...)
		}
		if args != nil {
			args = append(args, n)
		}
	}
	if args == nil {
		return fn(c)
	}
	return fn(c.withArgs(args))
}

// Columns adds the indexes of the row positions that e reads to set.
func Columns(e Expr, set map[int]bool) {
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Column); ok {
			set[c.Index] = true
		}
		return true
	})
}

// Fold evaluates what env makes constant and returns the smaller tree: no Column below; Params when env.Params is set;
// NeedsSession when env.Session is set; NOW() and whatever else depends on the statement's time or time zone when
// env.Now is set, so that a plan which is folded without it can be kept. Volatile calls stay. An evaluation that
// fails or warns leaves the node as it was, so that the error or warning appears at run time, and each time.
func Fold(e Expr, env *Env) Expr {
	f := &folder{env: *env}
	f.env.Warn = func(uint16, string) { f.warned = true }
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Call); ok && c.name == ":=" {
			f.assigns = true
		}
		return true
	})
	return Rewrite(e, f.node)
}

type folder struct {
	env     Env
	warned  bool
	assigns bool // a user variable changes on the way: none is constant
}

func (f *folder) node(e Expr) Expr {
	switch e := e.(type) {
	case *Param:
		if e.Index < len(f.env.Params) {
			return &Const{Val: f.env.Params[e.Index], Typ: e.Typ, deriv: e.origin()}
		}
	case *Call:
		if e.name == "and" || e.name == "or" {
			return f.logic(e)
		}
		if f.constant(e) {
			return f.evaluate(e)
		}
	}
	return e
}

// constant tells whether all arguments are constants (they were folded before) and the call itself may run now.
func (f *folder) constant(c *Call) bool {
	switch {
	case c.def.class == Volatile, c.def.once, c.name == "row":
		return false
	case c.def.class == NeedsSession && (f.env.Session == nil || f.assigns && readsVariables(c.def)):
		return false
	case c.def.usesNow && f.env.Now.IsZero():
		return false
	}
	for _, a := range c.args {
		if _, ok := a.(*Const); !ok {
			if !isRow(a) || !f.constantRow(a.(*Call)) {
				return false
			}
		}
	}
	return true
}

// readsVariables tells whether a function reads user variables of the session.
func readsVariables(d *def) bool {
	return d.name == "@" || d.name == inVariables["extractvalue"] || d.name == inVariables["updatexml"]
}

func (f *folder) constantRow(c *Call) bool {
	for _, a := range c.args {
		if _, ok := a.(*Const); !ok {
			return false
		}
	}
	return true
}

func (f *folder) evaluate(c *Call) Expr {
	f.warned = false
	v, err := c.Eval(&f.env, nil)
	if err != nil || f.warned {
		return c
	}
	if len(v.Raw()) < memory.ValueBytes { // a large one is charged as it is, and nothing but constants
		v = v.Clone()
	}
	return &Const{Val: v, Typ: c.typ, deriv: c.deriv + 1}
}

// logic drops operands of AND and OR that cannot change the result, and decides where one can.
func (f *folder) logic(c *Call) Expr {
	deciding := c.name == "or"
	var rest []Expr
	for _, a := range c.args {
		k, ok := a.(*Const)
		if !ok || k.Val.IsNull() {
			rest = append(rest, a)
			continue
		}
		f.warned = false
		t := truth(k.Val, &f.env)
		switch {
		case f.warned:
			rest = append(rest, a)
		case t == deciding && len(rest) == 0, t == deciding && !f.mayFail(rest):
			return boolConst(deciding)
		case t == deciding:
			rest = append(rest, a)
		}
	}
	switch {
	case len(rest) == 0:
		return boolConst(!deciding)
	case len(rest) == len(c.args):
		if f.constant(c) {
			return f.evaluate(c)
		}
		return c
	case len(rest) == 1:
		if alone, ok := rest[0].(*Call); ok && truths[alone.name] {
			return rest[0]
		}
		return c.withArgs([]Expr{rest[0], boolConst(!deciding)})
	}
	return c.withArgs(rest)
}

// mayFail tells whether leaving the expressions out could hide an error, a warning or a side effect.
func (f *folder) mayFail(es []Expr) bool {
	for _, e := range es {
		if ClassOf(e) == Volatile {
			return true
		}
	}
	return false
}

func boolConst(b bool) *Const { return &Const{Val: types.Bool(b), Typ: types.TypeBool} }

// Operands are the arguments of a comparison, BETWEEN or IN with its constants converted to the type that they are
// compared as: a string beside a date column is a date, an integer's text beside an integer column an integer. For all
// other calls they are the Args.
func (c *Call) Operands() []Expr {
	if s, ok := c.aux.(*inSet); ok {
		return append([]Expr{c.args[0]}, s.items...)
	}
	return c.operands(false)
}
