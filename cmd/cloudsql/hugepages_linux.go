package main

import (
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	hugePage = 2 << 20
	// fewPages is a block cache for which huge pages are not worth the memory that their last parts waste.
	fewPages = 512 << 20
)

// useHugePages asks for huge pages for so much of the heap as the block cache and its garbage take, where the kernel leaves it to who asks.
//
// A read finds its block, and the rows in it, somewhere in gigabytes: with pages of 4 KiB each step misses the processor's table of
// pages, and what is touched first faults 512 times more often. The heap's lowest addresses are used first, so what is mapped here is what the cache will take.
func useHugePages(cache int64) {
	if cache < fewPages {
		return
	}
	heap := make([]byte, cache/100*(100+cacheGarbage)) // mapped, not touched
	start := -uintptr(unsafe.Pointer(unsafe.SliceData(heap))) % hugePage
	_ = unix.Madvise(heap[start:], unix.MADV_HUGEPAGE) // a kernel without them goes on with small ones
	heap = nil
	debug.FreeOSMemory() // nothing of it is there; the collector learns that it is free
}
