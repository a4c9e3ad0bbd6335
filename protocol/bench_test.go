package protocol

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
)

// The benchmarks' client is another process (this binary again), so that the CPU measured is the server's alone.
const benchClient = "PROTOCOL_BENCH_CLIENT" // "addr conns commands-a-connection mode"

func TestMain(m *testing.M) {
	if spec := os.Getenv(benchClient); spec != "" {
		var addr, mode string
		var conns, each int
		if _, err := fmt.Sscan(spec, &addr, &conns, &each, &mode); err != nil {
			panic(err)
		}
		runBenchClient(addr, conns, each, mode)
		return
	}
	os.Exit(m.Run())
}

func runBenchClient(addr string, conns, each int, mode string) {
	var wg sync.WaitGroup
	for range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := benchConn(addr, each, mode); err != nil {
				panic(err)
			}
		}()
	}
	wg.Wait()
}

// benchConn logs in and repeats one command, reading answers by their length, which is always the same.
func benchConn(addr string, each int, mode string) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	pc := packet.NewConn(nc, nil)
	say := func(payload []byte) {
		_ = pc.End(append(pc.Begin(), payload...))
		_ = pc.Flush()
	}
	if _, err := pc.ReadPacket(); err != nil {
		return err
	}
	c := rawClient{caps: mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_DEPRECATE_EOF}
	say(c.response("root"))
	if _, err := pc.ReadPacket(); err != nil {
		return err
	}
	request := append([]byte{mysql.COM_QUERY}, "one"...)
	if mode == "binary" {
		pc.StartCommand()
		say(append([]byte{mysql.COM_STMT_PREPARE}, "one"...))
		if _, err := pc.ReadPacket(); err != nil { // the statement has no parameters and, so far, no known columns
			return err
		}
		request = []byte{mysql.COM_STMT_EXECUTE, 1, 0, 0, 0, 0, 1, 0, 0, 0}
	}
	// The first answer tells the length of all.
	pc.StartCommand()
	say(request)
	length := 0
	for range 5 { // count, two definitions, row, end
		p, err := pc.ReadPacket()
		if err != nil {
			return err
		}
		length += 4 + len(p)
	}
	framed := packet.AppendFramed(nil, request, 0)
	answer := make([]byte, length)
	for range each {
		if _, err := nc.Write(framed); err != nil {
			return err
		}
		if _, err := io.ReadFull(nc, answer); err != nil {
			return err
		}
	}
	return nil
}

func cpuTime() (us float64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}

func BenchmarkOneRow(b *testing.B) {
	for _, mode := range []string{"text", "binary"} {
		for _, conns := range []int{1, 16} {
			b.Run(mode+"/"+strconv.Itoa(conns), func(b *testing.B) {
				_, _, addr := start(b, Config{})
				each := b.N/conns + 1
				self, err := os.Executable()
				if err != nil {
					b.Fatal(err)
				}
				client := exec.Command(self)
				client.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %s", benchClient, addr, conns, each, mode))
				client.Stderr = os.Stderr
				before := cpuTime()
				b.ResetTimer()
				if err := client.Run(); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				b.ReportMetric((cpuTime()-before)/float64(each*conns), "server-cpu-µs/op")
			})
		}
	}
}
