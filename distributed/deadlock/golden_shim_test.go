package deadlock

import "cloudsql/storage/version"

const goldenNewest = int(version.Max)
