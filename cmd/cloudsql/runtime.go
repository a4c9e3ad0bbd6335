package main

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"cloudsql/storage/memory"
	"cloudsql/storage/spawn"
)

// tuneRuntime sets the Go runtime up for a database.
//
// On few cores, twice as many Ps as cores let short raft and network goroutines run beside statements that compute:
// measured 8–19 k writes/s against 1.6–2.5 k beside two CPU-bound readers on two cores. GOGC 200 halves the collector's
// work for some memory; an idle node stays far below 150 MB either way. paceCollector lowers it as the block cache fills.
func tuneRuntime(s *settings) {
	const fewCores = 4
	if cores := runtime.NumCPU(); os.Getenv("GOMAXPROCS") == "" && cores <= fewCores {
		runtime.GOMAXPROCS(max(2*cores, 4))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGarbage)
	}
	if limit := s.memoryBytes(); limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 100 * collectShare)
	}
}

// What the collector lets stand of garbage, in hundredths of what lives. The block cache is on its heap: with 200 for all, a cache
// that is full and changes its blocks takes three times its size, and reads pay for memory that was never touched (33 µs a page).
const (
	heapGarbage  = 200 // of all but
	cacheGarbage = 50  // the block cache, in which there is little to mark

	paceEvery = time.Second
)

// paceCollector has the collector let stand as much garbage as the heap's parts are worth, until ctx ends.
func paceCollector(ctx context.Context, cached func() int64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	spawn.Go("the collector's pace", func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		set := heapGarbage
		for range spawn.Ticks(ctx.Done(), paceEvery) {
			metrics.Read(live)
			percent := garbagePercent(int64(live[0].Value.Uint64()), cached()) // far below
			if abs := max(percent-set, set-percent); abs*10 > set {            // setting it stops the world
				set = percent
				debug.SetGCPercent(percent)
			}
		}
	})
}

// garbagePercent is GOGC for a heap of which live bytes live, some of them in the block cache.
func garbagePercent(live, cached int64) int {
	cached = min(cached, live) // live is as old as the last collection
	if live <= 0 {
		return heapGarbage
	}
	return int((heapGarbage*(live-cached) + cacheGarbage*cached) / live)
}

// How the process's memory is divided, in hundredths. What the accounts count has to leave room for what nobody charged and for
// what the collector has not found yet; the collector works hardest before a statement is shed.
const (
	machineShare = 80 // of the machine's memory, where no limit is set
	accountShare = 60 // of the limit: for everything that is charged
	collectShare = 80 // of the limit: the collector stays below it as long as it can
	shedShare    = 92 // of the limit: at which the largest statement goes

	statementDivide, statementMin, statementMax = 8, 16 << 20, 4 << 30 // of what is charged, for one statement
	sessionDivide                               = 3                    // of what is charged, for one session with its statement
)

// memoryBytes is what the process may use, 0 where that is not known.
func (s *settings) memoryBytes() int64 {
	if s.memory > 0 {
		return s.memory << 20
	}
	return memoryMB() * machineShare / 100 << 20
}

// openMemory makes the accounts, and has the process watched until ctx ends.
func (s *settings) openMemory(ctx context.Context) *memory.Account {
	limit := s.memoryBytes()
	process := memory.NewProcess(limit / 100 * accountShare)
	if limit > 0 {
		process.Watch(ctx, memory.ProcessBytes, limit/100*shedShare)
	}
	return process
}

// statementBytes and sessionBytes are the limits of one statement and one session, 0 where there are none.
func (s *settings) statementBytes() int64 {
	if s.statementMemory > 0 {
		return s.statementMemory << 20
	}
	charged := s.memoryBytes() / 100 * accountShare
	if charged == 0 {
		return 0
	}
	return min(max(charged/statementDivide, statementMin), statementMax)
}

func (s *settings) sessionBytes() int64 { return s.memoryBytes() / 100 * accountShare / sessionDivide }

// txnBytes is what one transaction may write in one shard.
func (s *settings) txnBytes() int {
	const least, most, divide = 64 << 20, 4 << 30, 8
	if s.maxTxn > 0 {
		return s.maxTxn << 20
	}
	return int(min(max(s.memoryBytes()/divide, least), most))
}

const (
	minCacheMB  = 64
	maxCacheMB  = 4096
	cacheDivide = 8
)

// cacheBytes is the block cache's size.
func (s *settings) cacheBytes() int64 {
	if s.cache > 0 {
		return s.cache << 20
	}
	return min(max(s.memoryBytes()>>20/cacheDivide, minCacheMB), maxCacheMB) << 20
}

// memoryMB is the memory of the machine, or of the control group that the process is in where that is less; 0 if unknown.
func memoryMB() int64 {
	machine := machineMB()
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n>>20 > 0 && (machine == 0 || n>>20 < machine) {
			return n >> 20
		}
	}
	return machine
}

func machineMB() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), "MemTotal:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb >> 10
		}
	}
	return 0
}
