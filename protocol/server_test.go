package protocol

import (
	"bytes"
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/storage/memory"
)

// dial opens a database handle with at most one connection.
func dial(t testing.TB, dsn string) *stdsql.DB {
	t.Helper()
	db, err := stdsql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func wantCode(t testing.TB, err error, code uint16, message string) {
	t.Helper()
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != code || !strings.Contains(e.Message, message) {
		t.Errorf("got %v, want error %d with %q", err, code, message)
	}
}

func TestAuthentication(t *testing.T) {
	tls, err := SelfSignedTLS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, _, addr := start(t, Config{TLS: tls})
	for _, c := range []struct {
		dsn     string
		code    uint16
		message string
	}{
		{"root@tcp(%s)/", 0, ""},
		{"root:x@tcp(%s)/", 1045, "Access denied for user 'root'@'localhost' (using password: YES)"},
		{"sha2:s3cret@tcp(%s)/db", 0, ""},
		{"sha2:s3cret@tcp(%s)/db", 0, ""}, // now from the remembered digest
		{"sha2:wrong@tcp(%s)/db", 1045, "Access denied for user 'sha2'@'localhost' (using password: YES)"},
		{"sha2@tcp(%s)/db", 1045, "Access denied for user 'sha2'@'localhost' (using password: NO)"},
		{"native:s3cret@tcp(%s)/db", 0, ""},
		{"native:wrong@tcp(%s)/db", 1045, "Access denied for user 'native'@'localhost' (using password: YES)"},
		{"native@tcp(%s)/db", 1045, "(using password: NO)"},
		{"nobody:x@tcp(%s)/", 1045, "Access denied for user 'nobody'@'localhost' (using password: YES)"},
		{"nobody@tcp(%s)/", 1045, "(using password: NO)"},
		{"locked:s3cret@tcp(%s)/", 3118, "Access denied for user 'locked'@'localhost'. Account is locked."},
		{"locked:wrong@tcp(%s)/", 1045, ""},
		{"expired:s3cret@tcp(%s)/", 1862, "Your password has expired. To log in you must change it using a client that supports expired passwords."},
		{"expired:wrong@tcp(%s)/", 1045, ""},
		{"two:s3cret@tcp(%s)/", 0, ""},
		{"two:older@tcp(%s)/", 0, ""},
		{"two:other@tcp(%s)/", 1045, ""},
		{"twosha:older@tcp(%s)/", 0, ""},
		{"twosha:s3cret@tcp(%s)/", 0, ""},
		{"twosha:older@tcp(%s)/", 0, ""}, // now from the remembered digest
		{"twosha:other@tcp(%s)/", 1045, ""},
		{"root@tcp(%s)/missing", 1049, "Unknown database 'missing'"},
	} {
		for _, option := range []string{"", "?tls=skip-verify"} {
			dsn := fmt.Sprintf(c.dsn, addr) + option
			err := dial(t, dsn).Ping()
			if c.code == 0 && err != nil {
				t.Errorf("%s: %v", dsn, err)
			}
			if c.code != 0 {
				wantCode(t, err, c.code, c.message)
			}
		}
	}
}

func TestTextResults(t *testing.T) {
	_, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/")
	row := make([]any, len(everyType())+1)
	raw := make([]stdsql.RawBytes, len(row))
	for i := range row {
		row[i] = &raw[i]
	}
	rows, err := db.Query("types")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	if err := rows.Scan(row...); err != nil {
		t.Fatal(err)
	}
	for i, c := range everyType() {
		if string(raw[i]) != c.text {
			t.Errorf("%s: %q, want %q", c.name, raw[i], c.text)
		}
	}
	if raw[len(raw)-1] != nil {
		t.Error("NULL is not null")
	}
}

func TestBinaryResults(t *testing.T) {
	_, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/")
	st, err := db.Prepare("types")
	if err != nil {
		t.Fatal(err)
	}
	vals := make([]any, len(everyType())+1)
	ptrs := make([]any, len(vals))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	if err := st.QueryRow().Scan(ptrs...); err != nil {
		t.Fatal(err)
	}
	for i, c := range everyType() {
		got := fmt.Sprint(vals[i])
		if b, ok := vals[i].([]byte); ok {
			got = string(b)
		}
		if got != c.text {
			t.Errorf("%s: %q, want %q", c.name, got, c.text)
		}
	}
}

func TestOKAndErrors(t *testing.T) {
	_, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/")
	res, err := db.Exec("update")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := res.RowsAffected()
	id, _ := res.LastInsertId()
	if n != 3 || id != 1<<40 {
		t.Errorf("affected %d, id %d", n, id)
	}
	_, err = db.Exec("fail 1062")
	wantCode(t, err, 1062, "early failure")
	_, err = db.Query("fail late 1690")
	wantCode(t, err, 1690, "late failure")
	_, err = db.Query("open")
	wantCode(t, err, 1105, "Internal error")
	if err := db.Ping(); err != nil {
		t.Errorf("the connection did not outlive its errors: %v", err)
	}
}

func TestMultiStatements(t *testing.T) {
	_, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/?multiStatements=true")
	rows, err := db.Query("rows 2 3; rows 1 1; update; fail 1146")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	counts := []int{0}
	for {
		for rows.Next() {
			counts[len(counts)-1]++
		}
		if !rows.NextResultSet() {
			break
		}
		counts = append(counts, 0)
	}
	wantCode(t, rows.Err(), 1146, "early failure")
	if fmt.Sprint(counts) != "[2 1]" && fmt.Sprint(counts) != "[2 1 0]" {
		t.Errorf("rows by result: %v", counts)
	}
}

func TestPreparedParameters(t *testing.T) {
	_, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/?parseTime=false")
	st, err := db.Prepare("echo ?, ?, ?, ?, ?, ?")
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2024, 2, 29, 13, 14, 15, 123456000, time.UTC)
	for _, args := range [][]any{
		{int64(-1), uint64(1<<64 - 1), 1.5, "größe", []byte{0, 255}, nil},
		{nil, nil, nil, nil, nil, nil}, // the driver sends types each time it executes, NULLs included
		{when, true, "", []byte{}, strings.Repeat("x", 300), int64(1)},
	} {
		got := make([]any, len(args))
		ptrs := make([]any, len(args))
		for i := range got {
			ptrs[i] = &got[i]
		}
		if err := st.QueryRow(args...).Scan(ptrs...); err != nil {
			t.Fatal(err)
		}
		for i := range args {
			if want := fmt.Sprint(wireForm(args[i])); fmt.Sprint(wireForm(got[i])) != want {
				t.Errorf("parameter %d: %v, want %v", i, wireForm(got[i]), want)
			}
		}
	}
}

// wireForm brings what was sent and what came back to one form.
func wireForm(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case bool:
		return map[bool]int{true: 1}[v]
	case time.Time:
		return v.Format("2006-01-02 15:04:05.999999")
	}
	return v
}

func TestCharsets(t *testing.T) {
	engine := newFakeEngine(t)
	engine.latin1 = true
	_, addr := startWith(t, Config{}, engine)
	db := dial(t, "root@tcp("+addr+")/")
	var got string
	if err := db.QueryRow("say gr\xf6\xdfe").Scan(&got); err != nil || got != "gr\xf6\xdfe" {
		t.Errorf("%q %v", got, err)
	}
	if err := db.QueryRow("echo ?", "gr\xf6\xdfe").Scan(&got); err != nil || got != "gr\xf6\xdfe" {
		t.Errorf("prepared: %q %v", got, err)
	}
	engine.latin1 = false // as SET NAMES utf8mb4 would
	if err := db.QueryRow("say größe").Scan(&got); err != nil || got != "größe" {
		t.Errorf("UTF-8: %q %v", got, err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := start(t, Config{RequireTLS: true})
	go server.Serve(l)
	for _, dsn := range []string{"root@unix(" + path + ")/", "sha2:s3cret@unix(" + path + ")/"} {
		if err := dial(t, dsn).Ping(); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
	}
}

func TestRequireTLS(t *testing.T) {
	tls, err := SelfSignedTLS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, _, addr := start(t, Config{TLS: tls, RequireTLS: true})
	wantCode(t, dial(t, "root@tcp("+addr+")/").Ping(), 3159, "insecure transport")
	if err := dial(t, "root@tcp("+addr+")/?tls=skip-verify").Ping(); err != nil {
		t.Error(err)
	}
}

// TestLoopbackOnly logs root in from another address than loopback, where this machine has one.
func TestLoopbackOnly(t *testing.T) {
	for addr, want := range map[string]struct {
		host     string
		loopback bool
	}{
		"127.0.0.1:1": {"localhost", true}, "127.9.9.9:1": {"localhost", true}, "[::1]:1": {"localhost", true},
		"10.0.0.1:1": {"10.0.0.1", false}, "[::ffff:10.0.0.1]:1": {"10.0.0.1", false}, "[fe80::1]:1": {"fe80::1", false},
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if host, loopback := clientHost(tcp); host != want.host || loopback != want.loopback {
			t.Errorf("%s: %s %v", addr, host, loopback)
		}
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := start(t, Config{})
	go server.Serve(l)
	for _, a := range ownAddresses(t) {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		at := net.JoinHostPort(a, port)
		wantCode(t, dial(t, "root@tcp("+at+")/").Ping(), 1045, "Access denied for user 'root'@'"+a+"' (using password: NO)")
		if err := dial(t, "native:s3cret@tcp("+at+")/").Ping(); err != nil {
			t.Error(err)
		}
	}
}

// ownAddresses are this machine's IPv4 addresses but loopback.
func ownAddresses(t *testing.T) (hosts []string) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			hosts = append(hosts, n.IP.String())
		}
	}
	return hosts
}

func TestTLSFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	first, err := SelfSignedTLS(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := SelfSignedTLS(dir)
	if err != nil || !bytes.Equal(first.Certificates[0].Certificate[0], again.Certificates[0].Certificate[0]) {
		t.Errorf("another certificate, %v", err)
	}
	key, err := RSAKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := RSAKey(dir); err != nil || !same.Equal(key) {
		t.Errorf("another key, %v", err)
	}
	for name, mode := range map[string]os.FileMode{certKeyFile: 0o600, privateKeyFile: 0o600, publicKeyFile: 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, certFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SelfSignedTLS(dir); err == nil {
		t.Error("a spoilt certificate was accepted, or replaced behind its owner's back")
	}
}

func TestSlowClientIsDropped(t *testing.T) {
	server, engine, addr := start(t, Config{Tick: 5 * time.Millisecond, WriteTimeout: 20 * time.Millisecond})
	c := dialRaw(t, addr, 0)
	c.logIn("root")
	c.begin(0x03, []byte("rows 1000000 1000")...) // and read none of it
	eventually(t, func() bool {
		engine.mu.Lock()
		defer engine.mu.Unlock()
		return engine.closed == 1 && server.Metrics.Open.Load() == 0
	})
}

// TestManyClients runs statements, errors, departures and kills beside each other, for the race detector above all.
func TestManyClients(t *testing.T) {
	server, engine, addr := start(t, Config{Tick: time.Millisecond})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 10 {
				db, err := stdsql.Open("mysql", "native:s3cret@tcp("+addr+")/")
				if err != nil {
					t.Error(err)
					return
				}
				var id int
				var name string
				if err := db.QueryRow("rows 1 5").Scan(&id, &name); err != nil {
					t.Error(err)
				}
				if err := db.QueryRow("one").Scan(&id, &name); err != nil || id != 123456 {
					t.Errorf("%d %v", id, err)
				}
				if (i+j)%4 == 0 {
					_, _ = db.Exec("panic")
				}
				db.Close()
			}
		}()
	}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for range 50 {
			engine.mu.Lock()
			for s := range engine.sessions {
				if s.info.ClientUser == "sha2" {
					s.info.Kill()
				}
			}
			engine.mu.Unlock()
		}
	}()
	wg.Wait()
	<-killed
	eventually(t, func() bool { return server.Metrics.Open.Load() == 0 })
	engine.mu.Lock()
	defer engine.mu.Unlock()
	if len(engine.sessions) != 0 {
		t.Errorf("%d sessions left", len(engine.sessions))
	}
}

func TestManyRowsAreStreamed(t *testing.T) {
	server, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/")
	rows, err := db.Query("rows 50000 100")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id int
		var name string
		if err := rows.Scan(&id, &name); err != nil || id != n || len(name) != 100 {
			t.Fatalf("row %d: %d %q %v", n, id, name, err)
		}
		n++
	}
	if n != 50000 || rows.Err() != nil {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
	if out := server.Metrics.Traffic.Out.Load(); out < 50000*100 {
		t.Errorf("only %d bytes counted", out)
	}
}

func TestPacketsAbove16MB(t *testing.T) {
	_, _, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/?maxAllowedPacket=67108864")
	for _, size := range []int{1<<24 - 1 - 20, 1<<24 - 1, 1 << 24, 2*(1<<24-1) - 7, 40 << 20} {
		var name string
		var id int
		if err := db.QueryRow(fmt.Sprintf("rows 1 %d", size)).Scan(&id, &name); err != nil || len(name) != size {
			t.Fatalf("a row of %d bytes: %d, %v", size, len(name), err)
		}
		if _, err := db.Exec("update " + strings.Repeat("x", size-8)); err != nil {
			t.Fatalf("a statement of %d bytes: %v", size, err)
		}
	}
}

func TestPacketLimit(t *testing.T) {
	engine := newFakeEngine(t)
	engine.packet = 1 << 20
	server, addr := startWith(t, Config{}, engine)
	db := dial(t, "root@tcp("+addr+")/?maxAllowedPacket=67108864")
	for _, size := range []int{1<<20 + 1, 20 << 20} {
		_, err := db.Exec(strings.Repeat("x", size))
		wantCode(t, err, 1153, "Got a packet bigger than 'max_allowed_packet' bytes")
	}
	if err := db.Ping(); err != nil {
		t.Error(err)
	}
	if n := server.Metrics.Accepted.Load(); n != 1 {
		t.Errorf("%d connections: a request that was read away ends none", n)
	}
}

// Requests are charged to their sessions: where the process has no room, they are refused and the connection goes on.
func TestRequestsAreCharged(t *testing.T) {
	engine := newFakeEngine(t)
	engine.process = memory.NewProcess(16 << 20)
	_, addr := startWith(t, Config{}, engine)
	db := dial(t, "root@tcp("+addr+")/?maxAllowedPacket=67108864")
	db.SetMaxOpenConns(1)
	for _, size := range []int{13 << 20, 40 << 20} {
		_, err := db.Exec(strings.Repeat("x", size))
		wantCode(t, err, 1041, "")
		if _, err := db.Exec(strings.Repeat("x", 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return engine.process.Used() < 100<<10 })
}

func TestConnectionLimit(t *testing.T) {
	engine := newFakeEngine(t)
	engine.most.Store(1)
	server, addr := startWith(t, Config{}, limitedEngine{engine})
	const user, root = "native:s3cret@tcp(", "root@tcp("
	first := dial(t, user+addr+")/")
	if err := first.Ping(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, dial(t, user+addr+")/").Ping(), 1040, "Too many connections")
	if server.Metrics.Refused.Load() == 0 {
		t.Error("not counted")
	}
	// One more is kept for administrators, and only one. The one that was refused may still be on its way out.
	admin := dial(t, root+addr+")/")
	eventually(t, func() bool { return admin.Ping() == nil })
	wantCode(t, dial(t, root+addr+")/").Ping(), 1040, "Too many connections")
	engine.most.Store(3)
	eventually(t, func() bool { return dial(t, user+addr+")/").Ping() == nil })
	if most := server.Metrics.MostOpen.Load(); most < 3 {
		t.Errorf("at most %d were open", most)
	}
}

func TestPanicEndsOneConnection(t *testing.T) {
	server, engine, addr := start(t, Config{})
	other := dial(t, "root@tcp("+addr+")/")
	if err := other.Ping(); err != nil {
		t.Fatal(err)
	}
	_, err := dial(t, "root@tcp("+addr+")/").Exec("panic")
	wantCode(t, err, 1105, "as asked for")
	if err := other.Ping(); err != nil {
		t.Error(err)
	}
	if server.Metrics.Panics.Load() != 1 {
		t.Error("the panic is not counted")
	}
	eventually(t, func() bool {
		engine.mu.Lock()
		defer engine.mu.Unlock()
		return len(engine.sessions) == 1
	})
}

// eventually waits for another goroutine's work; it only bounds how long a failure takes.
func eventually(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be")
		}
	}
}

func TestClientGoneCancelsItsStatement(t *testing.T) {
	server, engine, addr := start(t, Config{Tick: 5 * time.Millisecond})
	db := dial(t, "root@tcp("+addr+")/")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-engine.waiting
		cancel() // the driver closes its socket
	}()
	if _, err := db.ExecContext(ctx, "wait"); err == nil {
		t.Error("the wait ended by itself")
	}
	if cause := <-engine.wait; !errors.Is(cause, errClientGone) {
		t.Errorf("cancelled because of %v", cause)
	}
	if server.Metrics.Gone.Load() != 1 {
		t.Error("not counted")
	}
}

func TestKillConnection(t *testing.T) {
	_, engine, addr := start(t, Config{})
	db := dial(t, "root@tcp("+addr+")/")
	go func() {
		<-engine.waiting
		engine.mu.Lock()
		defer engine.mu.Unlock()
		for s := range engine.sessions {
			s.info.Kill()
		}
	}()
	_, err := db.Exec("wait")
	wantCode(t, err, 1317, "Query execution was interrupted")
}

func TestWaitTimeout(t *testing.T) {
	engine := newFakeEngine(t)
	engine.timeout = 20 * time.Millisecond
	_, addr := startWith(t, Config{Tick: 5 * time.Millisecond}, engine)
	c := dialRaw(t, addr, 0)
	c.logIn("root")
	c.pc.StartCommand()
	if err := c.pc.End(append(c.pc.Begin(), 0)); err != nil { // a command that is not sent yet
		t.Fatal(err)
	}
	wantRawError(t, c.read(), 4031) // unasked, after a while
}

func TestHandshakeDeadline(t *testing.T) {
	server, _, addr := start(t, Config{HandshakeTimeout: 20 * time.Millisecond})
	c := dialRaw(t, addr, 0)
	c.read() // the greeting
	if _, err := c.pc.ReadPacket(); err == nil {
		t.Error("a silent client was answered")
	}
	eventually(t, func() bool { return server.Metrics.Aborted.Load() == 1 && server.Metrics.Open.Load() == 0 })
}

func TestShutdownLetsStatementsFinish(t *testing.T) {
	engine := newFakeEngine(t)
	server, addr := startWith(t, Config{}, engine)
	busy, idle := dial(t, "root@tcp("+addr+")/"), dial(t, "root@tcp("+addr+")/")
	if err := idle.Ping(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := busy.Exec("slow")
		answered <- err
	}()
	<-engine.waiting
	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(context.Background()) }()
	eventually(t, func() bool { return server.Metrics.Open.Load() == 1 })
	if idle.Ping() == nil {
		t.Error("a draining server took a statement")
	}
	engine.wait <- nil
	if err := <-answered; err != nil {
		t.Errorf("the running statement: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownCancelsAtLast(t *testing.T) {
	engine := newFakeEngine(t)
	server, addr := startWith(t, Config{}, engine)
	go dial(t, "root@tcp("+addr+")/").Exec("wait")
	<-engine.waiting
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	<-engine.wait
}
