package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// tuneRuntime sets the Go runtime up for a database.
//
// On few cores, twice as many Ps as cores let short raft and network goroutines run beside statements that compute:
// measured 8–19 k writes/s against 1.6–2.5 k beside two CPU-bound readers on two cores. GOGC 200 halves the collector's
// work for some memory; an idle node stays far below 150 MB either way.
func tuneRuntime(s *settings) {
	const fewCores = 4
	if cores := runtime.NumCPU(); os.Getenv("GOMAXPROCS") == "" && cores <= fewCores {
		runtime.GOMAXPROCS(max(2*cores, 4))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if s.memory > 0 {
		debug.SetMemoryLimit(s.memory << 20)
	}
}

const (
	minCacheMB  = 64
	maxCacheMB  = 4096
	cacheDivide = 12
)

// cacheBytes is the block cache's size.
func (s *settings) cacheBytes() int64 {
	if s.cache > 0 {
		return s.cache << 20
	}
	return min(max(memoryMB()/cacheDivide, minCacheMB), maxCacheMB) << 20
}

// memoryMB is the machine's memory, 0 if unknown.
func memoryMB() int64 {
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
