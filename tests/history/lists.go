package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Outcome is what a client knows about its transaction's end.
type Outcome uint8

// The outcomes.
const (
	Aborted   Outcome = iota // rolled back, refused, or COMMIT was never sent
	Committed                // acknowledged
	Unknown                  // COMMIT was sent and not answered
)

func (o Outcome) String() string { return [...]string{"aborted", "committed", "unknown"}[o] }

// Op is one read or append.
type Op struct {
	Append bool
	Key    string
	Value  int   // appended; unique in the history
	List   []int // read; valid in an aborted transaction too
}

func (o Op) String() string {
	if o.Append {
		return fmt.Sprintf("%s ← %d", o.Key, o.Value)
	}
	const most = 6
	list, dots := o.List, ""
	if len(list) > most {
		list, dots = list[len(list)-most:], "… "
	}
	return fmt.Sprintf("%s = [%s%s]", o.Key, dots, strings.Trim(fmt.Sprint(list), "[]"))
}

// Txn is one transaction as its client saw it.
type Txn struct {
	Name       string // client, level, gateway: for the report
	Ops        []Op
	Outcome    Outcome
	Weak       bool  // no order is owed for what it read before it wrote; see the package comment
	Unsteady   bool  // reads need not be repeatable (READ COMMITTED); implies Weak
	Newest     bool  // one read of the newest state, without a timestamp or lock; see the package comment
	Begin, End int64 // when the client sent BEGIN and was answered to COMMIT, on one clock
}

func (t *Txn) String() string {
	ops := make([]string, len(t.Ops))
	for i, o := range t.Ops {
		ops[i] = o.String()
	}
	return fmt.Sprintf("%s %s [%.3f s, %.3f s]: %s", t.Name, t.Outcome, float64(t.Begin)/1e9, float64(t.End)/1e9, strings.Join(ops, "; "))
}

// Anomaly is a finding with its evidence.
type Anomaly struct {
	Kind     string
	Evidence string
}

func (a Anomaly) String() string { return a.Kind + ": " + a.Evidence }

// Lists judges a history of lists. final has each key's list as it was read after everything had ended.
func Lists(txns []Txn, final map[string][]int) []Anomaly {
	c := &checker{txns: txns, final: final, writers: map[int]writer{}, reported: map[string]int{}}
	c.index()
	c.decide()
	for i := range txns {
		c.reads(i)
	}
	c.graph()
	return c.anomalies
}

// perKind bounds how often each kind is reported: the first ones tell the story.
const perKind = 3

type checker struct {
	txns      []Txn
	final     map[string][]int
	writers   map[int]writer // of each number
	committed []bool
	edges     [][]edge
	anomalies []Anomaly
	reported  map[string]int
}

// writer is who appended a number.
type writer struct {
	txn  int
	last bool // the transaction's last append to that key
}

func (c *checker) found(kind, format string, args ...any) {
	if c.reported[kind]++; c.reported[kind] <= perKind {
		c.anomalies = append(c.anomalies, Anomaly{kind, fmt.Sprintf(format, args...)})
	}
}

// index finds who wrote which number.
func (c *checker) index() {
	for i := range c.txns {
		last := map[string]int{}
		for _, o := range c.txns[i].Ops {
			if o.Append {
				if _, twice := c.writers[o.Value]; twice {
					panic(fmt.Sprintf("history: %d is appended by two operations", o.Value))
				}
				c.writers[o.Value] = writer{txn: i}
				last[o.Key] = o.Value
			}
		}
		for _, v := range last {
			c.writers[v] = writer{txn: i, last: true}
		}
	}
}

// decide finds which transactions took effect.
func (c *checker) decide() {
	there := map[int]bool{}
	for key, list := range c.final {
		for _, v := range list {
			if there[v] {
				c.found("duplicate", "%d is twice in %s = %v", v, key, list)
			}
			there[v] = true
		}
	}
	c.committed = make([]bool, len(c.txns))
	for i := range c.txns {
		t := &c.txns[i]
		missing, present := -1, -1
		for _, o := range t.Ops {
			switch {
			case !o.Append:
			case there[o.Value]:
				present = o.Value
			default:
				missing = o.Value
			}
		}
		c.committed[i] = t.Outcome == Committed || t.Outcome == Unknown && present >= 0
		if t.Outcome == Unknown {
			t.End = math.MaxInt64
		}
		switch {
		case t.Outcome == Aborted && present >= 0:
			c.found("G1a", "%d is in a final list; %v", present, t)
		case t.Outcome == Committed && missing >= 0:
			c.found("lost append", "%d is in no final list; %v", missing, t)
		case missing >= 0 && present >= 0:
			c.found("partial", "%d is there and %d is not; %v", present, missing, t)
		}
	}
}

// reads checks each list that a transaction read, by itself.
func (c *checker) reads(i int) {
	t := &c.txns[i]
	own := map[string][]int{}  // what the transaction has appended
	seen := map[string][]int{} // what it read of others
	for _, o := range t.Ops {
		if o.Append {
			own[o.Key] = append(own[o.Key], o.Value)
			continue
		}
		mine := own[o.Key]
		if !hasSuffix(o.List, mine) {
			c.found("internal", "%s does not end in the transaction's own %v; %v", o.Key, mine, t)
			continue
		}
		others := o.List[:len(o.List)-len(mine)]
		if old, again := seen[o.Key]; again && !slices.Equal(old, others) && !t.Unsteady && !(t.Weak && len(mine) > 0) {
			c.found("internal", "%s was read as %v and as %v; %v", o.Key, old, others, t)
		}
		seen[o.Key] = others
		c.read(t, o.Key, others)
	}
}

// read checks what t saw of others in one list.
func (c *checker) read(t *Txn, key string, list []int) {
	final := c.final[key]
	if len(list) > len(final) || !slices.Equal(list, final[:len(list)]) {
		c.found("fork", "%s was read as %v, but is %v in the end; %v", key, list, final, t)
	}
	for n, v := range list {
		w, known := c.writers[v]
		if !known {
			c.found("fork", "%s has %d, which nobody appended; %v", key, v, t)
			continue
		}
		if by := &c.txns[w.txn]; by != t && !c.committed[w.txn] {
			c.found("G1a", "%d of %v was seen by %v", v, by, t)
		} else if by != t && n == len(list)-1 && !w.last {
			c.found("G1b", "%d of %v was seen by %v", v, by, t)
		}
	}
}

func hasSuffix(list, suffix []int) bool {
	return len(list) >= len(suffix) && slices.Equal(list[len(list)-len(suffix):], suffix)
}
