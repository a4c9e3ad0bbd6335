package differential

import (
	"fmt"
	"slices"
	"strings"
)

// table is one that there is, as far as the statements tell. The first column is its primary key.
type table struct {
	name    string
	columns []column
	keys    []string // names of its indexes
	checks  []string // of its CHECK constraints
	foreign []string // of its FOREIGN KEY constraints
	fixed   bool     // a, b or c, whose definition stays
	view    bool
	own     bool // TEMPORARY
}

// column is a table's. What it may have is values, or any literal of its kind.
type column struct {
	name      string
	kind      kind
	def       string
	values    []string
	generated bool
}

var (
	smallInts = []string{"0", "1", "-1", "127", "-128", "7"}
	years     = []string{"1901", "1999", "2000", "2024", "2155"}
	moments   = []string{"'2024-02-29 12:34:56'", "'2000-01-01 00:00:00'", "'1999-12-31 23:59:59'", "'1970-01-01 00:00:01'"}
	shorts    = []string{"''", "'a'", "'A'", "'abc'", "'b '", "'12'", "'0'"}
	prices    = []string{"0", "1.5", "-1.25", "99999999.99", "0.01", "12.3"}
)

// types are those of columns.
var types = []column{
	{kind: number, def: "INT"},
	{kind: number, def: "BIGINT UNSIGNED", values: []string{"0", "1", "7", "18446744073709551615", "9223372036854775808", "42"}},
	{kind: number, def: "TINYINT", values: smallInts},
	{kind: number, def: "YEAR", values: years},
	{kind: decimal, def: "DECIMAL(10,2)", values: prices},
	{kind: decimal, def: "DECIMAL(20,6)"},
	{kind: double, def: "DOUBLE"},
	{kind: text, def: "VARCHAR(20)"},
	{kind: text, def: "CHAR(5)", values: shorts},
	{kind: text, def: "TEXT"},
	{kind: date, def: "DATE"},
	{kind: datetime, def: "DATETIME", values: moments},
	{kind: datetime, def: "DATETIME(3)"},
	{kind: clock, def: "TIME"},
	{kind: text, def: "ENUM('x','y','z','abc')", values: []string{"'x'", "'y'", "'z'", "'abc'", "2"}},
	{kind: text, def: "SET('a','b','c')", values: []string{"''", "'a'", "'a,c'", "'c,b'", "5"}},
	{kind: document, def: "JSON", values: []string{`'{"a": 1, "b": [1, 2, 3]}'`, `'[1, "a", null, true]'`, `'{}'`, `'"x"'`, "'7'"}},
	// what follows is of random tables only
	{kind: number, def: "SMALLINT UNSIGNED", values: []string{"0", "1", "7", "65535"}},
	{kind: number, def: "MEDIUMINT", values: []string{"0", "1", "-8388608", "8388607"}},
	{kind: number, def: "BIGINT"},
	{kind: number, def: "INT UNSIGNED", values: []string{"0", "3", "4294967295"}},
	{kind: number, def: "BOOLEAN", values: []string{"TRUE", "FALSE"}},
	{kind: number, def: "BIT(8)", values: []string{"0", "1", "255", "b'101'"}},
	{kind: decimal, def: "DECIMAL(5,0) UNSIGNED", values: []string{"0", "1", "99999"}},
	{kind: double, def: "FLOAT", values: []string{"0", "1.5", "-2.25", "1000"}},
	{kind: text, def: "VARCHAR(10) CHARACTER SET latin1", values: shorts},
	{kind: text, def: "VARCHAR(10) COLLATE utf8mb4_bin", values: shorts},
	{kind: text, def: "VARBINARY(8)", values: shorts},
	{kind: text, def: "TINYTEXT", values: shorts},
	{kind: text, def: "BLOB", values: shorts},
	{kind: datetime, def: "TIMESTAMP", values: moments},
	{kind: datetime, def: "DATETIME(6)"},
	{kind: clock, def: "TIME(2)"},
	{kind: number, def: "SMALLINT", values: []string{"0", "1", "-32768", "32767"}},
	{kind: number, def: "BIT(1)", values: []string{"0", "1"}},
	{kind: decimal, def: "DECIMAL(30,10)"},
	{kind: text, def: "BINARY(4)", values: []string{"''", "'a'", "'abcd'"}},
	{kind: text, def: "MEDIUMTEXT", values: shorts},
	{kind: text, def: "VARCHAR(8) CHARACTER SET utf8mb3", values: shorts},
	{kind: text, def: "CHAR(4) CHARACTER SET ascii", values: []string{"''", "'a'", "'A'", "'abc'"}},
	{kind: datetime, def: "TIMESTAMP(3)", values: moments},
}

// fixed are the names of the columns of a, b and c, in the order of types.
var fixed = strings.Fields("i u t y d e f s v x da dt dm ti en se js")

// fixedTable is one of a, b and c: they have the same columns, so that they can be joined and united.
func fixedTable(name string) *table {
	t := &table{name: name, fixed: true, columns: []column{{name: "id", kind: number, def: "INT PRIMARY KEY"}}, keys: []string{"k1", "k2", "k3", "k4"}}
	for i, c := range fixed {
		column := types[i]
		column.name = c
		t.columns = append(t.columns, column)
	}
	return t
}

func (t *table) definition() []string {
	var list []string
	for _, c := range t.columns {
		list = append(list, c.name+" "+c.def)
	}
	return list
}

// stored are the columns that are not generated.
func (t *table) stored() []column {
	return slices.DeleteFunc(slices.Clone(t.columns), func(c column) bool { return c.generated })
}

func (t *table) source(alias string) source { return source{alias, t.columns} }

// Begin are the statements that a run, and each part of it, starts with.
func (g *Generator) Begin() (list []Statement) {
	g.pending = nil
	add := func(sql string) { list = append(list, Statement{SQL: sql, Ordered: true}) }
	add("SET FOREIGN_KEY_CHECKS = 0")
	for _, t := range g.tables {
		add(g.drop(t))
	}
	add("SET FOREIGN_KEY_CHECKS = 1")
	g.tables = nil
	for _, name := range []string{"a", "b", "c"} {
		t := fixedTable(name)
		g.tables = append(g.tables, t)
		plain := "CREATE TABLE " + name + " (" + strings.Join(append(t.definition(), "KEY k1 (i)", "KEY k2 (s, d)", "KEY k3 (dt)", "UNIQUE KEY k4 (t, id)"), ", ")
		list = append(list, Statement{SQL: plain + ", " + strings.Join(functional, ", ") + ")", Theirs: plain + ")", Ordered: true})
		for range 12 {
			add(g.row(t))
		}
	}
	return list
}

func (g *Generator) drop(t *table) string {
	if t.view {
		return "DROP VIEW IF EXISTS " + t.name
	}
	return "DROP TABLE IF EXISTS " + t.name
}

// row inserts one.
func (g *Generator) row(t *table) string {
	g.rows++
	values := []string{fmt.Sprint(g.rows)}
	for _, c := range t.columns[1:] {
		values = append(values, g.value(c))
	}
	return "INSERT INTO " + t.name + " VALUES (" + strings.Join(values, ", ") + ")"
}

// value is one that a column may have.
func (g *Generator) value(c column) string {
	switch {
	case c.generated:
		return "DEFAULT"
	case g.chance(0.15):
		return "NULL"
	case c.values != nil:
		return g.of(c.values...)
	}
	return g.literal(c.kind)
}

// schema is a statement that changes definitions.
func (g *Generator) schema() Statement {
	var own []*table
	for _, t := range g.tables {
		if !t.fixed && !t.view {
			own = append(own, t)
		}
	}
	switch p := g.n(11); {
	case p == 10 && len(own) > 0:
		return g.index(own[g.n(len(own))])
	case len(own) < 2 || p == 0 && len(own) < 5:
		return g.create()
	case p == 1:
		return g.view()
	case p == 2:
		t := own[g.n(len(own))]
		return Statement{SQL: "DROP TABLE " + t.name, Done: func() { g.forget(t) }}
	case p == 3:
		return g.copyOf(g.tables[g.n(len(g.tables))])
	}
	return g.alter(own[g.n(len(own))])
}

// index is CREATE INDEX or DROP INDEX, or RENAME TABLE.
func (g *Generator) index(t *table) Statement {
	switch {
	case len(t.keys) > 0 && g.chance(0.3):
		k := t.keys[g.n(len(t.keys))]
		return Statement{SQL: "DROP INDEX " + k + " ON " + t.name, Checks: append(contents(t), defined(t.name)...), Done: func() {
			t.keys = slices.DeleteFunc(t.keys, func(o string) bool { return o == k })
		}}
	case !t.own && g.chance(0.3): // MariaDB renames temporary tables, too
		to := g.name("r")
		return Statement{SQL: "RENAME TABLE " + t.name + " TO " + to, Checks: defined(to), Done: func() { t.name = to }}
	}
	k, key := g.key(t)
	kind, columns, _ := strings.Cut(key, "KEY "+k)
	return Statement{SQL: "CREATE " + kind + "INDEX " + k + " ON " + t.name + columns, Checks: append(contents(t), defined(t.name)...), Done: func() { t.keys = append(t.keys, k) }}
}

// partitioned is PARTITION BY the key.
func (g *Generator) partitioned() string {
	return g.of(" PARTITION BY HASH (id) PARTITIONS 3", " PARTITION BY KEY (id) PARTITIONS 2", " PARTITION BY KEY () PARTITIONS 4",
		fmt.Sprintf(" PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (%d), PARTITION p1 VALUES LESS THAN MAXVALUE)", g.rows+3))
}

func (g *Generator) forget(t *table) {
	g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o == t })
}

// defined asks for what a table is now. MariaDB quotes defaults, writes CURRENT_TIMESTAMP as a call, has
// widths of integers, and calls NO ACTION RESTRICT.
func defined(t string) []string {
	where := " WHERE table_schema = DATABASE() AND table_name = '" + t + "'"
	return []string{
		"SELECT column_name AS a, ordinal_position AS b, REPLACE(TRIM(BOTH '''' FROM IF(column_default = 'NULL', NULL, column_default)), 'current_timestamp()', 'CURRENT_TIMESTAMP') AS c, is_nullable AS d, data_type AS e, " +
			"character_maximum_length AS f, character_octet_length AS g, numeric_precision AS h, numeric_scale AS i, datetime_precision AS j, character_set_name AS k, " +
			"collation_name AS l, IF(data_type REGEXP 'int|year', REGEXP_REPLACE(column_type, '[(][0-9]+[)]', ''), column_type) AS m, column_key AS n, TRIM(REPLACE(REPLACE(extra, 'current_timestamp()', 'CURRENT_TIMESTAMP'), 'DEFAULT_GENERATED', '')) AS o, column_comment AS p " +
			"FROM information_schema.columns" + where + " AND data_type NOT IN ('json', 'longtext') ORDER BY ordinal_position",
		"SELECT index_name AS a, seq_in_index AS b, column_name AS c, non_unique AS d, sub_part AS e, nullable AS f, index_type AS g FROM information_schema.statistics" + where +
			" AND index_name NOT LIKE 'z%' ORDER BY index_name, seq_in_index",
		"SELECT constraint_name AS a, column_name AS b, ordinal_position AS c, referenced_table_name AS d, referenced_column_name AS e FROM information_schema.key_column_usage" + where +
			" ORDER BY constraint_name, ordinal_position",
		"SELECT constraint_name AS a, constraint_type AS b FROM information_schema.table_constraints" + where + " AND constraint_name NOT LIKE 'js%' AND constraint_name <> 'z9' ORDER BY constraint_name, constraint_type",
		"SELECT constraint_name AS a, referenced_table_name AS b, REPLACE(update_rule, 'RESTRICT', 'NO ACTION') AS c, REPLACE(delete_rule, 'RESTRICT', 'NO ACTION') AS d " +
			"FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND table_name = '" + t + "' ORDER BY constraint_name",
	}
}

// named is a name for a column of a type, whose prefix tells what known differences between the servers ask for.
func named(c column, name string) string {
	switch {
	case c.kind == document:
		return "js" + name
	case strings.HasPrefix(c.def, "TIMESTAMP"):
		return "ts" + name
	case c.kind == clock:
		return "ti" + name
	case c.kind == date:
		return "da" + name
	case c.kind == datetime:
		return "dt" + name
	}
	return name
}

// newColumn is a column's definition.
func (g *Generator) newColumn(name string) column {
	c := types[g.n(len(types))]
	if c.name = named(c, name); c.kind == document {
		return c
	}
	switch g.n(10) {
	case 0:
		c.def += " NOT NULL"
	case 1, 2:
		if len(c.values) > 0 && !strings.ContainsAny(c.def, "X") && c.def != "BLOB" && !strings.HasSuffix(c.def, "TEXT") && !strings.HasPrefix(c.def, "BIT") && c.def != "BOOLEAN" {
			c.def += g.maybe(0.5, " NOT NULL") + " DEFAULT " + c.values[0]
		}
	case 3:
		c.def += " COMMENT 'it''s'"
	}
	if c.def == "TIMESTAMP" || c.def == "DATETIME" {
		c.def += g.of("", " NULL DEFAULT CURRENT_TIMESTAMP", " NULL ON UPDATE CURRENT_TIMESTAMP", " NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP")
	}
	return c
}

func (g *Generator) create() Statement {
	t := &table{name: g.name("r")}
	t.columns = []column{{name: "id", kind: number, def: "INT NOT NULL PRIMARY KEY" + g.maybe(0.4, " AUTO_INCREMENT")}}
	for i := range 2 + g.n(6) {
		t.columns = append(t.columns, g.newColumn(fmt.Sprint("c", i)))
	}
	list := t.definition()
	if g.chance(0.3) {
		c := g.generatedColumn(t)
		t.columns = append(t.columns, c)
		list = append(list, c.name+" "+c.def)
	}
	for range g.n(3) {
		name, key := g.key(t)
		t.keys, list = append(t.keys, name), append(list, key)
	}
	if g.chance(0.3) {
		name, check := g.check(t)
		t.checks, list = append(t.checks, name), append(list, check)
	}
	if parent := g.parent(t); parent != nil && g.chance(0.4) {
		name, key, c := g.reference(parent)
		t.foreign, list, t.columns = append(t.foreign, name), append(list, c.name+" "+c.def, key), append(t.columns, c)
	}
	sql := "CREATE " + g.maybe(0.1, "TEMPORARY ") + "TABLE " + t.name + " (" + strings.Join(list, ", ") + ")" + g.of("", "", " COMMENT = 'c'", " DEFAULT CHARSET = latin1", " COLLATE = utf8mb4_bin")
	if len(t.foreign) == 0 && !strings.Contains(sql, "UNIQUE") && !strings.Contains(sql, "TEMPORARY") && g.chance(0.15) {
		sql += g.partitioned()
	}
	t.own = strings.HasPrefix(sql, "CREATE TEMP")
	s := Statement{SQL: sql, Done: func() { g.tables = append(g.tables, t) }}
	if !strings.HasPrefix(sql, "CREATE TEMP") {
		s.Checks = defined(t.name)
	}
	for range 4 {
		g.pending = append(g.pending, Statement{SQL: g.row(t), Ordered: true, Checks: contents(t)})
	}
	return s
}

func (g *Generator) generatedColumn(t *table) column {
	c := t.columns[g.n(len(t.columns))]
	name := g.name("g")
	how := g.of(" VIRTUAL", " STORED", "")
	if g.chance(0.4) {
		return g.widerColumn(name, c, how)
	}
	switch c.kind {
	case number, decimal:
		return column{name: name, kind: decimal, def: "DECIMAL(30,4) GENERATED ALWAYS AS (" + c.name + g.of(" + 1", " * 2", " - 0.5") + ")" + how, generated: true}
	case text:
		return column{name: name, kind: text, def: "VARCHAR(50) AS (CONCAT(" + c.name + ", '-'))" + how, generated: true}
	case date, datetime:
		return column{name: name, kind: number, def: "INT AS (YEAR(" + c.name + "))" + how, generated: true}
	}
	return column{name: name, kind: number, def: "INT AS (id + 1)" + how, generated: true}
}

// widerColumn is a generated column of another function of c.
func (g *Generator) widerColumn(name string, c column, how string) column {
	made := func(k kind, def string) column { return column{name: name, kind: k, def: def + how, generated: true} }
	switch c.kind {
	case number, decimal:
		return made(decimal, g.of("DECIMAL(20,4) AS (IF("+c.name+" > 1, "+c.name+", NULL))", "DECIMAL(20,4) AS (GREATEST("+c.name+", 1))", "DECIMAL(20,4) AS (COALESCE("+c.name+", -1))",
			"DECIMAL(20,4) AS (ABS("+c.name+"))", "DECIMAL(20,4) AS (CASE WHEN "+c.name+" IS NULL THEN id ELSE "+c.name+" % 3 END)"))
	case text:
		return made(text, g.of("VARCHAR(60) AS (UPPER("+c.name+"))", "VARCHAR(60) AS (COALESCE("+c.name+", 'none'))", "VARCHAR(2) AS (LEFT("+c.name+", 2))", "VARCHAR(90) AS (REPLACE("+c.name+", 'a', 'xy'))",
			"VARCHAR(120) AS (HEX("+c.name+"))", "CHAR(4) AS (SUBSTRING("+c.name+", 2, 3))"))
	case date:
		return column{name: "da" + name, kind: date, def: "DATE AS (" + c.name + g.of(" + INTERVAL 1 DAY)", " - INTERVAL 1 MONTH)") + how, generated: true}
	case datetime:
		return column{name: "dt" + name, kind: datetime, def: "DATETIME AS (" + c.name + g.of(" + INTERVAL 1 HOUR)", " - INTERVAL 90 SECOND)") + how, generated: true}
	case clock:
		return made(number, "INT AS (HOUR("+c.name+"))")
	}
	return made(number, g.of("INT AS (id % 5)", "BIGINT AS (id * 1000000)", "INT AS ("+c.name+" IS NULL)"))
}

// key is an index, and its name.
func (g *Generator) key(t *table) (name, def string) {
	name = g.name("k")
	var parts []string
	for range 1 + g.n(2) {
		c := t.columns[g.n(len(t.columns))]
		part := c.name
		if strings.Contains(c.def, "TEXT") || strings.Contains(c.def, "BLOB") || c.kind == document {
			continue
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		parts = []string{"id"}
	}
	return name, g.of("KEY ", "KEY ", "UNIQUE KEY ") + name + " (" + strings.Join(parts, ", ") + ")"
}

func (g *Generator) check(t *table) (name, def string) {
	name = g.name("x")
	c := t.columns[g.n(len(t.columns))]
	condition := c.name + " IS NOT NULL OR id > 0"
	if o := t.columns[g.n(len(t.columns))]; o.kind == c.kind && c.kind != document && g.chance(0.5) {
		return name, "CONSTRAINT " + name + " CHECK (" + g.of(c.name+" <> "+o.name+" OR id > 3", o.name+" IS NULL OR "+c.name+" <= "+o.name, "COALESCE("+c.name+", "+o.name+") IS NOT NULL") + ")"
	}
	switch c.kind {
	case number, decimal, double:
		condition = c.name + g.of(" < 1000", " >= 0", " <> 7", " BETWEEN -5 AND 500", " NOT IN (2, 3)", " % 7 <> 3")
	case text:
		condition = c.name + g.of(" <> 'a'", " LIKE '%'", " IN ('', 'a', 'b', 'abc')", " NOT LIKE '_b%'", " >= ''", " REGEXP '^[a-z]*$'")
	case date, datetime:
		condition = c.name + " > '1980-01-01'"
	}
	return name, "CONSTRAINT " + name + " CHECK (" + condition + ")"
}

// parent is a table that another may refer to.
func (g *Generator) parent(t *table) *table {
	p := g.tables[g.n(len(g.tables))]
	if p.view || p == t {
		return nil
	}
	return p
}

// reference is a foreign key, and the column that it needs.
func (g *Generator) reference(p *table) (name, def string, c column) {
	name = g.name("f")
	c = column{name: g.name("p"), kind: number, def: "INT", values: []string{"1", "2", "3", "5", "8"}}
	rule := g.of("", " ON DELETE CASCADE", " ON DELETE SET NULL ON UPDATE CASCADE", " ON UPDATE CASCADE ON DELETE CASCADE", " ON DELETE RESTRICT", " ON DELETE NO ACTION")
	return name, "CONSTRAINT " + name + " FOREIGN KEY (" + c.name + ") REFERENCES " + p.name + " (id)" + rule, c
}

// copyOf makes a table like another, or of its rows.
func (g *Generator) copyOf(o *table) Statement {
	t := &table{name: g.name("r"), columns: slices.Clone(o.columns), keys: slices.Clone(o.keys), checks: slices.Clone(o.checks)}
	if o.view || g.chance(0.5) {
		t.keys, t.checks = nil, nil
		for i := range t.columns {
			t.columns[i].generated = false
		}
		sql := "CREATE " + g.maybe(0.2, "TEMPORARY ") + "TABLE " + t.name + " AS SELECT * FROM " + o.name + g.of("", " ORDER BY id LIMIT 5", " WHERE id % 2 = 0")
		t.own = strings.HasPrefix(sql, "CREATE TEMP")
		return Statement{SQL: sql, Ordered: true, Checks: append(contents(t), defined(t.name)...), Done: func() { g.tables = append(g.tables, t) }}
	}
	t.checks = nil // MySQL gives them names of the new table
	return Statement{SQL: "CREATE TABLE " + t.name + " LIKE " + o.name, Checks: defined(t.name), Done: func() { g.tables = append(g.tables, t) }}
}

func (g *Generator) view() Statement {
	t := &table{name: g.name("w"), view: true}
	o := g.tables[g.n(len(g.tables))]
	g.scope = []source{o.source("q")}
	t.columns = []column{{name: "id", kind: number}}
	items := []string{"q.id"}
	for i, c := range o.columns[1:] {
		if g.chance(0.5) {
			name := named(c, fmt.Sprint("w", i))
			c.name = name
			items = append(items, "q."+o.columns[i+1].name+" AS "+name)
			t.columns = append(t.columns, c)
		}
	}
	if g.chance(0.3) {
		k := g.kind()
		name := named(column{kind: k}, "z")
		items = append(items, g.expr(k)+" AS "+name)
		t.columns = append(t.columns, column{name: name, kind: k, generated: true})
	}
	sql := "CREATE VIEW " + t.name + " AS SELECT " + strings.Join(items, ", ") + " FROM " + o.name + " q" + g.where()
	if strings.Contains(sql, "WHERE") {
		sql += g.of("", "", "", " WITH CHECK OPTION", " WITH LOCAL CHECK OPTION", " WITH CASCADED CHECK OPTION")
	}
	return Statement{SQL: sql, Checks: contents(t), Done: func() { g.tables = append(g.tables, t) }}
}

// alter is one of the clauses of ALTER TABLE, or two.
func (g *Generator) alter(t *table) Statement {
	var done []func()
	var clauses []string
	columns := slices.Clone(t.columns)
	for range 1 + g.n(5)/4 {
		clause, f := g.clause(t, &columns)
		clauses, done = append(clauses, clause), append(done, f)
	}
	name := t.name
	return Statement{SQL: "ALTER TABLE " + name + " " + strings.Join(clauses, ", "), Ordered: true, Checks: append(contents(t), defined(name)...), Done: func() {
		t.columns = columns
		for _, f := range done {
			f()
		}
	}}
}

func (g *Generator) clause(t *table, columns *[]column) (clause string, done func()) {
	nothing := func() {}
	i := 1 + g.n(max(1, len(*columns)-1))
	if i >= len(*columns) {
		i = 0
	}
	c := (*columns)[i]
	switch p := g.n(17); {
	case p == 14 && i > 0:
		n := g.newColumn(c.name)
		n.name = c.name
		(*columns)[i] = n
		return "DROP COLUMN " + c.name + ", ADD COLUMN " + n.name + " " + n.def, nothing
	case p == 15 && len(t.foreign) > 0:
		f := t.foreign[g.n(len(t.foreign))]
		return "DROP FOREIGN KEY " + f, func() { t.foreign = slices.DeleteFunc(t.foreign, func(o string) bool { return o == f }) }
	case p == 16:
		if parent := g.parent(t); parent != nil {
			name, key, c := g.reference(parent)
			*columns = append(*columns, c)
			return "ADD COLUMN " + c.name + " " + c.def + ", ADD " + key, func() { t.foreign = append(t.foreign, name) }
		}
	case p <= 2:
		c := g.newColumn(g.name("n"))
		*columns = append(*columns, c)
		return "ADD COLUMN " + c.name + " " + c.def + g.of("", "", "", " FIRST", " AFTER id"), nothing
	case p == 3:
		c := g.generatedColumn(t)
		*columns = append(*columns, c)
		return "ADD COLUMN " + c.name + " " + c.def, nothing
	case p == 4 && i > 0 && len(*columns) > 2:
		*columns = slices.Delete(*columns, i, i+1)
		return "DROP COLUMN " + c.name, nothing
	case p == 5 && i > 0:
		n := g.newColumn(c.name)
		for named(n, "") != named(c, "") {
			n = g.newColumn(c.name)
		}
		n.name = c.name
		(*columns)[i] = n
		return "MODIFY COLUMN " + n.name + " " + n.def, nothing
	case p == 6 && i > 0:
		n := g.newColumn(g.name("m"))
		(*columns)[i] = n
		return "CHANGE COLUMN " + c.name + " " + n.name + " " + n.def, nothing
	case p == 7 && i > 0:
		n := c
		n.name = named(c, g.name("m"))
		(*columns)[i] = n
		return "RENAME COLUMN " + c.name + " TO " + n.name, nothing
	case p == 8:
		name, key := g.key(t)
		return "ADD " + key, func() { t.keys = append(t.keys, name) }
	case p == 9 && len(t.keys) > 0:
		k := t.keys[g.n(len(t.keys))]
		return "DROP INDEX " + k, func() { t.keys = slices.DeleteFunc(t.keys, func(o string) bool { return o == k }) }
	case p == 10:
		name, check := g.check(t)
		return "ADD " + check, func() { t.checks = append(t.checks, name) }
	case p == 11 && len(t.checks) > 0:
		k := t.checks[g.n(len(t.checks))]
		return "DROP CONSTRAINT " + k, func() { t.checks = slices.DeleteFunc(t.checks, func(o string) bool { return o == k }) }
	case p == 12 && i > 0 && len(c.values) > 0:
		return "ALTER COLUMN " + c.name + g.of(" SET DEFAULT "+c.values[0], " DROP DEFAULT"), nothing
	}
	return g.of("COMMENT = 'n'", "ENGINE = InnoDB", "FORCE", "ADD KEY "+g.name("k")+" (id)"), nothing
}
