package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// What the parser forgets of CHECK constraints, and the definition's text tells.

// ChecksOfTable tells of each CHECK in a CREATE TABLE, in their order, whether it is one of the table: the parser keeps those of columns
// apart, and MySQL numbers all together.
func ChecksOfTable(text string) (list []bool) {
	s := newScanner(text, 0)
	depth, first := 0, "" // the first word of the part at hand, of those between the outermost parentheses
	for i := s.space(0); i < len(text); {
		end := s.token(i)
		word := strings.ToLower(text[i:end])
		switch {
		case word == "(":
			if depth++; depth == 1 {
				first = ""
			}
		case word == ")":
			depth--
		case depth != 1:
		case word == ",":
			first = ""
		default:
			if first == "" {
				first = word
			}
			if word == "check" {
				list = append(list, first == "check" || first == "constraint")
			}
		}
		i = s.space(end)
	}
	return list
}

// MarkDroppedChecks tells DROP CHECK from DROP CONSTRAINT: the type of the former's constraint becomes that of checks.
func MarkDroppedChecks(n *ast.AlterTableStmt, text string) {
	var checks []bool
	s := newScanner(text, 0)
	before := ""
	for i := s.space(0); i < len(text); {
		end := s.token(i)
		word := strings.ToLower(text[i:end])
		if before == "drop" && (word == "check" || word == "constraint") {
			checks = append(checks, word == "check")
		}
		before, i = word, s.space(end)
	}
	for _, spec := range n.Specs {
		if spec.Tp != ast.AlterTableDropCheck || len(checks) == 0 {
			continue
		}
		if checks[0] {
			spec.Constraint.Tp = ast.ConstraintCheck
		}
		checks = checks[1:]
	}
}
