package physical

import (
	"strings"

	"cloudsql/planner/explain"
	"cloudsql/planner/scalar"
	"cloudsql/storage/schema"
)

func (s *tableScan) explain(x *explainer, depth int) {
	name := "TableScan"
	switch {
	case s.path.Point && s.path.Points == 1:
		name = "PointGet"
	case s.path.Point:
		name = "BatchPointGet"
	case s.path.Index.ID == schema.PrimaryIndex && len(s.path.Access) > 0:
		name = "TableRange"
	case s.path.Index.ID != schema.PrimaryIndex && s.path.Cover:
		name = "IndexScan"
	case s.path.Index.ID != schema.PrimaryIndex:
		name = "IndexLookup"
	}
	depth = s.explainJoins(x, depth)
	x.addScan(depth, name, s, s.est, s.price, s.object())
	s.explainPartners(x, depth)
}

func (s *tableScan) object() string {
	o := "table:" + s.table.Desc.Name
	if s.table.Alias != s.table.Desc.Name {
		o += " as " + s.table.Alias
	}
	if s.path.Index.ID != schema.PrimaryIndex || len(s.path.Access) > 0 {
		o += ", index:" + s.path.Index.Name
	}
	return o
}

// mayBeColumnar tells that shards read the rows in their columnar copies, where they have one and that is the cheaper way.
func (s *tableScan) mayBeColumnar() bool {
	return s.table.Desc.Columnar() && s.path.Index.ID == schema.PrimaryIndex && !s.path.Point && !s.path.Reverse && !s.lock.IsExplicit()
}

// info tells the ranges and what was pushed.
func (s *tableScan) info() string {
	var parts []string
	for i, conds := range s.path.Access {
		name := s.table.Desc.Columns[s.path.Index.Columns[i].Column].Shown()
		for _, c := range conds {
			parts = append(parts, c.Text(name))
		}
	}
	if len(parts) > 0 {
		parts = []string{"range: " + strings.Join(parts, " and ")}
	}
	if s.filter != nil {
		parts = append(parts, "filter: "+s.filter.String())
	}
	if s.agg != nil {
		var list []string
		for _, g := range s.agg.GroupBy {
			list = append(list, g.String())
		}
		for _, a := range s.agg.Aggs {
			list = append(list, a.String())
		}
		parts = append(parts, "partial aggregate: "+strings.Join(list, ", "))
	}
	if s.project != nil {
		parts = append(parts, "project: "+scalar.Texts(s.project))
	}
	if s.topN != nil {
		parts = append(parts, "top-n: "+scalar.SortTexts(s.topN))
	}
	if s.limit != nil {
		parts = append(parts, s.limit.String())
	}
	if s.keep {
		parts = append(parts, "keep order")
	}
	if s.path.Reverse {
		parts = append(parts, "reverse")
	}
	if s.lock.IsExplicit() {
		parts = append(parts, "lock rows")
	}
	return strings.Join(parts, "; ")
}

// explainTable tells how the table is read.
func (s *tableScan) explainTable() *explain.Table {
	p, desc := s.path, s.table.Desc
	e := &explain.Table{Name: s.table.Alias, Type: "ALL", Rows: p.Est, Filtered: 1, Covering: p.Index.ID != schema.PrimaryIndex && p.Cover, Columnar: s.mayBeColumnar()}
	if p.Est > 0 {
		e.Filtered = min(1, p.Out/p.Est)
	}
	if s.parts != nil {
		e.Leaves, e.Desc = s.leaves, desc
	}
	if s.filter != nil {
		e.Filter = s.filter.String()
	}
	for _, pos := range s.columns {
		e.Columns = append(e.Columns, desc.Columns[pos].Shown())
	}
	for i := range p.Access {
		e.Bound(desc, p.Index, i)
	}
	single := p.Points == 1 && len(p.Access) > 0
	switch {
	case p.Point && single:
		e.Type = "const"
	case len(p.Access) > 0 && p.SingleValues():
		e.Type = "ref"
	case len(p.Access) > 0:
		e.Type = "range"
	case p.Index.ID != schema.PrimaryIndex:
		e.Type = "index"
	}
	if e.Type == "const" || e.Type == "ref" {
		for range p.Access {
			e.Ref = append(e.Ref, "const")
		}
	}
	if e.Type != "ALL" {
		e.Key = p.Index.Name
	}
	for i := range desc.Indexes {
		if p.Usable&(1<<i) != 0 {
			e.Possible = append(e.Possible, desc.Indexes[i].Name)
		}
	}
	return e
}

// explainTable makes e, of a scan, a table that is read for rows of others.
func (n *lookupNode) explainTable(e *explain.Table) {
	e.Parts, e.Ref, e.KeyLen, e.Key, e.Type = nil, nil, 0, n.scan.path.Index.Name, "ref"
	if n.scan.path.Point {
		e.Type = "eq_ref"
	}
	for i := range n.parts {
		e.Bound(n.scan.table.Desc, n.scan.path.Index, i)
		ref := "const"
		if n.parts[i].Right >= 0 {
			ref = n.parts[i].Value.String()
		}
		e.Ref = append(e.Ref, ref)
	}
	if len(e.Possible) == 0 {
		e.Possible = []string{e.Key}
	}
	if rows := n.left.rows(); rows > 0 {
		e.Rows = max(1, e.Rows/rows)
	}
}
