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

// parts are the expressions of a query's blocks, each as a query over its block's tables, the shortest first; none of what the parser
// does not know.
func parts(sql string) (list []string) {
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
			from, nodes := tablesOf(s)
			for _, e := range expressions(nodes...) {
				list = append(list, shout(with+"select "+e+" as c0 from "+from))
			}
		}
		return true, nil
	}, stmt)
	slices.SortStableFunc(list, func(a, b string) int { return len(a) - len(b) })
	return unique(list)
}

// tablesOf are a block's tables as text, and the nodes that have its expressions.
func tablesOf(s *sqlparser.Select) (from string, nodes []sqlparser.SQLNode) {
	var tables []string
	for _, t := range s.From {
		tables, nodes = append(tables, sqlparser.String(t)), append(nodes, t)
	}
	return strings.Join(tables, ", "), append(nodes, s.SelectExprs, s.Where, s.GroupBy, s.Having, s.OrderBy)
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
