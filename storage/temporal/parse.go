package temporal

import (
	"math"
	"time"

	"cloudsql/storage/numeral"
)

// Rules is what of the session decides which dates are good, and where they are. The zero Rules are those of sql_mode ”.
type Rules struct {
	NoZeroDate   bool
	NoZeroInDate bool
	AllowInvalid bool           // days up to 31 in every month
	ShortYears   bool           // a year of one digit is one of two, as version 1 read it
	Loc          *time.Location // nil is UTC
}

func (r Rules) loc() *time.Location {
	if r.Loc == nil {
		return time.UTC
	}
	return r.Loc
}

// Issue says what was wrong with a date or time, as a set of bits.
type Issue uint8

const (
	Truncated  Issue = 1 << iota // not a date at all, or garbage behind it
	OutOfRange                   // a day that does not exist, an hour beyond 838
	ZeroDate                     // 0000-00-00, where sql_mode forbids it
	ZeroInDate                   // a zero month or day, where sql_mode forbids it
	CutOff                       // something of no weight was cut off: a note, never an error
)

func (w Issue) Serious() bool { return w&^CutOff != 0 }

// Parsed is what a string or number gave. When OK is false, there is no date in it; with OK set, Issue may still
// tell of garbage behind the date.
type Parsed struct {
	Civil
	Fsp   int // fractional digits that were written, at most 6
	Issue Issue
	OK    bool
}

// ParseDatetime reads the forms that MySQL reads: digits alone (YYMMDD, YYYYMMDD, YYMMDDhhmmss, YYYYMMDDhhmmss), or parts
// with punctuation between them, a T or spaces before the time, a fraction after it, and an offset such as +05:30.
func ParseDatetime(s []byte, r Rules) (p Parsed) {
	for len(s) > 0 && numeral.IsSpace(s[0]) {
		s = s[1:]
	}
	if len(s) == 0 || !numeral.IsDigit(s[0]) {
		p.Issue = Truncated
		return p
	}
	sc := datetimeScanner{s: s}
	sc.compact, sc.yearDigits = compactForm(s)
	if !sc.scan() {
		p.Issue = Truncated
		return p
	}
	p.finish(&sc, r)
	return p
}

// compactForm tells whether s is digits alone (a fraction may follow) and how many of them are the year.
func compactForm(s []byte) (compact bool, yearDigits int) {
	n := 0
	for n < len(s) && (numeral.IsDigit(s[n]) || s[n] == 'T') {
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
	for sc.fields < 6 && sc.pos < len(sc.s) && numeral.IsDigit(sc.s[sc.pos]) {
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
		for sc.pos < len(sc.s) && (isPunct(sc.s[sc.pos]) || numeral.IsSpace(sc.s[sc.pos])) {
			if numeral.IsSpace(sc.s[sc.pos]) {
				if sc.fields != 3 && sc.pos+numeral.SkipSpace(sc.s[sc.pos:]) < len(sc.s) {
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
	for sc.pos < len(sc.s) && numeral.IsDigit(sc.s[sc.pos]) && (!sc.compact || digits < width) && value <= 999999 {
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
	for n := 0; i < len(s) && numeral.IsDigit(s[i]); i, n = i+1, n+1 {
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
		if !numeral.IsDigit(rest[i]) {
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
func (p *Parsed) finish(sc *datetimeScanner, r Rules) {
	c := Civil{sc.part[0], sc.part[1], sc.part[2], sc.part[3], sc.part[4], sc.part[5], sc.micro}
	notZero := c != Civil{}
	if notZero && (sc.yearDigits == 2 || sc.yearDigits < 2 && r.ShortYears) {
		c.Year += Century(c.Year)
	}
	if sc.fields < 3 || c.Year > 9999 || c.Month > 12 || c.Day > 31 || c.Hour > 23 || c.Minute > 59 || c.Second > 59 {
		p.Issue = Truncated
		if sc.fields >= 3 {
			p.Issue = OutOfRange
		}
		return
	}
	if p.Issue = c.Check(r); p.Issue != 0 {
		return
	}
	if sc.roundUp {
		c.Micro++ // a carry out of the microseconds is Round's business
	}
	if sc.hasOffset {
		if c.HasZero() {
			p.Issue = Truncated
			return
		}
		c = FromStd(c.Std(time.FixedZone("", sc.offset)).In(r.loc()))
	}
	p.Civil, p.Fsp, p.OK = c, sc.microLen, true
	if !numeral.OnlySpace(sc.s[sc.pos:]) {
		p.Issue |= Truncated
	}
}

// Century is what MySQL adds to a year of two digits.
func Century(year int) int {
	if year < 70 {
		return 2000
	}
	return 1900
}

// Check tells what sql_mode has against the date.
func (c *Civil) Check(r Rules) Issue {
	if *c == (Civil{}) {
		if r.NoZeroDate {
			return ZeroDate
		}
		return 0
	}
	if c.HasZero() {
		if r.NoZeroInDate {
			return ZeroInDate
		}
		return 0
	}
	if !r.AllowInvalid && c.Day > DaysIn(c.Year, c.Month) {
		return OutOfRange
	}
	return 0
}

// DatetimeFromNumber reads YYMMDD, YYYYMMDD, YYMMDDhhmmss or YYYYMMDDhhmmss; the microseconds may be a second, to which they were rounded.
func DatetimeFromNumber(n int64, micro int, r Rules) (p Parsed) {
	n, ok := widenDate(n)
	if !ok {
		p.Issue = Truncated
		return p
	}
	d, t := n/1000000, n%1000000
	c := Civil{int(d / 10000), int(d / 100 % 100), int(d % 100), int(t / 10000), int(t / 100 % 100), int(t % 100), micro}
	if c.Month > 12 || c.Day > 31 || c.Hour > 23 || c.Minute > 59 || c.Second > 59 {
		p.Issue = Truncated
		return p
	}
	if p.Issue = c.Check(r); p.Issue != 0 {
		return p
	}
	if micro == MicrosPerSecond {
		packed, ok := Round(c.Pack(), 6)
		if !ok {
			p.Issue = Truncated
			return p
		}
		c = Of(packed)
	}
	p.Civil, p.OK = c, true
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

// ParsedTime is what a string or number gave as a TIME. When OK is false there is no time in it.
type ParsedTime struct {
	Micros int64
	Fsp    int
	Issue  Issue
	OK     bool
}

// ParseTime reads [-][D ]hh:mm[:ss][.fraction], [-]hhmmss, or the time of a full date and time.
func ParseTime(s []byte, r Rules) (p ParsedTime) {
	s = s[numeral.SkipSpace(s):]
	text := s
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) == 0 {
		p.Issue = Truncated
		return p
	}
	if len(s) >= 12 && !neg {
		if d, isDate := datetimeInTime(text, r); isDate {
			if !d.OK {
				p.Issue = Truncated
				return p
			}
			return ParsedTime{d.Clock(), d.Fsp, d.Issue | CutOff, true}
		}
	}
	days, hours, minutes, seconds, end, ok := scanClock(s)
	if !ok {
		p.Issue = Truncated
		return p
	}
	micro, roundUp := 0, false
	if end < len(s) && s[end] == '.' {
		micro, p.Fsp, roundUp, end = scanFraction(s, end+1)
	}
	if minutes > 59 || seconds > 59 {
		p.Issue = OutOfRange
		return p
	}
	if !numeral.OnlySpace(s[end:]) {
		p.Issue = Truncated
	}
	total := ((days*24+hours)*3600 + minutes*60 + seconds) * MicrosPerSecond
	if total += int64(micro); roundUp {
		total++
	}
	if total > MaxTime {
		total = MaxTime
		p.Issue |= OutOfRange
	}
	if neg {
		total = -total
	}
	p.Micros, p.OK = total, true
	return p
}

// datetimeInTime reads a full date and time where a TIME is wanted. isDate is false where the text can only be a TIME:
// with punctuation but nothing that parts a date from its time ("100:00:00.123456"), or a space too early ("1 10:11:12").
func datetimeInTime(s []byte, r Rules) (p Parsed, isDate bool) {
	sc := datetimeScanner{s: s}
	if sc.compact, sc.yearDigits = compactForm(s); !numeral.IsDigit(s[0]) || !sc.scan() || sc.punct && !sc.twoParts {
		return p, false
	}
	p.finish(&sc, Rules{Loc: r.Loc})
	return p, true
}

// scanClock reads days, hours, minutes and seconds; a number alone is hhmmss.
func scanClock(s []byte) (days, hours, minutes, seconds int64, end int, ok bool) {
	first, i := scanField(s, 0)
	if i == 0 && s[0] != '.' && s[0] != ':' {
		return 0, 0, 0, 0, 0, false
	}
	afterSpace := i + numeral.SkipSpace(s[i:])
	switch {
	case afterSpace > i && afterSpace < len(s) && numeral.IsDigit(s[afterSpace]): // days
		days = min(first, 1<<30)
		hours, i = scanField(s, afterSpace)
	case i+1 < len(s) && s[i] == ':' && numeral.IsDigit(s[i+1]):
		hours = first
	default:
		return 0, first / 10000, first / 100 % 100, first % 100, i, true
	}
	for _, field := range [...]*int64{&minutes, &seconds} {
		if i+1 >= len(s) || s[i] != ':' || !numeral.IsDigit(s[i+1]) {
			break
		}
		*field, i = scanField(s, i+1)
	}
	return days, min(hours, 1<<30), minutes, seconds, i, true
}

// scanField reads digits at s[i:], clipped far above anything valid.
func scanField(s []byte, i int) (int64, int) {
	var n int64
	for ; i < len(s) && numeral.IsDigit(s[i]); i++ {
		n = min(n*10+int64(s[i]-'0'), math.MaxUint32)
	}
	return n, i
}

// TimeFromNumber reads hhmmss, or the time of a YYYYMMDDhhmmss.
func TimeFromNumber(n int64, micro int, r Rules) (p ParsedTime) {
	neg := n < 0
	if neg {
		n = -n
	}
	if n > 8385959 {
		if n >= 10000000000 {
			if d := DatetimeFromNumber(n, micro, r); d.OK {
				return ParsedTime{Micros: d.Clock(), Issue: CutOff, OK: true}
			}
		}
		p.Micros, p.Issue, p.OK = MaxTime, OutOfRange, true
	} else if n%100 > 59 || n/100%100 > 59 {
		p.Issue = OutOfRange
		return p
	} else {
		p.Micros, p.OK = (n/10000*3600+n/100%100*60+n%100)*MicrosPerSecond+int64(micro), true
		if p.Micros > MaxTime {
			p.Micros, p.Issue = MaxTime, OutOfRange
		}
	}
	if neg {
		p.Micros = -p.Micros
	}
	return p
}
