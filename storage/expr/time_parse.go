package expr

import (
	"strings"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// STR_TO_DATE.

// The parts of a format that make it one of a time, or of a date. A day is of neither: beside a time alone it is 24 hours.
const (
	formatTimeParts = "fHISThiklrs"
	formatDateParts = "MVUXYWabcjmvuxyw"
)

// typeStrToDate: a constant format tells whether a DATE, a TIME or a DATETIME comes out.
func typeStrToDate(c *Call) error {
	f, ok := c.constText(1)
	if !ok {
		c.typ = datetimeType(6)
		return nil
	}
	var hasDate, hasTime, hasMicro bool
	for i := 0; i+1 < len(f); i++ {
		if f[i] == '%' {
			i++
			hasDate = hasDate || strings.IndexByte(formatDateParts, f[i]) >= 0
			hasTime = hasTime || strings.IndexByte(formatTimeParts, f[i]) >= 0
			hasMicro = hasMicro || f[i] == 'f'
		}
	}
	fsp := 0
	if hasMicro {
		fsp = 6
	}
	switch {
	case hasDate && hasTime:
		c.typ = datetimeType(fsp)
	case hasTime:
		c.typ = timeType(fsp)
	default:
		c.typ = types.TypeDate
	}
	return nil
}

func strToDate(c *Call, env *Env, a, f types.Value) (types.Value, error) {
	s := string(c.text(0, a))
	p := dateParser{s: s, legacy: env.Mode.Legacy}
	ok := p.parse(string(c.text(1, f))) && p.finish()
	d := p.c
	if ok && c.typ.Class() != types.ClassTime {
		ok = !(env.Mode.NoZeroDate && (d.Year == 0 || d.HasZero())) // whatever NO_ZERO_IN_DATE says; days beyond the month's end pass
		if env.Mode.Legacy {
			ok = !(env.Mode.NoZeroDate && d.Year == 0 && d.Month == 0 && d.Day == 0) && !(env.Mode.NoZeroInDate && d.HasZero())
		}
	}
	if !ok {
		env.warn(mysqlerr.WrongValueForType, "datetime", s, "str_to_date")
		return types.Null, nil
	}
	if strings.TrimSpace(p.s) != "" {
		env.warn(mysqlerr.TruncatedWrongValue, "datetime", s)
	}
	switch c.typ.Class() {
	case types.ClassTime:
		if !env.Mode.Legacy {
			d.Hour += d.Day * 24
		}
		return types.Time(d.Clock(), c.typ.Decimals), nil
	case types.ClassDatetime:
		return d.datetime(c.typ.Decimals), nil
	}
	return d.date(), nil
}

// dateParser reads text along a STR_TO_DATE format.
type dateParser struct {
	s        string // what is left
	c        civil
	pm       int // 1 AM, 2 PM
	hour12   bool
	yday     int
	week     int
	weekMode byte // the part that week was read by
	weekYear int
	yearMode byte // the part that weekYear was read by
	wday     int  // 1 Monday … 7 Sunday
	legacy   bool // as version 1 reads: names are written out, and a week's year may be of another part
}

func (p *dateParser) skipSpace() { p.s = strings.TrimLeft(p.s, " \t\r\n") }

// num reads one number of at most width digits.
func (p *dateParser) num(width, limit int, dst *int) bool {
	n, i := 0, 0
	for ; i < len(p.s) && i < width && p.s[i] >= '0' && p.s[i] <= '9'; i++ {
		n = n*10 + int(p.s[i]-'0')
	}
	if i == 0 || n > limit {
		return false
	}
	*dst, p.s = n, p.s[i:]
	return true
}

func (p *dateParser) parse(f string) bool {
	for i := 0; i < len(f) && p.s != ""; i++ {
		if isSpaceByte(f[i]) {
			p.skipSpace()
			continue
		}
		p.skipSpace()
		if p.s == "" {
			break
		}
		if f[i] != '%' || i+1 == len(f) {
			if p.s[0] != f[i] {
				return false
			}
			p.s = p.s[1:]
			continue
		}
		i++
		if !p.part(f[i]) {
			return false
		}
	}
	return true
}

func isSpaceByte(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func (p *dateParser) part(b byte) bool {
	switch b {
	case 'Y':
		return p.year4()
	case 'y':
		if !p.num(2, 99, &p.c.Year) {
			return false
		}
		p.c.Year = fullYear(p.c.Year)
		return true
	case 'm', 'c':
		return p.num(2, 12, &p.c.Month)
	case 'd', 'e':
		return p.num(2, 31, &p.c.Day)
	case 'D':
		if !p.num(2, 31, &p.c.Day) || len(p.s) < 2 {
			return false
		}
		p.s = p.s[2:]
		return true
	case 'H', 'k':
		return p.num(2, 23, &p.c.Hour)
	case 'h', 'I', 'l':
		p.hour12 = true
		return p.num(2, 12, &p.c.Hour) && p.c.Hour > 0
	case 'i':
		return p.num(2, 59, &p.c.Minute)
	case 's', 'S':
		return p.num(2, 59, &p.c.Second)
	case 'f':
		had := len(p.s)
		if !p.num(6, 999999, &p.c.Micro) {
			return false
		}
		for n := had - len(p.s); n < 6; n++ {
			p.c.Micro *= 10
		}
		return true
	case 'p':
		return p.meridiem()
	case 'M':
		return p.name(12, 0, func(i int) string { return time.Month(i + 1).String() }, &p.c.Month)
	case 'b':
		return p.name(12, 3, func(i int) string { return time.Month(i + 1).String() }, &p.c.Month)
	case 'W':
		return p.name(7, 0, func(i int) string { return time.Weekday((i + 1) % 7).String() }, &p.wday)
	case 'a':
		return p.name(7, 3, func(i int) string { return time.Weekday((i + 1) % 7).String() }, &p.wday)
	case 'w':
		if !p.num(1, 6, &p.wday) {
			return false
		}
		if p.wday == 0 {
			p.wday = 7
		}
		return true
	case 'j':
		return p.num(3, 366, &p.yday) && p.yday > 0
	case 'U', 'u', 'V', 'v':
		p.weekMode = b
		if !p.num(2, 53, &p.week) {
			return false
		}
		return b == 'U' || b == 'u' || p.week > 0
	case 'X', 'x':
		p.yearMode = b
		return p.num(4, 9999, &p.weekYear)
	case 'T':
		return p.parse("%H:%i:%s")
	case 'r':
		return p.parse("%I:%i:%s %p")
	case '.', '@', '#':
		for p.s != "" && inClass(b, p.s[0]) {
			p.s = p.s[1:]
		}
		return true
	}
	if p.s[0] != b {
		return false
	}
	p.s = p.s[1:]
	return true
}

func inClass(class, b byte) bool {
	alpha := b|0x20 >= 'a' && b|0x20 <= 'z'
	digit := b >= '0' && b <= '9'
	switch class {
	case '@':
		return alpha
	case '#':
		return digit
	}
	return !alpha && !digit && b > ' ' && b < 0x7f
}

func (p *dateParser) year4() bool {
	had := len(p.s)
	if !p.num(4, 9999, &p.c.Year) {
		return false
	}
	if had-len(p.s) <= 2 {
		p.c.Year = fullYear(p.c.Year)
	}
	return true
}

func fullYear(y int) int {
	if y < 70 {
		return y + 2000
	}
	return y + 1900
}

func (p *dateParser) meridiem() bool {
	if len(p.s) < 2 || !p.hour12 {
		return false
	}
	switch strings.ToUpper(p.s[:2]) {
	case "AM":
		p.pm = 1
	case "PM":
		p.pm = 2
	default:
		return false
	}
	p.s = p.s[2:]
	return true
}

// name takes the word that the text begins with for one of n names, cut to short characters, or for the beginning of a single one.
func (p *dateParser) name(n, short int, of func(int) string, dst *int) bool {
	end := 0
	for end < len(p.s) && inClass('@', p.s[end]) {
		end++
	}
	found, begun := 0, 0
	for i := range n {
		want := of(i)
		if short > 0 {
			want = want[:short]
		}
		switch {
		case p.legacy:
			if len(p.s) >= len(want) && strings.EqualFold(p.s[:len(want)], want) {
				*dst, p.s = i+1, p.s[len(want):]
				return true
			}
		case strings.EqualFold(p.s[:end], want):
			*dst, p.s = i+1, p.s[end:]
			return true
		case end < len(want) && strings.EqualFold(p.s[:end], want[:end]):
			found, begun = i+1, begun+1
		}
	}
	if begun != 1 {
		return false
	}
	*dst, p.s = found, p.s[end:]
	return true
}

// finish works the date out of a day of the year or a week.
func (p *dateParser) finish() bool {
	if p.hour12 {
		p.c.Hour %= 12
		if p.pm == 2 {
			p.c.Hour += 12
		}
	}
	day := 0
	switch {
	case p.yday > 0:
		day = temporal.DayNumber(p.c.Year, 1, 1) + p.yday - 1
	case p.weekMode != 0 && p.wday > 0:
		day = p.weekDay()
	default:
		return true
	}
	if day <= 0 || day > temporal.MaxDayNumber {
		return false
	}
	p.c.Year, p.c.Month, p.c.Day = temporal.DateOfDay(day)
	return true
}

func (p *dateParser) weekDay() int {
	sunday := p.weekMode == 'U' || p.weekMode == 'V'
	year := p.c.Year
	switch strict := p.weekMode == 'V' || p.weekMode == 'v'; {
	case p.legacy && strict && p.weekYear == 0:
		return -1
	case p.legacy && !strict:
	case p.legacy:
		year = p.weekYear
	case strict && p.yearMode != p.weekMode+('X'-'V'), !strict && p.yearMode != 0:
		return -1 // %V is of %X's year, %v of %x's, %U and %u are of none of these
	case strict:
		year = p.weekYear
	}
	first := temporal.DayNumber(year, 1, 1)
	wd := temporal.Weekday(first, sunday)
	if sunday {
		off := p.wday % 7
		if wd != 0 {
			first += 7
		}
		return first - wd + (p.week-1)*7 + off
	}
	if wd > 3 {
		first += 7
	}
	return first - wd + (p.week-1)*7 + p.wday - 1
}
