package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/certs"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/credentials"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// joinRequest asks a member to note a new one. Token is drawn by the new node, so that a repeated request finds the
// record of the first.
type joinRequest struct {
	Token    string `json:"token"`
	NodeAddr string `json:"nodeAddr"`
	SQLAddr  string `json:"sqlAddr"`
	HTTPAddr string `json:"httpAddr"`
	Version  string `json:"version"`
	// Can is the newest cluster version that the node can serve; one that says nothing knows V1.
	Can version.Version `json:"can,omitempty"`
	// Key is the node's public key (PKIX), which it wants a certificate for; JoinToken proves that it may.
	Key       []byte `json:"key,omitempty"`
	JoinToken string `json:"joinToken,omitempty"`
}

type joinReply struct {
	Cluster string                   `json:"cluster"`
	Node    schema.NodeID            `json:"node"`
	Peers   map[schema.NodeID]string `json:"peers"`
	Needed  version.Version          `json:"needed,omitempty"` // what the cluster's members must be able to serve
	// Certificate (DER) is the node's, Authority (PEM, with its key) the cluster's. Refused: why there is nothing else.
	Certificate []byte `json:"certificate,omitempty"`
	Authority   []byte `json:"authority,omitempty"`
	Refused     string `json:"refused,omitempty"`
}

// join makes this node a member of an existing cluster.
func (n *Node) join(ctx context.Context) error {
	token, err := n.dir.Begin()
	if err != nil {
		return err
	}
	key, err := certs.NewKey()
	if err != nil {
		return err
	}
	reply, err := n.askToJoin(ctx, token, key)
	if err != nil {
		return err
	}
	if reply.Refused != "" {
		return errors.New(reply.Refused)
	}
	if err := n.fits(reply.Needed); err != nil {
		return err
	}
	id := &datadir.Identity{Format: reply.Needed.Or1(), Cluster: reply.Cluster, Node: reply.Node, Version: Version}
	c, err := id.ClusterID()
	if err != nil {
		return err
	}
	n.setIdentity(c, reply.Node)
	if err := n.credentials.Take(key, reply.Certificate, reply.Authority); err != nil {
		return err
	}
	if err := n.dir.SetPeers(reply.Peers); err != nil {
		return err
	}
	if err := n.openStores(); err != nil {
		return err
	}
	if err := n.dir.Identify(id); err != nil {
		return err
	}
	n.log.Info("joined the cluster", "node", reply.Node, "cluster", reply.Cluster)
	return n.dir.Finish()
}

// askToJoin asks the given members in turn until one has us.
func (n *Node) askToJoin(ctx context.Context, token string, key *certs.Key) (*joinReply, error) {
	q := joinRequest{
		Token: token, Version: Version, Can: n.cfg.MaxVersion, JoinToken: n.cfg.JoinToken,
		NodeAddr: n.NodeAddr(), SQLAddr: n.cfg.SQLAddr, HTTPAddr: n.cfg.HTTPAddr,
	}
	var err error
	if n.cfg.NodeTLS != credentials.Off {
		if q.Key, err = key.Public(); err != nil {
			return nil, err
		}
	}
	req, err := json.Marshal(&q)
	if err != nil {
		return nil, err
	}
	for i := 0; ; i++ {
		addr := n.cfg.Join[i%len(n.cfg.Join)]
		if err := n.credentials.BeGuest(addr); err != nil {
			return nil, err
		}
		attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
		resp, err := n.client.CallAddr(attempt, addr, methodJoin, req)
		cancel()
		if err == nil {
			var reply joinReply
			return &reply, json.Unmarshal(resp, &reply)
		}
		if errors.Is(err, rpc.ErrRefused) || errors.Is(err, certs.ErrStranger) {
			if !n.credentials.Shows() {
				err = fmt.Errorf("%w (from another machine a token is needed, see `cloudsql join-token`)", err)
			}
			return nil, fmt.Errorf("%s does not let this node join: %w", addr, err)
		}
		n.log.Warn("a member could not be asked to join, trying on", "addr", addr, "err", err)
		if err := clock.Sleep(ctx, 500*time.Millisecond); err != nil {
			return nil, fmt.Errorf("joining through %v: %w", n.cfg.Join, err)
		}
	}
}

// handleJoin notes a new member.
func (n *Node) handleJoin(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	var q joinRequest
	if err := json.Unmarshal(req, &q); err != nil {
		return nil, err
	}
	if q.Token == "" || q.NodeAddr == "" {
		return nil, errors.New("a join without a token or an address")
	}
	if err := n.credentials.MayJoin(ctx, q.Key, q.JoinToken); err != nil {
		n.log.Warn("refused to let a node join", "addr", q.NodeAddr, "from", rpc.PeerOf(ctx).Addr, "err", err)
		return json.Marshal(&joinReply{Refused: err.Error()})
	}
	var id schema.NodeID
	err := n.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if need := tx.Snapshot.ClusterVersion().Needed(); q.Can.Or1() < need {
			return fmt.Errorf("%w: the cluster is at %d, the program of the new node (%s) knows up to %d", datadir.ErrVersion, need,
				q.Version, q.Can.Or1())
		}
		for _, m := range tx.Snapshot.Nodes() {
			if m.Token == q.Token {
				id = m.ID
				return nil
			}
			if m.NodeAddr == q.NodeAddr && !m.Left {
				if err := n.mayReturn(tx.Snapshot, m.ID); err != nil {
					return err
				}
				id = m.ID
				tx.Return(&catalog.Node{ID: id, NodeAddr: q.NodeAddr, SQLAddr: q.SQLAddr, HTTPAddr: q.HTTPAddr, Token: q.Token})
				return nil
			}
		}
		id = firstNode + 1
		for _, m := range tx.Snapshot.Nodes() { // those that have left are among them: ids are not used again
			id = max(id, m.ID+1)
		}
		tx.PutNode(&catalog.Node{ID: id, NodeAddr: q.NodeAddr, SQLAddr: q.SQLAddr, HTTPAddr: q.HTTPAddr, Token: q.Token})
		return nil
	})
	if errors.Is(err, datadir.ErrVersion) && q.Can != 0 {
		return json.Marshal(&joinReply{Needed: n.Catalog().ClusterVersion().Needed()}) // it says so itself, and gives up
	}
	if err != nil {
		return nil, err
	}
	n.log.Info("a node joins", "node", id, "addr", q.NodeAddr)
	c := n.ClusterID()
	reply := joinReply{Cluster: hex.EncodeToString(c[:]), Node: id, Peers: map[schema.NodeID]string{}}
	reply.Needed = n.Catalog().ClusterVersion().Needed()
	if reply.Certificate, reply.Authority, err = n.credentials.Admit(id, q.Key); err != nil {
		return nil, err
	}
	for _, m := range n.Catalog().Nodes() {
		if !m.Left {
			reply.Peers[m.ID] = m.NodeAddr
		}
	}
	return json.Marshal(&reply)
}

// mayReturn tells whether a process with an empty directory may take the place of a member that had its address. It
// begins without replicas, and the reconciler replaces those that the member had: so another must have each of them.
func (n *Node) mayReturn(c *catalog.Snapshot, id schema.NodeID) error {
	if _, alive := n.peers.Get(id); alive {
		return fmt.Errorf("node %d has this address and is alive", id)
	}
	for _, sh := range c.Shards() {
		if _, voter := sh.Replicas[id]; voter && len(sh.Replicas) == 1 {
			return fmt.Errorf("node %d, which had this address, has the only replica of shard %d: start it with its own data directory", id, sh.ID)
		}
	}
	n.log.Warn("a member comes back with an empty data directory; it is given new replicas", "node", id)
	return nil
}
