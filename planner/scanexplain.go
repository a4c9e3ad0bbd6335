package planner

import (
	"fmt"
	"strings"

	"cloudsql/storage/schema"
)

func (s *tableScan) explain(x *explainer, depth int) {
	name := "TableScan"
	switch {
	case s.path.point && s.path.points == 1:
		name = "PointGet"
	case s.path.point:
		name = "BatchPointGet"
	case s.path.index.ID == schema.PrimaryIndex && len(s.path.access) > 0:
		name = "TableRange"
	case s.path.index.ID != schema.PrimaryIndex && s.path.cover:
		name = "IndexScan"
	case s.path.index.ID != schema.PrimaryIndex:
		name = "IndexLookup"
	}
	x.addAt(depth, name, s.est, x.where(s), s.object(), s.info())
}

func (s *tableScan) object() string {
	o := "table:" + s.rel.table.Name
	if s.rel.alias != s.rel.table.Name {
		o += " as " + s.rel.alias
	}
	if s.path.index.ID != schema.PrimaryIndex || len(s.path.access) > 0 {
		o += ", index:" + s.path.index.Name
	}
	return o
}

// info tells the ranges and what was pushed.
func (s *tableScan) info() string {
	var parts []string
	for i, conds := range s.path.access {
		name := s.rel.table.Columns[s.path.index.Columns[i].Column].Name
		for _, c := range conds {
			parts = append(parts, c.text(name))
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
		parts = append(parts, "project: "+texts(s.project))
	}
	if s.topN != nil {
		parts = append(parts, "top-n: "+sortTexts(s.topN))
	}
	if s.limit != nil {
		parts = append(parts, s.limit.text())
	}
	if s.keep {
		parts = append(parts, "keep order")
	}
	if s.path.reverse {
		parts = append(parts, "reverse")
	}
	if s.lock.isExplicit() {
		parts = append(parts, "lock rows")
	}
	return strings.Join(parts, "; ")
}

var rangeSigns = map[rangeOp]string{
	rangeEq: "=", rangeNullEq: "<=>", rangeLess: "<", rangeLessEq: "<=", rangeGreater: ">", rangeGreaterEq: ">=", rangeLike: "like",
}

// text shows a condition on a column.
func (r *rangeCond) text(col string) string {
	switch r.op {
	case rangeIn:
		return fmt.Sprintf("%s in (%s)", col, texts(r.values))
	case rangeBetween:
		return fmt.Sprintf("%s between %s and %s", col, r.values[0], r.values[1])
	case rangeNull:
		return col + " is null"
	case rangeNotNull:
		return col + " is not null"
	case rangeOr, rangeAnd:
		var list []string
		for _, s := range r.subs {
			list = append(list, s.text(col))
		}
		word := " or "
		if r.op == rangeAnd {
			word = " and "
		}
		return "(" + strings.Join(list, word) + ")"
	}
	return col + " " + rangeSigns[r.op] + " " + r.values[0].String()
}
