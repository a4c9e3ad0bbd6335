package rpc

import "cloudsql/storage/version"

const goldenNewest = int(version.Max)
