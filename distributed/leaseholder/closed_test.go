package leaseholder

import (
	"context"
	"encoding/binary"
	"testing"

	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// FuzzClosedUpTo sends any bytes to the handler and reads its answer.
func FuzzClosedUpTo(f *testing.F) {
	f.Add(binary.AppendUvarint(binary.AppendUvarint(nil, 2), 1<<60))
	f.Add([]byte{})
	h := &handlers{find: func(schema.ShardID) Server { return nil }}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := wire.NewReader(h.closedUpTo(context.Background(), data))
		if readReply(d) == nil {
			t.Fatal("there is no replica to promise anything")
		}
		if d.Err() != nil {
			t.Fatal(d.Err())
		}
	})
}
