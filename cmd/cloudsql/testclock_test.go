package main

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

func TestTestClock(t *testing.T) {
	c := newTestClock(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler))
	base := c.start
	for _, step := range []struct {
		text string
		ok   bool
	}{{"5s 2", true}, {"-1m 0.5\n", true}, {"5s", false}, {"5 1", false}, {"5s 0", false}, {"5s fast", false}, {"0s 1 -2", false}, {"0s 1 1 1", false}, {"-1m 0.5 1", true}} {
		if err := c.set(step.text); (err == nil) != step.ok {
			t.Errorf("set(%q): %v", step.text, err)
		}
	}
	if c.offset != -time.Minute || c.rate != 0.5 {
		t.Errorf("a wrong text changed the clock: %v %v", c.offset, c.rate)
	}
	if d := time.Until(c.wall()); d > -59*time.Second {
		t.Errorf("the wall clock is off by %v, not by a minute", d)
	}
	if err := c.set("0s 1 1000"); err != nil {
		t.Fatal(err)
	}
	c.start = c.start.Add(-time.Second)
	if d := time.Until(c.wall()); d < 998*time.Second || d > 1100*time.Second {
		t.Errorf("a second at a drift of 1000 is %v", d)
	}
	c.past, c.start, c.rate = 0, base, 2
	if got := c.at(base.Add(3 * time.Second)); got != 6*time.Second {
		t.Errorf("three seconds at a rate of 2 are %v", got)
	}
	before := c.Now()
	if err := c.set("0s 0.1"); err != nil {
		t.Fatal(err)
	}
	if after := c.Now(); after < before {
		t.Errorf("the monotonic clock went back from %v to %v", before, after)
	}
}
