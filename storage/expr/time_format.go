package expr

import (
	"strconv"

	"cloudsql/storage/temporal"
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
		d.SetClock(max(us, -us))
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
	{name: "convert_tz", min: 3, max: 3, usesNow: true, typ: func(c *Call) error { c.typ = datetimeType(fspOfExpr(c.args[0])); return nil }, fn: convertTZ},
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
func (c civil) format(dst []byte, f string) ([]byte, bool) { return c.formatIn(dst, f, english()) }

// formatIn is format with the names of a language.
func (c civil) formatIn(dst []byte, f string, l *Locale) ([]byte, bool) {
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
		if dst, ok = c.formatPart(dst, f[i], l); !ok {
			return nil, false
		}
	}
	return dst, true
}

func (c civil) formatPart(dst []byte, part byte, l *Locale) ([]byte, bool) {
	switch part {
	case 'M', 'b':
		if c.Month == 0 {
			return nil, false
		}
		return append(dst, l.month(c.Month, part == 'b')...), true
	case 'W', 'a':
		if c.Month == 0 && c.Year == 0 {
			return nil, false
		}
		return append(dst, l.day(c, part == 'a')...), true
	case 'D':
		return append(strconv.AppendInt(dst, int64(c.Day), 10), daySuffix(c.Day)...), true
	case 'Y':
		return appendPadded(dst, c.Year, 4), true
	case 'y':
		return appendPadded(dst, c.Year%100, 2), true
	case 'm':
		return appendPadded(dst, c.Month, 2), true
	case 'c':
		return appendPadded(dst, c.Month, 1), true
	case 'd':
		return appendPadded(dst, c.Day, 2), true
	case 'e':
		return appendPadded(dst, c.Day, 1), true
	case 'f':
		return appendPadded(dst, c.Micro, 6), true
	case 'H':
		return appendPadded(dst, c.Hour, 2), true
	case 'k':
		return appendPadded(dst, c.Hour, 1), true
	case 'h', 'I':
		return appendPadded(dst, (c.Hour+11)%12+1, 2), true
	case 'l':
		return appendPadded(dst, (c.Hour+11)%12+1, 1), true
	case 'i':
		return appendPadded(dst, c.Minute, 2), true
	case 's', 'S':
		return appendPadded(dst, c.Second, 2), true
	case 'j':
		return appendPadded(dst, c.DayOfYear(), 3), true
	case 'p':
		return append(dst, amPM(c.Hour)...), true
	case 'r':
		dst = append(appendPadded(dst, (c.Hour+11)%12+1, 2), ':')
		dst = append(appendPadded(dst, c.Minute, 2), ':')
		return append(append(appendPadded(dst, c.Second, 2), ' '), amPM(c.Hour)...), true
	case 'T':
		dst = append(appendPadded(dst, c.Hour, 2), ':')
		dst = append(appendPadded(dst, c.Minute, 2), ':')
		return appendPadded(dst, c.Second, 2), true
	case 'U', 'u', 'V', 'v', 'X', 'x':
		return c.formatWeek(dst, part), true
	case 'w':
		if c.Month == 0 && c.Year == 0 {
			return nil, false
		}
		return appendPadded(dst, temporal.Weekday(temporal.DayNumber(c.Year, c.Month, c.Day), true), 1), true
	}
	return append(dst, part), true
}

func (c civil) formatWeek(dst []byte, part byte) []byte {
	mode := map[byte]int{'U': temporal.WeekFirstDay, 'u': temporal.WeekMondayFirst, 'V': temporal.WeekYear | temporal.WeekFirstDay, 'v': temporal.WeekYear | temporal.WeekMondayFirst,
		'X': temporal.WeekYear | temporal.WeekFirstDay, 'x': temporal.WeekYear | temporal.WeekMondayFirst}[part]
	w, y := c.Week(mode)
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
