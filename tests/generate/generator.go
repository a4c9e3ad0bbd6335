package generate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Statement is one thing to send.
type Statement struct {
	SQL  string
	Args []any  // of a prepared statement; sent as text where nil
	Done func() // to be called when the statement has succeeded; may be nil
}

// Generator makes statements. It is for one client.
type Generator struct {
	Database string   // the client's own; others may share it
	System   []*table // tables of information_schema and its kin, with their columns
	Vars     []string // names of variables that may be set
	rng      *rand.Rand
	tables   []*table
	scopes   [][]source // tables that an expression may name, innermost last
	ctes     []*table
	depth    int // of nested expressions and queries
	binding  bool
	args     []any
	inTxn    bool
	locked   bool // tables
	backup   bool // the instance is locked for backup
	aggs     bool // aggregate and window functions may stand here
	since    int  // statements since the tables were made
	pending  []string

	templates map[string][]part
}

// New makes a generator whose statements depend on seed and client alone, and on which of them succeed.
func New(seed uint64, client int, database string) *Generator {
	return &Generator{Database: database, rng: rand.New(rand.NewPCG(seed, uint64(client)))}
}

func (g *Generator) chance(p float64) bool            { return g.rng.Float64() < p }
func (g *Generator) n(n int) int                      { return g.rng.IntN(n) }
func (g *Generator) pick(list ...string) string       { return list[g.rng.IntN(len(list))] }
func (g *Generator) oneOf(list []string) string       { return list[g.rng.IntN(len(list))] }
func (g *Generator) name(prefix string, n int) string { return fmt.Sprint(prefix, g.n(n)) }

// Next makes a statement.
func (g *Generator) Next() Statement {
	if len(g.pending) > 0 {
		s := g.pending[0]
		g.pending = g.pending[1:]
		return Statement{SQL: s}
	}
	g.scopes, g.ctes, g.depth, g.aggs, g.args = nil, nil, 0, false, nil
	g.since++
	if g.tables == nil || g.since > 1500 {
		return g.reset()
	}
	if g.locked && g.chance(0.3) {
		return Statement{SQL: "UNLOCK TABLES", Done: func() { g.locked = false }}
	}
	if g.backup && g.chance(0.5) { // the definitions of all other clients wait for it
		return Statement{SQL: "UNLOCK INSTANCE", Done: func() { g.backup = false }}
	}
	if g.inTxn && g.chance(0.1) {
		return Statement{SQL: g.pick("COMMIT", "ROLLBACK", "COMMIT", "COMMIT AND CHAIN"), Done: func() { g.inTxn = false }}
	}
	g.binding = g.chance(0.15)
	s := g.statement()
	if strings.HasPrefix(s.SQL, "USE ") {
		g.pending = append(g.pending, "USE "+g.Database)
	}
	if g.chance(0.003) {
		s.SQL = g.damage(s.SQL)
	}
	if g.binding {
		s.SQL, s.Args = g.bind(s.SQL)
	}
	return s
}

func (g *Generator) statement() Statement {
	switch n := g.n(1000); {
	case n < 480:
		return Statement{SQL: g.topQuery()}
	case n < 780:
		return Statement{SQL: g.expand("{dml}")}
	case n < 820:
		return g.ddl()
	case n < 835:
		return g.view()
	case n < 880:
		return g.transaction()
	default:
		return Statement{SQL: g.expand("{other}")}
	}
}

// damage makes a text of a statement that no grammar has.
func (g *Generator) damage(s string) string {
	b := []byte(s)
	for range 1 + g.n(3) {
		if len(b) < 2 {
			break
		}
		i := g.n(len(b))
		switch g.n(4) {
		case 0:
			b = append(b[:i], b[i+1:]...)
		case 1:
			b[i] = byte(g.n(256))
		case 2:
			b = append(b[:i:i], append([]byte(g.pick("(", ")", "'", "`", "/*", "*/", ",", ";", " SELECT ", "\x00", "\xff", "@", ".")), b[i:]...)...)
		default:
			j := g.n(len(b))
			b[i], b[j] = b[j], b[i]
		}
	}
	return string(b)
}

// expand replaces what stands in braces: {rule}, {rule?} for a third of the time, {a|b|c} for one of several.
func (g *Generator) expand(template string) string {
	if strings.IndexByte(template, '{') < 0 {
		return template
	}
	var b strings.Builder
	for _, p := range g.parsed(template) {
		b.WriteString(p.text)
		if p.options != nil {
			b.WriteString(g.part(&p))
		}
	}
	return b.String()
}

// part is a piece of a template: text, and what follows it in braces.
type part struct {
	text     string
	options  []string // nil for none
	optional bool
}

// parsed takes a template apart; templates of the grammar are remembered, those that are put together from names are not.
func (g *Generator) parsed(template string) []part {
	if p, ok := g.templates[template]; ok {
		return p
	}
	var parts []part
	rest := template
	for i := strings.IndexByte(rest, '{'); i >= 0; i = strings.IndexByte(rest, '{') {
		end := matching(rest, i)
		p := part{text: rest[:i], options: alternatives(rest[i+1 : end])}
		if len(p.options) == 1 {
			p.options[0], p.optional = strings.CutSuffix(p.options[0], "?")
		}
		parts = append(parts, p)
		rest = rest[end+1:]
	}
	parts = append(parts, part{text: rest})
	if g.templates == nil {
		g.templates = map[string][]part{}
	}
	if len(g.templates) < maxTemplates {
		g.templates[template] = parts
	}
	return parts
}

const maxTemplates = 4000

func (g *Generator) part(p *part) string {
	if len(p.options) > 1 {
		return g.expand(g.oneOf(p.options))
	}
	if p.optional && !g.chance(0.35) {
		return ""
	}
	s := p.options[0]
	if f, ok := functions[s]; ok {
		return f(g)
	}
	if list, ok := rules[s]; ok {
		return g.expand(g.oneOf(list))
	}
	return g.expand(s)
}

func matching(s string, i int) int {
	depth := 0
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return j
			}
		}
	}
	panic("unbalanced braces in " + s)
}

// alternatives splits at the bars that stand in no inner braces.
func alternatives(s string) []string {
	var list []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '|':
			if depth == 0 {
				list = append(list, s[start:i])
				start = i + 1
			}
		}
	}
	return append(list, s[start:])
}

// list makes lo to hi of a thing with commas between.
func (g *Generator) list(lo, hi int, template string) string {
	items := make([]string, lo+g.n(hi-lo+1))
	for i := range items {
		items[i] = g.expand(template)
	}
	return strings.Join(items, ", ")
}

// Parameters are marked in the text by their number, since clauses are not made in the order of the text.
const mark = "\x01"

func (g *Generator) param() string {
	g.args = append(g.args, g.argument())
	return mark + fmt.Sprint(len(g.args)-1) + mark
}

func (g *Generator) bind(s string) (string, []any) {
	parts := strings.Split(s, mark)
	args := []any{}
	for i := 1; i < len(parts); i += 2 {
		var n int
		if _, err := fmt.Sscan(parts[i], &n); err != nil || n < 0 || n >= len(g.args) {
			continue // the text was damaged
		}
		args = append(args, g.args[n])
		parts[i] = "?"
	}
	return strings.Join(parts, ""), args
}
