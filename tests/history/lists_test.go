package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// txn parses "x+1 y=12 …": append 1 to x, read [1 2] from y. Suffixes of the name: w weak, u unsteady, a aborted,
// ? unknown. Transactions begin and end in the order of the list, each before the next, unless at says otherwise.
func txn(name, ops string) Txn {
	t := Txn{Name: name, Outcome: Committed}
	_, flags, _ := strings.Cut(name, "/")
	for _, f := range flags {
		switch f {
		case 'w':
			t.Weak = true
		case 'u':
			t.Weak, t.Unsteady = true, true
		case 'n':
			t.Newest = true
		case 'a':
			t.Outcome = Aborted
		case '?':
			t.Outcome = Unknown
		}
	}
	for _, o := range strings.Fields(ops) {
		op := Op{Key: o[:1], Append: o[1] == '+'}
		if op.Append {
			fmt.Sscan(o[2:], &op.Value)
		} else {
			op.List = digits(o[2:])
		}
		t.Ops = append(t.Ops, op)
	}
	return t
}

// at is txn with its own time.
func at(begin, end int64, name, ops string) Txn {
	t := txn(name, ops)
	t.Begin, t.End = begin, end
	return t
}

func digits(s string) (list []int) {
	for _, d := range s {
		list = append(list, int(d-'0'))
	}
	return list
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		name  string
		txns  []Txn
		final string // "x=12 y=3"
		serve bool   // one after the other; else all at once
		want  string // kinds
	}{
		{"serial", []Txn{txn("a", "x= x+1"), txn("b", "x=1 x+2 x=12"), txn("c", "x=12 y=")}, "x=12", true, ""},
		{"lost", []Txn{txn("a", "x+1")}, "x=", false, "lost append"},
		{"unknown, not done", []Txn{txn("a/?", "x+1"), txn("b", "x=")}, "x=", true, ""},
		{"unknown, done", []Txn{txn("a/?", "x+1"), txn("b", "x="), txn("c", "x=1")}, "x=1", true, ""},
		{"unknown, half", []Txn{txn("a/?", "x+1 y+2")}, "x=1 y=", false, "partial"},
		{"half", []Txn{txn("a", "x+1 y+2")}, "x=1 y=", false, "lost append"},
		{"duplicate", []Txn{txn("a", "x+1")}, "x=11", false, "duplicate"},
		{"aborted read", []Txn{txn("a/a", "x+1"), txn("b", "x=1")}, "x=", false, "fork G1a"},
		{"aborted write stays", []Txn{txn("a/a", "x+1")}, "x=1", false, "G1a"},
		{"intermediate", []Txn{txn("a", "x+1 x+2"), txn("b", "x=1")}, "x=12", false, "G1b G-single"},
		{"fork", []Txn{txn("a", "x+1"), txn("b", "x+2"), txn("c", "x=2")}, "x=12", false, "fork"},
		{"own appends", []Txn{txn("a", "x+1 x=")}, "x=1", false, "internal"},
		{"not repeatable", []Txn{txn("a", "x+1"), txn("b", "x= x=1")}, "x=1", false, "internal G-single"},
		{"not repeatable, allowed", []Txn{txn("a", "x+1"), txn("b/u", "x= x=1")}, "x=1", false, ""},
		{"dirty write", []Txn{txn("a", "x+1 y+2"), txn("b", "x+3 y+4")}, "x=13 y=42", false, "G0"},
		{"circular information", []Txn{txn("a", "x+1 y=2"), txn("b", "y+2 x=1")}, "x=1 y=2", false, "G1c"},
		{"read skew", []Txn{txn("a", "x+1 y+2"), txn("b", "x= y=2")}, "x=1 y=2", false, "G-single"},
		{"lost update", []Txn{txn("a", "x= x+1"), txn("b", "x= x+2")}, "x=12", false, "G-single"},
		{"lost update of a weak one", []Txn{txn("a/w", "x= x+1"), txn("b/w", "x= x+2")}, "x=12", false, ""},
		{"write skew", []Txn{txn("a", "x= y+1"), txn("b", "y= x+2")}, "x=2 y=1", false, "G2"},
		{"write skew of the weak", []Txn{txn("a/w", "x= y+1"), txn("b/w", "y= x+2")}, "x=2 y=1", false, ""},
		{"stale read", []Txn{txn("a", "x+1"), txn("b", "x=")}, "x=1", true, "G-single-realtime"},
		{"stale newest read", []Txn{txn("a", "x+1"), txn("b/n", "x=")}, "x=1", true, "stale read"},
		{"newest read before a write in flight", []Txn{at(0, 2, "a", "x+1"), at(3, 4, "b/n", "y="), at(1, 9, "c", "y+2"), at(1, 9, "d", "y=2 x=")},
			"x=1 y=2", false, ""},
		{"the same with a timestamp", []Txn{at(0, 2, "a", "x+1"), at(3, 4, "b", "y="), at(1, 9, "c", "y+2"), at(1, 9, "d", "y=2 x=")},
			"x=1 y=2", false, "G2-realtime"},
		{"after a newest read", []Txn{at(0, 9, "a", "x+1"), at(1, 2, "b/n", "x=1"), at(3, 4, "c", "x=")}, "x=1", false, "G-single-realtime"},
		{"no stale read", []Txn{txn("a", "x+1"), txn("b", "x=")}, "x=1", false, ""},
		{"late write", []Txn{txn("a", "x+1"), txn("b", "x+2")}, "x=21", true, "G1c-realtime"},
	} {
		final := map[string][]int{}
		for _, f := range strings.Fields(c.final) {
			final[f[:1]] = digits(f[2:])
		}
		for i := range c.txns {
			if c.txns[i].End != 0 {
				continue
			}
			if c.txns[i].Begin, c.txns[i].End = 0, 10; c.serve {
				c.txns[i].Begin, c.txns[i].End = int64(10*i), int64(10*i+5)
			}
		}
		var kinds []string
		for _, a := range Lists(c.txns, final) {
			kinds = append(kinds, a.Kind)
		}
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: found %q, not %q", c.name, got, c.want)
			for _, a := range Lists(c.txns, final) {
				t.Log(a)
			}
		}
	}
}

// TestListsAtSize: a long serial history has no anomaly, and one wrong read in it is found.
func TestListsAtSize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const count = 20_000
	final := map[string][]int{}
	var txns []Txn
	for i := range count {
		tx := Txn{Name: fmt.Sprint(i), Outcome: Committed, Begin: int64(10 * i), End: int64(10*i + 25)}
		for n := range 3 {
			key := fmt.Sprint(rnd.IntN(10) + i/1000*10)
			if rnd.IntN(2) == 0 {
				final[key] = append(final[key], 10*i+n)
				tx.Ops = append(tx.Ops, Op{Append: true, Key: key, Value: 10*i + n})
			} else {
				tx.Ops = append(tx.Ops, Op{Key: key, List: slices.Clone(final[key])})
			}
		}
		txns = append(txns, tx)
	}
	if a := Lists(txns, final); len(a) > 0 {
		t.Fatalf("a serial history has %v", a)
	}
	for i := range txns {
		for n := range txns[i].Ops {
			if o := &txns[i].Ops[n]; !o.Append && i > count/2 && len(o.List) > 20 && len(txns[i].Ops) == 3 {
				o.List = o.List[:len(o.List)-10]
				a := Lists(txns, final)
				if len(a) == 0 {
					t.Fatal("a stale read was not found")
				}
				return
			}
		}
	}
}
