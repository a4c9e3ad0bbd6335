package planner

import (
	"context"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/change"
	"cloudsql/planner/delimited"
	"cloudsql/planner/dml"
	"cloudsql/planner/exec"
	"cloudsql/planner/logical"
	"cloudsql/planner/rules"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// loadPlan is LOAD DATA: an INSERT or REPLACE whose rows are lines of a file, which exec.Runtime.Input opens.
type loadPlan struct {
	*insertPlan
	format delimited.Format
	skip   uint64 // lines
	into   []loadTarget
	set    []loadAssignment
	widths []int // of the format without separators
}

// loadTarget is where a field goes: a column, by position, or a variable; nowhere, where the column is a generated one.
type loadTarget struct {
	pos      int
	variable string // "" for a column
	nowhere  bool
}

type loadAssignment struct {
	pos  int
	expr expr.Expr // over the row; nil: the column's default
}

const loadBytes = 1 << 20 // of a batch of rows that is sent

func buildLoad(ctx *Context, s *ast.LoadDataStmt) (Modify, error) {
	n := insertBinder{&dml.Insert{Kind: fragment.Insert}}
	privs := []mysql.PrivilegeType{mysql.InsertPriv}
	switch s.OnDuplicate {
	case ast.OnDuplicateKeyHandlingIgnore:
		n.Kind, n.Ignore = fragment.InsertIgnore, true
	case ast.OnDuplicateKeyHandlingReplace:
		n.Kind = fragment.Replace
		privs = append(privs, mysql.DeletePriv)
	case ast.OnDuplicateKeyHandlingError:
	}
	var err error
	if n.Target, n.View, err = logical.InsertTarget(ctx, s.Table, &dml.Inserting{Privileges: privs, Load: true}); err != nil {
		return nil, err
	}
	for _, priv := range privs {
		if err := ctx.Check(priv, n.DB, n.Table.Name); n.View == nil && err != nil {
			return nil, err
		}
	}
	p := &loadPlan{}
	if p.format, err = loadFormat(ctx, s); err != nil {
		return nil, err
	}
	if s.IgnoreLines != nil {
		p.skip = *s.IgnoreLines
	}
	if err := p.bindTargets(n, s); err != nil {
		return nil, err
	}
	if err := p.bindSet(ctx, n, s.ColumnAssignments); err != nil {
		return nil, err
	}
	if err := p.checkFixed(n); err != nil {
		return nil, err
	}
	if p.insertPlan, err = newInsertPlan(ctx, n.Insert); err == nil {
		p.Ties, err = change.Tie(ctx, n.Ignore, &p.tables, change.Target{DB: n.DB, Table: n.Table, Kind: n.Kind})
	}
	return p, err
}

// loadFormat reads the clauses CHARACTER SET, FIELDS and LINES.
func loadFormat(ctx *Context, s *ast.LoadDataStmt) (delimited.Format, error) {
	f, err := delimited.FormatOf(s.FieldsInfo, s.LinesInfo)
	if err != nil {
		return f, err
	}
	name := ""
	if s.Charset != nil {
		name = *s.Charset
	} else if ctx.Env != nil && ctx.Env.Session != nil {
		v, _, err := ctx.Env.Session.SysVar("", "character_set_database")
		if err != nil {
			return f, err
		}
		name = v.Text()
	}
	f.Charset, err = delimited.FileCharset(name)
	return f, err
}

// bindTargets finds the columns and variables of the list: all visible columns without one.
func (p *loadPlan) bindTargets(n insertBinder, s *ast.LoadDataStmt) error {
	if len(s.ColumnsAndUserVars) == 0 {
		if err := n.nameColumns(nil); err != nil {
			return err
		}
		for _, c := range n.Columns() {
			if c.Expr != nil {
				return mysqlerr.New(mysqlerr.NonupdatableColumn, c.Field.Name)
			}
		}
		for _, pos := range n.Named {
			p.into = append(p.into, loadTarget{pos: pos, nowhere: n.Table.Columns[pos].Generated != ""})
		}
		return nil
	}
	for _, c := range s.ColumnsAndUserVars {
		if c.UserVar != nil {
			p.into = append(p.into, loadTarget{variable: strings.ToLower(c.UserVar.Name)})
			continue
		}
		pos, err := n.Position(c.ColumnName)
		if err != nil {
			return err
		}
		if slices.Contains(n.Named, pos) {
			return mysqlerr.New(mysqlerr.FieldSpecifiedTwice, c.ColumnName.Name.O)
		}
		n.Named = append(n.Named, pos)
		p.into = append(p.into, loadTarget{pos: pos, nowhere: n.Table.Columns[pos].Generated != ""})
	}
	return nil
}

// bindSet binds SET, over the row's columns by position.
func (p *loadPlan) bindSet(ctx *Context, n insertBinder, list []*ast.Assignment) error {
	env := *ctx.Env
	env.Session = loadSession{ctx.Env.Session, p.into}
	b := &bind.Binder{Env: &env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	sc := &bind.Scope{Cols: n.Columns()}
	for _, a := range list {
		pos, err := n.Position(a.Column)
		if err != nil {
			return err
		}
		set := loadAssignment{pos: pos}
		if !dml.IsDefault(a.Expr) {
			if bind.HasSubquery(a.Expr) {
				return mysqlerr.NotSupported("a subquery in SET of LOAD DATA")
			}
			if n.Table.Columns[pos].Generated != "" {
				return dml.GivenGenerated(n.Table, pos)
			}
			e, err := bind.Expr(b, sc, a.Expr)
			if err != nil {
				return err
			}
			set.expr = expr.ForColumn(e, &n.Table.Columns[pos].Type)
		}
		if !slices.Contains(n.Named, pos) {
			n.Named = append(n.Named, pos)
		}
		p.set = append(p.set, set)
	}
	return nil
}

// loadSession knows that the variables which fields go to are strings, whatever they are before.
type loadSession struct {
	expr.Session
	into []loadTarget
}

func (s loadSession) UserVar(name string) (types.Value, types.Type) {
	if slices.ContainsFunc(s.into, func(t loadTarget) bool { return t.variable == name }) {
		return types.Null, types.TypeString
	}
	return s.Session.UserVar(name)
}

// checkFixed: rows without separators have no variables (1409), and columns without a width only if something ends a line (1084).
func (p *loadPlan) checkFixed(n insertBinder) error {
	if !p.format.Fixed() {
		return nil
	}
	for _, t := range p.into {
		if t.variable != "" {
			return mysqlerr.New(mysqlerr.LoadFromFixedSizeRowsToVar)
		}
		typ := &n.Table.Columns[t.pos].Type
		if delimited.Blob(typ) && p.format.LineTerm == "" {
			return mysqlerr.New(mysqlerr.BlobsAndNoTerminated)
		}
		p.widths = append(p.widths, delimited.ReadWidth(typ, p.format.Charset))
	}
	return nil
}

// NeedsTxn: the rows arrive in batches.
func (p *loadPlan) NeedsTxn() bool  { return true }
func (p *loadPlan) Cacheable() bool { return false }

// Run reads the file and sends its rows.
func (p *loadPlan) Run(ctx context.Context, rt *exec.Runtime) (res *exec.ModifyResult, err error) {
	run, err := p.newRun(rt)
	if err != nil {
		return nil, err
	}
	defer run.notes.tell()
	defer run.close()
	if err := run.ask(ctx); err != nil {
		return nil, err
	}
	in, err := rt.Input(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := in.Close(); err == nil {
			err = e
		}
	}()
	l := &loadRun{loadPlan: p, run: run, hold: rt.Memory.Hold(memory.Rows)}
	defer l.hold.Close()
	l.in = delimited.NewLines(delimited.NewReader(in, p.format, rt.Env.MaxPacket), len(p.into), p.widths)
	if err := l.lines(ctx); err != nil {
		return nil, err
	}
	return l.result(), nil
}

// loadRun is one execution.
type loadRun struct {
	*loadPlan
	run   *insertRun
	in    *delimited.Lines
	bytes int // of the batch's rows, beside the texts that in keeps
	hold  memory.Hold
}

func (l *loadRun) lines(ctx context.Context) error {
	more, err := l.in.Skip(l.skip)
	if err != nil {
		return err
	}
	for more {
		ok, err := l.line(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if more, err = l.endLine(); err != nil {
			return err
		}
		if l.run.batch.Len() >= insertChunk || l.bytes+l.in.Bytes >= loadBytes {
			if err := l.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := l.in.Err(); err != nil {
		return err
	}
	return l.flush(ctx)
}

func (l *loadRun) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := l.run.flush(ctx); err != nil {
		return err
	}
	l.bytes = 0
	l.in.Forget()
	if l.run.rt.Progress != nil {
		l.run.rt.Progress(uint64(l.run.records)) //nolint:gosec // a count
	}
	return nil
}

// line reads one line into a row. ok is false at the end of the file.
func (l *loadRun) line(ctx context.Context) (ok bool, err error) {
	fields, ok, err := l.in.Next()
	if !ok || err != nil {
		return false, err
	}
	row, err := l.run.next(ctx)
	if err != nil {
		return false, err
	}
	l.bytes += rowOverhead * len(row)
	for i, t := range l.into {
		switch {
		case i >= len(fields):
			err = l.missing(row, l.into[i:])
		case fields[i].Null:
			err = l.null(row, t)
		default:
			err = l.store(row, t, fields[i].Text)
		}
		if err != nil {
			return false, err
		}
		if i >= len(fields) {
			break
		}
	}
	if err := l.assignments(row); err != nil {
		return false, err
	}
	if err := l.run.fillDefaults(row, nil); err != nil {
		return false, err
	}
	if _, err := l.run.follow(row); err != nil {
		return false, err
	}
	return true, l.hold.Set(2 * (l.bytes + l.in.Bytes))
}

// rowOverhead is about what a value takes beside its text.
const rowOverhead = 48

// store gives a column or variable a field's text.
func (l *loadRun) store(row []types.Value, t loadTarget, text []byte) error {
	v := l.value(t, text)
	switch {
	case t.nowhere:
		return nil
	case t.variable != "":
		return l.run.env.Session.SetUserVar(t.variable, v.Clone(), types.TypeString)
	}
	v, err := l.run.assign(v, t.pos)
	row[t.pos] = v
	return err
}

// value makes a string of a field: as it is for columns of bytes, in UTF-8 for others.
func (l *loadRun) value(t loadTarget, text []byte) types.Value {
	if t.variable == "" && l.run.Table.Columns[t.pos].Type.IsBinary() {
		return types.Bytes(text)
	}
	return types.String(l.format.Charset.Decode(text))
}

// null gives a column or variable \N: a NOT NULL column gets what an empty value of its type is, with 1263.
func (l *loadRun) null(row []types.Value, t loadTarget) error {
	switch {
	case t.nowhere:
		return nil
	case t.variable != "":
		return l.run.env.Session.SetUserVar(t.variable, types.Null, types.TypeString)
	}
	c := &l.run.Table.Columns[t.pos]
	row[t.pos] = types.Null
	if !c.NotNull || c.AutoIncrement {
		return nil
	}
	row[t.pos] = l.empty(t.pos)
	if c.Type.IsTimestamp() {
		return nil
	}
	return l.run.problem(mysqlerr.New(mysqlerr.WarnNullToNotnull, c.Name, l.run.records))
}

// missing fills what the line has no fields for, with 1261 for each column: as in MySQL with what is empty in the column's type, and not
// with its default, unless that is NULL. Rows without separators have no NULL; variables are NULL without a word.
func (l *loadRun) missing(row []types.Value, rest []loadTarget) error {
	for _, t := range rest {
		if t.variable != "" {
			if err := l.run.env.Session.SetUserVar(t.variable, types.Null, types.TypeString); err != nil {
				return err
			}
			continue
		}
		if c := &l.run.Table.Columns[t.pos]; !c.AutoIncrement && (!row[t.pos].IsNull() || l.widths != nil) || c.NotNull && !t.nowhere {
			row[t.pos] = l.empty(t.pos)
		}
		if err := l.run.problem(mysqlerr.New(mysqlerr.WarnTooFewRecords, l.run.records)); err != nil {
			return err
		}
	}
	return nil
}

// empty is what a column has that nothing is given for; a TIMESTAMP has the time of the statement.
func (l *loadRun) empty(pos int) types.Value {
	c := &l.run.Table.Columns[pos]
	if c.AutoIncrement {
		return types.Null
	}
	if c.NotNull && c.Type.IsTimestamp() {
		if now, err := expr.New("now", expr.NewInt(int64(max(c.Type.Decimals, 0)))); err == nil {
			if v, err := now.Eval(l.run.env, nil); err == nil {
				if v, err = conversion.Assign(v, &c.Type, c.Name, l.run.records, &l.run.env.Mode, l.run.env.Warn); err == nil {
					return v
				}
			}
		}
	}
	if c.Type.Class() == types.ClassEnum {
		return types.EnumValue(&c.Type, 0) // not its first element, which is a default
	}
	return conversion.ImplicitDefault(&c.Type)
}

// problem is an error in strict mode, and a warning otherwise.
func (r *insertRun) problem(e *mysqlerr.Error) error {
	if r.env.Mode.Strict {
		return e
	}
	r.env.Warn(e.Code, e.Message)
	return nil
}

// assignments are SET's, one after the other.
func (l *loadRun) assignments(row []types.Value) error {
	for i := range l.set {
		a := &l.set[i]
		if a.expr == nil {
			if l.run.Table.Columns[a.pos].Generated == "" {
				row[a.pos] = l.run.computed[a.pos]
			}
			continue
		}
		v, err := a.expr.Eval(l.run.eval, rules.LocalRow(row, &l.run.env.Mode))
		if err == nil {
			err = l.run.strict.Err()
		}
		if err == nil {
			v = v.Clone()
			l.bytes += len(v.Raw())
			row[a.pos], err = l.run.assign(v, a.pos)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endLine goes to the next line, with 1262 for fields that nobody asked for.
func (l *loadRun) endLine() (more bool, err error) {
	more, cut := l.in.End()
	if more && cut {
		err = l.run.problem(mysqlerr.New(mysqlerr.WarnTooManyRecords, l.run.records))
	}
	return more, err
}

// result is the answer: Skipped are rows that were left out for those that were there, Deleted rows that REPLACE took away.
func (l *loadRun) result() *exec.ModifyResult {
	m := l.run.result()
	deleted, skipped, records := uint64(0), uint64(0), uint64(l.run.records) //nolint:gosec // a count
	if l.Kind == fragment.Replace {
		deleted = l.run.w.Sum.Duplicates
	} else {
		skipped = records - min(records, l.run.w.Sum.Affected)
	}
	m.Info = mysqlerr.New(mysqlerr.LoadInfo, records, deleted, skipped, l.run.w.Warnings).Message
	return m
}
