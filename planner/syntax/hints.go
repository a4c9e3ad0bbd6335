package syntax

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// Optimizer hints. The parser drops all hints of a block for one that it doesn't know, and knows others than MySQL. So MySQL's are read here;
// the parser gets those that something goes by, MAX_EXECUTION_TIME and SET_VAR, up to what is no hint.

// hintArguments is what stands in a hint's parentheses.
type hintArguments uint8

const (
	hintTables   hintArguments = iota + 1 // [@block] [table[@block], …]
	hintOrder                             // the same, of one table at least
	hintIndexes                           // table[@block] [index, …]
	hintBlock                             // [@block]
	hintStrategy                          // [@block] [strategy, …]
	hintNumber
	hintName
	hintVariable // variable = value
)

// mysqlHints are MySQL 8.0's.
var mysqlHints = map[string]hintArguments{
	"bka": hintTables, "no_bka": hintTables, "bnl": hintTables, "no_bnl": hintTables, "hash_join": hintTables, "no_hash_join": hintTables,
	"merge": hintTables, "no_merge": hintTables, "derived_condition_pushdown": hintTables, "no_derived_condition_pushdown": hintTables,
	"join_order": hintOrder, "join_prefix": hintOrder, "join_suffix": hintOrder, "join_fixed_order": hintBlock,
	"index": hintIndexes, "no_index": hintIndexes, "group_index": hintIndexes, "no_group_index": hintIndexes, "join_index": hintIndexes,
	"no_join_index": hintIndexes, "order_index": hintIndexes, "no_order_index": hintIndexes, "index_merge": hintIndexes, "no_index_merge": hintIndexes,
	"mrr": hintIndexes, "no_mrr": hintIndexes, "no_icp": hintIndexes, "no_range_optimization": hintIndexes, "skip_scan": hintIndexes,
	"no_skip_scan": hintIndexes, "semijoin": hintStrategy, "no_semijoin": hintStrategy, "subquery": hintStrategy,
	"max_execution_time": hintNumber, "set_var": hintVariable, "resource_group": hintName, "qb_name": hintName,
}

var hintStrategies = map[string]bool{"dupsweedout": true, "firstmatch": true, "loosescan": true, "materialization": true, "intoexists": true}

// hint is one of a text.
type hint struct {
	name     string // in lower case
	from, to int    // in the text
	args     []string
	names    []HintName
}

// hintReader reads the hints of a text.
type hintReader struct {
	text     string
	l        Lexer
	t        Token
	warnings []*mysqlerr.Error
	blocks   map[string]int // names of the statement's query blocks, in lower case; the number of their SELECT
	titles   map[int]string // names that QB_NAME has given
	selects  int
	named    []string // blocks that the present hint is about
	uses     []blockUse
	names    []HintName
}

// blockUse is a hint's use of the name of a query block, which may be given to one further on.
type blockUse struct {
	at          int // of the warnings
	block, hint string
}

// HintWarnings are what MySQL says of a statement's hints: 1064 for what is none, 3125 and 3126 for those that are left out, 3127 for those about
// a query block that is not there.
func HintWarnings(text string, mode mysql.SQLMode) []*mysqlerr.Error {
	_, r := readHints(text, mode)
	return r.warnings
}

// HintName is a table, or an index of it, that a hint of a SELECT names.
type HintName struct {
	Hint, Table, Index string
	Block              string // of the table
	At                 int    // the block's SELECT, counted from 1; 0: there is none of that name
}

// HintNames are the tables and indexes that hints of SELECTs name, but for those in blocks that 3127 tells of.
func HintNames(text string, mode mysql.SQLMode) (list []HintName) {
	_, r := readHints(text, mode)
	for _, n := range r.names {
		if n.Block != "" {
			n.At = r.blocks[strings.ToLower(n.Block)]
		}
		if n.At == 0 && mysqlHints[strings.ToLower(n.Hint)] != hintOrder {
			continue
		}
		if n.At > 0 {
			if n.Block = r.titles[n.At]; n.Block == "" {
				n.Block = "select#" + strconv.Itoa(n.At)
			}
		}
		list = append(list, n)
	}
	return list
}

// readHints gives the text with those hints that something goes by, and what is to be said of the others.
func readHints(text string, mode mysql.SQLMode) (string, *hintReader) {
	r := &hintReader{text: text}
	if !strings.Contains(text, "/*+") {
		return text, r
	}
	r.blocks, r.titles = map[string]int{}, map[int]string{}
	b := []byte(text)
	l := Lexer{Text: text, Escapes: mode&mysql.ModeNoBackslashEscapes == 0}
	verb, depth, before := "", 0, "" // the statement's own, where parentheses around it do not count
	for t := l.Next(); t.Kind != End; t = l.Next() {
		word := strings.ToLower(text[t.From:t.To])
		if word == "select" {
			r.selects++
			r.blocks["select#"+strconv.Itoa(r.selects)] = r.selects
		}
		switch {
		case t.Kind == Hint && takesHints[before] && strings.HasSuffix(word, "*/"):
			from := len(r.names)
			if r.block(b, t, verb == "select" && depth == 0); before != "select" {
				r.names = r.names[:from]
			}
		case t.Kind == Comment || t.Kind == Hint:
			continue
		case word == "(" && before != "":
			depth++
		case word == ")":
			depth--
		case verb == "" && depth == 0 && takesHints[word]:
			verb = word
		}
		if before == "" && word == "(" {
			continue
		}
		before = word
	}
	if verb != "select" { // the statement itself is the first block
		r.blocks["select#"+strconv.Itoa(r.selects+1)] = r.selects + 1
	}
	r.unknownBlocks()
	return string(b), r
}

// unknownBlocks puts 3127 among the warnings.
func (r *hintReader) unknownBlocks() {
	var all []*mysqlerr.Error
	from := 0
	for _, u := range r.uses {
		if r.blocks[strings.ToLower(u.block)] == 0 {
			all = append(append(all, r.warnings[from:u.at]...), mysqlerr.New(mysqlerr.UnknownQueryBlock, "`"+u.block+"`", u.hint))
			from = u.at
		}
	}
	if all != nil {
		r.warnings = append(all, r.warnings[from:]...)
	}
}

var takesHints = map[string]bool{"select": true, "insert": true, "replace": true, "update": true, "delete": true}

// block reads the hints of one comment, and leaves in b those that something goes by. MAX_EXECUTION_TIME is of the statement's own SELECT.
func (r *hintReader) block(b []byte, t Token, own bool) {
	r.l = Lexer{Text: r.text[:t.To-len("*/")], Pos: t.From + len("/*+"), Escapes: true}
	r.next()
	kept, seen := t.From+len("/*+"), map[string]bool{}
	keep := func(to int) {
		for i := kept; i < to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	for r.t.Kind != End {
		if r.sign(",") {
			continue
		}
		r.named = nil
		h, ok := r.hint()
		if !ok {
			near := r.text[r.t.From:]
			if r.t.Kind == End {
				near = r.text[t.To-len("*/"):]
			}
			e := mysqlerr.SyntaxAt(r.text, len(r.text)-len(near))
			e.Message = "Optimizer hint syntax error" + e.Message[strings.Index(e.Message, " near '"):]
			r.warnings = append(r.warnings, e)
			break
		}
		for _, name := range r.named {
			r.uses = append(r.uses, blockUse{len(r.warnings), name, strings.ToUpper(h.name)})
		}
		if h.name == "qb_name" {
			name := strings.Trim(h.args[0], "`")
			r.blocks[strings.ToLower(name)], r.titles[r.selects] = r.selects, name
		}
		for _, n := range h.names {
			n.Hint, n.At = strings.ToUpper(h.name), r.selects
			r.names = append(r.names, n)
		}
		if !r.first(h, seen, own) || h.name != "max_execution_time" && h.name != "set_var" {
			continue
		}
		keep(h.from)
		kept = h.to
	}
	keep(t.To - len("*/"))
}

// first tells whether a hint holds: it stands where it may, and none before it is in its way.
func (r *hintReader) first(h hint, seen map[string]bool, own bool) bool {
	base := strings.TrimPrefix(h.name, "no_")
	switch mysqlHints[h.name] {
	case hintNumber:
		if !own {
			r.warnings = append(r.warnings, mysqlerr.New(mysqlerr.UnsupportedMaxExecutionTime))
			return false
		}
		return r.once(seen, base, strings.ToUpper(h.name)+"("+h.args[0]+")")
	case hintName, hintBlock:
		return r.once(seen, base, strings.ToUpper(h.name)+"("+strings.Join(h.args, "")+")")
	case hintTables:
		if len(h.args) == 0 {
			return r.once(seen, base, strings.ToUpper(h.name)+"()")
		}
		for _, a := range h.args {
			r.once(seen, base+" "+strings.ToLower(a), strings.ToUpper(h.name)+"("+a+")")
		}
	}
	return true
}

func (r *hintReader) once(seen map[string]bool, what, printed string) bool {
	if seen[what] {
		r.warnings = append(r.warnings, mysqlerr.New(mysqlerr.ConflictingHint, printed))
		return false
	}
	seen[what] = true
	return true
}

func (r *hintReader) next() { r.t = r.l.Next() }

func (r *hintReader) word() string { return r.text[r.t.From:r.t.To] }

// sign takes a sign.
func (r *hintReader) sign(s string) bool {
	if r.t.Kind != Sign || r.word() != s {
		return false
	}
	r.next()
	return true
}

// name takes a name as it is printed in a warning.
func (r *hintReader) name() (string, bool) {
	if r.t.Kind != Word && r.t.Kind != Name {
		return "", false
	}
	s := "`" + strings.Trim(r.word(), "`") + "`"
	r.next()
	return s, true
}

// blockName takes @block, if there is one.
func (r *hintReader) blockName() (s string, ok bool) {
	if !r.sign("@") {
		return "", true
	}
	if s, ok = r.name(); ok {
		r.named = append(r.named, strings.Trim(s, "`"))
	}
	return "@" + s, ok
}

// hint reads a hint.
func (r *hintReader) hint() (h hint, ok bool) {
	h.name, h.from = strings.ToLower(r.word()), r.t.From
	kind := mysqlHints[h.name]
	if kind == 0 || r.t.Kind != Word {
		return h, false
	}
	r.next()
	if !r.sign("(") {
		return h, false
	}
	if ok = r.arguments(kind, &h); !ok {
		return h, false
	}
	h.to = r.t.To
	return h, r.sign(")")
}

func (r *hintReader) arguments(kind hintArguments, h *hint) (ok bool) {
	switch kind {
	case hintNumber:
		n, err := strconv.ParseUint(r.word(), 10, 32)
		if err != nil {
			return false
		}
		r.next()
		h.args = []string{strconv.FormatUint(n, 10)}
		return true
	case hintName:
		s, ok := r.name()
		h.args = []string{s}
		return ok
	case hintVariable:
		return r.variable()
	}
	block, ok := r.blockName()
	switch {
	case !ok:
		return false
	case kind == hintBlock:
		return true
	case kind == hintStrategy:
		return r.strategies()
	case kind == hintIndexes:
		return r.indexes(block, h)
	case block == "" || r.t.Kind == Word || r.t.Kind == Name:
		return r.tables(kind, block, h)
	}
	return kind == hintTables
}

func (r *hintReader) tables(kind hintArguments, block string, h *hint) bool {
	if kind == hintTables && r.t.Kind == Sign && r.word() == ")" {
		return true
	}
	for {
		s, ok := r.name()
		if !ok {
			return false
		}
		named := r.named
		at, ok := r.blockName()
		if !ok {
			return false
		}
		if kind == hintOrder {
			r.named = named // the table is looked for, not the block
		}
		h.args = append(h.args, s+at+block)
		h.names = append(h.names, HintName{Table: strings.Trim(s, "`"), Block: strings.Trim(at+block, "@`")})
		if !r.sign(",") {
			return true
		}
	}
}

func (r *hintReader) indexes(block string, h *hint) bool {
	table, ok := r.name()
	if !ok {
		return false
	}
	at, ok := r.blockName()
	if !ok {
		return false
	}
	n := HintName{Table: strings.Trim(table, "`"), Block: strings.Trim(at+block, "@`")}
	for first := true; first && (r.t.Kind == Word || r.t.Kind == Name) || !first && r.sign(","); first = false {
		index, ok := r.name()
		if !ok {
			return false
		}
		n.Index = strings.Trim(index, "`")
		h.names = append(h.names, n)
	}
	if n.Index == "" {
		h.names = append(h.names, n)
	}
	return true
}

func (r *hintReader) strategies() bool {
	for first := true; first && r.t.Kind == Word || !first && r.sign(","); first = false {
		if !hintStrategies[strings.ToLower(r.word())] {
			return false
		}
		r.next()
	}
	return true
}

// variable takes name = value: a number, a word or a string.
func (r *hintReader) variable() bool {
	if _, ok := r.name(); !ok || !r.sign("=") {
		return false
	}
	r.sign("-")
	if r.t.Kind != Word && r.t.Kind != String {
		return false
	}
	r.next()
	if r.sign(".") && r.t.Kind == Word { // of a number
		r.next()
	}
	return true
}
