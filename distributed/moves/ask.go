package moves

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Op is what a leaseholder is asked.
type Op string

// The questions: where a tablet is, to have a step logged, for parts of what a tablet has, and where to cut it.
const (
	OpState    Op = "state"
	OpStep     Op = "step"
	OpVersions Op = "versions"
	OpNoted    Op = "noted"
	OpDigest   Op = "digest"
	OpCut      Op = "cut"
)

// Request asks the leaseholder of a shard about one of its tablets.
type Request struct {
	Shard   schema.ShardID     `json:"shard"`
	Op      Op                 `json:"op"`
	Tablet  schema.TabletID    `json:"tablet"`
	Attempt uint64             `json:"attempt,omitempty"`
	Step    *shard.MoveCommand `json:"step,omitempty"`
	// Freeze: for how long to look for a moment when nobody is in the tablet, and then to wait for those who are, with nobody let in.
	// Most is for how long all but the look may take.
	Look time.Duration `json:"look,omitempty"`
	Wait time.Duration `json:"wait,omitempty"`
	Most time.Duration `json:"most,omitempty"`

	From     []byte             `json:"from,omitempty"`    // OpVersions, OpDigest
	Noted    shard.NotePosition `json:"noted"`             // OpNoted, Freeze
	Through  uint64             `json:"through,omitempty"` // OpNoted: up to this log index; 0: all
	At       mvcc.Timestamp     `json:"at,omitempty"`      // OpDigest
	Until    []byte             `json:"until,omitempty"`   // likewise
	Keys     uint64             `json:"keys,omitempty"`    // likewise
	Rows     *schema.Tablet     `json:"rows,omitempty"`    // likewise
	Into     int                `json:"into,omitempty"`    // OpCut
	MaxBytes int                `json:"maxBytes,omitempty"`
}

// Reply is the answer. NotHere: another node must be asked, Holder if that is known.
type Reply struct {
	NotHere bool          `json:"notHere,omitempty"`
	Holder  schema.NodeID `json:"holder,omitempty"`
	Refused bool          `json:"refused,omitempty"` // shard.ErrMoveRefused
	Busy    bool          `json:"busy,omitempty"`    // shard.ErrMoveBusy
	Slow    bool          `json:"slow,omitempty"`    // errSlow
	TooOld  bool          `json:"tooOld,omitempty"`  // shard.ErrTooOld
	Err     string        `json:"err,omitempty"`     // anything else

	// Freeze: for how long it looked and waited, see Request. When it is done the rest is told as well, of what OpState and OpNoted ask.
	Looked time.Duration `json:"looked,omitempty"`
	Waited time.Duration `json:"waited,omitempty"`

	Here    bool            `json:"here,omitempty"` // OpState: the tablet is
	State   shard.MoveState `json:"state"`
	AutoInc uint64          `json:"autoInc,omitempty"` // OpState: the next value
	Page    shard.VersionPage
	Noted   shard.NotePosition `json:"noted"`
	More    bool               `json:"more,omitempty"`
	Digest  shard.Digest       `json:"digest"`
	Cuts    [][]byte           `json:"cuts,omitempty"`
}

// err is what the reply says is wrong.
func (r *Reply) err() error {
	switch {
	case r.Refused:
		return shard.ErrMoveRefused
	case r.Busy:
		return shard.ErrMoveBusy
	case r.Slow:
		return errSlow
	case r.TooOld:
		return shard.ErrTooOld
	case r.Err != "":
		return errors.New(r.Err)
	}
	return nil
}

// Leaseholder is who serves a shard; package replica implements it.
type Leaseholder interface {
	// Locks takes the lease, if it may, and gives the locks that are held under it, and its epoch.
	Locks(ctx context.Context) (*lock.Table, uint64, error)
	Command(ctx context.Context, kind shard.CommandKind, id uint64, cmd []byte) (shard.Result, error)
}

// Answerer answers questions about the tablets of a shard.
type Answerer struct {
	Leaseholder Leaseholder
	State       *shard.Shard
	Version     version.Version // that the cluster is at
	// Observed is the newest timestamp that this node knows to have been drawn.
	Observed func() mvcc.Timestamp
}

// Answer answers a question, if this node holds the shard's lease.
func (l *Answerer) Answer(ctx context.Context, q *Request) *Reply {
	r := &Reply{}
	locks, epoch, err := l.Leaseholder.Locks(ctx)
	if err == nil && q.Op == OpStep && q.Step != nil {
		q.Step.Epoch = epoch
		err = l.step(ctx, locks, q, r)
	} else if err == nil {
		err = r.fill(ctx, l.State, q)
	}
	elsewhere := (*leaseholder.NotLeaseholder)(nil)
	switch {
	case err == nil:
	case errors.As(err, &elsewhere):
		r.NotHere, r.Holder = true, elsewhere.Holder
	case errors.Is(err, shard.ErrMoveRefused):
		r.Refused = true
	case errors.Is(err, shard.ErrMoveBusy):
		r.Busy = true
	case errors.Is(err, errSlow):
		r.Slow = true
	case errors.Is(err, shard.ErrTooOld):
		r.TooOld = true
	default:
		r.Err = err.Error()
	}
	return r
}

func (r *Reply) fill(ctx context.Context, s *shard.Shard, q *Request) (err error) {
	switch q.Op {
	case OpState:
		err = r.fillState(s, q.Tablet)
	case OpVersions:
		r.Page, err = s.ExportVersions(q.Tablet, q.Attempt, q.From, q.MaxBytes)
	case OpNoted:
		r.Page, r.Noted, r.More, err = s.ExportNoted(q.Tablet, q.Attempt, q.Noted, q.Through, q.MaxBytes)
	case OpDigest:
		span := shard.DigestSpan{At: q.At, From: q.From, Until: q.Until, Keys: q.Keys, Rows: q.Rows}
		r.Digest, err = s.DigestTablet(ctx, q.Tablet, q.Attempt, span)
	case OpCut:
		r.Cuts, err = s.CutTablet(ctx, q.Tablet, q.Into)
	default:
		err = errors.New("moves: an unknown question")
	}
	return err
}

func (r *Reply) fillState(s *shard.Shard, tablet schema.TabletID) (err error) {
	if r.State, r.Here = s.MoveState(tablet); r.Here {
		r.AutoInc, err = s.ReserveAutoInc(tablet, 0)
	}
	if errors.Is(err, shard.ErrNoTablet) { // it is here, but does not serve
		err = nil
	}
	return err
}

// step has a step logged; a freeze when no transaction has anything in the tablet.
func (l *Answerer) step(ctx context.Context, locks *lock.Table, q *Request, r *Reply) error {
	if q.Step.Op != shard.MoveFreeze {
		return l.log(ctx, q)
	}
	open, err := emptied(ctx, &locks.Doors, locks.Occupied, q, r)
	if err != nil {
		return err
	}
	defer open()
	q.Step.Newest = l.Observed() // whoever reads at a later one goes on at the target: no message is worth that
	limit, cancel := context.WithTimeout(ctx, q.Most-r.Waited)
	defer cancel()
	if err := l.log(limit, q); err != nil && limit.Err() != nil && ctx.Err() == nil {
		return errSlow
	} else if err != nil {
		return err
	}
	if err := r.fillState(l.State, q.Tablet); err != nil {
		return err
	}
	r.Page, r.Noted, r.More, err = l.State.ExportNoted(q.Tablet, q.Attempt, q.Noted, 0, q.MaxBytes)
	return err
}

// emptied shuts a tablet to newcomers when nobody has anything in it: best at a moment when that is so, otherwise when those have left who are in it,
// with nobody let in meanwhile. ErrMoveBusy: that has taken q.Wait.
func emptied(ctx context.Context, doors *lock.Doors, occupied func(schema.TabletID) bool, q *Request, r *Reply) (open func(), err error) {
	const pause = time.Millisecond
	began := time.Now()
	for occupied(q.Tablet) && time.Since(began) < q.Look {
		if err := clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
	shut := time.Now()
	r.Looked = shut.Sub(began)
	open = doors.Shut(q.Tablet)
	for err == nil && occupied(q.Tablet) {
		if err = clock.Sleep(ctx, pause); err == nil && time.Since(shut) > q.Wait {
			err = shard.ErrMoveBusy
		}
	}
	if r.Waited = time.Since(shut); err != nil {
		open()
	}
	return open, err
}

// log has a step logged.
func (l *Answerer) log(ctx context.Context, q *Request) error {
	c := q.Step
	c.ID = rand.Uint64()
	cmd, err := shard.EncodeMove(nil, c)
	if err != nil {
		return err
	}
	if err := shard.CheckEntry(cmd, l.Version); err != nil {
		return err
	}
	res, err := l.Leaseholder.Command(ctx, shard.CommandMove, c.ID, cmd)
	switch {
	case err != nil:
		return err
	case errors.Is(res.Err, shard.ErrMoveEpoch):
		return &leaseholder.NotLeaseholder{Shard: q.Shard}
	}
	return res.Err
}
