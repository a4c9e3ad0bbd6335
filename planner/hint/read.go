package hint

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

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
	names    []Name
	block    string // that it names, where it is about a whole one; "": its own
	words    string // between its parentheses
}

// reader reads the hints of a text.
type reader struct {
	text     string
	l        lexer.Lexer
	t        lexer.Token
	warnings []*mysqlerr.Error
	blocks   map[string]int // names of the statement's query blocks, in lower case; the number of their SELECT
	titles   map[int]string // names that QB_NAME has given
	selects  int
	named    []string // blocks that the present hint is about
	uses     []blockUse
	names    []Name
	placed   []placed
	texts    map[int]string // what is said between SELECT and the select list, by the number of the block
}

// blockUse is a hint's use of the name of a query block, which may be given to one further on.
type blockUse struct {
	at          int // of the warnings
	block, hint string
}

// Text is a statement's text with its optimizer hints read.
type Text struct {
	Plain string // with those that the parser takes, and no others
	r     *reader
}

// Read reads the hints of a text.
func Read(text string, mode mysql.SQLMode) Text {
	plain, r := read(text, mode)
	return Text{plain, r}
}

// Warnings are what MySQL says of a statement's hints: 1064 for what is none, 3125 and 3126 for those that are left out, 3127 for those about
// a query block that is not there.
func (t *Text) Warnings() []*mysqlerr.Error { return t.r.warnings }

// Name is a table, or an index of it, that a hint names.
type Name struct {
	Hint, Table, Index string
	Block              string // of the table
	At                 int    // the number of the block, from 1; 0: there is none of that name
}

// Names are the tables and indexes that hints name, but for those in blocks that 3127 tells of.
func (t *Text) Names() (list []Name) {
	r := t.r
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

// read gives the text with those hints that something goes by, and what is to be said of the others.
func read(text string, mode mysql.SQLMode) (string, *reader) {
	r := &reader{text: text}
	if !strings.Contains(text, "/*+") {
		return text, r
	}
	r.blocks, r.titles, r.texts = map[string]int{}, map[int]string{}, map[int]string{}
	b := []byte(text)
	l := lexer.New(text, mode)
	verb, depth, before := "", 0, "" // the statement's own, where parentheses around it do not count
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		word := strings.ToLower(text[t.From:t.To])
		own := verb == "" && depth == 0 && (word == "update" || word == "delete") // the statement itself is a block
		if word == "select" || own {
			r.selects++
			r.blocks["select#"+strconv.Itoa(r.selects)] = r.selects
		}
		switch {
		case t.Kind == lexer.Hint && takesHints[before] && strings.HasSuffix(word, "*/"):
			from := len(r.names)
			if r.block(b, t, verb == "select" && depth == 0); before == "insert" || before == "replace" {
				r.names = r.names[:from]
			}
		case t.Kind == lexer.Comment || t.Kind == lexer.Hint:
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
	if verb == "insert" || verb == "replace" {
		r.blocks["select#"+strconv.Itoa(r.selects+1)] = r.selects + 1
	}
	r.unknownBlocks()
	return string(b), r
}

// present is the number of the block that a hint being read stands in: of an INSERT, that of its query.
func (r *reader) present() int { return max(r.selects, 1) }

// unknownBlocks puts 3127 among the warnings.
func (r *reader) unknownBlocks() {
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
func (r *reader) block(b []byte, t lexer.Token, own bool) {
	r.l = lexer.Lexer{Text: r.text[:t.To-len("*/")], Pos: t.From + len("/*+"), Escapes: true}
	r.next()
	kept, seen := t.From+len("/*+"), map[string]bool{}
	keep := func(to int) {
		for i := kept; i < to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	r.texts[r.present()] = strings.TrimSpace(r.l.Text[t.From+len("/*+"):])
	for r.t.Kind != lexer.End {
		if r.sign(",") {
			continue
		}
		r.named = nil
		h, ok := r.hint()
		if !ok {
			near := r.text[r.t.From:]
			if r.t.Kind == lexer.End {
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
			r.blocks[strings.ToLower(name)], r.titles[r.present()] = r.present(), name
		}
		for _, n := range h.names {
			n.Hint, n.At = strings.ToUpper(h.name), r.present()
			r.names = append(r.names, n)
		}
		if !r.first(h, seen, own) {
			continue
		}
		if h.name != "max_execution_time" && h.name != "set_var" {
			r.place(h)
			continue
		}
		keep(h.from)
		kept = h.to
	}
	keep(t.To - len("*/"))
}

// first tells whether a hint holds: it stands where it may, and none before it is in its way. Of a hint about several tables or indexes,
// those that others were about are taken out.
func (r *reader) first(h *hint, seen map[string]bool, own bool) bool {
	base, name := strings.TrimPrefix(h.name, "no_"), strings.ToUpper(h.name)
	switch mysqlHints[h.name] {
	case hintNumber:
		if !own {
			r.warnings = append(r.warnings, mysqlerr.New(mysqlerr.UnsupportedMaxExecutionTime))
			return false
		}
		return r.once(seen, name+"("+h.args[0]+")", base)
	case hintName, hintBlock:
		return r.once(seen, name+"("+strings.Join(h.args, "")+")", base+" "+h.block)
	case hintStrategy:
		return r.once(seen, name+"("+h.words+")", "semijoin "+h.block) // SUBQUERY says how to do without
	case hintOrder:
		return base == "join_order" || r.once(seen, name+"("+strings.Join(h.args, ",")+")", base+" "+h.block)
	case hintIndexes:
		h.names = r.firstOf(h, func(n *Name) bool {
			printed := name + "(`" + n.Table + "`"
			if n.Index != "" {
				printed += " `" + n.Index + "`"
			}
			return r.once(seen, printed+")", indexUses(base, n)...)
		})
		return len(h.names) > 0
	case hintTables:
		if len(h.args) == 0 {
			return r.once(seen, name+"()", base+" "+h.block)
		}
		i := -1
		h.names = r.firstOf(h, func(*Name) bool {
			i++
			return r.once(seen, name+"("+h.args[i]+")", base+" "+strings.ToLower(h.args[i]))
		})
		return len(h.names) > 0
	}
	return true
}

func (r *reader) firstOf(h *hint, first func(*Name) bool) (list []Name) {
	for i := range h.names {
		if first(&h.names[i]) {
			list = append(list, h.names[i])
		}
	}
	return list
}

// indexUses are what a hint says an index is for, or not: INDEX stands for the other three.
func indexUses(base string, n *Name) (list []string) {
	for _, use := range []string{"join_index", "group_index", "order_index"} {
		if base == use || base == "index" {
			list = append(list, strings.ToLower(use+" "+n.Block+" "+n.Table+" "+n.Index))
		}
	}
	if list == nil {
		list = []string{strings.ToLower(base + " " + n.Block + " " + n.Table + " " + n.Index)}
	}
	return list
}

// once tells whether nothing has been said of what so far; of what else is left out, 3126 tells.
func (r *reader) once(seen map[string]bool, printed string, what ...string) bool {
	if slices.ContainsFunc(what, func(w string) bool { return seen[w] }) {
		r.warnings = append(r.warnings, mysqlerr.New(mysqlerr.ConflictingHint, printed))
		return false
	}
	for _, w := range what {
		seen[w] = true
	}
	return true
}

func (r *reader) next() { r.t = r.l.Next() }

func (r *reader) word() string { return r.text[r.t.From:r.t.To] }

// sign takes a sign.
func (r *reader) sign(s string) bool {
	if r.t.Kind != lexer.Sign || r.word() != s {
		return false
	}
	r.next()
	return true
}

// name takes a name as it is printed in a warning.
func (r *reader) name() (string, bool) {
	if r.t.Kind != lexer.Word && r.t.Kind != lexer.Name {
		return "", false
	}
	s := "`" + strings.Trim(r.word(), "`") + "`"
	r.next()
	return s, true
}

// blockName takes @block, if there is one.
func (r *reader) blockName() (s string, ok bool) {
	if !r.sign("@") {
		return "", true
	}
	if s, ok = r.name(); ok {
		r.named = append(r.named, strings.Trim(s, "`"))
	}
	return "@" + s, ok
}

// hint reads a hint.
func (r *reader) hint() (h *hint, ok bool) {
	h = &hint{}
	h.name, h.from = strings.ToLower(r.word()), r.t.From
	kind := mysqlHints[h.name]
	if kind == 0 || r.t.Kind != lexer.Word {
		return h, false
	}
	r.next()
	if !r.sign("(") {
		return h, false
	}
	inside := r.t.From
	if ok = r.arguments(kind, h); !ok {
		return h, false
	}
	h.to, h.words = r.t.To, strings.TrimSpace(r.text[inside:r.t.From])
	return h, r.sign(")")
}

func (r *reader) arguments(kind hintArguments, h *hint) (ok bool) {
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
	h.block = strings.Trim(block, "@`")
	switch {
	case !ok:
		return false
	case kind == hintBlock:
		return true
	case kind == hintStrategy:
		return r.strategies(h)
	case kind == hintIndexes:
		return r.indexes(block, h)
	case block == "" || r.t.Kind == lexer.Word || r.t.Kind == lexer.Name:
		return r.tables(kind, block, h)
	}
	return kind == hintTables
}

func (r *reader) tables(kind hintArguments, block string, h *hint) bool {
	if kind == hintTables && r.t.Kind == lexer.Sign && r.word() == ")" {
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
		h.names = append(h.names, Name{Table: strings.Trim(s, "`"), Block: strings.Trim(at+block, "@`")})
		if !r.sign(",") {
			return true
		}
	}
}

func (r *reader) indexes(block string, h *hint) bool {
	table, ok := r.name()
	if !ok {
		return false
	}
	at, ok := r.blockName()
	if !ok {
		return false
	}
	n := Name{Table: strings.Trim(table, "`"), Block: strings.Trim(at+block, "@`")}
	for first := true; first && (r.t.Kind == lexer.Word || r.t.Kind == lexer.Name) || !first && r.sign(","); first = false {
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

func (r *reader) strategies(h *hint) bool {
	for first := true; first && r.t.Kind == lexer.Word || !first && r.sign(","); first = false {
		if !hintStrategies[strings.ToLower(r.word())] {
			return false
		}
		h.args = append(h.args, strings.ToLower(r.word()))
		r.next()
	}
	return true
}

// variable takes name = value: a number, a word or a string.
func (r *reader) variable() bool {
	if _, ok := r.name(); !ok || !r.sign("=") {
		return false
	}
	r.sign("-")
	if r.t.Kind != lexer.Word && r.t.Kind != lexer.String {
		return false
	}
	r.next()
	if r.sign(".") && r.t.Kind == lexer.Word { // of a number
		r.next()
	}
	return true
}
