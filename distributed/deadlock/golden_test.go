package deadlock

import (
	"fmt"
	"testing"
	"time"

	"cloudsql/distributed/rpc/rpcgolden"
	"cloudsql/storage/fragment"
)

// TestGoldenReports: what nodes tell the detector.
func TestGoldenReports(t *testing.T) {
	rpcgolden.Check(t, goldenNewest, func(int) []rpcgolden.Message {
		a, b := Owner{ID: fragment.TxnID{1, 2, 3}, Held: 4}, Owner{ID: fragment.TxnID{9}, Held: 500}
		wait := Wait{Ref: Ref{Kind: RowLock, Place: 300, ID: 1 << 33}, Waiter: a, For: []Owner{b, a}, Age: 1500 * time.Millisecond}
		return []rpcgolden.Message{
			{Name: "nothing", Data: AppendReport(nil, nil)},
			{Name: "waits", Data: AppendReport(nil, []Wait{wait, {Ref: wait.Ref, Waiter: b}})},
		}
	}, func(_ string, data []byte) (string, error) {
		waits, err := DecodeReport(data)
		return fmt.Sprintf("%v", waits), err
	})
}
