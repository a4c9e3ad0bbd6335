package physical

import (
	"strings"

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
	x.addAt(depth, name, s.est, x.where(s), s.object(), s.info())
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

// info tells the ranges and what was pushed.
func (s *tableScan) info() string {
	var parts []string
	for i, conds := range s.path.Access {
		name := s.table.Desc.Columns[s.path.Index.Columns[i].Column].Name
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
		for _, g := range s.agg.groupBy {
			list = append(list, g.String())
		}
		for _, a := range s.agg.aggs {
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
