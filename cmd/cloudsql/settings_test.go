package main

import (
	"bytes"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func parseSettings(t *testing.T, args ...string) (settings, string, error) {
	t.Helper()
	var s settings
	var out bytes.Buffer
	f := flag.NewFlagSet("start", flag.ContinueOnError)
	s.flags(f)
	err := parse(f, args, &out)
	return s, out.String(), err
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloudsql.toml")
	if err := os.WriteFile(file, []byte(`
data = "/from/file"
sql-addr = "127.0.0.1:1"
http-addr = "127.0.0.1:3"
data-shards = 5
history = "90s"
spread-tables = true
join = ["127.0.0.1:7", "127.0.0.1:8"]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLOUDSQL_SQL_ADDR", "127.0.0.1:2")
	t.Setenv("CLOUDSQL_HTTP_ADDR", "127.0.0.1:4")
	s, _, err := parseSettings(t, "--config", file, "--http-addr", "127.0.0.1:5")
	if err != nil {
		t.Fatal(err)
	}
	if s.data != "/from/file" || s.sqlAddr != "127.0.0.1:2" || s.httpAddr != "127.0.0.1:5" || s.nodeAddr != "127.0.0.1:7306" {
		t.Errorf("file < environment < flag: %+v", s)
	}
	if s.dataShards != 5 || s.history != 90*time.Second || !s.spreadTables || strings.Join(s.members(), " ") != "127.0.0.1:7 127.0.0.1:8" {
		t.Errorf("types: %+v", s)
	}
	if err := s.check(); err != nil {
		t.Error(err)
	}
}

func TestWrongUsageIsToldInOneLine(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(bad, []byte("colour = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`unexpected argument "node"`:         {"node"},
		`there is no setting "colour"`:       {"--config", bad},
		"is not an address with a port":      {"--sql-addr", "localhost"},
		"must be an address that other":      {"--node-addr", "0.0.0.0:7306"},
		"names this node's own address":      {"--join", "127.0.0.1:7306"},
		"--tls-cert and --tls-key belong":    {"--tls-cert", "x"},
		`--log-level "loud" is none of`:      {"--log-level", "loud"},
		"must be at least 1":                 {"--replication-factor", "0"},
		"is not of the form key=value":       {"--locality", "here"},
		"no such file or directory":          {"--config", "/nowhere.toml"},
		"flag provided but not defined: -no": {"--no"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(append([]string{"start"}, args...), &stdout, &stderr); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
		if line, _, _ := strings.Cut(stderr.String(), "\n"); !strings.Contains(line, want) {
			t.Errorf("%v: %q, want %q", args, line, want)
		}
	}
	t.Setenv("CLOUDSQL_DATA_SHARDS", "many")
	if _, out, err := parseSettings(t); !errors.Is(err, errUsage) || !strings.Contains(out, "CLOUDSQL_DATA_SHARDS") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestFailuresLeaveNothingBehind(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dir := filepath.Join(t.TempDir(), "data")
	for _, flagName := range []string{"--sql-addr", "--http-addr", "--node-addr"} {
		args := []string{"start", "--data", dir, "--log-level", "error"}
		for _, name := range []string{"--sql-addr", "--http-addr", "--node-addr"} {
			if name == flagName {
				args = append(args, name, l.Addr().String())
			} else {
				args = append(args, name, "127.0.0.1:0")
			}
		}
		var stdout, stderr bytes.Buffer
		if code := run(args, &stdout, &stderr); code != 1 {
			t.Errorf("%s: exit code %d", flagName, code)
		}
		if !strings.Contains(stderr.String(), "the address is in use") || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: %q", flagName, stderr.String())
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data directory was made: %v", err)
	}
	var stdout, stderr bytes.Buffer
	if run([]string{"version"}, &stdout, &stderr) != 0 || !strings.HasPrefix(stdout.String(), "cloudsql ") {
		t.Errorf("version: %q", stdout.String())
	}
	if run([]string{"dance"}, &stdout, &stderr) != 2 || run(nil, &stdout, &stderr) != 2 {
		t.Error("no usage error")
	}
}

// A member may be started with its own address among those to join.
func TestJoinOfAMember(t *testing.T) {
	dir := t.TempDir()
	for _, member := range []bool{false, true} {
		if member {
			if err := os.WriteFile(filepath.Join(dir, "node.json"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, _, err := parseSettings(t, "--data", dir, "--join", "127.0.0.1:7306,127.0.0.1:7307")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.check(); (err == nil) != member {
			t.Errorf("a member: %v: %v", member, err)
		}
	}
}
