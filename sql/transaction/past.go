package transaction

import (
	"context"
	"errors"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Past is what a session keeps for reads of past states.
type Past struct {
	bound     time.Duration // 0: plain reads see the present
	tracking  bool          // the session has had a bound: since and floor are kept up to date
	since     time.Time
	floor     mvcc.Timestamp
	touched   bool                      // this statement has met the present, nobody knows when
	committed mvcc.Timestamp            // what this statement has committed last; 0: nothing, or it is not known
	txn       *distributed.FollowerRead // the open transaction's; nil: it meets the present
}

// SetBound is SET cloudsql_read_staleness_ms.
func (p *Past) SetBound(bound time.Duration) {
	p.bound = bound
	if p.bound > 0 && !p.tracking {
		p.tracking, p.since = true, time.Now()
	}
}

// Touch notes that the statement reads or changes the present.
func (p *Past) Touch() { p.touched = true }

// Told gives the place for commits' timestamps; nil where they are of no use.
func (p *Past) Told() *mvcc.Timestamp {
	if !p.tracking {
		return nil
	}
	return &p.committed
}

// Met notes that an autocommit statement or a transaction on the present has ended. If it has committed something,
// that is newer than all that it read.
func (p *Past) Met() {
	if p.committed != 0 {
		p.floor = max(p.floor, p.committed)
	} else {
		p.touched = true
	}
	p.committed = 0
}

// Saw notes a past state that the session has been shown.
func (p *Past) Saw(state *distributed.FollowerRead) { p.floor = max(p.floor, state.At) }

// leave comes when a transaction has ended, by a commit or otherwise.
func (p *Past) leave() {
	if p.txn == nil {
		p.Met()
		return
	}
	p.Saw(p.txn)
	p.txn = nil
}

// Ended comes after each statement.
func (p *Past) Ended() {
	if p.touched && p.tracking {
		p.since = time.Now()
	}
	p.touched = false
}

// Bound is how old a state plain reads may see; 0: the present.
func (p *Past) Bound() time.Duration { return p.bound }

// Floor is the newest state that the session knows of: it will see none before it.
func (p *Past) Floor() mvcc.Timestamp { return p.floor }

// Reads tells whether plain queries see a past state now.
func (s *Transaction) Reads() bool {
	locked := s.host.Locks.Locks() // whoever locks tables wants to see them as they are
	return s.past.bound > 0 && s.txn == nil && s.host.Vars.Autocommit && !locked
}

// RefusesAsOf tells whether a query may not choose another state than the transaction has.
func (s *Transaction) RefusesAsOf() bool { return s.begun || s.txn != nil && s.txn.HasWrites() }

// BeginAt is START TRANSACTION READ ONLY AS OF TIMESTAMP.
func (s *Transaction) BeginAt(ctx context.Context, at mvcc.Timestamp) error {
	if err := s.Begin(ctx, Characteristics{Access: "ON", AsOf: &distributed.FollowerRead{At: at, Keep: true}}, false); err != nil {
		return err
	}
	if err := s.txn.TakeSnapshot(ctx); err != nil {
		return errors.Join(err, s.Rollback(context.WithoutCancel(ctx)))
	}
	return nil
}

// Within is a state that obeys the bound.
func (s *Transaction) Within() distributed.FollowerRead {
	bound := s.past.bound
	if h := s.host.History; h > 0 {
		bound = min(bound, h/2) // older versions are about to be removed
	}
	since := time.Now().Add(-bound)
	if since.Before(s.past.since) {
		since = s.past.since
	}
	return distributed.FollowerRead{Since: since, NotBefore: s.past.floor}
}

// pastOf is the state of a transaction that is beginning; nil: the present.
func (s *Transaction) pastOf(c Characteristics) *distributed.FollowerRead {
	s.past.txn = c.AsOf
	if s.past.txn == nil && s.past.bound > 0 && c.Access == "ON" {
		state := s.Within()
		state.Keep = true
		s.past.txn = &state
	}
	return s.past.txn
}

var typeMicros = types.Type{ID: mysql.TypeDatetime, Length: 26, Decimals: 6, Collation: collation.Binary}

// At is the state as of a time in the session's time zone: what was committed before its millisecond began.
func (s *Transaction) At(v types.Value, warn types.Warner) (mvcc.Timestamp, error) {
	d := conversion.Cast(v, &typeMicros, &s.host.Vars.Mode, warn)
	if d.IsNull() {
		return 0, mysqlerr.Newf(mysqlerr.WrongValue, "Incorrect AS OF TIMESTAMP value: '%s'", v.Text())
	}
	year, month, day, hour, minute, second, micro := temporal.Unpack(d.Uint())
	loc := s.host.Vars.Mode.Loc
	if loc == nil {
		loc = time.UTC
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, loc)
	if year == 0 || month == 0 || day == 0 || t.Unix() < 0 {
		return 0, mysqlerr.Newf(mysqlerr.WrongValue, "Incorrect AS OF TIMESTAMP value: '%s'", v.Text())
	}
	if t.After(s.host.Now()) {
		return 0, mysqlerr.Newf(mysqlerr.WrongValue, "Incorrect AS OF TIMESTAMP value: '%s' is in the future", v.Text())
	}
	return mvcc.At(t), nil
}
