package ddl

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// TestAlterClauses alters random tables by all sorts of clauses at once, in any order: what one takes away the next may name.
// There is a sound descriptor or an error of MySQL's, never a panic, and the old descriptor stays as it was.
func TestAlterClauses(t *testing.T) {
	for _, text := range []string{
		"DROP COLUMN a, DROP PRIMARY KEY", "DROP COLUMN a, DROP PRIMARY KEY, AUTO_INCREMENT = 256", "DROP COLUMN a, DROP PRIMARY KEY, ADD PRIMARY KEY (b)",
		"DROP COLUMN a, DROP PRIMARY KEY, DROP PRIMARY KEY", "DROP PRIMARY KEY, DROP COLUMN a", "DROP COLUMN a, ADD COLUMN a INT PRIMARY KEY FIRST",
	} {
		d := &scripted{db: &schema.Database{ID: 7, Name: "d", Collation: collation.Default}}
		d.alter(t, "CREATE TABLE t (a INT PRIMARY KEY, b INT NOT NULL, KEY (b, a))")
		d.alter(t, "ALTER TABLE t "+text)
	}
	for seed := range uint64(300) {
		g := &clauses{rand.New(rand.NewPCG(seed, 1))}
		d := &scripted{db: &schema.Database{ID: 7, Name: "d", Collation: collation.Default}}
		for d.table == nil {
			d.alter(t, g.create())
		}
		for range 30 {
			d.alter(t, "ALTER TABLE t "+g.several(1, 5, g.clause))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// alter runs a statement on the kept table, which becomes the result if there is one.
func (d *scripted) alter(t *testing.T, text string) {
	t.Helper()
	before := ""
	if d.table != nil {
		before = dump(d.table)
	}
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s\npanics: %v\nof\n%s", text, p, before)
		}
	}()
	stmt, err := parser.New().ParseOneStmt(text, "", "")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var notes []string
	old := d.table
	_, err = d.statement(testEnv(&notes), stmt, true)
	if old != nil && dump(old) != before {
		t.Fatalf("%s changes the old descriptor\n%sto\n%s", text, before, dump(old))
	}
	if err != nil {
		if code := mysqlerr.Code(err); code == mysqlerr.UnknownError {
			t.Errorf("%s\n%v\nof\n%s", text, err, before)
		}
		return
	}
	if fault := unsound(old, d.table); fault != "" {
		t.Errorf("%s\n%s\nof\n%s\nmade\n%s", text, fault, before, dump(d.table))
	}
}

// unsound tells what is wrong with a descriptor that another became.
func unsound(old, t *schema.Table) string {
	columns, indexes := map[any]bool{}, map[any]bool{}
	for i := range t.Columns {
		c := &t.Columns[i]
		name := strings.ToLower(c.Name)
		switch {
		case c.ID == 0 || c.ID >= t.NextColumnID || columns[c.ID] || columns[name]:
			return fmt.Sprintf("column %s (%d) is twice there, or its id is not given out", c.Name, c.ID)
		case c.Hidden != (c.Name == schema.HiddenColumnName) || c.Hidden && i > 0 || c.Hidden && t.HasPrimaryKey():
			return "a hidden column that is not what rows are clustered by"
		}
		columns[c.ID], columns[name] = true, true
	}
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		name := strings.ToLower(ix.Name)
		if (ix.ID == schema.PrimaryIndex) != (i == 0) || ix.ID >= t.NextIndexID || indexes[ix.ID] || indexes[name] {
			return fmt.Sprintf("index %s (%d) is twice there, out of place, or its id is not given out", ix.Name, ix.ID)
		}
		indexes[ix.ID], indexes[name] = true, true
		if len(ix.Columns) == 0 {
			return "index " + ix.Name + " has no columns"
		}
		parts := map[int]bool{}
		for _, p := range ix.Columns {
			if p.Column < 0 || p.Column >= len(t.Columns) || parts[p.Column] || i > 0 && t.Columns[p.Column].Hidden || i == 0 && !t.Columns[p.Column].NotNull {
				return fmt.Sprintf("index %s may not have column %d", ix.Name, p.Column)
			}
			parts[p.Column] = true
			if old == nil || i == 0 || old.IndexByID(ix.ID) == nil {
				continue
			}
			if same := old.IndexByID(ix.ID); len(same.Columns) != len(ix.Columns) {
				return "index " + ix.Name + " has other columns under its old id"
			}
		}
	}
	if len(t.Columns) == 0 || len(t.Indexes) == 0 || len(columns) == 2 && t.Columns[0].Hidden {
		return "nothing is left"
	}
	var back schema.Table
	if b, err := json.Marshal(t); err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(dump(&back), dump(t)) {
		return "the descriptor can't be kept"
	}
	return ""
}

// clauses makes them over a few names, so that they often meet.
type clauses struct{ rng *rand.Rand }

func (g *clauses) pick(list ...string) string { return list[g.rng.IntN(len(list))] }
func (g *clauses) column() string             { return g.pick("a", "b", "c", "d", "e") }
func (g *clauses) key() string                { return g.pick("k1", "k2", "a", "b", "a_2", "PRIMARY") }

func (g *clauses) several(lo, hi int, what func() string) string {
	var list []string
	for range lo + g.rng.IntN(hi-lo+1) {
		list = append(list, what())
	}
	return strings.Join(list, ", ")
}

func (g *clauses) typ() string {
	return g.pick("INT", "INT", "BIGINT UNSIGNED", "VARCHAR(20)", "VARCHAR(200) COLLATE utf8mb4_bin", "TEXT", "JSON", "DATETIME", "DECIMAL(10,2)", "ENUM('x','y')") +
		g.pick("", "", "", " NULL", " NOT NULL", " DEFAULT NULL", " NOT NULL DEFAULT '1'", " UNIQUE", " PRIMARY KEY", " AUTO_INCREMENT", " AUTO_INCREMENT UNIQUE", " COMMENT 'c'")
}

func (g *clauses) place() string { return g.pick("", "", "", " FIRST", " AFTER "+g.column()) }

func (g *clauses) part() string {
	return g.column() + g.pick("", "", "", "", "(3)", " DESC")
}

func (g *clauses) index() string {
	return g.pick("PRIMARY KEY", "UNIQUE KEY k1", "UNIQUE", "KEY k2", "KEY", "INDEX a") + " (" + g.several(1, 3, g.part) + ")" + g.pick("", "", "", " COMMENT 'i'")
}

func (g *clauses) create() string {
	parts := []string{}
	for _, c := range []string{"a", "b", "c", "d"}[:1+g.rng.IntN(4)] {
		parts = append(parts, c+" "+g.pick(g.typ(), "INT", "VARCHAR(10)"))
	}
	if n := g.rng.IntN(4); n > 0 {
		parts = append(parts, g.several(n, n, g.index))
	}
	return "CREATE TABLE t (" + strings.Join(parts, ", ") + ")"
}

func (g *clauses) clause() string {
	switch g.rng.IntN(20) {
	case 0, 1, 2, 3:
		return "DROP COLUMN " + g.column()
	case 4, 5:
		return "DROP PRIMARY KEY"
	case 6, 7:
		return "DROP " + g.pick("KEY ", "INDEX ") + "`" + g.key() + "`"
	case 8, 9:
		return "ADD " + g.index()
	case 10, 11:
		return "ADD COLUMN " + g.column() + " " + g.typ() + g.place()
	case 12:
		return "ADD COLUMN (" + g.several(1, 2, func() string { return g.column() + " " + g.typ() }) + ")"
	case 13, 14:
		return "MODIFY " + g.column() + " " + g.typ() + g.place()
	case 15:
		return "CHANGE " + g.column() + " " + g.column() + " " + g.typ() + g.place()
	case 16:
		return "RENAME COLUMN " + g.column() + " TO " + g.column()
	case 17:
		return "RENAME INDEX `" + g.key() + "` TO `" + g.key() + "`"
	case 18:
		return "ALTER COLUMN " + g.column() + g.pick(" SET DEFAULT 1", " DROP DEFAULT", " SET DEFAULT NULL")
	}
	return g.pick("ALTER INDEX `"+g.key()+"` "+g.pick("INVISIBLE", "VISIBLE"), "AUTO_INCREMENT = 256", "COMMENT = 'x'", "FORCE", "CONVERT TO CHARACTER SET latin1",
		"RENAME TO u", "ALGORITHM = "+g.pick("INPLACE", "COPY", "INSTANT"), "ADD CONSTRAINT ck CHECK (a > 0) NOT ENFORCED", "DROP CHECK ck", "DROP CONSTRAINT k1")
}
