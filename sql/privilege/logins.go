package privilege

import (
	"strconv"
	"sync"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
)

// Logins counts the log-ins in a row that have failed at this node, of accounts that these lock.
type Logins struct {
	mu     sync.Mutex
	failed map[string]*failedLogins
}

type failedLogins struct {
	unlocked int64 // catalog.Passwords.Unlocked, as it was when they were counted
	times    uint16
	day      int64 // on which they locked the account; 0: they did not
}

// Judge notes a log-in whose password was right or not. 3955 for an account that is locked, or is now, whatever the password.
func (l *Logins) Judge(u *catalog.User, right bool, now time.Time) error {
	if u.FailedLogins == 0 || u.LockDays == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failed[u.Key()]
	if f == nil || f.unlocked != u.Unlocked || f.day > 0 && u.LockDays > 0 && now.Unix()/day-f.day >= int64(u.LockDays) {
		f = &failedLogins{unlocked: u.Unlocked}
	}
	if f.day == 0 && right {
		delete(l.failed, u.Key())
		return nil
	}
	if f.day == 0 {
		if f.times++; f.times >= u.FailedLogins {
			f.day = now.Unix() / day
		}
	}
	if l.failed == nil {
		l.failed = map[string]*failedLogins{}
	}
	l.failed[u.Key()] = f
	if f.day == 0 {
		return nil
	}
	days, left := "unlimited", "unlimited"
	if u.LockDays != catalog.Unbounded {
		days = strconv.Itoa(int(u.LockDays))
		left = strconv.FormatInt(int64(u.LockDays)-(now.Unix()/day-f.day), 10)
	}
	return mysqlerr.New(mysqlerr.AccountBlocked, u.Name, u.Host, days, left, int(u.FailedLogins))
}

// Forget forgets all failed log-ins: FLUSH PRIVILEGES.
func (l *Logins) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = nil
}
