package canonical

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/driver"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
)

// Text prints an expression as MySQL 8.0 keeps and shows those of definitions: each operation in parentheses, names without
// their tables, strings with their character set. syntax.Expr reads it again, whatever the session's sql_mode was.
func Text(n ast.ExprNode) string {
	var p printer
	p.expr(n)
	return p.String()
}

type printer struct{ strings.Builder }

// write prints parts: texts as they are, nodes as expressions.
func (p *printer) write(parts ...any) {
	for _, part := range parts {
		switch x := part.(type) {
		case string:
			p.WriteString(x)
		case ast.ExprNode:
			p.expr(x)
		}
	}
}

func (p *printer) list(nodes []ast.ExprNode) {
	for i, n := range nodes {
		if i > 0 {
			p.WriteByte(',')
		}
		p.expr(n)
	}
}

var spelled = map[opcode.Op]string{
	opcode.LogicAnd: "and", opcode.LogicOr: "or", opcode.LogicXor: "xor", opcode.IntDiv: "DIV", opcode.Mod: "%", opcode.NE: "<>",
}

func spell(op opcode.Op) string {
	if s := spelled[op]; s != "" {
		return s
	}
	var b strings.Builder
	_ = op.Restore(format.NewRestoreCtx(format.RestoreKeyWordLowercase, &b))
	return b.String()
}

func (p *printer) expr(n ast.ExprNode) {
	switch n := n.(type) {
	case *ast.ParenthesesExpr:
		p.expr(n.Expr)
	case *ast.ColumnNameExpr:
		p.name(n.Name.Name.O)
	case *driver.ValueExpr:
		p.literal(n)
	case *ast.BinaryOperationExpr:
		p.binary(n)
	case *ast.UnaryOperationExpr:
		p.unary(n)
	case *ast.FuncCallExpr:
		p.call(n)
	case *ast.FuncCastExpr:
		p.cast(n)
	default:
		p.predicate(n)
	}
}

func (p *printer) name(s string) { p.write("`", strings.ReplaceAll(s, "`", "``"), "`") }

func (p *printer) predicate(n ast.ExprNode) {
	switch n := n.(type) {
	case *ast.BetweenExpr:
		p.write("(", n.Expr, negated(n.Not, " not"), " between ", n.Left, " and ", n.Right, ")")
	case *ast.PatternInExpr:
		if n.Sel != nil {
			p.other(n)
			return
		}
		p.write("(", n.Expr, negated(n.Not, " not"), " in (")
		p.list(n.List)
		p.write("))")
	case *ast.IsNullExpr:
		p.write("(", n.Expr, " is", negated(n.Not, " not"), " null)")
	case *ast.IsTruthExpr:
		truth := " false)"
		if n.True != 0 {
			truth = " true)"
		}
		p.write("(", n.Expr, " is", negated(n.Not, " not"), truth)
	case *ast.PatternLikeOrIlikeExpr:
		p.like(n)
	case *ast.PatternRegexpExpr:
		p.write(negated(n.Not, "(not("), "regexp_like(", n.Expr, ",", n.Pattern, ")", negated(n.Not, "))"))
	case *ast.CaseExpr:
		p.caseExpr(n)
	case *ast.SetCollationExpr:
		p.write("(", n.Expr, " collate ", n.Collate, ")")
	case *ast.RowExpr:
		p.write("row(")
		p.list(n.Values)
		p.write(")")
	case *ast.TimeUnitExpr:
		p.write(strings.ToLower(n.Unit.String()))
	default:
		p.other(n)
	}
}

// other prints what definitions do not have, or what MySQL prints as it was written.
func (p *printer) other(n ast.Node) {
	flags := format.RestoreStringSingleQuotes | format.RestoreStringEscapeBackslash | format.RestoreKeyWordLowercase | format.RestoreNameBackQuotes
	_ = n.Restore(format.NewRestoreCtx(flags, p))
}

func negated(not bool, text string) string {
	if not {
		return text
	}
	return ""
}

func (p *printer) literal(v *driver.ValueExpr) {
	switch v.Kind() {
	case driver.KindNull:
		p.write("NULL")
	case driver.KindString:
		p.text(v)
	case driver.KindBinary:
		if v.Introduced() {
			p.write("_", charsetName(v.Charset()), " ")
		}
		p.hex(v.GetString())
	default:
		p.other(v)
	}
}

// charsetName is a character set by MySQL 8.0's name; the connection's was not said.
func charsetName(name string) string {
	switch name {
	case "":
		return "utf8mb4"
	case "utf8":
		return "utf8mb3"
	}
	return name
}

func (p *printer) hex(s string) {
	if s == "" {
		p.write("x''")
		return
	}
	p.write("0x", hex.EncodeToString([]byte(s)))
}

var escapeText = strings.NewReplacer("\\", "\\\\", "'", "\\'", "\x00", "\\0", "\n", "\\n", "\r", "\\r", "\x1a", "\\Z")

func (p *printer) text(v *driver.ValueExpr) {
	charset := charsetName(v.Charset())
	coll, known := collation.DefaultOf(charset)
	switch {
	case !utf8.ValidString(v.GetString()):
		if !v.Introduced() {
			charset = "binary"
		}
		p.write("_", charset, " ")
		p.hex(v.GetString())
		return
	case known && !coll.KeepsUTF8() && !isASCII(v.GetString()): // bytes mean the same wherever the text is read
		text := v.GetString()
		if !v.Introduced() {
			text = string(coll.Encode([]byte(text)))
		}
		p.write("_", charset, " ")
		p.hex(text)
		return
	}
	p.write("_", charset, "'", escapeText.Replace(v.GetString()), "'")
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func (p *printer) binary(n *ast.BinaryOperationExpr) {
	op := " " + spell(n.Op) + " "
	terms := []ast.ExprNode{n.R, n.L}
	if n.Op == opcode.LogicAnd || n.Op == opcode.LogicOr { // MySQL keeps a chain of them as one operation
		for {
			l, ok := syntax.Unparen(terms[len(terms)-1]).(*ast.BinaryOperationExpr)
			if !ok || l.Op != n.Op {
				break
			}
			terms = append(terms[:len(terms)-1], l.R, l.L)
		}
	}
	p.WriteByte('(')
	for i := len(terms) - 1; i >= 0; i-- {
		p.expr(terms[i])
		if i > 0 {
			p.WriteString(op)
		}
	}
	p.WriteByte(')')
}

// opposites are the comparisons that NOT turns into another one.
var opposites = map[opcode.Op]opcode.Op{
	opcode.EQ: opcode.NE, opcode.NE: opcode.EQ, opcode.LT: opcode.GE, opcode.GE: opcode.LT, opcode.GT: opcode.LE, opcode.LE: opcode.GT,
}

func (p *printer) unary(n *ast.UnaryOperationExpr) {
	switch n.Op {
	case opcode.Minus:
		p.write("-(", n.V, ")")
	case opcode.Plus:
		p.expr(n.V)
	case opcode.BitNeg:
		p.write("~(", n.V, ")")
	case opcode.Not, opcode.Not2:
		p.not(syntax.Unparen(n.V))
	default:
		p.other(n)
	}
}

// not prints the negation as MySQL keeps it: pushed into comparisons and chains, 0 = of what is no truth value.
func (p *printer) not(n ast.ExprNode) {
	switch x := n.(type) {
	case *ast.BinaryOperationExpr:
		if op, ok := opposites[x.Op]; ok {
			p.write("(", x.L, " ", spell(op), " ", x.R, ")")
			return
		}
		switch x.Op {
		case opcode.LogicAnd, opcode.LogicOr:
			op := " or "
			if x.Op == opcode.LogicOr {
				op = " and "
			}
			p.WriteByte('(')
			p.not(syntax.Unparen(x.L))
			p.WriteString(op)
			p.not(syntax.Unparen(x.R))
			p.WriteByte(')')
			return
		case opcode.LogicXor, opcode.NullEQ:
			p.write("(not(", n, "))")
			return
		}
	case *ast.UnaryOperationExpr:
		if x.Op == opcode.Not || x.Op == opcode.Not2 {
			p.write("(0 <> ", x.V, ")")
			return
		}
	case *ast.IsNullExpr:
		c := *x
		c.Not = !c.Not
		p.predicate(&c)
		return
	case *ast.IsTruthExpr:
		c := *x
		c.Not = !c.Not
		p.predicate(&c)
		return
	case *ast.BetweenExpr:
		c := *x
		c.Not = !c.Not
		p.predicate(&c)
		return
	case *ast.PatternInExpr:
		c := *x
		c.Not = !c.Not
		p.predicate(&c)
		return
	case *ast.PatternLikeOrIlikeExpr, *ast.PatternRegexpExpr:
		p.write("(not(", n, "))")
		return
	case *ast.FuncCallExpr:
		if GivesTruth(x) {
			p.write("(not(", n, "))")
			return
		}
	}
	p.write("(0 = ", n, ")")
}

// truthFunctions give truth values.
var truthFunctions = map[string]bool{
	"json_valid": true, "json_contains": true, "json_contains_path": true, "json_overlaps": true, "json_schema_valid": true,
	ast.JSONMemberOf: true, "regexp_like": true, "is_uuid": true, "is_ipv4": true, "is_ipv6": true, "is_ipv4_compat": true,
	"is_ipv4_mapped": true, "isnull": true,
}

// GivesTruth tells whether a function's values are truth values to MySQL.
func GivesTruth(n *ast.FuncCallExpr) bool { return truthFunctions[n.FnName.L] }

func (p *printer) like(n *ast.PatternLikeOrIlikeExpr) {
	p.write(negated(n.Not, "(not("), "(", n.Expr, " like ", n.Pattern)
	if n.Escape != '\\' {
		escape := ""
		if n.Escape != 0 {
			escape = string(rune(n.Escape))
		}
		p.write(" escape '", escapeText.Replace(escape), "'")
	}
	p.write(")", negated(n.Not, "))"))
}

func (p *printer) caseExpr(n *ast.CaseExpr) {
	p.write("(case")
	if n.Value != nil {
		p.write(" ", n.Value)
	}
	for _, w := range n.WhenClauses {
		p.write(" when ", w.Expr, " then ", w.Result)
	}
	if n.ElseClause != nil {
		p.write(" else ", n.ElseClause)
	}
	p.write(" end)")
}

func (p *printer) cast(n *ast.FuncCastExpr) {
	if n.FunctionType == ast.CastBinaryOperator {
		p.write("cast(", n.Expr, " as char charset binary)")
		return
	}
	p.write("cast(", n.Expr, " as ")
	printCastType(&p.Builder, n, true)
	p.write(")")
}

// printCastType writes what a cast is to; the character set of strings also where none was written, if that is asked for.
func printCastType(b *strings.Builder, n *ast.FuncCastExpr, charset bool) {
	switch t := n.Tp; t.GetType() {
	case mysql.TypeVarString, mysql.TypeString:
		b.WriteString("char")
		if t.GetFlen() >= 0 {
			b.WriteString("(" + strconv.Itoa(t.GetFlen()) + ")")
		}
		if charset || n.ExplicitCharSet || t.GetCharset() == "binary" {
			b.WriteString(" charset " + charsetName(t.GetCharset()))
		}
	default:
		var typ strings.Builder
		t.RestoreAsCastType(format.NewRestoreCtx(format.RestoreKeyWordLowercase, &typ), n.ExplicitCharSet)
		b.WriteString(strings.ReplaceAll(typ.String(), ", ", ","))
	}
}

// synonyms are functions that MySQL prints under another of their names.
var synonyms = map[string]string{
	"ucase": "upper", "lcase": "lower", "substring": "substr", "mid": "substr", "character_length": "char_length",
	"octet_length": "length", "day": "dayofmonth", "current_date": "curdate", "current_time": "curtime", "current_timestamp": "now",
	"localtime": "now", "localtimestamp": "now", "power": "pow", "ceil": "ceiling", "schema": "database", "sha1": "sha",
	ast.CharFunc: "char", ast.InsertFunc: "insert",
}

func (p *printer) call(n *ast.FuncCallExpr) {
	if v := syntax.JSONValueOf(n); v != nil {
		JSONValue(&p.Builder, v, p.expr)
		return
	}
	if p.specialCall(n) {
		return
	}
	name := n.FnName.L
	if s := synonyms[name]; s != "" {
		name = s
	}
	p.write(name, "(")
	p.list(n.Args)
	p.write(")")
}

// specialCall prints the functions whose arguments are not a list of expressions. ok is false for others.
func (p *printer) specialCall(n *ast.FuncCallExpr) (ok bool) {
	args := n.Args
	switch name := n.FnName.L; {
	case name == ast.DateLiteral || name == ast.TimeLiteral || name == ast.TimestampLiteral:
		v, is := args[0].(*driver.ValueExpr)
		if !is || v.Kind() != driver.KindString {
			p.expr(args[0]) // {d expression} is that
			return true
		}
		keyword := map[string]string{ast.DateLiteral: "DATE", ast.TimeLiteral: "TIME", ast.TimestampLiteral: "TIMESTAMP"}[name]
		p.write(keyword, "'", escapeText.Replace(v.GetString()), "'")
	case (name == "date_add" || name == "adddate") && len(args) == 3:
		p.write("(", args[0], " + interval ", args[1], " ", args[2], ")")
	case (name == "date_sub" || name == "subdate") && len(args) == 3:
		p.write("(", args[0], " - interval ", args[1], " ", args[2], ")")
	case name == "timestampadd" && len(args) == 3:
		p.write("(", args[2], " + interval ", args[1], " ", args[0], ")")
	case name == "timestampdiff" && len(args) == 3:
		unit, _ := args[0].(*ast.TimeUnitExpr)
		if unit == nil {
			return false
		}
		p.write("timestampdiff(", strings.ToUpper(unit.Unit.String()), ",", args[1], ",", args[2], ")")
	case name == "extract" && len(args) == 2:
		p.write("extract(", args[0], " from ", args[1], ")")
	case name == "position" && len(args) == 2:
		p.write("locate(", args[0], ",", args[1], ")")
	case name == "convert" && len(args) == 2:
		v, is := args[1].(*driver.ValueExpr)
		if !is {
			return false
		}
		p.write("convert(", args[0], " using ", v.GetString(), ")")
	case name == ast.JSONMemberOf && len(args) == 2:
		p.write(args[0], " member of (", args[1], ")")
	case name == "trim" && len(args) > 1, name == ast.CharFunc, name == ast.WeightString, name == "get_format":
		p.special(n)
	default:
		return false
	}
	return true
}

func (p *printer) special(n *ast.FuncCallExpr) {
	args := n.Args
	switch n.FnName.L {
	case "trim":
		p.write("trim(")
		if len(args) > 2 {
			if d, ok := args[2].(*ast.TrimDirectionExpr); ok {
				p.write(strings.ToLower(d.Direction.String()), " ")
			}
		}
		if v, ok := args[1].(*driver.ValueExpr); !ok || v.Kind() != driver.KindNull {
			p.write(args[1], " ")
		}
		p.write("from ", args[0], ")")
	case ast.CharFunc:
		last := len(args) - 1
		p.write("char(")
		p.list(args[:last])
		if v, ok := args[last].(*driver.ValueExpr); ok && v.Kind() != driver.KindNull {
			p.write(" using ", v.GetString())
		}
		p.write(")")
	default:
		p.other(n)
	}
}
