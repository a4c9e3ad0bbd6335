package logical

import (
	"fmt"
	"strings"

	"cloudsql/planner/scalar"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// Text prints a tree, a node a line, inputs one step to the right. Columns that have a table are shown by name.
func Text(n Node) string {
	var b strings.Builder
	write(&b, n, 0)
	return b.String()
}

func write(b *strings.Builder, n Node, depth int) {
	b.WriteString(strings.Repeat("  ", depth))
	b.WriteString(n.head())
	b.WriteByte('\n')
	for _, in := range n.Inputs() {
		write(b, in, depth+1)
	}
}

// Text prints the query, and the subqueries that its expressions call below it.
func (q *Query) Text() string {
	var b strings.Builder
	write(&b, q.Root, 0)
	for _, s := range q.Subs {
		b.WriteString("subquery " + s.What + "\n")
		write(&b, s.Node, 1)
	}
	return b.String()
}

func columnList(names []string, used []int) string {
	if used == nil {
		return ""
	}
	list := make([]string, len(used))
	for i, pos := range used {
		list[i] = names[pos]
	}
	return " (" + strings.Join(list, ", ") + ")"
}

func (t *Table) head() string {
	s := "table " + t.Desc.Name
	if t.Alias != t.Desc.Name {
		s += " as " + t.Alias
	}
	names := make([]string, len(t.Desc.Columns))
	for i := range names {
		names[i] = t.Desc.Columns[i].Name
	}
	s += columnList(names, t.Used)
	if t.Lock.IsExplicit() {
		s += " locked"
	}
	return s
}

func (v *Virtual) head() string {
	cols := v.Rows.Columns()
	names := make([]string, len(cols))
	for i := range names {
		names[i] = cols[i].Name
	}
	return "virtual " + v.Name + columnList(names, v.Used)
}

func (v *Values) head() string  { return fmt.Sprintf("values, %d row(s)", len(v.Rows)) }
func (e *Empty) head() string   { return "empty" }
func (w *Working) head() string { return "working table of " + w.Recursion.Name }
func (f *Filter) head() string  { return "filter " + scalar.Texts(f.Conds) }
func (p *Project) head() string { return "project " + scalar.Texts(p.List) }

func (j *Join) head() string {
	s := j.Kind.String() + " join"
	if j.Straight {
		s += ", straight"
	}
	if len(j.On) > 0 {
		s += " on " + scalar.Texts(j.On)
	}
	return s
}

func (a *Apply) head() string { return a.Kind.String() + " apply " + a.Cond.String() }

func (g *Group) head() string {
	s := "group"
	if len(g.By) > 0 {
		s += " by " + scalar.Texts(g.By)
	}
	if g.Rollup {
		s += " with rollup"
	}
	for i := range g.Aggs {
		if i == 0 {
			s += ":"
		} else {
			s += ","
		}
		s += " " + g.Aggs[i].Agg.String()
	}
	return s
}

func (w *Window) head() string {
	var list []string
	for _, x := range w.Items {
		s := x.Name
		if len(x.Partition) > 0 {
			s += " partition by " + scalar.Texts(x.Partition)
		}
		if len(x.Order) > 0 {
			s += " order by " + scalar.SortTexts(x.Order)
		}
		list = append(list, s)
	}
	return "window " + strings.Join(list, "; ")
}

func (c *Change) head() string {
	var list []string
	for i := range c.Targets {
		t := &c.Targets[i]
		s := t.Alias
		for _, id := range t.Values {
			s += " " + t.Table.Columns[t.Table.ColumnByID(id)].Name
		}
		list = append(list, s+setText(t.Table, t.Set))
	}
	if c.Kind == fragment.Delete {
		return "delete " + strings.Join(list, ", ")
	}
	return "update " + strings.Join(list, ", ")
}

// setText prints what shards assign.
func setText(t *schema.Table, set []fragment.Assignment) string {
	var b strings.Builder
	for i := range set {
		b.WriteString([...]string{" set ", ", "}[min(i, 1)])
		b.WriteString(t.Columns[t.ColumnByID(set[i].Column)].Name + " = " + set[i].Expr.String())
	}
	return b.String()
}

func (n *Insert) head() string {
	s := "insert into "
	if n.Kind == fragment.Replace {
		s = "replace into "
	}
	var names []string
	for _, pos := range n.Named {
		names = append(names, n.Table.Columns[pos].Name)
	}
	s += n.Table.Name + " (" + strings.Join(names, ", ") + ")"
	if n.In == nil {
		s += fmt.Sprintf(", %d row(s)", len(n.Rows))
	}
	if len(n.Set) > 0 {
		s += " on duplicate key" + setText(n.Table, n.Set)
	}
	return s
}

func (d *Distinct) head() string { return "distinct" }
func (s *Sort) head() string     { return "sort " + scalar.SortTexts(s.Keys) }
func (l *Limit) head() string    { return l.Limit.String() }

func (s *SetOp) head() string {
	if s.All {
		return strings.ToLower(s.Kind.String()) + " all"
	}
	return strings.ToLower(s.Kind.String())
}

func (r *Recursive) head() string {
	s := "recursive " + r.Recursion.Name
	if r.Distinct {
		s += ", distinct"
	}
	if r.Limit != nil {
		s += ", " + r.Limit.String()
	}
	return s
}
