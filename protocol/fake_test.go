package protocol

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/sql"
	"cloudsql/sql/auth"
	"cloudsql/storage/collation"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// fakeEngine answers a handful of statements, enough to drive the wire with real clients:
//
//	rows N W         N rows of (id BIGINT, name VARCHAR filled to W characters)
//	types            one row with a column of every type
//	echo ?, ?, …     the parameters, in columns typed after them
//	fail CODE        an error
//	fail late CODE   an error behind a header and one row
//	wait             runs until it is cancelled, and tells why
//	panic            panics
//	open             a result that is never finished
//	say TEXT         TEXT, in a column of characters
//	anything else    OK, with affected rows, insert id, warnings and info
type fakeEngine struct {
	flushed  atomic.Pointer[string] // the last FLUSH statement
	accounts map[string]sql.Account
	timeout  time.Duration
	stalled  time.Duration   // net_read_timeout
	latin1   bool            // what sessions take and give
	packet   int             // bytes of one request; 0: 64 MiB
	most     atomic.Int64    // connections; 0: as the server is configured
	process  *memory.Account // that sessions are charged below; may be nil

	mu       sync.Mutex
	sessions map[*fakeSession]struct{}
	closed   int
	waiting  chan struct{} // one for each "wait" that has begun
	wait     chan error    // how each "wait" ended
}

func newFakeEngine(t testing.TB) *fakeEngine {
	t.Helper()
	secret := func(plugin, password string) []byte {
		s, err := auth.Hash(plugin, password)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return &fakeEngine{
		sessions: map[*fakeSession]struct{}{},
		waiting:  make(chan struct{}, 100),
		wait:     make(chan error, 100),
		accounts: map[string]sql.Account{
			"root":    {User: "root", Host: "localhost", Plugin: auth.Sha2, LoopbackOnly: true},
			"sha2":    {User: "sha2", Host: "%", Plugin: auth.Sha2, Secret: secret(auth.Sha2, "s3cret")},
			"native":  {User: "native", Host: "%", Plugin: auth.Native, Secret: secret(auth.Native, "s3cret")},
			"locked":  {User: "locked", Host: "%", Plugin: auth.Native, Secret: secret(auth.Native, "s3cret"), Locked: true},
			"expired": {User: "expired", Host: "%", Plugin: auth.Native, Secret: secret(auth.Native, "s3cret"), Expired: true},
			"two":     {User: "two", Host: "%", Plugin: auth.Native, Secret: secret(auth.Native, "s3cret"), Retained: secret(auth.Native, "older")},
			"twosha":  {User: "twosha", Host: "%", Plugin: auth.Sha2, Secret: secret(auth.Sha2, "s3cret"), Retained: secret(auth.Sha2, "older")},
		},
	}
}

func (e *fakeEngine) Admit(*sql.Account, bool) error { return nil }

func (e *fakeEngine) Lookup(user, _ string) (sql.Account, bool) {
	a, ok := e.accounts[user]
	return a, ok
}

func (e *fakeEngine) ServerVersion() string { return "8.0.36-cloudsql-test" }
func (e *fakeEngine) Status() string        { return "Uptime: 1  Threads: 1" }

func (e *fakeEngine) Open(_ context.Context, c *sql.ConnInfo) (sql.Session, error) {
	if c.DB == "missing" {
		return nil, mysqlerr.New(mysqlerr.BadDB, c.DB)
	}
	s := &fakeSession{engine: e, info: c}
	if e.process != nil {
		s.account = new(memory.Account)
		s.account.Open(e.process, memory.Session, "session", 0)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions[s] = struct{}{}
	return s, nil
}

// limitedEngine is one that says how many connections there may be.
type limitedEngine struct{ *fakeEngine }

func (e limitedEngine) MaxConnections() int { return int(e.most.Load()) }

func (s *fakeSession) Memory() *memory.Account { return s.account }

type fakeSession struct {
	account *memory.Account // nil: nobody is charged
	engine  *fakeEngine
	info    *sql.ConnInfo
	lastID  uint32
	one     sql.Header
	row     []types.Value
	inTx    bool
}

type fakeStmt struct {
	id     uint32
	text   string
	header *sql.Header
}

func (s *fakeStmt) ID() uint32          { return s.id }
func (s *fakeStmt) ParamCount() int     { return strings.Count(s.text, "?") }
func (s *fakeStmt) Header() *sql.Header { return s.header }
func (s *fakeStmt) Close()              {}

func column(name string, t types.Type, flags uint) sql.Column {
	return sql.Column{Schema: "db", Table: "t", OrgTable: "t", Name: name, OrgName: name, Type: t, Flags: uint16(flags)}
}

// Limits are generous, and root is an administrator.
func (s *fakeSession) Limits() sql.Limits {
	most := 64 << 20
	if s.engine.packet > 0 {
		most = s.engine.packet
	}
	return sql.Limits{MaxAllowedPacket: most, Administrator: s.info.Account.User == "root"}
}

func (s *fakeSession) outcome() *sql.Outcome {
	flags, _ := s.Status()
	return &sql.Outcome{Status: flags}
}

func (s *fakeSession) Status() (uint16, int) {
	flags := mysql.SERVER_STATUS_AUTOCOMMIT
	if s.inTx {
		flags |= mysql.SERVER_STATUS_IN_TRANS
	}
	return flags, 0
}

func (s *fakeSession) Query(ctx context.Context, text string, w sql.ResultWriter) error {
	if s.info.Capabilities&mysql.CLIENT_MULTI_STATEMENTS == 0 {
		return s.run(ctx, text, nil, w)
	}
	parts := strings.Split(strings.TrimSuffix(text, ";"), ";")
	for i, part := range parts {
		more := &moreWriter{ResultWriter: w, more: i < len(parts)-1}
		if err := s.run(ctx, strings.TrimSpace(part), nil, more); err != nil {
			return err
		}
	}
	return nil
}

// moreWriter sets More on every result.
type moreWriter struct {
	sql.ResultWriter
	more bool
}

func (m *moreWriter) Done(o *sql.Outcome) error {
	o.More = m.more
	return m.ResultWriter.Done(o)
}

func (s *fakeSession) run(ctx context.Context, text string, params []types.Value, w sql.ResultWriter) error {
	words := strings.Fields(text + " _ _")
	number := func(i int) int { n, _ := strconv.Atoi(words[i]); return n }
	switch words[0] {
	case "one":
		return s.oneRow(w)
	case "load":
		return s.load(ctx, words[1], w)
	case "rows":
		return s.rows(number(1), number(2), w)
	case "types":
		return s.types(w)
	case "echo":
		return s.echo(params, w)
	case "fail":
		if words[1] == "late" {
			if err := w.Header(&sql.Header{Columns: []sql.Column{column("a", types.TypeInt, 0)}}); err != nil {
				return err
			}
			if err := w.Row([]types.Value{types.Int(1)}); err != nil {
				return err
			}
			return mysqlerr.Newf(uint16(number(2)), "late failure")
		}
		return mysqlerr.Newf(uint16(number(1)), "early failure")
	case "wait":
		s.engine.waiting <- struct{}{}
		<-ctx.Done()
		s.engine.wait <- context.Cause(ctx)
		return ctx.Err()
	case "slow": // finishes by itself, but only once the test says so
		s.engine.waiting <- struct{}{}
		<-s.engine.wait
		return w.Done(s.outcome())
	case "FLUSH":
		s.engine.flushed.Store(&text)
		return w.Done(s.outcome())
	case "panic":
		panic("as asked for")
	case "open":
		return w.Header(&sql.Header{Columns: []sql.Column{column("a", types.TypeInt, 0)}})
	case "say":
		return s.echo([]types.Value{types.Str(strings.TrimPrefix(text, "say "))}, w)
	case "begin":
		s.inTx = true
		return w.Done(s.outcome())
	}
	flags, _ := s.Status()
	return w.Done(&sql.Outcome{AffectedRows: 3, LastInsertID: 1 << 40, Info: "Rows matched: 3  Changed: 3  Warnings: 2",
		Warnings: 2, Status: flags})
}

// oneRow is the benchmark's statement: a kept header, no allocation.
func (s *fakeSession) oneRow(w sql.ResultWriter) error {
	if s.one.Columns == nil {
		s.one.Columns = []sql.Column{
			column("id", types.TypeInt, mysql.NOT_NULL_FLAG|mysql.PRI_KEY_FLAG),
			column("c", types.Type{ID: mysql.MYSQL_TYPE_STRING, Length: 120, Collation: collation.Default}, mysql.NOT_NULL_FLAG),
		}
		s.row = []types.Value{types.Int(123456), types.Str(strings.Repeat("x", 119))}
	}
	if err := w.Header(&s.one); err != nil {
		return err
	}
	if err := w.Row(s.row); err != nil {
		return err
	}
	return w.Done(&sql.Outcome{Status: mysql.SERVER_STATUS_AUTOCOMMIT})
}

func (s *fakeSession) rows(n, width int, w sql.ResultWriter) error {
	h := &sql.Header{Columns: []sql.Column{
		column("id", types.TypeInt, 0),
		column("name", types.Type{ID: mysql.MYSQL_TYPE_VARCHAR, Length: 100, Collation: collation.Default}, 0),
	}}
	if err := w.Header(h); err != nil {
		return err
	}
	fill := strings.Repeat("x", width)
	for i := range n {
		if err := w.Row([]types.Value{types.Int(int64(i)), types.Str(fill)}); err != nil {
			return err
		}
	}
	return w.Done(s.outcome())
}

func (s *fakeSession) echo(params []types.Value, w sql.ResultWriter) error {
	h := &sql.Header{}
	for i, p := range params {
		h.Columns = append(h.Columns, column(fmt.Sprint("p", i+1), echoType(p), 0))
	}
	if err := w.Header(h); err != nil {
		return err
	}
	if err := w.Row(params); err != nil {
		return err
	}
	return w.Done(s.outcome())
}

func echoType(v types.Value) types.Type {
	switch v.Kind() {
	case types.KindInt:
		return types.TypeInt
	case types.KindUint:
		return types.TypeUint
	case types.KindFloat:
		return types.TypeDouble
	case types.KindBytes:
		return types.TypeBytes
	case types.KindDate:
		return types.TypeDate
	case types.KindDatetime:
		return types.Type{ID: mysql.MYSQL_TYPE_DATETIME, Decimals: v.Fsp(), Collation: collation.Binary}
	case types.KindTime:
		return types.Type{ID: mysql.MYSQL_TYPE_TIME, Decimals: v.Fsp(), Collation: collation.Binary}
	case types.KindDecimal:
		return types.Type{ID: mysql.MYSQL_TYPE_NEWDECIMAL, Length: 65, Decimals: v.Scale(), Collation: collation.Binary}
	}
	return types.TypeString
}

// typed is a column of each type with a value, as the text protocol shows it.
type typed struct {
	name string
	t    types.Type
	v    types.Value
	text string
}

func everyType() []typed {
	bin, utf := collation.Binary, collation.Default
	const un = types.Unspecified
	dt := temporal.Pack(2024, 2, 29, 13, 14, 15, 123456)
	return []typed{
		{"tiny", types.Type{ID: mysql.MYSQL_TYPE_TINY, Length: un, Collation: bin}, types.Int(-128), "-128"},
		{"utiny", types.Type{ID: mysql.MYSQL_TYPE_TINY, Length: un, Unsigned: true, Collation: bin}, types.Uint(255), "255"},
		{"bool", types.Type{ID: mysql.MYSQL_TYPE_TINY, Length: 1, Collation: bin}, types.Int(1), "1"},
		{"small", types.Type{ID: mysql.MYSQL_TYPE_SHORT, Length: un, Collation: bin}, types.Int(-32768), "-32768"},
		{"medium", types.Type{ID: mysql.MYSQL_TYPE_INT24, Length: un, Collation: bin}, types.Int(-8388608), "-8388608"},
		{"long", types.Type{ID: mysql.MYSQL_TYPE_LONG, Length: un, Collation: bin}, types.Int(-2147483648), "-2147483648"},
		{"big", types.Type{ID: mysql.MYSQL_TYPE_LONGLONG, Length: un, Collation: bin}, types.Int(-1 << 63), "-9223372036854775808"},
		{"ubig", types.Type{ID: mysql.MYSQL_TYPE_LONGLONG, Unsigned: true, Length: un, Collation: bin}, types.Uint(1<<64 - 1), "18446744073709551615"},
		{"year", types.Type{ID: mysql.MYSQL_TYPE_YEAR, Length: 4, Collation: bin}, types.Int(2024), "2024"},
		{"float", types.Type{ID: mysql.MYSQL_TYPE_FLOAT, Length: un, Decimals: un, Collation: bin}, types.Float(1.5), "1.5"},
		{"double", types.Type{ID: mysql.MYSQL_TYPE_DOUBLE, Length: un, Decimals: un, Collation: bin}, types.Float(-2.25), "-2.25"},
		{"datetime", types.Type{ID: mysql.MYSQL_TYPE_DATETIME, Decimals: 6, Collation: bin}, types.Datetime(dt, 6), "2024-02-29 13:14:15.123456"},
		{"stamp", types.Type{ID: mysql.MYSQL_TYPE_TIMESTAMP, Collation: bin}, types.Datetime(temporal.Pack(2024, 2, 29, 13, 14, 15, 0), 0), "2024-02-29 13:14:15"},
		{"date", types.TypeDate, types.Date(temporal.Pack(2024, 2, 29, 0, 0, 0, 0)), "2024-02-29"},
		{"time", types.Type{ID: mysql.MYSQL_TYPE_TIME, Decimals: 3, Collation: bin}, types.Time(-(123*3600+4*60+5)*1000000-678000, 3), "-123:04:05.678"},
		{"vc", types.Type{ID: mysql.MYSQL_TYPE_VARCHAR, Length: 10, Collation: utf}, types.Str("größe"), "größe"},
		{"ch", types.Type{ID: mysql.MYSQL_TYPE_STRING, Length: 3, Collation: utf}, types.Str("abc"), "abc"},
		{"text", types.Type{ID: mysql.MYSQL_TYPE_BLOB, Length: un, Collation: utf}, types.Str(strings.Repeat("ä", 300)), strings.Repeat("ä", 300)},
		{"blob", types.Type{ID: mysql.MYSQL_TYPE_BLOB, Length: un, Collation: bin}, types.Bytes([]byte{0, 255, 254}), "\x00\xff\xfe"},
		{"enum", types.Type{ID: mysql.MYSQL_TYPE_ENUM, Elems: []string{"red", "green"}, Collation: utf}, types.Enum(2, []byte("green")), "green"},
		{"set", types.Type{ID: mysql.MYSQL_TYPE_SET, Elems: []string{"a", "b", "c"}, Collation: utf}, types.Set(5, []byte("a,c")), "a,c"},
		{"json", types.TypeJSON, types.JSON([]byte(`{"a": 1}`)), `{"a": 1}`},
		{"bit", types.Type{ID: mysql.MYSQL_TYPE_BIT, Length: 9, Collation: bin}, types.Bit(0x101, 9), "\x01\x01"},
		{"empty", types.Type{ID: mysql.MYSQL_TYPE_VARCHAR, Length: 10, Collation: utf}, types.Str(""), ""},
	}
}

func (s *fakeSession) types(w sql.ResultWriter) error {
	h := &sql.Header{}
	var row []types.Value
	for _, c := range everyType() {
		h.Columns = append(h.Columns, column(c.name, c.t, 0))
		row = append(row, c.v)
	}
	h.Columns = append(h.Columns, column("nothing", types.TypeNull, 0))
	if err := w.Header(h); err != nil {
		return err
	}
	if err := w.Row(append(row, types.Null)); err != nil {
		return err
	}
	return w.Done(s.outcome())
}

func (s *fakeSession) Prepare(_ context.Context, text string) (sql.Statement, error) {
	if strings.HasPrefix(text, "bad") {
		return nil, mysqlerr.Newf(mysqlerr.Parse, "cannot prepare")
	}
	s.lastID++
	st := &fakeStmt{id: s.lastID, text: text}
	if strings.HasPrefix(text, "one") {
		st.header = &s.one
	}
	return st, nil
}

func (s *fakeSession) Execute(ctx context.Context, st sql.Statement, params []types.Value, w sql.ResultWriter) error {
	return s.run(ctx, st.(*fakeStmt).text, params, w)
}

func (s *fakeSession) FieldList(_ context.Context, table, pattern string) ([]sql.Column, [][]byte, error) {
	if table != "t" {
		return nil, nil, mysqlerr.New(mysqlerr.NoSuchTable, "db", table)
	}
	return []sql.Column{column("a", types.TypeInt, 0), column("b", types.TypeString, 0)}, [][]byte{[]byte("7"), nil}, nil
}

func (s *fakeSession) UseDB(_ context.Context, db string) error {
	if db == "missing" {
		return mysqlerr.New(mysqlerr.BadDB, db)
	}
	return nil
}

func (s *fakeSession) Reset(context.Context) error { s.inTx = false; return nil }
func (s *fakeSession) ChangeUser(_ context.Context, c *sql.ConnInfo) error {
	s.info = c
	return nil
}
func (s *fakeSession) Charsets() (client, results collation.ID) {
	if s.engine.latin1 {
		return 8, 8
	}
	return 255, 255
}
func (s *fakeSession) Cancel() {}
func (s *fakeSession) NetTimeouts() (read, write time.Duration) {
	return s.engine.stalled, 0
}
func (s *fakeSession) WaitTimeout() time.Duration { return cmpOr(s.engine.timeout, time.Hour) }
func (s *fakeSession) Close() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	delete(s.engine.sessions, s)
	s.engine.closed++
}

func cmpOr(a, b time.Duration) time.Duration {
	if a != 0 {
		return a
	}
	return b
}

// start serves a fake engine on a loopback port until the test ends.
func start(t testing.TB, cfg Config) (*Server, *fakeEngine, string) {
	t.Helper()
	engine := newFakeEngine(t)
	server, addr := startWith(t, cfg, engine)
	return server, engine, addr
}

func startWith(t testing.TB, cfg Config, engine sql.Engine) (*Server, string) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	server := New(cfg, engine)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return server, l.Addr().String()
}
