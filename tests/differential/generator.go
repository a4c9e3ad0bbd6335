package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Statement is one thing to ask both servers.
type Statement struct {
	SQL     string
	Theirs  string   // what MariaDB is told instead; "" for the same
	Ordered bool     // its rows have an order
	Binary  bool     // it is prepared and executed
	Checks  []string // queries that show what it left
	Done    func()   // to be called when both have done it; may be nil
}

// inMariaDB is what MariaDB is told: what both have.
func (s *Statement) inMariaDB() string {
	if s.Theirs != "" {
		return s.Theirs
	}
	return s.SQL
}

// Generator makes statements, of its seed and of which of them succeeded.
type Generator struct {
	rng     *rand.Rand
	scope   []source // tables that an expression may name
	ctes    []source // tables that WITH has named
	depth   int      // of nested expressions
	inner   int      // of nested queries
	rows    int      // a number that the next row gets
	names   int      // the same of tables, keys and constraints
	tables  []*table
	pending []Statement // what comes next
	atoms   bool        // expressions are columns and literals only
	files   string      // a directory that both may read files in, "" for none
}

// source is a table that an expression may name.
type source struct {
	alias   string
	columns []column
}

// New makes one of several generators of a seed.
func New(seed, which uint64) *Generator { return &Generator{rng: rand.New(rand.NewPCG(seed, which))} }

func (g *Generator) n(n int) int              { return g.rng.IntN(n) }
func (g *Generator) chance(p float64) bool    { return g.rng.Float64() < p }
func (g *Generator) of(list ...string) string { return list[g.n(len(list))] }
func (g *Generator) kind() kind               { return kind(g.n(int(kinds))) }

// maybe is text at times.
func (g *Generator) maybe(p float64, text string) string {
	if g.chance(p) {
		return text
	}
	return ""
}

// name is one that is new.
func (g *Generator) name(prefix string) string {
	g.names++
	return fmt.Sprint(prefix, g.names)
}

// Next makes a statement.
func (g *Generator) Next() Statement {
	if len(g.pending) > 0 {
		s := g.pending[0]
		g.pending = g.pending[1:]
		return s
	}
	g.scope, g.ctes, g.depth, g.inner, g.atoms = nil, nil, 0, 0, false
	switch p := g.n(100); {
	case p < 62:
		return g.query()
	case p < 84:
		return g.change()
	case p < 90:
		return g.schema()
	case p < 95:
		g.session()
	default:
		g.transaction()
	}
	return g.Next()
}

// expr is an expression of a kind.
func (g *Generator) expr(k kind) string {
	g.depth++
	defer func() { g.depth-- }()
	switch {
	case g.chance(0.03):
		return "NULL"
	case k < kinds && g.chance(0.06):
		k = g.kind() // as something that it is not
	}
	if g.atoms || g.depth > 4 || g.chance(0.35) {
		if c := g.column(k); c != "" && g.chance(0.7) {
			return c
		}
		return g.literal(k)
	}
	switch {
	case k < kinds && g.chance(0.2):
		return g.choice(k)
	case g.inner < 2 && len(g.tables) > 0 && g.chance(0.04):
		return g.subquery(k)
	}
	list := grammar[k]
	return g.expand(list[g.n(len(list))])
}

func (g *Generator) column(k kind) string {
	if len(g.scope) == 0 {
		return ""
	}
	s := g.scope[g.n(len(g.scope))]
	var fit []column
	for _, c := range s.columns {
		if c.kind == k {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return s.alias + "." + fit[g.n(len(fit))].name
}

// choice is one of the functions that give what their arguments are.
func (g *Generator) choice(k kind) string {
	a, b := g.expr(k), g.expr(k)
	switch g.n(8) {
	case 0:
		return "IF(" + g.expr(truth) + ", " + a + ", " + b + ")"
	case 1:
		return "IFNULL(" + a + ", " + b + ")"
	case 2:
		return "COALESCE(" + a + ", " + b + ", " + g.expr(k) + ")"
	case 3:
		return "NULLIF(" + a + ", " + b + ")"
	case 4:
		return "CASE WHEN " + g.expr(truth) + " THEN " + a + " ELSE " + b + " END"
	case 5:
		o := kind(g.n(int(truth)))
		return "CASE " + g.expr(o) + " WHEN " + g.expr(o) + " THEN " + a + " WHEN " + g.expr(o) + " THEN " + b + " END"
	case 6:
		return g.of("GREATEST", "LEAST") + "(" + a + ", " + b + ")"
	}
	return "(" + a + ")"
}

// expand fills a template.
func (g *Generator) expand(template string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] != '{' {
			b.WriteByte(template[i])
			continue
		}
		switch c := template[i+1]; c {
		case 'k':
			fmt.Fprint(&b, g.n(7))
		case 'U':
			b.WriteString(g.of("MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"))
		case 'p':
			b.WriteString(g.of("'$'", "'$.a'", "'$.b'", "'$.b[1]'", "'$[0]'", "'$.c.d'", "'$.x'"))
		default:
			b.WriteString(g.operand(letters[c]))
		}
		i += 2
	}
	return b.String()
}

// operand is an expression with parentheses where it may need them.
func (g *Generator) operand(k kind) string {
	e := g.expr(k)
	if strings.ContainsAny(e, " ") || strings.HasPrefix(e, "-") {
		return "(" + e + ")"
	}
	return e
}

// within makes text with sources added to what may be named.
func (g *Generator) within(f func() string, s ...source) string {
	scope := g.scope
	g.scope = append(slices.Clip(scope), s...)
	g.inner++
	defer func() { g.scope = scope; g.inner-- }()
	return f()
}
