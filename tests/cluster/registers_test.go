package cluster

import (
	"database/sql"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// registers are rows that autocommit statements and small transactions through all gateways read, write, compare and
// set; porcupine looks for an order of the operations on each, within their times, that explains all answers.
type registers struct {
	key  atomic.Int64 // the one in use
	uses atomic.Int64 // of it
	next atomic.Int64 // last value given out: each is written once

	mu  sync.Mutex
	ops map[int64][]porcupine.Operation
}

// registerUses bounds the operations on one register: the search for an order takes time that grows fast.
const registerUses = 150

type registerOp struct {
	kind     string // read, write, cas, swap
	old, new int64  // cas: old → new; swap reads and writes
}

type registerAnswer struct {
	unknown bool
	value   int64 // read, swap: what was there
	ok      bool  // cas: it was old
}

// registerModel is what a register is.
var registerModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		v, in, out := state.(int64), input.(registerOp), output.(registerAnswer)
		switch in.kind {
		case "read":
			return out.unknown || out.value == v, v
		case "write":
			return true, in.new
		case "swap":
			return out.unknown || out.value == v, in.new
		}
		if v == in.old {
			return out.unknown || out.ok, in.new
		}
		return out.unknown || !out.ok, v
	},
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%+v → %+v", input, output)
	},
}

func (g *registers) setup(r *run, db *sql.DB) {
	g.ops = map[int64][]porcupine.Operation{}
	mustExec(r, db, "CREATE TABLE registers (k BIGINT PRIMARY KEY, v BIGINT NOT NULL)")
	mustExec(r, db, "INSERT INTO registers VALUES (0, 0)")
}

func (g *registers) start(r *run) {
	for range 4 {
		last := int64(0) // what the client saw last: a guess for cas
		r.client("", func(c *client) error { return g.step(c, &last) })
	}
}

func (g *registers) step(c *client, last *int64) error {
	if err := g.turn(c); err != nil {
		return err
	}
	k := g.key.Load()
	in := registerOp{kind: []string{"read", "read", "write", "cas", "cas", "swap"}[c.rnd.IntN(6)]}
	if in.kind != "read" {
		in.new = g.next.Add(1)
	}
	if in.kind == "cas" {
		in.old = *last
	}
	call := c.now()
	out, o, err := g.operate(c, k, in)
	c.tally("registers "+in.kind).note(o, err)
	op := porcupine.Operation{ClientId: c.id, Input: in, Call: int64(call), Output: out, Return: int64(c.now())}
	switch {
	case o == done && in.kind != "cas":
		*last = max(out.value, in.new)
	case o == refused, in.kind == "read" && err != nil:
		return err // nothing happened, nothing was seen
	case o == doubtful:
		op.Output, op.Return = registerAnswer{unknown: true}, math.MaxInt64
	}
	g.mu.Lock()
	g.ops[k] = append(g.ops[k], op)
	g.mu.Unlock()
	g.uses.Add(1)
	return err
}

func (g *registers) operate(c *client, k int64, in registerOp) (out registerAnswer, o outcome, err error) {
	switch in.kind {
	case "read":
		out.value, _, err = c.number("SELECT v FROM registers WHERE k = ?", k)
		return out, judgeError(err), err
	case "write":
		_, o, err = c.change("UPDATE registers SET v = ? WHERE k = ?", in.new, k)
		return out, o, err
	case "swap":
		o, err = c.transaction("REPEATABLE READ", "BEGIN", func() (err error) {
			if out.value, _, err = c.number("SELECT v FROM registers WHERE k = ? FOR UPDATE", k); err != nil {
				return err
			}
			_, err = c.exec("UPDATE registers SET v = ? WHERE k = ?", in.new, k)
			return err
		})
		return out, o, err
	}
	res, o, err := c.change("UPDATE registers SET v = ? WHERE k = ? AND v = ?", in.new, k, in.old)
	if err == nil {
		var n int64
		n, err = res.RowsAffected()
		out.ok = n == 1
	}
	return out, o, err
}

// turn goes on to a fresh register.
func (g *registers) turn(c *client) error {
	if g.uses.Load() < registerUses {
		return nil
	}
	k := g.key.Load() + 1
	if _, err := c.exec("INSERT IGNORE INTO registers VALUES (?, 0)", k); err != nil {
		return err
	}
	if g.key.CompareAndSwap(k-1, k) {
		g.uses.Store(0)
	}
	return nil
}

func (g *registers) judge(r *run, _ *sql.DB) {
	total, undecided := 0, 0
	for k, ops := range g.ops {
		total += len(ops)
		switch res, info := porcupine.CheckOperationsVerbose(registerModel, ops, 10*time.Second); res {
		case porcupine.Illegal:
			r.anomaly("register %d is not linearizable:\n%s", k, explain(ops, info))
		case porcupine.Unknown:
			undecided++
		}
	}
	r.t.Logf("registers: %d operations on %d registers; %d too hard to judge", total, len(g.ops), undecided)
}

// explain shows the operations around the first one that no order of those before explains.
func explain(ops []porcupine.Operation, info porcupine.LinearizationInfo) string {
	longest := []int{}
	for _, p := range info.PartialLinearizations() {
		for _, l := range p {
			if len(l) > len(longest) {
				longest = l
			}
		}
	}
	in := map[int]bool{}
	for _, id := range longest {
		in[id] = true
	}
	first := -1
	for i := range ops {
		if !in[i] && (first < 0 || ops[i].Call < ops[first].Call) {
			first = i
		}
	}
	text := ""
	const window = int64(100 * time.Millisecond)
	for i, o := range ops {
		if first >= 0 && o.Call <= ops[first].Return && o.Return >= ops[first].Call-window {
			mark := "  "
			if i == first {
				mark = "→ "
			}
			text += fmt.Sprintf("%sc%d [%.4f s, %.4f s] %s\n", mark, o.ClientId, float64(o.Call)/1e9, float64(o.Return)/1e9,
				registerModel.DescribeOperation(o.Input, o.Output))
		}
	}
	return text
}
