package monitor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloudsql/distributed"
	"cloudsql/sql/show/virtual"
)

// statusPrinter writes the text.
type statusPrinter struct {
	strings.Builder
	s *virtual.Scan
	p *lockPicture
}

func (o *statusPrinter) printf(format string, args ...any) { fmt.Fprintf(o, format, args...) }

func (o *statusPrinter) section(title string) {
	line := strings.Repeat("-", len(title))
	o.printf("%s\n%s\n%s\n", line, title, line)
}

const statusTime = "2006-01-02 15:04:05"

// InnodbStatus is what SHOW ENGINE INNODB STATUS prints: the latest deadlock and the transactions, in the layout by which
// people and tools read InnoDB's.
func InnodbStatus(ctx context.Context, c virtual.Context) (string, error) {
	s := virtual.NewScan(ctx, c)
	o := &statusPrinter{s: s, p: lockPictureOf(s)}
	title := virtual.Now(s).In(virtual.Location(s)).Format(statusTime) + " INNODB MONITOR OUTPUT"
	bar := strings.Repeat("=", len(title))
	o.printf("\n%s\n%s\n%s\n", bar, title, bar)
	if d, ok := s.Context.(virtual.Deadlocks); ok {
		if report := d.LatestDeadlock(s.Ctx); report != nil {
			o.deadlock(report)
		}
	}
	if err := o.transactions(); err != nil {
		return "", err
	}
	bar = strings.Repeat("-", len("END OF INNODB MONITOR OUTPUT"))
	o.printf("%s\nEND OF INNODB MONITOR OUTPUT\n%s\n", bar, strings.Repeat("=", len(bar)))
	return o.String(), nil
}

// deadlock tells of each member what it held that the one before it wanted, and what it waited for.
func (o *statusPrinter) deadlock(d *virtual.DeadlockReport) {
	o.section("LATEST DETECTED DEADLOCK")
	o.printf("%s\n", d.At.In(virtual.Location(o.s)).Format(statusTime))
	if o.p.tablets == nil {
		o.p.tablets = tabletsOf(o.s.Context)
	}
	for i := range d.Members {
		m := &d.Members[i]
		o.printf("*** (%d) TRANSACTION:\n", i+1)
		p := &virtual.Process{ID: m.Session}
		if i < len(d.Sessions) && d.Sessions[i].ID != 0 {
			p = &d.Sessions[i]
		}
		active := 0 * time.Second
		if p.Txn != nil {
			active = d.At.Sub(p.Txn.Started)
		}
		o.head(distributed.TxnNumber(m.Txn), active, "waiting for a row lock")
		o.printf("LOCK WAIT %d row lock(s)\n", m.Waits.Held)
		o.session(p)
		if m.Holds.Txn == m.Txn {
			o.printf("\n*** (%d) HOLDS THE LOCK(S):\n", i+1)
			o.lock(&m.Holds)
		}
		o.printf("\n*** (%d) WAITING FOR THIS LOCK TO BE GRANTED:\n", i+1)
		o.lock(&m.Waits)
		o.printf("\n")
	}
	o.printf("*** WE ROLL BACK TRANSACTION (%d)\n", d.Victim+1)
}

func (o *statusPrinter) head(number uint64, active time.Duration, state string) {
	o.printf("TRANSACTION %d, ACTIVE %d sec", number, int64(max(active, 0)/time.Second))
	if state != "" {
		o.printf(" %s", state)
	}
	o.printf("\n")
}

func (o *statusPrinter) session(p *virtual.Process) {
	if p.ID == 0 {
		return
	}
	host, _, _ := strings.Cut(p.Host, ":")
	o.printf("MySQL thread id %d", p.ID)
	if p.Node != 0 {
		o.printf(", node %d", p.Node)
	}
	if p.User != "" {
		o.printf(" %s %s", host, p.User)
	}
	o.printf("\n")
	if p.Info != "" {
		o.printf("%s\n", p.Info)
	}
}

func (o *statusPrinter) lock(l *distributed.LockInfo) {
	db, table, index := o.p.where(l)
	kind := "RECORD LOCKS"
	if l.Index == wholeTablet {
		kind = "TABLE LOCK"
	}
	o.printf("%s shard %d tablet %d", kind, l.Shard, l.Tablet)
	if index != "" {
		o.printf(" index %s of", index)
	}
	o.printf(" table `%s`.`%s` trx id %d lock_mode %s", db, table, distributed.TxnNumber(l.Txn), lockStrength(l))
	o.printf("%s", lockPlace(l))
	if l.Waiting {
		o.printf(" waiting")
	}
	o.printf("\n")
	if data := o.p.data(l); data != "" {
		o.printf("Record lock: %s\n", data)
	}
}

// transactions lists the open ones; those that wait tell for what.
func (o *statusPrinter) transactions() error {
	list, err := o.p.transactions(o.s)
	if err != nil {
		return err
	}
	o.section("TRANSACTIONS")
	o.printf("LIST OF TRANSACTIONS FOR EACH SESSION:\n")
	at := virtual.Now(o.s)
	for _, t := range list {
		o.printf("---")
		state := ""
		if t.wait != nil {
			state = "waiting for a row lock"
		}
		o.head(t.number, at.Sub(t.started), state)
		if t.wait != nil {
			o.printf("LOCK WAIT ")
		}
		o.printf("%d row lock(s)\n", t.locked)
		if t.process != nil {
			o.session(t.process)
		}
		if t.wait != nil {
			o.printf("------- TRX HAS BEEN WAITING %d SEC FOR THIS LOCK TO BE GRANTED:\n", int64(t.wait.Age/time.Second))
			o.lock(t.wait)
			o.printf("------------------\n")
		}
	}
	return nil
}
