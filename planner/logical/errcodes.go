package logical

// Codes of MySQL 8 that the parser's table lacks.
const (
	errUnresolvedLockTable      = 3568
	errDuplicateTableLock       = 3569
	errDistinctOrder            = 3065
	errRecursiveWithoutUnion    = 3573
	errRecursiveWithoutSeed     = 3574
	errRecursiveWithAggregation = 3575
)
