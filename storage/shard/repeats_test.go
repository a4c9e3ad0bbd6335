package shard

import (
	"math/rand/v2"
	"testing"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func logTime(d time.Duration) mvcc.Timestamp {
	return mvcc.Timestamp(d.Milliseconds()) << mvcc.LogicalBits
}

// stamped is a proposal that is not a repetition, made now.
func (l *testLog) stamped(writes ...*fragment.Write) Proposal {
	p := l.proposal(writes...)
	p.First = p.TS
	return p
}

// age commits so many transactions of others, a step of the log's time apart.
func (l *testLog) age(n int, step time.Duration) {
	l.t.Helper()
	for range n {
		l.ts += logTime(step)
		if r := l.propose(l.stamped(updateK(99, int64(l.ts%1000))))[0]; r.Status != Committed {
			l.t.Fatalf("%+v", r)
		}
	}
}

// The clock of the timestamps jumps ahead, as when a failover hands them to a node whose clock is ahead: nothing is forgotten
// for it. (On commit 8630d07 a jump of a minute forgot what was two seconds old.)
func TestClockAhead(t *testing.T) {
	for _, jump := range []time.Duration{time.Minute, 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		_, _, l := openTable(t)
		l.write(insertRow(99, 0, "others"))
		l.write(insertRow(1, 0, "a"))
		p := l.stamped(updateK(1, 7))
		if r := l.propose(p)[0]; r.Status != Committed {
			t.Fatalf("%+v", r)
		}
		for range 3 {
			l.age(2, jump)
		}
		p.TS = l.next()
		if r := l.propose(p)[0]; r.Status != Duplicate || r.Recorded != Committed {
			t.Errorf("%v ahead: %+v", jump, r)
		}
		l.age(2*int(outcomeAge/outcomeStep)+2, outcomeStep)
		p.TS = l.next()
		if r := l.propose(p)[0]; r.Status != Forgotten {
			t.Errorf("%v ahead, and long after: %+v", jump, r)
		}
	}
}

// A shard that remembers what was done in batches of earlier versions goes over to those with First without forgetting more
// than it says.
func TestForgottenAfterUpgrade(t *testing.T) {
	e, _, l := openTable(t)
	l.write(insertRow(99, 0, "others"))
	l.write(insertRow(1, 0, "a"))
	p := l.proposal(updateK(1, 7))
	l.propose(p)
	for range 2 {
		l.s = openShard(t, e)
		l.age(int(outcomeAge/outcomeStep)+1, outcomeStep)
	}
	p.First, p.TS = p.TS-1, l.next()
	if r := l.propose(p)[0]; r.Status != Forgotten {
		t.Errorf("%+v", r)
	}
	p.Kind = ProposalAbort
	if r := l.propose(p)[0]; r.Status != Forgotten {
		t.Errorf("%+v", r)
	}
}

// repeater is a transaction and its gateway: it makes its request again and again, and old copies come up at any time.
type repeater struct {
	id     fragment.TxnID
	row    int64
	first  mvcc.Timestamp // known when the request was made first; newer where that try was surely not executed
	copies []Proposal     // on their way to the log, or once more
	doubt  bool           // a try's outcome was not seen
	told   Status         // what its client was told; 0: nothing yet
}

// repeats drives a shard.
type repeats struct {
	*testLog
	rng  *rand.Rand
	all  []*repeater
	lost int
}

// Whatever is delayed, lost, repeated and forgotten, and whatever clocks and restarts do: nothing is done twice, and what a
// client was told stays true. (Random schedules; none takes more than the shard and what a gateway knows.)
func TestRepeats(t *testing.T) {
	alone(t)
	var unknown, again, ended int
	for seed := range uint64(60) {
		e := openEngine(t, vfs.NewMem())
		l := newLog(t, openShard(t, e))
		l.install(testTable())
		l.write(insertRow(99, 0, "others"))
		d := &repeats{testLog: l, rng: rand.New(rand.NewPCG(seed, 7))}
		for range 150 {
			switch n := d.rng.IntN(20); {
			case n < 3 && len(d.all) < 12:
				d.begin()
			case n < 13 && len(d.all) > 0:
				x := d.all[d.rng.IntN(len(d.all))]
				if d.rng.IntN(2) == 0 || len(x.copies) == 0 {
					d.request(x)
				} else {
					d.comesUp(x, d.rng.IntN(len(x.copies)))
				}
			case n < 15:
				d.age(1+d.rng.IntN(70), []time.Duration{time.Millisecond, time.Second, time.Minute}[d.rng.IntN(3)])
			case n < 16:
				l.ts += logTime(time.Duration(d.rng.Int64N(int64(400 * 24 * time.Hour))))
			case n < 18:
				l.s = openShard(t, e)
			}
			d.check(seed)
		}
		for _, x := range d.all {
			switch {
			case x.told == Forgotten:
				unknown++
			case x.told != 0:
				ended++
			}
		}
		again += d.lost
	}
	t.Logf("%d ended, %d unknown, %d tries anew", ended, unknown, again)
	if unknown == 0 || again == 0 || ended == 0 {
		t.Error("the schedules miss something")
	}
}

// addOne is UPDATE t SET k = k + 1 WHERE id = …
func addOne(id int64) *fragment.Write {
	sum, err := expr.New("+", &expr.Column{Index: 1, Typ: types.TypeInt}, expr.NewInt(1))
	if err != nil {
		panic(err)
	}
	w := updateK(id, 0)
	w.Set[0].Expr, w.Env = sum, &expr.Env{}
	return w
}

func (d *repeats) begin() {
	x := &repeater{row: int64(len(d.all) + 1)}
	x.id[0], x.id[1] = 'R', byte(x.row)
	d.propose(d.stamped(insertRow(x.row, 0, string(rune('a'+x.row)))))
	x.first = d.ts
	if d.rng.IntN(3) == 0 { // a gateway that has heard nothing for long
		x.first -= min(logTime(time.Duration(d.rng.IntN(200))*time.Second), x.first-1)
	}
	d.all = append(d.all, x)
}

// request makes x's request: for the first time, or again. Its proposal is applied at once, or comes up later; the answer
// may be lost.
func (d *repeats) request(x *repeater) {
	p := Proposal{Kind: ProposalCommit, Txn: x.id, First: x.first, Writes: []*fragment.Write{addOne(x.row)}}
	if x.doubt && d.rng.IntN(4) == 0 { // a COMMIT whose workspace is gone
		p.Kind, p.Writes = ProposalAbort, nil
	}
	p.TS = d.next()
	x.copies = append(x.copies, p)
	if d.rng.IntN(3) == 0 {
		x.doubt = true // presumed lost; who knows
		return
	}
	r := d.propose(p)[0]
	if d.rng.IntN(3) == 0 {
		x.doubt = true
		return
	}
	d.answer(x, &r)
}

// comesUp applies a copy again, or for the first time: nobody waits for its result.
func (d *repeats) comesUp(x *repeater, i int) {
	if !x.doubt && x.told == 0 {
		return // refused, and known to be
	}
	p := x.copies[i]
	if d.rng.IntN(2) == 0 {
		p.TS = d.next() // a proposer stamps it again
	}
	d.propose(p)
}

// answer is what the gateway makes of a result.
func (d *repeats) answer(x *repeater, r *ProposalResult) {
	status := r.Status
	if status == Duplicate {
		status = r.Recorded
	}
	switch status {
	case StaleTimestamp:
		if !x.doubt {
			x.copies = nil
		}
		return
	case Forgotten:
		if !x.doubt { // it surely was not executed
			x.first, x.copies = d.ts, nil
			d.lost++
			return
		}
		if x.told == 0 {
			x.told = Forgotten
		}
		return
	}
	if x.told == 0 || x.told == Forgotten {
		x.told = status
	}
	if x.told != status {
		d.t.Fatalf("transaction %d: told %d, then %d", x.row, x.told, status)
	}
	x.doubt = true // the copies stay: the network may bring them again
}

func (d *repeats) check(seed uint64) {
	d.t.Helper()
	page := mustRead(d.t, d.s, readAll(schema.PrimaryIndex), ReadOptions{})
	for i := range page.Batch.Len() {
		row := page.Batch.Row(i)
		id, k := row[0].Int(), row[1].Int()
		if id == 99 {
			continue
		}
		x := d.all[id-1]
		if k > 1 || x.told == Committed && k != 1 || x.told == Aborted && k != 0 {
			d.t.Fatalf("seed %d: transaction %d took effect %d times; its client was told %d", seed, id, k, x.told)
		}
	}
}
