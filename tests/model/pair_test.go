package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// pair is a run of the model beside real shards, which are given the same log.
type pair struct {
	c      *Config
	m      state
	rng    *rand.Rand
	shards []*realShard
	logs   [maxShards]queues
	beside [maxShards]bystanders
	// answers are how a transaction stood when it was asked for, by what was the model's answer.
	answers [maxTxns][maxShards]map[string]leaseholder.Standing
	// outlived are outcomes that only the record of the decision still tells.
	outlived [maxTxns][maxShards]bool
	real     [256]mvcc.Timestamp // of the model's timestamps
	clock    mvcc.Timestamp
	fillers  uint64
	steps    []string
	wild     bool // the walk is at random: what comes with a step need not be the model's
}

// queues are a shard's entries on their way to the log, and such as may come up once more.
type queues struct {
	copies [maxTxns][maxCopies]entry
	lost   []entry // proposals that the model has dropped, since nothing can come of them
	done   []entry // ends of prepared transactions that have been in the log already
}

type entry struct {
	cmd    []byte // nil: there is none
	epoch  uint64
	closes stamp // up to which it closes timestamps besides; 0: it does not
}

// stampGap is the distance between two of the model's timestamps.
const stampGap = 1000

func newPair(c *Config, m *machines, rng *rand.Rand) (*pair, error) {
	p := &pair{c: c, m: c.Start(), rng: rng, clock: mvcc.At(time.Unix(1_700_000_000, 0))}
	for range c.Shards {
		s, err := m.newShard()
		if err != nil {
			return nil, err
		}
		p.shards = append(p.shards, s)
	}
	return p, nil
}

func (p *pair) tick() mvcc.Timestamp {
	p.clock += stampGap
	return p.clock
}

// step takes a step of the model from the present state to another, and the same in the real shards.
func (p *pair) step(a action, to *state) error {
	p.steps = append(p.steps, a.String())
	for at := p.m.now + 1; at <= to.now; at++ {
		p.real[at] = p.tick()
	}
	t, s := int(a.t), int(a.s)
	var err error
	switch a.what {
	case stepPropose, stepProposeAgain:
		err = p.enqueue(t, s, to)
	case stepApply:
		err = p.applyCopy(t, s, int(a.i), to)
	case stepMark:
		err = p.applyMark(t, s)
	case stepCommit:
		err = p.resolve(t, s, p.real[p.m.txns[t].commitAt], shard.Committed)
	case stepAbort:
		err = p.resolve(t, s, 0, shard.Aborted)
	case stepForget:
		err = p.forget(t, s, to)
	case stepAge:
		err = p.age(s, to)
	case stepFailOver, stepHandOver:
		err = p.shards[s].takeLease()
	case stepClose:
		h := &to.shards[s]
		h.closed = max(p.m.shards[s].closed, p.closable(s, h.closed))
		err = p.shards[s].close(p.real[to.now], p.rng.IntN(2) == 0)
	case stepInquire:
		err = p.inquire(t, s, to)
	case stepRead:
		err = p.readRow(s, to)
	case stepDecide:
		err = p.judge(t, to.txns[t].commitAt)
	case stepTellCommit:
		err = p.judge(t, to.txns[t].ackedAt)
	case stepDecideAbort:
		err = p.judge(t, 0)
	case stepTellAbort:
		err = p.judge(t, 0)
	}
	if err != nil {
		return err
	}
	p.noteLost(to)
	p.m = *to
	switch {
	case a.what == stepAge:
		return p.compareAll()
	case s < 0:
		return nil
	}
	return p.compare(s)
}

// enqueue encodes the proposal that the model has just made, as of now.
func (p *pair) enqueue(t, s int, to *state) error {
	for i := range maxCopies {
		if p.m.shards[s].legs[t].copies[i].epoch != 0 || to.shards[s].legs[t].copies[i].epoch == 0 {
			continue
		}
		made := &to.shards[s].legs[t].copies[i]
		at := made.ts
		e := entry{epoch: p.shards[s].Lease().Epoch}
		closed := mvcc.Timestamp(0)
		if p.wild && p.rng.IntN(4) == 0 { // as a batch does behind which nothing is on its way
			e.closes, closed = at-1, p.real[at]-1
		}
		var err error
		e.cmd, err = p.shards[s].encode(closed, p.proposal(t, s, at, made.first))
		p.logs[s].copies[t][i] = e
		return err
	}
	return nil // with a planted bug, the timestamp alone
}

// proposal is t's part in s: prepare or, if it is the only one, commit.
func (p *pair) proposal(t, s int, at, first stamp) shard.Proposal {
	c := p.c
	q := shard.Proposal{Kind: shard.ProposalCommit, Txn: txnID(t), TS: p.real[at], First: p.real[first]}
	if !c.single(t) {
		q.Kind, q.Participants = shard.ProposalPrepare, p.participants(t)
	}
	switch c.Txns[t].Kind {
	case Interactive:
		saw := p.m.shards[s].legs[t].saw
		q.Effects = []fragment.Effect{rowEffect(c.writes(t, s), int64(t+1), p.real[saw])}
	case Auto:
		q.Writes = []*fragment.Write{blindWrite(fragment.InsertOrUpdate, modelRow, int64(t+1))}
	case AutoWide:
		q.Writes = []*fragment.Write{blindWrite(fragment.Replace, modelRow, int64(t+1))}
	}
	return q
}

func (p *pair) participants(t int) (ids []schema.ShardID) {
	for s := range p.shards {
		if p.c.in(t, s) {
			ids = append(ids, p.shards[s].ID())
		}
	}
	return ids
}

// applyCopy lets a proposal come up in the log; to is the model's state after it.
func (p *pair) applyCopy(t, s, i int, to *state) error {
	l, e := &p.m.shards[s].legs[t], &p.logs[s].copies[t][i]
	says := p.c.verdict(&p.m, t, s, l.copies[i])
	got, err := p.shards[s].repropose(e.cmd)
	if err != nil {
		return err
	}
	p.closeWith(e, s, to)
	*e = entry{}
	want := shard.ProposalResult{Txn: txnID(t), TS: p.real[l.copies[i].ts]}
	switch says {
	case saysStaleEpoch:
		want.Status, want.TS = shard.StaleEpoch, 0
	case saysDuplicate:
		want = p.repeated(t, s, got)
	case saysStaleTimestamp:
		want.Status = shard.StaleTimestamp
	case saysForgotten:
		want.Status = shard.Forgotten
		p.noteForgotten(t, s, got.Status)
	case saysClaimed:
		want.Status, want.Blocker = shard.Claimed, p.blocker(t, s)
	case saysConflict:
		want.Status = shard.Conflict
	case saysDone:
		if want.Status = shard.Prepared; p.c.single(t) {
			want.Status = shard.Committed
		}
	}
	return sameResult("a proposal", got, want)
}

func (p *pair) applyMark(t, s int) error {
	ts := p.tick()
	first := p.real[p.m.shards[s].legs[t].markFirst]
	got, _, err := p.shards[s].propose(0, shard.Proposal{Kind: shard.ProposalAbort, Txn: txnID(t), TS: ts, First: first})
	if err != nil {
		return err
	}
	want := shard.ProposalResult{Txn: txnID(t), Status: shard.Aborted, TS: ts}
	switch p.c.markVerdict(&p.m, t, s) {
	case saysDuplicate:
		want = p.repeated(t, s, got)
	case saysForgotten:
		want.Status = shard.Forgotten
		p.noteForgotten(t, s, got.Status)
	}
	return sameResult("an abort mark", got, want)
}

// resolve ends a prepared transaction; at 0 aborts it.
func (p *pair) resolve(t, s int, at mvcc.Timestamp, want shard.Status) error {
	got, cmd, err := p.shards[s].propose(0, shard.Proposal{Kind: shard.ProposalResolve, Txn: txnID(t), TS: p.tick(), First: 1, CommitTS: at})
	if err != nil {
		return err
	}
	p.logs[s].done = append(p.logs[s].done, entry{cmd: cmd, epoch: p.shards[s].Lease().Epoch})
	if at == 0 {
		at = p.real[p.m.shards[s].legs[t].prepared]
	}
	return sameResult("a resolve", got, shard.ProposalResult{Txn: txnID(t), Status: want, TS: at})
}

func (p *pair) forget(t, s int, to *state) error {
	got, cmd, err := p.shards[s].propose(0, shard.Proposal{
		Kind: shard.ProposalForget, TS: p.tick(), First: 1, Forget: []fragment.TxnID{txnID(t)},
	})
	if err != nil {
		return err
	}
	p.logs[s].done = append(p.logs[s].done, entry{cmd: cmd, epoch: p.shards[s].Lease().Epoch})
	if p.outlived[t][s] { // and at once: nothing else remembers it
		l := &to.shards[s].legs[t]
		l.outcome, l.at, p.outlived[t][s] = unknown, 0, false
	}
	return sameResult("a forget", got, shard.ProposalResult{Status: shard.Committed})
}

// closeWith closes the timestamps in the model that an entry closes.
func (p *pair) closeWith(e *entry, s int, to *state) {
	if h := &to.shards[s]; e.epoch == uint64(h.epoch) {
		h.closed = max(h.closed, min(e.closes, p.closable(s, p.c.closable(to, s))))
	}
}

// age lets so much happen in the shard s, in a walk at random in all of them since time passes everywhere, that they
// forget how transactions ended, beside those whose decision they must keep. to is a state in which the model has
// forgotten one of them in s.
func (p *pair) age(s int, to *state) error {
	shards, closing := []int{s}, false
	if p.wild {
		shards, closing = shards[:0], p.rng.IntN(2) == 0
		for s := range p.shards {
			shards = append(shards, s)
		}
	}
	for _, s := range shards {
		p.forgetEnds(s, to)
		if closing { // as a real leaseholder's batches do
			h := &to.shards[s]
			h.closed = max(h.closed, p.closable(s, p.c.closable(to, s)))
		}
	}
	// Enough for the young generation to become old, and to be forgotten; then no turn is due for long.
	const seconds = 2*60 + 2
	for range seconds {
		p.clock += mvcc.Timestamp(time.Second/time.Millisecond) << mvcc.LogicalBits
		at := p.tick()
		for _, s := range shards {
			if err := p.fill(s, at, closing); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetEnds lets the model forget what has ended in a shard.
func (p *pair) forgetEnds(s int, to *state) {
	h := &to.shards[s]
	h.horizon, h.shown = to.now, to.now // the fillers' are higher
	for t := range p.c.Txns {
		l := &h.legs[t]
		if l.kept == 1 {
			p.outlived[t][s] = true
		} else if l.outcome != unknown {
			l.outcome, l.at = unknown, 0
		}
	}
}

// fill lets a transaction commit that the model knows nothing of.
func (p *pair) fill(s int, at mvcc.Timestamp, closing bool) error {
	p.fillers++
	q := shard.Proposal{Kind: shard.ProposalCommit, Txn: fragment.TxnID{'F', byte(p.fillers), byte(p.fillers >> 8)}, TS: at, First: at}
	q.Writes = []*fragment.Write{blindWrite(fragment.Replace, fillerRow, int64(p.fillers))}
	var closed mvcc.Timestamp
	if closing {
		closed = at - 1
	}
	got, _, err := p.shards[s].propose(closed, q)
	if err != nil {
		return err
	}
	p.beside[s].forgotten = at
	return sameResult("a filler", got, shard.ProposalResult{Txn: q.Txn, Status: shard.Committed, TS: at})
}

// inquire compares and keeps the answer to one who asks how a transaction stands, unless it is an abort mark.
func (p *pair) inquire(t, s int, to *state) error {
	before, after := &p.m.shards[s].legs[t], &to.shards[s].legs[t]
	if after.mark != before.mark {
		return nil
	}
	status, ts, err := p.shards[s].Outcome(txnID(t))
	if err != nil {
		return err
	}
	p.note(t, s, answer(after, before), leaseholder.Standing{Status: status, TS: ts})
	return nil // whether it is the right one is seen after each entry, and by judge
}

func (p *pair) note(t, s int, name string, x leaseholder.Standing) {
	if p.answers[t][s] == nil {
		p.answers[t][s] = map[string]leaseholder.Standing{}
	}
	p.answers[t][s][name] = x
}

// noteForgotten keeps the answer to one who asked when it was forgotten.
func (p *pair) noteForgotten(t, s int, status shard.Status) {
	p.note(t, s, "forgotten", leaseholder.Standing{Status: status})
}

// answer names which of a leg's answers has been given.
func answer(l, before *leg) string {
	switch {
	case l.saidCommitted != before.saidCommitted:
		return "committed"
	case l.saidPrepared != before.saidPrepared:
		return "prepared"
	}
	return "aborted"
}

// judge lets the real rule decide from the answers that the model has decided from.
func (p *pair) judge(t int, want stamp) error {
	order := []string{"committed", "prepared"}
	if want == 0 {
		order = []string{"aborted", "forgotten", "prepared"}
	}
	var all []leaseholder.Standing
	for s := range p.shards {
		if !p.c.in(t, s) {
			continue
		}
		var x leaseholder.Standing
		for _, name := range order {
			if given, ok := p.answers[t][s][name]; ok {
				x = given
				break
			}
		}
		all = append(all, x)
	}
	if got := leaseholder.Judge(all); got != p.real[want] {
		return differs("T%d was judged to commit at %d from %v, not %d", t+1, got, all, p.real[want])
	}
	return nil
}

func (p *pair) readRow(s int, to *state) error {
	got, err := p.shards[s].read(p.real[p.m.reader.at])
	if err != nil {
		return err
	}
	if want := int64(to.reader.got[s]); got != want {
		return differs("the reader saw T%d instead of T%d", got, want)
	}
	return nil
}

// noteLost keeps what the model does not deliver any more.
func (p *pair) noteLost(to *state) {
	for s := range p.shards {
		q := &p.logs[s]
		for t := range p.c.Txns {
			for i := range maxCopies {
				if e := &q.copies[t][i]; e.cmd != nil && to.shards[s].legs[t].copies[i].epoch == 0 {
					q.lost = append(q.lost, *e)
					*e = entry{}
				}
			}
		}
	}
}

// disturb does what must change nothing but the closed timestamp: entries that come late or again, restarts, snapshots.
func (p *pair) disturb(s int) error {
	r, q := p.shards[s], &p.logs[s]
	what := ""
	var err error
	switch p.rng.IntN(16) {
	case 0, 1:
		what, err = "a lost proposal comes up", p.comesUp(s, q.lost, shard.StaleTimestamp, shard.Duplicate, shard.Claimed, shard.Forgotten)
	case 2, 3:
		what, err = "an end comes again", p.comesUp(s, q.done, shard.Duplicate, shard.Committed)
	case 4:
		what, err = "restart", r.reopen()
	case 5:
		what, err = "snapshot", r.move()
	case 6, 7, 8:
		if !p.wild {
			return nil
		}
		what, err = "bystanders go on", p.bystand(s)
	default:
		return nil
	}
	p.steps = append(p.steps, fmt.Sprintf("%s in shard %c", what, 'A'+s))
	if err != nil {
		return err
	}
	return p.compare(s)
}

// comesUp puts one of some entries into the log again; it must have one of some results.
func (p *pair) comesUp(s int, entries []entry, allowed ...shard.Status) error {
	if len(entries) == 0 {
		return nil
	}
	e := &entries[p.rng.IntN(len(entries))]
	got, err := p.shards[s].repropose(e.cmd)
	if err != nil {
		return err
	}
	p.closeWith(e, s, &p.m)
	if e.epoch != p.shards[s].Lease().Epoch {
		allowed = []shard.Status{shard.StaleEpoch}
	}
	if !slices.Contains(allowed, got.Status) {
		return differs("what must have no effect gave %s", show(&got))
	}
	return nil
}

// walk goes from step to step at random, to the end or as far as there are numbers for timestamps.
func (p *pair) walk(disturbed bool) error {
	p.wild = true
	for p.m.now < 200 {
		a, to, ok := p.pick()
		if !ok {
			break
		}
		if err := p.step(a, &to); err != nil {
			return err
		}
		if !disturbed {
			continue
		}
		if err := p.disturb(p.rng.IntN(len(p.shards))); err != nil {
			return err
		}
	}
	return p.compareAll()
}

// follow takes a way that the explorer has found, with disturbances between its steps. passed is told of each step.
func (p *pair) follow(way []action, passed func(from *state, a action)) error {
	for _, a := range way {
		to, ok := p.take(a)
		if !ok {
			return fmt.Errorf("%v is not possible", a)
		}
		if err := p.disturb(p.rng.IntN(len(p.shards))); err != nil {
			return err
		}
		passed(&p.m, a)
		if err := p.step(a, &to); err != nil {
			return err
		}
	}
	return nil
}

// take finds a step by its name.
func (p *pair) take(a action) (to state, ok bool) {
	from := p.m
	p.c.Next(&from, func(x action, s *state) {
		if x == a && *s != from {
			to, ok = *s, true
		}
	})
	return to, ok
}

// pick chooses one of the steps that are possible.
func (p *pair) pick() (a action, to state, ok bool) {
	n := 0
	from := p.m
	p.c.Next(&from, func(x action, s *state) {
		if *s == from {
			return
		}
		w := weight(x.what)
		if n += w; p.rng.IntN(n) < w {
			a, to = x, *s
		}
	})
	return a, to, n > 0
}

// weight spreads what may happen at any time over a walk, and prefers what brings transactions into each other's way to
// what ends them.
func weight(step string) int {
	switch step {
	case stepFailOver, stepHandOver, stepClose, stepAge, stepCrash:
		return 1
	case stepLock, stepAsk, stepPropose, stepProposeAgain, stepApply:
		return 12
	}
	return 4
}

// tell adds the steps to an error.
func (p *pair) tell(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w, after\n    %s", err, strings.Join(p.steps, "\n    "))
}
