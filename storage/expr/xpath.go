package expr

import (
	"math"
	"slices"
	"strings"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// xpathOp is what a node of a parsed path does.
type xpathOp uint8

const (
	xpathNumber xpathOp = iota
	xpathString
	xpathVariable
	xpathPath // steps from args[0], or from the context or the root
	xpathUnion
	xpathBinary
	xpathNeg
	xpathCall
)

// xpathExpr is a parsed expression of XPath.
type xpathExpr struct {
	op    xpathOp
	text  string // a literal, as it was written; the operator; the function; the user variable
	args  []*xpathExpr
	root  bool // a path that begins at the root
	steps []xpathStep
}

// xpathStep is one step of a path.
type xpathStep struct {
	axis  string
	name  string // "" and "*": any
	preds []*xpathExpr
}

// xpath is a whole expression.
type xpath struct{ top *xpathExpr }

// isContext tells whether an expression is a point.
func (e *xpathExpr) isContext() bool {
	return e.op == xpathPath && len(e.args) == 0 && !e.root && len(e.steps) == 1 && e.steps[0].axis == "self" && e.steps[0].name == "" && len(e.steps[0].preds) == 0
}

// isNodes tells whether an expression gives nodes.
func (e *xpathExpr) isNodes() bool { return e.op == xpathPath || e.op == xpathUnion }

// xpathParser reads an expression.
type xpathParser struct {
	s      string
	pos    int
	depth  int
	within int // predicates that are open
	err    error
}

// maxXPathDepth is how deep expressions nest.
const maxXPathDepth = 200

// maxXPathShown is how much of what could not be read MySQL's message has.
const maxXPathShown = 64

// parseXPath reads an expression; 1105 where it is none, as in MySQL.
func parseXPath(text string) (*xpath, error) {
	p := &xpathParser{s: text}
	top := p.binary(0)
	p.space()
	if p.err == nil && p.pos < len(p.s) {
		p.fail("syntax error")
	}
	if p.err != nil {
		return nil, p.err
	}
	return &xpath{top}, nil
}

func (p *xpathParser) fail(what string) *xpathExpr {
	if p.err == nil {
		p.space()
		rest := p.s[min(p.pos, len(p.s)):]
		p.err = mysqlerr.Newf(mysqlerr.UnknownError, "XPATH %s: '%s'", what, rest[:min(len(rest), maxXPathShown)])
	}
	return &xpathExpr{}
}

func (p *xpathParser) space() {
	for p.pos < len(p.s) && isSpaceByte(p.s[p.pos]) {
		p.pos++
	}
}

// take goes over a sign, or over a word that ends there.
func (p *xpathParser) take(token string) bool {
	p.space()
	if !strings.HasPrefix(p.s[p.pos:], token) {
		return false
	}
	end := p.pos + len(token)
	if token[0] != ':' && xmlNameByte(token[0], true) && end < len(p.s) && xmlNameByte(p.s[end], false) && !strings.HasPrefix(p.s[end:], "::") {
		return false
	}
	p.pos = end
	return true
}

// xpathLevels are the operators, those that bind least first. Longer signs come before what they begin with.
var xpathLevels = [][]string{{"or"}, {"and"}, {"!=", "="}, {"<=", ">=", "<", ">"}, {"+", "-"}, {"*", "div", "mod"}}

func (p *xpathParser) binary(level int) *xpathExpr {
	if level == len(xpathLevels) {
		return p.unary()
	}
	if p.depth++; p.depth > maxXPathDepth*len(xpathLevels) {
		return p.fail("syntax error")
	}
	defer func() { p.depth-- }()
	left := p.binary(level + 1)
	for p.err == nil {
		at := p.pos
		op := ""
		for _, o := range xpathLevels[level] {
			if p.take(o) {
				op = o
				break
			}
		}
		if op == "" {
			return left
		}
		right := p.binary(level + 1)
		if (level == 2 || level == 3) && left.isNodes() && right.isNodes() && p.err == nil {
			p.pos = at
			return p.fail("error: comparison of two nodesets is not supported")
		}
		left = &xpathExpr{op: xpathBinary, text: op, args: []*xpathExpr{left, right}}
	}
	return left
}

func (p *xpathParser) unary() *xpathExpr {
	if p.take("-") {
		if p.depth++; p.depth > maxXPathDepth*len(xpathLevels) {
			return p.fail("syntax error")
		}
		defer func() { p.depth-- }()
		return &xpathExpr{op: xpathNeg, args: []*xpathExpr{p.unary()}}
	}
	left := p.path()
	for p.err == nil && p.take("|") {
		right := p.path()
		if p.err == nil && (!left.isNodes() || !right.isNodes()) {
			return p.fail("syntax error")
		}
		left = &xpathExpr{op: xpathUnion, args: []*xpathExpr{left, right}}
	}
	return left
}

// path reads a location path, or a primary expression with steps behind it.
func (p *xpathParser) path() *xpathExpr {
	p.space()
	if p.pos >= len(p.s) {
		return p.fail("syntax error")
	}
	if e := p.primary(); e != nil {
		if p.err != nil || !e.isNodes() {
			return e
		}
		out := &xpathExpr{op: xpathPath, args: []*xpathExpr{e}}
		if preds := p.predicates(); len(preds) > 0 {
			out.steps = append(out.steps, xpathStep{axis: "self", preds: preds})
		}
		if p.err == nil && p.pos < len(p.s) && p.s[p.pos] == '/' {
			p.steps(out)
		}
		return out
	}
	out := &xpathExpr{op: xpathPath}
	if p.s[p.pos] == '/' {
		out.root = true
		if !strings.HasPrefix(p.s[p.pos:], "//") {
			p.pos++
			p.space()
			if p.pos == len(p.s) || !p.beginsStep() {
				return out
			}
			p.step(out)
		}
	} else {
		p.step(out)
	}
	p.steps(out)
	return out
}

func (p *xpathParser) beginsStep() bool {
	c := p.s[p.pos]
	return c == '.' || c == '@' || c == '*' || xmlNameByte(c, true)
}

// steps reads what follows behind slashes.
func (p *xpathParser) steps(out *xpathExpr) {
	for p.err == nil {
		if p.take("//") {
			out.steps = append(out.steps, xpathStep{axis: "descendant-or-self"})
		} else if !p.take("/") {
			return
		}
		p.step(out)
	}
}

var xpathAxes = []string{
	"ancestor-or-self", "ancestor", "attribute", "child", "descendant-or-self", "descendant", "following-sibling", "following", "parent",
	"preceding-sibling", "preceding", "self",
}

func (p *xpathParser) step(out *xpathExpr) {
	s := xpathStep{axis: "child"}
	explicit := false
	switch {
	case p.take(".."):
		s.axis = "parent"
	case p.take("."):
		s.axis = "self"
	case p.take("@"):
		s.axis = "attribute"
		s.name = p.nameTest()
	default:
		for _, a := range xpathAxes {
			at := p.pos
			if p.take(a) {
				if explicit = p.take("::"); explicit {
					s.axis = a
				} else {
					p.pos = at
				}
				break
			}
		}
		if s.name = p.nameTest(); p.isNodeType(s.name) {
			if s.name = ""; !explicit {
				s.axis = "self"
			}
		}
	}
	if p.err != nil {
		return
	}
	s.preds = p.predicates()
	out.steps = append(out.steps, s)
}

// isNodeType goes over the parentheses of text() and its kin.
func (p *xpathParser) isNodeType(name string) bool {
	switch name {
	case "text", "node", "comment", "processing-instruction":
		at := p.pos
		if p.take("(") && p.take(")") {
			return true
		}
		p.pos = at
	}
	return false
}

func (p *xpathParser) nameTest() string {
	if p.take("*") {
		return "*"
	}
	p.space()
	from := p.pos
	for p.pos < len(p.s) && p.s[p.pos] != ':' && xmlNameByte(p.s[p.pos], p.pos == from) ||
		p.pos > from && p.pos+1 < len(p.s) && p.s[p.pos] == ':' && p.s[p.pos+1] != ':' {
		p.pos++
	}
	if p.pos == from {
		p.fail("syntax error")
	}
	return p.s[from:p.pos]
}

func (p *xpathParser) predicates() []*xpathExpr {
	var list []*xpathExpr
	for p.err == nil && p.take("[") {
		p.within++
		list = append(list, p.binary(0))
		p.within--
		if p.err == nil && !p.take("]") {
			p.fail("syntax error")
		}
	}
	return list
}

// xpathFunctions are MySQL's, with the least and the largest number of arguments.
var xpathFunctions = map[string][2]int{
	"true": {0, 0}, "false": {0, 0}, "last": {0, 0}, "position": {0, 0}, "not": {1, 1}, "count": {1, 1}, "sum": {1, 1}, "boolean": {1, 1},
	"number": {0, 1}, "round": {1, 1}, "floor": {1, 1}, "ceiling": {1, 1}, "string-length": {0, 1}, "substring": {2, 3}, "contains": {2, 2},
	"concat": {1, 255},
}

// primary reads a literal, a function or what stands in parentheses; nil where a path begins.
func (p *xpathParser) primary() *xpathExpr {
	c := p.s[p.pos]
	switch {
	case c == '"' || c == '\'':
		end := strings.IndexByte(p.s[p.pos+1:], c)
		if end < 0 {
			return p.fail("syntax error")
		}
		text := p.s[p.pos+1 : p.pos+1+end]
		p.pos += end + 2
		return &xpathExpr{op: xpathString, text: text}
	case c >= '0' && c <= '9':
		from := p.pos
		for p.pos < len(p.s) && (p.s[p.pos] >= '0' && p.s[p.pos] <= '9' || p.s[p.pos] == '.') {
			p.pos++
		}
		return &xpathExpr{op: xpathNumber, text: p.s[from:p.pos]}
	case c == '$':
		return p.variable()
	case c == '(':
		p.pos++
		e := p.binary(0)
		if p.err == nil && !p.take(")") {
			return p.fail("syntax error")
		}
		return e
	case !xmlNameByte(c, true):
		return nil
	}
	at := p.pos
	name := p.nameTest()
	arity, known := xpathFunctions[name]
	if !known || !p.take("(") {
		p.pos = at
		return nil
	}
	e := &xpathExpr{op: xpathCall, text: name}
	for p.err == nil && !p.take(")") {
		if len(e.args) > 0 && !p.take(",") {
			return p.fail("syntax error")
		}
		e.args = append(e.args, p.binary(0))
	}
	if n := len(e.args); p.err == nil && (n < arity[0] || n > arity[1] || (name == "count" || name == "sum") && !e.args[0].isNodes()) {
		return p.fail("syntax error")
	}
	if len(e.args) == 0 && p.within == 0 && xpathOfContext[name] {
		return p.fail("syntax error")
	}
	return e
}

// xpathOfContext are functions that without arguments are about the node that a predicate is asked of.
var xpathOfContext = map[string]bool{"last": true, "position": true, "string-length": true}

// variable reads $@x, a user variable of the session. A local one, $x, is none here.
func (p *xpathParser) variable() *xpathExpr {
	at := p.pos
	p.pos++
	user := p.take("@")
	name := p.nameTest()
	if p.err == nil && !user {
		p.err = mysqlerr.Newf(mysqlerr.UnknownError, "Unknown XPATH variable at: '%s'", p.s[at:p.pos])
	}
	return &xpathExpr{op: xpathVariable, text: strings.ToLower(name)}
}

// xpathKind is what a value is.
type xpathKind uint8

const (
	xpathNull xpathKind = iota
	xpathNodes
	xpathNum
	xpathText
	xpathBool
)

// xpathValue is a value of an expression.
type xpathValue struct {
	kind xpathKind
	set  []int // nodes, in the order of the document
	size int   // how many nodes a predicate is asked of, if the only one is its own (.): what COUNT makes of it
	num  float64
	text []byte // of a number: as it was written; nil: by its value
}

// xpathContext is where an expression is evaluated.
type xpathContext struct{ node, position, size int }

// xpathRun is an evaluation over one document.
type xpathRun struct {
	nodes   []xmlNode
	coll    collation.ID
	meter   *meter
	session Session // nil: there are no variables
	err     error
}

func (r *xpathRun) spend(n int) bool {
	if r.err == nil {
		r.err = r.meter.spend(n)
	}
	return r.err == nil
}

func xpathTruth(b bool) xpathValue {
	v := xpathValue{kind: xpathBool}
	if b {
		v.num = 1
	}
	return v
}

func (r *xpathRun) eval(e *xpathExpr, c xpathContext) xpathValue {
	switch e.op {
	case xpathNumber:
		return xpathValue{kind: xpathNum, num: types.Str(e.text).ToFloat(nil), text: []byte(e.text)}
	case xpathString:
		return xpathValue{kind: xpathText, text: []byte(e.text)}
	case xpathVariable:
		return r.variable(e.text)
	case xpathUnion:
		a, b := r.eval(e.args[0], c), r.eval(e.args[1], c)
		return xpathValue{kind: xpathNodes, set: ordered(append(slices.Clone(a.set), b.set...))}
	case xpathNeg:
		v := r.eval(e.args[0], c)
		return xpathValue{kind: xpathNum, num: -r.number(v)}
	case xpathBinary:
		return r.binary(e, c)
	case xpathCall:
		return r.call(e, c)
	}
	set := []int{c.node}
	switch {
	case e.isContext():
		return xpathValue{kind: xpathNodes, set: set, size: c.size}
	case len(e.args) > 0:
		set = r.eval(e.args[0], c).set
	case e.root:
		set = []int{0}
	}
	for i := range e.steps {
		set = r.step(&e.steps[i], set)
	}
	return xpathValue{kind: xpathNodes, set: set}
}

// variable is the value of a user variable.
func (r *xpathRun) variable(name string) xpathValue {
	if r.session == nil {
		r.err = errNoSession
		return xpathValue{}
	}
	v, t := r.session.UserVar(name)
	switch {
	case v.IsNull():
		return xpathValue{}
	case isNumberKind(v.Kind()):
		return xpathValue{kind: xpathNum, num: v.ToFloat(nil), text: textOf(v, &t)}
	}
	return xpathValue{kind: xpathText, text: textOf(v, &t)}
}

// ordered is a set in the order of the document, each node once.
func ordered(set []int) []int {
	slices.Sort(set)
	return slices.Compact(set)
}

// step gives the nodes that a step leads to from a set.
func (r *xpathRun) step(s *xpathStep, set []int) []int {
	var out []int
	if len(s.preds) == 0 && s.axis == "descendant-or-self" && len(set) == 1 && set[0] == 0 && s.name == "" {
		for i := range r.nodes { // what // begins with
			if r.nodes[i].kind <= xmlElement {
				out = append(out, i)
			}
		}
		r.spend(len(r.nodes))
		return out
	}
	for _, from := range set {
		found := r.axis(s.axis, from, func(i int) bool { return r.matches(s, i) })
		for _, p := range s.preds {
			found = r.filter(p, found)
		}
		out = append(out, found...)
		if r.err != nil {
			return nil
		}
	}
	return ordered(out)
}

// matches is the test of a step's name.
func (r *xpathRun) matches(s *xpathStep, i int) bool {
	n := &r.nodes[i]
	switch {
	case s.axis == "attribute":
		if n.kind != xmlAttribute {
			return false
		}
	case s.axis == "self" || s.axis == "parent" || strings.HasSuffix(s.axis, "-or-self") && s.name == "":
	case n.kind != xmlElement:
		return false
	}
	return s.name == "" || s.name == "*" && n.kind != xmlRoot || string(n.text) == s.name
}

// axis gives the nodes on an axis from a node that pass a test, those nearest first.
func (r *xpathRun) axis(axis string, from int, test func(int) bool) []int {
	var out []int
	add := func(i int) {
		if r.spend(1) && test(i) {
			out = append(out, i)
		}
	}
	switch axis {
	case "self":
		add(from)
	case "child", "attribute":
		for i := r.nodes[from].first; i != 0 && r.err == nil; i = r.nodes[i].next {
			add(i)
		}
	case "descendant", "descendant-or-self":
		if axis == "descendant-or-self" {
			add(from)
		}
		for i := from + 1; i < len(r.nodes) && r.nodes[i].parent >= from && r.err == nil; i++ {
			if r.nodes[i].kind == xmlElement {
				add(i)
			}
		}
	case "parent":
		if from != 0 {
			add(r.nodes[from].parent)
		}
	case "ancestor", "ancestor-or-self":
		if axis == "ancestor-or-self" {
			add(from)
		}
		for i := from; i != 0 && r.err == nil; {
			if i = r.nodes[i].parent; i != 0 {
				add(i)
			}
		}
	}
	return out // MySQL has no siblings, and nothing that precedes or follows
}

// filter gives those of a list for which a predicate holds: what is no condition is the place of one, be it text.
func (r *xpathRun) filter(p *xpathExpr, list []int) []int {
	var out []int
	for i, n := range list {
		v := r.eval(p, xpathContext{node: n, position: i + 1, size: len(list)})
		if r.err != nil {
			return nil
		}
		if v.kind == xpathBool || v.kind == xpathNodes {
			if r.truth(v) {
				out = append(out, n)
			}
		} else if r.place(v) == float64(i+1) {
			out = append(out, n)
		}
	}
	return out
}

// string is a value as text; nil where it is NULL.
func (r *xpathRun) string(v xpathValue) []byte {
	switch {
	case v.kind == xpathNull:
		return nil
	case v.kind == xpathNodes:
		return r.texts(v.set)
	case v.text != nil || v.kind == xpathText:
		return append([]byte{}, v.text...)
	}
	return types.Float(v.num).AppendText(nil, nil)
}

// number is a value as a number.
func (r *xpathRun) number(v xpathValue) float64 {
	switch v.kind {
	case xpathNum, xpathBool:
		return v.num
	case xpathNodes, xpathText:
		return types.Str(string(r.string(v))).ToFloat(nil)
	}
	return math.NaN()
}

// place is a value as a whole number.
func (r *xpathRun) place(v xpathValue) float64 {
	if v.kind == xpathNum {
		return math.RoundToEven(r.number(v))
	}
	return math.Trunc(r.number(v))
}

func (r *xpathRun) truth(v xpathValue) bool {
	if v.kind == xpathNodes {
		return len(v.set) > 0
	}
	n := r.number(v)
	return n != 0 && !math.IsNaN(n)
}

// texts joins the texts right within nodes, in the order of the document.
func (r *xpathRun) texts(set []int) []byte {
	var found []int
	for _, i := range set {
		for c := r.nodes[i].first; c != 0; c = r.nodes[c].next {
			if r.nodes[c].kind == xmlText {
				found = append(found, c)
			}
		}
	}
	out := []byte{}
	for k, c := range ordered(found) {
		if k > 0 {
			out = append(out, ' ')
		}
		out = append(out, r.nodes[c].text...)
	}
	r.spend(len(out))
	return out
}

func (r *xpathRun) binary(e *xpathExpr, c xpathContext) xpathValue {
	a := r.eval(e.args[0], c)
	switch e.text {
	case "and":
		return xpathTruth(r.truth(a) && r.truth(r.eval(e.args[1], c)))
	case "or":
		return xpathTruth(r.truth(a) || r.truth(r.eval(e.args[1], c)))
	}
	b := r.eval(e.args[1], c)
	switch e.text {
	case "=", "!=", "<", "<=", ">", ">=":
		return xpathTruth(r.compare(e.text, a, b))
	}
	x, y := r.number(a), r.number(b)
	v := xpathValue{kind: xpathNum}
	switch e.text {
	case "+":
		v.num = x + y
	case "-":
		v.num = x - y
	case "*":
		v.num = x * y
	case "div": // MySQL's DIV
		v.num = math.Trunc(x / y)
	case "mod":
		v.num = math.Mod(x, y)
	}
	if math.IsNaN(v.num) || math.IsInf(v.num, 0) {
		return xpathValue{}
	}
	if v.num == 0 {
		v.num = 0 // not -0
	}
	return v
}

// compare compares scalars, or each text of nodes with a scalar: one that holds is enough.
func (r *xpathRun) compare(op string, a, b xpathValue) bool {
	if b.kind == xpathNodes {
		a, b = b, a
		op = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<="}[op] + map[bool]string{true: op}[op == "=" || op == "!="]
	}
	if a.kind != xpathNodes {
		return r.holds(op, a, b)
	}
	for _, i := range a.set {
		for c := r.nodes[i].first; c != 0; c = r.nodes[c].next {
			if r.nodes[c].kind == xmlText && r.holds(op, xpathValue{kind: xpathText, text: r.nodes[c].text}, b) {
				return true
			}
		}
	}
	return false
}

func (r *xpathRun) holds(op string, a, b xpathValue) bool {
	order := 0
	if a.kind == xpathText && b.kind == xpathText {
		if r.err == nil {
			r.err = r.meter.collate(len(a.text) + len(b.text))
		}
		order = r.coll.CompareStrings(a.text, b.text)
	} else {
		x, y := r.number(a), r.number(b)
		switch {
		case math.IsNaN(x) || math.IsNaN(y):
			return false
		case x < y:
			order = -1
		case x > y:
			order = 1
		}
	}
	switch op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (r *xpathRun) call(e *xpathExpr, c xpathContext) xpathValue {
	args := make([]xpathValue, len(e.args))
	for i, a := range e.args {
		args[i] = r.eval(a, c)
		if args[i].kind == xpathNull {
			return args[i]
		}
	}
	if len(args) == 0 {
		args = append(args, xpathValue{kind: xpathNodes, set: []int{c.node}}) // of functions that have one otherwise
	}
	num := func(f float64) xpathValue { return xpathValue{kind: xpathNum, num: f} }
	switch e.text {
	case "true", "false":
		return xpathTruth(e.text == "true")
	case "last":
		return num(float64(c.size))
	case "position":
		return num(float64(c.position))
	case "not":
		return xpathTruth(!r.truth(args[0]))
	case "boolean":
		return xpathTruth(r.truth(args[0]))
	case "count":
		return num(float64(max(len(args[0].set), args[0].size)))
	case "sum":
		sum := 0.0
		for _, n := range args[0].set {
			sum += r.number(xpathValue{kind: xpathNodes, set: []int{n}})
		}
		return num(sum)
	case "number":
		return num(r.number(args[0]))
	case "round":
		return num(math.Round(r.number(args[0])))
	case "floor":
		return num(math.Floor(r.number(args[0])))
	case "ceiling":
		return num(math.Ceil(r.number(args[0])))
	case "string-length":
		return num(float64(runeCount(r.string(args[0]))))
	case "contains":
		at, err := findText(r.meter, r.string(args[0]), r.string(args[1]), r.coll)
		if err != nil && r.err == nil {
			r.err = err
		}
		return xpathTruth(at >= 0)
	case "substring":
		return xpathValue{kind: xpathText, text: r.substring(args)}
	}
	out := []byte{}
	for _, a := range args { // concat
		out = append(out, r.string(a)...)
	}
	r.spend(len(out))
	return xpathValue{kind: xpathText, text: out}
}

// substring is SUBSTRING: characters from a position on, as many as there are, or as are asked for.
func (r *xpathRun) substring(args []xpathValue) []byte {
	runes := []rune(string(r.string(args[0])))
	from := r.number(args[1])
	if !(from >= 1) || from > float64(len(runes)) {
		return []byte{}
	}
	runes = runes[int(from)-1:]
	if len(args) > 2 {
		n := r.number(args[2])
		if !(n >= 1) {
			return []byte{}
		}
		runes = runes[:int(math.Min(n, float64(len(runes))))]
	}
	return []byte(string(runes))
}
