// Package harness starts real cloudsql processes for tests: free loopback ports, temporary directories, and every
// process stopped by its pid when the test ends.
package harness
