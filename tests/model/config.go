package model

// Config is one model: who does what, what may go wrong, and which rules are broken on purpose.
type Config struct {
	Name   string
	Shards int
	Txns   []Txn
	Reader Reader

	Failovers   int // in all shards together; the leaseholder's memory is lost
	HandOvers   int // planned: open transactions and their locks move along
	Reproposals int // copies of proposals that were presumed lost and are not
	Crashes     int // bits of the transactions whose gateways may die after COMMIT has begun
	Closes      int // times that a closed timestamp rises
	Ages        int // times that an outcome is forgotten for its age

	Planted Bug
	Exact   bool // timestamps keep their numbers: for single runs, whose log is given to real shards
}

// Txn is a transaction: which rows it locks, and which of these it writes, as bits of shards.
type Txn struct {
	Locks, Writes uint8
	Kind          Kind
}

// Kind is how a transaction goes about it.
type Kind uint8

// The kinds.
const (
	Interactive Kind = iota // locks rows exclusively, notes their versions, and commits
	Auto                    // one shard: evaluated when applied, in auto mode
	AutoWide                // likewise, and touches the row without having locked it (REPLACE, ON DUPLICATE KEY UPDATE)
)

// Reader says how the rows are read, one shard after the other.
type Reader uint8

// The readers.
const (
	NoReader Reader = iota
	SnapshotReader
	NewestReader
)

// Bug is a rule of the protocol that is left out, to see that the model notices.
type Bug uint32

// The bugs.
const (
	BugNoMarkCheck    Bug = 1 << iota // a prepare is applied in spite of an abort mark
	BugNoEpochCheck                   // a proposal of an older epoch is applied
	BugForgetEarly                    // a decision's record is forgotten before all participants have carried it out
	BugNoPreparedWait                 // readers don't look at prepared records
	BugRegisterLate                   // a write is registered as in flight after its timestamp was fetched
	BugNoVersionCheck                 // a commit does not compare the versions that were seen
	BugNoLocksAgain                   // a new tenure does not lock what is prepared
	BugTakesOverStamp                 // a repeated prepare overwrites the first one's timestamp
	BugClosedPasses                   // the closed timestamp passes prepared records
	BugNoMark                         // who asks takes a missing prepare for an abort, without an abort mark
	BugOwnStamp                       // a participant commits at its own timestamp instead of the largest
	BugRecordsFirst                   // a reader looks at prepared records before it waits for writes in flight
	BugLaterStamp                     // a repeated proposal hides the first one's timestamp from readers
	BugIgnoreIntents                  // apply writes over intents of others
	BugNoHorizon                      // what may be a repetition of what was forgotten is applied
	BugMarkKeepsLeg                   // an abort mark leaves the leaseholder's workspace alone
	BugChecksFree                     // prepared records hold the rows that were written, not those that were only locked
)

func (c *Config) has(b Bug) bool { return c.Planted&b != 0 }

// single tells whether t is a transaction in one shard, committed by one proposal.
func (c *Config) single(t int) bool { return c.Txns[t].Locks&(c.Txns[t].Locks-1) == 0 }

// in tells whether t has a leg in shard s.
func (c *Config) in(t, s int) bool { return c.Txns[t].Locks>>s&1 == 1 }

// writes tells whether t writes in shard s.
func (c *Config) writes(t, s int) bool { return c.Txns[t].Writes>>s&1 == 1 }

// intentOfOther tells whether a transaction other than t is prepared in a shard and bars t from the row. Those that have
// only locked it do not bar each other.
func (c *Config) intentOfOther(n *state, t, s int) bool {
	for i := range c.Txns {
		if i == t || n.shards[s].legs[i].prepared == 0 {
			continue
		}
		if c.writes(i, s) || c.writes(t, s) && !c.has(BugChecksFree) {
			return true
		}
	}
	return false
}
