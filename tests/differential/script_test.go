package differential

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// rowsOf are the rows of a worker's tables as the queries that check them have shown them: what a statement changed is known
// beside what was there before.
type rowsOf struct{ before, now map[string]*Answer }

// settle makes the rows of now those before the statement that comes.
func (r *rowsOf) settle() {
	for t, a := range r.now {
		r.before[t] = a
	}
	clear(r.now)
}

// note keeps a table's rows.
func (r *rowsOf) note(sql string, a *Answer) {
	if m := wholeTable.FindStringSubmatch(sql); m != nil && a.Err == 0 {
		kept := *a
		r.now[m[1]] = &kept
	}
}

var (
	wholeTable  = regexp.MustCompile(`^SELECT \* FROM ([abc]|[rw]\d+) ORDER BY id$`)
	tableNames  = regexp.MustCompile(`\b([abc]|[rw]\d+)\b`)
	literalText = regexp.MustCompile(`'(?:[^'\\]|\\.|'')*'`)
	madeColumns = regexp.MustCompile("(?m)^ *`(\\w+)` [^\n]*GENERATED ALWAYS")
)

// script is what makes a difference again: the mode, the tables that its statement names as they were before it, and the statement.
// The definitions are those of the server that has not carried it out, if there is one.
func (r *run) script(sql string, theirsFailed bool) string {
	s := scripted{from: r.ours, rows: r.rows.before, db: r.db, done: map[string]bool{}}
	if theirsFailed {
		s.from = r.theirs
	}
	fmt.Fprintf(&s.text, "%s;\nSET foreign_key_checks = 0;\n", r.mode)
	s.tables(sql)
	fmt.Fprintf(&s.text, "SET foreign_key_checks = 1;\n%s;\n", strings.ReplaceAll(sql, "; ", ";\n"))
	if r.theirsWas != "" {
		fmt.Fprintf(&s.text, "-- in MariaDB: %s;\n", r.theirsWas)
	}
	return s.text.String()
}

// scripted is a script in the making.
type scripted struct {
	text strings.Builder
	from *Server
	rows map[string]*Answer
	db   string
	done map[string]bool
}

// tables writes those that a text names, after those that they name themselves.
func (s *scripted) tables(text string) {
	for _, name := range tableNames.FindAllString(literalText.ReplaceAllString(text, "''"), -1) {
		if s.done[name] {
			continue
		}
		s.done[name] = true
		a, err := s.from.Ask("SHOW CREATE TABLE "+name, true, false)
		if err != nil || a.Err != 0 {
			continue // a column's name, or a table that is to be made
		}
		_, definition, _ := strings.Cut(a.Rows[0], "|")
		definition = strings.ReplaceAll(definition, "`"+s.db+"`.", "")
		if strings.HasPrefix(definition, "CREATE ALGORITHM") { // what follows is about the connection
			definition = definition[:strings.LastIndex(definition[:strings.LastIndex(definition, "|")], "|")]
		}
		s.tables(definition)
		s.text.WriteString(definition + ";\n")
		if rows := s.rows[name]; rows != nil && strings.HasPrefix(definition, "CREATE T") {
			s.inserts(name, madeColumns.FindAllStringSubmatch(definition, -1), rows)
		}
	}
}

// inserts writes a table's rows.
func (s *scripted) inserts(name string, made [][]string, rows *Answer) {
	isMade := map[string]bool{}
	for _, m := range made {
		isMade[m[1]] = true
	}
	for _, row := range rows.Rows {
		values := strings.Split(row, "|")
		if len(values) != len(rows.Names) { // a value has the divider
			fmt.Fprintf(&s.text, "-- %s\n", row)
			continue
		}
		for i, v := range values {
			values[i] = valueText(v, rows.Types[i])
			if isMade[rows.Names[i]] {
				values[i] = "DEFAULT"
			}
		}
		fmt.Fprintf(&s.text, "INSERT INTO %s VALUES (%s);\n", name, strings.Join(values, ", "))
	}
}

// valueText is a value as a literal.
func valueText(v, class string) string {
	switch {
	case v == "NULL", class == "INT", class == "DECIMAL", class == "DOUBLE":
		return v
	case class == "BIT", !utf8.ValidString(v):
		return fmt.Sprintf("x'%x'", v)
	}
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(v) + "'"
}

// keep writes the script of the n-th kind of difference into the directory that SCRIPTS names, and gives a line that says where; nothing
// without one.
func (r *run) keep(n int, sql string, theirsFailed bool) string {
	dir := os.Getenv("SCRIPTS")
	if dir == "" {
		return ""
	}
	path := filepath.Join(dir, fmt.Sprintf("%d.sql", n))
	if err := os.WriteFile(path, []byte(r.script(sql, theirsFailed)), 0o600); err != nil {
		r.t.Error(err)
	}
	return "\n  script: " + path
}
