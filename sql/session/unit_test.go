package session

import (
	"strings"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql"
	"cloudsql/storage/types"
)

func TestNextStatement(t *testing.T) {
	for _, tc := range []struct {
		text string
		mode mysql.SQLMode
		want []string
	}{
		{"select 1", 0, []string{"select 1"}},
		{"select 1;", 0, []string{"select 1"}},
		{"select 1; ; -- x\n", 0, []string{"select 1"}},
		{"select 1; select 2", 0, []string{"select 1", " select 2"}},
		{"select ';', \";\", `;`; x", 0, []string{"select ';', \";\", `;`", " x"}},
		{`select 'a\';'; x`, 0, []string{`select 'a\';'`, " x"}},
		{`select 'a\'; x`, mysql.ModeNoBackslashEscapes, []string{`select 'a\'`, " x"}},
		{"select 'it''s;'; x", 0, []string{"select 'it''s;'", " x"}},
		{"select /* ; */ 1 -- ;\n; # ;\nx", 0, []string{"select /* ; */ 1 -- ;\n", " # ;\nx"}},
		{"select 1--;2; x", 0, []string{"select 1--", "2", " x"}},
		{"a; /*!40101 SET x=1 */;", 0, []string{"a", " /*!40101 SET x=1 */"}},
		{"select 'unfinished ; x", 0, []string{"select 'unfinished ; x"}},
	} {
		var got []string
		for text := tc.text; text != ""; {
			var one string
			one, text, _ = nextStatement(text, tc.mode)
			got = append(got, one)
		}
		if strings.Join(got, "¦") != strings.Join(tc.want, "¦") {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
	}
}

func FuzzNextStatement(f *testing.F) {
	f.Add("select ';' /* ; */ ; select 2 -- x")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for rest := text; rest != ""; n++ {
			var one string
			one, rest, _ = nextStatement(rest, 0)
			if len(one)+len(rest) > len(text) || n > len(text) {
				t.Fatal("it does not shrink")
			}
		}
		_, _ = firstWord(text)
		_ = tokens(text, 0, maxTokens)
	})
}

func TestHostMatching(t *testing.T) {
	for _, tc := range []struct {
		pattern, host string
		want          bool
	}{
		{"%", "10.0.0.1", true}, {"localhost", "127.0.0.1", true}, {"localhost", "::1", true}, {"localhost", "localhost", true},
		{"localhost", "10.0.0.1", false}, {"127.0.0.1", "localhost", true}, {"10.0.%", "10.0.3.4", true},
		{"10.0.%", "10.1.3.4", false}, {"10.0.0._", "10.0.0.5", true}, {"10.0.0._", "10.0.0.55", false},
		{"10.0.0.0/255.255.255.0", "10.0.0.77", true}, {"10.0.0.0/255.255.255.0", "10.0.1.77", false},
		{"10.0.0.0/24", "10.0.0.77", true}, {"%.example.com", "db.Example.com", true}, {"10.0.0.1", "10.0.0.1", true},
		{"2001:db8::%", "2001:db8::5", true},
	} {
		if got := hostMatches(tc.pattern, tc.host); got != tc.want {
			t.Errorf("%s for %s: %v", tc.pattern, tc.host, got)
		}
	}
}

func TestMostSpecificAccount(t *testing.T) {
	tx := catalog.Empty().Begin()
	for _, u := range []catalog.User{
		{Name: "app", Host: "%"}, {Name: "app", Host: "10.%"}, {Name: "app", Host: "10.0.%"}, {Name: "app", Host: "10.0.0.1"},
		{Name: "", Host: "localhost"}, {Name: "", Host: "10.0.0.2"}, {Name: "app", Host: "192.168.0.0/255.255.0.0"},
	} {
		tx.PutUser(&u)
	}
	for _, tc := range []struct{ user, host, want string }{
		{"app", "10.0.0.1", "app@10.0.0.1"}, {"app", "10.0.0.9", "app@10.0.%"}, {"app", "10.9.0.9", "app@10.%"},
		{"app", "8.8.8.8", "app@%"}, {"app", "10.0.0.2", "@10.0.0.2"}, {"app", "192.168.3.4", "app@192.168.0.0/255.255.0.0"},
		{"other", "127.0.0.1", "@localhost"}, {"other", "8.8.8.8", ""},
	} {
		got := ""
		if u := lookupAccount(tx.Snapshot, tc.user, tc.host); u != nil {
			got = u.Name + "@" + u.Host
		}
		if got != tc.want {
			t.Errorf("%s from %s: got %q, want %q", tc.user, tc.host, got, tc.want)
		}
	}
}

func TestDatabasePatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, db string
		want        bool
	}{
		{"shop", "shop", true}, {"shop", "shop2", false}, {"shop%", "shop2", true}, {"sho_", "shop", true},
		{`my\_app`, "my_app", true}, {`my\_app`, "myxapp", false}, {"my_app", "myxapp", true}, {"%", "anything", true},
	} {
		if got := dbMatches(tc.pattern, tc.db); got != tc.want {
			t.Errorf("%s for %s: %v", tc.pattern, tc.db, got)
		}
	}
}

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
