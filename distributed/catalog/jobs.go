package catalog

import (
	"time"

	"cloudsql/storage/schema"
)

// DefinitionJobs is the kind of the records of definitions that are being changed, by the number of their table.
const DefinitionJobs = "ddl"

// DefinitionJob is the record of a change that is at work on a table.
type DefinitionJob struct {
	Owner     string      `json:"owner"` // the gateway that is at work, and its start
	Statement string      `json:"statement"`
	Started   time.Time   `json:"started"`
	State     string      `json:"state,omitempty"`
	RowsDone  uint64      `json:"rowsDone,omitempty"` // of an index build
	Build     *IndexBuild `json:"build,omitempty"`    // not nil: another gateway can go on with it
}

// IndexBuild is all that is left of a change to be done: the rows of the table's version get entries of indexes, then the table has its last version.
type IndexBuild struct {
	Version uint64           `json:"version"` // of the table while its rows are read
	Indexes []schema.IndexID `json:"indexes"` // that are WriteOnly in it
	Last    *schema.Table    `json:"last"`

	// Parts are how far it is in shards; of one that has none, nothing is done.
	Parts []BuildPart `json:"parts,omitempty"`
}

// BuildPart is how far an index build is in a shard: the tablets there that come before this one in the table are done, and of this one the rows up
// to a key.
type BuildPart struct {
	Tablet schema.TabletID `json:"tablet"`
	After  []byte          `json:"after,omitempty"`
}

// DefinitionJobOf is the change that is at work on a table, or was begun and not ended; nil: there is none.
func DefinitionJobOf(s *Snapshot, t schema.TableID) *DefinitionJob {
	job := new(DefinitionJob)
	if !s.Record(DefinitionJobs, number(t), job) {
		return nil
	}
	return job
}

// Defining tells whether a table's definition is being changed, or that was begun and not ended.
func Defining(s *Snapshot, t schema.TableID) bool {
	_, ok := s.records.Get(DefinitionJobs + "/" + number(t))
	return ok
}
