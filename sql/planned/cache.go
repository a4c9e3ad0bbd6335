package planned

import (
	"encoding/binary"
	"hash/maphash"

	"cloudsql/planner"
	"cloudsql/planner/plancache"
	"cloudsql/sql"
	"cloudsql/storage/memory"
)

// Cache keeps the plans of text statements for all sessions of the node, by the text without its literals and what
// else a plan depends on but the catalog.
type Cache struct {
	*plancache.Cache[*Plan]
	seed maphash.Seed
}

// cacheShare is the part of the process's memory that plans may take.
const cacheShare = 16

// Init makes an empty cache of so many entries.
func (c *Cache) Init(entries int, process *memory.Account) {
	account := process.NewStore("plan cache", process.Limit()/cacheShare)
	c.seed = maphash.MakeSeed()
	c.Cache = plancache.New[*Plan](entries, account)
	process.OnPressure(c.Clear)
}

const refusalBytes = 64 // of an entry that says that a text is not for caching

// Refuse notes that a text is not for caching.
func (c *Cache) Refuse(key []byte) { c.Put(key, &Plan{Refused: true}, refusalBytes) }

// Settings is the hash of settings, which mostly are those of the statement before.
type Settings struct {
	of  planner.Settings
	sum uint64
}

// Hash gives the hash of settings. Two that share one only push each other's plans out: a plan knows its circumstances.
func (h *Settings) Hash(c *Cache, s planner.Settings) uint64 {
	if h.sum == 0 || h.of != s {
		h.of, h.sum = s, maphash.Comparable(c.seed, s)
	}
	return h.sum
}

// AppendKey appends what a text's plans are kept by: key is the text, kinds are those of its literals.
func AppendKey(dst []byte, settings uint64, account *sql.Account, db string, kinds, key []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, settings)
	dst = append(append(dst, account.User...), '@')
	dst = append(append(dst, account.Host...), 0)
	dst = append(append(dst, db...), 0)
	dst = append(append(dst, kinds...), 0)
	return append(dst, key...)
}
