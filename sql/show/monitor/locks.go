package monitor

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// lockPicture is the row locks of the cluster at about one moment, with the tables that they are in.
type lockPicture struct {
	locks   []distributed.LockInfo
	tablets map[schema.TabletID]virtual.Object
}

// lockPictureOf asks the nodes. It is empty for accounts that may not see all sessions, and where the DB tells nothing.
func lockPictureOf(s *virtual.Scan) *lockPicture {
	p := &lockPicture{}
	viewer, ok := s.DB().(distributed.LockViewer)
	if !ok || !s.Administers() {
		return p
	}
	p.locks = viewer.Locks(s.Ctx)
	if len(p.locks) > 0 {
		p.tablets = tabletsOf(s.Context)
	}
	return p
}

// tabletsOf finds the tables of all tablets.
func tabletsOf(c virtual.Context) map[schema.TabletID]virtual.Object {
	m := map[schema.TabletID]virtual.Object{}
	for _, d := range c.Catalog().Databases() {
		for _, t := range c.Catalog().Tables(d.Name) {
			for i := range t.Tablets {
				m[t.Tablets[i].ID] = virtual.Object{DB: d.Name, Desc: t}
			}
		}
	}
	return m
}

// lockID names a lock, or a request for one, as data_locks, data_lock_waits and INNODB_TRX do.
func lockID(l *distributed.LockInfo) string {
	h := fnv.New64a()
	_, _ = h.Write(l.Key)
	if l.Range {
		_, _ = h.Write([]byte{0})
		_, _ = h.Write(l.End)
	}
	state := ""
	if l.Waiting {
		state = ":W"
	}
	return fmt.Sprintf("%d:%d:%d:%016x:%s%s", distributed.TxnNumber(l.Txn), l.Tablet, l.Index, h.Sum64(),
		lockStrength(l), state)
}

func lockStrength(l *distributed.LockInfo) string {
	if l.Mode == distributed.LockShared {
		return "S"
	}
	return "X"
}

// wholeTablet is the index of locks that are on a tablet as a whole.
const wholeTablet schema.IndexID = 0

// lockMode is InnoDB's name of a lock's mode.
func lockMode(l *distributed.LockInfo) string {
	switch {
	case l.Index == wholeTablet:
		return "I" + lockStrength(l)
	case l.Mode == distributed.LockInsert:
		return "X,GAP,INSERT_INTENTION"
	case l.Gap:
		return lockStrength(l) + ",GAP"
	case l.Range:
		return lockStrength(l)
	}
	return lockStrength(l) + ",REC_NOT_GAP"
}

// lockPlace is what a lock is on, in the words of SHOW ENGINE INNODB STATUS.
func lockPlace(l *distributed.LockInfo) string {
	switch {
	case l.Mode == distributed.LockInsert:
		return " locks gap before rec insert intention"
	case l.Gap:
		return " locks gap before rec"
	case l.Range || l.Index == wholeTablet:
		return ""
	}
	return " locks rec but not gap"
}

func lockType(l *distributed.LockInfo) string {
	if l.Index == wholeTablet {
		return "TABLE"
	}
	return "RECORD"
}

func lockStatus(l *distributed.LockInfo) string {
	if l.Waiting {
		return "WAITING"
	}
	return "GRANTED"
}

// where tells a lock's database, table and index; empty where the catalog does not know them any more.
func (p *lockPicture) where(l *distributed.LockInfo) (db, table, index string) {
	o, ok := p.tablets[l.Tablet]
	if !ok {
		return "", "", ""
	}
	if ix := o.Desc.IndexByID(l.Index); ix != nil {
		index = ix.Name
	}
	return o.DB, o.Desc.Name, index
}

// data is what is locked: the values of the key's columns, of a secondary index followed by the primary key's; of a
// range its bounds.
func (p *lockPicture) data(l *distributed.LockInfo) string {
	if l.Index == wholeTablet {
		return ""
	}
	if l.Range {
		return p.keyText(l, l.Key, "infimum pseudo-record") + " .. " + p.keyText(l, l.End, "supremum pseudo-record")
	}
	return p.keyText(l, l.Key, "")
}

func (p *lockPicture) keyText(l *distributed.LockInfo, key []byte, open string) string {
	if len(key) == 0 {
		return open
	}
	o, ok := p.tablets[l.Tablet]
	if !ok {
		return "0x" + strings.ToUpper(hex.EncodeToString(key))
	}
	ix := o.Desc.IndexByID(l.Index)
	if ix == nil {
		return "0x" + strings.ToUpper(hex.EncodeToString(key))
	}
	var parts []string
	rest := key
	parts, rest = columnTexts(parts, o.Desc, ix, rest)
	if ix != o.Desc.Primary() {
		parts, rest = columnTexts(parts, o.Desc, o.Desc.Primary(), rest)
	}
	if len(rest) > 0 { // a bound between two keys
		parts = append(parts, "0x"+strings.ToUpper(hex.EncodeToString(rest)))
	}
	return strings.Join(parts, ", ")
}

// columnTexts takes an index's columns off a key. Values of strings cannot be read from it: their sort key is shown.
func columnTexts(parts []string, t *schema.Table, ix *schema.Index, key []byte) ([]string, []byte) {
	for i := range ix.Columns {
		if len(key) == 0 {
			break
		}
		one := &schema.Index{Columns: ix.Columns[i : i+1]}
		vals, rest, err := keys.DecodeColumns(nil, t, one, key)
		if err != nil {
			break
		}
		typ := &t.Columns[ix.Columns[i].Column].Type
		switch v := vals[0]; {
		case !keys.Invertible(typ, ix.Columns[i].Prefix):
			parts = append(parts, "0x"+strings.ToUpper(hex.EncodeToString(key[:len(key)-len(rest)])))
		case v.IsNull():
			parts = append(parts, "NULL")
		case typ.Class() == types.ClassInt || typ.Class() == types.ClassFloat:
			parts = append(parts, string(v.AppendText(nil, typ)))
		default:
			parts = append(parts, "'"+string(v.AppendText(nil, typ))+"'")
		}
		key = rest
	}
	return parts, key
}

// thread is the session of a lock, as PROCESSLIST numbers it.
func thread(l *distributed.LockInfo) types.Value {
	if l.Session == 0 {
		return types.Null
	}
	return virtual.Num(l.Session)
}

func perfLocks(s *virtual.Scan) error {
	p := lockPictureOf(s)
	for i := range p.locks {
		l := &p.locks[i]
		db, table, index := p.where(l)
		err := s.Row(types.Str("INNODB"), types.Str(lockID(l)), virtual.Num(distributed.TxnNumber(l.Txn)), thread(l),
			types.Null, virtual.Optional(db),
			virtual.Optional(table), types.Null, types.Null, virtual.Optional(index), virtual.Num(uint64(l.Tablet)),
			types.Str(lockType(l)), types.Str(lockMode(l)),
			types.Str(lockStatus(l)), virtual.Optional(p.data(l)))
		if err != nil {
			return err
		}
	}
	return nil
}

func perfLockWaits(s *virtual.Scan) error {
	return lockPictureOf(s).eachWait(func(w, b *distributed.LockInfo) error {
		return s.Row(types.Str("INNODB"), types.Str(lockID(w)), virtual.Num(distributed.TxnNumber(w.Txn)), thread(w),
			types.Null,
			virtual.Num(uint64(w.Tablet)), types.Str(lockID(b)), virtual.Num(distributed.TxnNumber(b.Txn)), thread(b),
			types.Null, virtual.Num(uint64(b.Tablet)))
	})
}

// eachWait calls fn for each request that waits and each lock or request that is in its way.
func (p *lockPicture) eachWait(fn func(w, b *distributed.LockInfo) error) error {
	for i := range p.locks {
		w := &p.locks[i]
		for _, j := range w.BlockedBy {
			if err := fn(w, &p.locks[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// trx is a transaction with its locks and its session.
type trx struct {
	number   uint64
	session  uint64
	process  *virtual.Process // nil: its session is gone or not known
	started  time.Time
	wait     *distributed.LockInfo // what it waits for; nil: nothing
	locked   int                   // locks that it holds
	modified int                   // exclusive ones
	tables   map[schema.TabletID]bool
}

// transactions lists the transactions of the cluster: those that hold or want locks, and those that sessions have open.
func (p *lockPicture) transactions(s *virtual.Scan) ([]*trx, error) {
	list, err := virtual.Processes(s.Ctx, s)
	if err != nil {
		return nil, err
	}
	bySession := map[uint64]*virtual.Process{}
	for i := range list {
		bySession[list[i].ID] = &list[i]
	}
	var all []*trx
	byNumber, locking := map[uint64]*trx{}, map[uint64]bool{}
	for i := range p.locks {
		l := &p.locks[i]
		n := distributed.TxnNumber(l.Txn)
		t := byNumber[n]
		if t == nil {
			t = &trx{number: n, session: l.Session, process: bySession[l.Session], tables: map[schema.TabletID]bool{}}
			t.started = startOf(t.process, l.Interactive, virtual.Now(s))
			byNumber[n], locking[l.Session] = t, true
			all = append(all, t)
		}
		t.add(l)
	}
	for i := range list {
		if q := &list[i]; q.Txn != nil && q.Txn.Tables > 0 && !locking[q.ID] {
			all = append(all, &trx{number: idleNumber + q.ID, session: q.ID, process: q, started: q.Txn.Started})
		}
	}
	return all, nil
}

// idleNumber is where the numbers of transactions begin that have locked nothing yet, as InnoDB's do.
const idleNumber = 1 << 47

func (t *trx) add(l *distributed.LockInfo) {
	t.tables[l.Tablet] = true
	if l.Waiting {
		t.wait = l
		return
	}
	t.locked++
	if l.Mode != distributed.LockShared {
		t.modified++
	}
}

// startOf is when a session's transaction began; an autocommit write is its statement.
func startOf(p *virtual.Process, interactive bool, now time.Time) time.Time {
	switch {
	case p == nil:
		return now
	case interactive && p.Txn != nil:
		return p.Txn.Started
	}
	return p.Since
}

func (t *trx) state() string {
	if t.wait != nil {
		return "LOCK WAIT"
	}
	return "RUNNING"
}

func (t *trx) query() string {
	if t.process == nil {
		return ""
	}
	return t.process.Info
}

func (t *trx) isolation() string {
	if t.process == nil || t.process.Txn == nil {
		return "REPEATABLE READ"
	}
	return strings.ReplaceAll(t.process.Txn.Isolation, "-", " ")
}

// infoTransactions is INNODB_TRX. 1227 without PROCESS, as in MySQL.
func infoTransactions(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.ProcessPriv), "", ""); err != nil {
		return err
	}
	p := lockPictureOf(s)
	list, err := p.transactions(s)
	if err != nil {
		return err
	}
	const lockBytes = 150 // about what a lock takes at its leaseholder
	for _, t := range list {
		requested, since, doing := types.Null, types.Null, types.Null
		if t.wait != nil {
			requested, since, doing = types.Str(lockID(t.wait)), virtual.LocalTime(s, virtual.Now(s).Add(-t.wait.Age)),
				types.Str("waiting for a row lock")
		}
		query := []rune(t.query())
		readOnly := t.process != nil && t.process.Txn != nil && t.process.Txn.ReadOnly
		err := s.Row(virtual.Num(t.number), types.Str(t.state()), virtual.LocalTime(s, t.started), requested, since,
			virtual.Num(t.locked), virtual.Num(t.session),
			virtual.Optional(string(query[:min(len(query), 1024)])), doing, virtual.Num(t.tablesInUse()),
			virtual.Num(len(t.tables)), virtual.Num(t.locked),
			virtual.Num(t.locked*lockBytes), virtual.Num(t.locked), virtual.Num(t.modified), virtual.Num(0),
			types.Str(t.isolation()), virtual.Num(1), virtual.Num(1), types.Null,
			virtual.Num(0), virtual.Num(0), virtual.Num(zeroOrOne(readOnly)), virtual.Num(0), types.Null)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *trx) tablesInUse() int {
	if t.process != nil && t.process.Txn != nil {
		return max(t.process.Txn.Tables, len(t.tables))
	}
	return len(t.tables)
}

func zeroOrOne(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// sysLockWaits is sys.innodb_lock_waits: a line for each request and each lock in its way.
func sysLockWaits(s *virtual.Scan) error {
	p := lockPictureOf(s)
	list, err := p.transactions(s)
	if err != nil {
		return err
	}
	byNumber := map[uint64]*trx{}
	for _, t := range list {
		byNumber[t.number] = t
	}
	return p.eachWait(func(w, b *distributed.LockInfo) error {
		waiting, blocking := byNumber[distributed.TxnNumber(w.Txn)], byNumber[distributed.TxnNumber(b.Txn)]
		db, table, index := p.where(w)
		at := virtual.Now(s)
		return s.Row(virtual.LocalTime(s, at.Add(-w.Age)), duration(w.Age), virtual.Num(int64(w.Age/time.Second)),
			types.Str(fmt.Sprintf("`%s`.`%s`", db, table)), virtual.Optional(db), virtual.Optional(table), types.Null,
			types.Null, virtual.Optional(index),
			types.Str(lockType(w)), virtual.Num(waiting.number), virtual.LocalTime(s, waiting.started),
			duration(at.Sub(waiting.started)),
			virtual.Num(waiting.locked), virtual.Num(waiting.modified), virtual.Num(waiting.session),
			virtual.Optional(waiting.query()), types.Str(lockID(w)),
			types.Str(lockMode(w)), virtual.Num(blocking.number), virtual.Num(blocking.session),
			virtual.Optional(blocking.query()), types.Str(lockID(b)),
			types.Str(lockMode(b)), virtual.LocalTime(s, blocking.started), duration(at.Sub(blocking.started)),
			virtual.Num(blocking.locked),
			virtual.Num(blocking.modified), types.Str(fmt.Sprintf("KILL QUERY %d", blocking.session)),
			types.Str(fmt.Sprintf("KILL %d", blocking.session)))
	})
}

// duration is a TIME of whole seconds.
func duration(d time.Duration) types.Value {
	return types.Time(max(d, 0).Truncate(time.Second).Microseconds(), 0)
}
