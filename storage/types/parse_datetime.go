package types

import (
	"math"
	"time"
)

// temporalIssue says what was wrong with a date or time, as a set of bits.
type temporalIssue uint8

const (
	issueTruncated  temporalIssue = 1 << iota // not a date at all, or garbage behind it
	issueOutOfRange                           // a day that does not exist, an hour beyond 838
	issueZeroDate                             // 0000-00-00, where sql_mode forbids it
	issueZeroInDate                           // a zero month or day, where sql_mode forbids it
	noteTruncated                             // something of no weight was cut off: a note, never an error
)

func (w temporalIssue) serious() bool { return w&^noteTruncated != 0 }

// parsedDatetime is what a string or number gave. When ok is false, there is no date in it; with ok set, issue may still
// tell of garbage behind the date.
type parsedDatetime struct {
	civil
	hasTime bool
	fsp     int // fractional digits that were written, at most 6
	issue   temporalIssue
	ok      bool
}

// Modes without a session: anything that has the form of a date is one.
var anyDate = &Mode{}

// parseDatetime reads the forms that MySQL reads: digits alone (YYMMDD, YYYYMMDD, YYMMDDhhmmss, YYYYMMDDhhmmss), or parts
// with punctuation between them, a T or spaces before the time, a fraction after it, and an offset such as +05:30.
func parseDatetime(s []byte, m *Mode) (p parsedDatetime) {
	if m == nil {
		m = anyDate
	}
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	if len(s) == 0 || !isDigit(s[0]) {
		p.issue = issueTruncated
		return p
	}
	sc := datetimeScanner{s: s}
	sc.compact, sc.yearDigits = compactForm(s)
	if !sc.scan() {
		p.issue = issueTruncated
		return p
	}
	p.finish(&sc, m)
	return p
}

// compactForm tells whether s is digits alone (a fraction may follow) and how many of them are the year.
func compactForm(s []byte) (compact bool, yearDigits int) {
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == 'T') {
		n++
	}
	if n < len(s) && s[n] != '.' {
		return false, 4
	}
	if n == 4 || n == 8 || n >= 14 {
		return true, 4
	}
	return true, 2
}

// datetimeScanner splits a date's text into its parts.
type datetimeScanner struct {
	s          []byte
	pos        int
	compact    bool
	yearDigits int
	part       [6]int // year to second
	fields     int    // how many of them there were
	micro      int
	microLen   int
	roundUp    bool // a seventh fractional digit of 5 or more
	offset     int  // seconds east of UTC
	hasOffset  bool
	punct      bool // punctuation between parts
	twoParts   bool // a space or a T between date and time
}

func (sc *datetimeScanner) scan() bool {
	last := 0 // the end of the last field
	for sc.fields < 6 && sc.pos < len(sc.s) && isDigit(sc.s[sc.pos]) {
		width := 2
		if sc.fields == 0 {
			width = sc.yearDigits
		}
		value, digits := sc.number(width)
		if value > 999999 {
			return false
		}
		if sc.fields == 0 && !sc.compact {
			sc.yearDigits = digits
		}
		sc.part[sc.fields] = value
		sc.fields++
		last = sc.pos
		if sc.fields == 6 {
			break
		}
		if sc.fields == 3 && sc.pos < len(sc.s) && sc.s[sc.pos] == 'T' {
			sc.pos++
			sc.twoParts = true
			continue
		}
		for sc.pos < len(sc.s) && (isPunct(sc.s[sc.pos]) || isSpace(sc.s[sc.pos])) {
			if isSpace(sc.s[sc.pos]) {
				if sc.fields != 3 && sc.pos+skipSpace(sc.s[sc.pos:]) < len(sc.s) {
					return false // a space only goes between date and time
				}
				sc.twoParts = true
			} else if sc.compact && sc.s[sc.pos] == '.' && sc.fields >= 5 {
				break
			} else {
				sc.punct = true
			}
			sc.pos++
		}
	}
	sc.pos = last
	if sc.fields == 6 || sc.compact && sc.fields == 5 {
		sc.fraction()
		sc.zoneOffset()
	}
	return true
}

// number reads digits: width of them where the form is compact, else as many as there are.
func (sc *datetimeScanner) number(width int) (value, digits int) {
	for sc.pos < len(sc.s) && isDigit(sc.s[sc.pos]) && (!sc.compact || digits < width) && value <= 999999 {
		value = value*10 + int(sc.s[sc.pos]-'0')
		sc.pos++
		digits++
	}
	return value, digits
}

// fraction reads ".123"; digits beyond the sixth only round.
func (sc *datetimeScanner) fraction() {
	if sc.pos >= len(sc.s) || sc.s[sc.pos] != '.' {
		return
	}
	sc.pos++
	sc.micro, sc.microLen, sc.roundUp, sc.pos = scanFraction(sc.s, sc.pos)
}

// scanFraction reads the digits of a fraction at s[i:] as microseconds.
func scanFraction(s []byte, i int) (micro, digits int, roundUp bool, end int) {
	unit := 100000
	for n := 0; i < len(s) && isDigit(s[i]); i, n = i+1, n+1 {
		switch {
		case n < 6:
			micro += int(s[i]-'0') * unit
			unit /= 10
			digits++
		case n == 6:
			roundUp = s[i] >= '5'
		}
	}
	return micro, digits, roundUp, i
}

// zoneOffset reads "+05:30", which must end the text.
func (sc *datetimeScanner) zoneOffset() {
	rest := sc.s[sc.pos:]
	if len(rest) != 6 || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' {
		return
	}
	for _, i := range [...]int{1, 2, 4, 5} {
		if !isDigit(rest[i]) {
			return
		}
	}
	hours, minutes := int(rest[1]-'0')*10+int(rest[2]-'0'), int(rest[4]-'0')*10+int(rest[5]-'0')
	if minutes > 59 || hours*60+minutes > 14*60 {
		return
	}
	sc.offset, sc.hasOffset = (hours*60+minutes)*60, true
	if rest[0] == '-' {
		sc.offset = -sc.offset
	}
	sc.pos = len(sc.s)
}

func isPunct(b byte) bool {
	return b >= '!' && b <= '/' || b >= ':' && b <= '@' || b >= '[' && b <= '`' || b >= '{' && b <= '~'
}

// finish checks the parts and fills p.
func (p *parsedDatetime) finish(sc *datetimeScanner, m *Mode) {
	c := civil{sc.part[0], sc.part[1], sc.part[2], sc.part[3], sc.part[4], sc.part[5], sc.micro}
	notZero := c != civil{}
	if sc.yearDigits <= 2 && notZero {
		c.year += century(c.year)
	}
	if sc.fields < 3 || c.year > 9999 || c.month > 12 || c.day > 31 || c.hour > 23 || c.minute > 59 || c.second > 59 {
		p.issue = issueTruncated
		if sc.fields >= 3 {
			p.issue = issueOutOfRange
		}
		return
	}
	if p.issue = c.check(m); p.issue != 0 {
		return
	}
	if sc.roundUp {
		c.micro++ // a carry out of the microseconds is roundPacked's business
	}
	if sc.hasOffset {
		if c.month == 0 || c.day == 0 {
			p.issue = issueTruncated
			return
		}
		c = civilFromStd(c.toStd(time.FixedZone("", sc.offset)).In(m.loc()))
	}
	p.civil, p.hasTime, p.fsp, p.ok = c, sc.fields > 3, sc.microLen, true
	if !onlySpace(sc.s[sc.pos:]) {
		p.issue |= issueTruncated
	}
}

// century is what MySQL adds to a year of two digits.
func century(year int) int {
	if year < 70 {
		return 2000
	}
	return 1900
}

// check tells what sql_mode has against the date.
func (c civil) check(m *Mode) temporalIssue {
	if c == (civil{}) {
		if m.NoZeroDate {
			return issueZeroDate
		}
		return 0
	}
	if c.month == 0 || c.day == 0 {
		if m.NoZeroInDate {
			return issueZeroInDate
		}
		return 0
	}
	if !m.AllowInvalid && c.day > daysIn(c.year, c.month) {
		return issueOutOfRange
	}
	return 0
}

// loc is the session's time zone.
func (m *Mode) loc() *time.Location {
	if m == nil || m.Loc == nil {
		return time.UTC
	}
	return m.Loc
}

// datetimeFromNumber reads YYMMDD, YYYYMMDD, YYMMDDhhmmss or YYYYMMDDhhmmss.
func datetimeFromNumber(n int64, micro int, m *Mode) (p parsedDatetime) {
	if m == nil {
		m = anyDate
	}
	n, ok := widenDate(n)
	if !ok {
		p.issue = issueTruncated
		return p
	}
	d, t := n/1000000, n%1000000
	c := civil{int(d / 10000), int(d / 100 % 100), int(d % 100), int(t / 10000), int(t / 100 % 100), int(t % 100), micro}
	if c.month > 12 || c.day > 31 || c.hour > 23 || c.minute > 59 || c.second > 59 {
		p.issue = issueTruncated
		return p
	}
	if p.issue = c.check(m); p.issue != 0 {
		return p
	}
	p.civil, p.ok, p.hasTime = c, true, t != 0 || micro != 0
	return p
}

// widenDate brings a date's number to YYYYMMDDhhmmss; false where it stands for no date.
func widenDate(n int64) (int64, bool) {
	switch {
	case n == 0:
		return 0, true
	case n < 101:
		return 0, false
	case n <= 691231:
		return (n + 20000000) * 1000000, true
	case n < 700101:
		return 0, false
	case n <= 991231:
		return (n + 19000000) * 1000000, true
	case n <= 99991231:
		return n * 1000000, true
	case n < 101000000:
		return 0, false
	case n <= 691231235959:
		return n + 20000000000000, true
	case n < 700101000000:
		return 0, false
	case n <= 991231235959:
		return n + 19000000000000, true
	case n <= 99991231235959:
		return n, true
	}
	return 0, false
}

// parsedTime is what a string or number gave as a TIME. When ok is false there is no time in it.
type parsedTime struct {
	micros int64
	fsp    int
	issue  temporalIssue
	ok     bool
}

// parseTime reads [-][D ]hh:mm[:ss][.fraction], [-]hhmmss, or the time of a full date and time.
func parseTime(s []byte, m *Mode) (p parsedTime) {
	s = s[skipSpace(s):]
	text := s
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) == 0 {
		p.issue = issueTruncated
		return p
	}
	if len(s) >= 12 && !neg {
		if d, isDate := datetimeInTime(text, m); isDate {
			if !d.ok {
				p.issue = issueTruncated
				return p
			}
			return parsedTime{d.clock(), d.fsp, d.issue | noteTruncated, true}
		}
	}
	days, hours, minutes, seconds, end, ok := scanClock(s)
	if !ok {
		p.issue = issueTruncated
		return p
	}
	micro, roundUp := 0, false
	if end < len(s) && s[end] == '.' {
		micro, p.fsp, roundUp, end = scanFraction(s, end+1)
	}
	if minutes > 59 || seconds > 59 {
		p.issue = issueOutOfRange
		return p
	}
	if !onlySpace(s[end:]) {
		p.issue = issueTruncated
	}
	total := ((days*24+hours)*3600 + minutes*60 + seconds) * microsPerSecond
	if total += int64(micro); roundUp {
		total++
	}
	if total > maxTime {
		total = maxTime
		p.issue |= issueOutOfRange
	}
	if neg {
		total = -total
	}
	p.micros, p.ok = total, true
	return p
}

// datetimeInTime reads a full date and time where a TIME is wanted. isDate is false where the text can only be a TIME:
// with punctuation but nothing that parts a date from its time ("100:00:00.123456"), or a space too early ("1 10:11:12").
func datetimeInTime(s []byte, m *Mode) (p parsedDatetime, isDate bool) {
	sc := datetimeScanner{s: s}
	if sc.compact, sc.yearDigits = compactForm(s); !isDigit(s[0]) || !sc.scan() || sc.punct && !sc.twoParts {
		return p, false
	}
	lax := Mode{Loc: m.loc()}
	p.finish(&sc, &lax)
	return p, true
}

// scanClock reads days, hours, minutes and seconds; a number alone is hhmmss.
func scanClock(s []byte) (days, hours, minutes, seconds int64, end int, ok bool) {
	first, i := scanField(s, 0)
	if i == 0 && s[0] != '.' && s[0] != ':' {
		return 0, 0, 0, 0, 0, false
	}
	afterSpace := i + skipSpace(s[i:])
	switch {
	case afterSpace > i && afterSpace < len(s) && isDigit(s[afterSpace]): // days
		days = min(first, 1<<30)
		hours, i = scanField(s, afterSpace)
	case i+1 < len(s) && s[i] == ':' && isDigit(s[i+1]):
		hours = first
	default:
		return 0, first / 10000, first / 100 % 100, first % 100, i, true
	}
	for _, field := range [...]*int64{&minutes, &seconds} {
		if i+1 >= len(s) || s[i] != ':' || !isDigit(s[i+1]) {
			break
		}
		*field, i = scanField(s, i+1)
	}
	return days, min(hours, 1<<30), minutes, seconds, i, true
}

// scanField reads digits at s[i:], clipped far above anything valid.
func scanField(s []byte, i int) (int64, int) {
	var n int64
	for ; i < len(s) && isDigit(s[i]); i++ {
		n = min(n*10+int64(s[i]-'0'), math.MaxUint32)
	}
	return n, i
}

// timeFromNumber reads hhmmss, or the time of a YYYYMMDDhhmmss.
func timeFromNumber(n int64, micro int, m *Mode) (p parsedTime) {
	neg := n < 0
	if neg {
		n = -n
	}
	if n > 8385959 {
		if n >= 10000000000 {
			if d := datetimeFromNumber(n, micro, m); d.ok {
				return parsedTime{micros: d.clock(), issue: noteTruncated, ok: true}
			}
		}
		p.micros, p.issue, p.ok = maxTime, issueOutOfRange, true
	} else if n%100 > 59 || n/100%100 > 59 {
		p.issue = issueOutOfRange
		return p
	} else {
		p.micros, p.ok = (n/10000*3600+n/100%100*60+n%100)*microsPerSecond+int64(micro), true
	}
	if neg {
		p.micros = -p.micros
	}
	return p
}

// clock is the time of day in microseconds.
func (c civil) clock() int64 {
	return int64(c.hour*3600+c.minute*60+c.second)*microsPerSecond + int64(c.micro)
}
