package wallclock

import (
	"reflect"
	"testing"
	"time"
)

func TestJudgeClock(t *testing.T) {
	const ms, h = time.Millisecond, time.Hour
	for _, c := range []struct {
		name    string
		known   []time.Duration // the others'; this node's is 0
		members int
		want    Report
	}{
		{"alone", nil, 1, Report{Agreed: true, Members: 1}},
		{"all agree", []time.Duration{20 * ms, -30 * ms}, 3, Report{Agreed: true, Members: 3}},
		{"a little ahead of both", []time.Duration{-100 * ms, -90 * ms}, 3, Report{Agreed: true, Offset: 90 * ms, Members: 3}},
		{"ahead", []time.Duration{-h, -h + ms}, 3, Report{Agreed: true, Off: true, Offset: h, Members: 3}},
		{"behind", []time.Duration{h, h - ms}, 3, Report{Agreed: true, Off: true, Offset: -h + ms, Members: 3}},
		{"another is off", []time.Duration{-h, 10 * ms}, 3, Report{Agreed: true, Members: 3}},
		{"all differ", []time.Duration{-h, h}, 3, Report{Members: 3}},
		{"two members differ", []time.Duration{h}, 2, Report{Members: 2}},
		{"one of three is down", []time.Duration{10 * ms}, 3, Report{Agreed: true, Members: 2}},
		{"one of three is down, and two differ", []time.Duration{h}, 3, Report{Members: 2}},
		{"nobody was heard of", nil, 3, Report{Members: 1}},
		{"two against two of five", []time.Duration{ms, h, h}, 5, Report{Members: 4}},
		{"three of five", []time.Duration{h, h, h, -h}, 5, Report{Agreed: true, Off: true, Offset: -h, Members: 5}},
	} {
		if got := judge(append([]time.Duration{0}, c.known...), c.members, 500*ms); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
