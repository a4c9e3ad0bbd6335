package expr

import (
	"bytes"
	"fmt"
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// ExtractValue and UpdateXML: XML as MySQL reads it, which is less than what there is (no entities, no namespaces, no DTD), and
// XPath (xpath.go) as far as MySQL has it.

var xmlDefs = []def{
	{name: "extractvalue", min: 2, max: 2, since: version.V2, typ: typeXML, prep: prepXPath, fn: extractValue},
	{name: "updatexml", min: 3, max: 3, since: version.V2, typ: typeXML, prep: prepXPath, fn: updateXML},
	{name: inVariables["extractvalue"], min: 2, max: 2, class: NeedsSession, since: version.V2, typ: typeXML, prep: prepXPath, fn: extractValue, render: renderWritten},
	{name: inVariables["updatexml"], min: 3, max: 3, class: NeedsSession, since: version.V2, typ: typeXML, prep: prepXPath, fn: updateXML, render: renderWritten},
}

// inVariables are the functions of XPath, and what they are where the path has user variables ($@x) of the session.
var inVariables = map[string]string{"extractvalue": "extractvalue in variables", "updatexml": "updatexml in variables"}

// hasXPathVariables tells of the arguments of a function of inVariables that it is one of those.
func hasXPathVariables(args []Expr) bool {
	if len(args) < 2 {
		return false
	}
	k, ok := args[1].(*Const)
	return ok && bytes.Contains(k.Val.Raw(), []byte("$@"))
}

// writtenName is the name that a call was written with: what comes before the first space.
func writtenName(c *Call) string {
	name, _, _ := strings.Cut(c.name, " ")
	return name
}

// renderWritten shows a call by the name that it was written with.
func renderWritten(c *Call) string {
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = a.String()
	}
	return writtenName(c) + "(" + strings.Join(args, ",") + ")"
}

type xmlKind uint8

const (
	xmlRoot xmlKind = iota
	xmlElement
	xmlAttribute
	xmlText
)

// xmlNode is a part of a document. Nodes are in the order of the text; parents come before their children.
type xmlNode struct {
	kind   xmlKind
	parent int
	text   []byte // name of an element or attribute; else its text
	from   int    // in the document: where what UpdateXML replaces begins and ends
	to     int
	next   int // sibling behind it; 0: none
	first  int // child; 0: none
	last   int
}

// maxXMLDepth is how deep elements nest.
const maxXMLDepth = 256

// xmlSteps is the work of taking a byte of a document apart.
const xmlSteps = 8

// xmlReader takes a document apart.
type xmlReader struct {
	s     []byte
	pos   int
	nodes []xmlNode
	open  []int // elements that are not closed
}

// typeXML is text of the collation that the arguments are compared under.
func typeXML(c *Call) error {
	if _, err := mergeAll(writtenName(c), true, c.args); err != nil {
		return err
	}
	err := c.setStringResult(1<<28, c.args...)
	c.ascii = false
	return err
}

// readXML takes a document apart; a message where it is not well-formed.
func readXML(s []byte) (nodes []xmlNode, wrong string) {
	r := &xmlReader{s: s, nodes: []xmlNode{{kind: xmlRoot, to: len(s)}}, open: []int{0}}
	for r.pos < len(s) && wrong == "" {
		if s[r.pos] != '<' {
			end := bytes.IndexByte(s[r.pos:], '<')
			if end < 0 {
				end = len(s) - r.pos
			}
			r.add(xmlText, s[r.pos:r.pos+end], r.pos, r.pos+end)
			r.pos += end
			continue
		}
		wrong = r.markup()
	}
	if wrong == "" && len(r.open) > 1 {
		wrong = r.wrong("unexpected END-OF-INPUT")
	}
	return r.nodes, wrong
}

// wrong is what MySQL says of an error at the present place.
func (r *xmlReader) wrong(what string) string {
	before := r.s[:min(r.pos, len(r.s))]
	return fmt.Sprintf("parse error at line %d pos %d: %s", 1+bytes.Count(before, []byte("\n")), r.pos-bytes.LastIndexByte(before, '\n'), what)
}

func (r *xmlReader) add(kind xmlKind, text []byte, from, to int) int {
	parent := r.open[len(r.open)-1]
	i := len(r.nodes)
	r.nodes = append(r.nodes, xmlNode{kind: kind, parent: parent, text: text, from: from, to: to})
	if p := &r.nodes[parent]; p.first == 0 {
		p.first, p.last = i, i
	} else {
		r.nodes[p.last].next, p.last = i, i
	}
	return i
}

// markup reads what begins with <.
func (r *xmlReader) markup() string {
	rest := r.s[r.pos:]
	skip := func(end string) string {
		i := bytes.Index(rest, []byte(end))
		if i < 0 {
			r.pos = len(r.s)
			return r.wrong("unexpected END-OF-INPUT")
		}
		r.pos += i + len(end)
		return ""
	}
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return skip("-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		from := r.pos
		wrong := skip("]]>")
		if wrong == "" {
			r.add(xmlText, r.s[from+len("<![CDATA["):r.pos-len("]]>")], from, r.pos)
		}
		return wrong
	case bytes.HasPrefix(rest, []byte("<?")):
		return skip("?>")
	case bytes.HasPrefix(rest, []byte("<!")):
		return skip(">")
	case bytes.HasPrefix(rest, []byte("</")):
		return r.closing()
	}
	return r.element()
}

// closing reads </name>.
func (r *xmlReader) closing() string {
	r.pos += 2
	r.space()
	name := r.name()
	if name == nil {
		return r.wrong(r.what() + " unexpected (ident wanted)")
	}
	if wrong := r.leave(name); wrong != "" {
		return wrong
	}
	return r.expectEnd()
}

// leave ends the innermost element; name is what the text calls it.
func (r *xmlReader) leave(name []byte) string {
	at := r.open[len(r.open)-1]
	if at == 0 {
		return r.wrong("'</" + string(name) + ">' unexpected (END-OF-INPUT wanted)")
	}
	if string(r.nodes[at].text) != string(name) {
		return r.wrong("'</" + string(name) + ">' unexpected ('</" + string(r.nodes[at].text) + ">' wanted)")
	}
	r.open = r.open[:len(r.open)-1]
	if end := bytes.IndexByte(r.s[r.pos:], '>'); end >= 0 {
		r.nodes[at].to = r.pos + end + 1
	}
	return ""
}

func (r *xmlReader) expectEnd() string {
	r.space()
	if r.pos >= len(r.s) || r.s[r.pos] != '>' {
		return r.wrong(r.what() + " unexpected ('>' wanted)")
	}
	r.pos++
	return ""
}

// element reads <name attribute="value" …> or …/>.
func (r *xmlReader) element() string {
	from := r.pos
	r.pos++
	r.space()
	name := r.name()
	if name == nil {
		return r.wrong(r.what() + " unexpected (ident or '/' wanted)")
	}
	if len(r.open) > maxXMLDepth {
		return r.wrong("too deep XML")
	}
	r.open = append(r.open, r.add(xmlElement, name, from, len(r.s)))
	for {
		r.space()
		attr := r.pos
		key := r.name()
		if key == nil {
			break
		}
		if wrong := r.attribute(attr, key); wrong != "" {
			return wrong
		}
	}
	if r.pos < len(r.s) && r.s[r.pos] == '/' {
		r.pos++
		if wrong := r.leave(name); wrong != "" {
			return wrong
		}
	}
	return r.expectEnd()
}

// attribute reads [= value] behind an attribute's name.
func (r *xmlReader) attribute(from int, key []byte) string {
	to := r.pos
	r.space()
	var value []byte
	if r.pos < len(r.s) && r.s[r.pos] == '=' {
		r.pos++
		r.space()
		if value = r.value(); value == nil {
			return r.wrong(r.what() + " unexpected (ident or string wanted)")
		}
		to = r.pos
	}
	a := r.add(xmlAttribute, key, from, to)
	if len(value) > 0 {
		r.open = append(r.open, a)
		r.add(xmlText, value, from, to)
		r.open = r.open[:len(r.open)-1]
	}
	return ""
}

// value reads an attribute's value: in quotes, or a name. nil for none.
func (r *xmlReader) value() []byte {
	if r.pos < len(r.s) && (r.s[r.pos] == '"' || r.s[r.pos] == '\'') {
		end := bytes.IndexByte(r.s[r.pos+1:], r.s[r.pos])
		if end < 0 {
			return nil
		}
		v := r.s[r.pos+1 : r.pos+1+end : r.pos+1+end]
		r.pos += end + 2
		return v
	}
	return r.name()
}

func (r *xmlReader) space() {
	for r.pos < len(r.s) && isSpaceByte(r.s[r.pos]) {
		r.pos++
	}
}

func xmlNameByte(c byte, first bool) bool {
	letter := c == '_' || c == ':' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
	return letter || !first && (c == '-' || c == '.' || c >= '0' && c <= '9')
}

// name reads a name; nil for none.
func (r *xmlReader) name() []byte {
	from := r.pos
	for r.pos < len(r.s) && xmlNameByte(r.s[r.pos], r.pos == from) {
		r.pos++
	}
	if r.pos == from {
		return nil
	}
	return r.s[from:r.pos]
}

// what names the present token as MySQL does.
func (r *xmlReader) what() string {
	switch {
	case r.pos >= len(r.s):
		return "END-OF-INPUT"
	case bytes.IndexByte([]byte("</>=!?"), r.s[r.pos]) >= 0:
		return "'" + string(r.s[r.pos:r.pos+1]) + "'"
	}
	return "unknown token"
}

// prepXPath reads a path that is the same for all rows.
func prepXPath(c *Call) {
	text, ok := c.constText(1)
	if !ok {
		return
	}
	if x, err := parseXPath(text); err == nil {
		c.aux = x
	}
}

// evalXML evaluates the path of a call over its document; nil, nil where that is not well-formed, with warning 1525.
func evalXML(c *Call, env *Env, doc []byte, path types.Value) (*xpathRun, xpathValue, error) {
	x, ok := c.aux.(*xpath)
	if !ok {
		var err error
		if x, err = parseXPath(string(c.text(1, path))); err != nil {
			return nil, xpathValue{}, err
		}
	}
	if err := env.work(xmlSteps * len(doc)); err != nil {
		return nil, xpathValue{}, err
	}
	nodes, wrong := readXML(doc)
	if wrong != "" {
		env.warn(mysqlerr.WrongValue, "XML", wrong)
		return nil, xpathValue{}, nil
	}
	run := &xpathRun{nodes: nodes, meter: env.meter(), coll: c.typ.Collation, session: env.Session}
	v := run.eval(x.top, xpathContext{node: 0, position: 1, size: 1})
	return run, v, run.err
}

func extractValue(c *Call, env *Env, a []types.Value) (types.Value, error) {
	run, v, err := evalXML(c, env, c.text(0, a[0]), a[1])
	if err != nil || run == nil {
		return types.Null, err
	}
	text := run.string(v)
	if text == nil || run.err != nil {
		return types.Null, run.err
	}
	return c.str(text), nil
}

// updateXML replaces the only part of a document that the path finds.
func updateXML(c *Call, env *Env, a []types.Value) (types.Value, error) {
	doc, with := c.text(0, a[0]), c.text(2, a[2])
	run, v, err := evalXML(c, env, doc, a[1])
	if err != nil || run == nil || v.kind != xpathNodes {
		return types.Null, err
	}
	if len(v.set) != 1 {
		return c.str(bytes.Clone(doc)), nil
	}
	n := &run.nodes[v.set[0]]
	out := make([]byte, 0, len(doc)+len(with))
	out = append(append(append(out, doc[:n.from]...), with...), doc[n.to:]...)
	return c.str(out), nil
}
