package model

// Shards, as bits.
const (
	a = 1 << iota
	b
	c
)

// both writes in two shards; oneOf locks a row in A and writes in B; in writes in one shard.
var (
	both  = Txn{Locks: a | b, Writes: a | b}
	oneOf = Txn{Locks: a | b, Writes: b}
	three = Txn{Locks: a | b | c, Writes: a | b | c}
)

func in(shard uint8, k Kind) Txn { return Txn{Locks: shard, Writes: shard, Kind: k} }

// Small are the models that every test run walks through to the end, within seconds.
var Small = []Config{
	{Name: "commit", Shards: 2, Txns: []Txn{both}, Failovers: 1, Crashes: 1, Reproposals: 1},
	{Name: "one shard", Shards: 1, Txns: []Txn{in(a, Interactive), in(a, Auto), in(a, AutoWide)}, Failovers: 1,
		Crashes: 7, Reader: SnapshotReader},
	{Name: "one shard, proposed again", Shards: 1, Txns: []Txn{in(a, Interactive), in(a, AutoWide)}, Reproposals: 1,
		Closes: 1, Reader: SnapshotReader},
	{Name: "locked, not written", Shards: 2, Txns: []Txn{oneOf, in(a, Interactive)}, Failovers: 1, Crashes: 1},
	{Name: "newest read", Shards: 2, Txns: []Txn{both}, Failovers: 1, Crashes: 1, Reader: NewestReader},
	{Name: "snapshot read", Shards: 2, Txns: []Txn{both}, Failovers: 1, Reader: SnapshotReader},
	{Name: "records age", Shards: 2, Txns: []Txn{both}, Failovers: 1, Crashes: 1, Ages: 2},
	{Name: "records age, autocommit", Shards: 1, Txns: []Txn{in(a, Auto)}, Failovers: 2, Reproposals: 1, Ages: 2},
	{Name: "records age, one shard", Shards: 1, Txns: []Txn{in(a, Interactive)}, Failovers: 2, Reproposals: 1, Ages: 2},
}

// Large are the models that `make model` walks through to the end, within two minutes.
var Large = []Config{
	{Name: "commit, failovers", Shards: 2, Txns: []Txn{both}, Failovers: 2, HandOvers: 1, Crashes: 1, Reproposals: 1},
	{Name: "one shard, proposed again twice", Shards: 1, Txns: []Txn{in(a, Interactive), in(a, AutoWide)}, Failovers: 1,
		Reproposals: 2, Closes: 1, Reader: SnapshotReader},
	{Name: "two writers of the same rows", Shards: 2, Txns: []Txn{both, both}, Failovers: 1, Crashes: 1},
	{Name: "two writers and a hand-over", Shards: 2, Txns: []Txn{both, both}, HandOvers: 1},
	{Name: "three shards", Shards: 3, Txns: []Txn{three}, Failovers: 1, Crashes: 1},
	{Name: "snapshot read, proposed again", Shards: 2, Txns: []Txn{both}, Failovers: 1, Crashes: 1, Reproposals: 1,
		Reader: SnapshotReader},
	{Name: "snapshot read, timestamps closed", Shards: 2, Txns: []Txn{both}, Failovers: 1, Crashes: 1, Closes: 1,
		Reader: SnapshotReader},
	{Name: "newest read, failovers", Shards: 2, Txns: []Txn{both}, Failovers: 2, HandOvers: 1, Crashes: 1,
		Reader: NewestReader},
	{Name: "beside an autocommit write", Shards: 2, Txns: []Txn{both, in(a, Auto)}, Failovers: 1, Crashes: 1,
		Reader: SnapshotReader},
	{Name: "beside a write of unknown reach", Shards: 2, Txns: []Txn{both, in(a, AutoWide)}, Failovers: 1, Crashes: 1,
		Reproposals: 1},
	{Name: "locked, not written, failovers", Shards: 2, Txns: []Txn{oneOf, in(a, Interactive)}, Failovers: 2, Crashes: 3},
	{Name: "records age, failovers", Shards: 2, Txns: []Txn{both}, Failovers: 1, Crashes: 1, Reproposals: 1, Ages: 3},
	{Name: "records age, autocommit, failovers", Shards: 1, Txns: []Txn{in(a, Auto)}, Failovers: 3, Reproposals: 2, Crashes: 1, Ages: 3},
}

// planted pairs each bug with the smallest model that shows it. inLog says that the rule is one of those that applying a
// log keeps.
var planted = []struct {
	name   string
	finds  error
	inLog  bool
	config Config
}{
	{"a prepare is applied in spite of an abort mark", errLied, true,
		Config{Planted: BugNoMarkCheck, Shards: 2, Txns: []Txn{both}}},
	{"a proposal of an older epoch is applied", errRepeatable, true,
		Config{Planted: BugNoEpochCheck, Shards: 1, Txns: []Txn{in(a, Auto)}, Failovers: 1, Reader: SnapshotReader}},
	{"a decision is forgotten before all have carried it out", errAtomic, false,
		Config{Planted: BugForgetEarly, Shards: 2, Txns: []Txn{both}, Crashes: 1, Ages: 1}},
	{"newest reads don't wait for prepared transactions", errBroken[ruleStale], false,
		Config{Planted: BugNoPreparedWait, Shards: 2, Txns: []Txn{both}, Reader: NewestReader}},
	{"snapshot reads don't wait for prepared transactions", errBroken[ruleStale], false,
		Config{Planted: BugNoPreparedWait, Shards: 2, Txns: []Txn{both}, Reader: SnapshotReader}},
	{"a write is in flight only after its timestamp is known", errRepeatable, false,
		Config{Planted: BugRegisterLate, Shards: 1, Txns: []Txn{in(a, Interactive)}, Reader: SnapshotReader}},
	{"versions are not compared", errBroken[ruleOverwritten], true,
		Config{Planted: BugNoVersionCheck, Shards: 1, Txns: []Txn{in(a, Interactive), in(a, AutoWide)}}},
	{"a new tenure neither locks what is prepared nor does apply look at intents", errBroken[ruleOverwritten], true,
		Config{Planted: BugNoLocksAgain | BugIgnoreIntents, Shards: 2, Txns: []Txn{both, in(b, Interactive)}, Failovers: 1}},
	{"a repeated prepare takes a new timestamp", errTimes, true,
		Config{Planted: BugTakesOverStamp, Shards: 2, Txns: []Txn{both}, Reproposals: 1}},
	{"the closed timestamp passes a prepared transaction", errBroken[ruleClosed], true,
		Config{Planted: BugClosedPasses, Shards: 2, Txns: []Txn{both}, Closes: 1}},
	{"a missing prepare is taken for an abort", errLied, false,
		Config{Planted: BugNoMark, Shards: 2, Txns: []Txn{both}}},
	{"participants commit at timestamps of their own", errTimes, true,
		Config{Planted: BugOwnStamp, Shards: 2, Txns: []Txn{both}}},
	{"what is forgotten is done again", errBroken[ruleTwice], true,
		Config{Planted: BugNoHorizon, Shards: 1, Txns: []Txn{in(a, Auto)}, Failovers: 1, Ages: 1}},
	{"a COMMIT that is forgotten is denied", errLied, true,
		Config{Planted: BugNoHorizon, Shards: 1, Txns: []Txn{in(a, Interactive)}, Ages: 1}},
	{"a reader looks at prepared transactions first", errRepeatable, false,
		Config{Planted: BugRecordsFirst, Shards: 2, Txns: []Txn{both}, Reader: SnapshotReader}},
	{"a repeated proposal hides its first timestamp", errRepeatable, false,
		Config{Planted: BugLaterStamp, Shards: 1, Txns: []Txn{in(a, Auto)}, Reproposals: 1, Reader: SnapshotReader}},
	{"apply writes over intents", errBroken[ruleOverwritten], true,
		Config{Planted: BugIgnoreIntents, Shards: 2, Txns: []Txn{both, in(a, AutoWide)}}},
	{"a prepare outlives its abort mark in the log", errLied, true,
		Config{Planted: BugNoHorizon, Shards: 2, Txns: []Txn{both}, Ages: 1}},
	{"a leg outlives its abort mark at the leaseholder", errLied, false,
		Config{Planted: BugMarkKeepsLeg, Shards: 2, Txns: []Txn{both}, Ages: 1}},
	{"rows that were only locked are free once prepared", errBroken[ruleOverwritten], true,
		Config{Planted: BugChecksFree, Shards: 2, Txns: []Txn{oneOf, in(a, Interactive)}}},
}
