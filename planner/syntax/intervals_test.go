package syntax

import "testing"

func TestSignIntervals(t *testing.T) {
	for text, want := range map[string]string{
		"select a - interval (2) second":                     "select a - interval /**/+(2) second",
		"select a - INTERVAL(b + (1)) DAY, interval(1, 2) d": "select a - INTERVAL/**/+(b + (1)) DAY, interval(1, 2) d",
		"select interval(1, 2) day":                          "select interval(1, 2) day",
		"select 'interval (2) day', interval (3) x":          "select 'interval (2) day', interval (3) x",
		"select a + interval (b + interval (1) day) day":     "select a + interval /**/+(b + interval /**/+(1) day) day",
		"select interval (1":                                 "select interval (1",
	} {
		if got := signIntervals(text, 0); got != want {
			t.Errorf("%s: %s", text, got)
		}
		if WrittenText(want) != text {
			t.Errorf("%s: written %s", text, WrittenText(want))
		}
		_, _ = Parse(text, Options{})
	}
}
