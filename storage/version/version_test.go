package version

import (
	"errors"
	"testing"

	"cloudsql/storage/mysqlerr"
)

func TestGateOnlyRises(t *testing.T) {
	var none *Gate
	if none.Active() != V1 || (&Gate{}).Active() != V1 || none.Allows(V2) {
		t.Error("a gate that nobody raised is beyond V1")
	}
	g := At(V2)
	if g.Raise(V1); g.Active() != V2 || !g.Allows(V2) || g.Allows(V2+1) {
		t.Errorf("at %d", g.Active())
	}
}

func TestTooNewIsTheClients1235(t *testing.T) {
	if err := Check(0, 0, "x"); err != nil {
		t.Error(err)
	}
	err := Check(V2, V1, "function F")
	tooNew := (*TooNew)(nil)
	if !errors.As(err, &tooNew) || tooNew.Since != V2 || mysqlerr.Code(err) != 1235 {
		t.Errorf("%v", err)
	}
}
