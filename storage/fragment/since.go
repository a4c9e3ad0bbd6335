package fragment

import "cloudsql/storage/version"

// Since when kinds and effects exist. One that is missing here can't be written.
var (
	kindSince = version.Table{
		Insert: version.V1, InsertIgnore: version.V1, Replace: version.V1, InsertOrUpdate: version.V1,
		Update: version.V1, Delete: version.V1, Put: version.V1, Reindex: version.V1,
		UpdateSequence: version.V2,
	}
	effectSince = version.Table{EffectPut: version.V1, EffectDelete: version.V1, EffectCheck: version.V1}
)

// The bits of the flags byte that V1 knows.
const (
	readFlagsV1  = hasReverse | hasWithKeys | hasFilter | hasEnv | hasAgg | hasProject | hasKeys
	writeFlagsV1 = hasGenerated | hasFilter | hasEnv | hasKeys | hasAutoInc
)

// Since gives the cluster version that all readers of a write must know, by its kind alone.
func (k Kind) Since() version.Version { return kindSince.Since(uint8(k)) }

// Since gives the cluster version that all readers of an effect must know.
func (op EffectOp) Since() version.Version { return effectSince.Since(uint8(op)) }

// checkFlags refuses bits that readers of v don't know.
func checkFlags(flags, v1 byte, v version.Version) error {
	if flags&^v1 == 0 {
		return nil
	}
	return version.Check(version.V2, v, "a fragment with this option")
}
