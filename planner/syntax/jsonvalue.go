package syntax

import (
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/driver"
)

// JSON_VALUE(doc, path RETURNING type … ON EMPTY … ON ERROR), of which the parser knows the first two. The clauses become arguments of
// a call of another name, `json value #`(doc, path, CAST(NULL AS type), on empty, on error), so that literals and types are read as
// everywhere. What may follow DEFAULT is no call, so calls of that name stand for ERROR, and for NULL where it was written.

// jsonValueCall is the function's name, which is no name that a user would choose.
const jsonValueCall = "json value #"

const (
	jsonValueError = "`" + jsonValueCall + "`()"
	jsonValueNull  = "`" + jsonValueCall + "`(NULL)"
	jsonValueType  = "CHAR(512)" // without RETURNING; canonical.JSONValue says so
)

// JSONValueCall is JSON_VALUE as it was written. Type is nil without RETURNING.
type JSONValueCall struct {
	Doc, Path        ast.ExprNode
	Type             *ast.FuncCastExpr
	OnEmpty, OnError JSONValueResponse
}

// JSONValueResponse is what JSON_VALUE answers in a case; the zero value is NULL.
type JSONValueResponse struct {
	Null, Error bool         // as was written
	Default     ast.ExprNode // a literal
}

// JSONValueOf reads the JSON_VALUE that a call stands for; nil for any other.
func JSONValueOf(n *ast.FuncCallExpr) *JSONValueCall {
	switch {
	case n.FnName.L == "json_value" && len(n.Args) == 2:
		return &JSONValueCall{Doc: n.Args[0], Path: n.Args[1]}
	case n.FnName.L != jsonValueCall || len(n.Args) != 5:
		return nil
	}
	c := &JSONValueCall{Doc: n.Args[0], Path: n.Args[1], OnEmpty: jsonValueResponse(n.Args[3]), OnError: jsonValueResponse(n.Args[4])}
	c.Type, _ = n.Args[2].(*ast.FuncCastExpr)
	return c
}

func jsonValueResponse(n ast.ExprNode) JSONValueResponse {
	switch n := n.(type) {
	case *ast.FuncCallExpr:
		if n.FnName.L == jsonValueCall {
			return JSONValueResponse{Error: len(n.Args) == 0, Null: len(n.Args) > 0}
		}
	case *driver.ValueExpr:
		if n.Kind() == driver.KindNull {
			return JSONValueResponse{}
		}
	}
	return JSONValueResponse{Default: n}
}

// takeJSONValue notes what is put for the clauses of the JSON_VALUE whose name is at i and whose document begins at doc, and gives where
// to look on: in the document. One without clauses stays as it is.
func (d *derivedFinder) takeJSONValue(i, nameEnd, doc, otherwise int) (on int) {
	comma, end := d.jsonTable(doc)
	if end == 0 {
		return otherwise
	}
	p := &jsonTableParser{scanner: scanner{text: d.text[:end-1], escapes: d.escapes}}
	p.end = comma + 1
	p.next()
	pathEnd := p.path()
	clauses := p.at
	if pathEnd == 0 || p.word == "" {
		return otherwise
	}
	args, ok := p.valueClauses()
	if !ok || p.word != "" {
		return otherwise
	}
	written := d.text[pathEnd : end-1]
	d.edits = append(d.edits, edit{i, nameEnd, "`" + jsonValueCall + "`/*" + d.text[i:nameEnd] + "*/"},
		edit{pathEnd, end - 1, "/*:" + hex.EncodeToString([]byte(written)) + "*/" + args + strings.Repeat("\n", strings.Count(written, "\n")) + "/*:*/"})
	if d.skip == nil {
		d.skip = map[int]int{}
	}
	d.skip[clauses] = end
	return doc
}

// path goes over a string literal, with its introducer, and gives where it ends; 0 where there is none.
func (p *jsonTableParser) path() (end int) {
	if strings.HasPrefix(p.word, "_") {
		p.next()
	}
	for ; p.word != "" && (p.word[0] == '\'' || p.word[0] == '"'); p.next() {
		end = p.end
	}
	return end
}

// valueClauses makes arguments of RETURNING type, … ON EMPTY and … ON ERROR.
func (p *jsonTableParser) valueClauses() (args string, ok bool) {
	typ := jsonValueType
	if p.take("returning") {
		typ = p.until("default", "null", "error")
		if words := strings.Fields(strings.ToLower(typ)); len(words) == 0 || words[len(words)-1] == "array" {
			return "", false
		}
	}
	answers := []string{"NULL", "NULL"}
	for i, on := range []string{"empty", "error"} {
		at, end, word, answer := p.at, p.end, p.word, ""
		switch {
		case p.take("null"):
			answer = jsonValueNull
		case p.take("error"):
			answer = jsonValueError
		case p.take("default"):
			if answer = p.until("on"); !isLiteral(answer) {
				return "", false
			}
		}
		if answer == "" || !p.take("on", on) {
			p.at, p.end, p.word = at, end, word
			continue
		}
		answers[i] = answer
	}
	return ",CAST(NULL AS " + typ + ")," + answers[0] + "," + answers[1], true
}

// until goes on to one of some words outside of parentheses, or to the end, and gives the text before.
func (p *jsonTableParser) until(words ...string) string {
	from, to, depth := p.at, p.at, 0
	for ; p.word != ""; p.next() {
		switch p.word {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			for _, w := range words {
				if p.word == w {
					return p.text[from:to]
				}
			}
		}
		to = p.end
	}
	return p.text[from:to]
}

// literal is a number with a sign, a string, perhaps introduced or of a date or a time: anything but NULL.
var literal = regexp.MustCompile(`(?is)^([-+]?\s*[0-9.]|((_\w+|n|x|b|date|time|timestamp)\s*)?['"]|true$|false$)`)

func isLiteral(text string) bool { return literal.MatchString(text) }

var (
	writtenValueName    = regexp.MustCompile("`" + jsonValueCall + "`/\\*(\\w+)\\*/")
	writtenValueClauses = regexp.MustCompile(`(?s)/\*:([0-9a-f]*)\*/.*?/\*:\*/`)
)

// writtenJSONValues is a part of a parsed text with the JSON_VALUEs in it as they were written.
func writtenJSONValues(text string) string {
	if !strings.Contains(text, jsonValueCall) {
		return text
	}
	return writtenValueClauses.ReplaceAllStringFunc(writtenValueName.ReplaceAllString(text, "$1"), func(found string) string {
		clauses, err := hex.DecodeString(writtenValueClauses.FindStringSubmatch(found)[1])
		if err != nil {
			return found
		}
		return string(clauses)
	})
}
