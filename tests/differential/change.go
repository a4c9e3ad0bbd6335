package differential

import (
	"fmt"
	"strings"
)

// contents asks for what a table has.
func contents(tables ...*table) []string {
	var list []string
	for _, t := range tables {
		list = append(list, "SELECT * FROM "+t.name+" ORDER BY id")
	}
	return list
}

// change changes rows.
func (g *Generator) change() Statement {
	t := g.tables[g.n(len(g.tables))]
	s := Statement{Ordered: true}
	touched := []*table{t}
	switch p := g.n(26); {
	case p >= 25 && g.files != "":
		s.SQL = g.load(t)
	case p >= 24:
		s, touched = g.changeWith(t)
	case p >= 20:
		s.SQL, touched = g.rareChange(t)
	case p < 4:
		s.SQL = g.inserted(t)
	case p < 6:
		s.SQL, s.Theirs = g.newRow(g.inserted(t) + " ON DUPLICATE KEY UPDATE " + g.onDuplicate(t))
	case p < 7:
		s.SQL = strings.Replace(g.inserted(t), "INSERT", "REPLACE", 1)
	case p < 9:
		s.SQL = g.insertSelect(t)
	case p < 14:
		s.SQL = g.update(t)
	case p < 16:
		s.SQL, touched = g.joinedUpdate(t)
	case p < 19:
		s.SQL = g.delete(t)
	default:
		s.SQL, touched = g.joinedDelete(t)
	}
	s.Binary = g.chance(0.1) && !strings.HasPrefix(s.SQL, "LOAD")
	s.Checks = contents(touched...)
	for _, o := range g.tables { // what foreign keys and views have made of it
		if (len(o.foreign) > 0 || o.view) && !strings.Contains(strings.Join(s.Checks, "\n"), " "+o.name+" ") {
			s.Checks = append(s.Checks, contents(o)...)
		}
	}
	return s
}

// rareChange is one of the rarer forms of a change.
func (g *Generator) rareChange(t *table) (sql string, touched []*table) {
	touched = []*table{t}
	switch g.n(8) {
	case 0:
		return g.insertSet(t), touched
	case 1:
		return g.insertSelect(t) + " ON DUPLICATE KEY UPDATE " + g.onDuplicate(t), touched
	case 2:
		if columns := t.stored()[1:]; len(columns) > 0 {
			c := columns[g.n(len(columns))]
			return "UPDATE " + t.name + " SET " + c.name + " = " + g.of("DEFAULT", "DEFAULT("+c.name+")", "NULL") + " WHERE id = " + g.id(), touched
		}
	case 3:
		if strings.Contains(t.columns[0].def, "AUTO_INCREMENT") {
			g.next(true, "SELECT LAST_INSERT_ID() > 0 AS c0")
			return g.numbered(t), touched
		}
	case 4:
		o := g.tables[g.n(len(g.tables))]
		g.scope = []source{t.source("l"), o.source("r")}
		return "UPDATE " + t.name + " l JOIN " + o.name + " r ON l.id = r.id + " + fmt.Sprint(g.n(20)) + " SET " + g.assignments(t, "l") + ", " + g.assignments(o, "r") +
			" WHERE l.id > " + g.id(), []*table{t, o}
	case 5:
		o := g.tables[g.n(len(g.tables))]
		return "DELETE l, r FROM " + t.name + " l JOIN " + o.name + " r ON l.id = r.id + " + fmt.Sprint(g.n(20)) + " AND l.id > " + g.id(), []*table{t, o}
	case 6:
		if !t.fixed && !t.view && g.chance(0.3) {
			return "TRUNCATE TABLE " + t.name, touched
		}
	}
	return g.update(t), touched
}

func (g *Generator) insertSet(t *table) string {
	g.rows++
	list := []string{fmt.Sprint("id = ", g.rows)}
	for _, c := range t.stored()[1:] {
		if g.chance(0.5) {
			list = append(list, c.name+" = "+g.value(c))
		}
	}
	return g.of("INSERT", "INSERT", "INSERT IGNORE", "REPLACE") + " INTO " + t.name + " SET " + strings.Join(list, ", ")
}

// numbered inserts rows whose ids the server makes.
func (g *Generator) numbered(t *table) string {
	columns := t.stored()[1:]
	var rows []string
	for range 1 + g.n(3) {
		var values []string
		for _, c := range columns {
			values = append(values, g.value(c))
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	return "INSERT INTO " + t.name + " (" + names(columns) + ") VALUES " + strings.Join(rows, ", ")
}

// id is that of a row that there may be.
func (g *Generator) id() string { return fmt.Sprint(max(1, g.rows-g.n(60))) }

// inserted is an INSERT of values. The columns of its statement may be some of the table's, its values expressions.
func (g *Generator) inserted(t *table) string {
	columns := t.stored()
	if g.chance(0.4) {
		some := columns[:1:1]
		for _, c := range columns[1:] {
			if g.chance(0.5) {
				some = append(some, c)
			}
		}
		columns = some
	}
	computed := g.chance(0.3)
	one := func() string {
		var values []string
		for i, c := range columns {
			v := g.value(c)
			switch {
			case i == 0 && g.chance(0.7):
				g.rows++
				v = fmt.Sprint(g.rows)
			case i == 0:
				v = g.id()
			case computed && g.chance(0.4):
				v = g.expr(c.kind)
			case g.chance(0.05):
				v = "DEFAULT"
			}
			values = append(values, v)
		}
		return "(" + strings.Join(values, ", ") + ")"
	}
	rows := []string{one()}
	for g.chance(0.3) {
		rows = append(rows, one())
	}
	return "INSERT " + g.maybe(0.15, "IGNORE ") + "INTO " + t.name + " (" + names(columns) + ") VALUES " + strings.Join(rows, ", ")
}

func names(columns []column) string {
	var list []string
	for _, c := range columns {
		list = append(list, c.name)
	}
	return strings.Join(list, ", ")
}

func (g *Generator) onDuplicate(t *table) string {
	columns := t.stored()
	c := columns[g.n(len(columns))]
	g.scope = []source{t.source(t.name)}
	switch g.n(3) {
	case 0:
		return c.name + " = VALUES(" + c.name + ")"
	case 1:
		return c.name + " = COALESCE(" + t.name + "." + c.name + ", VALUES(" + c.name + "))"
	}
	return c.name + " = " + g.expr(c.kind)
}

// insertSelect inserts rows of another table, with new keys.
func (g *Generator) insertSelect(t *table) string {
	o := g.tables[g.n(len(g.tables))]
	g.scope = []source{o.source("q")}
	columns := []column{t.columns[0]}
	g.rows += 200
	items := []string{fmt.Sprintf("q.id %% 100 + %d", g.rows-100)}
	for _, c := range t.stored()[1:] {
		if g.chance(0.4) {
			columns, items = append(columns, c), append(items, g.expr(c.kind))
		}
	}
	return g.of("INSERT INTO ", "INSERT INTO ", "INSERT IGNORE INTO ", "REPLACE INTO ") + t.name + " (" + names(columns) + ") SELECT " + strings.Join(items, ", ") +
		" FROM " + o.name + " q" + g.where() + fmt.Sprintf(" ORDER BY q.id LIMIT %d", 1+g.n(4))
}

func (g *Generator) assignments(t *table, alias string) string {
	columns := t.stored()
	var list []string
	for range 1 + g.n(2) {
		c := columns[g.n(len(columns))]
		if c.name == "id" && g.chance(0.8) {
			continue
		}
		v := g.expr(c.kind)
		if g.chance(0.3) {
			v = g.value(c)
		}
		list = append(list, alias+"."+c.name+" = "+v)
	}
	if len(list) == 0 {
		list = []string{alias + ".id = " + alias + ".id"}
	}
	return strings.Join(list, ", ")
}

func (g *Generator) update(t *table) string {
	g.scope = []source{t.source(t.name)}
	tail := " WHERE id = " + g.id()
	switch g.n(5) {
	case 0:
		tail = g.where() + fmt.Sprintf(" ORDER BY id%s LIMIT %d", g.of("", " DESC"), g.n(5))
	case 1:
		tail = " WHERE id IN (" + g.id() + ", " + g.id() + ")"
	case 2:
		tail = " WHERE " + g.expr(truth)
	}
	return "UPDATE " + g.maybe(0.1, "IGNORE ") + t.name + " SET " + g.assignments(t, t.name) + tail
}

func (g *Generator) joinedUpdate(t *table) (sql string, touched []*table) {
	o := g.tables[g.n(len(g.tables))]
	g.scope = []source{t.source("l"), o.source("r")}
	from := t.name + " l" + g.of(" JOIN ", " LEFT JOIN ") + o.name + " r ON " + g.of("l.id = r.id", "r.id = l.id + 12", "l.id = r.id AND l.id > "+g.id())
	return "UPDATE " + from + " SET " + g.assignments(t, "l") + g.where(), []*table{t, o}
}

func (g *Generator) delete(t *table) string {
	g.scope = []source{t.source(t.name)}
	switch g.n(5) {
	case 0:
		return "DELETE FROM " + t.name + " WHERE " + g.expr(truth) + " ORDER BY id LIMIT 2"
	case 1:
		return "DELETE FROM " + t.name + " WHERE id IN (" + g.id() + ", " + g.id() + ")"
	case 2:
		return "DELETE " + g.maybe(0.2, "IGNORE ") + "FROM " + t.name + " WHERE id < " + fmt.Sprint(g.rows-60)
	}
	return "DELETE FROM " + t.name + " WHERE id = " + g.id()
}

func (g *Generator) joinedDelete(t *table) (sql string, touched []*table) {
	o := g.tables[g.n(len(g.tables))]
	g.scope = []source{t.source("l"), o.source("r")}
	on := " ON l.id = r.id + " + fmt.Sprint(g.n(20)) + " AND l.id > " + g.id()
	if g.chance(0.5) {
		return "DELETE l FROM " + t.name + " l JOIN " + o.name + " r" + on + g.where(), []*table{t}
	}
	return "DELETE FROM l USING " + t.name + " l JOIN " + o.name + " r" + on + g.where(), []*table{t}
}
