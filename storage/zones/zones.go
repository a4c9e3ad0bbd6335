// Package zones is the time zone database that expressions are evaluated with.
//
// Replicas convert local times when they apply the log, so the rules are part of the program and of no machine: the
// environment (ZONEINFO, TZ) and the host's files are never looked at. The copy here is of release 2025c, as Go 1.26 brings
// it (lib/time/zoneinfo.zip).
//
// Invariant: all replicas of a shard convert alike. Another release of the database therefore comes with a cluster
// version, beside this one.
package zones

import (
	"archive/zip"
	"bytes"
	_ "embed" // the database
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// Release is that of the embedded database.
const Release = "2025c"

//go:embed zoneinfo.zip
var database []byte

var files = sync.OnceValue(func() map[string]*zip.File {
	r, err := zip.NewReader(bytes.NewReader(database), int64(len(database)))
	if err != nil {
		panic("zones: the embedded database: " + err.Error())
	}
	byName := make(map[string]*zip.File, len(r.File))
	for _, f := range r.File {
		if f.Mode().IsRegular() {
			byName[f.Name] = f
		}
	}
	return byName
})

// cache holds zones by name, as many as there are.
var cache sync.Map

// Load finds a zone of the database by its name ("Europe/Berlin").
func Load(name string) (*time.Location, bool) {
	switch name {
	case "UTC":
		return time.UTC, true
	case "Local":
		return nil, false
	}
	if z, ok := cache.Load(name); ok {
		return z.(*time.Location), true
	}
	f := files()[name]
	if f == nil {
		return nil, false
	}
	z, err := read(name, f)
	if err != nil {
		return nil, false
	}
	cache.Store(name, z)
	return z, true
}

// Names lists the zones in order of name.
func Names() []string { return slices.Sorted(maps.Keys(files())) }

func read(name string, f *zip.File) (*time.Location, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}

// Offset reads "+h:mm" and "+hh:mm", from -13:59 to +14:00.
func Offset(name string) (*time.Location, bool) {
	if name == "" || name[0] != '+' && name[0] != '-' {
		return nil, false
	}
	var h, m int
	s, i := name[1:], 0
	for ; i < len(s) && digit(s[i]) && i < 2; i++ {
		h = h*10 + int(s[i]-'0')
	}
	if i == 0 || len(s) != i+3 || s[i] != ':' || !digit(s[i+1]) || !digit(s[i+2]) {
		return nil, false
	}
	m = int(s[i+1]-'0')*10 + int(s[i+2]-'0')
	total := h*60 + m
	if m > 59 || name[0] == '+' && total > 14*60 || name[0] == '-' && total >= 14*60 {
		return nil, false
	}
	if name[0] == '-' {
		total = -total
	}
	return time.FixedZone(name, total*60), true
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

// Instant is the moment of a wall clock's reading in loc. What the clock shows twice, when it is set back, is the first of
// the two; what it skips, when it is set forward, is the moment of the change, and skipped is true.
func Instant(year, month, day, hour, minute, second, nano int, loc *time.Location) (at time.Time, skipped bool) {
	at = time.Date(year, time.Month(month), day, hour, minute, second, nano, loc)
	if loc == time.UTC {
		return at, false
	}
	start, end := at.ZoneBounds()
	_, offset := at.Zone()
	if at.Hour() != hour || at.Minute() != minute || at.Second() != second || at.Day() != day {
		// Date took the offset of one side of the change, and so came out on the other.
		if start.IsZero() || !end.IsZero() && end.Sub(at) < at.Sub(start) {
			return end, true
		}
		return start, true
	}
	if !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if first := at.Add(time.Duration(offset-before) * time.Second); first.Before(start) && before > offset {
			return first, false
		}
	}
	return at, false
}

// ShownBefore tells whether the clocks where at is have shown the same before: they have been set back since.
func ShownBefore(at time.Time) bool {
	start, _ := at.ZoneBounds()
	if start.IsZero() {
		return false
	}
	_, offset := at.Zone()
	_, before := start.Add(-1).Zone()
	return at.Sub(start) < time.Duration(before-offset)*time.Second
}

// ShownAgain is when the clocks show again what they show at that moment, because they are set back; at itself where they do not.
func ShownAgain(at time.Time) time.Time {
	_, end := at.ZoneBounds()
	if end.IsZero() {
		return at
	}
	_, offset := at.Zone()
	_, next := end.Zone()
	if again := at.Add(time.Duration(offset-next) * time.Second); next < offset && !again.Before(end) {
		return again
	}
	return at
}
