// Package rpcgolden keeps messages between nodes, byte for byte, as the programs of each cluster version write them,
// for the tests of the packages that have messages. Nodes of two releases talk to each other while a cluster is
// upgraded: what one of version 1 sent is read as what it meant, and told to write for version 1, this program sends
// the same.
//
//	golden/v1    made by commit 8630d07 (docs/checking.md tells how); never changed again
//	golden/v2    made by this program, with GOLDEN_REWRITE=1, until version 2 has been released
//
// A line is a name, the bytes and what they mean.
package rpcgolden

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Message is one message.
type Message struct {
	Name string
	Data []byte
}

// Check compares the messages that write makes for each version up to newest with those of the files, and what read
// finds in them.
func Check(t *testing.T, newest int, write func(v int) []Message, read func(name string, data []byte) (meaning string, err error)) {
	t.Helper()
	for v := 1; v <= newest; v++ {
		path := fmt.Sprintf("golden/v%d", v)
		if v == newest && os.Getenv("GOLDEN_REWRITE") != "" {
			rewrite(t, path, write(v), read)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for line := range strings.Lines(string(text)) {
			f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
			data, err := hex.DecodeString(f[1])
			if err != nil {
				t.Fatal(err)
			}
			if meaning, err := read(f[0], data); err != nil || oneLine(meaning) != f[2] {
				t.Errorf("version %d: %s means\n%s, %v\nand meant\n%s", v, f[0], meaning, err, f[2])
			}
			want[f[0]] = f[1]
		}
		for _, m := range write(v) {
			if got := hex.EncodeToString(m.Data); got != want[m.Name] {
				t.Errorf("version %d: %s is written as\n%s\nand was\n%s", v, m.Name, got, want[m.Name])
			}
			delete(want, m.Name)
		}
		for name := range want {
			if v == newest {
				t.Errorf("nobody writes %s any more", name)
			}
		}
	}
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

func rewrite(t *testing.T, path string, list []Message, read func(name string, data []byte) (string, error)) {
	var b strings.Builder
	for _, m := range list {
		meaning, err := read(m.Name, m.Data)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		fmt.Fprintf(&b, "%s\t%x\t%s\n", m.Name, m.Data, oneLine(meaning))
	}
	if err := os.MkdirAll("golden", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
