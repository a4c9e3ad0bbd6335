package privilege

import (
	"testing"

	"cloudsql/distributed/catalog"
)

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
		if u := Lookup(tx.Snapshot, tc.user, tc.host); u != nil {
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
