package algebra

import (
	"fmt"
	"strings"

	"cloudsql/planner/scalar"
)

// Text prints a tree, a node a line, inputs one step to the right. Columns that have a table are shown by name.
func Text(n Node) string {
	var b strings.Builder
	Write(&b, n, 0)
	return b.String()
}

// Write prints a tree so many steps to the right.
func Write(b *strings.Builder, n Node, depth int) {
	b.WriteString(strings.Repeat("  ", depth))
	b.WriteString(n.Head())
	b.WriteByte('\n')
	for _, in := range n.Inputs() {
		Write(b, in, depth+1)
	}
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

// Head and its kin print a node's line.
func (t *Table) Head() string {
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

func (v *Virtual) Head() string {
	cols := v.Rows.Columns()
	names := make([]string, len(cols))
	for i := range names {
		names[i] = cols[i].Name
	}
	return "virtual " + v.Name + columnList(names, v.Used)
}

func (v *Values) Head() string  { return fmt.Sprintf("values, %d row(s)", len(v.Rows)) }
func (e *Empty) Head() string   { return "empty" }
func (w *Working) Head() string { return "working table of " + w.Recursion.Name }
func (f *Filter) Head() string  { return "filter " + scalar.Texts(f.Conds) }
func (p *Project) Head() string { return "project " + scalar.Texts(p.List) }

func (j *Join) Head() string {
	s := j.Kind.String() + " join"
	if j.Straight {
		s += ", straight"
	}
	if len(j.On) > 0 {
		s += " on " + scalar.Texts(j.On)
	}
	return s
}

func (a *Apply) Head() string { return a.Kind.String() + " apply " + a.Cond.String() }

func (g *Group) Head() string {
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

func (w *Window) Head() string {
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

func (t *PartitionTop) Head() string {
	s := "first " + t.Most.String()
	if len(t.Partition) > 0 {
		s += " of each " + scalar.Texts(t.Partition)
	}
	return s + " order by " + scalar.SortTexts(t.Order)
}

func (d *Distinct) Head() string { return "distinct" }
func (s *Sort) Head() string     { return "sort " + scalar.SortTexts(s.Keys) }
func (l *Limit) Head() string    { return l.Limit.String() }

func (s *SetOp) Head() string {
	if s.All {
		return strings.ToLower(s.Kind.String()) + " all"
	}
	return strings.ToLower(s.Kind.String())
}

func (r *Recursive) Head() string {
	s := "recursive " + r.Recursion.Name
	if r.Distinct {
		s += ", distinct"
	}
	if r.Limit != nil {
		s += ", " + r.Limit.String()
	}
	return s
}
