package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/storage/spawn"
)

// testClockEnv names a file that falsifies this node's clocks, for tests of clock faults in real processes (a Go program
// does not read the time through libc, so that nothing outside of it could). The file holds two or three words and may
// change while the node runs:
//
//	wall-offset rate [drift]        as in: -3.5s 1.02   or: 8760h 1 100
//
// The offset is added to the wall clock, to which timestamps are held near; the rate makes the monotonic clock, which leases
// are counted on, run that much faster than it should; the drift makes the wall clock run so much faster than the true
// time from the change of the file on. Nothing ever makes the monotonic clock jump: no machine's does.
const testClockEnv = "CLOUDSQL_TEST_CLOCK"

const testClockPoll = 20 * time.Millisecond

// testClock is a clock.Clock and a wall clock under a test's control.
type testClock struct {
	path string

	mu     sync.Mutex
	start  time.Time     // of the present rate
	past   time.Duration // on this clock at start
	rate   float64
	offset time.Duration
	drift  float64
}

func newTestClock(path string, log *slog.Logger) *testClock {
	log.Warn("the clocks of this node are false", testClockEnv, path)
	c := &testClock{path: path, start: time.Now(), rate: 1, drift: 1}
	spawn.Go("the test clock", func() {
		for last := ""; ; time.Sleep(testClockPoll) {
			text, err := os.ReadFile(path)
			if err != nil || string(text) == last {
				continue // between two versions of the file
			}
			last = string(text)
			if err := c.set(last); err != nil {
				log.Error("clock file", "path", path, "err", err)
			}
		}
	})
	return c
}

// set takes the text of the file.
func (c *testClock) set(text string) error {
	words := strings.Fields(text)
	if len(words) == 2 {
		words = append(words, "1")
	}
	if len(words) != 3 {
		return fmt.Errorf("%q is not an offset, a rate and perhaps a drift", text)
	}
	offset, err := time.ParseDuration(words[0])
	if err != nil {
		return err
	}
	var rate float64
	if _, err := fmt.Sscan(words[1], &rate); err != nil || rate < 0.1 || rate > 10 {
		return fmt.Errorf("rate %q is not between 0.1 and 10", words[1])
	}
	var drift float64
	if _, err := fmt.Sscan(words[2], &drift); err != nil || drift < 0 || drift > 1e4 {
		return fmt.Errorf("drift %q is not between 0 and 10000", words[2])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.past, c.start = c.at(now), now
	c.rate, c.offset, c.drift = rate, offset, drift
	return nil
}

// at is the monotonic clock at a moment of the true one. mu is held.
func (c *testClock) at(now time.Time) time.Duration {
	return c.past + time.Duration(float64(now.Sub(c.start))*c.rate)
}

// Now implements clock.Clock.
func (c *testClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(time.Now())
}

// NewTimer implements clock.Clock. A timer keeps the rate with which it was made.
func (c *testClock) NewTimer(d time.Duration) clock.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return clock.System.NewTimer(time.Duration(float64(d) / c.rate))
}

// wall is the falsified time of day.
func (c *testClock) wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	return now.Add(c.offset + time.Duration(float64(now.Sub(c.start))*(c.drift-1)))
}
