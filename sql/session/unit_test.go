package session

import (
	"testing"

	"cloudsql/sql"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/collation"
)

// Every variable's default passes its own checks, so that SET x = DEFAULT and SET x = @@x work; and every one has a value.
func TestVariableDefaults(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("install component 'file://component_validate_password'")
	for _, v := range sysvar.All(nil) {
		for _, sc := range []string{"session", "global"} {
			if sc == "session" && v.Scope&sysvar.Session == 0 || sc == "global" && v.Scope&sysvar.Global == 0 {
				continue
			}
			c.must("select @@" + sc + "." + v.Name)
			if v.Settable(sc == "global") != nil {
				continue
			}
			c.must("set " + sc + " " + v.Name + " = default")
			before := c.must("show " + sc + " variables like '" + v.Name + "'")
			c.must("set " + sc + " " + v.Name + " = @@" + sc + "." + v.Name)
			if after := c.must("show " + sc + " variables like '" + v.Name + "'"); after != before && v.Name != "timestamp" {
				t.Errorf("%s: its default %q becomes %q", v.Name, before, after)
			}
			c.must("set " + sc + " " + v.Name + " = default")
		}
	}
}

func TestGreetedCharset(t *testing.T) {
	for asked, want := range map[collation.ID]string{
		0: "utf8mb4", 8: "latin1", 33: "utf8mb3", 46: "utf8mb4", 255: "utf8mb4",
		28: "gbk", 35: "utf8mb4", 54: "utf8mb4", 9999: "utf8mb4", // the last three: ucs2, utf16, nothing
	} {
		s := &Session{conn: &sql.ConnInfo{Collation: asked}}
		if got := (variables{s}).greetedCharset().Charset(); got != want {
			t.Errorf("collation %d: %s, want %s", asked, got, want)
		}
	}
}
