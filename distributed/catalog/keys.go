package catalog

import (
	"strconv"

	"cloudsql/storage/schema"
)

// keysKind is the kind of the records of tables, by their ids, that are to be cut to even out what nodes bear, and have unique keys that hold in
// one tablet only.
const keysKind = "keys"

// KeysJob is such a record: a gateway makes the keys hold over tablets (decision 51), and takes it away. One that can't says why.
type KeysJob struct {
	Failed string `json:"failed,omitempty"`
}

// KeysJobs lists the tables that have one.
func KeysJobs(s *Snapshot) map[schema.TableID]KeysJob {
	list := map[schema.TableID]KeysJob{}
	for _, key := range s.Records(keysKind) {
		var j KeysJob
		if id, err := strconv.ParseUint(key, 10, 64); err == nil && s.Record(keysKind, key, &j) {
			list[schema.TableID(id)] = j
		}
	}
	return list
}

// PutKeysJob sets a table's record; nil takes it away.
func (tx *Tx) PutKeysJob(id schema.TableID, j *KeysJob) {
	if j == nil {
		tx.PutRecord(keysKind, number(id), nil)
	} else {
		tx.PutRecord(keysKind, number(id), *j)
	}
}
