package node

import "cloudsql/storage/schema"

// What the SQL layer builds its cluster-wide locks on, beside the catalog itself.

// CatalogChanged gives a channel that is closed once this node's Catalog is another one; ask before looking.
func (n *core) CatalogChanged() <-chan struct{} { return n.catalog.Watch() }

// GatewayGone tells whether nothing was heard from a node for so long that what its clients hold is taken from them:
// the same judgement that ends their transactions. A node that has just started itself judges nobody.
func (n *core) GatewayGone(id schema.NodeID) bool { return !n.peers.GatewayAlive(id) }
