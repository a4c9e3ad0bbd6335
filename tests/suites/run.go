package suites

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// outcome is what a server answered.
type outcome struct {
	code    uint16 // 0: no error
	message string
	columns []string
	rows    [][]string
	lost    bool // the connection, or the time
}

// side is one server and its state of a file.
type side struct {
	pool  *sql.DB
	conns map[string]*conn
	vars  map[string]string
}

type conn struct {
	*sql.Conn
	pending chan outcome
}

const patience = 8 * time.Second

// Result is a statement's outcome.
type Result struct {
	File, Statement, Reason string // Reason is empty if both agree
	Line                    int
	Codes                   [2]uint16 // the reference's and ours; 0: no error
	Messages                [2]string
	Alike                   bool // but for MariaDB's form of values
}

type runner struct {
	sides   [2]*side // the reference, and what is tested
	current string   // connection
	root    string   // where included files are
	file    string
	sort    bool  // the next statement's rows are in any order
	masked  []int // columns that are not compared; -1: nothing is
	blocks  []block
	results []Result
	globals []string // variables that were set for all sessions
	depth   int      // of included files
}

// block is an if or a while that is open.
type block struct {
	skip  bool
	while string // the condition
	from  int    // where a while begins
	line  int
	turns int
}

var errStop = errors.New("the file can't be followed further")

const sqlMode = "sql_mode='STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

var setup = []string{
	"SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
	"SET SESSION " + sqlMode + ", SESSION time_zone='+03:00'",
}

// globals are what SET sql_mode = DEFAULT means, and the character set of databases that name none.
var globals = []string{
	"SET GLOBAL " + sqlMode,
	"SET GLOBAL character_set_server=utf8mb4, GLOBAL collation_server=utf8mb4_general_ci",
}

// Run runs a file and gives the result of each statement that was run.
func Run(reference, tested *sql.DB, root, path string) (results []Result, err error) {
	r := &runner{root: root, file: filepath.Base(path), current: "default"}
	for i, pool := range []*sql.DB{reference, tested} {
		r.sides[i] = &side{pool: pool, conns: map[string]*conn{}, vars: map[string]string{}}
		if err := clean(pool); err != nil {
			return nil, err
		}
		for _, q := range globals {
			if _, err := pool.Exec(q); err != nil {
				return nil, err
			}
		}
	}
	defer r.close()
	if err := r.connect("default", "", "test"); err != nil {
		return nil, err
	}
	defer func() { results = r.results }()
	return nil, r.include(path)
}

// clean leaves a server with an empty database test.
func clean(pool *sql.DB) error {
	rows, err := pool.Query("SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ('mysql','sys','information_schema','performance_schema')")
	if err != nil {
		return err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, name := range names {
		if _, err := pool.ExecContext(ctx, "DROP DATABASE `"+strings.ReplaceAll(name, "`", "``")+"`"); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	if users, err := pool.Query("SELECT CONCAT(QUOTE(user),'@',QUOTE(host)) FROM mysql.user WHERE user NOT IN ('root','mariadb.sys','mysql')"); err == nil {
		var list []string
		for users.Next() {
			var u string
			if users.Scan(&u) == nil {
				list = append(list, u)
			}
		}
		for _, u := range list {
			_, _ = pool.ExecContext(ctx, "DROP USER "+u) // some belong to the server
		}
	}
	_, err = pool.ExecContext(ctx, "CREATE DATABASE test CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	return err
}

func (r *runner) close() {
	for _, s := range r.sides {
		for _, c := range s.conns {
			c.drop()
		}
	}
	for _, g := range r.globals {
		for _, s := range r.sides {
			_, _ = s.pool.Exec("SET GLOBAL " + g + " = DEFAULT") // what one server doesn't know, it has not set
		}
	}
}

// drop ends a connection; the pools keep none, so that what it holds goes.
func (c *conn) drop() {
	if c.pending != nil {
		<-c.pending
	}
	_ = c.Close()
}

func (r *runner) connect(name, user, db string) error {
	if user != "" && user != "root" {
		return errStop // accounts of the file's own
	}
	for _, s := range r.sides {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := s.pool.Conn(ctx)
		if err != nil {
			return err
		}
		s.conns[name] = &conn{Conn: c}
		for _, q := range append(slices.Clone(setup), "USE "+db) {
			if _, err := c.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
	}
	r.current = name
	return nil
}

func (r *runner) include(path string) error {
	if r.depth++; r.depth > 10 {
		return errStop
	}
	defer func() { r.depth-- }()
	rd, err := open(path)
	if err != nil {
		return errStop
	}
	base := len(r.blocks)
	for {
		c, ok := rd.next()
		if !ok {
			return nil
		}
		if err := r.follow(rd, c, base); err != nil {
			return err
		}
	}
}

// follow takes a command of a file that began at a depth of base blocks.
func (r *runner) follow(rd *reader, c command, base int) error {
	word, rest := c.split()
	switch {
	case c.text == "{":
		return nil
	case c.text == "}":
		return r.endBlock(rd, base)
	case word == "if" || word == "while":
		r.beginBlock(rd, word == "while", strings.TrimSuffix(strings.TrimPrefix(rest, "("), ")"))
		return nil
	case word == "perl" || word == "write_file" || word == "append_file":
		rd.skipDocument(word, rest)
		return nil
	case r.skipping():
		return nil
	case word == "delimiter":
		if rd.delimiter = rest; rest == "" {
			return errStop
		}
		return nil
	}
	return r.do(c, word, rest)
}

func (r *runner) skipping() bool {
	return slices.ContainsFunc(r.blocks, func(b block) bool { return b.skip })
}

func (r *runner) beginBlock(rd *reader, while bool, cond string) {
	b := block{skip: r.skipping() || !r.holds(cond)}
	if rd.skipSpace(); rd.pos < len(rd.text) && rd.text[rd.pos] == '{' {
		rd.pos++
	}
	if while {
		b.while, b.from, b.line = cond, rd.pos, rd.line
	}
	r.blocks = append(r.blocks, b)
}

const maxTurns = 300

func (r *runner) endBlock(rd *reader, base int) error {
	if len(r.blocks) <= base {
		return errStop
	}
	b := &r.blocks[len(r.blocks)-1]
	if b.while == "" || b.skip || !r.holds(b.while) {
		r.blocks = r.blocks[:len(r.blocks)-1]
		return nil
	}
	if b.turns++; b.turns > maxTurns {
		return errStop
	}
	rd.pos, rd.line = b.from, b.line
	return nil
}

func (r *runner) do(c command, word, rest string) error {
	switch word {
	case "let":
		return r.let(rest)
	case "inc", "dec":
		step := 1
		if word == "dec" {
			step = -1
		}
		for _, s := range r.sides {
			n, _ := strconv.Atoi(s.vars[rest])
			s.vars[rest] = strconv.Itoa(n + step)
		}
	case "eval", "evalp", "query", "query_vertical", "query_horizontal":
		r.statement(c, rest)
	case "send", "send_eval":
		r.send(rest)
	case "reap":
		r.reap(c)
	case "sorted_result", "partially_sorted_result":
		r.sort = true
	case "replace_column":
		f := strings.Fields(rest)
		for i := 0; i < len(f); i += 2 {
			if n, err := strconv.Atoi(f[i]); err == nil {
				r.masked = append(r.masked, n-1)
			}
		}
	case "replace_result", "replace_regex":
		r.masked = append(r.masked, -1)
	case "source":
		return r.source(rest)
	case "connect":
		return r.connectCommand(rest)
	case "connection":
		if r.sides[0].conns[rest] == nil {
			return errStop
		}
		r.current = rest
	case "disconnect", "dirty_close":
		for _, s := range r.sides {
			if c := s.conns[rest]; c != nil {
				c.drop()
				delete(s.conns, rest)
			}
		}
	case "exit", "skip", "die", "change_user", "shutdown_server", "reset_connection":
		return errStop
	case "disable_query_log", "enable_query_log", "echo", "error", "exec", "system":
	default:
		if !words.MatchString(c.text) {
			r.statement(c, c.text)
		}
	}
	return nil
}

func (r *runner) source(rest string) error {
	name := filepath.Base(strings.TrimSpace(rest))
	switch {
	case strings.HasPrefix(name, "have_"), strings.HasPrefix(name, "not_"), strings.Contains(name, "count_sessions"), strings.HasPrefix(name, "default_"),
		strings.HasPrefix(name, "long_"), strings.HasPrefix(name, "big_"), strings.HasPrefix(name, "mtr_"), strings.HasPrefix(name, "no_"):
		return nil
	case strings.HasPrefix(name, "wait"):
		time.Sleep(300 * time.Millisecond)
		return nil
	case strings.HasPrefix(name, "restart"), strings.HasPrefix(name, "kill"), strings.HasPrefix(name, "master-slave"), strings.HasPrefix(name, "shutdown"):
		return errStop
	}
	for _, dir := range []string{r.root, filepath.Dir(r.root), "/usr/share/mysql/mysql-test"} {
		if p := filepath.Join(dir, strings.TrimSpace(rest)); fileExists(p) {
			return r.include(p)
		}
	}
	return errStop
}

func fileExists(p string) bool { _, err := os.Stat(p); return err == nil }

var connectForm = regexp.MustCompile(`(?s)^\(?\s*([^,\s]+)\s*,([^,]*),([^,]*),([^,]*),?([^,)]*)`)

func (r *runner) connectCommand(rest string) error {
	m := connectForm.FindStringSubmatch(r.expand(0, rest))
	if m == nil {
		return errStop
	}
	db := strings.TrimSpace(strings.Trim(m[5], ")"))
	if db == "" || strings.HasPrefix(db, "*") {
		db = "test"
	}
	return r.connect(m[1], strings.TrimSpace(m[3]), db)
}

var variable = regexp.MustCompile(`\$[A-Za-z_][A-Za-z0-9_]*`)

func (r *runner) expand(i int, text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		if value, ok := r.sides[i].vars[v]; ok {
			return value
		}
		return v
	})
}

var getValue = regexp.MustCompile(`(?is)^query_get_value\s*\((.*),\s*([^,]+),\s*(\d+)\s*\)$`)

func (r *runner) let(rest string) error {
	name, value, ok := strings.Cut(rest, "=")
	if !ok {
		return errStop
	}
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !strings.HasPrefix(name, "$") {
		name = "$" + name
	}
	for i, s := range r.sides {
		s.vars[name] = r.value(i, value)
	}
	return nil
}

func (r *runner) value(i int, value string) string {
	value = r.expand(i, value)
	if strings.HasPrefix(value, "`") {
		if o := r.sides[i].run(r.current, strings.Trim(value, "`")); len(o.rows) > 0 {
			return strings.Join(o.rows[0], "\t")
		}
		return ""
	}
	if m := getValue.FindStringSubmatch(value); m != nil {
		o := r.sides[i].run(r.current, strings.Trim(strings.TrimSpace(m[1]), `"'`))
		n, _ := strconv.Atoi(m[3])
		j := slices.IndexFunc(o.columns, func(c string) bool { return strings.EqualFold(c, strings.TrimSpace(m[2])) })
		if j >= 0 && n >= 1 && n <= len(o.rows) {
			return o.rows[n-1][j]
		}
		return "No such row"
	}
	return value
}

var comparison = regexp.MustCompile(`(?s)^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$`)

// holds evaluates a condition on the reference's variables.
func (r *runner) holds(cond string) bool {
	cond = strings.TrimSpace(cond)
	not := strings.HasPrefix(cond, "!") && !strings.HasPrefix(cond, "!=")
	cond = strings.TrimSpace(strings.TrimPrefix(cond, "!"))
	var yes bool
	if m := comparison.FindStringSubmatch(cond); m != nil && !strings.HasPrefix(cond, "`") {
		a, b := strings.Trim(r.value(0, m[1]), `'"`), strings.Trim(r.value(0, m[3]), `'"`)
		x, ex := strconv.ParseFloat(a, 64)
		y, ey := strconv.ParseFloat(b, 64)
		c := strings.Compare(a, b)
		if ex == nil && ey == nil {
			c = 0
			if x < y {
				c = -1
			} else if x > y {
				c = 1
			}
		}
		yes = map[string]bool{"==": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[m[2]]
	} else {
		v := r.value(0, cond)
		yes = v != "" && v != "0" && !strings.HasPrefix(v, "$")
	}
	return yes != not
}

func (s *side) run(name, query string) outcome {
	c := s.conns[name]
	if c.pending != nil {
		o := <-c.pending
		c.pending = nil
		if o.lost {
			return o
		}
	}
	return c.run(query)
}

func (c *conn) run(query string) (o outcome) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fail := func(err error) outcome {
		var e *mysql.MySQLError
		if errors.As(err, &e) {
			return outcome{code: e.Number, message: e.Message}
		}
		return outcome{code: 1, message: err.Error(), lost: true}
	}
	rows, err := c.QueryContext(ctx, query)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = rows.Close() }()
	if o.columns, err = rows.Columns(); err != nil {
		return fail(err)
	}
	cells := make([]sql.RawBytes, len(o.columns))
	into := make([]any, len(cells))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fail(err)
		}
		row := make([]string, len(cells))
		for i, b := range cells {
			row[i] = "NULL"
			if b != nil {
				row[i] = string(b)
			}
		}
		o.rows = append(o.rows, row)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return o
}

func (r *runner) send(query string) {
	if query == "" {
		return
	}
	for i, s := range r.sides {
		c := s.conns[r.current]
		c.pending = make(chan outcome, 1)
		q := r.expand(i, query)
		go func(done chan outcome) { done <- c.run(q) }(c.pending)
	}
	time.Sleep(50 * time.Millisecond)
}

func (r *runner) reap(c command) {
	var got [2]outcome
	for i, s := range r.sides {
		if p := s.conns[r.current].pending; p != nil {
			got[i] = <-p
			s.conns[r.current].pending = nil
		}
	}
	r.note(c, "reap", got)
}

var setGlobal = regexp.MustCompile(`(?i)(?:\bglobal\s+|@@global\.)([a-z_0-9.]+)\s*:?=`)

func (r *runner) statement(c command, query string) {
	var got [2]outcome
	for i, s := range r.sides {
		q := r.expand(i, query)
		if i == 1 {
			q = r.inMySQL(q, got[0].code == 0)
		}
		got[i] = s.run(r.current, q)
		if i == 0 {
			for _, m := range setGlobal.FindAllStringSubmatch(q, -1) {
				r.globals = append(r.globals, m[1])
			}
		}
	}
	r.note(c, r.expand(1, query), got)
	r.repair(r.expand(1, query), got)
}

var (
	orReplace = regexp.MustCompile(`(?is)^create\s+or\s+replace\s+((?:temporary\s+)?table)\s+((?:if\s+not\s+exists\s+)?)([^\s(]+)`)
	forOne    = regexp.MustCompile(`(?is)^set\s+statement\s+(?:[^'"]|'[^']*'|"[^"]*")*?\s+for\s+`)
	grantTo   = regexp.MustCompile(`(?is)^grant\s.*\son\s.*\sto\s+([^\s,@;]+(?:@[^\s,;]+)?(?:\s*,\s*[^\s,@;]+(?:@[^\s,;]+)?)*)`)
	dropTable = regexp.MustCompile(`(?i)^drop\s+(temporary\s+)?(tables?|view)\s+(?:if\s+exists\s+)?`)
)

// inMySQL gives a statement of MariaDB's, which it has done or refused, in MySQL's language, where other statements rest on what it makes.
func (r *runner) inMySQL(query string, done bool) string {
	if m := orReplace.FindStringSubmatch(query); m != nil {
		r.sides[1].run(r.current, "DROP TABLE IF EXISTS "+m[3])
		return "CREATE " + m[1] + " " + m[2] + m[3] + query[len(m[0]):]
	}
	if m := grantTo.FindStringSubmatch(query); m != nil && done {
		r.sides[1].run(r.current, "CREATE USER IF NOT EXISTS "+m[1])
	}
	return query[len(forOne.FindString(query)):]
}

// repair lets the file go on after a statement that only the reference could follow: DROP TABLE of several, some of which are missing, and
// connections that were lost.
func (r *runner) repair(query string, got [2]outcome) {
	if got[0].lost || got[1].lost {
		for _, s := range r.sides {
			s.conns[r.current].drop()
		}
		_ = r.connect(r.current, "", "test")
		return
	}
	if m := dropTable.FindString(query); m != "" && got[0].code == 0 && got[1].code != 0 {
		r.sides[1].run(r.current, strings.TrimRight(m, " ")+map[bool]string{true: " ", false: " IF EXISTS "}[strings.Contains(strings.ToLower(m), "exists")]+query[len(m):])
	}
}

func (r *runner) note(c command, query string, got [2]outcome) {
	sorted := r.sort || !regexp.MustCompile(`(?i)\border\s+by\b`).MatchString(query)
	reason := differ(got[0], got[1], sorted, r.masked)
	r.results = append(r.results, Result{r.file, query, reason, c.line, [2]uint16{got[0].code, got[1].code},
		[2]string{got[0].message, got[1].message}, reason != "" && looks(got[0], got[1])})
	r.sort, r.masked = false, nil
}

// differ says how two answers differ; empty if they agree.
func differ(want, got outcome, sorted bool, masked []int) string {
	switch {
	case want.lost && got.lost:
		return ""
	case got.lost:
		return "LOST " + got.message
	case want.code != 0 && got.code != 0 && want.code != got.code:
		return fmt.Sprintf("error %d instead of %d: %s | %s", got.code, want.code, got.message, want.message)
	case want.code != 0 && got.code == 0:
		return fmt.Sprintf("no error %d: %s", want.code, want.message)
	case got.code != 0 && want.code == 0:
		return fmt.Sprintf("error %d: %s", got.code, got.message)
	case want.code != 0:
		return ""
	case len(want.columns) != len(got.columns):
		return fmt.Sprintf("columns: %d instead of %d", len(got.columns), len(want.columns))
	case len(want.rows) != len(got.rows):
		return fmt.Sprintf("rows: %d instead of %d", len(got.rows), len(want.rows))
	case slices.Contains(masked, -1):
		return ""
	}
	a, b := slices.Clone(want.rows), slices.Clone(got.rows)
	if sorted {
		slices.SortFunc(a, slices.Compare[[]string])
		slices.SortFunc(b, slices.Compare[[]string])
	}
	for i := range a {
		for j := range a[i] {
			if !slices.Contains(masked, j) && !same(a[i][j], b[i][j]) {
				x, y := telling(a[i][j], b[i][j])
				return fmt.Sprintf("value %s: %.60q instead of %.60q", want.columns[j], y, x)
			}
		}
	}
	if !slices.EqualFunc(want.columns, got.columns, strings.EqualFold) {
		return fmt.Sprintf("heading: %q instead of %q", got.columns, want.columns)
	}
	return ""
}

// telling gives the parts of two texts that tell them apart: of definitions, the first line that is not only written in another way.
func telling(a, b string) (string, string) {
	if !strings.HasPrefix(a, "CREATE") || !strings.HasPrefix(b, "CREATE") {
		at := parting(a, b)
		return a[at:], b[at:]
	}
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := 0; i < min(len(x), len(y)); i++ {
		if p, q := folded(x[i]), folded(y[i]); p != q {
			at := parting(p, q)
			return p[at:], q[at:]
		}
	}
	return fmt.Sprint(len(x), " lines"), fmt.Sprint(len(y), " lines")
}

// parting gives where two texts are told apart best: a little before their first difference.
func parting(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n < 40 {
		return 0
	}
	return n - 20
}

func same(a, b string) bool {
	if a == b {
		return true
	}
	x, e1 := strconv.ParseFloat(a, 64)
	y, e2 := strconv.ParseFloat(b, 64)
	return e1 == nil && e2 == nil && strings.ContainsAny(a+b, ".e") && (x == y || abs(x-y) <= 1e-9*max(abs(x), abs(y)))
}

func abs(x float64) float64 { return max(x, -x) }
