package auth

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/storage/mysqlerr"
)

// MySQL 8.0's own authentication_string for 'foobar', and *hex for 'password' as MySQL's PASSWORD() gave it.
const (
	foobarHex      = "24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A424679354856336868686F52485A736E4A733368786E427575516C73446469496537"
	nativePassword = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
)

func TestSecretsOfMySQL(t *testing.T) {
	raw, err := hex.DecodeString(foobarHex)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := ParseAuthString(Sha2, string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if !CheckPassword(Sha2, secret, "foobar") || CheckPassword(Sha2, secret, "foobaz") || CheckPassword(Sha2, secret, "") {
		t.Error("caching_sha2_password: MySQL's secret is not understood")
	}
	if FormatAuthString(Sha2, secret) != string(raw) {
		t.Error("caching_sha2_password: text form does not round-trip")
	}
	secret, err = ParseAuthString(Native, nativePassword)
	if err != nil {
		t.Fatal(err)
	}
	if !CheckPassword(Native, secret, "password") || CheckPassword(Native, secret, "Password") {
		t.Error("mysql_native_password: MySQL's secret is not understood")
	}
	if FormatAuthString(Native, secret) != nativePassword {
		t.Error("mysql_native_password: text form does not round-trip")
	}
}

// TestReplies answers challenges with another implementation's client side.
func TestReplies(t *testing.T) {
	salt := []byte("abcdefghij0123456789")
	for _, password := range []string{"a", "secret", strings.Repeat("long", 60)} {
		native, err := Hash(Native, password)
		if err != nil {
			t.Fatal(err)
		}
		reply := mysql.CalcNativePassword(salt, []byte(password))
		if !CheckNative(native, salt, reply) {
			t.Errorf("native: right password %q refused", password)
		}
		if CheckNative(native, salt, mysql.CalcNativePassword(salt, []byte(password+"x"))) {
			t.Errorf("native: wrong password accepted for %q", password)
		}
		digest := Digest(password)
		if !CheckSha2(&digest, salt, mysql.CalcCachingSha2Password(salt, []byte(password))) {
			t.Errorf("sha2: right password %q refused", password)
		}
		if CheckSha2(&digest, salt, mysql.CalcCachingSha2Password(salt, []byte(password+"x"))) {
			t.Errorf("sha2: wrong password accepted for %q", password)
		}
		secret, err := Hash(Sha2, password)
		if err != nil {
			t.Fatal(err)
		}
		if !CheckPassword(Sha2, secret, password) || CheckPassword(Sha2, secret, password+"x") {
			t.Errorf("sha2: full check of %q", password)
		}
	}
}

func TestEmptyPasswords(t *testing.T) {
	for _, plugin := range []string{Sha2, Native} {
		secret, err := Hash(plugin, "")
		if err != nil || len(secret) != 0 {
			t.Fatalf("%s: %v %v", plugin, secret, err)
		}
		if !CheckPassword(plugin, secret, "") || CheckPassword(plugin, secret, "x") {
			t.Errorf("%s: empty secret", plugin)
		}
	}
	native, _ := Hash(Native, "x")
	if CheckNative(native, []byte("salt"), nil) || !CheckNative(nil, []byte("salt"), nil) {
		t.Error("native: empty reply")
	}
	if CheckNative(nil, []byte("salt"), bytes.Repeat([]byte{1}, 20)) {
		t.Error("native: a password for an account without one")
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", MaxPassword+1)
	for _, c := range []struct {
		name string
		err  error
		code uint16
	}{
		{"hash, unknown plugin", second(Hash("auth_socket", "x")), 1524},
		{"parse, unknown plugin", second(ParseAuthString("auth_socket", "x")), 1524},
		{"hash, too long", second(Hash(Sha2, long)), 1827},
		{"parse, native without star", second(ParseAuthString(Native, nativePassword[1:])), 1827},
		{"parse, native no hex", second(ParseAuthString(Native, "*"+strings.Repeat("x", 40))), 1827},
		{"parse, sha2 short", second(ParseAuthString(Sha2, "$A$005$abc")), 1827},
		{"parse, sha2 rounds", second(ParseAuthString(Sha2, strings.Replace(string(Decoy()), "005", "001", 1))), 1827},
		{"parse, sha2 salt", second(ParseAuthString(Sha2, strings.Replace(string(Decoy()), "x", "$", 1))), 1827},
	} {
		if mysqlerr.Code(c.err) != c.code {
			t.Errorf("%s: %v, want code %d", c.name, c.err, c.code)
		}
	}
	if CheckPassword(Sha2, []byte("$A$005$short"), "x") || CheckPassword(Sha2, Decoy(), "x") || !validSha2(Decoy()) {
		t.Error("a secret that nobody made matched, or the decoy is no well-formed secret")
	}
}

func second(_ []byte, err error) error { return err }

func FuzzParseAuthString(f *testing.F) {
	f.Add(Sha2, string(Decoy()))
	f.Add(Native, nativePassword)
	f.Fuzz(func(t *testing.T, plugin, text string) {
		secret, err := ParseAuthString(plugin, text)
		if err == nil && !strings.EqualFold(FormatAuthString(plugin, secret), text) {
			t.Errorf("%q does not round-trip", text)
		}
	})
}
