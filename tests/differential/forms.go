package differential

import (
	"fmt"
	"strings"
)

// form is a query of one of the rarer forms.
func (g *Generator) form() Statement {
	switch g.n(8) {
	case 0:
		s := g.plain()
		s.SQL += g.of(" FOR UPDATE", " LOCK IN SHARE MODE", " FOR UPDATE SKIP LOCKED", " FOR UPDATE NOWAIT")
		return s
	case 1:
		return g.natural()
	case 2:
		return g.nestedJoin()
	case 3:
		return g.sortedGroups()
	case 4:
		return g.rankedGroups()
	case 5:
		return Statement{SQL: "SELECT u.c0, COUNT(*) AS n FROM (" + g.united().SQL + ") u GROUP BY u.c0"}
	case 6:
		return g.amongUnited()
	}
	return g.ofDocument()
}

func (g *Generator) natural() Statement {
	l, _ := g.derived("l")
	r, _ := g.derived("r")
	return Statement{SQL: "SELECT * FROM (" + l + ") l" + g.of(" NATURAL JOIN ", " NATURAL LEFT JOIN ", " NATURAL RIGHT JOIN ") + "(" + r + ") r"}
}

// nestedJoin joins with a join, whose condition knows the tables in it only.
func (g *Generator) nestedJoin() Statement {
	l, r, m := g.from("l"), g.from("r"), g.from("m")
	all := g.scope
	g.scope = all[1:]
	inner := r + g.of(" JOIN ", " LEFT JOIN ") + m + " ON " + g.on("r", "m")
	g.scope = all
	sql := "SELECT l.id, r.id AS rid, m.id AS mid, " + g.list(1) + " FROM " + l + g.of(" JOIN ", " LEFT JOIN ", " RIGHT JOIN ") + "(" + inner + ") ON " + g.on("l", "r")
	return Statement{SQL: sql + g.where()}
}

// sortedGroups are some groups in the order of their keys.
func (g *Generator) sortedGroups() Statement {
	sql := g.grouped()
	if !strings.Contains(sql, " AS k0") || strings.Contains(sql, "ROLLUP") { // MariaDB sorts no ROLLUP
		return Statement{SQL: sql}
	}
	order := "k0" + g.of("", " DESC")
	if strings.Contains(sql, " AS k1") {
		order += ", k1"
	}
	return Statement{SQL: sql + " ORDER BY " + order + g.maybe(0.5, fmt.Sprintf(" LIMIT %d", 1+g.n(4))), Ordered: true}
}

// rankedGroups has windows over groups.
func (g *Generator) rankedGroups() Statement {
	f := g.from("q")
	key := g.column(kind(g.n(int(truth))))
	if key == "" {
		key = "q.id"
	}
	call := g.of("RANK()", "DENSE_RANK()", "SUM(COUNT(*))", "SUM(MAX(q.id))", "MAX(COUNT(*))")
	order := g.of("COUNT(*)", "MIN(q.id) DESC", "COUNT(*) DESC, MIN(q.id)")
	return Statement{SQL: "SELECT " + key + " AS k0, COUNT(*) AS n, " + call + " OVER (ORDER BY " + order + ") AS c0 FROM " + f + g.where() + " GROUP BY k0"}
}

// amongUnited looks for values in a set operation's.
func (g *Generator) amongUnited() Statement {
	set := g.united().SQL
	for strings.Contains(set, " LIMIT ") { // which MariaDB has not in IN
		set = g.united().SQL
	}
	g.scope = nil
	f := g.from("o")
	return Statement{SQL: "SELECT o.id FROM " + f + " WHERE " + g.operand(g.kind()) + g.of(" IN (", " NOT IN (", " = ANY (") + set + ")"}
}

// ofDocument reads a document's rows, beside a table's.
func (g *Generator) ofDocument() Statement {
	document := g.of(`[{"a": 1, "b": "x", "c": 1.5}, {"a": 2}, {"b": "abc", "a": null}]`, `[{"a": "7", "b": 12}, {"c": "2.25", "a": -1}]`, `[]`, `[{"b": ["x"], "a": 3}, 5]`)
	j := "JSON_TABLE('" + document + "', '$[*]' COLUMNS (id FOR ORDINALITY, n INT PATH '$.a', s VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PATH '$.b'" +
		g.maybe(0.3, " NULL ON EMPTY") + ", d DECIMAL(6,2) PATH '$.c'" + g.maybe(0.3, " DEFAULT '3' ON EMPTY") + ", e INT EXISTS PATH '$.b')) j"
	g.scope = append(g.scope, source{"j", []column{{name: "id", kind: number}, {name: "n", kind: number}, {name: "s", kind: text}, {name: "d", kind: decimal}, {name: "e", kind: number}}})
	if g.chance(0.25) {
		return g.nestedPath()
	}
	if g.chance(0.4) {
		return Statement{SQL: "SELECT j.id, j.n, j.s, j.d, j.e, " + g.list(1) + " FROM " + j + g.where() + " ORDER BY j.id", Ordered: true}
	}
	r := g.from("r")
	return Statement{SQL: "SELECT j.id, r.id AS rid, j.n, j.s, " + g.list(1) + " FROM " + r + g.of(" JOIN ", " LEFT JOIN ") + j + " ON " + g.on("j", "r") + g.where()}
}

// nestedPath reads documents within documents.
func (g *Generator) nestedPath() Statement {
	document := g.of(`[{"a": 1, "b": [{"c": 1}, {"c": "x"}]}, {"a": 2, "b": []}, {"a": null}]`, `[{"a": "7", "b": [{"c": 1.5}], "d": [1, 2]}, {"d": [3]}]`, `{"a": 1}`)
	sql := "SELECT j.i, j.a, j.n, j.c, j.d FROM JSON_TABLE('" + document + "', '$[*]' COLUMNS (i FOR ORDINALITY, a VARCHAR(5) PATH '$.a', NESTED PATH '$.b[*]' COLUMNS (n FOR ORDINALITY, c VARCHAR(5) PATH '$.c'" +
		g.maybe(0.3, " DEFAULT '\"-\"' ON EMPTY") + "), NESTED PATH '$.d[*]' COLUMNS (d INT PATH '$'))) j"
	return Statement{SQL: sql + g.of("", " WHERE j.c IS NOT NULL", " WHERE j.d > 1") + " ORDER BY j.i, j.n, j.d", Ordered: true}
}
