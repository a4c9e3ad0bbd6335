package sysvar

import (
	"testing"
	"time"
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
