package expr

import (
	"strconv"
	"strings"
	"time"

	"cloudsql/storage/types"
)

// Dates as text and text as dates, epochs and time zones.

var timeMoreDefs = []def{
	{name: "date_format", min: 2, max: 2, usesNow: true, typ: typeFormat, f2: func(c *Call, env *Env, a, f types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a)
		if !ok {
			return types.Null, nil
		}
		out, ok := d.format(nil, string(c.text(1, f)))
		if !ok {
			return types.Null, nil
		}
		return c.str(out), nil
	}},
	{name: "time_format", min: 2, max: 2, typ: typeFormat, f2: func(c *Call, env *Env, a, f types.Value) (types.Value, error) {
		t := a.ToTime(&env.Mode, env.Warn)
		if t.IsNull() {
			return types.Null, nil
		}
		var d civil
		us := t.Int()
		d.setClock(max(us, -us))
		var out []byte
		if us < 0 {
			out = append(out, '-')
		}
		out, ok := d.format(out, string(c.text(1, f)))
		if !ok {
			return types.Null, nil
		}
		return c.str(out), nil
	}},
	{name: "str_to_date", min: 2, max: 2, typ: typeStrToDate, f2: strToDate},
	{name: "from_unixtime", min: 1, max: 2, usesNow: true, typ: typeFromUnixtime, fn: fromUnixtime},
	{name: "unix_timestamp", min: 0, max: 1, usesNow: true, typ: typeUnixTimestamp, f0: func(_ *Call, env *Env) (types.Value, error) {
		return types.Int(env.Now.Unix()), nil
	}, f1: unixTimestamp},
	{name: "convert_tz", min: 3, max: 3, rewrite: nameSystemZone, typ: func(c *Call) error { c.typ = datetimeType(fspOfExpr(c.args[0])); return nil }, fn: convertTZ},
	// get_format('date' | 'time' | 'datetime', name)
	{name: "get_format", min: 2, max: 2, typ: typeASCII(17), f2: getFormat},
}

func typeFormat(c *Call) error {
	n := charLen(c.args[1].Type())
	if n >= 0 {
		n *= 10
	}
	if err := c.setStringResult(n, c.args[1]); err != nil {
		return err
	}
	return nil
}

// format fills in a DATE_FORMAT pattern; false where the date has no such part (a day's name of a zero date).
func (c civil) format(dst []byte, f string) ([]byte, bool) {
	if f == "" {
		return nil, false
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 == len(f) {
			dst = append(dst, f[i])
			continue
		}
		i++
		var ok bool
		if dst, ok = c.formatPart(dst, f[i]); !ok {
			return nil, false
		}
	}
	return dst, true
}

func (c civil) formatPart(dst []byte, part byte) ([]byte, bool) {
	switch part {
	case 'M', 'b':
		if c.month == 0 {
			return nil, false
		}
		name := time.Month(c.month).String()
		if part == 'b' {
			name = name[:3]
		}
		return append(dst, name...), true
	case 'W', 'a':
		if c.month == 0 && c.year == 0 {
			return nil, false
		}
		name := dayName(c)
		if part == 'a' {
			name = name[:3]
		}
		return append(dst, name...), true
	case 'D':
		return append(strconv.AppendInt(dst, int64(c.day), 10), daySuffix(c.day)...), true
	case 'Y':
		return appendPadded(dst, c.year, 4), true
	case 'y':
		return appendPadded(dst, c.year%100, 2), true
	case 'm':
		return appendPadded(dst, c.month, 2), true
	case 'c':
		return appendPadded(dst, c.month, 1), true
	case 'd':
		return appendPadded(dst, c.day, 2), true
	case 'e':
		return appendPadded(dst, c.day, 1), true
	case 'f':
		return appendPadded(dst, c.micro, 6), true
	case 'H':
		return appendPadded(dst, c.hour, 2), true
	case 'k':
		return appendPadded(dst, c.hour, 1), true
	case 'h', 'I':
		return appendPadded(dst, (c.hour+11)%12+1, 2), true
	case 'l':
		return appendPadded(dst, (c.hour+11)%12+1, 1), true
	case 'i':
		return appendPadded(dst, c.minute, 2), true
	case 's', 'S':
		return appendPadded(dst, c.second, 2), true
	case 'j':
		return appendPadded(dst, c.dayOfYear(), 3), true
	case 'p':
		return append(dst, amPM(c.hour)...), true
	case 'r':
		dst = append(appendPadded(dst, (c.hour+11)%12+1, 2), ':')
		dst = append(appendPadded(dst, c.minute, 2), ':')
		return append(append(appendPadded(dst, c.second, 2), ' '), amPM(c.hour)...), true
	case 'T':
		dst = append(appendPadded(dst, c.hour, 2), ':')
		dst = append(appendPadded(dst, c.minute, 2), ':')
		return appendPadded(dst, c.second, 2), true
	case 'U', 'u', 'V', 'v', 'X', 'x':
		return c.formatWeek(dst, part), true
	case 'w':
		if c.month == 0 && c.year == 0 {
			return nil, false
		}
		return appendPadded(dst, weekday(dayNumber(c.year, c.month, c.day), true), 1), true
	}
	return append(dst, part), true
}

func (c civil) formatWeek(dst []byte, part byte) []byte {
	mode := map[byte]int{'U': weekFirstDay, 'u': weekMondayFirst, 'V': weekYear | weekFirstDay, 'v': weekYear | weekMondayFirst,
		'X': weekYear | weekFirstDay, 'x': weekYear | weekMondayFirst}[part]
	w, y := c.week(mode)
	if part == 'X' || part == 'x' {
		return appendPadded(dst, y, 4)
	}
	return appendPadded(dst, w, 2)
}

func amPM(hour int) string {
	if hour%24 < 12 {
		return "AM"
	}
	return "PM"
}

func daySuffix(d int) string {
	if d < 10 || d > 19 {
		switch d % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}

func appendPadded(dst []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for i := len(s); i < width; i++ {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

const (
	formatTimeParts = "fHkhIlisSprT"
	formatDateParts = "MbDdejmUuVvWwaXxYyc"
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
	p := dateParser{s: s}
	ok := p.parse(string(c.text(1, f))) && p.finish()
	d := p.c
	if ok && c.typ.Class() != types.ClassTime {
		ok = !(env.Mode.NoZeroDate && d.year == 0 && d.month == 0 && d.day == 0) &&
			!(env.Mode.NoZeroInDate && d.zeroInDate()) // days beyond the month's end pass
	}
	if !ok {
		env.warn(errWrongValueForType, "datetime", s, "str_to_date")
		return types.Null, nil
	}
	if strings.TrimSpace(p.s) != "" {
		env.warn(errTruncatedWrong, "datetime", s)
	}
	switch c.typ.Class() {
	case types.ClassTime:
		return types.Time(d.clock(), c.typ.Decimals), nil
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
	weekMode int
	weekYear int
	wday     int // 1 Monday … 7 Sunday
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
		if !p.num(2, 99, &p.c.year) {
			return false
		}
		p.c.year = fullYear(p.c.year)
		return true
	case 'm', 'c':
		return p.num(2, 12, &p.c.month)
	case 'd', 'e':
		return p.num(2, 31, &p.c.day)
	case 'D':
		if !p.num(2, 31, &p.c.day) || len(p.s) < 2 {
			return false
		}
		p.s = p.s[2:]
		return true
	case 'H', 'k':
		return p.num(2, 23, &p.c.hour)
	case 'h', 'I', 'l':
		p.hour12 = true
		return p.num(2, 12, &p.c.hour) && p.c.hour > 0
	case 'i':
		return p.num(2, 59, &p.c.minute)
	case 's', 'S':
		return p.num(2, 59, &p.c.second)
	case 'f':
		had := len(p.s)
		if !p.num(6, 999999, &p.c.micro) {
			return false
		}
		for n := had - len(p.s); n < 6; n++ {
			p.c.micro *= 10
		}
		return true
	case 'p':
		return p.meridiem()
	case 'M':
		return p.name(12, 0, func(i int) string { return time.Month(i + 1).String() }, &p.c.month)
	case 'b':
		return p.name(12, 3, func(i int) string { return time.Month(i + 1).String() }, &p.c.month)
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
		p.weekMode = int(b)
		if !p.num(2, 53, &p.week) {
			return false
		}
		return b == 'U' || b == 'u' || p.week > 0
	case 'X', 'x':
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
	if !p.num(4, 9999, &p.c.year) {
		return false
	}
	if had-len(p.s) <= 2 {
		p.c.year = fullYear(p.c.year)
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

// name finds one of n names, cut to short characters, at the start of the text.
func (p *dateParser) name(n, short int, of func(int) string, dst *int) bool {
	for i := range n {
		want := of(i)
		if short > 0 {
			want = want[:short]
		}
		if len(p.s) >= len(want) && strings.EqualFold(p.s[:len(want)], want) {
			*dst, p.s = i+1, p.s[len(want):]
			return true
		}
	}
	return false
}

// finish works the date out of a day of the year or a week.
func (p *dateParser) finish() bool {
	if p.hour12 {
		p.c.hour %= 12
		if p.pm == 2 {
			p.c.hour += 12
		}
	}
	day := 0
	switch {
	case p.yday > 0:
		day = dayNumber(p.c.year, 1, 1) + p.yday - 1
	case p.weekMode != 0 && p.wday > 0:
		day = p.weekDay()
	default:
		return true
	}
	if day <= 0 || day > maxDayNumber {
		return false
	}
	p.c.year, p.c.month, p.c.day = dateOfDay(day)
	return true
}

func (p *dateParser) weekDay() int {
	sunday := p.weekMode == 'U' || p.weekMode == 'V'
	year := p.c.year
	if p.weekMode == 'V' || p.weekMode == 'v' {
		if p.weekYear == 0 {
			return -1
		}
		year = p.weekYear
	}
	first := dayNumber(year, 1, 1)
	wd := weekday(first, sunday)
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

func typeFromUnixtime(c *Call) error {
	if len(c.args) == 2 {
		return typeFormat(c)
	}
	c.typ = datetimeType(fspOf(c.args[0].Type()))
	return nil
}

// maxUnixtime is 3001-01-18 23:59:59.999999 UTC, the end of FROM_UNIXTIME.
const maxUnixtime = 32536771199999999

func fromUnixtime(c *Call, env *Env, a []types.Value) (types.Value, error) {
	us, ok := secondsToMicros(a[0], env)
	if !ok || us < 0 || us > maxUnixtime {
		return types.Null, nil
	}
	d := fromStd(time.UnixMicro(us).In(env.loc()))
	if len(a) == 2 {
		out, ok := d.format(nil, string(c.text(1, a[1])))
		if !ok {
			return types.Null, nil
		}
		return c.str(out), nil
	}
	return d.datetime(c.typ.Decimals), nil
}

func typeUnixTimestamp(c *Call) error {
	c.typ = intType(11, false)
	if len(c.args) == 1 {
		if fsp := fspOfExpr(c.args[0]); fsp > 0 {
			c.typ = decimalType(11+fsp, fsp)
		}
	}
	return nil
}

// unixTimestamp is 0 for what no timestamp can be.
func unixTimestamp(c *Call, env *Env, a types.Value) (types.Value, error) {
	d, ok := fuzzy(env, a)
	var us int64
	if ok && !d.zeroInDate() {
		us = d.std(env.loc()).UnixMicro()
	}
	if us < 0 || us > maxUnixtime {
		us = 0
	}
	if c.typ.Class() == types.ClassInt {
		return types.Int(us / microsPerSecond), nil
	}
	unit := int64(fspUnit[c.typ.Decimals])
	return types.DecSmall(us/unit, c.typ.Decimals), nil
}

// nameSystemZone puts the zone's name for 'SYSTEM', which would be another one on another node.
func nameSystemZone(args []Expr) (Expr, error) {
	name := systemZone().String()
	for i, a := range args {
		if k, ok := a.(*Const); ok && i > 0 && name != "Local" && string(k.Val.Raw()) == "SYSTEM" {
			args = append([]Expr(nil), args...)
			args[i] = NewStr(name)
			return New("convert_tz", args...)
		}
	}
	return nil, nil
}

func convertTZ(c *Call, env *Env, a []types.Value) (types.Value, error) {
	d, ok := calendar(env, a[0])
	if !ok {
		return types.Null, nil
	}
	from, ok := timeZone(string(c.text(1, a[1])))
	if !ok {
		return types.Null, nil
	}
	to, ok := timeZone(string(c.text(2, a[2])))
	if !ok {
		return types.Null, nil
	}
	t := d.std(from)
	if us := t.UnixMicro(); us < 0 || us > maxUnixtime {
		return d.datetime(c.typ.Decimals), nil // beyond timestamps nothing is converted
	}
	return fromStd(t.In(to)).datetime(c.typ.Decimals), nil
}

var dateFormats = map[string]map[string]string{
	"date": {"USA": "%m.%d.%Y", "JIS": "%Y-%m-%d", "ISO": "%Y-%m-%d", "EUR": "%d.%m.%Y", "INTERNAL": "%Y%m%d"},
	"datetime": {"USA": "%Y-%m-%d %H.%i.%s", "JIS": "%Y-%m-%d %H:%i:%s", "ISO": "%Y-%m-%d %H:%i:%s",
		"EUR": "%Y-%m-%d %H.%i.%s", "INTERNAL": "%Y%m%d%H%i%s"},
	"time": {"USA": "%h:%i:%s %p", "JIS": "%H:%i:%s", "ISO": "%H:%i:%s", "EUR": "%H.%i.%s", "INTERNAL": "%H%i%s"},
}

func getFormat(c *Call, _ *Env, kind, name types.Value) (types.Value, error) {
	k := strings.ToLower(string(c.text(0, kind)))
	if k == "timestamp" {
		k = "datetime"
	}
	f, ok := dateFormats[k][strings.ToUpper(string(c.text(1, name)))]
	if !ok {
		return types.Null, nil
	}
	return c.str([]byte(f)), nil
}
