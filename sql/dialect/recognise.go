package dialect

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// Statement is what Recognise reads: one of the types below.
type Statement any

// The statements.
type (
	// Begin is BEGIN or START TRANSACTION.
	Begin struct {
		Snapshot bool   // WITH CONSISTENT SNAPSHOT
		Access   string // "ON" read only, "OFF" read write, "" not said
	}
	// Finish is COMMIT or ROLLBACK.
	Finish struct {
		Commit         bool
		Chain, Release Choice
	}
	// RollbackTo is ROLLBACK WORK TO a savepoint.
	RollbackTo struct{ Savepoint string }
	// SetTransaction is SET [scope] TRANSACTION: what is not said is "".
	SetTransaction struct{ Scope, Isolation, Access string }
	// ShowConditions is SHOW WARNINGS | ERRORS LIMIT.
	ShowConditions struct {
		Errors        bool
		Offset, Count int
	}
	// CheckTables is CHECK TABLE, REPAIR TABLE, CACHE INDEX or LOAD INDEX INTO CACHE.
	CheckTables struct {
		Op     string // "check", "repair", "assign_to_keycache", "preload_keys"
		Tables []*ast.TableName
	}
	// ChecksumTables is CHECKSUM TABLE.
	ChecksumTables struct {
		Tables []*ast.TableName
		Quick  bool
	}
	// Flush is FLUSH of anything but tables.
	Flush struct{ Privileges, Resources bool }
	// LockTables is LOCK TABLES.
	LockTables struct{ Items []LockItem }
	// LockInstance is LOCK INSTANCE FOR BACKUP, or UNLOCK INSTANCE.
	LockInstance struct{ Lock bool }
	// AlterCluster is ALTER CLUSTER DRAIN | REMOVE | RESUME NODE, or ALTER DATABASE d REPLICATION FACTOR.
	AlterCluster struct {
		Node      uint64
		Departure string
		Database  string // with Factor; 0: the cluster's
		Factor    uint64
	}
	// MoveTablet is ALTER TABLE t MOVE TABLET n TO SHARD m, or … CANCEL.
	MoveTablet struct {
		Table         *ast.TableName
		Tablet, Shard uint64
		Cancel        bool
	}
	// SplitTablet is ALTER TABLE t SPLIT [TABLET n] {AT (value, …), … | INTO k TABLETS} [TO SHARD m, … | SPREAD].
	SplitTablet struct {
		Table  *ast.TableName
		Tablet uint64 // 0: the one that has the bounds
		At     string // the lists of values, as text
		Into   uint64
		Shards []uint64
		Spread bool
	}
	// MergeTablets is ALTER TABLE t MERGE TABLETS {a, b, … | ALL} [TO SHARD m].
	MergeTablets struct {
		Table   *ast.TableName
		Tablets []uint64 // nil: all
		Shard   uint64   // 0: where the first of them is
	}
	// SetColumnar is ALTER TABLE t SET COLUMNAR REPLICA n.
	SetColumnar struct {
		Table    *ast.TableName
		Replicas uint64
	}
	// Show is a form of SHOW or DESCRIBE.
	Show struct{ Stmt *ast.ShowStmt }
	// Instead is another text for the parser, which means the same.
	Instead struct{ Text string }
)

// LockItem is one table of LOCK TABLES.
type LockItem struct {
	Table *ast.TableName
	Alias string
	Write bool
}

// ReadLocks is LOCK TABLES … READ of tables.
func ReadLocks(tables []*ast.TableName) (items []LockItem) {
	for _, t := range tables {
		items = append(items, LockItem{Table: t, Alias: t.Name.O})
	}
	return items
}

// TablesOf are the tables that are to be locked.
func TablesOf(items []LockItem) (tables []*ast.TableName) {
	for _, item := range items {
		tables = append(tables, item.Table)
	}
	return tables
}

// Choice is a clause of COMMIT and ROLLBACK that may be left to completion_type.
type Choice uint8

// The choices.
const (
	Unsaid Choice = iota
	Yes
	No
)

// Or gives the choice's meaning where otherwise is that of silence.
func (c Choice) Or(otherwise bool) bool { return c == Yes || c == Unsaid && otherwise }

// IsolationLevels are transaction_isolation's values.
var IsolationLevels = []string{"READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"}

// The characteristics of the next transaction: the parser's name of SET TRANSACTION ISOLATION LEVEL, and one in its style.
const (
	OneShotIsolation = "tx_isolation_one_shot"
	OneShotAccess    = "tx_read_only_one_shot"
)

// statement is a text with what Recognise has found out about it.
type statement struct {
	text string
	rest string // behind the first word
	mode mysql.SQLMode
	words
}

type reader func(st statement) (Statement, error)

// Recognise reads the statements that the parser does not know or does not tell apart: the forms of START TRANSACTION,
// SET TRANSACTION and SET PERSIST, the WORK of BEGIN WORK, SHOW WARNINGS LIMIT, CHECK TABLE, and MySQL statements that
// are refused with 1235 where the parser would give 1064. It goes by the first words only, without a grammar: whatever
// does not fit exactly is left to the parser, which has the errors for it. nil, nil: not one of these.
func Recognise(text string, mode mysql.SQLMode) (Statement, error) {
	first, rest := firstWord(text)
	read := readers[first]
	if read == nil {
		return readDumped(text, mode)
	}
	limit := maxTokens
	switch first {
	case "lock", "load", "grant", "revoke", "signal", "get", "handler", "cache":
		limit = len(rest) // it may name any number of tables, columns, accounts or items, or be about any condition
	}
	words := tokens(rest, mode, limit)
	for n := explainWords; words == nil && n > 0 && (first == "explain" || first == "desc" || first == "describe"); n-- {
		words = tokens(rest, mode, n) // those in front of the statement's hints
	}
	if words == nil {
		return nil, nil
	}
	return read(statement{text, rest, mode, words})
}

// explainWords is up to where EXPLAIN says how it explains: ANALYZE FORMAT = TREE, and the next word.
const explainWords = 5

var readers map[string]reader

func init() {
	readers = map[string]reader{
		"begin": readBegin, "start": readStart, "commit": readEnd(true), "rollback": readEnd(false),
		"set": readSet, "show": readShow, "check": readCheck("check"), "repair": readCheck("repair"),
		"checksum": readChecksum, "flush": readFlush,
		"explain": readExplain, "desc": readExplain, "describe": readExplain,
		"lock": readLock, "unlock": readUnlock, "create": readDefinition("create", readNewAccount), "drop": readDrop, "reset": readReset, "install": readComponent(true), "uninstall": readComponent(false),
		"alter": readDefinition("alter", readCluster), "load": readLoad, "grant": readGrant, "revoke": readRevoke,
		"signal": readSignal(false), "resignal": readSignal(true), "get": readGet, "handler": readHandler,
		"cache": readCacheIndex,
	}
	for word, what := range map[string]string{
		"xa": "XA", "change": "replication",
		"purge": "binary logs",
		"clone": "CLONE", "restart": "RESTART",
		"stop": "replication", "binlog": "BINLOG", "import": "IMPORT TABLE",
	} {
		readers[word] = func(statement) (Statement, error) { return nil, mysqlerr.NotSupported(what) }
	}
}

func readBegin(w statement) (Statement, error) {
	w.take("work")
	if len(w.words) > 0 {
		return nil, nil
	}
	return Begin{}, nil
}

// readStart reads START TRANSACTION with any of its characteristics.
func readStart(w statement) (Statement, error) {
	if w.take("slave") || w.take("replica") || w.take("group_replication") {
		return nil, mysqlerr.NotSupported("replication")
	}
	if !w.take("transaction") {
		return nil, nil
	}
	var b Begin
	for first := true; first && len(w.words) > 0 || !first && w.take(","); first = false {
		switch {
		case w.take("with", "consistent", "snapshot"):
			b.Snapshot = true
		case b.Access != "OFF" && w.take("read", "only"):
			b.Access = "ON"
		case b.Access != "ON" && w.take("read", "write"):
			b.Access = "OFF"
		default:
			return nil, nil
		}
	}
	if len(w.words) > 0 {
		return nil, nil
	}
	return b, nil
}

// readEnd reads COMMIT and ROLLBACK, and of ROLLBACK TO the form with WORK.
func readEnd(commit bool) reader {
	return func(w statement) (Statement, error) {
		if !commit && w.take("work", "to") {
			return readRollbackTo(w)
		}
		w.take("work")
		f := Finish{Commit: commit}
		switch {
		case w.take("and", "no", "chain"):
			f.Chain = No
		case w.take("and", "chain"):
			f.Chain = Yes
		}
		switch {
		case w.take("no", "release"):
			f.Release = No
		case w.take("release"):
			f.Release = Yes
		}
		if len(w.words) > 0 || f.Chain == Yes && f.Release == Yes {
			return nil, nil
		}
		return f, nil
	}
}

// readRollbackTo reads what follows ROLLBACK WORK TO.
func readRollbackTo(w statement) (Statement, error) {
	if len(w.words) > 1 {
		w.take("savepoint")
	}
	name, ok := w.ident()
	if !ok || len(w.words) > 0 {
		return nil, nil
	}
	return RollbackTo{name}, nil
}

// readSet reads SET TRANSACTION; SET PERSIST, which it gives to the parser as SET GLOBAL; and SET
// @@transaction_isolation = …, which without a scope is about the next transaction only, unlike SET transaction_isolation.
func readSet(st statement) (Statement, error) {
	w := st.words
	if w.take("transaction") {
		return readCharacteristics(w, "")
	}
	if len(w) > 1 && w[0].lower == "password" {
		return readSetPassword(st)
	}
	if len(w) > 1 && w[1].lower == "transaction" {
		if scope := w[0].lower; scope == "global" || scope == "session" || scope == "local" {
			return readCharacteristics(w[2:], scope)
		}
	}
	if w.take("resource") {
		return nil, mysqlerr.NotSupported("resource groups")
	}
	b, done := strings.Builder{}, 0
	for i, t := range w {
		if (t.lower == "persist" || t.lower == "persist_only") && i+1 < len(w) && w[i+1].lower != "=" &&
			(i == 0 || w[i-1].lower == ",") {
			b.WriteString(st.rest[done:t.at])
			b.WriteString("GLOBAL")
			done = t.at + len(t.lower)
		}
		if shot := oneShots[t.lower]; shot != "" && (i == 0 || w[i-1].lower == ",") && w[i+1:].assigns() {
			b.WriteString(st.rest[done:t.at])
			b.WriteString(shot)
			done = t.at + len(t.lower)
		}
	}
	if done == 0 {
		return nil, nil
	}
	b.WriteString(st.rest[done:])
	return Instead{"SET" + b.String()}, nil
}

// oneShots are the names by which SET knows the characteristics of the next transaction.
var oneShots = map[string]string{
	"@@transaction_isolation": OneShotIsolation, "@@transaction_read_only": OneShotAccess,
}

// readCharacteristics reads what follows SET [GLOBAL | SESSION] TRANSACTION.
func readCharacteristics(w words, scope string) (Statement, error) {
	st := SetTransaction{Scope: scope}
	for first := true; first || len(w) > 0; first = false {
		if !first && !w.take(",") {
			return nil, nil
		}
		switch {
		case st.Isolation == "" && w.take("isolation", "level", "read", "uncommitted"):
			st.Isolation = IsolationLevels[0]
		case st.Isolation == "" && w.take("isolation", "level", "read", "committed"):
			st.Isolation = IsolationLevels[1]
		case st.Isolation == "" && w.take("isolation", "level", "repeatable", "read"):
			st.Isolation = IsolationLevels[2]
		case st.Isolation == "" && w.take("isolation", "level", "serializable"):
			st.Isolation = IsolationLevels[3]
		case st.Access == "" && w.take("read", "only"):
			st.Access = "ON"
		case st.Access == "" && w.take("read", "write"):
			st.Access = "OFF"
		default:
			return nil, nil
		}
	}
	return st, nil
}

// readShow reads SHOW WARNINGS LIMIT, and refuses what no answer can be made up for.
func readShow(w statement) (Statement, error) {
	st := ShowConditions{}
	switch {
	case w.take("warnings", "limit"):
	case w.take("errors", "limit"):
		st.Errors = true
	case w.take("binary", "logs"), w.take("master", "logs"):
		return nil, mysqlerr.New(mysqlerr.NoBinaryLogging)
	case w.take("binlog", "events"):
		return Show{Stmt: &ast.ShowStmt{Tp: ShowBinlogEvents}}, nil // of whichever log: there is none
	case w.take("relaylog"):
		return nil, mysqlerr.NotSupported("replication")
	case len(w.words) == 1 && w.take("replicas"), len(w.words) == 2 && w.take("slave", "hosts"):
		return Show{Stmt: &ast.ShowStmt{Tp: ShowReplicas}}, nil
	default:
		return readForm(w.text)
	}
	var nums []int
	for i, t := range w.words {
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
	switch {
	case len(nums) == 1 && len(w.words) == 1:
		st.Count = nums[0]
	case len(nums) == 2 && len(w.words) == 3 && w.words[1].lower == ",":
		st.Offset, st.Count = nums[0], nums[1]
	case len(nums) == 2 && len(w.words) == 3:
		st.Offset, st.Count = nums[1], nums[0]
	default:
		return nil, nil
	}
	return st, nil
}

// readCheck reads CHECK TABLE t, … [option …] and REPAIR TABLE.
func readCheck(op string) reader {
	return func(w statement) (Statement, error) {
		w.take("no_write_to_binlog")
		w.take("local")
		if !w.take("table") && !w.take("tables") {
			return nil, nil
		}
		st := CheckTables{Op: op}
		var ok bool
		if st.Tables, ok = w.tableNames(); !ok {
			return nil, nil
		}
		for len(w.words) > 0 {
			switch {
			case w.take("for", "upgrade"), w.take("quick"), w.take("fast"), w.take("medium"), w.take("extended"),
				w.take("changed"), w.take("use_frm"):
			default:
				return nil, nil
			}
		}
		return st, nil
	}
}

// readChecksum reads CHECKSUM TABLE t, … [QUICK | EXTENDED].
func readChecksum(st statement) (Statement, error) {
	if !st.take("table") && !st.take("tables") {
		return nil, st.syntaxError()
	}
	tables, ok := st.tableNames()
	if !ok {
		return nil, st.syntaxError()
	}
	n := ChecksumTables{Tables: tables, Quick: st.take("quick")}
	if !n.Quick {
		st.take("extended")
	}
	if len(st.words) > 0 {
		return nil, st.syntaxError()
	}
	return n, nil
}

// readFlush reads FLUSH with several options, and those that the parser does not know; tables are left to the parser.
func readFlush(st statement) (Statement, error) {
	_ = st.take("local") || st.take("no_write_to_binlog")
	if st.take("table") || st.take("tables") {
		if n := len(st.words); n > 2 && st.words[n-2].lower == "for" && st.words[n-1].lower == "export" {
			return nil, mysqlerr.NotSupported("FLUSH TABLES … FOR EXPORT")
		}
		return nil, nil
	}
	read := Flush{}
	for {
		switch {
		case st.take("privileges"):
			read.Privileges = true
		case st.take("user_resources"):
			read.Resources = true
		case st.take("binary", "logs"), st.take("engine", "logs"), st.take("error", "logs"), st.take("general", "logs"), st.take("slow", "logs"),
			st.take("hosts"), st.take("logs"), st.take("optimizer_costs"), st.take("status"):
		case st.take("relay", "logs"):
			if len(st.words) > 0 && st.words[0].lower == "for" {
				return nil, mysqlerr.NotSupported("replication")
			}
		default:
			return nil, st.syntaxError()
		}
		if len(st.words) == 0 {
			return read, nil
		}
		if !st.take(",") {
			return nil, st.syntaxError()
		}
	}
}

// readLock reads LOCK TABLES t [AS alias] READ [LOCAL] | [LOW_PRIORITY] WRITE, …, and LOCK INSTANCE FOR BACKUP.
func readLock(w statement) (Statement, error) {
	if w.take("instance") {
		if w.take("for") && w.take("backup") && len(w.words) == 0 {
			return LockInstance{Lock: true}, nil
		}
		return nil, nil
	}
	if !w.take("tables") && !w.take("table") || len(w.words) == 0 {
		return nil, nil
	}
	var items []LockItem
	for {
		item, ok := w.lockItem()
		if !ok {
			return nil, nil
		}
		items = append(items, item)
		if !w.take(",") {
			break
		}
	}
	if len(w.words) > 0 {
		return nil, nil
	}
	return LockTables{items}, nil
}

// readUnlock reads UNLOCK INSTANCE.
func readUnlock(w statement) (Statement, error) {
	if w.take("instance") && len(w.words) == 0 {
		return LockInstance{}, nil
	}
	return nil, nil
}

func (w *words) lockItem() (item LockItem, ok bool) {
	t, ok := w.tableName()
	if !ok {
		return item, false
	}
	item = LockItem{Table: t, Alias: t.Name.O}
	switch {
	case w.lockKind(&item.Write):
		return item, true
	case w.take("as"):
	}
	if item.Alias, ok = w.ident(); !ok {
		return item, false
	}
	return item, w.lockKind(&item.Write)
}

func (w *words) lockKind(write *bool) bool {
	if w.take("read") {
		w.take("local")
		return true
	}
	w.take("low_priority")
	*write = w.take("write")
	return *write
}

// parsedFormats are the formats of EXPLAIN that the parser reads as words.
var parsedFormats = map[string]bool{"json": true, "traditional": true, "row": true}

// readExplain reads EXPLAIN [ANALYZE] FORMAT=TREE, BRIEF and unknown ones, which the parser wants quoted, and EXPLAIN EXTENDED and PARTITIONS.
func readExplain(st statement) (Statement, error) {
	w, from, verb, format := st.words, 0, "EXPLAIN ", ""
	if len(w) > 1 && w[0].lower == "analyze" && w[1].lower != "." {
		w, verb = w[1:], "EXPLAIN ANALYZE "
	}
	switch {
	case len(w) > 3 && w[0].lower == "format" && w[1].lower == "=" && w[2].word() != "" && !parsedFormats[w[2].lower]:
		from, format = 3, "FORMAT='"+w[2].lower+"' "
	case len(w) > 1 && (w[0].lower == "extended" || w[0].lower == "partitions") && w[1].lower != ".":
		from = 1
	default:
		return readForm(st.text)
	}
	return Instead{verb + format + st.rest[w[from].at:]}, nil
}

// readForm reads the forms of SHOW and DESCRIBE that the parser lacks.
func readForm(text string) (Statement, error) {
	n, err := ReadShow(text)
	if n == nil || err != nil {
		return nil, err
	}
	return Show{n}, nil
}

// readDefinition reads CREATE and ALTER of views, and refuses what does not exist here.
func readDefinition(first string, otherwise reader) reader {
	return func(st statement) (Statement, error) {
		if st.namesView() {
			return readView(st, first)
		}
		return otherwise(st)
	}
}

// readRefused finds the objects of MySQL that do not exist here.
func readRefused(st statement) (Statement, error) {
	w := st.words
	w.take("or", "replace")
	if w.take("definer", "=") {
		for len(w) > 0 && w[0].lower != "trigger" && w[0].lower != "function" && w[0].lower != "event" &&
			w[0].lower != "procedure" && w[0].lower != "sql" {
			w = w[1:]
		}
		w.take("sql", "security", "definer")
		w.take("sql", "security", "invoker")
	}
	w.take("aggregate")
	for _, r := range [...][2]string{
		{"trigger", "triggers"}, {"event", "events"}, {"function", "stored functions"}, {"procedure", "stored procedures"},
		{"tablespace", "tablespaces"}, {"undo", "tablespaces"}, {"server", "FEDERATED servers"},
		{"logfile", "log file groups"}, {"resource", "resource groups"}, {"spatial", "spatial types"},
		{"instance", "ALTER INSTANCE"},
	} {
		if w.take(r[0]) {
			return nil, mysqlerr.NotSupported(r[1])
		}
	}
	return nil, nil
}

// readDumped finds what does not exist here in the comments of dumps: /*!50003 CREATE*/ … /*!50003 TRIGGER … */.
func readDumped(text string, mode mysql.SQLMode) (Statement, error) {
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "/*!") {
		return nil, nil
	}
	st := statement{text, text, mode, tokens(text, mode, maxTokens)}
	switch {
	case st.take("create"):
		return readRefused(st)
	case st.take("drop"):
		return readDrop(st)
	}
	return nil, nil
}

// readCluster reads ALTER CLUSTER, which only this program has.
func readCluster(st statement) (Statement, error) {
	w := st.words
	if w.take("table") {
		return readTablets(st), nil
	}
	if w.take("database") || w.take("schema") {
		return readFactor(w), nil
	}
	if !w.take("cluster") {
		return readAccount(st)
	}
	for _, what := range [...]string{"drain", "remove", "resume"} {
		if w.take(what, "node") && len(w) == 1 {
			id, err := strconv.ParseUint(w[0].raw, 10, 64)
			if err != nil {
				return nil, nil
			}
			return AlterCluster{Node: id, Departure: what}, nil
		}
	}
	return nil, nil
}

// readFactor reads d REPLICATION FACTOR {[=] n | DEFAULT}.
func readFactor(w words) Statement {
	db, ok := w.ident()
	if !ok || !w.take("replication", "factor") {
		return nil
	}
	n := AlterCluster{Database: db}
	if !w.take("default") {
		w.take("=")
		if n.Factor, ok = w.number(); !ok || n.Factor == 0 {
			return nil
		}
	}
	if len(w) > 0 {
		return nil
	}
	return n
}

// LockItems reads what the parser, which knows no aliases here, made of LOCK TABLES.
func LockItems(n *ast.LockTablesStmt) []LockItem {
	items := make([]LockItem, len(n.TableLocks))
	for i, l := range n.TableLocks {
		write := l.Type == ast.TableLockWrite || l.Type == ast.TableLockWriteLocal
		items[i] = LockItem{Table: l.Table, Alias: l.Table.Name.O, Write: write}
	}
	return items
}

// FinishOf is a COMMIT or ROLLBACK that the parser has read.
func FinishOf(commit bool, c ast.CompletionType) Finish {
	n := Finish{Commit: commit}
	switch c {
	case ast.CompletionTypeChain:
		n.Chain = Yes
	case ast.CompletionTypeRelease:
		n.Release = Yes
	}
	return n
}

// IsStatement tells whether a text can be read.
func IsStatement(text string, mode mysql.SQLMode) bool {
	known, err := Recognise(text, mode)
	if known == nil && err == nil {
		_, err = syntax.Parse(text, syntax.Options{Mode: mode})
	}
	return err == nil
}
