package shard

import "cloudsql/storage/version"

// Since when commands and kinds of proposals exist. One that is missing here can't be written.
var (
	commandSince = version.Table{
		CommandBatch: version.V1, CommandLease: version.V1, CommandTablet: version.V1, CommandWatermark: version.V1,
		CommandSystem: version.V1,
	}
	proposalSince = version.Table{
		ProposalCommit: version.V1, ProposalPrepare: version.V1, ProposalResolve: version.V1, ProposalAbort: version.V1,
		ProposalForget: version.V1, ProposalStage: version.V1,
	}
)

// Since gives the cluster version that all replicas must know.
func (k CommandKind) Since() version.Version { return commandSince.Since(uint8(k)) }

// Since gives the cluster version that all replicas must know, by the proposal's kind alone.
func (k ProposalKind) Since() version.Version { return proposalSince.Since(uint8(k)) }
