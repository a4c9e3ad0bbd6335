//go:build mutant

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMutants shows that the checkers notice when a rule is switched off (package mutant), and that they are silent when
// only the circumstances are worse. Each case is a run of TestCheck in a process of its own; a rule's absence must be
// noticed in one of a few.
func TestMutants(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "cloudsql")
	if out, err := exec.Command("go", "build", "-tags", "mutant", "-o", bin, "cloudsql/cmd/cloudsql").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, m := range []struct {
		switches, workload, fault, time string
		tries                           int
		noticed                         bool
	}{
		{"pauses", "snapshots", "freeze", "40s", 1, false},
		{"pauses,epoch", "snapshots", "freeze", "40s", 6, true},
		{"", "bank,gateways", "none", "10s", 1, false},
		{"inflight", "bank", "none", "10s", 3, true},
		{"prepared", "gateways", "none", "10s", 3, true},
		{"gaps", "strict", "none", "10s", 1, false},
		{"gaps,steady", "strict", "none", "10s", 3, true},
		{"locks", "bank,registers", "none", "10s", 1, false},
		{"locks,expect", "bank,registers", "none", "10s", 3, true},
		{"forgetful", "bank,registers,lists", "kill", "40s", 1, false},
		{"forgetful,forgotten", "registers,lists", "kill", "40s", 6, true},
	} {
		t.Run("switched "+m.switches, func(t *testing.T) {
			for try := range m.tries {
				seed := uint64(1000 + try)
				anomalies, out := mutantRun(bin, m.switches, m.workload, m.fault, m.time, seed)
				switch {
				case len(anomalies) > 0 && m.noticed:
					t.Logf("noticed at try %d: %s", try+1, anomalies[0])
					return
				case len(anomalies) > 0 || !m.noticed && strings.Contains(out, "--- FAIL"):
					t.Fatalf("without a fault of the program:\n%s", out)
				}
			}
			if m.noticed {
				t.Errorf("not noticed in %d runs of %s", m.tries, m.time)
			}
		})
	}
}

// mutantRun is one run of this test program's TestCheck.
func mutantRun(bin, switches, workload, fault, d string, seed uint64) (anomalies []string, out string) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestCheck$", "-test.v")
	cmd.Env = append(os.Environ(), "CLOUDSQL_BIN="+bin, "CLOUDSQL_MUTANT="+switches, "WORKLOAD="+workload, "FAULT="+fault,
		"TIME="+d, fmt.Sprintf("SEED=%d", seed))
	timer := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	text, _ := cmd.CombinedOutput() // that it fails is the point
	for _, line := range strings.Split(string(text), "\n") {
		if _, what, ok := strings.Cut(line, "ANOMALY"); ok {
			anomalies = append(anomalies, what)
		}
	}
	return anomalies, string(text)
}

// TestMutantsInPackages: rules that a test of their package notices. Each test passes in the program that can switch them
// off, and fails when it does.
func TestMutantsInPackages(t *testing.T) {
	const node, raft, tso, txn, shard = "distributed/node", "distributed/raft", "distributed/tso", "distributed/txn", "storage/shard"
	dir, built := t.TempDir(), map[string]string{}
	for _, m := range []struct{ rule, pkg, test string }{
		{"majority", node, "TestMajority"},
		{"damage", node, "TestDamagedLogAlone"},
		{"floor", node, "TestDamagedLogAlone"},
		{"marks", raft, "TestWALFlippedBit"},
		{"synced", node, "TestDamagedLogAlone"},
		{"reserve", node, "TestDiskFull"},
		{"agreement", "distributed/wallclock", "TestJudgeClock"},
		{"pace", tso, "TestJumps"},
		{"first", txn, "TestRepeatedBehindALock"},
		{"forgotten", shard, "TestRepeats"},
		{"closed", shard, "TestLateAfterForgotten"},
		{"budget", shard, "TestStepsOfAProposal"},
	} {
		t.Run(m.rule, func(t *testing.T) {
			bin := built[m.pkg]
			if bin == "" {
				bin = filepath.Join(dir, filepath.Base(m.pkg)+".test")
				out, err := exec.Command("go", "test", "-c", "-tags", "mutant", "-o", bin, "cloudsql/"+m.pkg).CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				built[m.pkg] = bin
			}
			run := func(switches string) (string, error) {
				cmd := exec.Command(bin, "-test.run", "^"+m.test+"$", "-test.v", "-test.timeout", "5m")
				cmd.Dir = filepath.Join("..", "..", m.pkg)
				cmd.Env = append(os.Environ(), "CLOUDSQL_MUTANT="+switches)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			if out, err := run(""); err != nil || !strings.Contains(out, "--- PASS: "+m.test) {
				t.Fatalf("with all rules: %v\n%s", err, out)
			}
			if out, err := run(m.rule); err == nil || !strings.Contains(out, "--- FAIL: "+m.test) {
				t.Errorf("%s does not notice: %v\n%s", m.test, err, out)
			}
		})
	}
}
