package temporal

import "strconv"

// AppendYear appends a YEAR.
func AppendYear(dst []byte, year int) []byte { return appendPadded(dst, year, 4) }

// AppendDate appends the date of a packed date and time.
func AppendDate(dst []byte, packed uint64) []byte {
	c := Of(packed)
	dst = append2(append2(dst, c.Year/100), c.Year%100)
	dst = append2(append(dst, '-'), c.Month)
	return append2(append(dst, '-'), c.Day)
}

// AppendDatetime appends a packed date and time with fsp fractional digits.
func AppendDatetime(dst []byte, packed uint64, fsp int) []byte {
	c := Of(packed)
	dst = append(AppendDate(dst, packed), ' ')
	dst = append2(append(append2(dst, c.Hour), ':'), c.Minute)
	dst = append2(append(dst, ':'), c.Second)
	return appendMicros(dst, c.Micro, fsp)
}

// AppendTime appends a TIME of signed microseconds with fsp fractional digits.
func AppendTime(dst []byte, micros int64, fsp int) []byte {
	if micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	s := int(micros / MicrosPerSecond)
	dst = append(appendPadded(dst, s/3600, 2), ':')
	dst = append2(append(append2(dst, s/60%60), ':'), s%60)
	return appendMicros(dst, int(micros%MicrosPerSecond), fsp)
}

// appendMicros appends the first fsp digits of a fraction, cutting off the rest.
func appendMicros(dst []byte, micros, fsp int) []byte {
	if fsp <= 0 {
		return dst
	}
	return appendPadded(append(dst, '.'), micros/fspUnit[fsp], fsp)
}

// appendPadded appends n with at least width digits, which are one to seven.
func appendPadded(dst []byte, n, width int) []byte {
	for p := fspUnit[7-width]; p > 1 && uint64(n) < uint64(p); p /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
