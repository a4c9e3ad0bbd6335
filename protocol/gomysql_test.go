package protocol

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // as clients do
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// TestDecryptPassword undoes what another implementation does to a password under the server's key.
func TestDecryptPassword(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		t.Fatal(err)
	}
	salt := []byte("abcdefghij0123456789")
	for _, password := range []string{"", "a", "s3cret", strings.Repeat("long", 40)} {
		secret, err := mysql.EncryptPassword(password, salt, &key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := decryptPassword(key, secret, salt); got != password {
			t.Errorf("%q came out as %q", password, got)
		}
	}
	empty, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &key.PublicKey, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := decryptPassword(key, empty, salt); got != "" {
		t.Errorf("nothing came out as %q", got)
	}
	for _, garbage := range [][]byte{nil, {2}, bytes.Repeat([]byte{7}, rsaBits/8)} {
		if got := decryptPassword(key, garbage, salt); got != "\x00" {
			t.Errorf("garbage of %d bytes came out as %q", len(garbage), got)
		}
	}
}

// TestGoMySQLClient lets another client implementation log in and use prepared statements.
func TestGoMySQLClient(t *testing.T) {
	_, _, addr := start(t, Config{})
	for _, user := range []string{"sha2", "sha2", "native"} {
		c, err := client.Connect(addr, user, "s3cret", "db")
		if err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		st, err := c.Prepare("echo ?, ?, ?")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := st.Execute(int64(-5), "text", nil)
			if err != nil {
				t.Fatal(err)
			}
			id, _ := r.GetInt(0, 0)
			text, _ := r.GetString(0, 1)
			null, _ := r.IsNull(0, 2)
			if id != -5 || text != "text" || !null {
				t.Errorf("%s: %d %q %v", user, id, text, null)
			}
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.Execute("fail 1062"); err == nil {
			t.Error("no error")
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	}
}
