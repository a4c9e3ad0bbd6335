package calls

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"cloudsql/storage/schema"
)

// Func answers a call.
type Func = func(ctx context.Context, payload []byte) ([]byte, error)

// Table is a node's calls by name. Safe for concurrent use.
type Table struct{ m sync.Map }

// Register gives a call its name.
func (t *Table) Register(name string, fn Func) { t.m.Store(name, fn) }

// Run runs a call here.
func (t *Table) Run(ctx context.Context, name string, payload []byte) ([]byte, error) {
	fn, ok := t.m.Load(name)
	if !ok {
		return nil, fmt.Errorf("no call %q on this node", name)
	}
	return fn.(Func)(ctx, payload)
}

// Request is what Handle takes at another node.
func Request(name string, payload []byte) []byte {
	req := binary.AppendUvarint(nil, uint64(len(name)))
	return append(append(req, name...), payload...)
}

// Handle answers another node.
func (t *Table) Handle(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	size, k := binary.Uvarint(req)
	if k <= 0 || size > uint64(len(req)-k) {
		return nil, errors.New("a malformed call")
	}
	end := k + int(size)
	return t.Run(ctx, string(req[k:end]), req[end:])
}
