package temporal

// The calendar is MySQL's: proleptic Gregorian, day 1 is 0000-01-01.

// MaxDayNumber is the day of 9999-12-31.
const MaxDayNumber = 3652424

func daysInYear(y int) int {
	if isLeap(y) {
		return 366
	}
	return 365
}

// DayNumber counts days from the year 0.
func DayNumber(y, m, d int) int {
	if y == 0 && m == 0 {
		return 0
	}
	n := 365*y + 31*(m-1) + d
	if m <= 2 {
		y--
	} else {
		n -= (m*4 + 23) / 10
	}
	temp := (y/100 + 1) * 3 / 4 // y may be -1: division cuts towards zero
	return n + y/4 - temp
}

// DateOfDay undoes DayNumber; days of the year 0 and beyond 9999 are the zero date.
func DateOfDay(n int) (y, m, d int) {
	if n <= 365 || n >= 3652500 {
		return 0, 0, 0
	}
	y = n * 100 / 36525
	temp := ((y-1)/100 + 1) * 3 / 4
	day := n - y*365 - (y-1)/4 + temp
	for day > daysInYear(y) {
		day -= daysInYear(y)
		y++
	}
	for m = 1; day > DaysIn(y, m); m++ {
		day -= DaysIn(y, m)
	}
	return y, m, day
}

// Weekday of a day number: 0 is Monday, or Sunday with sundayFirst.
func Weekday(n int, sundayFirst bool) int {
	if sundayFirst {
		return (n + 6) % 7
	}
	return (n + 5) % 7
}

// The bits of a week mode as MySQL's calendar takes them (WEEK()'s argument has the last one inverted without the
// first).
const (
	WeekMondayFirst = 1
	WeekYear        = 2
	WeekFirstDay    = 4
)

// WeekMode is the mode of WEEK()'s argument.
func WeekMode(arg int) int {
	m := arg & 7
	if m&WeekMondayFirst == 0 {
		m ^= WeekFirstDay
	}
	return m
}

// Week numbers the week of c and tells the year that it belongs to.
func (c Civil) Week(mode int) (week, year int) {
	day, first := DayNumber(c.Year, c.Month, c.Day), DayNumber(c.Year, 1, 1)
	ofYear := mode&WeekYear != 0
	firstDay := mode&WeekFirstDay != 0
	wd := Weekday(first, mode&WeekMondayFirst == 0)
	year = c.Year
	skips := func() bool { return firstDay && wd != 0 || !firstDay && wd >= 4 }
	if c.Month == 1 && c.Day <= 7-wd {
		if !ofYear && skips() {
			return 0, year
		}
		ofYear = true
		year--
		n := daysInYear(year)
		first -= n
		wd = (wd + 53*7 - n) % 7
	}
	var days int
	if skips() {
		days = day - (first + (7 - wd))
	} else {
		days = day - (first - wd)
	}
	if ofYear && days >= 52*7 {
		wd = (wd + daysInYear(year)) % 7
		if !skips() {
			return 1, year + 1
		}
	}
	return days/7 + 1, year
}

// DayOfYear is 1 on the first of January.
func (c Civil) DayOfYear() int {
	return DayNumber(c.Year, c.Month, c.Day) - DayNumber(c.Year, 1, 1) + 1
}
