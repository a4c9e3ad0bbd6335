package shard

import (
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// Since when formats of entries, commands and kinds of proposals exist. One that is missing here can't be written.
var (
	formatSince  = version.Table{FormatPlain: version.V1, FormatLengths: version.V2}
	commandSince = version.Table{
		CommandBatch: version.V1, CommandLease: version.V1, CommandTablet: version.V1, CommandWatermark: version.V1,
		CommandSystem: version.V1, CommandMove: version.V2,
	}
	proposalSince = version.Table{
		ProposalCommit: version.V1, ProposalPrepare: version.V1, ProposalResolve: version.V1, ProposalAbort: version.V1,
		ProposalForget: version.V1, ProposalStage: version.V1,
	}
)

// Since gives the cluster version that all replicas must know.
func (f Format) Since() version.Version { return formatSince.Since(uint8(f)) }

// Since gives the cluster version that all replicas must know.
func (k CommandKind) Since() version.Version { return commandSince.Since(uint8(k)) }

// Since gives the cluster version that all replicas must know, by the proposal's kind alone.
func (k ProposalKind) Since() version.Version { return proposalSince.Since(uint8(k)) }

// CheckEntry is what whoever proposes asks last: do replicas of version v know an entry's format and kind? What is in
// it has been checked when it was encoded. The error is a *version.TooNew.
func CheckEntry(cmd []byte, v version.Version) error {
	if len(cmd) < 2 {
		return wire.ErrCorrupt
	}
	if err := version.Check(Format(cmd[0]).Since(), v, "a log entry of this format"); err != nil {
		return err
	}
	return version.Check(CommandKind(cmd[1]).Since(), v, "a log entry of this kind")
}
