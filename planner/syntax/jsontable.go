package syntax

import (
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/driver"
	"cloudsql/storage/mysqlerr"
)

// JSON_TABLE(doc, path COLUMNS (…)), which the parser does not know. It becomes a derived table that it does know,
// LATERAL (SELECT `json table #`(doc, x'…')), where the text behind the document stands in the literal: the document's own text
// stays in its place, with its parameters.

// jsonTableCall is the function's name, which is no name that a user would choose.
const jsonTableCall = "json table #"

// JSONTable is JSON_TABLE as it was written: for each value that Path finds, a row of Columns.
type JSONTable struct {
	Doc     ast.ExprNode // of the outermost one
	Path    string
	Columns []JSONColumn
}

// JSONColumnKind is what a column of a JSONTable has.
type JSONColumnKind uint8

// The kinds.
const (
	JSONValue      JSONColumnKind = iota // the value at a path
	JSONExists                           // whether there is one
	JSONOrdinality                       // the row's number
	JSONNested                           // several columns, a row for each value at a path
)

// JSONColumn is a column of a JSONTable.
type JSONColumn struct {
	Name             string
	Kind             JSONColumnKind
	Def              *ast.ColumnDef // its type
	Path             string
	OnEmpty, OnError JSONResponse
	Nested           *JSONTable
}

// JSONResponse is what a value is where there is none, or one that is none of the type: NULL by default.
type JSONResponse struct {
	Error   bool
	Default *string // JSON text
}

// JSONTableOf reads the JSON_TABLE that a derived table stands for; nil for any other.
func JSONTableOf(n ast.ResultSetNode, o Options) (*JSONTable, error) {
	sel, ok := n.(*ast.SelectStmt)
	if !ok || sel.Fields == nil || len(sel.Fields.Fields) != 1 || sel.From != nil {
		return nil, nil
	}
	call, ok := sel.Fields.Fields[0].Expr.(*ast.FuncCallExpr)
	if !ok || call.FnName.O != jsonTableCall || len(call.Args) != 2 {
		return nil, nil
	}
	v, ok := call.Args[1].(*driver.ValueExpr)
	if !ok {
		return nil, nil
	}
	text := v.GetString()
	p := &jsonTableParser{scanner: newScanner(text, o.Mode), o: o}
	p.next()
	t, err := p.table()
	if err == nil && p.word != "" {
		err = p.wrong()
	}
	if err != nil {
		return nil, err
	}
	t.Doc = call.Args[0]
	return t, nil
}

// jsonTableParser reads the text of JSON_TABLE behind its document.
type jsonTableParser struct {
	scanner
	o        Options
	at, end  int    // of the present token
	word     string // it, in lower case; "" at the end
	nestings int
}

func (p *jsonTableParser) next() {
	p.at = p.space(p.end)
	p.end, p.word = p.at, ""
	if p.at < len(p.text) {
		p.end = p.token(p.at)
		p.word = strings.ToLower(p.text[p.at:p.end])
	}
}

func (p *jsonTableParser) wrong() error { return mysqlerr.Syntax(p.text[p.at:], 1) }

// take goes over words that stand here, in this order.
func (p *jsonTableParser) take(words ...string) bool {
	saved := *p
	for _, w := range words {
		if p.word != w {
			p.at, p.end, p.word = saved.at, saved.end, saved.word
			return false
		}
		p.next()
	}
	return true
}

func (p *jsonTableParser) expect(words ...string) error {
	if !p.take(words...) {
		return p.wrong()
	}
	return nil
}

// table reads path COLUMNS (…).
func (p *jsonTableParser) table() (*JSONTable, error) {
	t := &JSONTable{}
	var err error
	if t.Path, err = p.str(); err == nil {
		err = p.expect("columns", "(")
	}
	for err == nil {
		var c JSONColumn
		if c, err = p.column(); err != nil {
			break
		}
		t.Columns = append(t.Columns, c)
		if !p.take(",") {
			return t, p.expect(")")
		}
	}
	return nil, err
}

// str reads a string literal.
func (p *jsonTableParser) str() (string, error) {
	if p.word == "" || p.word[0] != '\'' && p.word[0] != '"' {
		return "", p.wrong()
	}
	from, to := p.at, p.end
	for p.next(); p.word != "" && p.at == to && p.word[0] == p.text[from]; p.next() {
		to = p.end // 'it''s'
	}
	e, err := expression(p.text[from:to], p.o)
	if err != nil {
		return "", err
	}
	v, ok := e.(*driver.ValueExpr)
	if !ok {
		return "", mysqlerr.Syntax(p.text[from:], 1)
	}
	return v.GetString(), nil
}

// maxJSONNesting bounds how deep NESTED PATHs stand in each other, for who walks over them.
const maxJSONNesting = 100

func (p *jsonTableParser) column() (JSONColumn, error) {
	c := JSONColumn{}
	var err error
	if p.word == "nested" {
		saved := *p
		p.next()
		p.take("path")
		if p.word != "" && (p.word[0] == '\'' || p.word[0] == '"') {
			if p.nestings++; p.nestings > maxJSONNesting {
				return c, mysqlerr.New(mysqlerr.TooHighLevelOfNestingForSelect)
			}
			c.Kind = JSONNested
			c.Nested, err = p.table()
			return c, err
		}
		p.at, p.end, p.word = saved.at, saved.end, saved.word
	}
	if !isName(p.word) {
		return c, p.wrong()
	}
	c.Name = p.text[p.at:p.end]
	if c.Name[0] == '`' {
		c.Name = strings.ReplaceAll(c.Name[1:len(c.Name)-1], "``", "`")
	}
	p.next()
	if p.take("for", "ordinality") {
		c.Kind = JSONOrdinality
		return c, nil
	}
	if c.Def, err = p.columnType(c.Name); err != nil {
		return c, err
	}
	if p.take("exists") {
		c.Kind = JSONExists
	}
	if err = p.expect("path"); err == nil {
		c.Path, err = p.str()
	}
	for err == nil && c.Kind == JSONValue && (p.word == "null" || p.word == "default" || p.word == "error") {
		err = p.response(&c)
	}
	return c, err
}

// columnType reads a type: what stands before [EXISTS] PATH.
func (p *jsonTableParser) columnType(name string) (*ast.ColumnDef, error) {
	from, depth := p.at, 0
	for ; p.word != "" && (depth > 0 || p.word != "path" && p.word != "exists"); p.next() {
		switch p.word {
		case "(":
			depth++
		case ")":
			if depth--; depth < 0 {
				return nil, p.wrong()
			}
		case ",":
			if depth == 0 {
				return nil, p.wrong()
			}
		}
	}
	if p.at == from || p.word == "" {
		return nil, p.wrong()
	}
	n, err := Parse("CREATE TABLE t (c "+p.text[from:p.at]+")", p.o)
	if err != nil {
		return nil, err
	}
	create, ok := n.(*ast.CreateTableStmt)
	if !ok || len(create.Cols) != 1 || len(create.Constraints) > 0 {
		return nil, mysqlerr.Syntax(p.text[from:], 1)
	}
	def := create.Cols[0]
	for _, opt := range def.Options {
		if opt.Tp != ast.ColumnOptionCollate {
			return nil, mysqlerr.Syntax(p.text[from:], 1)
		}
	}
	def.Name = &ast.ColumnName{Name: ast.NewCIStr(name)}
	return def, nil
}

// response reads NULL, ERROR or DEFAULT 'json', and ON EMPTY or ON ERROR behind it.
func (p *jsonTableParser) response(c *JSONColumn) error {
	var r JSONResponse
	switch {
	case p.take("null"):
	case p.take("error"):
		r.Error = true
	default:
		p.next()
		text, err := p.str()
		if err != nil {
			return err
		}
		r.Default = &text
	}
	switch {
	case p.take("on", "empty"):
		c.OnEmpty = r
	case p.take("on", "error"):
		c.OnError = r
	default:
		return p.wrong()
	}
	return nil
}

// jsonTable finds the parts of a JSON_TABLE whose arguments begin at i: where its document ends, and where it does; 0 where it is
// none.
func (d *derivedFinder) jsonTable(i int) (comma, end int) {
	depth := 0
	for i < len(d.text) {
		next := d.token(i)
		switch d.text[i] {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			if depth--; depth < 0 {
				if comma == 0 {
					return 0, 0
				}
				return comma, next
			}
		case ',':
			if depth == 0 && comma == 0 {
				comma = i
			}
		}
		i = d.space(next)
	}
	return 0, 0
}

// insteadOfJSONTable is what stands behind the document of one that the parser reads; text is what MySQL has there.
func insteadOfJSONTable(text string) string {
	return ",/**/x'" + hex.EncodeToString([]byte(text)) + "'" + strings.Repeat("\n", strings.Count(text, "\n")) + "))"
}

// beforeDocument is what stands before the document, with what MySQL has there as a comment.
func beforeDocument(text string) string {
	if strings.Contains(text, "*") {
		text = "JSON_TABLE("
	}
	return "LATERAL (SELECT /*" + text + "*/`" + jsonTableCall + "`("
}

var (
	writtenBefore = regexp.MustCompile("LATERAL \\(SELECT /\\*([^*]*)\\*/`" + jsonTableCall + "`\\(")
	writtenBehind = regexp.MustCompile(`,/\*\*/x'([0-9a-f]*)'\n*\)\)`)
)

// writtenJSONTables is a part of a parsed text with the JSON_TABLEs in it as they were written.
func writtenJSONTables(text string) string {
	if !strings.Contains(text, jsonTableCall) {
		return text
	}
	return writtenBehind.ReplaceAllStringFunc(writtenBefore.ReplaceAllString(text, "$1"), func(found string) string {
		behind, err := hex.DecodeString(writtenBehind.FindStringSubmatch(found)[1])
		if err != nil {
			return found
		}
		return "," + string(behind) + ")"
	})
}
