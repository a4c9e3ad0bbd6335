package shard

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

var printHash = flag.Bool("print-hash", false, "TestApplyOnOtherHosts: as a child, print the hash of what was applied")

// hosts are machines as a program sees them.
var hosts = [][]string{
	{"TZ=UTC", "LANG=C", "GOMAXPROCS=1"},
	{"TZ=America/New_York", "LANG=de_DE.UTF-8", "LC_ALL=de_DE.UTF-8", "GOMAXPROCS=4"},
	{"TZ=Asia/Kolkata", "ZONEINFO=/nonexistent.zip", "LC_ALL=tr_TR.UTF-8", "GOMAXPROCS=2"},
}

// TestApplyOnOtherHosts applies one log in processes that see different machines: all come to the same hash.
func TestApplyOnOtherHosts(t *testing.T) {
	if *printHash {
		fmt.Printf("hash %x\n", hostHash(t))
		return
	}
	alone(t)
	if z, ok := zones.Load("Europe/Amsterdam"); !ok || z.String() != "Europe/Amsterdam" {
		t.Fatal("no zones")
	}
	seen := map[string]int{}
	for _, host := range hosts {
		cmd := exec.Command(os.Args[0], "-test.run=^TestApplyOnOtherHosts$", "-print-hash")
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, host...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", host, err, out)
		}
		line, _, _ := strings.Cut(string(out), "\n")
		if !strings.HasPrefix(line, "hash ") {
			t.Fatalf("%s", out)
		}
		seen[line]++
	}
	if len(seen) != 1 {
		t.Errorf("the hosts' hashes differ: %v", seen)
	}
}

// hostHash applies a log of assignments that have to do with time, text and patterns, and of random ones.
func hostHash(t *testing.T) uint64 {
	s := openShard(t, openEngine(t, vfs.NewMem()))
	if _, err := s.Apply(randomLog(t, rand.New(rand.NewPCG(1, 2)), 200)); err != nil {
		t.Fatal(err)
	}
	l := newLog(t, openShard(t, openEngine(t, vfs.NewMem())))
	table := tableOf(t, `CREATE TABLE t (id BIGINT PRIMARY KEY, at DATETIME(6), ts TIMESTAMP NULL, zone VARCHAR(40), txt LONGTEXT, n DOUBLE)`, 1)
	l.install(table)
	column := func(name string) expr.Expr {
		pos := table.ColumnByName(name)
		return &expr.Column{Index: pos, Name: name, Typ: table.Columns[pos].Type}
	}
	call := func(name string, args ...expr.Expr) expr.Expr {
		e, err := expr.New(name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	assign := func(name string, e expr.Expr) fragment.Assignment {
		return fragment.Assignment{Column: table.Columns[table.ColumnByName(name)].ID, Expr: e}
	}
	str := expr.NewStr
	berlin, _ := zones.Load("Europe/Berlin")
	id := int64(0)
	for _, zone := range []string{"SYSTEM", "Europe/Amsterdam", "US/Eastern", "+05:30", "Local", "localtime", "", "Nowhere/City"} {
		for _, at := range [][6]int{{2024, 6, 1, 12}, {2025, 10, 26, 2, 30}, {2025, 3, 30, 2, 30}, {1969, 1, 1}, {2037, 12, 31, 23, 59, 59}} {
			id++
			insert := &fragment.Write{Kind: fragment.Insert, Tablet: testTablet, SchemaVersion: 1, Rows: rowsOf(4, types.Int(id),
				types.Datetime(temporal.Pack(at[0], at[1], at[2], at[3], at[4], at[5], 0), 6), types.Str(zone), types.Str("ıİß äÖ straße"))}
			for _, c := range []string{"id", "at", "zone", "txt"} {
				insert.Columns = append(insert.Columns, table.Columns[table.ColumnByName(c)].ID)
			}
			l.write(insert)
			mode := *types.DefaultMode()
			mode.Strict, mode.Loc, mode.Today = false, berlin, temporal.Pack(2026, 11, 28, 0, 0, 0, 0)
			r := l.write(&fragment.Write{Kind: fragment.Update, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(id)},
				Env: &expr.Env{Mode: mode, Now: time.Unix(1_700_000_000, 0).UTC()},
				Set: []fragment.Assignment{
					assign("ts", column("at")),
					assign("n", call("unix_timestamp", column("at"))),
					assign("txt", call("concat_ws", str("|"), call("convert_tz", column("at"), column("zone"), str("UTC")),
						call("convert_tz", column("at"), str("UTC"), column("zone")), call("date_format", column("at"), str("%M %W %c %U")),
						call("from_unixtime", call("unix_timestamp", column("at"))), call("upper", column("txt")), call("lower", column("txt")),
						call("regexp_replace", column("txt"), str("[[:alpha:]]+"), str("<$0>")), call("now"), call("curtime"),
						call("format", call("unix_timestamp", column("at")), expr.NewInt(2), str("de_DE")))),
				}})
			if r.Status != Committed || r.Writes[0].Changed != 1 {
				t.Fatalf("%v: %+v", at, r)
			}
		}
	}
	_, a := s.Hash()
	_, b := l.s.Hash()
	return a ^ b
}
