//go:build !linux

package main

// useHugePages does nothing where nobody has to ask for them.
func useHugePages(int64) {}
