package differential

import (
	"fmt"
	"strings"
)

// session adds statements about what a session keeps: variables, prepared statements, its mode.
func (g *Generator) session() {
	switch g.n(4) {
	case 0:
		g.variables()
	case 1:
		g.prepared()
	case 2:
		if g.files != "" && g.chance(0.3) {
			g.outfile()
			return
		}
		g.mode()
	default:
		g.mode()
	}
}

func (g *Generator) next(ordered bool, sql string) {
	g.pending = append(g.pending, Statement{SQL: sql, Ordered: ordered})
}

func (g *Generator) variables() {
	x, y := g.kind(), g.kind()
	g.next(true, "SET @x = "+g.expr(x)+", @y = "+g.expr(y))
	g.next(true, "SELECT @x, @y, @x = @y, CONCAT(@x, @y), @x + 1")
	t := g.tables[g.n(len(g.tables))]
	g.scope = []source{t.source("q"), {"@x", nil}}
	g.next(false, "SELECT q.id FROM "+t.name+" q WHERE "+g.expr(x)+g.of(" = ", " < ", " <=> ")+"@x")
	g.next(true, "SELECT COUNT(*), MAX(id) INTO @n, @m FROM "+t.name)
	g.next(true, "SELECT @n, @m, @n + @m, @nothing")
}

// prepared runs a query with parameters twice.
func (g *Generator) prepared() {
	t := g.tables[g.n(len(g.tables))]
	switch g.n(4) {
	case 0:
		g.preparedChange(t)
		return
	case 1:
		g.next(true, fmt.Sprintf("SET @p = %d, @q = %d", g.n(5), g.n(3)))
		g.next(true, "PREPARE s FROM 'SELECT q.id FROM "+t.name+" q ORDER BY q.id LIMIT ? OFFSET ?'")
		g.next(true, "EXECUTE s USING @p, @q")
		return
	}
	k := g.kind()
	g.scope = []source{t.source("q")}
	e := g.operand(k)
	g.next(true, fmt.Sprintf("SET @p = %s, @q = %s", g.literal(k), g.literal(k)))
	g.next(true, "PREPARE s FROM '"+strings.ReplaceAll("SELECT q.id, "+e+" = ? AS e FROM "+t.name+" q WHERE "+e+g.of(" = ?", " > ?", " <> ?", " IN (?, 1)")+" ORDER BY q.id", "'", "''")+"'")
	g.next(true, "EXECUTE s USING @p, @q")
	g.next(true, fmt.Sprintf("SET @p = %s, @q = NULL", g.literal(g.kind())))
	g.next(true, "EXECUTE s USING @p, @q")
	g.next(true, "DEALLOCATE PREPARE s")
}

// preparedChange inserts and updates rows with parameters.
func (g *Generator) preparedChange(t *table) {
	columns := t.stored()
	c := columns[len(columns)-1]
	g.rows++
	g.next(true, fmt.Sprintf("SET @p = %d, @q = %s", g.rows, g.value(c)))
	g.next(true, "PREPARE s FROM 'INSERT INTO "+t.name+" (id, "+c.name+") VALUES (?, ?)'")
	g.pending = append(g.pending, Statement{SQL: "EXECUTE s USING @p, @q", Checks: contents(t)})
	g.next(true, "SET @q = "+g.value(c))
	g.next(true, "PREPARE s FROM 'UPDATE "+t.name+" SET "+c.name+" = ? WHERE id = ?'")
	g.pending = append(g.pending, Statement{SQL: "EXECUTE s USING @q, @p", Checks: contents(t)})
}

// mode runs a few statements in another sql_mode.
func (g *Generator) mode() {
	mode := g.of("", "", "STRICT_ALL_TABLES", "NO_ZERO_DATE,NO_ZERO_IN_DATE", "STRICT_TRANS_TABLES", "ERROR_FOR_DIVISION_BY_ZERO", "NO_UNSIGNED_SUBTRACTION", "PIPES_AS_CONCAT",
		"ALLOW_INVALID_DATES", "NO_AUTO_VALUE_ON_ZERO", "PAD_CHAR_TO_FULL_LENGTH", "HIGH_NOT_PRECEDENCE")
	g.next(true, "SET sql_mode = '"+mode+"'")
	for range 3 + g.n(4) {
		g.scope = nil
		if g.chance(0.7) {
			g.pending = append(g.pending, g.change())
		} else {
			g.pending = append(g.pending, g.query())
		}
	}
	g.next(true, "SET sql_mode = '"+sqlMode+"'")
}

// transaction is one with savepoints, and what is left of it.
func (g *Generator) transaction() {
	g.next(true, g.of("BEGIN", "START TRANSACTION"))
	var touched []string
	some := func() {
		for range 1 + g.n(3) {
			g.scope = nil
			s := g.change()
			touched = append(touched, s.Checks...)
			g.pending = append(g.pending, s)
		}
	}
	some()
	if g.chance(0.6) {
		g.next(true, "SAVEPOINT s1")
		some()
		if g.chance(0.4) {
			g.next(true, "SAVEPOINT s2")
			some()
		}
		g.next(true, g.of("ROLLBACK TO s1", "ROLLBACK TO SAVEPOINT s1", "RELEASE SAVEPOINT s1", "ROLLBACK TO s2"))
		if g.chance(0.3) {
			some()
		}
	}
	g.pending = append(g.pending, Statement{SQL: g.of("COMMIT", "ROLLBACK"), Ordered: true, Checks: unique(touched)})
}

func unique(list []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}
