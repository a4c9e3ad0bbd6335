package main

import (
	"fmt"
	"os"
	"strconv"

	clusterversion "cloudsql/storage/version"
)

// testVersionEnv names a cluster version. With it a node behaves as a program that knows none beyond. For tests of
// upgrades; it is no setting.
const testVersionEnv = "CLOUDSQL_TEST_MAX_VERSION"

// testMaxVersion is the version that testVersionEnv names, or 0.
func testMaxVersion() (clusterversion.Version, error) {
	text := os.Getenv(testVersionEnv)
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil || v < uint64(clusterversion.Min) || v > uint64(clusterversion.Max) {
		return 0, fmt.Errorf("%s: %q is no version from %d to %d", testVersionEnv, text, clusterversion.Min, clusterversion.Max)
	}
	return clusterversion.Version(v), nil
}
