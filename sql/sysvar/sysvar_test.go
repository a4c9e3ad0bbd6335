package sysvar

import (
	"strconv"
	"testing"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

func TestTimeZones(t *testing.T) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"+00:00": "12:00", "+05:30": "17:30", "-8:00": "04:00", "+14:00": "02:00", "Europe/Berlin": "14:00", "UTC": "12:00",
	} {
		loc, _, err := ParseTimeZone(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := at.In(loc).Format("15:04"); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	for _, text := range []string{"", "+14:01", "-14:00", "+5", "05:00", "Nowhere/City", "+1:60", "local"} {
		if _, _, err := ParseTimeZone(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestSQLModes(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "ansi": "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI",
		"strict_all_tables, ONLY_FULL_GROUP_BY": "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES", "0": "", "2097152": "STRICT_TRANS_TABLES",
		"TRADITIONAL": "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO," +
			"TRADITIONAL,NO_ENGINE_SUBSTITUTION",
	} {
		if _, got, err := ParseSQLMode(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"nope", "NO_AUTO_CREATE_USER", "16"} {
		if _, _, err := ParseSQLMode(text); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// TestOthers: each line of others.txt says what a variable is, whole: its default is one of its values, and within its bounds.
func TestOthers(t *testing.T) {
	n := 0
	for _, g := range others() {
		if g.effect == 0 || g.why == "" {
			t.Errorf("a group without an effect: %q", g.why)
		}
		for _, v := range g.vars {
			n++
			if v.Scope == 0 || v.ReadOnly != (g.effect == Tells) {
				t.Errorf("%s: its scope does not fit its group", v.Name)
			}
			val := types.Str(v.def)
			if u, err := strconv.ParseUint(v.def, 10, 64); err == nil && v.kind == kindUint {
				val = types.Uint(u)
			}
			if v.kind == kindFloat || v.ReadOnly {
				continue
			}
			text, err := v.Normalize(val, v.kind != kindUint, func(e *mysqlerr.Error) { t.Errorf("%s: %v", v.Name, e) })
			if err != nil || text != v.def {
				t.Errorf("%s: %q is %q, %v", v.Name, v.def, text, err)
			}
		}
	}
	if n < 300 {
		t.Errorf("%d variables", n)
	}
}
