package leaseholder

import (
	"context"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// RegisterNear serves reads of the past to nodes that this one's replicas are near to: serve fills a page, whoever holds the lease, and says
// *NotLeaseholder where it can't. Programs that don't have the method refuse the call.
func RegisterNear(reg rpc.Registrar, serve func(ctx context.Context, q *ReadRequest, page *fragment.Page) error) {
	h := newHandlers(nil)
	reg.Handle(methodReadNear, func(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
		return h.answerRead(ctx, req, serve), nil
	})
}

// ReadNear is Read by whatever the node has: its state at q.At, if that is closed there.
func (c *Remote) ReadNear(ctx context.Context, q *ReadRequest, page *fragment.Page) error {
	return c.read(ctx, methodReadNear, q, page)
}
