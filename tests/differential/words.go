package differential

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// inOtherWords is a statement that MariaDB has in other words only, or not at all: it is asked for the same by what it has.
func (g *Generator) inOtherWords() Statement {
	switch g.n(7) {
	case 0, 1:
		return g.lateral()
	case 2:
		return g.totals()
	case 3:
		return g.dateFrame()
	case 4:
		return g.byExpression()
	case 5:
		return g.rowValues()
	}
	return g.paths()
}

// lateral is a derived table that reads the row beside it: a subquery of the select list in MariaDB.
func (g *Generator) lateral() Statement {
	f := g.from("q")
	o := g.tables[g.n(len(g.tables))]
	inner := o.source("n")
	value := func() string {
		scope := g.scope
		g.scope = []source{inner}
		defer func() { g.scope = scope }()
		return g.expr(g.kind())
	}
	from := " FROM " + o.name + " n WHERE n.id " + g.of("% 5 = q.id % 5", "= q.id", "> q.id")
	join, sub := ", LATERAL (", "SELECT "+g.of("MIN", "MAX", "COUNT")+"("+value()+") AS c0"+from
	if g.chance(0.5) {
		join, sub = " LEFT JOIN LATERAL (", "SELECT "+value()+" AS c0"+from+" ORDER BY n.id LIMIT 1"
	}
	on := ""
	if strings.HasPrefix(join, " LEFT") {
		on = " ON TRUE"
	}
	tail := g.where() + " ORDER BY q.id"
	return Statement{SQL: "SELECT q.id, z.c0 FROM " + f + join + sub + ") z" + on + tail, Theirs: "SELECT q.id, (" + sub + ") AS c0 FROM " + f + tail, Ordered: true}
}

// totals are those of a ROLLUP with GROUPING: a set operation in MariaDB. Keys are columns, whose groups have one text each.
func (g *Generator) totals() Statement {
	t := g.tables[g.n(3)]
	g.scope = []source{t.source("q")}
	k, l := g.column(g.ofKinds(number, decimal, date, datetime)), g.column(g.ofKinds(number, decimal, date, clock))
	if k == "q.u" || k == "q.y" { // whose types NULL changes in set operations
		k = "q.i"
	}
	if k == l || l == "q.u" || l == "q.y" {
		l = "q.id"
	}
	call := g.of("COUNT(*)", "SUM(q.id)", "MAX(q.id)", "COUNT(DISTINCT q.i)", "MIN(q.d)", "BIT_XOR(q.id)")
	from := " FROM " + t.name + " q" + g.where()
	having := g.of("", "", " HAVING GROUPING("+k+") = 0", " HAVING GROUPING("+l+") = 1", " HAVING GROUPING("+k+", "+l+") = 1")
	one := func(k2, l2, g0, g1, group string) string {
		keep := map[string]bool{"": true, " HAVING GROUPING(" + k + ") = 0": g0 == "0", " HAVING GROUPING(" + l + ") = 1": g1 == "1", " HAVING GROUPING(" + k + ", " + l + ") = 1": g0 == "0" && g1 == "1"}[having]
		condition := " HAVING COUNT(*) > 0"
		if !keep {
			condition = " HAVING COUNT(*) < 0"
		}
		return "SELECT " + k2 + " AS k0, " + l2 + " AS k1, " + g0 + " AS g0, " + g1 + " AS g1, " + call + " AS c0" + from + group + condition
	}
	return Statement{
		SQL: "SELECT " + k + " AS k0, " + l + " AS k1, GROUPING(" + k + ") AS g0, GROUPING(" + l + ") AS g1, " + call + " AS c0" + from + " GROUP BY " + k + ", " + l + " WITH ROLLUP" + having,
		Theirs: one(k, l, "0", "0", " GROUP BY "+k+", "+l) + " UNION ALL " + one(k, "NULL", "0", "1", " GROUP BY "+k) + " UNION ALL " +
			one("NULL", "NULL", "1", "1", ""),
	}
}

// ofKinds is one of some kinds.
func (g *Generator) ofKinds(list ...kind) kind { return list[g.n(len(list))] }

// dateFrame is a window's frame of an interval: a subquery in MariaDB.
func (g *Generator) dateFrame() Statement {
	t := g.tables[g.n(3)]
	column := g.of("da", "dt", "dm", "ti")
	before, after := fmt.Sprintf("INTERVAL %d %s", g.n(60), g.of("DAY", "HOUR", "MONTH", "YEAR")), fmt.Sprintf("INTERVAL %d %s", g.n(60), g.of("DAY", "MINUTE", "YEAR"))
	if column == "ti" {
		before, after = fmt.Sprintf("INTERVAL %d HOUR", g.n(12)), fmt.Sprintf("INTERVAL '%d:30' HOUR_MINUTE", g.n(12))
	}
	call := g.of("COUNT(*)", "SUM(?.i)", "MIN(?.d)", "MAX(?.id)", "AVG(?.d)", "COUNT(?.s)")
	lo, hi, frame := "q."+column+" - "+before, "q."+column+" + "+after, "BETWEEN "+before+" PRECEDING AND "+after+" FOLLOWING"
	switch g.n(3) {
	case 0:
		hi, frame = "q."+column, before+" PRECEDING"
	case 1:
		lo, frame = "q."+column, "BETWEEN CURRENT ROW AND "+after+" FOLLOWING"
	}
	order, desc := "", g.chance(0.3)
	if desc { // what precedes is what is later
		order, lo, hi = " DESC", strings.Replace(hi, "+ "+after, "- "+after, 1), strings.Replace(lo, "- "+before, "+ "+before, 1)
	}
	return Statement{
		SQL: "SELECT q.id, " + strings.ReplaceAll(call, "?", "q") + " OVER (ORDER BY q." + column + order + " RANGE " + frame + ") AS c0 FROM " + t.name + " q ORDER BY q.id",
		Theirs: "SELECT q.id, (SELECT " + strings.ReplaceAll(call, "?", "n") + " FROM " + t.name + " n WHERE n." + column + " BETWEEN " + lo + " AND " + hi +
			" OR n." + column + " <=> q." + column + ") AS c0 FROM " + t.name + " q ORDER BY q.id",
		Ordered: true,
	}
}

// functional are key parts of a, b and c that are expressions: MariaDB has none.
var functional = []string{"KEY z5 ((i % 3))", "KEY z6 ((COALESCE(d, 0)), id)", "KEY z7 ((LOWER(v)))", "KEY z8 ((YEAR(da)), (t + 1))", "UNIQUE KEY z9 ((id * 2))"}

// byExpression looks for rows by what is indexed.
func (g *Generator) byExpression() Statement {
	t := g.tables[g.n(3)]
	g.scope = []source{t.source("q")}
	list := g.list(1)
	g.atoms = true
	condition := g.of("q.i % 3 = "+g.of("0", "1", "-1", "2"), "COALESCE(q.d, 0) "+g.of("=", "<", ">=")+" "+g.literal(decimal), "LOWER(q.v) "+g.of("=", "<=", "<=>")+" "+g.literal(text),
		"YEAR(q.da) "+g.of("=", ">", "BETWEEN 1999 AND")+" "+g.of(years...), "YEAR(q.da) = 2024 AND q.t + 1 > "+g.literal(number), "q.id * 2 IN ("+g.id()+", "+g.id()+")", "LOWER(q.v) LIKE 'a%'",
		"q.i % 3 IS NULL", "LOWER(q.v) IN ("+g.literal(text)+", "+g.literal(text)+")")
	condition += g.maybe(0.3, " AND "+g.expr(truth))
	order := g.of("q.id", "q.i % 3, q.id", "COALESCE(q.d, 0) DESC, q.id", "YEAR(q.da), q.id DESC")
	return Statement{SQL: "SELECT q.id, " + list + " FROM " + t.name + " q WHERE " + condition + " ORDER BY " + order + g.maybe(0.3, " LIMIT 3"), Ordered: true}
}

// rowValues are VALUES ROW and TABLE, alone and in FROM.
func (g *Generator) rowValues() Statement {
	k := g.kind()
	var rows []string
	for range 1 + g.n(3) {
		rows = append(rows, "("+g.literal(number)+", "+g.literal(k)+")")
	}
	theirs := "VALUES " + strings.Join(rows, ", ")
	ours := strings.ReplaceAll(theirs, "(", "ROW(")
	switch g.n(3) {
	case 0:
		t := g.tables[g.n(len(g.tables))]
		tail := " ORDER BY id LIMIT " + fmt.Sprint(g.n(9))
		return Statement{SQL: "TABLE " + t.name + tail, Theirs: "SELECT * FROM " + t.name + tail, Ordered: true}
	case 1:
		f := g.from("q")
		return Statement{SQL: "SELECT q.id, z.y FROM " + f + " JOIN (" + ours + ") z (x, y) ON q.id % 3 = z.x",
			Theirs: "SELECT q.id, z.y FROM " + f + " JOIN (WITH z (x, y) AS (" + theirs + ") SELECT x, y FROM z) z ON q.id % 3 = z.x"}
	}
	among := "SELECT q.id FROM " + g.from("q") + " WHERE (q.id % 7, " + g.literal(k) + ") IN ("
	return Statement{SQL: among + ours + ")", Theirs: among + theirs + ")"}
}

// paths are the operators of JSON columns.
func (g *Generator) paths() Statement {
	t := g.tables[g.n(3)]
	g.scope = []source{t.source("q")}
	path := g.of("'$.a'", "'$.b[1]'", "'$[0]'", "'$'", "'$.b'")
	how, theirs := "q.js->>"+path, "JSON_UNQUOTE(JSON_EXTRACT(q.js, "+path+"))"
	if g.chance(0.3) {
		how, theirs = "q.js->"+path, "JSON_EXTRACT(q.js, "+path+")"
	}
	form := "SELECT q.id, %s AS c0, " + strings.ReplaceAll(g.list(1), "%", "%%") + " FROM " + t.name + " q" + strings.ReplaceAll(g.where(), "%", "%%") + " ORDER BY q.id"
	return Statement{SQL: fmt.Sprintf(form, how), Theirs: fmt.Sprintf(form, theirs), Ordered: true}
}

// changeWith joins a change with what WITH names: a derived table in MariaDB.
func (g *Generator) changeWith(t *table) (s Statement, touched []*table) {
	defer func(all []*table) { g.tables = all }(g.tables)
	g.tables = slices.DeleteFunc(slices.Clone(g.tables), func(o *table) bool { return o == t || o.view }) // which it does not read
	sql, r := g.derived("r")
	g.scope = []source{t.source("l"), r}
	form := "UPDATE " + t.name + " l JOIN %s r ON l.id = r.id + " + fmt.Sprint(g.n(20)) + " SET " + strings.ReplaceAll(g.assignments(t, "l"), "%", "%%")
	if g.chance(0.3) {
		form = "DELETE l FROM " + t.name + " l JOIN %s r ON l.id = r.id + " + fmt.Sprint(g.n(20)) + " AND l.id > " + g.id()
	}
	s = Statement{SQL: "WITH t1 AS (" + sql + ") " + fmt.Sprintf(form, "t1"), Theirs: fmt.Sprintf(form, "("+sql+")"), Ordered: true}
	if g.chance(0.4) {
		s.SQL, s.Theirs = s.Theirs, ""
	}
	return s, []*table{t}
}

// newRow gives the new row of ON DUPLICATE KEY UPDATE a name in half of the statements of values, and is what MariaDB is told.
func (g *Generator) newRow(sql string) (ours, theirs string) {
	row, set, _ := strings.Cut(sql, " ON DUPLICATE KEY UPDATE ")
	columns, _, values := strings.Cut(row, ") VALUES (")
	if !values || g.chance(0.5) {
		return sql, ""
	}
	for _, m := range newValue.FindAllStringSubmatch(set, -1) {
		if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(columns[strings.Index(columns, "("):]) {
			return sql, "" // the new row has what the statement gives it
		}
	}
	return row + " AS new ON DUPLICATE KEY UPDATE " + newValue.ReplaceAllString(set, "new.$1"), sql
}

var newValue = regexp.MustCompile(`\bVALUES\((\w+)\)`)

// load is LOAD DATA of a few lines, or SELECT … INTO OUTFILE, whose file is loaded into another table.
func (g *Generator) load(t *table) string {
	g.names++
	file := filepath.Join(g.files, fmt.Sprint(g.names))
	columns := t.stored()
	fields := g.of("", " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'", " FIELDS TERMINATED BY ';' ENCLOSED BY ''''")
	divider, quote := "\t", ""
	switch {
	case strings.Contains(fields, ","):
		divider, quote = ",", "\""
	case strings.Contains(fields, ";"):
		divider, quote = ";", "'"
	}
	var lines strings.Builder
	for range 1 + g.n(4) {
		g.rows++
		values := []string{quote + fmt.Sprint(g.rows) + quote}
		for _, c := range columns[1:] {
			v := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(g.value(c), "DATE"), "TIMESTAMP"), "TIME"), "'")
			v = strings.ReplaceAll(strings.TrimPrefix(v, "'"), "''", "'")
			switch {
			case v == "NULL":
				v = `\N`
			case quote != "":
				v = quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote).Replace(v) + quote
			}
			values = append(values, v)
		}
		if g.chance(0.15) && len(values) > 2 {
			values = values[:len(values)-1]
		}
		lines.WriteString(strings.Join(values, divider) + "\n")
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		panic(err)
	}
	set := ""
	list := names(columns)
	if c := columns[len(columns)-1]; len(columns) > 2 && c.kind == text && g.chance(0.4) {
		list, set = names(columns[:len(columns)-1])+", @v", " SET "+c.name+" = "+g.of("UPPER(@v)", "NULLIF(@v, '')", "CONCAT(@v, 'x')")
	}
	return "LOAD DATA INFILE '" + file + "' " + g.of("", "", "IGNORE ", "REPLACE ") + "INTO TABLE " + t.name + " CHARACTER SET utf8mb4" + fields + g.of("", "", " IGNORE 1 LINES") + " (" + list + ")" + set
}

// outfile writes rows to a file, whose text is compared.
func (g *Generator) outfile() {
	t := g.tables[g.n(len(g.tables))]
	g.scope = []source{t.source("q")}
	g.names++
	ours, theirs := filepath.Join(g.files, fmt.Sprint("o", g.names)), filepath.Join(g.files, fmt.Sprint("m", g.names))
	form := "SELECT q.id, " + g.list(2) + " FROM " + t.name + " q" + g.where() + " ORDER BY q.id INTO OUTFILE '%s' CHARACTER SET utf8mb4" + g.of("", " FIELDS TERMINATED BY ','", " FIELDS TERMINATED BY ';' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '|'",
		" FIELDS ENCLOSED BY ''''", " FIELDS TERMINATED BY 'ab' LINES STARTING BY '>' TERMINATED BY '<'")
	told := func(file string) string { return strings.Replace(form, "%s", file, 1) }
	g.pending = append(g.pending, Statement{SQL: told(ours), Theirs: told(theirs), Ordered: true},
		Statement{SQL: "SELECT CONVERT(LOAD_FILE('" + ours + "') USING utf8mb4) AS c0", Theirs: "SELECT CONVERT(LOAD_FILE('" + theirs + "') USING utf8mb4) AS c0", Ordered: true})
}
