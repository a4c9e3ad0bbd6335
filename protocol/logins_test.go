package protocol

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
)

// testLogins is a guard whose pauses are noted instead of waited for.
func testLogins() (l *logins, now *time.Time, pauses *[]time.Duration) {
	now, pauses = new(time.Time), new([]time.Duration)
	*now = time.Unix(1_800_000_000, 0)
	l = newLogins(make(chan struct{}))
	l.now = func() time.Time { return *now }
	l.pause = func(d time.Duration, _ <-chan struct{}) { *pauses = append(*pauses, d) }
	return l, now, pauses
}

func TestFailedLoginsAreAnsweredLaterAndLater(t *testing.T) {
	l, now, pauses := testLogins()
	try := func(user string, good bool) {
		a, ok := l.begin(user, "10.0.0.1")
		if !ok {
			t.Fatal("no turn")
		}
		a.end(good)
	}
	for range 12 {
		try("u", false)
	}
	if got := fmt.Sprint(*pauses); got != "[100ms 200ms 400ms 800ms 1.6s 3.2s 4s 4s 4s]" {
		t.Error(got)
	}
	*pauses = nil
	try("other", false)
	try("u", true) // costs nothing, and forgets
	for range freeFailures {
		try("u", false)
	}
	if len(*pauses) != 0 {
		t.Errorf("paused for %v", *pauses)
	}
	try("u", false)
	*now = now.Add(forgetLogins + time.Second)
	try("u", false)
	if len(*pauses) != 1 {
		t.Errorf("paused for %v: what is long ago counts", *pauses)
	}
}

func TestFailedLoginsOfManyAreBounded(t *testing.T) {
	l, now, _ := testLogins()
	for i := range 3 * maxLogins {
		*now = now.Add(time.Microsecond)
		l.failed(loginKey{fmt.Sprint(i), "10.0.0.1"})
	}
	if len(l.m) > maxLogins {
		t.Errorf("%d are remembered", len(l.m))
	}
	a, _ := l.begin(string(make([]byte, 5000)), "h")
	if len(a.key.user) > maxLoginName {
		t.Errorf("a name of %d bytes is kept", len(a.key.user))
	}
}

// TestFailedLoginsTakeTurns: however many try at once, a few are looked at until their answers have been given.
func TestFailedLoginsTakeTurns(t *testing.T) {
	l, _, _ := testLogins()
	for range freeFailures {
		l.failed(loginKey{"u", "h"})
	}
	var mu sync.Mutex
	var once sync.Once
	waiting, most := 0, 0
	release := make(chan struct{})
	l.pause = func(time.Duration, <-chan struct{}) {
		mu.Lock()
		waiting++
		most = max(most, waiting)
		if waiting == loginTurns {
			once.Do(func() { close(release) }) // all turns are taken
		}
		mu.Unlock()
		<-release
		mu.Lock()
		waiting--
		mu.Unlock()
	}
	var wg sync.WaitGroup
	for range 10 * loginTurns {
		wg.Go(func() {
			a, ok := l.begin("u", "h")
			if !ok {
				t.Error("no turn")
				return
			}
			a.end(false)
		})
	}
	wg.Wait()
	if most > loginTurns {
		t.Errorf("%d were looked at together", most)
	}
}

// awayListener makes clients look as if they were on another machine.
type awayListener struct{ net.Listener }

type awayConn struct{ net.Conn }

func (l awayListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return awayConn{c}, nil
}

func (awayConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4000} }

// TestWrongPasswordsWait: from elsewhere; from this machine they don't, and right ones never.
func TestWrongPasswordsWait(t *testing.T) {
	for _, away := range []bool{true, false} {
		e := newFakeEngine(t)
		s := New(Config{}, e)
		var mu sync.Mutex
		pauses := 0
		s.logins.pause = func(time.Duration, <-chan struct{}) {
			mu.Lock()
			pauses++
			mu.Unlock()
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := l
		if away {
			served = awayListener{l}
		}
		go func() { _ = s.Serve(served) }()
		connect := func(password string) error {
			c, err := client.Connect(l.Addr().String(), "native", password, "")
			if err == nil {
				c.Close()
			}
			return err
		}
		for range freeFailures + 2 {
			if err := connect("wrong"); err == nil {
				t.Error("a wrong password was taken")
			}
		}
		if err := connect("s3cret"); err != nil {
			t.Errorf("the right password: %v", err)
		}
		mu.Lock()
		if want := map[bool]int{true: 2, false: 0}[away]; pauses != want {
			t.Errorf("away %v: %d pauses, not %d", away, pauses, want)
		}
		mu.Unlock()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
