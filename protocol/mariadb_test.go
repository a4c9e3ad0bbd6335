package protocol

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

// runMariaDB runs the mariadb command line client, where it is installed, and gives its output and whether it
// succeeded.
func runMariaDB(t *testing.T, addr string, args ...string) (string, bool) {
	t.Helper()
	client, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("no mariadb client here")
	}
	host, port, _ := net.SplitHostPort(addr)
	args = append([]string{"--no-defaults", "--protocol=tcp", "-h", host, "-P", port}, args...)
	out, err := exec.Command(client, args...).CombinedOutput()
	return string(out), err == nil
}

func TestMariaDBClient(t *testing.T) {
	tls, err := SelfSignedTLS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, _, addr := start(t, Config{TLS: tls})
	for _, c := range []struct {
		name string
		args []string
		ok   bool
		want string
	}{
		{"no password", []string{"-uroot", "-e", "rows 2 3"}, true, "id\tname\n0\txxx\n1\txxx\n"},
		{"TLS", []string{"-uroot", "--ssl", "-e", "rows 1 1"}, true, "0\tx"},
		{"sha2, RSA", []string{"-usha2", "-ps3cret", "-e", "rows 1 1"}, true, "0\tx"},
		{"sha2, remembered", []string{"-usha2", "-ps3cret", "-e", "rows 1 1"}, true, "0\tx"},
		{"sha2, TLS", []string{"-usha2", "-ps3cret", "--ssl", "-e", "rows 1 1"}, true, "0\tx"},
		{"native", []string{"-unative", "-ps3cret", "-e", "rows 1 1"}, true, "0\tx"},
		{"native from its own plugin", []string{"-unative", "-ps3cret", "--default-auth=mysql_native_password", "-e", "rows 1 1"}, true, "0\tx"},
		{"wrong password", []string{"-unative", "-px", "-e", "rows 1 1"}, false,
			"ERROR 1045 (28000): Access denied for user 'native'@'localhost' (using password: YES)"},
		{"unknown database", []string{"-uroot", "missing", "-e", "rows 1 1"}, false, "ERROR 1049 (42000): Unknown database 'missing'"},
		{"error", []string{"-uroot", "-e", "fail 1062"}, false, "ERROR 1062 (23000) at line 1: early failure"},
		{"OK packet", []string{"-uroot", "-vvv", "-e", "update"}, true,
			"Query OK, 3 rows affected, 2 warnings"},
		{"info", []string{"-uroot", "-vvv", "-e", "update"}, true, "Rows matched: 3  Changed: 3  Warnings: 2"},
		{"statistics", []string{"-uroot", "-e", "status"}, true, "8.0.36-cloudsql-test"},
		{"several", []string{"-uroot", "-N", "--delimiter=|", "-e", "rows 1 1; rows 2 2;|"}, true, "0\tx\n0\txx\n1\txx\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, ok := runMariaDB(t, addr, c.args...)
			if ok != c.ok || !strings.Contains(out, c.want) {
				t.Errorf("success %v, output:\n%s\nwant %v and:\n%s", ok, out, c.ok, c.want)
			}
		})
	}
}

// TestMariaDBColumnTypes lets the client print what it was told of each type, and compares it with what MySQL 8.0
// tells.
func TestMariaDBColumnTypes(t *testing.T) {
	_, _, addr := start(t, Config{})
	out, ok := runMariaDB(t, addr, "-uroot", "--default-character-set=utf8mb4", "--column-type-info", "-t", "-vvv", "-e", "types")
	if !ok {
		t.Fatal(out)
	}
	want := `
tiny TINY 63 4 0 NUM
utiny TINY 63 3 0 UNSIGNED NUM
bool TINY 63 1 0 NUM
small SHORT 63 6 0 NUM
medium INT24 63 9 0 NUM
long LONG 63 11 0 NUM
big LONGLONG 63 20 0 NUM
ubig LONGLONG 63 20 0 UNSIGNED NUM
year YEAR 63 4 0 UNSIGNED ZEROFILL NUM
float FLOAT 63 12 31 NUM
double DOUBLE 63 22 31 NUM
datetime DATETIME 63 26 6 BINARY
stamp TIMESTAMP 63 19 0 BINARY
date DATE 63 10 0 BINARY
time TIME 63 14 3 BINARY
vc VAR_STRING 255 40 0
ch STRING 255 12 0
text BLOB 255 262140 0 BLOB
blob BLOB 63 65535 0 BLOB BINARY
enum STRING 255 20 0 ENUM
set STRING 255 20 0 SET
json ?-unknown-? 63 4294967295 0 BLOB BINARY
bit BIT 63 9 0 UNSIGNED
empty VAR_STRING 255 40 0
nothing NULL 63 0 0 BINARY NUM
`
	if got := columnTypes(out); got != strings.TrimSpace(want) {
		t.Errorf("got:\n%s\nwant:%s", got, want)
	}
}

// columnTypes condenses the client's description to a line a column: name, type, collation, length, decimals, flags.
func columnTypes(out string) string {
	var lines []string
	for _, block := range strings.Split(out, "\nField ")[1:] {
		fields := map[string]string{}
		for _, line := range strings.Split(block, "\n") {
			if key, value, ok := strings.Cut(line, ":"); ok {
				fields[key] = strings.Trim(strings.TrimSpace(value), "`")
			}
		}
		name := strings.Split(block, "`")[1]
		_, collation, _ := strings.Cut(fields["Collation"], "(")
		lines = append(lines, strings.TrimSpace(strings.Join([]string{name, fields["Type"], strings.Trim(collation, ")"),
			fields["Length"], fields["Decimals"], fields["Flags"]}, " ")))
	}
	return strings.Join(lines, "\n")
}
