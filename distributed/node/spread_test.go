package node

import (
	"context"
	"testing"

	"cloudsql/distributed/catalog"
)

// The cluster's setting decides whether new tables are spread; where there is none, the node's flag.
func TestSpreadSetting(t *testing.T) {
	n, err := Open(context.Background(), Config{Dir: t.TempDir(), NodeAddr: "127.0.0.1:0", SpreadTables: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if !n.spreadTables() {
		t.Error("the flag is not heard")
	}
	for value, want := range map[string]bool{"OFF": false, "ON": true} {
		err := n.ChangeCatalog(context.Background(), func(tx *catalog.Tx) error {
			tx.PutSetting(settingSpread, value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := n.spreadTables(); got != want {
			t.Errorf("%s: %t", value, got)
		}
	}
}
