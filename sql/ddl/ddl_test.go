package ddl

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// The scripts in testdata turn statements into descriptors. Commands:
//
//	create [lax]   CREATE TABLE; the table is kept for what follows
//	alter [lax]    ALTER TABLE, CREATE INDEX or DROP INDEX on the kept table, which becomes the result
//	plan [lax]     as alter, but the table stays as it was
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		d := &scripted{db: &schema.Database{ID: 7, Name: "d", Collation: collation.Default}}
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string { return d.run(t, td) })
	})
}

type scripted struct {
	db    *schema.Database
	table *schema.Table
}

func testEnv(notes *[]string) *Env {
	return &Env{
		Mode: *types.DefaultMode(), SQLMode: mysql.ModeStrictTransTables | mysql.ModeNoEngineSubstitution,
		Now: time.Unix(1700000000, 0).UTC(), Collation: collation.Default,
		Note: func(level string, code uint16, message string) {
			*notes = append(*notes, fmt.Sprintf("%s %d: %s\n", level, code, message))
		},
	}
}

func (d *scripted) run(t *testing.T, td *datadriven.TestData) string {
	t.Helper()
	stmt, err := parser.New().ParseOneStmt(td.Input, "", "")
	if err != nil {
		t.Fatalf("%s: %v", td.Pos, err)
	}
	var notes []string
	env := testEnv(&notes)
	if td.HasArg("lax") {
		env.Mode.Strict, env.SQLMode = false, 0
	}
	out, err := d.statement(env, stmt, td.Cmd == "alter")
	if err != nil {
		return mysqlerr.From(err).Error() + "\n"
	}
	return strings.Join(notes, "") + out
}

func (d *scripted) statement(env *Env, stmt ast.StmtNode, keep bool) (string, error) {
	var c *Change
	var err error
	switch n := stmt.(type) {
	case *ast.CreateTableStmt:
		t, err := CreateTable(env, d.db, n, nil)
		if err != nil {
			return "", err
		}
		t.ID = 1
		d.table = t
		return dump(t), nil
	case *ast.AlterTableStmt:
		c, err = PlanAlter(env, d.db, d.table, n.Specs)
	case *ast.CreateIndexStmt:
		c, err = PlanCreateIndex(env, d.db, d.table, n)
	case *ast.DropIndexStmt:
		c, err = PlanDropIndex(env, d.db, d.table, n)
	}
	if err != nil {
		return "", err
	}
	out := ""
	if c.Copy {
		out = "copy\n"
	}
	if len(c.Build) > 0 {
		out += fmt.Sprintf("build %v\n", c.Build)
	}
	if len(c.Drop) > 0 {
		out += fmt.Sprintf("drop %v\n", c.Drop)
	}
	if c.NoRows != nil {
		out += fmt.Sprintf("check that there are no rows: %v\n", c.NoRows)
	}
	if len(c.NotNull) > 0 {
		out += fmt.Sprintf("check not null %v\n", c.NotNull)
	}
	if c.AutoInc > 0 || c.RaiseAutoInc {
		out += fmt.Sprintf("auto_increment %d raise %v\n", c.AutoInc, c.RaiseAutoInc)
	}
	if c.RenameTo != nil {
		out += "rename to " + c.RenameTo.Name.O + "\n"
	}
	if c.Table == nil {
		return out + "same table\n", nil
	}
	if keep {
		d.table = c.Table
	}
	return out + dump(c.Table), nil
}

// dump prints what of a descriptor the statement has decided.
func dump(t *schema.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", t.Name, t.Collation.Name())
	if t.Comment != "" {
		fmt.Fprintf(&b, " comment %q", t.Comment)
	}
	if t.AutoIncStart > 0 {
		fmt.Fprintf(&b, " auto_increment %d", t.AutoIncStart)
	}
	if len(t.Options) > 0 {
		fmt.Fprintf(&b, " %v", t.Options)
	}
	b.WriteString("\n")
	for i := range t.Columns {
		dumpColumn(&b, &t.Columns[i])
	}
	for _, ix := range t.Indexes {
		fmt.Fprintf(&b, "  key %d %s", ix.ID, ix.Name)
		if ix.Unique {
			b.WriteString(" unique")
		}
		if ix.Hidden {
			b.WriteString(" invisible")
		}
		var parts []string
		for _, p := range ix.Columns {
			part := t.Columns[p.Column].Name
			if p.Prefix > 0 {
				part += fmt.Sprintf("[%d]", p.Prefix)
			}
			if p.Desc {
				part += " desc"
			}
			parts = append(parts, part)
		}
		fmt.Fprintf(&b, " (%s)", strings.Join(parts, ", "))
		if ix.Comment != "" {
			fmt.Fprintf(&b, " comment %q", ix.Comment)
		}
		b.WriteString("\n")
	}
	for i := range t.ForeignKeys {
		fmt.Fprintf(&b, "  %s\n", t.ForeignKeys[i].Definition(t, "d", mysqlerr.Quote))
	}
	for _, c := range t.Checks {
		fmt.Fprintf(&b, "  check %s %s enforced %v\n", c.Name, c.Expr, c.Enforced)
	}
	return b.String()
}

func dumpColumn(b *strings.Builder, c *schema.Column) {
	fmt.Fprintf(b, "  %d %s %s length %d", c.ID, c.Name, c.Type.String(), c.Type.Length)
	if row.HasCharset(&c.Type) {
		fmt.Fprintf(b, " %s", c.Type.Collation.Name())
	}
	if c.NotNull {
		b.WriteString(" not null")
	}
	if c.Hidden {
		b.WriteString(" hidden")
	}
	if c.AutoIncrement {
		b.WriteString(" auto_increment")
	}
	switch {
	case c.DefaultExpr != "":
		fmt.Fprintf(b, " default %s", c.DefaultExpr)
	case c.HasDefault && c.Default == nil:
		b.WriteString(" default null")
	case c.HasDefault:
		fmt.Fprintf(b, " default %s", shown(c.Default, &c.Type))
	}
	if c.OnUpdateNow {
		b.WriteString(" on update now")
	}
	if c.Missing != nil {
		fmt.Fprintf(b, " missing %s", shown(c.Missing, &c.Type))
	}
	if c.Comment != "" {
		fmt.Fprintf(b, " comment %q", c.Comment)
	}
	b.WriteString("\n")
}

func shown(encoded []byte, t *types.Type) string {
	v, _, err := types.DecodeValue(encoded)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%q", types.ToLocal(v, time.UTC).AppendText(nil, t))
}
