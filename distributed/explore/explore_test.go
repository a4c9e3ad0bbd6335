package explore

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// jugs is the old riddle: measure four litres with a jug of three and one of five.
type jugs struct{ wanted int }

type pour string

func (p pour) String() string { return string(p) }

func (jugs) Start() [2]int { return [2]int{} }

func (jugs) Next(s *[2]int, emit func(pour, *[2]int)) {
	size := [2]int{3, 5}
	for i := range s {
		full, empty, over := *s, *s, *s
		full[i], empty[i] = size[i], 0
		n := min(s[i], size[1-i]-s[1-i])
		over[i], over[1-i] = s[i]-n, s[1-i]+n
		emit(pour(fmt.Sprintf("fill %d", size[i])), &full)
		emit(pour(fmt.Sprintf("empty %d", size[i])), &empty)
		emit(pour(fmt.Sprintf("pour from %d", size[i])), &over)
	}
}

func (j jugs) Check(s *[2]int) error {
	if slices.Contains(s[:], j.wanted) {
		return errors.New("measured")
	}
	return nil
}

func (jugs) End(*[2]int) error { return errors.New("a dead end") }

func TestFindsTheShortestWay(t *testing.T) {
	r := Run(jugs{4}, 0)
	want := []string{"fill 5", "pour from 5", "empty 3", "pour from 5", "fill 5", "pour from 5"}
	if r.Err == nil || !slices.Equal(r.Trace, want) {
		t.Fatalf("got %v", r)
	}
}

func TestWalksThroughEverything(t *testing.T) {
	r := Run(jugs{6}, 0)
	if r.Err != nil || r.Capped || r.States != 16 {
		t.Fatalf("got %v", r)
	}
	if r := Run(jugs{6}, 10); !r.Capped || r.States < 10 {
		t.Fatalf("got %v", r)
	}
}

// fork ends in two places, one of them allowed.
type fork struct{ allowed map[int]bool }

func (fork) Start() int { return 1 }
func (fork) Next(s *int, emit func(pour, *int)) {
	if *s == 1 {
		for _, n := range []int{1, 2, 3} { // the first is no step
			emit(pour(fmt.Sprint("to ", n)), &n)
		}
	}
}
func (fork) Check(*int) error { return nil }
func (f fork) End(s *int) error {
	if !f.allowed[*s] {
		return fmt.Errorf("stuck in %d", *s)
	}
	return nil
}

func TestFindsDeadEnds(t *testing.T) {
	if r := Run(fork{map[int]bool{2: true, 3: true}}, 0); r.Err != nil {
		t.Error(r)
	}
	if r := Run(fork{map[int]bool{2: true}}, 0); r.Err == nil || !slices.Equal(r.Trace, []string{"to 3"}) {
		t.Error(r)
	}
}

func TestHashSet(t *testing.T) {
	var set hashSet
	for pass := range 2 {
		for i := range uint64(100_000) {
			if fresh := set.add(i * 0x9e3779b97f4a7c15); fresh != (pass == 0) {
				t.Fatalf("pass %d, %d: new is %v", pass, i, fresh)
			}
		}
	}
}
