package expr

import (
	"runtime"
	"testing"

	"cloudsql/storage/memory"
)

// A large constant that is folded is in memory once, and charged.
func TestLargeFoldedConstants(t *testing.T) {
	const size = 32 << 20
	process := memory.NewProcess(1 << 30)
	var session, statement memory.Account
	session.Open(process, memory.Session, "session", 0)
	statement.Open(&session, memory.Statement, "statement", 0)
	env := testEnv(nil)
	env.Memory = &statement
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := Fold(mustNew(t, "left", mustNew(t, "repeat", NewStr("x"), NewInt(size)), NewInt(size-1)), env)
	runtime.ReadMemStats(&after)
	if c, ok := e.(*Const); !ok || len(c.Val.Raw()) != size-1 {
		t.Fatalf("%T", e)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > size*5/4 {
		t.Errorf("%d bytes were allocated", n)
	}
	if n := process.Used(); n < size || n > size*5/4 {
		t.Errorf("%d bytes are charged", n)
	}
	runtime.KeepAlive(e)
}
