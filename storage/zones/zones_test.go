package zones

import (
	"testing"
	"time"
)

// TestInstant: the moments of readings around the changes of clocks, as MySQL has them.
func TestInstant(t *testing.T) {
	for _, c := range []struct {
		zone, local, utc string
		skipped          bool
	}{
		{"Europe/Amsterdam", "2025-10-26 01:59:59", "2025-10-25 23:59:59", false},
		{"Europe/Amsterdam", "2025-10-26 02:30:00", "2025-10-26 00:30:00", false}, // the first of the two
		{"Europe/Amsterdam", "2025-10-26 03:00:00", "2025-10-26 02:00:00", false},
		{"Europe/Amsterdam", "2025-03-30 01:59:59", "2025-03-30 00:59:59", false},
		{"Europe/Amsterdam", "2025-03-30 02:00:00", "2025-03-30 01:00:00", true},
		{"Europe/Amsterdam", "2025-03-30 02:59:59", "2025-03-30 01:00:00", true},
		{"Europe/Amsterdam", "2025-03-30 03:00:00", "2025-03-30 01:00:00", false},
		{"US/Eastern", "2007-03-11 02:30:00", "2007-03-11 07:00:00", true},
		{"US/Eastern", "2007-11-04 01:30:00", "2007-11-04 05:30:00", false},
		{"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06 14:45:00", false}, // half an hour back at 02:00
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 10:00:00", true},         // a day that was not
		{"UTC", "2025-03-30 02:30:00", "2025-03-30 02:30:00", false},
	} {
		loc, ok := Load(c.zone)
		w, err := time.Parse(time.DateTime, c.local)
		if !ok || err != nil {
			t.Fatal(c.zone, c.local)
		}
		at, skipped := Instant(w.Year(), int(w.Month()), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, loc)
		if got := at.UTC().Format(time.DateTime); got != c.utc || skipped != c.skipped {
			t.Errorf("%s in %s is %s (skipped: %v)", c.local, c.zone, got, skipped)
		}
	}
}

// TestEveryZone: each zone of the database can be read, and each moment around each of its changes is found again.
func TestEveryZone(t *testing.T) {
	for name := range files() {
		loc, ok := Load(name)
		if !ok {
			t.Errorf("%s cannot be read", name)
			continue
		}
		for at := time.Unix(0, 0).In(loc); at.Year() < 2038; {
			_, end := at.ZoneBounds()
			if end.IsZero() || !end.After(at) {
				break
			}
			for _, d := range []time.Duration{-25 * time.Hour, -time.Hour, -time.Second, 0, time.Minute, time.Hour, 25 * time.Hour} {
				x := end.Add(d)
				got, skipped := Instant(x.Year(), int(x.Month()), x.Day(), x.Hour(), x.Minute(), x.Second(), 0, loc)
				if skipped || got.After(x) || got.In(loc).Format(time.DateTime) != x.Format(time.DateTime) {
					t.Fatalf("%s: %s is taken for %s", name, x, got.In(loc))
				}
			}
			at = end
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"Europe/Berlin": true, "": false, "Local": false, "SYSTEM": false, "Europe": false, "Europe/": false, "../etc/passwd": false, "Nowhere/X": false,
	} {
		if _, ok := Load(name); ok != want {
			t.Errorf("%q: %v", name, ok)
		}
	}
	for name, want := range map[string]bool{
		"+05:30": true, "-5:00": true, "+14:00": true, "+14:01": false, "-13:59": true, "-14:00": false, "5:00": false, "+5": false, "+123:00": false, "": false,
	} {
		if _, ok := Offset(name); ok != want {
			t.Errorf("%q: %v", name, ok)
		}
	}
}

// What clocks show twice is told apart; nothing else is touched.
func TestShownTwice(t *testing.T) {
	for _, c := range []struct{ zone, first, again string }{
		{"Europe/Amsterdam", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"},
		{"America/New_York", "2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"},
		{"Australia/Lord_Howe", "2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z"},
		{"Australia/Sydney", "2025-04-05T15:30:00Z", "2025-04-05T16:30:00Z"},
	} {
		loc, _ := Load(c.zone)
		first, _ := time.Parse(time.RFC3339, c.first)
		again, _ := time.Parse(time.RFC3339, c.again)
		if ShownBefore(first.In(loc)) || !ShownBefore(again.In(loc)) || !ShownAgain(first.In(loc)).Equal(again) || !ShownAgain(again.In(loc)).Equal(again) {
			t.Errorf("%s: %v %v %s %s", c.zone, ShownBefore(first.In(loc)), ShownBefore(again.In(loc)), ShownAgain(first.In(loc)), ShownAgain(again.In(loc)))
		}
		if later := again.Add(2 * time.Hour); ShownBefore(later.In(loc)) || !ShownAgain(later.In(loc)).Equal(later) {
			t.Errorf("%s: two hours later nothing is shown twice", c.zone)
		}
	}
	if at := time.Unix(1e9, 0); ShownBefore(at.UTC()) || !ShownAgain(at.UTC()).Equal(at) {
		t.Error("UTC shows something twice")
	}
}
