package expr

import (
	_ "embed" // locales.txt
	"slices"
	"strconv"
	"strings"
	"sync"

	"cloudsql/storage/temporal"
)

// Locale is a language, as MySQL has it: names of months and days, and how FORMAT writes numbers.
type Locale struct {
	Name                  string
	months, days          []string // days from Monday on
	shortMonths, shortDay []string

	point, separator string
	lastGroup, group int // digits between separators; 0: no separators
}

func (l *Locale) month(m int, short bool) string {
	if short {
		return l.shortMonths[m-1]
	}
	return l.months[m-1]
}

func (l *Locale) day(c civil, short bool) string {
	d := temporal.Weekday(temporal.DayNumber(c.Year, c.Month, c.Day), false)
	if short {
		return l.shortDay[d]
	}
	return l.days[d]
}

// number writes a decimal number, 1234.5, with the locale's point and groups of digits.
func (l *Locale) number(s string) string {
	whole, fraction, fractional := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	var groups []string
	for size := l.lastGroup; size > 0 && len(whole) > size; size = l.group {
		groups = append(groups, whole[len(whole)-size:])
		whole = whole[:len(whole)-size]
	}
	groups = append(groups, whole)
	slices.Reverse(groups)
	out := strings.Join(groups, l.separator)
	if fractional {
		out += l.point + fraction
	}
	if strings.HasPrefix(s, "-") {
		return "-" + out
	}
	return out
}

// FindLocale finds a locale by its name in any case; nil where MySQL has none of it.
func FindLocale(name string) *Locale { return locales()[strings.ToLower(name)] }

var english = sync.OnceValue(func() *Locale { return FindLocale(DefaultLocale) })

//go:embed locales.txt
var localeText string

// locales are MySQL's, by their names in lower case. What FORMAT makes of them is evaluated by replicas: no line changes that a release had.
var locales = sync.OnceValue(func() map[string]*Locale {
	all := map[string]*Locale{}
	lines := strings.Split(localeText, "\n")
	for i, line := range lines {
		if names, ok := strings.CutPrefix(line, "names "); ok {
			list := func(n int) []string {
				l := strings.Split(strings.TrimPrefix(lines[i+n], "\t"), "|")
				return l[:len(l)-1]
			}
			for _, name := range strings.Fields(names) {
				all[strings.ToLower(name)] = &Locale{Name: name, months: list(1), shortMonths: list(2), days: list(3), shortDay: list(4)}
			}
		}
	}
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "numbers "); ok {
			addNumbers(all, rest)
		}
	}
	return all
})

// addNumbers reads how some locales write numbers.
func addNumbers(all map[string]*Locale, line string) {
	var quoted [2]string
	for i := range quoted {
		q, _ := strconv.QuotedPrefix(line)
		quoted[i], _ = strconv.Unquote(q)
		line = strings.TrimSpace(line[len(q):])
	}
	fields := strings.Fields(line)
	for _, name := range fields[2:] {
		l := all[strings.ToLower(name)]
		l.point, l.separator = quoted[0], quoted[1]
		l.lastGroup, _ = strconv.Atoi(fields[0])
		l.group, _ = strconv.Atoi(fields[1])
	}
}
