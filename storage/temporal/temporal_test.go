package temporal

import (
	"testing"
	"time"
)

// What is read is a date within its ranges once it is rounded, and reads back from its own text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"2024-05-06 10:11:12.5+05:30", "20240506T101112", "240506", "0000-00-00", "2024-00-07 1:2", "2023-02-31",
		"9999-12-31 23:59:59.9999999", "-838:59:59.999999", "1 2:3", "70-1-1", "10:11:12"} {
		f.Add([]byte(s), false, false, false)
		f.Add([]byte(s), true, true, true)
	}
	f.Fuzz(func(t *testing.T, s []byte, zero, zeroIn, invalid bool) {
		rules := Rules{NoZeroDate: zero, NoZeroInDate: zeroIn, AllowInvalid: invalid}
		if p := ParseDatetime(s, rules); p.OK {
			packed, ok := Round(p.Pack(), 6)
			if !ok {
				return
			}
			text := AppendDatetime(nil, packed, 6)
			if again := ParseDatetime(text, Rules{AllowInvalid: invalid}); !Valid(packed) || !again.OK || again.Issue != 0 || again.Pack() != packed {
				t.Fatalf("%q is %s (%x), which is %x", s, text, packed, again.Pack())
			}
		}
		if p := ParseTime(s, rules); p.OK {
			text := AppendTime(nil, RoundMicros(p.Micros, 6), 6)
			if again := ParseTime(text, rules); !again.OK || again.Micros != p.Micros {
				t.Fatalf("%q is %s, which is %d, not %d", s, text, again.Micros, p.Micros)
			}
		}
	})
}

// Packed dates order as dates do, and come apart as they were put together.
func TestPack(t *testing.T) {
	last := uint64(0)
	for _, c := range []Civil{{}, {Month: 1}, {Year: 1, Month: 12, Day: 31}, {Year: 2023, Month: 2, Day: 31}, {Year: 2024}, {Year: 2024, Month: 1, Day: 1},
		{2024, 1, 1, 0, 0, 0, 1}, {2024, 1, 1, 23, 59, 59, 999999}, {9999, 12, 31, 23, 59, 59, 999999}} {
		packed := c.Pack()
		if Of(packed) != c || !Valid(packed) || last > 0 && packed <= last {
			t.Errorf("%v is packed as %x, after %x", c, packed, last)
		}
		last = packed
	}
}

func TestAdd(t *testing.T) {
	for _, tc := range []struct {
		date   Civil
		micros int64
		want   string
	}{
		{Civil{Year: 2024, Month: 2, Day: 28}, MicrosPerDay, "2024-02-29 00:00:00"}, {Civil{Year: 2024, Month: 3, Day: 1}, -1, "2024-02-29 23:59:59"},
		{Civil{}, 3600 * MicrosPerSecond, "0000-00-00 01:00:00"}, {Civil{}, MicrosPerDay, "0000-00-00 00:00:00"},
	} {
		if got := string(AppendDatetime(nil, tc.date.Add(tc.micros).Pack(), 0)); got != tc.want {
			t.Errorf("%v and %d microseconds is %s, want %s", tc.date, tc.micros, got, tc.want)
		}
	}
}

func TestRound(t *testing.T) {
	for _, tc := range []struct {
		date Civil
		fsp  int
		want string
	}{
		{Civil{2024, 2, 28, 23, 59, 59, 999999}, 5, "2024-02-29 00:00:00.000000"}, {Civil{2024, 2, 28, 23, 59, 58, 500000}, 0, "2024-02-28 23:59:59.000000"},
		{Civil{2024, 2, 28, 1, 2, 3, 123456}, 3, "2024-02-28 01:02:03.123000"}, {Civil{2024, 0, 28, 23, 59, 59, 999999}, 0, ""},
		{Civil{9999, 12, 31, 23, 59, 59, 500000}, 0, ""},
	} {
		packed, ok := Round(tc.date.Pack(), tc.fsp)
		if got := string(AppendDatetime(nil, packed, 6)); ok != (tc.want != "") || ok && got != tc.want {
			t.Errorf("%v to %d digits is %s, %v, want %s", tc.date, tc.fsp, got, ok, tc.want)
		}
	}
	if got := RoundMicros(-1500, 3); got != -2000 {
		t.Errorf("-1500 µs to milliseconds is %d", got)
	}
}

// A TIMESTAMP shows what clocks in its zone do.
func TestOfTimestamp(t *testing.T) {
	east := time.FixedZone("", 3600)
	if c := OfTimestamp(0, east); c != (Civil{Year: 1970, Month: 1, Day: 1, Hour: 1}) {
		t.Errorf("the epoch is %v", c)
	}
	if c := OfTimestamp(ZeroTimestamp, east); c != (Civil{}) {
		t.Errorf("the zero TIMESTAMP is %v", c)
	}
}
