package protocol

import (
	"sync"
	"time"
)

// Slowing down of failed log-ins: each failure of an account from a host is answered later than the one before, and only
// some of them wait at once, so that passwords can't be tried faster by trying many together. A log-in that succeeds is
// answered at once and forgets what failed; one from this machine is never held up.
const (
	freeFailures  = 3 // wrong passwords that cost nothing
	firstDelay    = 100 * time.Millisecond
	longestDelay  = 4 * time.Second
	loginTurns    = 4 // attempts of one account from one host that are looked at or wait at once, after freeFailures
	forgetLogins  = 10 * time.Minute
	maxLogins     = 10000 // accounts and hosts that are remembered
	longestTurn   = 5 * time.Second
	evictionTries = 16
	maxLoginName  = 96 // bytes of a name that tell accounts apart
)

// loginKey is who fails.
type loginKey struct{ user, host string }

// logins remembers failed log-ins. Its memory is bounded by maxLogins.
type logins struct {
	closing <-chan struct{}                      // the server stops: nobody waits any more
	now     func() time.Time                     // time.Now
	pause   func(time.Duration, <-chan struct{}) // waits, or until closing

	mu sync.Mutex
	m  map[loginKey]*failedLogin
}

// failedLogin is an account and a host from which it could not log in.
type failedLogin struct {
	failures int
	last     time.Time
	turns    chan struct{}
}

func newLogins(closing <-chan struct{}) *logins {
	return &logins{closing: closing, now: time.Now, pause: pauseOrEnd, m: map[loginKey]*failedLogin{}}
}

func pauseOrEnd(d time.Duration, end <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-end:
	}
}

// loginAttempt is one of an account that may have failed before.
type loginAttempt struct {
	l    *logins
	key  loginKey
	turn *failedLogin // whose turn it has; nil: none was needed
}

// begin lets an attempt to log in begin, when it is its turn; false: it did not come.
func (l *logins) begin(user, host string) (a loginAttempt, ok bool) {
	a = loginAttempt{l: l, key: loginKey{user[:min(len(user), maxLoginName)], host}}
	l.mu.Lock()
	f := l.m[a.key]
	if f != nil && l.now().Sub(f.last) > forgetLogins {
		delete(l.m, a.key)
		f = nil
	}
	wait := f != nil && f.failures >= freeFailures
	l.mu.Unlock()
	if !wait {
		return a, true
	}
	timeout := time.NewTimer(longestTurn)
	defer timeout.Stop()
	select {
	case f.turns <- struct{}{}:
		a.turn = f
		return a, true
	case <-l.closing:
	case <-timeout.C:
	}
	return a, false
}

// end ends an attempt; after one that failed it returns when its answer may be given.
func (a *loginAttempt) end(ok bool) {
	if ok {
		a.l.mu.Lock()
		delete(a.l.m, a.key)
		a.l.mu.Unlock()
	} else if d := a.l.failed(a.key); d > 0 {
		a.l.pause(d, a.l.closing)
	}
	if a.turn != nil {
		<-a.turn.turns
	}
}

// failed notes a failure and gives how long its answer waits.
func (l *logins) failed(key loginKey) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.m[key]
	if f == nil {
		if len(l.m) >= maxLogins {
			l.evict()
		}
		f = &failedLogin{turns: make(chan struct{}, loginTurns)}
		l.m[key] = f
	}
	f.failures, f.last = f.failures+1, l.now()
	if f.failures <= freeFailures {
		return 0
	}
	if n := f.failures - freeFailures - 1; n < 16 {
		return min(firstDelay<<n, longestDelay)
	}
	return longestDelay
}

// evict forgets the oldest of some. Called with mu held.
func (l *logins) evict() {
	var oldest loginKey
	var last time.Time
	n := 0
	for k, f := range l.m { // in no order
		if n == 0 || f.last.Before(last) {
			oldest, last = k, f.last
		}
		if n++; n == evictionTries {
			break
		}
	}
	delete(l.m, oldest)
}
