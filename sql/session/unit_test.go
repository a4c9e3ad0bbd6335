package session

import (
	"testing"
	"time"

	"cloudsql/sql"
	"cloudsql/storage/types"
)

func TestTimeZones(t *testing.T) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"+00:00": "12:00", "+05:30": "17:30", "-8:00": "04:00", "+14:00": "02:00", "Europe/Berlin": "14:00", "UTC": "12:00",
	} {
		loc, _, err := parseTimeZone(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := at.In(loc).Format("15:04"); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	for _, text := range []string{"", "+14:01", "-14:00", "+5", "05:00", "Nowhere/City", "+1:60", "local"} {
		if _, _, err := parseTimeZone(text); err == nil {
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
		if _, got, err := parseSQLMode(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"nope", "NO_AUTO_CREATE_USER", "16"} {
		if _, _, err := parseSQLMode(text); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// Every variable's default passes its own checks, so that SET x = DEFAULT and SET x = @@x work.
func TestVariableDefaults(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	for _, name := range sysvarNames {
		v := sysvars[name]
		for _, sc := range []string{"", "global"} {
			if sc == "" && v.scope&scopeSession == 0 || sc == "global" && v.scope&scopeGlobal == 0 {
				continue
			}
			val, typ, err := c.s.env.Session.SysVar(sc, name)
			if err != nil {
				t.Errorf("@@%s %s: %v", sc, name, err)
				continue
			}
			if v.readOnly || v.dynamic != nil && name != "sql_mode" {
				continue
			}
			if text, err := v.normalize(c.s, val, typ.Class() == stringType.Class()); err != nil || text != v.def {
				t.Errorf("%s: its default %q becomes %q, %v", name, v.def, text, err)
			}
		}
	}
}

func TestGreetedCharset(t *testing.T) {
	for asked, want := range map[types.Collation]string{
		0: "utf8mb4", 8: "latin1", 33: "utf8mb3", 46: "utf8mb4", 255: "utf8mb4",
		28: "utf8mb4", 35: "utf8mb4", 54: "utf8mb4", 9999: "utf8mb4", // gbk, ucs2, utf16, nothing
	} {
		s := &Session{conn: &sql.ConnInfo{Collation: asked}}
		if got := s.greetedCharset().Charset(); got != want {
			t.Errorf("collation %d: %s, want %s", asked, got, want)
		}
	}
}
