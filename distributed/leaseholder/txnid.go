package leaseholder

import (
	"encoding/binary"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// NewTxnID names a transaction: the gateway's node (4 bytes), when it started (48 bits, Unix milliseconds), and which of
// its transactions this is (48 bits).
func NewTxnID(node schema.NodeID, startMillis int64, n uint64) (id fragment.TxnID) {
	binary.BigEndian.PutUint32(id[:4], uint32(node))
	binary.BigEndian.PutUint64(id[4:12], uint64(startMillis)<<16|n>>32&0xffff)
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

// GatewayOf is the node that a transaction's id was made on.
func GatewayOf(id fragment.TxnID) schema.NodeID {
	return schema.NodeID(binary.BigEndian.Uint32(id[:4]))
}
