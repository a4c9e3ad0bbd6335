package canonical

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/syntax"
)

// jsonValueType is what JSON_VALUE gives without RETURNING.
const jsonValueType = "char(512)"

// JSONValue writes JSON_VALUE as MySQL shows it; expr writes an expression.
func JSONValue(b *strings.Builder, c *syntax.JSONValueCall, expr func(ast.ExprNode)) {
	b.WriteString("json_value(")
	expr(c.Doc)
	b.WriteString(",")
	expr(c.Path)
	b.WriteString(" returning ")
	if c.Type == nil {
		b.WriteString(jsonValueType)
	} else {
		printCastType(b, c.Type, false)
	}
	for i, r := range []syntax.JSONValueResponse{c.OnEmpty, c.OnError} {
		on := []string{" on empty", " on error"}[i]
		switch {
		case r.Null:
			b.WriteString(" null" + on)
		case r.Error:
			b.WriteString(" error" + on)
		case r.Default != nil:
			b.WriteString(" default ")
			printSigned(b, r.Default, expr)
			b.WriteString(on)
		}
	}
	b.WriteString(")")
}

// printSigned writes a literal; a sign stands before it without parentheses.
func printSigned(b *strings.Builder, n ast.ExprNode, expr func(ast.ExprNode)) {
	if u, ok := n.(*ast.UnaryOperationExpr); ok && u.Op == opcode.Minus {
		b.WriteString("-")
		n = u.V
	}
	expr(n)
}
