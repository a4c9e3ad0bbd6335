//go:build race

package shard

// underRace: the race detector looks on. What happens in one goroutine it sees in a few rounds as well as in many, and
// each takes twenty times as long.
const underRace = true
