package differential

import (
	"regexp"
	"slices"
	"strings"

	"vitess.io/vitess/go/vt/sqlparser"
)

var parser = sqlparser.NewTestParser()

// expressions are those in some nodes of a query's block, the shortest first, without literals and names. What is in subqueries is theirs.
func expressions(nodes ...sqlparser.SQLNode) (list []string) {
	for _, node := range nodes {
		_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
			switch n := n.(type) {
			case *sqlparser.Literal, *sqlparser.ColName, *sqlparser.NullVal, sqlparser.BoolVal, sqlparser.ValTuple:
			case *sqlparser.DerivedTable:
				return false, nil
			case *sqlparser.Subquery:
				list = append(list, sqlparser.String(n))
				return false, nil
			case sqlparser.Expr:
				list = append(list, sqlparser.String(n))
			}
			return true, nil
		}, node)
	}
	slices.SortStableFunc(list, func(a, b string) int { return len(a) - len(b) })
	return unique(list)
}

// part is one expression of a query's, as a query over its block's tables, and an order for those that have rows of them all.
type part struct{ sql, order string }

// parts are the expressions of a query's blocks, the shortest first; none of what the parser does not know.
func parts(sql string) (list []part) {
	stmt, err := parser.Parse(sql)
	if err != nil {
		return nil
	}
	with := ""
	if s, ok := stmt.(*sqlparser.Select); ok && s.With != nil {
		with = sqlparser.String(s.With)
	}
	_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
		if s, ok := n.(*sqlparser.Select); ok {
			from, order, nodes := tablesOf(s)
			for _, e := range expressions(nodes...) {
				if !strings.Contains(e, " over w") { // which the block names
					list = append(list, part{shout(with + "select " + e + " as c0 from " + from), order})
				}
			}
			for _, j := range joinsOf(s) { // conditions decide on rows that the join has left out
				for _, e := range expressions(j.Condition) {
					list = append(list, part{shout(with + "select " + e + " as c0 from " + sqlparser.String(j.LeftExpr) + ", " + sqlparser.String(j.RightExpr)), order})
				}
			}
		}
		return true, nil
	}, stmt)
	slices.SortStableFunc(list, func(a, b part) int { return len(a.sql) - len(b.sql) })
	return list
}

// tablesOf are a block's tables as text, the order by their keys, and the nodes that have its expressions.
func tablesOf(s *sqlparser.Select) (from, order string, nodes []sqlparser.SQLNode) {
	var tables, keys []string
	for _, t := range s.From {
		tables, nodes = append(tables, sqlparser.String(t)), append(nodes, t)
		_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
			if t, ok := n.(*sqlparser.AliasedTableExpr); ok {
				if alias := t.As.String(); alias != "" {
					keys = append(keys, alias+".id")
				}
				return false, nil
			}
			return true, nil
		}, t)
	}
	if len(keys) > 0 {
		order = " ORDER BY " + strings.Join(keys, ", ")
	}
	return strings.Join(tables, ", "), order, append(nodes, s.SelectExprs, s.Where, s.GroupBy, s.Having, s.OrderBy)
}

// joinsOf are a block's joins with conditions.
func joinsOf(s *sqlparser.Select) (list []*sqlparser.JoinTableExpr) {
	for _, t := range s.From {
		_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
			j, ok := n.(*sqlparser.JoinTableExpr)
			if ok && j.Condition != nil && j.Condition.On != nil {
				list = append(list, j)
			}
			return ok, nil
		}, t)
	}
	return list
}

// lower are the words that are no names; what else is to stay as it is comes before them.
var lower = regexp.MustCompile("'(?:[^'\\\\]|\\\\.|'')*'|`[^`]*`|\\b\\w+\\.\\w+|\\b[a-z_]{2,}\\b")

// shout is a statement with its words in capitals, which the patterns of known differences are for.
func shout(sql string) string {
	return lower.ReplaceAllStringFunc(sql, func(s string) string {
		if strings.ContainsAny(s, "'`.") {
			return s
		}
		return strings.ToUpper(s)
	})
}
