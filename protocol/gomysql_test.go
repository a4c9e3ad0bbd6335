package protocol

import (
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
)

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
