package session

import (
	"context"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
	"cloudsql/sql"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
)

// recognise reads the statements that the parser does not know or does not tell apart: the forms of START TRANSACTION,
// SET TRANSACTION and SET PERSIST, the WORK of BEGIN WORK, SHOW WARNINGS LIMIT, CHECK TABLE, and MySQL statements that
// are refused with 1235 where the parser would give 1064. It goes by the first words only, without a grammar: whatever
// does not fit exactly is left to the parser, which has the errors for it. nil, nil: not one of these.
func (s *Session) recognise(text string) (*parsed, error) {
	first, rest := firstWord(text)
	read := recognisers[first]
	if read == nil {
		return nil, nil
	}
	limit := maxTokens
	if first == "lock" {
		limit = len(rest) // it may name any number of tables
	}
	words := tokens(rest, s.sqlMode, limit)
	if words == nil {
		return nil, nil
	}
	st, err := read(s, text, words)
	if st != nil {
		st.text = text
	}
	return st, err
}

var recognisers map[string]func(s *Session, text string, w words) (*parsed, error)

func init() {
	recognisers = map[string]func(s *Session, text string, w words) (*parsed, error){
		"begin": recogniseBegin, "start": recogniseStart, "commit": recogniseEnd(true), "rollback": recogniseEnd(false),
		"set": recogniseSet, "show": recogniseShow, "check": recogniseCheck("check"), "repair": recogniseCheck("repair"),
		"explain": recogniseExplain, "desc": recogniseExplain, "describe": recogniseExplain,
		"lock": recogniseLock, "unlock": recogniseUnlock, "create": recogniseRefused, "drop": recogniseRefused,
		"alter": recogniseRefused,
	}
	for word, what := range map[string]string{
		"xa": "XA", "handler": "HANDLER", "checksum": "CHECKSUM TABLE", "change": "replication", "reset": "RESET",
		"purge": "binary logs", "install": "INSTALL", "uninstall": "UNINSTALL", "get": "GET DIAGNOSTICS",
		"signal": "SIGNAL", "resignal": "RESIGNAL", "cache": "CACHE INDEX", "clone": "CLONE", "restart": "RESTART",
		"stop": "replication", "binlog": "BINLOG", "import": "IMPORT TABLE", "admin": "ADMIN", "trace": "TRACE",
		"batch": "BATCH", "split": "SPLIT", "backup": "BACKUP", "restore": "RESTORE", "recover": "RECOVER",
		"flashback": "FLASHBACK", "distribute": "DISTRIBUTE", "cancel": "CANCEL", "calibrate": "CALIBRATE", "load": "LOAD DATA",
		"plan": "PLAN", "query": "QUERY", "refresh": "REFRESH", "recommend": "RECOMMEND",
	} {
		recognisers[word] = func(*Session, string, words) (*parsed, error) { return nil, mysqlerr.NotSupported(what) }
	}
}

// firstWord gives the first word of a text in lower case, after white space and comments.
func firstWord(text string) (word, rest string) {
	for text != "" {
		if text[0] <= ' ' {
			text = text[1:]
			continue
		}
		n := syntax.CommentLength(text)
		if n == 0 || strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*+") {
			break
		}
		text = text[n:]
	}
	i := 0
	for i < len(text) && (text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z' || text[i] == '_') {
		i++
	}
	const longest = len("flashback") + 1
	if i == 0 || i > longest+2 {
		return "", text
	}
	var buf [longest + 2]byte
	for j := range i {
		buf[j] = text[j] | 0x20
	}
	return string(buf[:i]), text[i:]
}

// words are the tokens of a statement after its first word: words in lower case, everything else as it is written.
type words []token

type token struct {
	lower string // of words; quoted names and strings keep their quotes and case
	raw   string // as written
	at    int    // where it begins in the text that was split
}

// maxTokens bounds what is looked at: the statements recognised are short.
const maxTokens = 64

// tokens splits the first tokens of text. What stands in a comment /*!50003 … */ counts like the rest, other comments
// are white space; nil where it has optimizer hints, whose meaning is the parser's.
func tokens(text string, mode mysql.SQLMode, limit int) words {
	list, open := words{}, 0
	for i := 0; i < len(text) && len(list) < limit; {
		c := text[i]
		switch {
		case c <= ' ':
			i++
		case c == ';':
			return list
		case open > 0 && strings.HasPrefix(text[i:], "*/"):
			open--
			i += 2
		case strings.HasPrefix(text[i:], "/*+"):
			return nil
		case conditionalLength(text[i:]) > 0:
			open++
			i += conditionalLength(text[i:])
		case syntax.CommentLength(text[i:]) > 0:
			i += syntax.CommentLength(text[i:])
		case c == '\'' || c == '"' || c == '`':
			end := syntax.SkipQuoted(text, i, c != '`' && mode&mysql.ModeNoBackslashEscapes == 0)
			list = append(list, token{text[i:end], text[i:end], i})
			i = end
		case syntax.IsWord(c) || c == '@':
			start := i
			for i < len(text) && (syntax.IsWord(text[i]) || text[i] == '@') {
				i++
			}
			list = append(list, token{strings.ToLower(text[start:i]), text[start:i], start})
		default:
			list = append(list, token{text[i : i+1], text[i : i+1], i})
			i++
		}
	}
	return list
}

// conditionalLength is the length of the opening of a comment whose text this server reads, 0 for everything else: "/*!",
// or with the number of a version that is not a later one.
func conditionalLength(text string) int {
	if !strings.HasPrefix(text, "/*!") {
		return 0
	}
	n := len("/*!")
	for n < len(text) && n < len("/*!050003") && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	switch digits := n - len("/*!"); {
	case digits < 5:
		return len("/*!")
	case digits == 5 && text[3:n] > "80036":
		return 0
	case digits == 6 && text[3:n] > "080036":
		return 0
	}
	return n
}

// take removes the given words from the front of w, if it begins with them.
func (w *words) take(list ...string) bool {
	if len(*w) < len(list) {
		return false
	}
	for i, l := range list {
		if (*w)[i].lower != l {
			return false
		}
	}
	*w = (*w)[len(list):]
	return true
}

// noNeeds is of statements that everybody may run.
func noNeeds(*Session) ([]need, error) { return nil, nil }

// command makes a parsed statement without rows of a function.
func command(c com, needs func(s *Session) ([]need, error), fn func(ctx context.Context, s *Session) error) *parsed {
	return &parsed{com: c, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
		s.rowCount = 0
		if err := fn(ctx, s); err != nil {
			s.rowCount = -1
			return err
		}
		return s.done(w)
	}}
}

func recogniseBegin(_ *Session, _ string, w words) (*parsed, error) {
	w.take("work")
	if len(w) > 0 {
		return nil, nil
	}
	return beginCommand(characteristics{}, false), nil
}

func beginCommand(c characteristics, snapshot bool) *parsed {
	return command(comBegin, noNeeds, func(ctx context.Context, s *Session) error { return s.begin(ctx, c, snapshot) })
}

// recogniseStart reads START TRANSACTION with any of its characteristics.
func recogniseStart(_ *Session, _ string, w words) (*parsed, error) {
	if w.take("slave") || w.take("replica") || w.take("group_replication") {
		return nil, mysqlerr.NotSupported("replication")
	}
	if !w.take("transaction") {
		return nil, nil
	}
	var c characteristics
	snapshot := false
	for first := true; first && len(w) > 0 || !first && w.take(","); first = false {
		switch {
		case w.take("with", "consistent", "snapshot"):
			snapshot = true
		case c.access != "OFF" && w.take("read", "only"):
			c.access = "ON"
		case c.access != "ON" && w.take("read", "write"):
			c.access = "OFF"
		default:
			return nil, nil
		}
	}
	if len(w) > 0 {
		return nil, nil
	}
	return beginCommand(c, snapshot), nil
}

// recogniseEnd reads COMMIT and ROLLBACK, and of ROLLBACK TO the form with WORK.
func recogniseEnd(commit bool) func(*Session, string, words) (*parsed, error) {
	return func(_ *Session, _ string, w words) (*parsed, error) {
		if !commit && w.take("work", "to") {
			return recogniseRollbackTo(w)
		}
		w.take("work")
		var chain, release choice
		switch {
		case w.take("and", "no", "chain"):
			chain = no
		case w.take("and", "chain"):
			chain = yes
		}
		switch {
		case w.take("no", "release"):
			release = no
		case w.take("release"):
			release = yes
		}
		if len(w) > 0 || chain == yes && release == yes {
			return nil, nil
		}
		c := comRollback
		if commit {
			c = comCommit
		}
		return command(c, noNeeds, func(ctx context.Context, s *Session) error { return s.end(ctx, commit, chain, release) }), nil
	}
}

// recogniseRollbackTo reads what follows ROLLBACK WORK TO.
func recogniseRollbackTo(w words) (*parsed, error) {
	if len(w) > 1 {
		w.take("savepoint")
	}
	name, ok := w.ident()
	if !ok || len(w) > 0 {
		return nil, nil
	}
	return command(comRollbackTo, noNeeds, func(ctx context.Context, s *Session) error { return s.rollbackTo(ctx, name) }), nil
}

// recogniseSet reads SET TRANSACTION; SET PERSIST, which it gives to the parser as SET GLOBAL; and SET
// @@transaction_isolation = …, which without a scope is about the next transaction only, unlike SET transaction_isolation.
func recogniseSet(s *Session, text string, w words) (*parsed, error) {
	if w.take("transaction") {
		return setTransaction(w, "")
	}
	if len(w) > 1 && w[1].lower == "transaction" {
		if scope := w[0].lower; scope == "global" || scope == "session" || scope == "local" {
			return setTransaction(w[2:], scope)
		}
	}
	if w.take("role") || w.take("default", "role") {
		return nil, mysqlerr.NotSupported("roles")
	}
	if w.take("resource") {
		return nil, mysqlerr.NotSupported("resource groups")
	}
	_, rest := firstWord(text)
	b, done := strings.Builder{}, 0
	for i, t := range w {
		if (t.lower == "persist" || t.lower == "persist_only") && i+1 < len(w) && w[i+1].lower != "=" &&
			(i == 0 || w[i-1].lower == ",") {
			b.WriteString(rest[done:t.at])
			b.WriteString("GLOBAL")
			done = t.at + len(t.lower)
		}
		if shot := oneShots[t.lower]; shot != "" && (i == 0 || w[i-1].lower == ",") && w[i+1:].assigns() {
			b.WriteString(rest[done:t.at])
			b.WriteString(shot)
			done = t.at + len(t.lower)
		}
	}
	if done == 0 {
		return nil, nil
	}
	b.WriteString(rest[done:])
	return s.parse("SET" + b.String())
}

// oneShots are the names by which assign knows the characteristics of the next transaction.
var oneShots = map[string]string{
	"@@transaction_isolation": oneShotIsolation, "@@transaction_read_only": oneShotAccess,
}

// assigns tells whether w begins with the sign of an assignment.
func (w words) assigns() bool {
	return len(w) > 0 && w[0].lower == "=" || len(w) > 1 && w[0].lower == ":" && w[1].lower == "="
}

// setTransaction reads the characteristics of SET [GLOBAL | SESSION] TRANSACTION.
func setTransaction(w words, scope string) (*parsed, error) {
	isolation, access := "", ""
	for first := true; first || len(w) > 0; first = false {
		if !first && !w.take(",") {
			return nil, nil
		}
		switch {
		case isolation == "" && w.take("isolation", "level", "read", "uncommitted"):
			isolation = isolationLevels[0]
		case isolation == "" && w.take("isolation", "level", "read", "committed"):
			isolation = isolationLevels[1]
		case isolation == "" && w.take("isolation", "level", "repeatable", "read"):
			isolation = isolationLevels[2]
		case isolation == "" && w.take("isolation", "level", "serializable"):
			isolation = isolationLevels[3]
		case access == "" && w.take("read", "only"):
			access = "ON"
		case access == "" && w.take("read", "write"):
			access = "OFF"
		default:
			return nil, nil
		}
	}
	needs := noNeeds
	if scope == "global" {
		needs = func(s *Session) ([]need, error) { return []need{{check: s.maySetGlobal}}, nil }
	}
	return command(comSet, needs, func(ctx context.Context, s *Session) error {
		if scope == "global" {
			return s.setGlobalTransaction(ctx, isolation, access)
		}
		return s.setTransaction(scope == "", isolation, access)
	}), nil
}

func (s *Session) setGlobalTransaction(ctx context.Context, isolation, access string) error {
	n := &ast.SetStmt{}
	add := func(name, value string) {
		if value != "" {
			n.Variables = append(n.Variables, &ast.VariableAssignment{
				Name: name, IsGlobal: true, IsSystem: true, Value: ast.NewValueExpr(value, "", ""),
			})
		}
	}
	add("transaction_isolation", isolation)
	add("transaction_read_only", access)
	return s.set(ctx, n, nil)
}

// recogniseShow reads SHOW WARNINGS LIMIT, and refuses what no answer can be made up for.
func recogniseShow(_ *Session, text string, w words) (*parsed, error) {
	errors := false
	switch {
	case w.take("warnings", "limit"):
	case w.take("errors", "limit"):
		errors = true
	case w.take("binary", "logs"), w.take("master", "logs"), w.take("binlog"), w.take("relaylog"):
		return nil, mysqlerr.NotSupported("binary logs")
	case w.take("replicas"), w.take("slave", "hosts"):
		return nil, mysqlerr.NotSupported("replication")
	default:
		return recogniseForm(text)
	}
	var nums []int
	for i, t := range w {
		if i%2 == 1 {
			if t.lower != "," && t.lower != "offset" {
				return nil, nil
			}
			continue
		}
		n, err := strconv.Atoi(t.lower)
		if err != nil {
			return nil, nil
		}
		nums = append(nums, n)
	}
	offset, count := 0, 0
	switch {
	case len(nums) == 1 && len(w) == 1:
		count = nums[0]
	case len(nums) == 2 && len(w) == 3 && w[1].lower == ",":
		offset, count = nums[0], nums[1]
	case len(nums) == 2 && len(w) == 3:
		offset, count = nums[1], nums[0]
	default:
		return nil, nil
	}
	return &parsed{com: comShow, keepConds: true, needs: noNeeds, run: func(_ context.Context, s *Session, w sql.ResultWriter) error {
		return s.writeResult(conditionsResult(s.conds.list, errors, offset, count), w)
	}}, nil
}

// recogniseCheck reads CHECK TABLE t, … [option …] and REPAIR TABLE.
func recogniseCheck(op string) func(*Session, string, words) (*parsed, error) {
	return func(s *Session, _ string, w words) (*parsed, error) {
		w.take("no_write_to_binlog")
		w.take("local")
		if !w.take("table") && !w.take("tables") {
			return nil, nil
		}
		var names []*ast.TableName
		for {
			n, ok := w.tableName()
			if !ok {
				return nil, nil
			}
			names = append(names, n)
			if !w.take(",") {
				break
			}
		}
		for len(w) > 0 {
			switch {
			case w.take("for", "upgrade"), w.take("quick"), w.take("fast"), w.take("medium"), w.take("extended"),
				w.take("changed"), w.take("use_frm"):
			default:
				return nil, nil
			}
		}
		privs := []mysql.PrivilegeType{mysql.SelectPriv}
		if op == "repair" {
			privs = append(privs, mysql.InsertPriv)
		}
		needs := func(s *Session) ([]need, error) {
			d := &needsDeriver{s: s, db: s.db}
			d.tables(names, privs...)
			return d.list, d.err
		}
		return &parsed{com: comCheck, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
			return s.tableReport(ctx, op, names, w)
		}}, nil
	}
}

// tableName takes [db.]table.
func (w *words) tableName() (*ast.TableName, bool) {
	first, ok := w.ident()
	if !ok {
		return nil, false
	}
	n := &ast.TableName{Name: ast.NewCIStr(first)}
	if w.take(".") {
		second, ok := w.ident()
		if !ok {
			return nil, false
		}
		n.Schema, n.Name = n.Name, ast.NewCIStr(second)
	}
	return n, true
}

func (w *words) ident() (string, bool) {
	if len(*w) == 0 {
		return "", false
	}
	t := (*w)[0]
	name := t.word()
	if name == "" {
		return "", false
	}
	*w = (*w)[1:]
	return name, true
}

// word gives a token as an identifier, "" if it is none.
func (t token) word() string {
	switch c := t.lower[0]; {
	case c == '`' && len(t.lower) > 2:
		return strings.ReplaceAll(t.lower[1:len(t.lower)-1], "``", "`")
	case syntax.IsWord(c):
		return t.raw
	}
	return ""
}

// recogniseExplain reads EXPLAIN FORMAT=TREE, which the parser wants quoted, and EXPLAIN EXTENDED and PARTITIONS.
func recogniseExplain(s *Session, text string, w words) (*parsed, error) {
	_, rest := firstWord(text)
	from := 0
	switch {
	case len(w) > 3 && w[0].lower == "format" && w[1].lower == "=" && w[2].lower == "tree":
		from = 3
	case len(w) > 1 && (w[0].lower == "extended" || w[0].lower == "partitions") && w[1].lower != ".":
		from = 1
	default:
		return recogniseForm(text)
	}
	return s.parse("EXPLAIN " + rest[w[from].at:])
}

// recogniseForm reads the forms of SHOW and DESCRIBE that the parser lacks.
func recogniseForm(text string) (*parsed, error) {
	n, err := show.Recognise(text)
	if n == nil || err != nil {
		return nil, err
	}
	return &parsed{node: n, com: comShow}, nil
}

// recogniseRefused finds the objects of MySQL that do not exist here.
func recogniseRefused(_ *Session, _ string, w words) (*parsed, error) {
	w.take("or", "replace")
	if w.take("definer", "=") {
		for len(w) > 0 && w[0].lower != "trigger" && w[0].lower != "function" && w[0].lower != "event" &&
			w[0].lower != "procedure" && w[0].lower != "view" && w[0].lower != "sql" {
			w = w[1:]
		}
		w.take("sql", "security", "definer")
		w.take("sql", "security", "invoker")
	}
	w.take("aggregate")
	for _, r := range [...][2]string{
		{"trigger", "triggers"}, {"event", "events"}, {"function", "stored functions"}, {"procedure", "stored procedures"},
		{"view", "views"}, {"tablespace", "tablespaces"}, {"undo", "tablespaces"}, {"server", "FEDERATED servers"},
		{"logfile", "log file groups"}, {"resource", "resource groups"}, {"spatial", "spatial types"}, {"role", "roles"},
		{"sequence", "sequences"}, {"placement", "placement policies"}, {"instance", "ALTER INSTANCE"},
		{"binding", "bindings"}, {"global", "this statement"}, {"session", "this statement"}, {"masking", "masking policies"},
		{"range", "this statement"}, {"statistics", "extended statistics"}, {"stats", "this statement"},
	} {
		if w.take(r[0]) {
			return nil, mysqlerr.NotSupported(r[1])
		}
	}
	return nil, nil
}
